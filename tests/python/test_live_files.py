"""Origins that stand in a file: every change of it is seen, whatever else it may be."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from corsac.live import FileSource
from support.sources import WAIT_SECONDS

ONE = "https://one.example"
TWO = "https://two.example"


def write(path: Path, text: str) -> None:
    """Put another file in the place of one, as editors do."""
    other = path.with_suffix(".new")
    other.write_text(text, encoding="utf-8")
    other.replace(path)


def next_change(source: FileSource) -> None:
    """Wait as a follower does, and fail if nothing happens."""
    stopped = threading.Event()
    timer = threading.Timer(WAIT_SECONDS, stopped.set)
    timer.start()
    source.wait(stopped)
    timer.cancel()
    assert not stopped.is_set()


def test_a_file_has_one_entry_in_each_line(tmp_path: Path) -> None:
    path = tmp_path / "origins.txt"
    path.write_text(f"\ufeff# ours\n{ONE}  # a customer\n\n  {TWO}\r\n", encoding="utf-8")
    assert list(FileSource(path).origins()) == [ONE, TWO]


def test_a_file_is_read_again_when_it_is_another_one(tmp_path: Path) -> None:
    path = tmp_path / "origins.txt"
    write(path, ONE)
    source = FileSource(path)
    assert list(source.origins()) == [ONE]
    write(path, f"{ONE}\n{TWO}")  # Before anybody waits.
    next_change(source)
    assert list(source.origins()) == [ONE, TWO]


@pytest.mark.parametrize("change", ["written", "replaced", "truncated", "deleted"])
def test_every_change_of_a_file_is_seen(change: str, tmp_path: Path) -> None:
    path = tmp_path / "origins.txt"
    write(path, ONE)
    source = FileSource(path)
    list(source.origins())
    changes: dict[str, Callable[[], object]] = {
        "written": lambda: path.write_text(f"{ONE}\n{TWO}"),
        "replaced": lambda: write(path, TWO),
        "truncated": lambda: os.truncate(path, 0),
        "deleted": path.unlink,
    }
    waiting = threading.Thread(target=next_change, args=(source,))
    waiting.start()
    changes[change]()
    waiting.join(WAIT_SECONDS)
    assert not waiting.is_alive()


def test_a_file_that_is_not_utf_8_or_not_there_is_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "origins.txt"
    with pytest.raises(FileNotFoundError):
        list(FileSource(path).origins())
    path.write_bytes(b"https://\xff.example")
    with pytest.raises(UnicodeDecodeError):
        list(FileSource(path).origins())


def test_long_lines_of_a_file_are_not_held_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "origins.txt"
    long = "x" * 3_000_000
    path.write_text(f"{ONE} # {long}\n{ONE}{' ' * 9000}{long}\n# {long}\n{TWO}\n{long}")
    first, cut, last, rest = FileSource(path).origins()
    assert (first, last) == (ONE, TWO)
    assert len(cut) == len(rest) == 4096  # As such they are skipped.


def test_what_is_not_a_regular_file_is_a_failure(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(OSError, match=r"not a regular file|Is a directory"):
            list(FileSource(path).origins())


def test_the_name_of_a_file_can_be_printed() -> None:
    assert FileSource(os.fsdecode(b"/var/\xff.txt")).name == "/var/\ufffd.txt"


def test_changes_of_other_files_in_the_folder_are_of_no_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "origins.txt"
    write(path, ONE)
    passed = []

    def watch(folder: Path, **options: Any) -> Iterator[set[Any]]:
        passed.append((folder, options["recursive"]))
        # What watchfiles passes it also logs: a log in this folder would grow for ever.
        passed.append(options["watch_filter"](1, str(tmp_path / "app.log")))
        yield set()
        write(path, TWO)
        passed.append(options["watch_filter"](1, str(path)))
        yield set()

    monkeypatch.setattr("watchfiles.watch", watch)
    source = FileSource(path)
    list(source.origins())
    next_change(source)
    assert passed == [(tmp_path, False), False, True]


@pytest.mark.parametrize("error", [RuntimeError, OSError, PermissionError])
def test_a_file_that_cannot_be_watched_is_looked_at(
    error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "origins.txt"
    write(path, ONE)
    source = FileSource(path)
    list(source.origins())

    def watch(*_: Path, **__: Any) -> Iterator[set[Any]]:
        write(path, TWO)
        raise error("OS file watch limit reached")

    monkeypatch.setattr("watchfiles.watch", watch)
    next_change(source)
    assert list(source.origins()) == [TWO]
