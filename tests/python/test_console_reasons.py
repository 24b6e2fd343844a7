"""Lines of consoles whose cause is a status, a port, a type or the user's own network."""

from __future__ import annotations

import pytest

from corsac.console import diagnose
from corsac.console.table import table

URL = "https://api.example.com/notes"
SOCKET = "wss://api.example.com/live"
LIBRARY = "https://cdn.example.com/lib.js"
START = (
    f"Access to fetch at '{URL}' from origin 'https://a.example' has been blocked by CORS policy: "
)


@pytest.mark.parametrize(
    ("error", "name", "words"),
    [
        ("ERR_H2_OR_QUIC_REQUIRED", "stream-needs-http2", "HTTP/2"),
        ("ERR_UPLOAD_FILE_CHANGED", "not-sent", "A file that the page sends"),
        ("ERR_INVALID_URL", "not-sent", "not valid"),
        ("ERR_INTERNET_DISCONNECTED", "no-network", "no network"),
        ("ERR_NETWORK_CHANGED", "no-network", "from one to another"),
        ("ERR_NETWORK_IO_SUSPENDED", "no-network", "no network"),
        ("ERR_CONNECTION_REFUSED", "network-error", "no answer"),
        ("ERR_HTTP2_PROTOCOL_ERROR", "network-error", "no answer"),
    ],
)
def test_a_network_error_is_told_by_who_can_change_it(error: str, name: str, words: str) -> None:
    (found,) = diagnose(f"GET {URL} net::{error}")
    assert (found.engine, found.name, found.url) == ("chromium", name, URL)
    assert words in found.cause
    if name == "no-network":
        assert found.fix_on_server == "Nothing."


@pytest.mark.parametrize(
    ("error", "name"),
    [
        ("ERR_HTTP2_PROTOCOL_ERROR", "body-cut-off"),
        ("ERR_CONNECTION_RESET", "body-cut-off"),
        ("ERR_QUIC_PROTOCOL_ERROR.QUIC_NETWORK_IDLE_TIMEOUT", "body-cut-off"),
        ("ERR_TIMED_OUT", "body-cut-off"),
        ("ERR_NETWORK_CHANGED", "no-network"),
        ("ERR_CONTENT_DECODING_FAILED", "content-encoding"),
    ],
)
def test_an_error_after_a_status_is_not_for_want_of_an_answer(error: str, name: str) -> None:
    (found,) = diagnose(f"GET {URL} net::{error} 200 (OK)")
    assert (found.name, found.status) == (name, 200)
    assert "no answer" not in found.cause


def test_safaris_line_about_being_offline_is_of_the_users_network() -> None:
    text = "Failed to load resource: The Internet connection appears to be offline."
    (found,) = diagnose(text)
    assert (found.engine, found.name) == ("webkit", "no-network")


@pytest.mark.parametrize(
    ("status", "cause", "server"),
    [
        (200, "not a WebSocket at this path", "Upgrade"),
        (302, "a redirect", "without a redirect"),
        (400, "not a WebSocket at this path", "Upgrade"),
        (401, "needs a login", "cookie"),
        (403, "check Origin", "allow_origins with guard"),
        (404, "not a WebSocket at this path", "Upgrade"),
        (426, "not a WebSocket at this path", "Upgrade"),
        (500, "the server failed", "log"),
        (502, "the server failed", "log"),
    ],
)
def test_a_handshake_is_told_by_its_status_and_by_origin_for_403_alone(
    status: int, cause: str, server: str
) -> None:
    (found,) = diagnose(
        f"WebSocket connection to '{SOCKET}' failed: Error during WebSocket handshake: Unexpected "
        f"response code: {status}"
    )
    assert (found.name, found.status, found.url) == ("websocket", status, SOCKET)
    assert cause in found.cause
    assert server in found.fix_on_server
    told = found.cause + found.fix_on_server
    assert ("Origin" in told, "allow_origins" in told) == (status == 403, status == 403)


@pytest.mark.parametrize(
    "text",
    [
        "The server did not accept the WebSocket handshake.",
        "Error during WebSocket handshake: 'Upgrade' header is missing",
    ],
)
def test_a_handshake_without_a_status_may_be_for_its_origin(text: str) -> None:
    (found,) = diagnose(f"WebSocket connection to '{SOCKET}' failed: {text}")
    assert (found.name, found.url) == ("websocket", SOCKET)
    assert "allow_origins with guard" in found.fix_on_server


STRICT = "strict MIME type checking is enabled."


@pytest.mark.parametrize(
    ("line", "engine", "url"),
    [
        (
            f"Refused to execute script from '{LIBRARY}' because its MIME type ('text/html') is "
            f"not executable, and {STRICT}",
            "chromium",
            LIBRARY,
        ),
        (
            f"Refused to apply style from '{LIBRARY}' because its MIME type ('text/html') is not a "
            "supported stylesheet MIME type, and strict MIME checking is enabled.",
            "chromium",
            LIBRARY,
        ),
        *(
            (
                f"Failed to load module script: Expected a {kind} module script but the server "
                'responded with a MIME type of "text/html". Strict MIME type checking is enforced '
                "for module scripts per HTML spec.",
                "chromium",
                None,
            )
            for kind in ("JavaScript-or-Wasm", "JavaScript")
        ),
        *(
            (
                f"Loading {kind} from \u201c{LIBRARY}\u201d was blocked because of a disallowed "
                "MIME type (\u201ctext/html\u201d).",
                "firefox",
                LIBRARY,
            )
            for kind in ("module", "Worker")
        ),
        (
            f"The stylesheet {LIBRARY} was not loaded because its MIME type, "
            "\u201ctext/html\u201d, is not \u201ctext/css\u201d.",
            "firefox",
            LIBRARY,
        ),
        ("TypeError: 'text/html' is not a valid JavaScript MIME type.", "webkit", None),
    ],
)
def test_a_wrong_type_of_a_script_or_style_sheet_is_told(
    line: str, engine: str, url: str | None
) -> None:
    (found,) = diagnose(line)
    assert (found.engine, found.name) == (engine, "content-type")
    assert (found.url, found.value, found.is_cors) == (url, "text/html", False)


def test_an_empty_type_is_told_too() -> None:
    (found,) = diagnose(
        f"Refused to execute script from '{LIBRARY}' because its MIME type ('') is not executable, "
        f"and {STRICT}"
    )
    assert (found.name, found.url, found.value) == ("content-type", LIBRARY, "")


def test_safari_does_not_say_the_type_of_a_style_sheet() -> None:
    (found,) = diagnose(
        f"Did not parse stylesheet at '{LIBRARY}' because non CSS MIME types are not allowed in "
        "strict mode."
    )
    assert (found.engine, found.name, found.url) == ("webkit", "content-type", LIBRARY)


@pytest.mark.parametrize(
    ("line", "engine", "name", "url"),
    [
        (
            f"WebSocket connection to '{SOCKET}' failed: WebSocket is closed before the connection "
            "is established.",
            None,
            "websocket-closed",
            SOCKET,
        ),
        (
            f"The connection to {SOCKET} was interrupted while the page was loading.",
            "firefox",
            "websocket-closed",
            SOCKET,
        ),
        (
            f"The resource at \u201c{LIBRARY}\u201d was blocked because content blocking is "
            "enabled.",
            "firefox",
            "blocked-by-client",
            LIBRARY,
        ),
        (
            f"The resource at \u201c{LIBRARY}\u201d was blocked by Safe Browsing.",
            "firefox",
            "blocked-by-client",
            LIBRARY,
        ),
        *(
            (
                f"Request to access cookie or storage on \u201c{LIBRARY}\u201d was blocked because "
                f"{why} and content blocking is enabled.",
                "firefox",
                "cookie",
                LIBRARY,
            )
            for why in (
                "it came from a tracker",
                "we are blocking all third-party storage access requests",
            )
        ),
        *(
            (f"{who} cannot load {URL}. Not allowed to request resource", "webkit", "not-sent", URL)
            for who in ("Fetch API", "XMLHttpRequest")
        ),
    ],
)
def test_what_no_server_was_asked_for_is_told(
    line: str, engine: str | None, name: str, url: str
) -> None:
    (found,) = diagnose(line)
    assert (found.engine, found.name, found.url) == (engine, name, url)
    assert not found.is_cors


def test_firefox_says_of_what_tracking_protection_blocks_that_there_was_no_answer() -> None:
    (found,) = diagnose(
        f"The resource at \u201c{URL}\u201d was blocked because content blocking is enabled.\n"
        "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote "
        f"resource at {URL}. (Reason: CORS request did not succeed). Status code: (null)."
    )
    assert found.name == "blocked-by-client"


@pytest.mark.parametrize("prefix", ["", "[Error] ", "Failed to load resource: "])
def test_what_safari_forbids_has_its_url_from_the_line_below(prefix: str) -> None:
    line = f"{prefix}Not allowed to request resource"
    (found,) = diagnose(
        f"{line}\nFetch API cannot load {URL} due to access control checks.\n"
        "Fetch API cannot load https://other.example/ due to access control checks."
    )
    assert (found.engine, found.name, found.url) == ("webkit", "not-sent", URL)
    (found,) = diagnose(line)
    assert (found.engine, found.name, found.url) == ("webkit", "not-sent", None)


def test_what_safari_forbids_is_told_by_the_line_above_if_there_is_one() -> None:
    rest = f"Fetch API cannot load {URL}. Not allowed to request resource"
    (found,) = diagnose(
        f"Refused to connect to {URL} because it does not appear in the connect-src directive of "
        f"the Content Security Policy.\n{rest}"
    )
    assert (found.name, found.url) == ("content-security-policy", URL)
    (found,) = diagnose(rest)
    assert "line about that above" in found.fix_on_page


@pytest.mark.parametrize(("start", "end"), ["''", "\u2018\u2019"])
def test_the_line_of_post_message_is_that_of_two_browsers(start: str, end: str) -> None:
    (found,) = diagnose(
        f"Failed to execute {start}postMessage{end} on {start}DOMWindow{end}: The target origin "
        f"provided ({start}https://a.example{end}) does not match the recipient window{end}s "
        f"origin ({start}https://b.example{end})."
    )
    assert (found.name, found.engine) == ("post-message", None)
    assert (found.value, found.origin) == ("https://a.example", "https://b.example")


@pytest.mark.parametrize(
    "line",
    [
        "Security Error: Content at file:///a/index.html may not load data from file:///a/b.json.",
        "Unsafe attempt to load URL file:///a/b.json from frame with URL file:///a/index.html. "
        "Domains, protocols and ports must match.",
        "Unsafe attempt to load URL file:///a/b.json from origin null. Domains, protocols and "
        "ports must match.",
    ],
)
def test_a_file_that_a_page_asks_for_has_to_be_served(line: str) -> None:
    (found,) = diagnose(line)
    assert (found.name, found.url, found.reason) == ("scheme", "file:///a/b.json", "scheme")
    assert "over http" in found.fix_on_page
    (found,) = diagnose(line.replace("file:///a/b.json", URL))
    assert (found.name, found.url) == ("mode-same-origin", URL)


@pytest.mark.parametrize(
    ("origin", "value", "words"),
    [
        ("https://a.example", "https://a.example:443", "leave the port out"),
        ("http://a.example", "http://a.example:80", "leave the port out"),
        ("https://a.example", "https://a.example:80", "another port"),
        ("https://a.example:8443", "https://a.example:443", "another port"),
        ("https://a.example:8443", "https://a.example", "another port"),
    ],
)
def test_the_default_port_in_an_origin_is_told_as_that(origin: str, value: str, words: str) -> None:
    (found,) = diagnose(
        f"{START.replace('https://a.example', origin)}The 'Access-Control-Allow-Origin' header has "
        f"a value '{value}' that is not equal to the supplied origin."
    )
    assert found.name == "allow-origin-mismatch"
    assert words in found.cause


def test_a_method_with_one_capital_is_not_said_to_be_in_small_letters() -> None:
    (found,) = diagnose(
        f"{START}Method Patch is not allowed by Access-Control-Allow-Methods in preflight response."
    )
    assert "Patch, which is another method than PATCH" in found.cause
    assert "small letters" not in found.cause


def test_details_stand_for_causes_and_errors_that_exist() -> None:
    errors = {key for key in table().details if key.startswith("ERR_")}
    assert errors <= {error for error, name in table().network.items() if name}
