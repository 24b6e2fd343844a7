"""Checks that the core leaves to Python: lists of names, public suffixes, regular expressions.

The core checks the form of each entry. The checks here need tables, or guesses about what the
author meant; they return problems, which `CORSPolicy` adds to those of the core. Modules that few
policies need are imported when one does.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from corsac import _core
from corsac.errors import CORSConfigProblem

if TYPE_CHECKING:
    from corsac.codes import CORSProblemCode

__all__ = [
    "check_lists",
    "check_origin_regex",
    "check_public_suffixes",
    "improve_hints",
    "try_fixes",
]

# Response headers that no page sends. Names that an application may well use in both directions,
# such as x-total-count or x-request-id, are not here.
_RESPONSE_ONLY = (
    "accept-ranges access-control-allow-private-network age alt-svc clear-site-data "
    "content-security-policy content-security-policy-report-only cross-origin-embedder-policy "
    "cross-origin-opener-policy cross-origin-resource-policy etag last-modified location "
    "permissions-policy proxy-authenticate referrer-policy retry-after server server-timing "
    "strict-transport-security timing-allow-origin vary www-authenticate x-content-type-options "
    "x-frame-options x-powered-by x-xss-protection"
)
# Request headers that no server sends. authorization is not here: some answer a sign-in with it.
_REQUEST_ONLY = (
    "accept accept-charset accept-language cookie expect host if-match if-modified-since "
    "if-none-match if-range if-unmodified-since max-forwards proxy-authorization range referer te "
    "upgrade-insecure-requests user-agent x-requested-with"
)


@functools.lru_cache(maxsize=64)  # It takes long, and fixes of other options ask again.
def check_origin_regex(pattern: str, allow_credentials: bool) -> tuple[CORSConfigProblem, ...]:
    """See `allow_origin_regex.check_origin_regex`."""
    from corsac.origins import RegexOrigins  # noqa: PLC0415
    from corsac.validation.regex import allow_origin_regex  # noqa: PLC0415

    regex = RegexOrigins(pattern)
    found = allow_origin_regex.check_origin_regex(
        pattern, lambda origin: regex(origin.encode()), allow_credentials
    )
    return tuple(found)


def try_fixes(
    options: Mapping[str, Any],
    problems: Sequence[CORSConfigProblem],
    check: Callable[[Mapping[str, Any]], Iterable[CORSConfigProblem]],
) -> list[CORSConfigProblem]:
    """See `corsac.validation.fixes.try_fixes`."""
    from corsac.validation import fixes  # noqa: PLC0415

    return fixes.try_fixes(options, problems, check)


def improve_hints(problems: Sequence[CORSConfigProblem]) -> list[CORSConfigProblem]:
    """See `corsac.validation.hints.improve_hints`."""
    if not problems:
        return []
    from corsac.validation import hints  # noqa: PLC0415

    return hints.improve_hints(problems)


def check_public_suffixes(
    allow_origins: Iterable[str], allow_credentials: bool
) -> list[CORSConfigProblem]:
    """Find the patterns that let in everyone who can get a name on a shared suffix.

    An exact origin that is a public suffix itself (``https://github.io``) is fine: its pages are
    the suffix owner's, not those of everyone below. The core refuses malformed entries. Without
    credentials there is nothing to find.
    """
    patterns = [each for each in allow_origins if "://*." in each] if allow_credentials else []
    if not patterns:
        return []
    from corsac.validation import hosts  # noqa: PLC0415

    return hosts.check_patterns(patterns)


def check_lists(options: Mapping[str, Any]) -> list[CORSConfigProblem]:
    """Find entries that are well formed but cannot be what the author means.

    Options that are missing are not checked.
    """
    return [
        *_check_origins(options.get("allow_origins", ())),
        *_check_methods(options.get("allow_methods", ())),
        *_check_headers(
            "allow_headers",
            options.get("allow_headers", ()),
            "header.response_name",
            _RESPONSE_ONLY,
            "this is a response header; allow_headers lists what pages send",
            "move it to expose_headers if pages read it, or remove it",
        ),
        *_check_headers(
            "expose_headers",
            options.get("expose_headers", ()),
            "header.request_name",
            _REQUEST_ONLY,
            "this is a request header; expose_headers lists what pages read",
            "move it to allow_headers if pages send it, or remove it",
        ),
        *_check_max_age(options.get("max_age")),
    ]


def _check_origins(entries: Iterable[str]) -> Iterable[CORSConfigProblem]:
    # A list may have a million entries, so this first look is a cheap one.
    odd = [each for each in entries if "xn--" in each or each[:1] != "h"]
    if not odd:
        return []
    from corsac.validation import origins  # noqa: PLC0415

    return origins.check_odd_origins(odd)


def _check_methods(entries: Sequence[str]) -> Iterator[CORSConfigProblem]:
    # Fetch normalizes the case of these six, but not of PATCH.
    normalized = {"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"}
    names = [entry.upper() if entry.upper() in normalized else entry for entry in entries]
    yield from _find_redundant("method.redundant", "allow_methods", entries, names, set())
    for entry in entries:
        if entry != "PATCH" and entry.upper() == "PATCH":
            yield CORSConfigProblem(
                "method.lowercase_patch",
                "warning",
                "allow_methods",
                entry,
                f"browsers send {entry} as it is written, and servers know PATCH",
                'write "PATCH", and fetch(url, {method: "PATCH"}) in the page',
            )


def _check_headers(  # noqa: PLR0917
    option: str,
    entries: Sequence[str],
    code: CORSProblemCode,
    misplaced: str,
    message: str,
    hint: str,
) -> Iterator[CORSConfigProblem]:
    names = [entry.lower() for entry in entries]
    # Without credentials "*" does not cover authorization.
    beside_any = {"authorization"} if option == "allow_headers" else set()
    yield from _find_redundant("header.redundant", option, entries, names, beside_any)
    for entry, name in zip(entries, names, strict=True):
        if name in misplaced.split():
            yield CORSConfigProblem(code, "warning", option, entry, message, hint)


def _check_max_age(max_age: object) -> Iterator[CORSConfigProblem]:
    if isinstance(max_age, int) and _core.CHROMIUM_MAX_AGE < max_age <= _core.MAX_MAX_AGE:
        yield CORSConfigProblem(
            "max_age.beyond_chromium",
            "info",
            "max_age",
            max_age,
            f"Chromium keeps a preflight answer for {_core.CHROMIUM_MAX_AGE} seconds at most",
            "leave it: other browsers keep it longer, and none is the worse for it",
        )


def _find_redundant(
    code: CORSProblemCode,
    option: str,
    entries: Sequence[str],
    names: Sequence[str],
    beside_any: set[str],
) -> Iterator[CORSConfigProblem]:
    seen: set[str] = set()
    for entry, name in zip(entries, names, strict=True):
        found = None
        if name in seen:
            found = ("it is listed twice", "remove one of them")
        elif "*" in names and name != "*" and name not in beside_any:
            found = ('"*" already covers it', "remove it")
        if found is not None:
            yield CORSConfigProblem(code, "info", option, entry, *found)
        seen.add(name)
