"""The closed list of problem codes: what is emitted, what it means, and the page that says so."""

from __future__ import annotations

import ast
import itertools
import re
import runpy
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

import corsac
from corsac.codes import CORSProblemCode, Severity, code_tables, meaning

CHECKOUT = Path(__file__).parents[2]
PACKAGE = CHECKOUT / "python" / "corsac"
CODES = frozenset(get_args(CORSProblemCode))
OF_OTHER_LISTS = ("cli/probe/", "codes.py")
"""The findings of a probe are no problems of a configuration."""


def core_codes() -> dict[str, str]:
    """The codes in the core's table, with their severities."""
    text = (CHECKOUT / "cpp" / "src" / "config_problem.cpp").read_text(encoding="utf-8")
    rows = re.findall(r'CodeRow\{ProblemCode::\w+,\s*"([a-z_.]+)",\s*Severity::k(\w+)', text)
    return {code: severity.lower() for code, severity in rows}


def modules() -> Iterator[ast.Module]:
    for path in PACKAGE.rglob("*.py"):
        if not path.relative_to(PACKAGE).as_posix().startswith(OF_OTHER_LISTS):
            yield ast.parse(path.read_text(encoding="utf-8"))


def test_the_list_is_sorted_and_the_data_says_of_each_code_once_what_it_means() -> None:
    codes = [code for table in code_tables().values() for code in table]
    assert list(get_args(CORSProblemCode)) == sorted(codes)
    assert all(re.fullmatch(r"[^|\n]+\.", meaning(code)) for code in codes)


def test_the_page_of_errors_has_the_tables_that_are_made_of_the_data() -> None:
    page = (CHECKOUT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    generator = runpy.run_path(str(CHECKOUT / "docs" / "error_tables.py"))
    assert generator["with_tables"](page) == page
    assert all(generator["table"](table) in page for table in code_tables().values())


def test_a_code_that_no_problem_has_does_not_have_a_meaning() -> None:
    with pytest.raises(KeyError, match=r"origin\.other"):
        meaning("origin.other")  # type: ignore[arg-type]


def test_every_code_in_the_list_is_emitted_somewhere() -> None:
    texts = {
        node.value
        for module in modules()
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert CODES - texts - core_codes().keys() == set()


def test_every_code_that_is_emitted_is_in_the_list() -> None:
    """`mypy` holds every other way to make a problem to the list."""
    assert core_codes().keys() <= CODES
    topics = {code.partition(".")[0] for code in CODES}
    for module in modules():
        for call in (node for node in ast.walk(module) if isinstance(node, ast.Call)):
            name = getattr(call.func, "id", getattr(call.func, "attr", ""))
            first = call.args[0] if call.args else None
            if not isinstance(first, ast.Constant) or not isinstance(first.value, str):
                continue
            topic, dot, rest = first.value.partition(".")
            looks_like_one = topic in topics and re.fullmatch("[a-z_]+", rest) is not None
            if name == "CORSConfigProblem" or (dot and looks_like_one):
                assert first.value in CODES


def test_every_severity_is_one_that_the_list_gives() -> None:
    seen: defaultdict[str, set[str]] = defaultdict(set)
    for code, severity in core_codes().items():
        seen[code].add(severity)
    severities = get_args(Severity)
    for module in modules():
        for call in (node for node in ast.walk(module) if isinstance(node, ast.Call)):
            values = [str(arg.value) for arg in call.args if isinstance(arg, ast.Constant)]
            for code, severity in itertools.pairwise(values):
                if code in CODES and severity in severities:
                    seen[code].add(severity)
    listed: dict[str, set[str]] = {
        code: set(severity.split(" or "))
        for table in code_tables().values()
        for code, (severity, _) in table.items()
    }
    assert {code: found for code, found in seen.items() if not found <= listed[code]} == {}


def test_a_problem_has_a_code_of_the_list() -> None:
    (problem,) = corsac.CORSPolicy().problems
    assert problem.code in CODES
