"""The closed list of problem codes: what is emitted, what it means, and the page that says so."""

from __future__ import annotations

import ast
import itertools
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import corsac
from corsac._core import TOLERABLE_CODES
from corsac.codes import CORSProblemCode, Severity
from support.error_page import code_tables

CHECKOUT = Path(__file__).parents[2]
PACKAGE = CHECKOUT / "python" / "corsac"
CODES = frozenset(get_args(CORSProblemCode))
OF_OTHER_LISTS = ("cli/probe/", "codes.py")
"""The findings of a probe are no problems of a configuration."""
TOLERABLE = ", can be tolerated"


def core_codes() -> dict[str, str]:
    """The codes in the core's table, with their severities."""
    text = (CHECKOUT / "cpp" / "src" / "config_problem.cpp").read_text(encoding="utf-8")
    rows = re.findall(r'CodeRow\{ProblemCode::\w+,\s*"([a-z_.]+)",\s*Severity::k(\w+)', text)
    return {code: severity.lower() for code, severity in rows}


def modules() -> Iterator[ast.Module]:
    for path in PACKAGE.rglob("*.py"):
        if not path.relative_to(PACKAGE).as_posix().startswith(OF_OTHER_LISTS):
            yield ast.parse(path.read_text(encoding="utf-8"))


def test_the_list_is_sorted_and_the_page_of_errors_says_what_each_code_means() -> None:
    rows = [row for table in code_tables() for row in table.items()]
    assert list(get_args(CORSProblemCode)) == sorted(code for code, _ in rows)
    assert all(meaning.endswith(".") for _, (_, meaning) in rows)
    tolerable = {code for code, (severity, _) in rows if severity.endswith(TOLERABLE)}
    assert tolerable == TOLERABLE_CODES


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
    listed = {
        code: set(severity.removesuffix(TOLERABLE).split(" or "))
        for table in code_tables()
        for code, (severity, _) in table.items()
    }
    assert {code: found for code, found in seen.items() if not found <= listed[code]} == {}


def test_a_problem_has_a_code_of_the_list() -> None:
    (problem,) = corsac.CORSPolicy().problems
    assert problem.code in CODES
