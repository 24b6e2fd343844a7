"""The language of a regular expression, as an automaton that answers questions about all of it.

Trying a few origins may show that an expression is open, but never that it is not. Here it becomes
an automaton without empty moves, and a question such as "does it match an http origin of another
machine?" is a walk through pairs of states: exact, and bounded by the product of two sizes.
"""

from __future__ import annotations

import functools
import operator
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from corsac.validation.regex.syntax import (
    Alternatives,
    Anchor,
    Node,
    OneOf,
    Repeat,
    Sequence,
    UnknownSyntax,
    read_regex,
)

__all__ = ["Language", "bits", "language", "typical_character"]

MAX_STATES = 1_000
"""States of an automaton, one for each character that an expression has; more is "cannot tell"."""

MAX_TRANSITIONS = 100_000
"""Steps in which an automaton is made; more is "cannot tell".

Each transition counts, also one that is there already, and each part that is put together, also an
empty one: ``(?:(?:){700}){700}`` has no states, and half a million parts. So one limit bounds the
time to make an automaton, and the transitions that questions follow.
"""

MAX_PAIRS = 200_000
"""Pairs of states that one question looks at; more is "cannot tell"."""

MAX_LOOKS = 5_000_000
"""Transitions that one search for a common string follows; more is "cannot tell"."""

_NICE = "xabcdefghijklmnopqrstuvwyz0123456789-._:/"

_NICE_FIRST = sorted(range(128), key=lambda each: (chr(each) not in _NICE, _NICE.find(chr(each))))


def bits(number: int) -> Iterator[int]:
    """Yield the positions of the bits that are set."""
    while number:
        low = number & -number
        yield low.bit_length() - 1
        number ^= low


def typical_character(characters: int) -> str:
    """Return one character of a set, one that reads well if it has one."""
    return chr(next(each for each in _NICE_FIRST if characters >> each & 1))


class Language:
    """All the strings but the empty one that an expression matches as a whole.

    A set of states is an integer with their bits. A state reads one character out of
    ``reads[state]`` and goes on to each of ``then[state]``; the states of `end` read nothing.

    Attributes:
        start: The states before the first character.
        end: The states that say "this is a match".
        reads: For each state, the characters that it reads.
        then: For each state, the states that may come next.
        tree: The expression as it was read.
    """

    def __init__(self, start: int, end: int, reads: list[int], then: list[int], tree: Node) -> None:
        self.start, self.end, self.reads, self.then, self.tree = start, end, reads, then, tree
        # By character, the states that read it.
        self._readers = [
            [state for state, characters in enumerate(reads) if characters >> character & 1]
            for character in range(128)
        ]

    def forward(self, states: int, characters: int) -> int:
        """Return the states after one more character, any of a set."""
        result = 0
        for state in bits(states):
            if self.reads[state] & characters:
                result |= self.then[state]
        return result

    def backward(self, states: int, characters: int) -> int:
        """Return the states from which one character, any of a set, leads to some states."""
        result = 0
        for state, then in enumerate(self.then):
            if then & states and self.reads[state] & characters:
                result |= 1 << state
        return result

    def backward_one(self, states: int, character: int) -> int:
        """Do as `backward` does for one character, faster: by the states that read it."""
        result = 0
        for state in self._readers[character]:
            if self.then[state] & states:
                result |= 1 << state
        return result

    def __contains__(self, text: str) -> bool:
        states = self.start
        for character in text:
            if ord(character) > 127:
                return False
            states = self.forward(states, 1 << ord(character))
        return bool(states & self.end)

    def common(self, other: Language) -> str | None:
        """Return a shortest string that is in both, or ``None``.

        Raises:
            UnknownSyntax: Too many pairs of states would have to be looked at.
        """
        came_from: dict[tuple[int, int], tuple[int, int] | None] = {
            (mine, its): None for mine in bits(self.start) for its in bits(other.start)
        }
        queue = deque(came_from)
        # By own state, the other's states that make a pair with it.
        met = dict.fromkeys(bits(self.start), other.start)
        looks = 0
        while queue:
            pair = queue.popleft()
            mine, its = pair
            if not self.reads[mine] & other.reads[its]:
                continue
            if self.then[mine] & self.end and other.then[its] & other.end:
                text = ""
                at: tuple[int, int] | None = pair
                while at is not None:
                    text = typical_character(self.reads[at[0]] & other.reads[at[1]]) + text
                    at = came_from[at]
                return text
            looks += self.then[mine].bit_count()
            for my_next in bits(self.then[mine]):
                known = met.get(my_next, 0)
                new = other.then[its] & ~known
                if new:
                    met[my_next] = known | new
                for its_next in bits(new):
                    came_from[my_next, its_next] = pair
                    queue.append((my_next, its_next))
            if len(came_from) > MAX_PAIRS or looks > MAX_LOOKS:
                raise UnknownSyntax("too many states")
        return None

    def beyond(self, other: Language) -> str | None:
        """Return a shortest string that is in this one and not in another, or ``None``.

        Raises:
            UnknownSyntax: Too many pairs of states would have to be looked at.
        """
        # Where one own state may be, any of a set of the other's states may be.
        texts = {(state, other.start): "" for state in bits(self.start)}
        queue = deque(texts)
        while queue:
            state, its = queue.popleft()
            reads = self.reads[state]
            for character in (each for each in _NICE_FIRST if reads >> each & 1):
                after = other.forward(its, 1 << character)
                text = texts[state, its] + chr(character)
                if self.then[state] & self.end and not after & other.end:
                    return text
                for then in bits(self.then[state]):
                    if (then, after) not in texts:
                        texts[then, after] = text
                        queue.append((then, after))
            if len(texts) > MAX_PAIRS:
                raise UnknownSyntax("too many states")
        return None

    def count_common(self, other: Language) -> int:
        """Count the strings that are in both; those of the other are of limited length.

        Raises:
            UnknownSyntax: Too many cases would have to be looked at.
        """
        found = looked = 0
        # Sets of states, so that no string is counted twice.
        heads = {(self.start, other.start): 1}
        while heads:
            following: dict[tuple[int, int], int] = {}
            for (mine, its), count in heads.items():
                for character in bits(self._read_by(mine) & other._read_by(its)):
                    one = 1 << character
                    pair = self.forward(mine, one), other.forward(its, one)
                    following[pair] = following.get(pair, 0) + count
                    looked += 1
            if looked > MAX_PAIRS:
                raise UnknownSyntax("too many states")
            found += sum(
                count
                for (mine, its), count in following.items()
                if mine & self.end and its & other.end
            )
            heads = following
        return found

    def _read_by(self, states: int) -> int:
        """Return the characters that any of some states reads."""
        return functools.reduce(operator.or_, (self.reads[state] for state in bits(states)), 0)


def language(pattern: str | Node, max_states: int = MAX_STATES) -> Language:
    """Return the language of an expression, given as text or as what was read of it.

    Raises:
        UnknownSyntax: It has something unknown, or is too large.
    """
    tree = read_regex(pattern) if isinstance(pattern, str) else pattern
    builder = _Builder(max_states)
    whole = builder.add(tree)
    final = 1 << len(builder.reads)
    for state in bits(whole.last_at_end):
        builder.then[state] |= final
    return Language(whole.first_at_start, final, [*builder.reads, 0], [*builder.then, 0], tree)


_INSIDE, _AT_START, _AT_END, _AT_BOTH = 1, 2, 4, 8
_ANYWHERE = _INSIDE | _AT_START | _AT_END | _AT_BOTH


@dataclass(frozen=True, slots=True)
class _Part:
    """What a part of an expression matches, where in a text.

    Attributes:
        first: The states that read its first character.
        first_at_start: Those at the start of the text.
        last: The states that read its last character.
        last_at_end: Those at the end of the text.
        empty: Where it matches the empty string too.
    """

    first: int = 0
    first_at_start: int = 0
    last: int = 0
    last_at_end: int = 0
    empty: int = _ANYWHERE


class _Builder:
    """Glushkov's construction: a state for each character, and no empty moves."""

    def __init__(self, max_states: int) -> None:
        self.max_states = max_states
        self.steps_left = MAX_TRANSITIONS
        self.reads: list[int] = []
        self.then: list[int] = []

    def _count(self, steps: int) -> None:
        self.steps_left -= steps
        if self.steps_left < 0:
            raise UnknownSyntax("too many states")

    def add(self, node: Node) -> _Part:
        self._count(1)
        match node:
            case OneOf(characters=characters):
                if len(self.reads) >= self.max_states:
                    raise UnknownSyntax("too many states")
                state = 1 << len(self.reads)
                self.reads.append(characters)
                self.then.append(0)
                return _Part(state, state, state, state, empty=0)
            case Anchor(is_start=is_start):
                return _Part(empty=_AT_BOTH | (_AT_START if is_start else _AT_END))
            case Sequence(items=items):
                return functools.reduce(self._join, map(self.add, items), _Part())
            case Alternatives(items=items):
                return functools.reduce(_either, map(self.add, items), _Part(empty=0))
            case Repeat(item=item, least=least, most=most):
                return self._add_repeat(item, least, most)

    def _lead(self, last: int, first: int) -> None:
        """Have each state of the ones lead to each of the others."""
        self._count(last.bit_count() * first.bit_count())
        for state in bits(last):
            self.then[state] |= first

    def _join(self, one: _Part, other: _Part) -> _Part:
        self._lead(one.last, other.first)
        return _Part(
            one.first | (other.first if one.empty & _INSIDE else 0),
            one.first_at_start | (other.first_at_start if one.empty & _AT_START else 0),
            other.last | (one.last if other.empty & _INSIDE else 0),
            other.last_at_end | (one.last_at_end if other.empty & _AT_END else 0),
            one.empty & other.empty,
        )

    def _add_repeat(self, item: Node, least: int, most: int | None) -> _Part:
        copies = [self.add(item) for _ in range(max(least, 1) if most is None else most)]
        result = _Part()
        if most is None:
            self._lead(copies[-1].last, copies[-1].first)
        # From the last to the first, so that few states end what is joined.
        for place in reversed(range(len(copies))):
            result = self._join(copies[place], result)
            if place >= least:
                result = _either(result, _Part())
        return result


def _either(one: _Part, other: _Part) -> _Part:
    return _Part(
        one.first | other.first,
        one.first_at_start | other.first_at_start,
        one.last | other.last,
        one.last_at_end | other.last_at_end,
        one.empty | other.empty,
    )
