"""URLs as browsers read them: a table, and another implementation of the URL standard."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corsac.browser.urls import MAX_HOST_LENGTH, MAX_URL_LENGTH, parse_url

BASE = parse_url("http://base.test:81/p/q/r?k#f")


def _text(text: str) -> str | None:
    url = parse_url(text, BASE)
    return None if url is None else url.with_fragment


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://API.test", "https://api.test/"),
        ("https://api.test:443/x?q#f", "https://api.test/x?q#f"),
        ("http://api.test:443", "http://api.test:443/"),
        ("http://api.test:00080/", "http://api.test/"),
        ("  https://api.test/\ta\nb ", "https://api.test/ab"),
        ("https:\\\\api.test\\a\\..\\b", "https://api.test/b"),
        ("https:api.test", "https://api.test/"),
        ("http:x", "http://base.test:81/p/q/x"),
        ("//api.test/x", "http://api.test/x"),
        ("/\\api.test/x", "http://api.test/x"),
        ("/x", "http://base.test:81/x"),
        ("x", "http://base.test:81/p/q/x"),
        ("../x", "http://base.test:81/p/x"),
        ("../../../x/.", "http://base.test:81/x/"),
        ("%2e%2E/x", "http://base.test:81/p/x"),
        ("", "http://base.test:81/p/q/r?k"),
        ("?z", "http://base.test:81/p/q/r?z"),
        ("#z", "http://base.test:81/p/q/r?k#z"),
        ("https://api.test/\u00e4 \"<>`{}?\u00e4'", "https://api.test/%C3%A4%20%22%3C%3E%60%7B%7D?%C3%A4%27"),
        ("https://b\u00fccher.test/", "https://xn--bcher-kva.test/"),
        ("https://api\u3002test/", "https://api.test/"),
        ("https://%61pi.test/", "https://api.test/"),
        ("https://127.1/", "https://127.0.0.1/"),
        ("https://0x7f.0.0.01/", "https://127.0.0.1/"),
        ("https://4294967295/", "https://255.255.255.255/"),
        ("https://[0:0::1]/", "https://[::1]/"),
        ("https://[1:0:0:2::3:4]/", "https://[1::2:0:0:3:4]/"),
        ("https://[::ffff:1.2.3.4]/", "https://[::ffff:102:304]/"),
        ("https://api.test./", "https://api.test./"),
        ("https://a_b.test/", "https://a_b.test/"),
        ("data:text/plain,x", "data:text/plain,x"),
        ("mailto:a@b.test?subject=x#y", "mailto:a@b.test?subject=x#y"),
    ],
)  # fmt: skip
def test_a_url_is_read_as_browsers_do(text: str, expected: str) -> None:
    assert _text(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "https://",
        "https://:80/",
        "https://u@/",
        "https://api.test:65536/",
        "https://api.test:8x/",
        "https://a b/",
        "https://a%00b/",
        "https://a<b/",
        "https://%ff/",
        "https://256.1.1.1/",
        "https://1.2.3.4.5/",
        "https://1.2.3.08/",
        "https://4294967296/",
        "https://[::1/",
        "https://[fe80::1%25eth0]/",
        "https://xn--/",
        "https://xn--bcher-kva\u00e4/",
        "http://" + "9" * 500,
    ],
)
def test_a_url_that_no_browser_opens_is_none(text: str) -> None:
    assert parse_url(text, BASE) is None


def test_a_relative_url_needs_a_base() -> None:
    assert parse_url("/x") is None


@pytest.mark.parametrize("userinfo", ["u@", "u:p@", ":p@", "a@b@"])
def test_a_user_name_or_password_is_noticed_and_dropped(userinfo: str) -> None:
    url = parse_url(f"https://{userinfo}api.test/x")
    assert url is not None
    assert (url.has_credentials, str(url)) == (True, "https://api.test/x")


@pytest.mark.parametrize("userinfo", ["@", ":@"])
def test_an_empty_user_name_is_none(userinfo: str) -> None:
    url = parse_url(f"https://{userinfo}api.test/x")
    assert url is not None
    assert url.has_credentials is False


def test_a_url_holds_at_most_so_many_characters() -> None:
    start = "https://api.test/"
    longest = start + "a" * (MAX_URL_LENGTH - len(start))
    assert parse_url(longest) is not None
    assert parse_url(longest + "a") is None


def test_a_host_holds_at_most_so_many_characters() -> None:
    longest = "a" * MAX_HOST_LENGTH
    assert parse_url(f"https://{longest}/") is not None
    assert parse_url(f"https://{longest}a/") is None


_ATOMS = st.sampled_from(
    [
        *("http:", "https:", "//", "/", "\\", "a", "b.c", "EXAMPLE.com", "127.1", "0x7f", "256"),
        *("1.2.3.4", "[::1]", "[1::2:3]", "@", "u:p", ":80", ":443", ":8080", ":65536", ":", "?"),
        *("#", ".", "..", "%2e", "%41", "%zz", "\u00e9", "\u00df", "\u3002", '"', "<", "^", "|"),
        *("`", "{", "\x7f", "x", "08", "data:", "*", "_", "-", "~", "\U0001f600", "'", " ", "\t"),
    ]
)


@given(start=st.sampled_from(["", "http://", "https://"]), atoms=st.lists(_ATOMS, max_size=6))
def test_another_implementation_of_the_standard_reads_the_same(
    start: str, atoms: list[str]
) -> None:
    ada_url = pytest.importorskip("ada_url", reason="not built for every Python")
    text = start + "".join(atoms)
    url = parse_url(text, BASE)
    try:
        other = ada_url.URL(text, "http://base.test:81/p/q/r?k#f")
    except ValueError:
        assert url is None or url.origin == "null"
        return
    if other.protocol not in {"http:", "https:"}:
        return
    assert url is not None
    assert url.has_credentials == bool(other.username or other.password)
    if not url.has_credentials:
        assert url.with_fragment == other.href


@given(st.text(max_size=60))
def test_any_text_is_a_url_or_none(text: str) -> None:
    url = parse_url(text, BASE)
    assert url is None or str(url).isascii() or url.origin == "null"
