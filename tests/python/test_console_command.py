"""`corsac console`: what a browser printed, diagnosed at the command line."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from corsac.cli import console as command
from corsac.cli import main
from corsac.console import diagnose

MISSING = (
    "Access to fetch at 'https://api.example.com/x?a=1&b=$(id)' from origin "
    "'https://app.example.com' has been blocked by CORS policy: No 'Access-Control-Allow-Origin' "
    "header is present on the requested resource."
)
MIXED = "Blocked loading mixed active content \u201chttp://api.example.com/\u201d"


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")


def give(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    """Put bytes into standard input."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data), "utf-8"))


def test_a_message_is_explained_with_the_fixes_the_command_and_the_page(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["console", MISSING]) == 1
    output = capsys.readouterr()
    assert output.err == ""
    assert output.out == (
        "Chromium  No Access-Control-Allow-Origin header\n"
        "https://app.example.com -> https://api.example.com/x?a=1&b=$(id)\n"
        "Cause   The answer has no Access-Control-Allow-Origin header.\n"
        "Server  Add https://app.example.com to allow_origins. Put the CORS middleware outermost, "
        "so that\n"
        "        errors have the header too.\n"
        "Page    Nothing that keeps the answer readable. Or fetch a URL of the page's own origin "
        "that a proxy\n"
        "        passes on.\n"
        "See it  corsac probe 'https://api.example.com/x?a=1&b=$(id)' "
        "--origin https://app.example.com\n"
        "Code    missing-allow-origin\n"
        "More    build/docs/html/blocked/missing-allow-origin.html, after make docs in the clone\n"
        "\n"
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_standard_input_and_files_are_read_in_the_encodings_of_shells(
    encoding: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "console.log"
    file.write_bytes(f"noise\r\n{MIXED}\r\n".encode(encoding))
    assert main(["console", "--file", str(file), "--json"]) == 1
    expected = {"diagnoses": [each.as_dict() for each in diagnose(MIXED)], "left_out": 0}
    assert json.loads(capsys.readouterr().out) == expected
    assert expected["diagnoses"][0]["is_cors"] is False  # type: ignore[index]
    for arguments in ([], ["-"]):
        give(monkeypatch, file.read_bytes())
        assert main(["console", *arguments, "--json"]) == 1
        assert json.loads(capsys.readouterr().out) == expected


def test_what_is_not_cors_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["console", MIXED]) == 1
    assert capsys.readouterr().out.startswith("Firefox  not CORS: Mixed content\n")


def test_a_text_without_a_message_has_no_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["console", "Uncaught Error: inside"]) == 3
    assert capsys.readouterr().out == (
        "No message of a browser about CORS, or about another block, was found.\n"
        "Paste the red lines of the console as they are, in English, or run corsac probe.\n"
    )
    assert main(["console", "", "--json"]) == 3
    assert json.loads(capsys.readouterr().out) == {"diagnoses": [], "left_out": 0}


def test_a_log_is_read_in_pieces_of_whole_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "console.log"
    file.write_text(f"{'noise ' * 50}\n{MISSING}\n" * 20 + "x" * 5_000 + f" {MISSING}", "utf-8")
    for size in (1_000, 7_919, 10_000_000):
        monkeypatch.setattr(command, "_CHUNK", size)
        assert main(["console", "--file", str(file), "--json"]) == 1
        (found,) = json.loads(capsys.readouterr().out)["diagnoses"]
        assert found["count"] == 21


def test_bytes_that_are_no_text_and_controls_do_no_harm(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    give(monkeypatch, b"\xff\xfe\xfd\x00" * 99)
    assert main(["console"]) == 3
    give(monkeypatch, MISSING.replace("/x?", "/\x1b[31m\x07?").encode() + b"\xff\x00\x1b[2J")
    capsys.readouterr()
    assert main(["console"]) == 1
    assert "\x1b" not in capsys.readouterr().out


def test_a_file_that_cannot_be_read_and_two_sources_are_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["console", "--file", str(tmp_path / "none")]) == 3
    assert "No such file or directory" in capsys.readouterr().err
    assert main(["console", "--file", str(tmp_path)]) == 3
    assert "Is a directory" in capsys.readouterr().err
    assert main(["console", "--file", "\0"]) == 2
    assert main(["console", "text", "--file", "x"]) == 2
    assert main(["console", "text", "--engine", "safari"]) == 2
