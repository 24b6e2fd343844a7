"""Which patterns let in everyone who can get a name, and which host labels stand for nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from corsac.validation import check_public_suffixes
from corsac.validation.hosts import a_label, is_undecodable_label


@pytest.mark.parametrize(
    "entry",
    [
        *("https://*.com", "https://*.co.uk", "https://*.github.io", "https://*.vercel.app:*"),
        *("http://*.vercel.app", "https://*.github.io:8443", "https://*.netlify.app."),
        *("https://*.ck", "https://*.foo.ck", "https://*.kobe.jp", "https://*.xn--p1ai"),
    ],
)
def test_everyone_below_a_public_suffix_is_an_error(entry: str) -> None:
    (problem,) = check_public_suffixes(["https://a.test", entry], allow_credentials=True)
    assert (problem.code, problem.severity, problem.option, problem.value) == (
        "origin.public_suffix_with_credentials",
        "error",
        "allow_origins",
        entry,
    )
    assert check_public_suffixes([entry], allow_credentials=False) == []


@pytest.mark.parametrize(
    "entry",
    [
        *("https://*.example.com", "https://*.example.co.uk", "https://*.me.github.io:*"),
        *("http://*.localhost", "https://*.corp", "https://*.internal:*", "https://*.printer"),
        *("https://*.www.ck", "https://*.city.kobe.jp", "https://*.com.example.com"),
        # The pages of a suffix itself are its owner's.
        *("https://github.io", "https://com", "https://me.github.io", "*", "null", ""),
        # No patterns at all; the core says so.
        *("https://*.127.0.0.1", "https://a.*.com", "*.com", "https://*.com/"),
    ],
)
def test_a_name_of_ones_own_is_none(entry: str) -> None:
    assert check_public_suffixes([entry], allow_credentials=True) == []


def test_a_suffix_further_down_is_one_too() -> None:
    (problem,) = check_public_suffixes(["https://*.amazonaws.com"], allow_credentials=True)
    assert "s3.amazonaws.com, which it covers" in problem.message


def test_the_list_is_read_only_when_a_pattern_has_to_be_judged() -> None:
    program = """
import sys
from corsac.validation import check_lists, check_public_suffixes
check_public_suffixes(["https://*.com"], False)
check_public_suffixes(["https://a.test"], True)
assert not {"publicsuffixlist", "corsac.validation.regex.allow_origin_regex"} & set(sys.modules)
check_public_suffixes(["https://*.com"], True)
assert "publicsuffixlist" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    ("label", "sent"),
    [
        *(("bücher", "xn--bcher-kva"), ("Bücher", "xn--bcher-kva"), ("straße", "xn--strae-oqa")),
        *(("例え", "xn--r8jz45g"), ("рф", "xn--p1ai"), ("plain", "plain"), ("ＡＢ", "ab")),  # noqa: RUF001
    ],
)
def test_a_label_is_written_as_browsers_send_it(label: str, sent: str) -> None:
    assert a_label(label) == sent


@pytest.mark.parametrize("label", ["xn--a", "xn--", "xn--abc-", "xn--Bcher-kva", "xn--abc"])
def test_a_label_that_stands_for_no_text_is_known(label: str) -> None:
    assert is_undecodable_label(label)


@pytest.mark.parametrize("label", ["xn--bcher-kva", "xn--p1ai", "xn--strae-oqa", "plain", "xn-a"])
def test_a_label_that_stands_for_a_text_is_left_alone(label: str) -> None:
    assert not is_undecodable_label(label)
