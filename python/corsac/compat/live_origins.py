"""Looking origins up in a list that its owner may change at any time."""

from __future__ import annotations

from collections.abc import Collection

__all__ = ["LiveOrigins"]

MIN_INDEXED = 16
"""Shorter lists are searched from the start, which takes no longer."""


class LiveOrigins:
    """Remembers where in a list each origin stood, and looks there first.

    An origin that is still there is found in the same time however long the list is; for any other
    the whole list is searched, as it is now.
    """

    def __init__(self) -> None:
        self._indexed: tuple[list[str], int, dict[str, int]] | None = None

    def contains(self, origins: Collection[str], origin: str) -> bool:
        """Whether ``origin in origins``, now.

        Args:
            origins: The origins; of anything but a list ``in`` alone is asked.
            origin: One of them, or not.
        """
        if not isinstance(origins, list) or len(origins) < MIN_INDEXED:
            return origin in origins
        indexed = self._indexed
        if indexed is None or indexed[0] is not origins or indexed[1] != len(origins):
            places = {entry: place for place, entry in enumerate(origins)}
            indexed = self._indexed = (origins, len(origins), places)
        place = indexed[2].get(origin)
        # A slice, since the list may have become shorter in another thread.
        if place is not None and origins[place : place + 1] == [origin]:
            return True
        return origin in origins
