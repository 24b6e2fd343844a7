"""Browser extensions: which of them an origin or an expression lets in.

Anyone can publish an extension, and installing it gives it no right to a site yet; a policy that
lets every extension in with credentials gives it the user's cookies there. Chromium's ids are
hashes of the publisher's key, so one's own can be listed. Firefox and Safari make an id up for each
installation, so that there nobody can be told from anybody else.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from corsac.errors import CORSProblemCode, Severity
from corsac.validation.regex.language import Language
from corsac.validation.regex.origin_languages import OPAQUE_CHARACTER
from corsac.validation.regex.origin_languages import language as language_of
from corsac.validation.regex.origin_languages import origins as origins_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["MADE_UP", "SAMPLES_OF_IDS", "any_id_regex", "extensions_let_in"]

MAX_IDS = 2**64
"""As many ids of 32 letters a to p can be hit: who tries 2 to the 64 keys gets one of them."""

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


def extensions_let_in(
    language: Language, confirmed: Callable[[str], str], allow_credentials: bool
) -> Iterator[Finding]:
    """Find the extensions that a language lets in, and should not or cannot.

    ``confirmed`` gives an origin back that the language has, or raises.

    Raises:
        UnknownSyntax: It cannot be told.
    """
    origins = (_one_of_too_many(language, ids) for ids in _PUBLISHED if allow_credentials)
    origin = next(filter(None, origins), None)
    if origin is not None:
        yield (
            "origin.any_with_credentials",
            "error",
            f"it matches {confirmed(origin)} and the like: anyone can publish an extension, which "
            "could read responses and act with the user's cookies",
            "list the ids of your own extensions in allow_origins",
        )
    for ids in _RANDOM.values():
        origin = language.common(_any_of(ids.scheme))
        if origin is None:
            continue
        if _one_of_too_many(language, ids) is None:
            yield (
                "origin.random_extension_id",
                "warning",
                f"it matches {confirmed(origin)}, and {MADE_UP}",
                f"{_hint(language, ids)}, which is every extension, and ask for a token",
            )
        elif allow_credentials:
            yield _any_extension(language, confirmed, ids)


MADE_UP = "the browser makes such an id up for each installation, so one user has it at most"


def _any_extension(language: Language, confirmed: Callable[[str], str], ids: _Ids) -> Finding:
    every = "any extension that a user installs could act with the user's cookies"
    origin = language.common(_no_ids_of(ids))
    if origin is not None:
        message = f"it matches {confirmed(origin)}, the origin of no extension, and {every}"
        return "regex.matches_any_extension", "warning", message, _hint(language, ids)
    return (
        "regex.matches_any_extension",
        "info",
        f"{every}: {ids.scheme} has random ids, so that none can be told from others",
        "ask for a token that only your extension has",
    )


def _one_of_too_many(language: Language, ids: _Ids) -> str | None:
    """The origin of an extension that somebody else has, or ``None`` if the ids are a list."""
    every = _extensions(ids)
    origin = language.common(every)
    if origin is None or language.count_common(every) < MAX_IDS:
        return None
    return origin


def _hint(language: Language, ids: _Ids) -> str:
    expression = any_id_regex(ids.scheme)
    if language.common(origins_of(ids.scheme)) is None:
        return f'write allow_origin_regex=r"{expression}"'
    return f"write {expression} for that browser"


@functools.cache
def _extensions(ids: _Ids) -> Language:
    return language_of(f"{ids.scheme}://{ids.shape}")


@functools.cache
def _any_of(scheme: str) -> Language:
    return language_of(f"{scheme}://{OPAQUE_CHARACTER}+")


@functools.cache
def _no_ids_of(ids: _Ids) -> Language:
    """What begins with the scheme and is no id: shorter, longer, or with other characters."""
    one = OPAQUE_CHARACTER
    hosts = f"{one}{{1,35}}|{one}{{37,}}|{one}*{ids.others}{one}*"
    return language_of(f"{ids.scheme}://(?:{hosts})")
