"""Pastes and logs that look like another message than they are."""

from __future__ import annotations

import json

import pytest

from corsac.console import Diagnosis, diagnose, diagnose_chunks
from corsac.console.page import Hit

HEAD = (
    "Access to fetch at '{}' from origin 'https://app.example.com' has been blocked by CORS "
    "policy: "
)
MISSING = "No 'Access-Control-Allow-Origin' header is present on the requested resource."
FIREFOX = (
    "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at "
    "{}. (Reason: CORS header \u2018Access-Control-Allow-Origin\u2019 missing). Status code: 404."
)
URLS = [
    "https://api.example.com/?e=net::ERR_UNSAFE_PORT",
    "https://api.example.com/?msg=Failed%20net::ERR_FAILED",
    "https://api.example.com/errors/net::ERR_CONNECTION_REFUSED",
    "https://api.example.com/net::ERR_A,net::ERR_B,net::ERR_C,net::ERR_D,net::ERR_E/(net::ERR_F",
]


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize(
    ("text", "name"),
    [
        (HEAD + MISSING, "missing-allow-origin"),
        (
            HEAD
            + "Method PUT is not allowed by Access-Control-Allow-Methods in preflight response.",
            "method-not-allowed",
        ),
        (FIREFOX, "missing-allow-origin"),
        ("Fetch API cannot load {} due to access control checks.", "no-details"),
        ("Fetch API cannot load {}.", "mode-same-origin"),
    ],
)
def test_a_network_error_inside_a_url_is_part_of_the_url(url: str, text: str, name: str) -> None:
    (found,) = diagnose(text.replace("{}", url))
    assert (found.name, found.url) == (name, url)


def test_a_row_of_the_network_panel_is_about_the_error_after_its_url_alone() -> None:
    url = "https://api.example.com/a?next=net::ERR_TOO_MANY_REDIRECTS"
    assert diagnose(f"GET {url} 200 (OK)") == ()
    (found,) = diagnose(f"PUT {url} net::ERR_UNSAFE_PORT")
    assert (found.name, found.url, found.method) == ("bad-port", url, "PUT")


@pytest.mark.parametrize(
    "around",
    [
        *("{}", "Failed to load resource: {}", '{"errorText":"{}"}', "failed ({})", "[{}]"),
        *("page.goto: {} at https://api.example.com/", "x\n\t{}\n", "'{}'"),
        *("error={} attempt=2", "level=warn msg={}", "Error:{}"),
    ],
)
def test_a_network_error_that_stands_by_itself_is_read(around: str) -> None:
    (found,) = diagnose(around.replace("{}", "net::ERR_UNSAFE_PORT"))
    assert found.name == "bad-port"


CANNOT_LOAD = "Fetch API cannot load https://api.example.com/notes"


def test_a_line_that_breaks_off_after_the_url_is_not_the_message_that_ends_there() -> None:
    (found,) = diagnose(CANNOT_LOAD)
    assert (found.name, found.engine, found.reason) == ("no-details", None, None)
    assert found.url == "https://api.example.com/notes"
    (found,) = diagnose(f"{CANNOT_LOAD}.")
    assert (found.name, found.engine) == ("mode-same-origin", "webkit")


@pytest.mark.parametrize(
    ("rest", "name"),
    [
        (MISSING, "missing-allow-origin"),
        ('URL scheme "foo" is not supported.', "scheme"),
        (
            'Request mode is "no-cors" but the redirect mode is not "follow".',
            "redirect-mode-no-cors",
        ),
        (
            "Refused to connect because it violates the document's Content Security Policy.",
            "content-security-policy",
        ),
    ],
)
@pytest.mark.parametrize("mark", ["", "> ", "    "])
def test_a_message_that_was_broken_after_its_url_is_one_message(
    rest: str, name: str, mark: str
) -> None:
    (found,) = diagnose(f"{mark}{CANNOT_LOAD}.\n{mark}{rest}")
    assert (found.name, found.engine) == (name, "chromium")
    assert found.url == "https://api.example.com/notes"
    (found,) = diagnose(f"{mark}{CANNOT_LOAD}\n{mark}due to access control checks.")
    assert (found.name, found.engine) == ("no-details", "webkit")


def network(error: str, status: str = "") -> Diagnosis:
    """What is said of a row of the network panel with an error of Chromium."""
    (found,) = diagnose(f"GET https://api.example.com/notes net::{error}{status}")
    assert found.url == "https://api.example.com/notes"
    return found


@pytest.mark.parametrize(
    ("error", "name"),
    [
        ("ERR_BLOCKED_BY_CLIENT.Inspector", "blocked-by-client"),
        ("ERR_BLOCKED_BY_RESPONSE.NotSameOriginAfterDefaultedToSameOriginByDip", "coep"),
        ("ERR_BLOCKED_BY_RESPONSE.NotSameOriginAfterDefaultedToSameOriginByCoepAndDip", "coep"),
        ("ERR_BLOCKED_BY_RESPONSE.CoepFrameResourceNeedsCoepHeader", "coep"),
        ("ERR_BLOCKED_BY_RESPONSE.CoopSandboxedIFrameCannotNavigateToCoopPage", "frame-denied"),
        ("ERR_BLOCKED_BY_RESPONSE.SomethingNew", "corp"),
        ("ERR_UNSAFE_PORT.New", "bad-port"),
        ("ERR_SOMETHING.New", "body-cut-off"),
    ],
)
def test_a_network_error_with_a_second_name_is_told_by_the_first_at_least(
    error: str, name: str
) -> None:
    assert network(error, " 200 (OK)").name == name
    if name == "body-cut-off":  # Without a status there was no answer that could break off.
        name = "network-error"
    assert network(error).name == name


@pytest.mark.parametrize("second", ["", ".New"])
@pytest.mark.parametrize(
    ("error", "name", "words"),
    [
        ("ERR_CONTENT_DECODING_FAILED", "content-encoding", "Content-Encoding"),
        ("ERR_CONTENT_DECODING_INIT_FAILED", "content-encoding", "Content-Encoding"),
        ("ERR_INSUFFICIENT_RESOURCES", "not-sent", "too many requests"),
        ("ERR_OUT_OF_MEMORY", "not-sent", "memory"),
        ("ERR_FILE_NOT_FOUND", "not-sent", "a file"),
        ("ERR_UNKNOWN_URL_SCHEME", "not-sent", "scheme"),
        ("ERR_CACHE_MISS", "not-sent", "only-if-cached"),
    ],
)
def test_what_is_not_for_want_of_an_answer_is_not_said_to_be(
    error: str, name: str, words: str, second: str
) -> None:
    found = network(f"{error}{second}")
    assert (found.name, found.reason, found.is_cors) == (name, None, False)
    assert words in found.cause
    assert "no answer" not in f"{found.title} {found.cause}"
    assert "runs" not in found.fix_on_server


OF_OTHER_PROGRAMS = [
    "Connection terminated unexpectedly",
    "Could not connect to the server.",
    "Could not connect to api.example.com: Connection refused",
    "The network connection was lost.",
    "A server with the specified hostname could not be found.",
    "Error resolving \u201capi.example.com\u201d: Name or service not known",
    "Could not parse HTTP response",
    "Unacceptable TLS certificate",
    "Error performing TLS handshake: The handshake failed",
]
CHECKS = "Fetch API cannot load https://api.example.com/x due to access control checks."


@pytest.mark.parametrize("text", OF_OTHER_PROGRAMS)
def test_what_any_program_may_log_is_not_taken_for_a_message_of_webkit(text: str) -> None:
    log = f"Error: {text}\n    at Connection.<anonymous> (/srv/node_modules/pg/lib/client.js:132)\n"
    assert diagnose(log) == ()
    assert diagnose(f"{text}\n") == ()
    noise = "listening on 8000\n" * 500
    (found,) = diagnose(f"{log}{noise}{CHECKS}")
    assert found.name == "no-details"


@pytest.mark.parametrize("text", OF_OTHER_PROGRAMS)
@pytest.mark.parametrize(
    ("around", "url"),
    [
        ("[Error] Failed to load resource: {}", None),
        ("{}\n" + CHECKS, "https://api.example.com/x"),
        ("{}\n" + CHECKS + "\nFailed to load resource: {}", "https://api.example.com/x"),
        ("{}\nFailed to load resource: {}", None),
        ("Error: {}\n" + "listening on 8000\n" * 500 + "Failed to load resource: {}", None),
    ],
)
def test_it_is_one_where_webkit_says_that_it_was_a_request(
    text: str, around: str, url: str | None
) -> None:
    (found,) = diagnose(around.replace("{}", text))
    assert (found.name, found.engine, found.url) == ("network-error", "webkit", url)
    assert found.count == 1


def test_whoever_names_the_engine_is_believed() -> None:
    (found,) = diagnose("The network connection was lost.", engine="webkit")
    assert found.name == "network-error"


NO_ANSWER = (
    "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at "
    "{}. (Reason: CORS request did not succeed). Status code: (null)."
)


@pytest.mark.parametrize("pieces", [1, 3])
def test_a_line_that_follows_hours_later_is_of_another_request(pieces: int) -> None:
    url = "https://api.example.com/x"
    first, second = FIREFOX.replace("{}", url), NO_ANSWER.replace("{}", url)

    def reasons(lines: list[str]) -> list[str | None]:
        size = -(-len(lines) // pieces)
        chunks = ["".join(lines[at : at + size]) for at in range(0, len(lines), size)]
        return [each.reason for each in diagnose_chunks(chunks)[0]]

    assert reasons([f"{first}\n", f"{second}\n"]) == ["preflight:missing-allow-origin"]
    few, many = ["tick\r\n"] * 5, ["tick\r\n"] * 500
    assert reasons([f"{first}\n", *few, f"{second}\n"]) == ["preflight:missing-allow-origin"]
    others = [FIREFOX.replace("{}", f"{url}/{number}") + "\n" for number in range(500)]
    for noise in (many, others):
        found = reasons([f"{first}\n", *noise, f"{second}\n"])
        assert found[0] == "missing-allow-origin"
        assert (found[-1] or "").startswith("network-error")
        assert len(found) == (2 if noise is many else 502)


def test_a_line_that_has_the_status_is_of_the_message_before_it_alone() -> None:
    head, url = HEAD.replace("{}", "https://api.example.com/x"), "https://api.example.com/x"
    row = f"GET {url} net::ERR_FAILED 502 (Bad Gateway)"
    (found,) = diagnose(f"{head}{MISSING}\n{row}")
    assert found.status == 502
    noise = "tick\n" * 500
    (found,) = diagnose(f"{head}{MISSING}\n{noise}{row}")
    assert found.status is None


@pytest.mark.parametrize("unit", ["x\n\n", "It does not have HTTP ok status.\n"])
def test_putting_lines_together_looks_at_each_find_a_fixed_number_of_times(
    unit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    class Counted(Hit):
        """A find that counts how often its place is asked for."""

        def __getattribute__(self, name: str) -> object:
            nonlocal looks
            looks += name == "start"
            return super().__getattribute__(name)

    monkeypatch.setattr("corsac.console.scanning.Hit", Counted)

    def count(size: int) -> int:
        nonlocal looks
        looks = 0
        diagnose(unit * size + "It does not have HTTP ok status.\n" * size + "x\n\n" * size)
        return looks

    count(1)
    assert 0 < count(200) < 2.5 * count(100)


SAFARI_LOGS = [
    "2026-11-30 ERROR celery: The request timed out.",
    "worker: The network connection was lost.",
    "pg: Connection terminated unexpectedly",
]


@pytest.mark.parametrize("stray", SAFARI_LOGS)
@pytest.mark.parametrize("lines", [0, 1, 2, 5, 38, 500])
def test_a_line_of_a_log_is_safaris_reason_only_directly_before_its_request(
    stray: str, lines: int
) -> None:
    noise = "listening on 8000\n" * lines
    (found,) = diagnose(f"{stray}\n{noise}{CHECKS}")
    assert found.name == ("network-error" if lines < 2 else "no-details")
    assert (found.engine, found.url) == ("webkit", "https://api.example.com/x")


@pytest.mark.parametrize("stray", SAFARI_LOGS)
def test_a_reason_that_safari_has_said_is_its_own_stays_that_across_a_stack(stray: str) -> None:
    reason = stray.partition(": ")[2]
    stack = "    at load (app.js:3)\n" * 20
    for first in (f"[Error] Failed to load resource: {reason}\n", f"{reason}\n{CHECKS}\n"):
        (found,) = diagnose(f"{first}{stack}Failed to load resource: {reason}\n")
        assert (found.name, found.engine, found.count) == ("network-error", "webkit", 1)
    (found,) = diagnose(f"Failed to load resource: {reason}\n{stack}{CHECKS}")
    assert (found.name, found.url) == ("network-error", "https://api.example.com/x")
    (found,) = diagnose(f"{stray}\n{stack}Failed to load resource: {reason}\n{CHECKS}")
    assert (found.name, found.count) == ("network-error", 1)


POLICY = (
    "Refused to connect to 'https://api.example.com/v1/x?a=1&b=2' because it violates the "
    "following Content Security Policy directive: \"connect-src 'self'\"."
)


def _hexadecimal(text: str, marks: str) -> str:
    """A text with some of its marks as Go, Java and .NET write them in JSON."""
    return "".join(f"\\u{ord(mark):04X}" if mark in marks else mark for mark in text)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"m": POLICY}),
        json.dumps({"m": json.dumps({"m": POLICY})}),
        json.dumps({"m": json.dumps({"m": json.dumps({"m": POLICY})})}),
        json.dumps({"m": POLICY}).replace("/", "\\/"),
        _hexadecimal(POLICY, "'\""),
        _hexadecimal(POLICY, "'\"&"),
    ],
)
def test_a_message_in_a_log_of_json_is_read(text: str) -> None:
    (found,) = diagnose(text)
    assert (found.name, found.value) == ("content-security-policy", "connect-src 'self'")
    assert found.url == "https://api.example.com/v1/x?a=1&b=2"


def test_a_message_of_firefox_in_a_log_of_json_is_read() -> None:
    for text in (FIREFOX, json.dumps(FIREFOX), json.dumps(json.dumps(FIREFOX))):
        (found,) = diagnose(text.replace("{}", "https://api.example.com/x"))
        assert (found.engine, found.name, found.status) == ("firefox", "missing-allow-origin", 404)


def test_many_backslashes_cost_no_more_than_other_letters() -> None:
    line = "\\" * 1_000_000
    (found,) = diagnose(f"{line}\n{POLICY}\n{line}")
    assert found.name == "content-security-policy"
