"""The language of a regular expression, as an automaton that answers questions about all of it.

Trying a few origins shows that an expression is open, never that it is not. Here the expression is
an automaton without empty moves, and a question such as "does it match an http origin outside the
own machine?" is a walk through pairs of states: exact, and bounded by the product of two sizes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

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

MAX_STATES = 2_000
"""States of an automaton before its empty moves are taken out; more is "cannot tell"."""

MAX_PAIRS = 200_000
"""Pairs of states that one question looks at; more is "cannot tell"."""

_NICE = "xabcdefghijklmnopqrstuvwyz0123456789-._:/"

_NICE_FIRST = sorted(range(128), key=lambda each: (chr(each) not in _NICE, _NICE.find(chr(each))))


def bits(number: int) -> Iterator[int]:
    """The positions of the bits that are set."""
    while number:
        low = number & -number
        yield low.bit_length() - 1
        number ^= low


def typical_character(characters: int) -> str:
    """One character of a set, one that reads well if there is one."""
    for character in _NICE:
        if characters >> ord(character) & 1:
            return character
    return chr(next(bits(characters)))


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
        """The states after one more character, which may be any of a set."""
        result = 0
        for state in bits(states):
            if self.reads[state] & characters:
                result |= self.then[state]
        return result

    def backward(self, states: int, characters: int) -> int:
        """The states from which one character, any of a set, leads to some states."""
        result = 0
        for state, then in enumerate(self.then):
            if then & states and self.reads[state] & characters:
                result |= 1 << state
        return result

    def backward_one(self, states: int, character: int) -> int:
        """`backward` for one character by its number; only the states that read it are asked."""
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
        """A shortest string that is in both, or ``None``.

        Raises:
            UnknownSyntax: Too many pairs of states would have to be looked at.
        """
        came_from: dict[tuple[int, int], tuple[int, int] | None] = {
            (mine, its): None for mine in bits(self.start) for its in bits(other.start)
        }
        queue = deque(came_from)
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
            for my_next in bits(self.then[mine]):
                for its_next in bits(other.then[its]):
                    if (my_next, its_next) not in came_from:
                        came_from[my_next, its_next] = pair
                        queue.append((my_next, its_next))
            if len(came_from) > MAX_PAIRS:
                raise UnknownSyntax("too many states")
        return None

    def beyond(self, other: Language) -> str | None:
        """A shortest string that is in this one and not in another, or ``None``.

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
        """Count the strings that are in both, of which the other has a longest one.

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
        """The characters that any of some states reads."""
        characters = 0
        for state in bits(states):
            characters |= self.reads[state]
        return characters


def language(pattern: str | Node, max_states: int = MAX_STATES) -> Language:
    """Return the language of an expression, given as text or as what was read of it.

    Raises:
        UnknownSyntax: It has something unknown, or is too large.
    """
    tree = read_regex(pattern) if isinstance(pattern, str) else pattern
    return _Builder(max_states).build(tree)


class _Builder:
    """Thompson's construction; in the end the empty moves are taken out."""

    def __init__(self, max_states: int) -> None:
        self.max_states = max_states
        # None: the state makes empty moves. 0: it reads a character that no origin has.
        self.reads: list[int | None] = []
        self.moves: list[list[int]] = []
        self.start_only: set[int] = set()
        self.end_only: set[int] = set()

    def build(self, tree: Node) -> Language:
        first = self._new_state()
        final = self._add(tree, first)
        ends = {
            state
            for state in {final, *self.end_only}
            if final in self._empty_moves(state, self.end_only)
        }
        kept = [state for state, reads in enumerate(self.reads) if reads or state in ends]
        bit = {state: 1 << index for index, state in enumerate(kept)}

        def after(state: int, passable: set[int]) -> int:
            reached = self._empty_moves(state, passable)
            return sum(bit[other] for other in reached if other in bit)

        return Language(
            start=after(first, self.start_only),
            end=sum(bit[state] for state in ends),
            reads=[self.reads[state] or 0 for state in kept],
            then=[after(self.moves[state][0], set()) if self.reads[state] else 0 for state in kept],
            tree=tree,
        )

    def _new_state(self) -> int:
        if len(self.moves) >= self.max_states:
            raise UnknownSyntax("too many states")
        self.reads.append(None)
        self.moves.append([])
        return len(self.moves) - 1

    def _add(self, node: Node, state: int) -> int:
        """Add what a node matches after a state; the state where it ends."""
        match node:
            case OneOf(characters=characters):
                return self._step(state, reads=characters)
            case Anchor(is_start=is_start):
                anchor = self._step(state)
                (self.start_only if is_start else self.end_only).add(anchor)
                return self._step(anchor)
            case Sequence(items=items):
                for item in items:
                    state = self._add(item, state)
                return state
            case Alternatives(items=items):
                ends = [self._add(item, self._step(state)) for item in items]
                end = self._new_state()
                for branch_end in ends:
                    self.moves[branch_end].append(end)
                return end
            case Repeat(item=item, least=least, most=most):
                return self._add_repeat(item, least, most, state)

    def _step(self, state: int, reads: int | None = None) -> int:
        if reads is not None:
            # A state either reads one character or makes empty moves.
            state = self._step(state)
            self.reads[state] = reads
        after = self._new_state()
        self.moves[state].append(after)
        return after

    def _add_repeat(self, item: Node, least: int, most: int | None, state: int) -> int:
        for _ in range(least):
            state = self._add(item, self._step(state))
        if most is None:
            loop = self._step(state)
            self.moves[self._add(item, self._step(loop))].append(loop)
            return self._step(loop)
        skipped = []
        for _ in range(most - least):
            skipped.append(state)
            state = self._add(item, self._step(state))
        end = self._step(state)
        for early in skipped:
            self.moves[early].append(end)
        return end

    def _empty_moves(self, state: int, passable: set[int]) -> set[int]:
        """The states that empty moves lead to, through no anchor but the passable ones."""
        found = {state}
        stack = [state]
        while stack:
            at = stack.pop()
            anchored = at in self.start_only or at in self.end_only
            if self.reads[at] is not None or (anchored and at not in passable):
                continue
            for after in self.moves[at]:
                if after not in found:
                    found.add(after)
                    stack.append(after)
        return found
