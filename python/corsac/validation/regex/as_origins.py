"""Regular expressions as entries of ``allow_origins``, where that is possible."""

from __future__ import annotations

import re
from collections.abc import Iterable

from corsac.validation.regex.language import Language, typical_character
from corsac.validation.regex.origin_languages import language_of_entry
from corsac.validation.regex.syntax import (
    Alternatives,
    Anchor,
    Node,
    OneOf,
    Repeat,
    Sequence,
    ascii_set,
)

__all__ = ["added_by", "as_allow_origins"]

_MAX_ENTRIES = 16
"""The largest number of entries that is easier to read than an expression."""

_MAX_SPELLINGS = 64
"""The largest number of spellings of one part of an expression."""

_LETTERS = ascii_set("abcdefghijklmnopqrstuvwxyz")
_DIGITS = ascii_set("0123456789")
_IN_ORIGINS = _LETTERS | _DIGITS | ascii_set("-._:/[]+")

# Stand for "some label characters" and "some digits" in a spelling; no origin has them.
_ANY_LABEL, _ANY_NUMBER = "\x00", "\x01"
_SPELLING = re.compile(
    r"(https?://)(\x00\.)?"
    r"((?:[a-z0-9_-]+\.)*[a-z0-9_-]+|\[[0-9a-f:]+\])"
    r"(?::(?:([1-9][0-9]*)|[\x00\x01]))?"
)


def added_by(entries: Iterable[str], regex: Language) -> str | None:
    """Return an origin that entries allow and an expression does not, or ``None``.

    Raises:
        UnknownSyntax: It cannot be told.
    """
    languages = [language_of_entry(entry, tidy=tidy) for tidy in (True, False) for entry in entries]
    return next(filter(None, (each.beyond(regex) for each in languages)), None)


class _TooManyError(Exception):
    """There are too many spellings."""


def as_allow_origins(tree: Node) -> list[str]:
    """Return entries that match the same origins, or a few more of the same owner.

    ``[a-z0-9-]+[.]example[.]com`` becomes ``*.example.com``, which also takes several labels, and
    ``:[0-9]+`` becomes ``:*``, which also takes no port. The list is empty if that is impossible.
    """
    try:
        spellings = _spell(tree)
    except _TooManyError:
        return []
    entries: dict[str, None] = {}
    for spelling in spellings:
        match = _SPELLING.fullmatch(spelling)
        if match is None:
            return []
        scheme, subdomains, host, port = match.groups()
        if (scheme, port) in {("http://", "80"), ("https://", "443")}:
            continue  # No browser sends it, so nothing is lost.
        end = spelling[-1]
        suffix = f":{port}" if port else ":*" if end in (_ANY_LABEL, _ANY_NUMBER) else ""
        entries[f"{scheme}{'*.' if subdomains else ''}{host}{suffix}"] = None
    listed = [entry for entry in entries if entry.endswith(":*") or f"{entry}:*" not in entries]
    return listed if len(listed) <= _MAX_ENTRIES else []


def _spell(node: Node) -> list[str]:
    match node:
        case OneOf(characters=characters):
            allowed = characters & _IN_ORIGINS
            if allowed.bit_count() != 1:
                # One character of several is neither a whole label nor a whole port.
                raise _TooManyError
            return [typical_character(allowed)]
        case Anchor():
            return [""]
        case Sequence(items=items):
            spellings = [""]
            for item in items:
                spellings = _limited([a + b for a in spellings for b in _spell(item)])
            return spellings
        case Alternatives(items=items):
            return _limited([spelling for item in items for spelling in _spell(item)])
        case Repeat(item=item, least=0, most=1):
            return _limited(["", *_spell(item)])
        case Repeat(item=item, least=least, most=most):
            return _spell_repeated(item, least, most)


def _limited(spellings: list[str]) -> list[str]:
    if len(spellings) > _MAX_SPELLINGS:
        raise _TooManyError
    return spellings


def _spell_repeated(item: Node, least: int, most: int | None) -> list[str]:
    if isinstance(item, OneOf) and most != least:
        if item.characters & _LETTERS == _LETTERS:
            return [_ANY_LABEL]
        if item.characters & _DIGITS == _DIGITS:
            return [_ANY_NUMBER]
    if isinstance(item, OneOf) and item.characters & _IN_ORIGINS == _DIGITS:
        return [_ANY_NUMBER]
    if least != most or least > _MAX_ENTRIES:
        raise _TooManyError
    return _spell(Sequence((item,) * least))
