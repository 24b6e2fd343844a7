"""Which entries of a recording belong together: a request, its preflight request, its redirects."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from corsac._text import printable
from corsac.har.entries import is_preflight, may_be_stored
from corsac.har.recording import Entry
from corsac.har.scripts import fit

__all__ = ["Group", "Groups", "Place"]

_LOOK_AHEAD = 100  # Entries of one URL that are looked at for one that belongs to another.


@dataclass(slots=True, eq=False)
class Place:
    """One URL that an exchange came to, and what was recorded there."""

    identity: str
    actual: Entry | None = None
    preflight: Entry | None = None


@dataclass(slots=True, eq=False)
class Group:
    """The entries of one exchange: of its URL, then of those that redirects lead to."""

    origin: str
    places: list[Place]
    notes: list[str] = field(default_factory=list)

    @property
    def actual(self) -> Entry | None:
        """The entry of the request that the page made."""
        return self.places[0].actual

    @property
    def preflight(self) -> Entry | None:
        """The entry of its preflight request."""
        return self.places[0].preflight

    @property
    def first(self) -> Entry:
        """The entry that says most of the request."""
        entry = self.actual or self.preflight
        assert entry is not None, "a group has an entry"  # noqa: S101 - by construction
        return entry

    @property
    def method(self) -> str:
        """The method that the page asked for."""
        if self.actual is not None:
            return self.actual.method
        return self.first.header("access-control-request-method") or "GET"

    @property
    def used(self) -> list[Entry]:
        """All of its entries."""
        entries = (each for place in self.places for each in (place.preflight, place.actual))
        return [each for each in entries if each is not None]


class Groups:
    """The entries of one recording that CORS is about, each in one exchange.

    Of others, with the origins of their pages, the answers may have been stored.
    """

    def __init__(
        self,
        entries: list[tuple[Entry, frozenset[str]]],
        others: list[tuple[Entry, str | None]],
    ) -> None:
        self._entries = entries
        self._origins = {entry.number: origins for entry, origins in entries}
        self._by_identity: dict[str, deque[Entry]] = {}
        self._stored: dict[str, list[tuple[Entry, frozenset[str]]]] = {}
        self._is_used: set[int] = set()
        for entry, _ in entries:
            self._by_identity.setdefault(entry.identity, deque()).append(entry)
        known = [(entry, frozenset({origin})) for entry, origin in others if origin]
        for entry, origins in sorted([*entries, *known], key=lambda each: each[0].number):
            if may_be_stored(entry):
                self._stored.setdefault(entry.identity, []).append((entry, origins))

    def __iter__(self) -> Iterator[Group]:
        """Give the exchanges in the order of the file; redirects take entries in between."""
        for entry, _ in self._entries:
            if entry.number not in self._is_used:
                yield self._group(entry)

    def stored(self, entry: Entry, origin: str) -> Entry | None:
        """Find the answer that a browser had in its cache when a server answered 304."""
        answers = self._stored.get(entry.identity, [])
        end = bisect_left(answers, entry.number, key=lambda each: each[0].number)
        earlier = reversed(answers[max(0, end - _LOOK_AHEAD) : end])
        return next((each for each, origins in earlier if origin in origins), None)

    def _group(self, entry: Entry) -> Group:
        origins = self._origins[entry.number]
        place = Place(entry.identity)
        if is_preflight(entry):
            place.preflight = entry
            method = entry.header("access-control-request-method")
            place.actual = self.take_actual(place, origins, method)
        else:
            place.actual = entry
            possible = self._without_request(entry) if len(origins) > 1 else origins
            place.preflight = self.take_preflight(place, possible, entry.method)
        group = Group("", [place])
        self._is_used.update(each.number for each in group.used)
        possible = frozenset.intersection(*(self._origins[each.number] for each in group.used))
        group.origin = min(possible)
        if len(possible) > 1:
            group.notes.append(
                f"the page's origin was not recorded; {len(possible)} ask for this URL: "
                f"{printable(group.origin, 200)} is one of them"
            )
        return group

    def _without_request(self, entry: Entry) -> frozenset[str]:
        """Give the origins an entry may be of whose preflight requests wait for such a request.

        If all have one, it may be of any.
        """
        others = [
            self._origins[each.number]
            for each in islice(self._by_identity[entry.identity], _LOOK_AHEAD)
            if each.number not in self._is_used
            and not is_preflight(each)
            and each.method == entry.method
        ]
        taken = frozenset().union(*(each for each in others if len(each) == 1))
        return self._origins[entry.number] - taken or self._origins[entry.number]

    def take_actual(self, place: Place, origins: frozenset[str], method: str) -> Entry | None:
        """Find a request of a place's URL that no exchange has yet, and that may be of an origin.

        Those that fit the preflight request come before those that may, then those that are known
        to be of the origin before those that may be of others, too; then the first.
        """

        def rank(entry: Entry) -> int:
            if is_preflight(entry) or entry.method != method:
                return 0
            return 2 if place.preflight is None else fit(place.preflight, entry)

        return self._take(place.identity, origins, rank)

    def take_preflight(self, place: Place, origins: frozenset[str], method: str) -> Entry | None:
        """Find a preflight request for the request of a place in the same way."""

        def rank(entry: Entry) -> int:
            asked = entry.header("access-control-request-method")
            if not is_preflight(entry) or asked not in {method, ""}:
                return 0
            return 2 if place.actual is None else fit(entry, place.actual)

        return self._take(place.identity, origins, rank)

    def _take(
        self, identity: str, origins: frozenset[str], rank: Callable[[Entry], int]
    ) -> Entry | None:
        waiting = self._by_identity.get(identity)
        while waiting and waiting[0].number in self._is_used:
            waiting.popleft()
        found: Entry | None = None
        best = 0
        for each in islice(waiting or (), _LOOK_AHEAD):
            possible = self._origins[each.number]
            if each.number in self._is_used or possible.isdisjoint(origins):
                continue
            fits = rank(each)
            is_surer = fits == best and found is not None and possible < self._origins[found.number]
            if fits > best or is_surer:
                found, best = each, fits
        if found is not None:
            self._is_used.add(found.number)
        return found
