"""What `corsac.console` says to change can work for the very request that failed."""

from __future__ import annotations

import pytest

from corsac.console import Diagnosis, diagnose

START = (
    "Access to fetch at '{}' from origin 'https://app.example.com' has been blocked by CORS "
    "policy: "
)
URL = "https://api.example.com/x"


def told(message: str, url: str = URL, first: str = "") -> Diagnosis:
    """What is said of a message of Chromium."""
    at = f"'{url}' (redirected from '{first}')" if first else f"'{url}'"
    (found,) = diagnose(START.replace("'{}'", at) + message)
    return found


@pytest.mark.parametrize("header", ["Set-Cookie", "set-cookie2"])
def test_no_option_exposes_a_cookie(header: str) -> None:
    (found,) = diagnose(f'Refused to get unsafe header "{header}"')
    assert (found.name, found.is_cors, found.header) == ("unreadable-header", False, header)
    assert "expose_headers" not in found.fix_on_server
    (found,) = diagnose('Refused to get unsafe header "X-Trace"')
    assert (found.name, found.fix_on_server) == (
        "header-not-exposed",
        "Add X-Trace to expose_headers.",
    )


@pytest.mark.parametrize(
    ("value", "server", "cause"),
    [
        ("true, true", "Let only one place add it", "sent twice"),
        ("True", "Set allow_credentials", "small letters"),
        ("", "Set allow_credentials", "has to be"),
    ],
)
def test_the_value_of_allow_credentials_says_what_to_change(
    value: str, server: str, cause: str
) -> None:
    found = told(
        "The value of the 'Access-Control-Allow-Credentials' header in the response is "
        f"'{value}' which must be 'true' when the request's credentials mode is 'include'."
    )
    assert found.name == "allow-credentials-not-true"
    assert found.fix_on_server.startswith(server)
    assert cause in found.cause


MISSING = "No 'Access-Control-Allow-Origin' header is present on the requested resource."
LOGIN = "https://login.example.net/oauth2"


@pytest.mark.parametrize(
    "phase", ["", "Response to preflight request doesn't pass access control check: "]
)
def test_a_redirect_of_the_pages_own_server_to_a_login_is_answered_with_401(phase: str) -> None:
    own = "https://app.example.com/api/me"
    found = told(phase + MISSING, LOGIN, own)
    assert found.url == LOGIN
    assert f"The page asked for {own}, which redirected" in found.cause
    assert "401" in found.fix_on_server
    assert "allow_origins" not in found.fix_on_server
    other = told(phase + MISSING, LOGIN, URL)
    assert f"The page asked for {URL}, which redirected" in other.cause
    assert "allow_origins" in other.fix_on_server
    near = told(phase + MISSING, LOGIN, "https://app.example.com.other.net/")
    assert "allow_origins" in near.fix_on_server
    assert "redirected" not in told(phase + MISSING).cause


def test_a_style_sheet_is_not_said_to_be_sent_as_a_script_alone() -> None:
    (found,) = diagnose(
        "The resource from \u201chttps://api.example.com/a.css\u201d was blocked due to MIME type "
        "(\u201ctext/html\u201d) mismatch (X-Content-Type-Options: nosniff)."
    )
    assert "text/css" in found.fix_on_server


@pytest.mark.parametrize("rest", ["", " This content should also be served over HTTPS."])
def test_a_warning_about_mixed_content_is_told_as_one(rest: str) -> None:
    (found,) = diagnose(
        "Mixed Content: The page at 'https://app.example.com/' was loaded over HTTPS, but "
        f"requested an insecure resource 'http://api.example.com/x'.{rest}"
    )
    assert found.name == "mixed-content"
    assert ("only warned" in found.cause) == bool(rest)


@pytest.mark.parametrize(
    "line",
    [
        "Method {} is not allowed by Access-Control-Allow-Methods in preflight response.",
        "Method {} is not allowed by Access-Control-Allow-Methods.",
    ],
)
def test_a_method_in_small_letters_is_mended_in_the_page(line: str) -> None:
    (found,) = diagnose(line.replace("{}", "patch"))
    assert found.method == "patch"
    assert "patch to allow_methods" not in found.fix_on_server
    assert "PATCH" in found.fix_on_server
    assert found.fix_on_page == "Write the method in capitals: PATCH."
    (found,) = diagnose(line.replace("{}", "PUT"))
    assert found.fix_on_server == "Add PUT to allow_methods."


def test_allow_same_origin_is_not_recommended_without_its_danger() -> None:
    (found,) = diagnose(
        START.replace("{}", URL).replace("https://app.example.com", "null") + MISSING
    )
    assert "allow-same-origin" in found.fix_on_page
    assert "allow-scripts" in found.fix_on_page
