"""Recorded sessions: files that are not HARs, that are huge, or full of odd values."""

from __future__ import annotations

import gzip
import json
import os
import random
import re
from pathlib import Path
from typing import Any

import pytest

from corsac.cli import main
from corsac.har import MAX_DEPTH, HARError, recording, replay
from support.checking import use_empty_directory
from support.hars import ALLOWED, API, APP, JSON, PASSED, POLICY, entry, preflight, write


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use_empty_directory(tmp_path, monkeypatch)
    return tmp_path


BAD = {
    "empty": b"",
    "not JSON": b"hello",
    "a list": b"[]",
    "a number": b"1",
    "another object": b'{"log": {}}',
    "entries of another type": b'{"log": {"entries": {"a": 1}}}',
    "cut": b'{"log": {"entries": [{"request": {"method": "GE',
    "two values": b'{"log": {"entries": []}} {}',
    "binary": bytes(range(256)),
    "not UTF-8": b'{"log": {"entries": [{"pageref": "\xff"}]}}',
    "UTF-16": '{"log": {"entries": []}}'.encode("utf-16"),
    "deep": b'{"log": {"entries": ' + b"[" * 1_000_000,
    "deep objects": b'{"log":' * 1_000_000,
    "a huge number": b'{"log": {"entries": [' + b"1" * 100_000 + b"]}}",
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_a_har_is_a_clear_error(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("bad.har").write_bytes(BAD[name])
    with pytest.raises(HARError, match=r"^it is not "):
        replay("bad.har")
    assert main(["har", "bad.har"]) == 3
    assert capsys.readouterr().err.startswith("corsac har: error: 'bad.har': it is not ")


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (gzip.compress(b'{"log": {"entries": []}}'), "a gzip file: unpack it first (gunzip)"),
        (b"PK\x03\x04", "a zip file: unpack it first"),
        ('{"log": {"entries": []}}'.encode("utf-16"), "in UTF-16: save it as UTF-8"),
        ('{"log": {"entries": []}}'.encode("utf-16-be"), "in UTF-16: save it as UTF-8"),
        ('{"log": {"entries": []}}'.encode("utf-16-le"), "in UTF-16: save it as UTF-8"),
    ],
    ids=["gzip", "zip", "utf-16", "utf-16-be", "utf-16-le"],
)
def test_a_packed_or_otherwise_encoded_har_is_named(start: bytes, words: str) -> None:
    Path("bad.har").write_bytes(start)
    with pytest.raises(HARError, match=re.escape(words)):
        replay("bad.har")


@pytest.mark.parametrize("policy", ["api:app", "json:loads", os.curdir, "api.py", "", "a\0b"])
def test_a_policy_that_is_not_a_toml_file_is_named(
    policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["har", write(), "--policy", policy]) == 3
    message = f"--policy {policy!r} is not a TOML file: write the policy into one (policy.toml)"
    assert capsys.readouterr().err == f"corsac har: error: {message}\n"


def test_limits_are_where_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    def nested(depth: int) -> bytes:
        return b'{"log": {"x": %s, "entries": []}}' % (b"[" * (depth - 2) + b"]" * (depth - 2))

    Path("a.har").write_bytes(nested(MAX_DEPTH))
    assert replay("a.har").entries == 0
    Path("a.har").write_bytes(nested(MAX_DEPTH + 1))
    with pytest.raises(HARError, match="more than 500 values inside of each other"):
        replay("a.har")
    monkeypatch.setattr(recording, "MAX_TEXT_BYTES", 1024 * 1024)
    texts = ['"' + "x" * 900_000 + '"'] * 3 + ['"' + '\\"\\\\' * 100_000 + '"']
    Path("a.har").write_text('{"log": {"x": [' + ",".join(texts) + '], "entries": []}}', "utf-8")
    assert replay("a.har").entries == 0
    for text in ("x" * 1_200_000, '\\"\\\\' * 500_000):
        Path("a.har").write_text('{"log": {"x": ["' + text + '"], "entries": []}}', "utf-8")
        with pytest.raises(HARError, match="a text in it has more than 1 MiB"):
            replay("a.har")


@pytest.mark.parametrize("text", ["x", '\\"'], ids=["plain", "escaped"])
def test_a_long_text_is_read_in_growing_steps(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []
    read = recording._Watched.read

    def counted(stream: recording._Watched, size: int = -1) -> bytes:
        data = read(stream, size)
        steps.append(len(data))
        return data

    monkeypatch.setattr(recording._Watched, "read", counted)
    size = 4 * 1024 * 1024 // len(text)
    one = json.dumps(entry("GET", f"{API}/x", 200, response=[ALLOWED]))
    body = '{"log": {"x": "' + text * size + '", "entries": [' + one + "]}}"
    Path("a.har").write_text(body, "utf-8")
    assert len(replay("a.har").exchanges) == 1
    assert len(steps) < 12
    assert sum(steps) == len(body)


def test_entries_beyond_the_limit_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corsac.har.MAX_ENTRIES", 2)
    path = write(*(entry("GET", f"{API}/{number}", 200) for number in range(3)))
    found = replay(path)
    assert (found.entries, len(found.exchanges), found.left_out) == (3, 2, 1)


def test_values_of_a_wrong_type_at_every_place_do_no_harm() -> None:
    url = f"{API}/x"
    good = [preflight(url, 204, PASSED), entry("PUT", url, 200, JSON, [ALLOWED])]
    whole = {"log": {"version": "1.2", "pages": [{"id": "a", "title": APP}], "entries": good}}
    odd: list[Any] = [
        None,
        True,
        1,
        -1,
        1.5,
        2**62,
        "",
        "\0",
        "x" * 9_000,
        [],
        [[]],
        {},
        {"a": 1},
    ]
    generator = random.Random(1)  # noqa: S311 - to draw cases
    for place in list(_places(whole)):
        changed = json.loads(json.dumps(whole))
        parent = changed
        for key in place[:-1]:
            parent = parent[key]
        parent[place[-1]] = generator.choice(odd)
        Path("odd.har").write_text(json.dumps(changed), "utf-8")
        try:
            replay("odd.har", policy=POLICY).as_dict()
        except HARError as error:
            assert place[:2] in {("log",), ("log", "entries")}, error  # noqa: PT017


def _places(value: Any, before: tuple[Any, ...] = ()) -> Any:
    """Give the way to every value inside of one."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in items:
        yield (*before, key)
        if isinstance(each, dict | list):
            yield from _places(each, (*before, key))


def test_keys_that_stand_twice_and_odd_text_do_no_harm() -> None:
    one = json.dumps(entry("GET", f"{API}/x", 200, response=[ALLOWED]))
    twice = '{"request": {"method": "PUT"}, "response": 1, ' + one[1:]
    Path("odd.har").write_text('{"log": {"entries": [], "entries": [' + twice + "]}}", "utf-8")
    assert replay("odd.har").entries == 1
    path = write(entry("G\x1bET", f"{API}/\x1b[31m", 200), entry("GET", f"{API}/\x1b", 200))
    assert all("\x1b" not in str(each) for each in replay(path).exchanges)
