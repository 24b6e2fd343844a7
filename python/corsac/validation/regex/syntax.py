"""A reader of regular expressions in RE2's syntax.

An origin is printable ASCII, so a class of characters is the set of its ASCII characters, as the
bits of an integer. What the reader does not know for certain (Unicode classes, word boundaries)
raises `UnknownSyntax`; it never guesses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Alternatives", "Anchor", "Node", "OneOf", "Repeat", "Sequence", "UnknownSyntax"]
__all__ += ["ascii_set", "read_regex"]

_MAX_DEPTH = 40
"""Groups within groups: more than people write, and less than Python's stack holds."""


class UnknownSyntax(Exception):  # noqa: N818 - the name is the reason, and it is caught at once
    """The expression has something whose meaning this reader does not know."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """One character out of a set; `dot` is its place in the text if it was written ``.``."""

    characters: int
    dot: int | None = None


@dataclass(frozen=True, slots=True)
class Sequence:
    """One thing after the other."""

    items: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Alternatives:
    """One of several."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """The same thing `least` to `most` times; ``None`` is without end."""

    item: Node
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class Anchor:
    """``^`` or ``$``: an origin has no line breaks, so these mean its start and its end."""

    is_start: bool


Node = OneOf | Sequence | Alternatives | Repeat | Anchor


def ascii_set(characters: Iterable[str]) -> int:
    """Return the set of some ASCII characters; others are left out."""
    return sum(1 << number for number in {*map(ord, characters)} if number < 128)


def _span(first: str, last: str) -> int:
    return ascii_set(map(chr, range(ord(first), min(ord(last), 127) + 1)))


_ALL = (1 << 128) - 1
_NEW_LINE = ascii_set("\n")
_LOWER, _UPPER, _DIGIT = _span("a", "z"), _span("A", "Z"), _span("0", "9")
_WORD = _LOWER | _UPPER | _DIGIT | ascii_set("_")
_SPACE = ascii_set("\t\n\f\r ")
_PUNCTUATION = _span("!", "/") | _span(":", "@") | _span("[", "`") | _span("{", "~")
_CLASS_ESCAPES = {
    "d": _DIGIT,
    "D": _ALL ^ _DIGIT,
    "w": _WORD,
    "W": _ALL ^ _WORD,
    "s": _SPACE,
    "S": _ALL ^ _SPACE,
    "C": _ALL,
}
_POSIX = {
    "alnum": _LOWER | _UPPER | _DIGIT,
    "alpha": _LOWER | _UPPER,
    "ascii": _ALL,
    "blank": ascii_set(" \t"),
    "digit": _DIGIT,
    "graph": _span("!", "~"),
    "lower": _LOWER,
    "print": _span(" ", "~"),
    "punct": _PUNCTUATION,
    "space": _SPACE | ascii_set("\v"),
    "upper": _UPPER,
    "word": _WORD,
    "xdigit": _DIGIT | _span("a", "f") | _span("A", "F"),
}
_CHARACTER_ESCAPES = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}

_REPEAT = re.compile(r"(?:([*+?])|\{(\d+)(?:(,)(\d*))?\})\??")
_GROUP = re.compile(r"\(\?(?:P?<\w+>|([imsU]*)(?:-([imsU]+))?([:)]))")
_HEXADECIMAL = re.compile(r"\\x(?:\{([0-9A-Fa-f]+)\}|([0-9A-Fa-f]{2}))")
_OCTAL = re.compile(r"\\(0[0-7]{0,2}|[1-7][0-7]{1,2})")
_POSIX_CLASS = re.compile(r"\[:(\^?)([a-z]+):\]")


def read_regex(pattern: str) -> Node:
    """Return the tree of an expression that RE2 has accepted.

    Raises:
        UnknownSyntax: It has something that this reader does not know.
    """
    reader = _Reader(pattern)
    node = reader.read_alternatives(0)
    if reader.at < len(pattern):
        raise UnknownSyntax(pattern[reader.at :])
    return node


class _Reader:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.ignores_case = False
        self.dot_matches_new_line = False

    def read_alternatives(self, depth: int) -> Node:
        if depth > _MAX_DEPTH:
            raise UnknownSyntax("groups nested too deeply")
        ignores_case, dot_matches_new_line = self.ignores_case, self.dot_matches_new_line
        branches = [self._read_sequence(depth)]
        while self._take("|"):
            branches.append(self._read_sequence(depth))
        self.ignores_case, self.dot_matches_new_line = ignores_case, dot_matches_new_line
        return branches[0] if len(branches) == 1 else Alternatives(tuple(branches))

    def _take(self, text: str) -> bool:
        if not self.pattern.startswith(text, self.at):
            return False
        self.at += len(text)
        return True

    def _read_sequence(self, depth: int) -> Node:
        items: list[Node] = []
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            if self._take(r"\Q"):
                end = self.pattern.find(r"\E", self.at)
                end = len(self.pattern) if end < 0 else end
                items += [self._character(character) for character in self.pattern[self.at : end]]
                self.at = end
                self._take(r"\E")
                if _REPEAT.match(self.pattern, self.at):
                    raise UnknownSyntax("a repetition of quoted text")
                continue
            item = self._read_item(depth)
            if item is not None:
                items.append(self._read_repeat(item))
        return items[0] if len(items) == 1 else Sequence(tuple(items))

    def _read_repeat(self, item: Node) -> Node:
        match = _REPEAT.match(self.pattern, self.at)
        if match is None:
            return item
        self.at = match.end()
        if isinstance(item, OneOf):
            # A repeated dot is a wildcard that somebody meant.
            item = OneOf(item.characters)
        sign, least, comma, most = match.groups()
        if sign:
            return Repeat(item, int(sign == "+"), 1 if sign == "?" else None)
        if not comma:
            return Repeat(item, int(least), int(least))
        return Repeat(item, int(least), int(most) if most else None)

    def _read_item(self, depth: int) -> Node | None:
        """Read the next item; return ``None`` if it only sets a flag."""
        character = self.pattern[self.at]
        if character == "(":
            return self._read_group(depth)
        if character == "[":
            return OneOf(self._read_class())
        if character == "\\":
            is_start = self._take(r"\A")
            is_anchor = is_start or self._take(r"\z")
            return Anchor(is_start) if is_anchor else OneOf(self._read_escaped_set())
        self.at += 1
        if character == ".":
            return OneOf(_ALL if self.dot_matches_new_line else _ALL ^ _NEW_LINE, dot=self.at - 1)
        if character in "^$":
            return Anchor(character == "^")
        return self._character(character)

    def _character(self, character: str) -> OneOf:
        return OneOf(self._fold(ascii_set(character)))

    def _fold(self, characters: int) -> int:
        if not self.ignores_case:
            return characters
        distance = ord("a") - ord("A")
        return characters | (characters & _UPPER) << distance | (characters & _LOWER) >> distance

    def _read_group(self, depth: int) -> Node | None:
        flags = self.ignores_case, self.dot_matches_new_line
        if not self.pattern.startswith("(?", self.at):
            self.at += 1
        else:
            match = _GROUP.match(self.pattern, self.at)
            if match is None:
                raise UnknownSyntax(self.pattern[self.at :])
            self.at = match.end()
            on, off, end = match.groups()
            # (?m) makes ^ and $ match at line breaks, of which an origin has none; (?U) swaps
            # greedy and lazy, which makes no difference to what matches.
            on, off = on or "", off or ""
            self.ignores_case = (self.ignores_case or "i" in on) and "i" not in off
            self.dot_matches_new_line = (flags[1] or "s" in on) and "s" not in off
            if end == ")":
                return None
        node = self.read_alternatives(depth + 1)
        self.ignores_case, self.dot_matches_new_line = flags
        if not self._take(")"):
            raise UnknownSyntax("a group without its end")
        return node

    def _read_escaped_set(self) -> int:
        for expression, base in ((_HEXADECIMAL, 16), (_OCTAL, 8)):
            if match := expression.match(self.pattern, self.at):
                self.at = match.end()
                number = int(next(filter(None, match.groups())), base)
                return self._fold(ascii_set(chr(number)) if number < 128 else 0)
        character = self.pattern[self.at + 1 : self.at + 2]
        self.at += 2
        if character in _CLASS_ESCAPES:
            return _CLASS_ESCAPES[character]
        if character in _CHARACTER_ESCAPES:
            return 1 << _CHARACTER_ESCAPES[character]
        if character and ascii_set(character) & _PUNCTUATION:
            return ascii_set(character)
        raise UnknownSyntax(f"\\{character}")

    def _read_class(self) -> int:
        self.at += 1
        negated = self._take("^")
        characters = 0
        first = True
        while first or not self._take("]"):
            first = False
            if self.at >= len(self.pattern):
                raise UnknownSyntax("a class without its end")
            characters |= self._read_class_member()
        characters = self._fold(characters)
        return _ALL ^ characters if negated else characters

    def _read_class_member(self) -> int:
        if match := _POSIX_CLASS.match(self.pattern, self.at):
            self.at = match.end()
            if match[2] not in _POSIX:
                raise UnknownSyntax(match[0])
            return _ALL ^ _POSIX[match[2]] if match[1] else _POSIX[match[2]]
        low, is_one = self._read_class_character()
        rest = self.pattern[self.at : self.at + 2]
        if not is_one or len(rest) < 2 or rest[0] != "-" or rest[1] == "]":
            return low
        self.at += 1
        high, _ = self._read_class_character()
        # A character beyond ASCII is the empty set: such a range starts or ends outside.
        first = low.bit_length() - 1 if low else 128
        last = high.bit_length() - 1 if high else 127
        return ascii_set(map(chr, range(first, last + 1)))

    def _read_class_character(self) -> tuple[int, bool]:
        character = self.pattern[self.at]
        if character != "\\":
            self.at += 1
            return ascii_set(character), True
        is_one = self.pattern[self.at + 1 : self.at + 2] not in _CLASS_ESCAPES
        ignores_case, self.ignores_case = self.ignores_case, False
        characters = self._read_escaped_set()
        self.ignores_case = ignores_case
        return characters, is_one
