"""Browser extensions: which of them an origin or an expression lets in.

Anyone can publish an extension, and an installed one has no right to a site yet; a policy that lets
every extension in with credentials gives it the user's cookies there. Chromium's ids are hashes of
the publisher's key, so your own can be listed. Firefox and Safari make an id up for each
installation, so that there no extension can be told from any other.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from corsac.errors import CORSProblemCode, Severity
from corsac.validation.regex.language import Language
from corsac.validation.regex.origin_languages import OPAQUE_CHARACTER
from corsac.validation.regex.origin_languages import language as language_of
from corsac.validation.regex.origin_languages import origins as origins_of

__all__ = ["ASK_FOR_A_TOKEN", "MADE_UP", "SAMPLES_OF_IDS", "Finding", "any_extension"]
__all__ += ["any_id_regex", "extensions_let_in"]

MAX_IDS = 2**64
"""So many ids of 32 letters a to p can be hit: trying 2 to the 64 keys finds one of them."""

SAMPLES_OF_IDS = tuple(
    f"chrome-extension://{text}" for text in ("abcdefghijklmnop" * 2, "hgfedcba" * 4, "p" * 32)
)
"""Extensions that have nothing to do with each other."""

Finding = tuple[CORSProblemCode, Severity, str, str]
"""A code, a severity, a message and a hint."""


@dataclass(frozen=True, slots=True)
class _Ids:
    """The ids of one kind of extension.

    Attributes:
        scheme: The scheme of its pages.
        shape: An expression for the ids.
        others: An expression for one character that they never have.
    """

    scheme: str
    shape: str
    others: str = ""


_PUBLISHED = (
    _Ids("chrome-extension", "[a-p]{32}"),  # Edge, Opera and all others of Chromium, too.
    _Ids("ms-browser-extension", "[0-9A-Za-z._-]{1,64}"),  # Edge before it was Chromium.
    _Ids("safari-extension", "[0-9A-Za-z._-]{1,64}"),  # Safari before 2020.
)
_RANDOM = {
    ids.scheme: ids
    for ids in (
        _Ids("moz-extension", "[0-9a-f-]{36}", r"[!\"$-+.;=A-Z_`g-z{}~]"),
        # WebKit keeps the case of an opaque host, and its ids have been of both.
        _Ids("safari-web-extension", "[0-9A-Fa-f-]{36}", r"[!\"$-+.;=G-Z_`g-z{}~]"),
        _Ids("webkit-extension", "[0-9A-Fa-f-]{36}", r"[!\"$-+.;=G-Z_`g-z{}~]"),
    )
}


def any_id_regex(scheme: str) -> str | None:
    """Return the narrowest expression for all extensions of a browser that makes ids up.

    ``None`` if the scheme, such as ``moz-extension``, is not that of such a browser.
    """
    ids = _RANDOM.get(scheme)
    return None if ids is None else f"{scheme}://{ids.shape}"


MADE_UP = "the browser makes such an id up for each installation, so one user has it at most"
ASK_FOR_A_TOKEN = "which is every extension, and ask for a token"  # noqa: S105


def extensions_let_in(
    language: Language, confirmed: Callable[[str], str], allow_credentials: bool
) -> Iterator[Finding]:
    """Find the extensions that a language lets in, and should not or cannot.

    ``confirmed`` gives an origin of the language back, or raises.

    Raises:
        UnknownSyntax: It cannot be told.
    """
    origins = (_one_of_too_many(language, ids) for ids in _PUBLISHED if allow_credentials)
    origin = next(filter(None, origins), None)
    if origin is not None:
        yield any_extension(confirmed(origin))
    for ids in _RANDOM.values():
        origin = language.common(_language(f"{ids.scheme}://{OPAQUE_CHARACTER}+"))
        if origin is None:
            continue
        hint = f"write {ids.scheme}://{ids.shape} for that browser"
        if language.common(origins_of(ids.scheme)) is None:  # It matches nothing else.
            hint = f'write allow_origin_regex=r"{ids.scheme}://{ids.shape}"'
        if _one_of_too_many(language, ids) is None:
            message = f"it matches {confirmed(origin)}, and {MADE_UP}"
            yield "origin.random_extension_id", "warning", message, f"{hint}, {ASK_FOR_A_TOKEN}"
        elif allow_credentials:
            every = "any extension that a user installs could act with the user's cookies"
            severity: Severity = "info"
            message = f"{every}: {ids.scheme} has random ids, so that none can be told from others"
            # What begins with the scheme and is not an id: too short or long, other characters.
            one = OPAQUE_CHARACTER
            others = f"{one}{{1,35}}|{one}{{37,}}|{one}*{ids.others}{one}*"
            origin = language.common(_language(f"{ids.scheme}://(?:{others})"))
            if origin is not None:
                severity = "warning"
                message = f"it matches {confirmed(origin)}, the origin of no extension, and {every}"
            else:
                hint = "ask for a token that only your extension has"
            yield "regex.matches_any_extension", severity, message, hint


def any_extension(example: str) -> Finding:
    """Return the error about an expression that lets any published extension in."""
    return (
        "origin.any_with_credentials",
        "error",
        f"it matches {example} and the like: anyone can publish an extension, which could read "
        "responses and act with the user's cookies",
        "list the ids of your own extensions in allow_origins",
    )


_language = functools.cache(language_of)


def _one_of_too_many(language: Language, ids: _Ids) -> str | None:
    """Return the origin of somebody else's extension; ``None`` if the ids are a list."""
    every = _language(f"{ids.scheme}://{ids.shape}")
    origin = language.common(every)
    return origin if origin and language.count_common(every) >= MAX_IDS else None
