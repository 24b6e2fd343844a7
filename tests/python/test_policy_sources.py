"""Policies from TOML files and environment variables: nothing is lost, nothing is guessed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from corsac import CORSConfigError, CORSPolicy
from corsac.options.files import (
    read_environment,
    read_toml,
)
from corsac.options.names import OPTION_NAMES

EVERY_OPTION: dict[str, Any] = {
    "allow_origins": [
        "https://app.example.com",
        "https://*.example.com:8443",
        "http://localhost:*",
        "http://[2001:db8::1]:8080",
        "http://[::1]:*",
        "chrome-extension://abcdefgh",
        "null",
    ],
    "allow_origin_regex": r"https://[a-z]{1,3}\.example\.com(:\d+)?|https://\"b\", '\.test",
    "allow_methods": ["PUT", "x-custom"],
    "allow_headers": ["*", "authorization"],
    "allow_credentials": True,
    "expose_headers": ["etag"],
    "max_age": 0,
    "allow_private_network": True,
    "preflight_status": 200,
    "preflight_continue": True,
    "guard": True,
    "allow_timing": True,
    "always_send": False,
    "app_headers": "keep",
    "tolerate": ["origin.null", "origin.insecure_with_credentials"],
}
CONFIGURATIONS: list[dict[str, Any]] = [
    {},
    EVERY_OPTION,
    {"allow_origins": ["*"], "max_age": None},
    {"allow_origins": ["https://a.test"], "allow_credentials": False, "max_age": 86400},
    {"allow_origins": ["https://a.test"], "always_send": True},
]


def to_toml(options: dict[str, Any]) -> str:
    """The options as lines of TOML; a JSON value is a TOML value, except null."""
    return "".join(
        f"{name} = {'false' if value is None else json.dumps(value)}\n"
        for name, value in options.items()
    )


def to_environment(options: dict[str, Any], prefix: str) -> dict[str, str]:
    """The options as environment variables."""
    return {
        f"{prefix}{name.upper()}": ", ".join(value) if isinstance(value, list) else str(value)
        for name, value in options.items()
    }


def write(directory: Path, text: str, name: str = "cors.toml") -> Path:
    path = directory / name
    path.write_text(text, encoding="utf-8")
    return path


def toml_problems(
    directory: Path, text: str, name: str = "cors.toml"
) -> list[tuple[str, str, str]]:
    with pytest.raises(CORSConfigError) as caught:
        read_toml(write(directory, text, name)).checked_options()
    return [(problem.code, problem.option, problem.hint) for problem in caught.value.problems]


def environment_problems(variables: dict[str, str], prefix: str = "CORS_") -> list[tuple[str, ...]]:
    with pytest.raises(CORSConfigError) as caught:
        read_environment(variables, prefix).checked_options()
    return [(problem.code, problem.option, problem.hint) for problem in caught.value.problems]


def test_the_example_has_every_option_that_is_not_a_function() -> None:
    assert set(EVERY_OPTION) == set(OPTION_NAMES) - {"allow_origin_func"}


@pytest.mark.parametrize("options", CONFIGURATIONS)
@pytest.mark.parametrize("table", ["", "[corsac]\n", "[tool.corsac]\n"])
def test_nothing_is_lost_in_a_toml_file(
    tmp_path: Path, options: dict[str, Any], table: str
) -> None:
    path = write(tmp_path, table + to_toml(options))
    assert read_toml(path).checked_options() == options
    assert read_toml(os.fspath(path)).checked_options() == options


@pytest.mark.parametrize("options", CONFIGURATIONS)
@pytest.mark.parametrize("prefix", ["CORS_", "MY_APP_", "x"])
def test_nothing_is_lost_in_environment_variables(options: dict[str, Any], prefix: str) -> None:
    variables = to_environment(options, prefix)
    others = {"PATH": "/bin", "ORIGINS": "*", "LANG": "C"}
    assert read_environment(variables | others, prefix).checked_options() == options


@pytest.mark.parametrize("options", CONFIGURATIONS)
def test_a_policy_comes_back_equal(tmp_path: Path, options: dict[str, Any]) -> None:
    known = {name: value for name, value in options.items() if name != "allow_origin_regex"}
    policy = CORSPolicy(**known)
    assert read_toml(write(tmp_path, to_toml(known))).policy(CORSPolicy) == policy
    variables = to_environment(known, "CORS_")
    assert read_environment(variables, "CORS_").policy(CORSPolicy) == policy


@pytest.mark.parametrize("text", ["max_age = false", 'max_age = "none"'])
def test_max_age_can_be_none_in_toml(tmp_path: Path, text: str) -> None:
    assert read_toml(write(tmp_path, text)).checked_options() == {"max_age": None}


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path: Path) -> None:
    assert read_toml(write(tmp_path, "\ufeffguard = true")).checked_options() == {"guard": True}


def test_tables_and_keys_of_others_beside_the_table_do_not_count(tmp_path: Path) -> None:
    text = 'name = "x"\n[project]\nname = "x"\n[tool.ruff]\n[tool.corsac]\nguard = true\n'
    assert read_toml(write(tmp_path, text, "pyproject.toml")).checked_options() == {"guard": True}


@pytest.mark.parametrize(
    ("text", "code", "option", "hint"),
    [
        ("origins = []", "option.unknown", "origins", "write allow_origins"),
        ("allow_orgins = []", "option.unknown", "allow_orgins", "write allow_origins"),
        ("[corsac]\nmaxAge = 5", "option.unknown", "maxAge", "write max_age"),
        ("vary_header = true", "option.unknown", "vary_header", "remove it"),
        ("colour = 1", "option.unknown", "colour", "the options are allow_origins"),
        ("[cors]\nguard = true", "option.unknown", "cors", "below [corsac]"),
        ("[tool.ruff]", "source.no_table", "[tool.corsac]", "below [tool.corsac]"),
        ("corsac = 7", "option.wrong_type", "[corsac]", ""),
        ("[corsac]\n[tool.corsac]", "option.conflict", "[tool.corsac]", "keep one"),
        ("guard = true\n[corsac]", "option.misplaced", "guard", "move it into the table"),
        ('allow_origin_func = "a:b"', "option.not_in_source", "allow_origin_func", "replace("),
    ],
)
def test_what_a_toml_file_cannot_say_is_an_error(
    tmp_path: Path, text: str, code: str, option: str, hint: str
) -> None:
    ((found, name, given),) = toml_problems(tmp_path, text)
    assert (found, name) == (code, option)
    assert hint in given


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b"guard = true\nallow_origins = [,]\n", "line 2, column 18: "),
        (b"guard = true\nguard = false\n", "line 2, column 14: "),
        (b"a = 1\nb = '\xff'\n", "line 2: "),
        (b"guard =", "this is not TOML: "),
    ],
)
def test_a_file_that_is_not_toml_is_an_error_that_names_the_line(
    tmp_path: Path, content: bytes, where: str
) -> None:
    path = tmp_path / "cors.toml"
    path.write_bytes(content)
    with pytest.raises(CORSConfigError) as caught:
        read_toml(path).checked_options()
    (problem,) = caught.value.problems
    assert (problem.code, problem.value) == ("source.syntax", os.fspath(path))
    assert problem.message.startswith(where)


def test_a_file_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.toml", tmp_path):
        with pytest.raises(CORSConfigError) as caught:
            read_toml(path).checked_options()
        (problem,) = caught.value.problems
        assert (problem.code, problem.value) == ("source.unreadable", os.fspath(path))


def test_an_error_lists_what_the_file_and_what_the_policy_find(tmp_path: Path) -> None:
    path = write(tmp_path, 'origin = "x"\nallow_methods = "GET"\nmax_age = -1\n')
    with pytest.raises(CORSConfigError) as caught:
        read_toml(path).policy(CORSPolicy)
    assert [(problem.code, problem.option) for problem in caught.value.problems] == [
        ("option.unknown", "origin"),
        ("option.wrong_type", "allow_methods"),
        ("max_age.out_of_bounds", "max_age"),
    ]


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("https://a.test", ["https://a.test"]),
        (" https://a.test ,\thttps://b.test,\n", ["https://a.test", "https://b.test"]),
        ("*", ["*"]),
        ("http://[::1]:*,https://*.a.test", ["http://[::1]:*", "https://*.a.test"]),
    ],
)
def test_a_list_is_divided_by_commas_and_trimmed(text: str, entries: list[str]) -> None:
    variables = {"CORS_ALLOW_ORIGINS": text}
    assert read_environment(variables, "CORS_").checked_options() == {"allow_origins": entries}


@pytest.mark.parametrize("text", ["true", "TRUE", "1", "yes", "On", " true "])
def test_words_for_true(text: str) -> None:
    assert read_environment({"CORS_GUARD": text}, "CORS_").checked_options() == {"guard": True}


@pytest.mark.parametrize("text", ["false", "False", "0", "no", "OFF"])
def test_words_for_false(text: str) -> None:
    assert read_environment({"CORS_GUARD": text}, "CORS_").checked_options() == {"guard": False}


@pytest.mark.parametrize("text", ["none", "None", "NONE"])
def test_max_age_can_be_none_in_a_variable(text: str) -> None:
    assert read_environment({"CORS_MAX_AGE": text}, "CORS_").checked_options() == {"max_age": None}


@pytest.mark.parametrize("option", sorted(set(OPTION_NAMES) - {"allow_origin_func"}))
@pytest.mark.parametrize("text", ["", " ", ",", " , "])
def test_an_empty_variable_sets_nothing_and_is_a_warning(
    option: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"EMPTY_{option.upper()}"
    assert read_environment({name: text}, "EMPTY_").checked_options() == {}
    monkeypatch.setenv(name, text)
    policy = CORSPolicy.from_env("EMPTY_")
    assert policy == CORSPolicy()
    (problem, *_) = policy.problems
    assert (problem.code, problem.severity, problem.option) == ("option.empty", "warning", name)


@pytest.mark.parametrize(
    ("name", "text", "code", "hint"),
    [
        ("GUARD", "t", "option.wrong_type", "write true"),
        ("ALLOW_CREDENTIALS", "2", "option.wrong_type", "write true"),
        ("MAX_AGE", "10m", "option.wrong_type", "digits only"),
        ("MAX_AGE", "1_000", "option.wrong_type", "digits only"),
        ("MAX_AGE", "٦", "option.wrong_type", "digits only"),
        ("MAX_AGE", "9" * 5000, "option.wrong_type", "digits only"),
        ("PREFLIGHT_STATUS", "none", "option.wrong_type", "digits only"),
        ("ALLOW_ORIGINS", '"https://a.test"', "option.wrong_type", "write https://a.test without"),
        ("ALLOW_METHODS", '["PUT", "PATCH"]', "option.wrong_type", "write PUT,PATCH"),
        ("ALLOW_ORIGINS", "['https://a.test']", "option.wrong_type", "write https://a.test"),
        ("ALLOW_ORIGINS", "['http://[::1]']", "option.wrong_type", "write the entries without"),
        ("ALLOW_ORIGIN_FUNC", "a:b", "option.not_in_source", "replace("),
        ("ORIGINS", "*", "option.unknown", "write CORS_ALLOW_ORIGINS"),
        ("ORIGIN", "*", "option.unknown", "write CORS_ALLOW_ORIGINS"),
        ("ALLOWED_ORIGINS", "*", "option.unknown", "write CORS_ALLOW_ORIGINS"),
        ("ALLOW_ORGINS", "*", "option.unknown", "write CORS_ALLOW_ORIGINS"),
        ("ALLOW_ALL_ORIGINS", "true", "option.unknown", "write CORS_ALLOW_ORIGINS=*"),
        ("SUPPORTS_CREDENTIALS", "1", "option.unknown", "write CORS_ALLOW_CREDENTIALS"),
        ("VARY_HEADER", "1", "option.unknown", "remove it: Vary"),
        ("API_KEY", "x", "option.unknown", "choose a prefix of your own"),
        ("", "x", "option.unknown", "choose a prefix of your own"),
    ],
)
def test_a_variable_that_cannot_be_read_is_an_error(
    name: str, text: str, code: str, hint: str
) -> None:
    ((found, option, given),) = environment_problems({f"CORS_{name}": text})
    assert (found, option) == (code, f"CORS_{name}")
    assert hint in given


def test_the_hint_has_the_prefix_that_was_asked_for() -> None:
    ((_, _, hint),) = environment_problems({"APP_CORS_ORIGIN": "*"}, "APP_CORS_")
    assert hint == "write APP_CORS_ALLOW_ORIGINS"


def test_a_name_in_the_wrong_case_is_not_overlooked() -> None:
    ((code, option, hint),) = environment_problems({"cors_allow_Origins": "https://a.test"})
    assert (code, option) == ("option.unknown", "cors_allow_Origins")
    assert hint == "write CORS_ALLOW_ORIGINS"
    assert read_environment({"cors_proxy": "x"}, "CORS_").checked_options() == {}


def test_what_an_unknown_variable_holds_is_not_shown() -> None:
    with pytest.raises(CORSConfigError) as caught:
        read_environment({"CORS_API_KEY": "hunter2"}, "CORS_").checked_options()
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(caught.value.problems)


def test_an_empty_prefix_is_refused() -> None:
    assert [code for code, _, _ in environment_problems({"PATH": "/bin"}, "")] == ["option.empty"]


def test_an_error_lists_all_variables_and_names_them_as_the_environment_does() -> None:
    variables = {
        "CORS_ALLOW_ORIGINS": "https://a.test/",
        "CORS_GUARD": "maybe",
        "CORS_MAX_AGE": "-1",
        "CORS_ORIGIN": "*",
    }
    with pytest.raises(CORSConfigError) as caught:
        read_environment(variables, "CORS_").policy(CORSPolicy)
    assert [(problem.code, problem.option) for problem in caught.value.problems] == [
        ("option.wrong_type", "CORS_GUARD"),
        ("option.unknown", "CORS_ORIGIN"),
        ("origin.invalid", "CORS_ALLOW_ORIGINS"),
        ("max_age.out_of_bounds", "CORS_MAX_AGE"),
    ]


@pytest.mark.parametrize("text", ["max_age = " + "9" * 5000, "x = " + "[" * 100_000])
def test_a_file_that_no_parser_can_take_is_a_problem_too(text: str, tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(text)
    with pytest.raises(CORSConfigError) as caught:
        CORSPolicy.from_toml(path)
    assert [problem.code for problem in caught.value.problems] == ["source.syntax"]
