"""Configurations of public projects, translated: the same answers, or a problem that says why not.

The answers before are those of the real libraries, as `tests/conformance/realworld.json` has them.
"""

from __future__ import annotations

import collections

import pytest

pytest.importorskip("re2", reason="some configurations have an expression")

import corsac
from corsac.migrate import LIBRARIES
from support.migrated import Row, differences, is_reported, read_rows, translation_of

ROWS = read_rows()

# Rows by library: how many give the same answers; how many give fewer or more, each with a problem
# that says so; how many differ without a word. "policy" is how many need no decision of a person.
TABLE = """
library              rows  same  narrower  wider  silent  policy
starlette              94    64        22      8       0      35
flask-cors             56    43        12      1       0      39
django-cors-headers    45    30        15      0       0      24
litestar                8     6         2      0       0       4
all                   203   143        51      9       0     102
"""

each_row = pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])


@each_row
def test_a_translation_answers_the_same_or_says_where_not(row: Row) -> None:
    translation = translation_of(row)
    silent = [each for each in differences(row, translation) if not is_reported(each, translation)]
    assert silent == []


@each_row
def test_the_options_of_a_translation_always_make_a_policy(row: Row) -> None:
    translation = translation_of(row)
    policy = corsac.CORSPolicy(**translation.options)
    assert translation.policy == (None if translation.has_errors else policy)


@each_row
def test_what_lets_in_any_site_with_credentials_is_an_error(row: Row) -> None:
    if row["observed"].get("any_https_origin_with_credentials"):
        codes = {each.code for each in translation_of(row).problems if each.severity == "error"}
        assert "origin.any_with_credentials" in codes


@each_row
def test_only_methods_and_headers_that_no_preflight_allowed_become_more(row: Row) -> None:
    wider = [each for each in differences(row, translation_of(row)) if each.now]
    for difference in wider:
        assert difference.topic != "origins"
        assert difference.probe in {"method GET", "method POST"} or difference.topic == "headers"


def test_the_table_of_all_rows() -> None:
    counts: collections.Counter[tuple[str, str]] = collections.Counter()
    for row in ROWS:
        translation = translation_of(row)
        found = differences(row, translation)
        kind = "same"
        if any(not is_reported(each, translation) for each in found):
            kind = "silent"
        elif any(each.now for each in found):
            kind = "wider"
        elif found:
            kind = "narrower"
        for library in (row["library"], "all"):
            counts[library, "rows"] += 1
            counts[library, kind] += 1
            counts[library, "policy"] += translation.policy is not None
    columns = ("rows", "same", "narrower", "wider", "silent", "policy")
    lines = [f"{'library':<20} {'rows':>4} {'same':>5} {'narrower':>9} {'wider':>6} "]
    lines[0] += f"{'silent':>7} {'policy':>7}"
    for library in (*LIBRARIES[:-1], "all"):
        numbers = [counts[library, column] for column in columns]
        line = f"{library:<20} {numbers[0]:>4} {numbers[1]:>5} {numbers[2]:>9} {numbers[3]:>6} "
        lines.append(f"{line}{numbers[4]:>7} {numbers[5]:>7}")
    assert "\n".join(lines) == TABLE.strip()
