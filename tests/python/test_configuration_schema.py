"""The JSON Schema of the configuration file says what the reader says about names and types."""

from __future__ import annotations

import importlib.resources
import json
import runpy
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import corsac
from corsac import CORSConfigError
from corsac.options.names import MIDDLEWARE_KEYS, OPTION_NAMES
from support.configuration_files import WHOLE, app

TEXT = importlib.resources.files("corsac").joinpath("corsac.schema.json").read_text("utf-8")
SCHEMA: dict[str, Any] = json.loads(TEXT)
VALIDATOR = jsonschema.Draft4Validator(SCHEMA)
GENERATOR = Path(__file__).parents[2] / "docs/configuration_schema.py"
VALUES: list[Any] = [
    *(True, False, 0, 204, 600, 86400, 86401, -1, 1.5, "x", "none", "keep", "replace"),
    *([], ["x"], [5], [["x"]], {}, {"x": 1}, [{}]),
]
OF_THE_SCHEMA = {
    "max_age.out_of_bounds",
    "option.misplaced",
    "option.not_in_source",
    "option.unknown",
    "option.wrong_type",
    "rule.invalid",
    "status.not_ok",
}


def test_the_schema_is_the_one_that_the_generator_writes() -> None:
    assert runpy.run_path(str(GENERATOR))["make_schema"]() == SCHEMA


def test_the_schema_is_one_that_editors_of_toml_read() -> None:
    jsonschema.Draft4Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-04/schema#"


def test_every_key_has_a_description() -> None:
    names = {*OPTION_NAMES, *MIDDLEWARE_KEYS} - {"allow_origin_func"}
    assert names <= SCHEMA["definitions"].keys()
    assert all(SCHEMA["definitions"][name]["description"] for name in names)


@pytest.mark.parametrize("header", ["", "corsac", "tool.corsac"])
def test_a_whole_file_is_valid(header: str) -> None:
    document = tomllib.loads(WHOLE)
    for name in reversed(header.split(".") if header else []):
        document = {name: document}
    VALIDATOR.validate(document)


@pytest.mark.parametrize("level", ["", "rules", "report_only"])
@pytest.mark.parametrize("value", VALUES, ids=repr)
@pytest.mark.parametrize("key", [*OPTION_NAMES, *MIDDLEWARE_KEYS, "path", "x"])
def test_the_schema_and_the_reader_find_the_same_keys_and_types_wrong(
    key: str, value: Any, level: str, tmp_path: Path
) -> None:
    table = {key: value}
    whole: dict[str, Any] = {"allow_origins": ["*"]} | table
    if level == "rules":
        whole = {"rules": [{"path": "/x"} | table]}
    elif level == "report_only":
        whole = {"report_only": {"allow_origins": ["*"]} | table}
    path = tmp_path / "corsac.toml"
    path.write_text(to_toml(whole), encoding="utf-8")
    codes: set[str] = set()
    try:
        corsac.CORSMiddleware.from_file(app, path)
    except CORSConfigError as error:
        codes = {problem.code for problem in error.problems if problem.severity == "error"}
    wanted = OF_THE_SCHEMA if isinstance(value, str) else OF_THE_SCHEMA | {"regex.invalid"}
    assert VALIDATOR.is_valid(whole) is not bool(codes & wanted), codes


def to_toml(table: dict[str, Any]) -> str:
    """A table in lines, those inside of it in braces."""
    return "".join(f"{name} = {_inline(value)}\n" for name, value in table.items())


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {_inline(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return json.dumps(value)
