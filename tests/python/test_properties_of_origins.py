"""An origin is what a URL parser writes: compared with ada, which implements the URL standard.

In http(s) the core and ada have to agree about every host. They differ in three things, all on
purpose, which the strategies leave out and tests of their own name: a comma (it could be a list),
more than 326 bytes (the bound), port 0 (a bad port of Fetch).
"""

from __future__ import annotations

import re
import unicodedata

import ada_url
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from corsac import CORSConfigError, CORSConfigProblem, CORSPolicy, _core
from corsac.validation.hosts import a_label, is_undecodable_label
from support.properties import examples

SCHEMES = ["https", "http", "ws", "wss", "ftp"]
VISIBLE = "".join(map(chr, range(0x21, 0x7F))).replace(",", "")
BYTES = "".join(map(chr, range(0x80))) + "\xe9\u13a0\u3002"
PIECES = [
    "a",
    "-",
    "_",
    ".",
    "..",
    "--",
    "-a",
    "a-",
    "0",
    "1",
    "08",
    "255",
    "256",
    "0x7f",
    "0x",
    "A",
]
PIECES += ["user-", ".github.io", "localhost", "127", "127.0.0.1", "1.2.3.4.", "xn--bcher-kva"]
PIECES += ["%41", "$", "!", '"', "'", "(", ")", "*", "*.", "+", ";", "=", "`", "{", "}", "~", "&"]
PIECES += ["4294967295", "4294967296", "65535", "[::1]", "[::", "]", "a" * 64, "@", "/", " ", "|"]
IPV6 = st.lists(
    st.sampled_from(["0", "1", "ffff", "0db8", "A", "", "1.2.3.4"]), min_size=1, max_size=9
)

names = st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map("".join)
hosts = (
    names
    | st.lists(st.sampled_from(["a", "-a", "a-", "_", "b--c", "1", "xn"]), min_size=1).map(".".join)
    | st.lists(st.integers(0, 300).map(str), min_size=1, max_size=5).map(".".join)
    | st.text(VISIBLE, min_size=1, max_size=12)
    | st.text(BYTES, min_size=1, max_size=6)
    | IPV6.map(":".join).map("[{}]".format)
)
ports = st.just("") | st.integers(1, 70_000).map(":{}".format)
ports |= st.sampled_from([":80", ":443", ":21", ":", ":080", ":+1"])


def adas_origin(text: str) -> str | None:
    """The origin of a URL; ``None`` if it cannot be read."""
    try:
        return str(ada_url.URL(text).origin)
    except ValueError:
        return None


def is_serialized(origin: str) -> bool:
    return _core.is_serialized_origin(origin.encode("utf-8", "surrogatepass"))


def problems_of(entry: str) -> tuple[CORSConfigProblem, ...]:
    """The errors of a policy that lists one entry."""
    try:
        CORSPolicy(allow_origins=[entry])
    except CORSConfigError as error:
        return tuple(problem for problem in error.problems if problem.severity == "error")
    return ()


@given(scheme=st.sampled_from(SCHEMES), host=hosts, port=ports)
@examples(3_000)
def test_the_core_and_ada_agree_about_every_origin_of_the_web(
    scheme: str, host: str, port: str
) -> None:
    origin = f"{scheme}://{host}{port}"
    assume("," not in origin and len(origin) <= 326)
    assert is_serialized(origin) is (adas_origin(origin) == origin)


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_the_core_and_ada_agree_about_every_byte_at_every_place(scheme: str) -> None:
    for byte in range(0x80):
        for form in ("{}", "{}a", "a{}", "a{}b", "a.{}", "{}.a", "1{}", "1.2.3.{}", "[::{}]"):
            origin = f"{scheme}://{form.format(chr(byte))}"
            if byte != ord(","):
                assert is_serialized(origin) is (adas_origin(origin) == origin), origin


@pytest.mark.parametrize("origin", ["https://a,b.test", "https://a.test:0", "https://" + "a" * 319])
def test_they_differ_where_the_core_is_stricter_on_purpose(origin: str) -> None:
    assert adas_origin(origin) == origin
    assert not is_serialized(origin)


@given(host=hosts, port=ports)
@examples(1_500)
def test_an_entry_is_an_origin_and_says_what_to_write_if_it_is_not(host: str, port: str) -> None:
    entry = f"https://{host}{port}"
    assume("," not in entry and "*" not in entry and len(entry) <= 300)
    problems = problems_of(entry)
    if not problems:
        assert is_serialized(entry)
        return
    codes = {problem.code for problem in problems}
    assert codes <= {"origin.invalid", "origin.default_port", "origin.non_canonical_ip"}
    assert all(problem.hint for problem in problems)
    # What a browser opens and sends as it is can be listed as it is.
    labels = host.removesuffix(".").split(".")
    is_looked_up = all(re.fullmatch("[A-Za-z0-9_-]+", label) for label in labels)
    assert not (is_serialized(entry) and is_looked_up and "xn--" not in host)


@given(host=st.text(VISIBLE, min_size=1, max_size=12), port=ports)
@examples(1_500)
def test_a_host_outside_the_web_is_the_bytes_that_the_opaque_host_parser_writes(
    host: str, port: str
) -> None:
    # Opaque hosts give no origin in the standard, so the host is compared.
    text = f"app://{host}"
    assume("/" not in host and "\\" not in host and "?" not in host and "#" not in host)
    assume("@" not in host and ":" not in host)
    try:
        written = ada_url.URL(text).hostname
    except ValueError:
        written = None
    assert is_serialized(text) is (written == host)


A_LABELS = [
    "xn--bcher-kva",
    "xn--58d6ba",
    "xn--p1ai",
    "xn--strae-oqa",
    "xn--3xa",
    "xn--qei",
    "xn--ls8h",
]


@pytest.mark.parametrize("label", A_LABELS)
def test_a_label_that_browsers_open_can_be_listed(label: str) -> None:
    origin = f"https://{label}.test"
    assert adas_origin(origin) == origin
    assert CORSPolicy(allow_origins=[origin]).problems == ()


def test_a_letter_of_any_script_is_written_as_ada_writes_it() -> None:
    letters = [chr(code) for code in (*range(0xA1, 0x3000, 7), *range(0x13A0, 0x13FE))]
    letters += [chr(code) for code in (*range(0xAB70, 0xABC0), *range(0x1E90, 0x2000, 3))]
    compared = 0
    for letter in letters:
        if unicodedata.category(letter) not in {"Ll", "Lu", "Lo", "Lt"}:
            continue
        written = adas_origin(f"https://a{letter}b.test")
        if written is None:
            continue
        label = a_label(f"a{letter}b")
        assert f"https://{label}.test" == written, hex(ord(letter))
        assert not is_undecodable_label(label), hex(ord(letter))
        compared += 1
    assert compared > 900
