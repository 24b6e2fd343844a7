"""The program that compares the core with the reference model: that it compares something."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import pytest

import model


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """The program silences the log of its process."""
    logger = logging.getLogger("corsac")
    level = logger.level
    yield
    logger.setLevel(level)


@pytest.mark.parametrize("count", ["0", "-1", "some"])
def test_no_answers_to_compare_are_an_error(count: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        model.main(["--count", count])
    assert ended.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert f"--count: this is how many answers are compared, not '{count}'" in printed.err


def test_what_was_compared_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert model.main(["--count", "1", "--processes", "1", "--seed", "7"]) == 0
    seed, *_, last = capsys.readouterr().out.splitlines()
    assert seed == "seed 7"
    found = re.match(r"([0-9]+) answers of ([0-9]+) configurations, none differs", last)
    assert found, last
    assert int(found[1]) >= 1
