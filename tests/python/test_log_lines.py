"""Every line that Corsac logs begins with ``CORS:``: a search for the word finds them all."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import corsac
from corsac._text import MAX_LOGGED_LENGTH, error_text, quoted, quoted_list

PACKAGE = Path(corsac.__file__).parent
LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}


def logged_formats(source: str) -> Iterator[str | None]:
    """The first argument of each call of a logger; ``None`` if it is not a literal."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        owner = ast.unparse(node.func.value)
        if node.func.attr not in LEVELS or "logger" not in owner.lower():
            continue
        formats = node.args[1:2] if node.func.attr == "log" else node.args[:1]
        (text,) = formats
        is_text = isinstance(text, ast.Constant) and isinstance(text.value, str)
        yield str(text.value) if is_text else None  # type: ignore[attr-defined]


FILES = [
    path
    for path in sorted(PACKAGE.rglob("*.py"))
    if any(True for _ in logged_formats(path.read_text()))
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_line_begins_with_the_word_that_is_searched_for(path: Path) -> None:
    formats = list(logged_formats(path.read_text()))
    assert [text for text in formats if text is None or not text.startswith("CORS: ")] == []


def test_there_are_lines_at_all() -> None:
    assert len(FILES) >= 6


def test_a_value_is_quoted_escaped_and_cut() -> None:
    assert quoted(b"a\r\n\xff") == r"'a\r\n\xff'"
    assert quoted("x" * MAX_LOGGED_LENGTH) == f"'{'x' * MAX_LOGGED_LENGTH}'"
    assert quoted("x" * (MAX_LOGGED_LENGTH + 1)) == f"'{'x' * MAX_LOGGED_LENGTH}'..."
    assert quoted(None) == "(none)"


def test_a_list_of_values_is_cut_between_them() -> None:
    assert quoted_list([]) == ""
    assert quoted_list(["a", "b\n"]) == r"'a', 'b\n'"
    cut = quoted_list(f"x-{number}" for number in range(1000))
    assert cut.endswith("', ...")
    assert len(cut) <= MAX_LOGGED_LENGTH + 10


def test_an_exception_has_its_type_and_text_whatever_that_does() -> None:
    class OddError(Exception):
        def __str__(self) -> str:
            raise self

    assert error_text(LookupError("no\nsuch table")) == r"LookupError: 'no\nsuch table'"
    assert error_text(ValueError()) == "ValueError"
    assert error_text(OddError()) == "OddError"
    assert len(error_text(ValueError("x" * 10_000))) < 2 * MAX_LOGGED_LENGTH
