"""README.md and docs/ tell what happens: programs run; outputs, tables and links are true."""

from __future__ import annotations

import ast
import http
import inspect
import itertools
import os
import re
import runpy
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.testclient import TestClient

import corsac
from support.pages import (
    BLOCKS,
    CHECKOUT,
    COMMITTED,
    GENERATED,
    PAGES,
    Block,
    anchors,
    targets,
)

MAX_README_LINES = 250
ALLOWED_ORIGIN = "https://app.example.com"
NOT_OF_PROGRAMS = "docs/reference/probe-transcripts.md"
"""Its outputs are those of commands, and are made together with it."""


def is_server(block: Block) -> bool:
    return "uvicorn.run" in block.text


def programs(*, servers: bool) -> list[Any]:
    """Each program as a test parameter with what it prints."""
    following = [*BLOCKS[1:], Block("", "", "", 0)]
    return [
        pytest.param(
            block,
            after.text if after.language == "text" and after.page == block.page else "",
            id=str(block),
        )
        for block, after in zip(BLOCKS, following, strict=True)
        if block.language == "python" and is_server(block) is servers
    ]


def only(language: str, page: str) -> Block:
    (block,) = [block for block in BLOCKS if (block.language, block.page) == (language, page)]
    return block


def names_in_table(page: str, heading: str) -> list[tuple[str, str]]:
    """The first two cells of each row of the table after a heading; backquotes are taken off."""
    section = PAGES[page].partition(f"# {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", section, re.MULTILINE)
    return [(name, second.strip("` ")) for name, second in rows]


def run_as_file(block: Block, directory: Path) -> dict[str, Any]:
    program = directory / "program.py"
    program.write_text(block.text)
    return runpy.run_path(str(program), run_name="__main__")


def test_each_output_follows_the_program_that_prints_it() -> None:
    shown = [block for block in BLOCKS if block.page != NOT_OF_PROGRAMS]
    before = [a.language for a, b in itertools.pairwise(shown) if b.language == "text"]
    assert before
    assert set(before) == {"python"}


@pytest.mark.parametrize(("block", "output"), programs(servers=False))
def test_a_program_prints_exactly_what_stands_below_it(
    block: Block, output: str, tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text(block.text)
    done = subprocess.run(
        [sys.executable, "-u", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, output)


@pytest.mark.parametrize(("block", "output"), programs(servers=True))
def test_the_served_program_answers_the_curl_command_as_shown(
    block: Block, output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[tuple[Any, int]] = []
    monkeypatch.setattr(uvicorn, "run", lambda app, *, port: served.append((app, port)))
    run_as_file(block, tmp_path)
    ((app, port),) = served
    assert output == ""

    shell = [b.text for b in BLOCKS if b.language == "sh" and b.page == block.page]
    (command,) = [text for text in shell if text.startswith("curl")]
    program, show_head, x, method, url, *rest = shlex.split(command.replace("\\\n", ""))
    assert (program, show_head, x) == ("curl", "-i", "-X")
    assert url.startswith(f"http://localhost:{port}/")
    assert set(rest[::2]) == {"-H"}
    headers = dict(line.split(": ", 1) for line in rest[1::2])

    response = TestClient(app).request(method, url, headers=headers)
    status = f"HTTP/1.1 {response.status_code} {http.HTTPStatus(response.status_code).phrase}"
    lines = [f"{name}: {value}" for name, value in response.headers.multi_items()]
    assert "\n".join([status, *lines, ""]) == only("http", "README.md").text
    assert response.text == ""


def test_the_program_works_for_put_json_cookies_and_500s(tmp_path: Path) -> None:
    (block,) = [block for block in BLOCKS if is_server(block) and block.page == "README.md"]
    program = tmp_path / "api.py"
    program.write_text(block.text)
    app = runpy.run_path(str(program), run_name="api")["app"]
    client = TestClient(app, raise_server_exceptions=False, headers={"Origin": ALLOWED_ORIGIN})
    for number, status in (1, http.HTTPStatus.OK), (2, http.HTTPStatus.INTERNAL_SERVER_ERROR):
        response = client.put(
            f"/notes/{number}", json={"text": "eggs"}, headers={"Cookie": "session=s"}
        )
        assert response.status_code == status
        assert cors_headers(response.headers) == {
            "access-control-allow-origin": ALLOWED_ORIGIN,
            "access-control-allow-credentials": "true",
            "vary": "Origin",
        }
        if number == 1:
            assert response.json() == {"text": "eggs", "session": "s"}


def cors_headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {n: v for n, v in headers.items() if n.startswith("access-control-") or n == "vary"}


def test_the_application_with_added_middleware_answers_an_allowed_origin(tmp_path: Path) -> None:
    (block,) = [block for block in BLOCKS if "app.add_middleware(" in block.text]
    app = run_as_file(block, tmp_path)["app"]
    response = TestClient(app).get("/openapi.json", headers={"Origin": ALLOWED_ORIGIN})
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == ALLOWED_ORIGIN


def test_the_demo_ends_with_the_table_that_is_shown() -> None:
    command = [sys.executable, "-m", "corsac", "demo", "--once", "--port=0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    printed = "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())
    assert only("console", "docs/reference/command-line.md").text in printed


def test_the_table_of_options_has_every_option_and_its_default() -> None:
    options = [
        (name, repr(option.default))
        for name, option in inspect.signature(corsac.CORSPolicy).parameters.items()
    ]
    assert sorted(names_in_table("docs/reference/options.md", "Options")) == sorted(options)


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_to_files_and_headings_that_exist(name: str) -> None:
    for target in targets(name):
        path, _, heading = target.partition("#")
        found = os.path.normpath(Path(name).parent / path) if path else name
        assert found in PAGES or (CHECKOUT / found).exists(), target
        # Who reads the committed pages alone does not have the generated ones.
        assert name in GENERATED or found not in GENERATED, target
        if heading:
            text = PAGES[found] if found in PAGES else (CHECKOUT / found).read_text()
            assert heading in anchors(text), target


def test_readme_is_short_and_every_page_is_reached_from_the_first_one() -> None:
    assert PAGES["README.md"].count("\n") <= MAX_README_LINES
    reached, ahead = set(), ["README.md"]
    while ahead:
        page = ahead.pop()
        reached.add(page)
        linked = {
            os.path.normpath(Path(page).parent / target.partition("#")[0])
            for target in targets(page)
            if not target.startswith("#")
        }
        if page == "README.md":
            assert "docs/index.md" in linked
            linked = {"docs/index.md"}
        ahead += (linked & COMMITTED.keys()) - reached
    assert reached == COMMITTED.keys()


PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]


def test_what_readme_needs_is_what_the_project_says() -> None:
    section = PAGES["README.md"].partition("| it needs | |\n")[2].partition("\n\n")[0]
    needed = dict(re.findall(r"^\| (\w+) \| (.*) \|$", section, re.MULTILINE))
    versions = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert re.findall(r"3\.\d+", needed["Python"].partition(";")[0]) == versions
    assert needed["platform"].startswith("Linux")
    assert any("Linux" in classifier for classifier in PROJECT["classifiers"])
    extras = PROJECT["optional-dependencies"]
    for name in ("Starlette", "FastAPI", "Flask", "Django"):
        ((lowest, left_out),) = re.findall(
            rf"{name} (\d+\.\d+)(?: \(not ([^)]+)\))?", needed["framework"]
        )
        wanted = [f"{name.lower()}>={lowest}", *re.findall(r"[\d.]*\d", left_out)]
        assert ",!=".join(wanted) in extras[name.lower()]


def test_the_command_of_readme_installs_what_its_program_imports() -> None:
    (block,) = [block for block in BLOCKS if is_server(block) and block.page == "README.md"]
    imported = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(block.text))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    extras = PROJECT["optional-dependencies"]
    (asked,) = re.findall(r"^pip install '\./corsac\[(.*)\]'", PAGES["README.md"], re.MULTILINE)
    brought = {
        re.split(r"[^\w-]", entry)[0].replace("-", "_")
        for extra in asked.split(",")
        for entry in extras[extra]
    }
    assert imported - sys.stdlib_module_names <= brought | {"corsac"}
