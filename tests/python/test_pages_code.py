"""The code of pages that does not run: it is of its language, and what it names exists."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

import corsac
from corsac.browser import FetchRequest, simulate
from corsac.browser.transports import asgi_transport
from corsac.cli import _read
from corsac.console import diagnose
from support.pages import BLOCKS, CHECKOUT, Block, blocks_of


async def application(scope: object, receive: object, send: object) -> None:
    """Do nothing."""


def check_toml(block: Block, tmp_path: Path) -> None:
    """It is TOML; as a configuration it may be one that is wrong, but of options that exist."""
    if "tool" in tomllib.loads(block.text):
        return
    file = tmp_path / "corsac.toml"
    file.write_text(block.text)
    problems: Sequence[corsac.CORSConfigProblem] = ()
    try:
        corsac.CORSMiddleware.from_file(application, file)
    except corsac.CORSConfigError as error:
        problems = error.problems
    assert not {problem.code for problem in problems} & {"option.unknown", "option.misplaced"}


def check_shell(block: Block, _: Path) -> None:
    """It is shell, and the commands of Corsac in it have the arguments that they are given."""
    subprocess.run(["bash", "-n"], input=block.text, text=True, check=True)
    for line in block.text.replace("\\\n", " ").splitlines():
        name, *given = shlex.split(re.split(" [|<>] ", line)[0], comments=True) or [""]
        if name == "corsac":
            _read(given)
        if given[:1] == ["console"] and len(given) == 2:
            assert diagnose(given[1]), "a reader who copies the line gets no answer"


def check_nginx(block: Block, _: Path) -> None:
    """Each line begins, ends or is a directive, and what begins ends."""
    depth = 0
    for line in block.text.splitlines():
        written = re.sub(r"\s+#.*|^\s*#.*", "", line).strip()
        assert not written or written[-1] in "{};", line
        depth += written.count("{") - written.count("}")
        assert depth >= 0
    assert depth == 0


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_pages_of_readme_can_read_an_error_that_nginx_answers_itself(method: str) -> None:
    (included,) = (block.text for block in blocks_of("nginx") if "return 204;" in block.text)
    written = re.findall(r"^add_header (\S+) (\S+) always;", included, re.MULTILINE)
    origin = "https://app.example.com"
    maps = {"$cors_origin": origin, "$cors_credentials": "true"}
    headers = [(name.encode(), maps.get(value, value).encode()) for name, value in written]

    async def nginx(scope: Any, receive: Any, send: Any) -> None:
        status = 204 if scope["method"] == "OPTIONS" else 502
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    outcome = simulate(
        FetchRequest(
            "https://api.example.com/notes/1",
            origin,
            method=method,
            headers={"Content-Type": "application/json"},
            credentials="include",
        ),
        asgi_transport(nginx),
    )
    assert outcome.ok, outcome
    assert [sent.method for sent in outcome.sent] == ["OPTIONS", method]


def check_cmake(block: Block, _: Path) -> None:
    """Its lines are those of the example that is built, whatever the target is called."""
    example = (CHECKOUT / "examples" / "cpp" / "CMakeLists.txt").read_text().splitlines()
    built = [re.sub(r"\(\w+ PRIVATE", "(server PRIVATE", line) for line in example]
    assert set(block.text.splitlines()) <= set(built)


CHECKS: dict[str, Callable[[Block, Path], object]] = {
    "cmake": check_cmake,
    "json": lambda block, _: json.loads(block.text),
    "nginx": check_nginx,
    "py": lambda block, _: compile(block.text, str(block), "exec"),
    "sh": check_shell,
    "toml": check_toml,
    "yaml": lambda block, _: list(yaml.safe_load_all(block.text)),
}
# "py" is a program that needs what the tests do not have, or a project around it.
ELSEWHERE = {"diff", "python", "text", "http", "console", "log", "pytb", "mermaid", "js", "html"}
"""Run, compared, drawn or compiled by test_readme.py, the site and tests/browser/test_site.py."""


@pytest.mark.parametrize("block", blocks_of(*CHECKS), ids=str)
def test_code_is_of_its_language(block: Block, tmp_path: Path) -> None:
    CHECKS[block.language](block, tmp_path)


def test_every_language_of_the_pages_is_checked_somewhere() -> None:
    assert {block.language for block in BLOCKS} <= CHECKS.keys() | ELSEWHERE | {"{eval-rst}"}
