"""URLs as browsers read them, and what is said where the library that reads them is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corsac.browser import FetchRequest
from corsac.browser.urls import MAX_URL_LENGTH, is_ip_address, parse_url

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


@pytest.mark.parametrize(
    "host", ["\u00fc" * 300_000, "xn--" + "a" * 300_000, "\u0300" * 200_000, "\u00fc." * 300_000]
)
def test_a_host_far_longer_than_domains_are_is_none(host: str) -> None:
    assert parse_url(f"https://{host}/") is None


# What Chromium 156 makes of them too.
@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("a\u00adb.test", "ab.test"),
        ("%C2%ADab.test", "ab.test"),
        ("a\ufe0fb.test", "ab.test"),
        ("a\u2060b.test", "ab.test"),
        ("\u00ad", None),
        ("\u0300a.test", None),  # A mark cannot lead a label.
        ("\u05d0a.test", None),  # Bidi: a label of Hebrew has no Latin letter ...
        ("\u05d01.test", "xn--1-zhc.test"),
        ("1\u05d0.test", None),  # ... and begins with Hebrew.
        ("\u0661\u0627.test", None),
        ("a\u200db.test", None),  # A joiner joins nothing here,
        ("\u0915\u094d\u200d\u0937.test", "xn--11b2ezcw70k.test"),  # but does after a virama.
        ("a\u200cb.test", None),
        ("fa\u00df.test", "xn--fa-hia.test"),
        ("\u2168.test", "ix.test"),
        ("\u212a.test", "k.test"),
        ("xn--a.test", "xn--a.test"),  # Not Punycode, but all of it is ASCII.
        ("xn--", "xn--"),
        ("XN--0.test", "xn--0.test"),
        ("xn--\u00fc.test", None),
        ("\u2260.test", "xn--1ch.test"),
        ("a..b", "a..b"),
    ],
)
def test_a_host_is_the_domain_that_browsers_make_of_it(host: str, expected: str | None) -> None:
    url = parse_url(f"https://{host}/")
    assert (None if url is None else url.host) == expected
    if expected is not None:
        assert FetchRequest("/", f"https://{expected}").origin_url == url


@given(st.text(max_size=60))
def test_any_text_is_a_url_or_none(text: str) -> None:
    url = parse_url(text, BASE)
    assert url is None or str(url).isascii() or url.origin == "null"


@pytest.mark.parametrize(
    ("host", "expected"),
    [("[::1]", True), ("127.0.0.1", True), ("a.test", False), ("1.2.3.4a", False), ("a1", False)],
)
def test_an_address_is_told_from_a_domain(host: str, expected: bool) -> None:
    assert is_ip_address(host) is expected


@pytest.mark.parametrize("module", ["corsac.browser", "corsac.testing", "corsac.browser.urls"])
def test_without_ada_url_the_extra_is_named_and_the_product_works(module: str) -> None:
    program = f"""
import sys
sys.modules["ada_url"] = None
import corsac, corsac.wsgi
policy = corsac.CORSPolicy(allow_origins=["https://app.test", "https://*.app.test"])
print(policy.explain("GET", {{"Origin": "https://app.test"}}).allowed)
try:
    import {module}
except ImportError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines() == [
        "True",
        "the simulated browser needs ada-url, of the extra cli: pip install 'corsac[cli]'",
    ]
