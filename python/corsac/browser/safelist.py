"""Which request headers a page may not send to another origin unasked, in each engine.

https://fetch.spec.whatwg.org/#cors-unsafe-request-header-names
"""

from __future__ import annotations

import re

from corsac import _core
from corsac._headers import Lines
from corsac.browser.profiles import Profile

__all__ = ["UNSAFE_VALUE", "lines_to_ask_for"]

UNSAFE_VALUE = b"?" * 129
"""Longer than any safelisted value may be, so that nothing judges it otherwise."""

_RANGE = re.compile(rb"bytes=([0-9]+)-([0-9]+)?")


def lines_to_ask_for(headers: Lines, profile: Profile) -> Lines:
    """Give one line for every name that a preflight has to ask for, in the order of asking.

    Its value is one that is unsafe wherever it stands.
    """
    if profile.joins_lines_before_measuring:
        headers = _joined(headers)
    if profile.limits_sum_of_safelisted_values:
        judged = [(name, _as_standard(name, value, profile)) for name, value in headers]
        names = _core.browser_unsafe_request_header_names(judged, profile.name)
    else:
        names = [name.lower() for name, value in headers if _is_unsafe(name, value, profile)]
    if not profile.repeats_requested_names:
        names = list(set(names))
    return [(name, UNSAFE_VALUE) for name in sorted(names)]


def _is_unsafe(name: bytes, value: bytes, profile: Profile) -> bool:
    line = (name, _as_standard(name, value, profile))
    return bool(_core.browser_unsafe_request_header_names([line], profile.name))


def _as_standard(name: bytes, value: bytes, profile: Profile) -> bytes:
    """Give a value that the standard judges as the engine does this one."""
    lower = name.lower().decode("latin-1")
    unsafe = profile.unsafe_in_values.get(lower)
    if unsafe is not None and unsafe.search(value):
        return UNSAFE_VALUE
    if lower == "range":
        return _range_as_standard(value, profile)
    return value


def _range_as_standard(value: bytes, profile: Profile) -> bytes:
    found = (profile.range_syntax or _RANGE).fullmatch(value)
    if found is None or len(value) >= len(UNSAFE_VALUE):
        return value
    start, end = found.groups(b"")
    limit = profile.range_limit
    if limit is not None and (int(start) >= limit or int(end or b"0") >= limit):
        return UNSAFE_VALUE
    return b"bytes=%s-%s" % (start, end)


def _joined(headers: Lines) -> Lines:
    """Put all lines of a name in one, where the first of them was."""
    values: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        values.setdefault(name.lower(), []).append(value)
    return [(name, b", ".join(parts)) for name, parts in values.items()]
