"""A password in a URL is not in what `corsac.console` says, however it is written."""

from __future__ import annotations

import json

import pytest

from corsac.console import diagnose
from corsac.console.diagnosis import without_passwords

MISSING = (
    "Access to fetch at '{}' from origin 'https://app.example.com' has been blocked by CORS "
    "policy: No 'Access-Control-Allow-Origin' header is present on the requested resource."
)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:SEKRET@api.example.com/x", "https://me:...@api.example.com/x"),
        ("https://me:SEK@RET@api.example.com/x", "https://me:...@api.example.com/x"),
        ("HTTPS://me:SEKRET@api.example.com/x", "HTTPS://me:...@api.example.com/x"),
        ("https://me:SEK/RET@api.example.com/x", "https://me:...@api.example.com/x"),
        ("https://me:SEK?RET@api.example.com/x", "https://me:...@api.example.com/x"),
        ("https://me:SEK#R:E@T@api.example.com:81/x", "https://me:...@api.example.com:81/x"),
        ("https://:SEKRET@api.example.com/x", "https://:...@api.example.com/x"),
        ("https://me:SEKRET@[::1]:8000/x", "https://me:...@[::1]:8000/x"),
        ("wss://me:SEKRET@api.example.com", "wss://me:...@api.example.com"),
        (f"https://me:{'SEKRET' * 900}@api.example.com/", "https://me:...@api.example.com/"),
        (
            "https://api.example.com/?next=https://me:SEKRET@other.example.com/@x",
            "https://api.example.com/?next=https://me:...@other.example.com/@x",
        ),
    ],
)
def test_a_password_in_a_url_is_left_out(url: str, shown: str) -> None:
    assert without_passwords(url) == shown
    (found,) = diagnose(MISSING.replace("{}", url))
    assert found.url == shown
    assert "SEK" not in json.dumps(found.as_dict())


@pytest.mark.parametrize(
    "text",
    [
        *(
            "https://api.example.com:8443/@me",
            "http://[::1]:8000/@me",
            "https://me@api.example.com",
        ),
        *("https://api.example.com/a:b@c", "https://api.example.com?a:b@c", "localhost:8000/@x"),
        *("https://api.example.com:80", "https://a.example, https://b.example", "mail@a.example"),
        *("https://api.example.com:8443?x=a@b", "https://api.example.com:8443#a@b", "*", ""),
    ],
)
def test_what_is_not_a_password_stays(text: str) -> None:
    assert without_passwords(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "Cross-origin redirection to https://me:SEKRET@other.example.com/x denied by Cross-Origin "
        "Resource Sharing policy: redirection URL https://me:SEKRET@other.example.com/x has "
        "credentials",
        "Access to fetch at 'https://api.example.com/x' from origin 'https://app.example.com' has "
        "been blocked by CORS policy: Redirect location 'https://me:SEKRET@other.example.com/x' "
        "contains a username and password, which is disallowed for cross-origin requests.",
    ],
)
def test_the_value_that_a_message_shows_has_no_password(text: str) -> None:
    (found,) = diagnose(text)
    assert found.name == "redirect-userinfo"
    assert "SEKRET" not in json.dumps(found.as_dict())
    assert found.value == "https://me:...@other.example.com/x"


def test_a_password_in_an_origin_or_a_value_that_does_not_match_is_left_out() -> None:
    text = MISSING.replace("{}", "https://api.example.com/x").replace(
        "No 'Access-Control-Allow-Origin' header is present on the requested resource.",
        "The 'Access-Control-Allow-Origin' header has a value 'https://me:SEKRET@a.example' that "
        "is not equal to the supplied origin.",
    )
    (found,) = diagnose(text.replace("'https://app.", "'https://me:SEKRET@app."))
    assert found.value == "https://me:...@a.example"
    assert found.origin == "https://me:...@app.example.com"
    assert "SEKRET" not in json.dumps(found.as_dict())
