"""Configurations of public projects: the unsafe and the dead are told, the rest is accepted."""

from __future__ import annotations

import collections

import pytest

pytest.importorskip("re2", reason="some configurations have an expression")

from corsac import CORSConfigError, CORSPolicy
from support.realworld import (
    Configuration,
    outcome_of,
    problems_of,
    read_configurations,
    read_outcomes,
    unsound_because,
)

CONFIGURATIONS = read_configurations()
OUTCOMES = read_outcomes()

# Nothing bad was seen when these ran in their own libraries, and yet they are refused.
REFUSED_ALL_THE_SAME = {
    "s025": "an expression lets in http pages of the local network, with credentials",
    "d045": "an expression lets in http pages of any subdomain, with credentials",
    "s037": "an expression lets in anyone on a hosting platform, with credentials",
    "s039": "an expression lets in anyone on a hosting platform, with credentials",
    "s041": "an expression lets in anyone on a hosting platform, with credentials",
    "s189": "an expression lets in anyone on a hosting platform, with credentials",
    "s077": "with credentials, exposing * exposes nothing",
    "s179": "response headers and Set-Cookie among the headers that pages send",
    "d055": "a response header among the headers that pages send",
    "f053": "Origin among the headers that pages send, which no browser asks for",
    "d004": "an old library's defaults copied: headers that no browser asks for",
    "f034": "a trailing slash, unnoticed because another call lets in everyone",
    "f091": "a template's host that was never filled in",
    "f094": "a default port, which no browser sends",
}
# Something bad was seen in their own libraries, and yet they are accepted.
ACCEPTED_ALL_THE_SAME = {
    "s088": "its patterns have a meaning here",
    "s092": "its pattern has a meaning here",
    "s094": "its pattern has a meaning here",
    "f035": "any site, without credentials; there is a warning",
    "f082": "any site, without credentials; there is a warning",
    "f083": "any site, without credentials; there is a warning",
    "f042": "the look-alike has a host name in its port, which no browser can send",
    "f078": "the look-alike has a host name in its port, which no browser can send",
    "f095": "the look-alike has a host name in its port, which no browser can send",
}

each_configuration = pytest.mark.parametrize(
    "row", CONFIGURATIONS, ids=[row["id"] for row in CONFIGURATIONS]
)


@each_configuration
def test_a_configuration_has_the_outcome_in_the_table(row: Configuration) -> None:
    assert outcome_of(row) == OUTCOMES[row["id"]]


def test_the_table_has_every_literal_configuration_and_no_other() -> None:
    assert list(OUTCOMES) == [row["id"] for row in CONFIGURATIONS]
    assert collections.Counter(each["accepted"] for each in OUTCOMES.values()) == {
        True: 77,
        False: 87,
    }


@each_configuration
def test_what_lets_in_any_site_with_credentials_is_never_accepted(row: Configuration) -> None:
    if row["observed"].get("any_https_origin_with_credentials"):
        accepted, _ = problems_of(row)
        assert not accepted


@each_configuration
def test_what_lets_in_null_with_credentials_is_never_accepted(row: Configuration) -> None:
    if row["observed"].get("null_with_credentials"):
        accepted, _ = problems_of(row)
        assert not accepted


@each_configuration
def test_what_lets_in_any_site_by_an_expression_is_always_said(row: Configuration) -> None:
    codes = {problem.code for problem in problems_of(row)[1]}
    if row["observed"].get("any_https_origin") and row["options"].get("allow_origin_regex"):
        assert codes & {"origin.any_with_credentials", "regex.matches_any_site"}


@each_configuration
def test_an_entry_that_never_matched_is_reported_or_has_a_meaning_now(row: Configuration) -> None:
    reported = {problem.value for problem in problems_of(row)[1] if problem.severity == "error"}
    for entry in row["observed"].get("dead_entries", ()):
        if entry not in reported:
            # An entry that cannot match any origin is an error, so this one can.
            assert "*" in entry
            CORSPolicy(allow_origins=[entry])


@each_configuration
def test_a_look_alike_that_a_browser_can_send_is_reported(row: Configuration) -> None:
    _, problems = problems_of(row)
    for _, look_alike, _ in row["observed"].get("pattern_suffix_attack", ()):
        try:
            CORSPolicy(allow_origins=[look_alike])
        except CORSConfigError:
            continue
        assert any(
            problem.option == "allow_origin_regex" and problem.severity != "info"
            for problem in problems
        )


@each_configuration
def test_a_sound_configuration_is_accepted_and_an_unsound_one_is_not(row: Configuration) -> None:
    accepted, _ = problems_of(row)
    is_sound = not list(unsound_because(row))
    if row["id"] in REFUSED_ALL_THE_SAME:
        assert (is_sound, accepted) == (True, False)
    elif row["id"] in ACCEPTED_ALL_THE_SAME:
        assert (is_sound, accepted) == (False, True)
    else:
        assert accepted is is_sound


@each_configuration
def test_a_refusal_says_what_to_do_about_every_error(row: Configuration) -> None:
    _, problems = problems_of(row)
    for problem in problems:
        if problem.severity == "error" and problem.code != "option.wrong_type":
            assert problem.message
            assert problem.hint
