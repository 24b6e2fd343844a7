"""How far a regular expression for origins reaches: the public suffixes that it opens to anyone.

An expression opens a suffix such as ``vercel.app`` if the name directly below is free, in whole
(``.*``) or in part (``my-app-.*``): somebody else can get a name that matches. A few names spelled
out, ``(my-app|my-docs)``, open nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from corsac.validation.regex.language import Language, bits
from corsac.validation.regex.syntax import UnknownSyntax, ascii_set

__all__ = ["Openings", "openings"]

_SPELLED_OUT = 4
"""Choices for one character that count as spelled out, such as ``[12]``; more leave it free."""

_LISTED_SUFFIXES = 64
"""Suffixes for one and the same name that count as a list; ``[a-z]+`` gives hundreds."""

MAX_WORK = 3_000_000
"""Looks at a state during one scan, well under a second; more is "cannot tell"."""

_NAME = ascii_set("abcdefghijklmnopqrstuvwxyz0123456789-")
_LABEL = _NAME | ascii_set("_")
_NUMBER = ascii_set("0123456789")
_DOTS = ascii_set(".")
_DOT, _COLON = ord("."), ord(":")


@dataclass(frozen=True, slots=True)
class Openings:
    """The suffixes below which somebody else can get a matching name.

    Attributes:
        suffixes: The public suffixes, the most general ones first.
        is_name_free: Whether the name below them is free to choose. If not, one name matches below
            more suffixes than one owner registers it in.
    """

    suffixes: tuple[str, ...]
    is_name_free: bool


def openings(language: Language, rules: Iterable[str]) -> Openings:
    """Return the public suffixes below which somebody else can get a name that matches.

    The rules are those of the public suffix list, ``*.ck`` among them.

    Raises:
        UnknownSyntax: Too many different cases would have to be looked at.
    """
    return _Reach(language).openings(rules)


class _Reach:
    """Walks from both ends of an origin towards the name below the suffix."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.work_left = MAX_WORK
        name_starts = self._states_where_a_label_starts()
        self.before_name = _closure(name_starts, _LABEL, language.forward)
        self.steps: dict[tuple[int, int], int] = {}
        self._look = functools.cache(self._look_once)

    def openings(self, rules: Iterable[str]) -> Openings:
        host_ends = self._states_where_the_host_ends()
        free: list[str] = []
        fixed: list[str] = []
        for rule in rules:
            states = host_ends
            for character in reversed(rule.removeprefix("*.")):
                states = self._back(states, ord(character))
                if not states:
                    break
            states = self._back(states, _DOT) if states else 0
            if not states:
                continue
            is_possible, is_free = self._look(states)
            if rule.startswith("*."):
                # Names are given one level further down; the level between is free to choose too.
                inner = self._back(_closure(states, _LABEL, self._backward), _DOT)
                is_free = is_free or self._look(inner)[1]
            if is_free:
                free.append(rule)
            elif is_possible:
                fixed.append(rule)
        found = free or (fixed if len(fixed) > _LISTED_SUFFIXES else [])
        found.sort(key=lambda suffix: (suffix.count("."), len(suffix), suffix))
        return Openings(tuple(found), is_name_free=bool(free))

    def _states_where_a_label_starts(self) -> int:
        """Return the states after the scheme, and after each dot of a host."""
        states = self.language.start
        for character in "http://":
            if character == ":":
                states |= self.language.forward(states, ascii_set("s"))
            states = self.language.forward(states, ascii_set(character))
        inside = _closure(states, _LABEL | _DOTS, self.language.forward)
        return states | self.language.forward(inside, _DOTS)

    def _states_where_the_host_ends(self) -> int:
        """Return the states before the end or a port, and before a dot at the host's end."""
        ends = self.language.end
        digits = _closure(self._backward(ends, _NUMBER), _NUMBER, self._backward)
        ends |= self.language.backward_one(digits, _COLON)
        return ends | self.language.backward_one(ends, _DOT)

    def _backward(self, states: int, characters: int) -> int:
        self._work(len(self.language.reads))
        return self.language.backward(states, characters)

    def _back(self, states: int, character: int) -> int:
        """Go one character of the host back."""
        key = states, character
        if key not in self.steps:
            self._work(len(self.language.reads))
            self.steps[key] = self.language.backward_one(states, character) & self.before_name
        return self.steps[key]

    def _work(self, amount: int) -> None:
        self.work_left -= amount
        if self.work_left < 0:
            raise UnknownSyntax("it has too many cases")

    def _look_once(self, ends: int) -> tuple[bool, bool]:
        """Return whether a name can end before some states, and whether it is free to choose."""
        inside = _closure(self._backward(ends, _NAME), _NAME, self._backward) & self.before_name
        reads, then = self.language.reads, self.language.then
        if any((reads[state] & _NAME).bit_count() > _SPELLED_OUT for state in bits(inside)):
            return True, True
        # Take away states that nothing follows, again and again: those that are left loop.
        left = inside
        while True:
            more = sum(1 << state for state in bits(left) if then[state] & left)
            if more == left:
                return bool(inside), bool(left)
            left = more


def _closure(states: int, characters: int, move: Callable[[int, int], int]) -> int:
    """Return the states that any number of characters of a set lead to; the given ones too."""
    while (more := states | move(states, characters)) != states:
        states = more
    return states
