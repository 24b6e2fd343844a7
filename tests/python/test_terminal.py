"""What commands write on terminals of any width, with and without colours, and in pipes."""

from __future__ import annotations

import ast
import io
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import corsac
from corsac.cli import main
from corsac.cli.terminal import Output, Progress, write_lines
from support.checking import use_empty_directory, write_module
from support.probed import APP, server
from support.raw_server import answering, http, serving_raw

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
MISSING = answering(lambda request: http(204, f"Access-Control-Allow-Origin: {APP}"))


class Terminal(io.StringIO):
    """A terminal, or a pipe, that keeps what is written."""

    def __init__(self, encoding: str = "utf-8", *, is_terminal: bool = True) -> None:
        super().__init__()
        self._encoding = encoding
        self._is_terminal = is_terminal

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return self._is_terminal

    def write(self, text: str) -> int:
        text.encode(self._encoding)
        return super().write(text)


@pytest.fixture(autouse=True)
def plain_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A terminal of an ordinary kind, whatever the tests run in."""
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "COLORTERM", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    use_empty_directory(tmp_path_factory.mktemp("here"), monkeypatch)


def explained(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> str:
    """Explain something, and give what was written."""
    code = "policy = corsac.CORSPolicy(allow_origins=['https://other.example.com'])"
    monkeypatch.setattr(sys, "stdout", stream)
    options = ["--origin", APP, "--method", "PUT", "--header", "Content-Type:application/json"]
    assert main(["explain", f"{write_module(code)}:policy", *options]) == 1
    return stream.getvalue()


def checked(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> str:
    """Check something, and give what was written."""
    module = write_module(
        "make = lambda: corsac.CORSPolicy(allow_origins=['https://a.test/x', '*.b'])"
    )
    monkeypatch.setattr(sys, "stdout", stream)
    assert main(["check", f"{module}:make()"]) == 1
    return stream.getvalue()


def probed(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> str:
    """Probe a server, and give what was written."""
    monkeypatch.setattr(sys, "stdout", stream)
    options = ["--method", "PUT", "--header", "X-A", "--credentials"]
    with serving_raw(MISSING) as running:
        assert main(["probe", running.url, "--origin", APP, *options]) == 1
    return stream.getvalue()


COMMANDS = [checked, explained, probed]
Command = Callable[[io.StringIO, pytest.MonkeyPatch], str]


@pytest.mark.parametrize("columns", [60, 80])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_terminal_gets_lines_that_are_broken_between_words(
    command: Command, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    narrow = _COLOUR.sub("", command(Terminal(), monkeypatch))
    for line in narrow.splitlines():
        assert len(line) <= columns
        assert line == line.rstrip()
    monkeypatch.setenv("COLUMNS", "1000")
    wide = _COLOUR.sub("", command(Terminal(), monkeypatch))
    words = [re.sub(r":\d+/|checked_\d+", "", text).split() for text in (narrow, wide)]
    assert words[0] == words[1]


@pytest.mark.parametrize(
    ("environment", "is_coloured", "is_bold"),
    [({}, True, True), ({"NO_COLOR": "1"}, False, True), ({"TERM": "dumb"}, False, False)],
)
@pytest.mark.parametrize("command", COMMANDS)
def test_colours_are_for_terminals_that_want_them(
    command: Command,
    environment: dict[str, str],
    is_coloured: bool,
    is_bold: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    written = command(Terminal(), monkeypatch)
    codes = {part for code in _COLOUR.findall(written) for part in code[2:-1].split(";")}
    assert bool(codes - {"0", "1"}) is is_coloured
    assert ("1" in codes) is is_bold


@pytest.mark.parametrize("command", COMMANDS)
def test_a_pipe_gets_no_colours_and_whole_header_lines(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = command(Terminal(is_terminal=False), monkeypatch)
    assert "\x1b" not in written
    assert max(map(len, written.splitlines())) > 70


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_what_a_terminal_cannot_show_becomes_an_escape(encoding: str) -> None:
    stream = Terminal(encoding)
    out = Output(stream)
    out.row("caf\u00e9 ", ("\u4e16\u754c", "bad"))
    out.table([("\u2260", "x")])
    write_lines(["\u2260"], stream)
    assert r"\u4e16\u754c" in stream.getvalue()
    assert stream.getvalue().count(r"\u2260") == 2


def test_a_word_that_is_longer_than_the_terminal_is_kept_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    stream, url = Terminal(), "https://" + "a" * 60
    Output(stream).row("see ", f"the page {url} there")
    assert stream.getvalue() == f"see the page\n    {url}\n    there\n"


def test_what_looks_like_markup_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal(is_terminal=False)
    Output(stream).row("[bold]", ":smile: [/] [red]x[/red] 12")
    assert stream.getvalue() == "[bold]:smile: [/] [red]x[/red] 12\n"


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_progress_is_one_line_of_what_the_terminal_can_show(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    with Progress(stream := Terminal(encoding)) as progress:
        progress.tell("4 of 11 further checks: GET for https://" + "a" * 60)
    lines = re.split(r"[\r\n]", re.sub(r"\x1b\[[^A-Za-z]*[A-Za-z]", "", stream.getvalue()))
    drawn = [line for line in lines if "4 of" in line]
    assert drawn
    assert all(len(line.rstrip()) <= 40 and line.rstrip().endswith("...") for line in drawn)
    assert "aaaa" not in "".join(line for line in lines if line not in drawn)


def test_progress_is_for_terminals_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream, is_shown in ((Terminal(), True), (Terminal(is_terminal=False), False)):
        with Progress(stream) as progress:
            progress.tell("3 of 11 further checks")
        assert ("3 of 11 further checks" in stream.getvalue()) is is_shown
    monkeypatch.setenv("TERM", "dumb")
    with Progress(stream := Terminal()) as progress:
        progress.tell("3 of 11 further checks")
    assert stream.getvalue() == ""


def test_a_right_server_needs_no_more_than_a_terminal_of_60_columns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    with serving_raw(server()) as running:
        assert main(["probe", running.url, "--origin", APP]) == 0
    assert all(len(line) <= 60 for line in _COLOUR.sub("", stream.getvalue()).splitlines())


def test_all_that_commands_write_goes_through_the_one_writer() -> None:
    """But for their errors, which are written where the extra of the writer is missing too."""
    package = Path(corsac.__file__).parent
    calls = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"print", "typer.echo"}
    }
    assert calls == {"cli/__init__.py"}
