"""Text from a network or a user, made fit to be shown."""

from __future__ import annotations

__all__ = ["shown"]

_MAX_LENGTH = 120


def shown(text: str, limit: int = _MAX_LENGTH) -> str:
    """The text on one line, in printable ASCII, cut.

    Args:
        text: Anything.
        limit: Characters that are kept at most.
    """
    cut = text[:limit]
    escaped = "".join(
        character if character.isascii() and character.isprintable() else ascii(character)[1:-1]
        for character in cut
    )
    return f"{escaped}..." if len(text) > limit else escaped
