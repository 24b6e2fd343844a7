"""Text from elsewhere, escaped and cut: for log lines, and for people."""

from __future__ import annotations

from collections.abc import Callable, Iterable

__all__ = ["MAX_LOGGED_LENGTH", "error_text", "in_words", "printable", "quoted", "quoted_list"]
__all__ += ["safe_repr", "shown", "type_name"]

MAX_LOGGED_LENGTH = 128


def quoted(value: object) -> str:
    """Give a value as quoted, escaped ASCII of at most `MAX_LOGGED_LENGTH` characters.

    Bytes are read as latin-1.
    """
    if value is None:
        return "(none)"
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    cut = text[:MAX_LOGGED_LENGTH]
    return ascii(cut) + ("..." if len(text) > MAX_LOGGED_LENGTH else "")


def quoted_list(values: Iterable[str]) -> str:
    """Give values as `quoted` does, with commas; those beyond `MAX_LOGGED_LENGTH` are left out."""
    text = ""
    for value in values:
        one = quoted(value)
        if text and len(text) + len(one) > MAX_LOGGED_LENGTH:
            return f"{text}, ..."
        text += f", {one}" if text else one
    return text


def error_text(error: BaseException) -> str:
    """Give an exception's type and text, such as ``"LookupError: 'no such table'"``."""
    try:
        text = str(error)
    except Exception:  # Its text cannot be had; its type says enough.
        return type_name(error)
    return f"{type_name(error)}: {quoted(text)}" if text else type_name(error)


def type_name(value: object) -> str:
    """Give the name of a value's type as escaped ASCII."""
    return ascii(type(value).__name__)[1:-1][:MAX_LOGGED_LENGTH]


def shown(text: str, limit: int = 120) -> str:
    """Give a text on one line, in printable ASCII, cut to some characters."""
    return printable(text, limit, is_allowed=str.isascii)


def printable(text: str, limit: int, *, is_allowed: Callable[[str], bool] = str.isprintable) -> str:
    """Give a text on one line, with escapes for what is not printable, cut to some characters.

    ``is_allowed`` says of a text whether all of its characters may stay.
    """
    kept = text[:limit]
    if not (kept.isprintable() and is_allowed(kept)):
        kept = "".join(
            mark if mark.isprintable() and is_allowed(mark) else ascii(mark)[1:-1] for mark in kept
        )
    return kept if len(text) <= limit else f"{kept}..."


def safe_repr(value: object) -> str:
    """Give ``repr(value)``; the name of its type where that raises, as any object's may."""
    try:
        return repr(value)
    except Exception:
        return f"<{type(value).__name__}>"


def in_words(entries: Iterable[str], limit: int = 8, longest: int = 60) -> str:
    """List entries as a sentence does, ``"a, b and c"``: as many as the limit, then a number."""
    words = [printable(entry, longest) for entry in entries]
    if len(words) > limit:
        words = [*words[: limit - 1], f"{len(words) - limit + 1} more"]
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)
