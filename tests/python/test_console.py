"""What browsers print, diagnosed: every recorded row, and the same with other values and noise."""

from __future__ import annotations

import json
import re
import textwrap
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from corsac.browser import REASONS
from corsac.console import ENGINES, MAX_DIAGNOSES, Diagnosis, diagnose, diagnose_chunks
from corsac.console.scanning import TRIGGERS
from corsac.console.table import table

ROWS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "conformance/console/messages.json").read_text("utf-8")
)

PLACES = {
    "url": "https://api.example.com:8443/v1/items?q=a%20b&x=1",
    "redirect_url": "https://other.example.net/login?next=%2F",
    "redirect_url_without_user": "https://other.example.net/login",
    "origin": "https://app.example.com",
    "origin_with_https": "http://app.example.com",
    "origin_without_port": "https://app.example.com:1",
    "origin_in_other_case": "HTTPS://App.Example.com",
    "other_origin": "https://other.example.org",
    "server_origin": "https://api.example.com:8443",
    "server_host": "api.example.com",
    "host": "app.example.com",
    "host_and_port": "app.example.com:8443",
    "page_url": "https://app.example.com/index.html",
    "ip_and_port": "127.0.0.1:8443",
    "kind": "fetch",
    "value": "https://x.example",
    "space": "local",
    "method": "PUT",
    "status": "500",
    "status_text": "Internal Server Error",
    "error": "ERR_CONNECTION_RESET",
    "header": "x-trace",
}

OTHER_PLACES = [
    PLACES
    | {"url": "http://localhost:5000/it's/here?a='b'", "origin": "http://localhost:3000", "kind": k}
    for k in ("XMLHttpRequest", "script", "font", "image", "CSS stylesheet", "internal resource")
] + [
    PLACES | {"url": "https://xn--bcher-kva.example/" + "a" * 3000, "origin": "null"},
    PLACES | {"url": "https://b\u00fccher.example/\u00fc?\u00f6=1", "header": "X-CSRF_Token.v2"},
    PLACES | {"url": "http://[::1]:8000/", "origin": "http://[::1]:3000", "method": "PROPFIND"},
    PLACES | {"url": "https://api.example.com/a.b.", "origin": "chrome-extension://abcdefgh"},
    PLACES | {"url": "ws://api.example.com/socket", "status": "503"},
]

# Codes that simulate has had since the rows were recorded, and what the engine prints first where
# that is not what simulate judges.
EXPECTED = {
    "lna-insecure": "local-network-insecure",
    "lna-secure": "local-network-denied",
    "lna-preflight": "local-network-denied",
    "lna-ws": "local-network-denied",
    "lna-space": "local-network-mismatch",
    "stream-http1": "stream-needs-http2",
    "old-private-network-insecure": "local-network-insecure",
    "worker": "mode-same-origin",
    "websocket-refused": "network-error",
    "chromium-devtools-row": "network-error",
    "file-module": "scheme",
}
EXPECTED_OF = {
    ("file-module", "webkit"): "missing-allow-origin",
    ("cut-off", "webkit"): "network-error",  # As for a connection that ends before the answer.
    ("websocket-refused", "firefox"): None,  # It does not say why there is no connection.
    ("lna-insecure", "firefox"): "local-network-denied",  # It asks about pages without https, too.
    ("lna-ws", "firefox"): None,
    ("lna-ws", "webkit"): None,  # There is no Local Network Access.
    ("lna-mixed", "chromium"): "local-network-denied",
    ("https-to-localhost", "webkit"): None,  # Mixed content, for this engine alone.
    ("preflight-headers-several", "webkit"): "preflight:header-not-allowed:x-c",  # As it says.
}


def paste(row: dict[str, Any], places: dict[str, str]) -> str:
    """What the browser of a row prints, with values in the places of the names."""
    text = "\n".join(row["messages"])
    return re.sub(r"\{(\w+)\}", lambda match: places.get(match[1], match[0]), text)


def wanted(row: dict[str, Any], places: dict[str, str]) -> set[str]:
    """The codes that are right for a row; empty if there is none."""
    codes = {row["reason_code"], row["reason_code_standard"]} - {None, "ok"}
    case = row["case"]
    other = EXPECTED_OF.get((case, row["engine"]), EXPECTED.get(case, ""))
    if (case, row["engine"]) in EXPECTED_OF or (not codes and other):
        codes = {other} - {None}
    return {code.replace("{header}", places["header"].lower()) for code in codes}


def verdict(row: dict[str, Any], found: tuple[Diagnosis, ...], places: dict[str, str]) -> str:
    """How a row came out: "right", "ambiguous", "undecided" or "wrong"."""
    codes = {code for each in wanted(row, places) for code in each.split(" or ")}
    if not row["messages"]:
        return "wrong" if found else "right"
    if not codes:
        return "wrong" if any(each.reason for each in found) else "right"
    if any(each.reason in codes for each in found):
        return "right"
    if any(codes & set(each.reasons) for each in found):
        return "ambiguous"
    return "wrong" if any(each.reason for each in found) else "undecided"


def counts(places: dict[str, str], engine: str, around: str = "{}") -> Counter[str]:
    """Count how all rows of an engine come out."""
    result: Counter[str] = Counter()
    for row in ROWS:
        if row["engine"] == engine:
            found = diagnose(around.replace("{}", paste(row, places)))
            result[verdict(row, found, places)] += 1
    return result


# WebKit prints one line for a header that is missing and one that is wrong, for requests and for
# their preflights; Firefox one for everything without an answer.
COUNTS = {
    "chromium": {"right": 189, "undecided": 1},
    "firefox": {"right": 168, "ambiguous": 19},
    "webkit": {"right": 87, "ambiguous": 92},
}


@pytest.mark.parametrize("engine", ENGINES)
def test_every_recorded_row_has_the_right_cause_and_none_a_wrong_one(engine: str) -> None:
    assert counts(PLACES, engine) == COUNTS[engine]


def test_of_a_hundred_recorded_rows_99_name_the_right_cause_and_none_a_wrong_one() -> None:
    total = sum((counts(PLACES, engine) for engine in ENGINES), Counter[str]())
    assert total.total() == len(ROWS) == 556
    assert total["wrong"] == 0
    assert total["right"] + total["ambiguous"] >= 0.99 * total.total()


def test_the_last_full_stop_may_be_missing() -> None:
    line = "Method PUT is not allowed by Access-Control-Allow-Methods in preflight response"
    for text in (line, f"{line}.", f"{line}\n", f"{line}. "):
        (found,) = diagnose(text)
        assert found.reason == "preflight:method-not-allowed"
        assert found.method == "PUT"


def test_where_the_text_leaves_it_open_it_is_said_what_tells() -> None:
    for row in ROWS:
        for found in diagnose(paste(row, PLACES)):
            if row["engine"] == "webkit" and len(found.reasons) > 1 and found.is_cors:
                assert "corsac probe" in found.cause, row["case"]


@pytest.mark.parametrize("engine", ["firefox", "webkit"])
def test_a_row_with_several_causes_says_what_decides(engine: str) -> None:
    for row in ROWS:
        found = diagnose(paste(row, PLACES))
        if row["engine"] == engine and verdict(row, found, PLACES) == "ambiguous":
            assert any("corsac probe" in each.cause for each in found), row["case"]
            assert all(each.probe for each in found if each.url), row["case"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Status code: 500", "missing-allow-origin or allow-origin-mismatch"),
        (
            "Status code: 204",
            "missing-allow-origin or allow-origin-mismatch or "
            "preflight:missing-allow-origin or preflight:allow-origin-mismatch",
        ),
    ],
)
def test_webkit_looks_at_the_status_of_a_preflight_before_its_headers(
    line: str, reason: str
) -> None:
    text = f"Origin https://app.example.com is not allowed by Access-Control-Allow-Origin. {line}"
    (found,) = diagnose(text, engine="webkit")
    assert found.reason == reason


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("number", range(len(OTHER_PLACES)))
def test_other_urls_origins_kinds_and_names_change_nothing(engine: str, number: int) -> None:
    assert counts(OTHER_PLACES[number], engine) == COUNTS[engine]


def test_causes_have_codes_of_the_simulated_browser_alone_and_messages_what_finds_them() -> None:
    for message in table().messages:
        for code in (*message.cause.reasons, *message.reasons):
            assert code in REASONS or code.split(":")[1] in REASONS
        parts = (*message.parts, "CORS" if message.head == "needed" else "")
        assert any(trigger in part for trigger in TRIGGERS for part in parts), message.text
    assert set(table().network.values()) - {""} <= set(table().causes)


PREFLIGHT = (
    "Access to fetch at 'https://api.example.com/x' from origin 'https://app.example.com' has been "
    "blocked by CORS policy: Response to preflight request doesn't pass access control check: No "
    "'Access-Control-Allow-Origin' header is present on the requested resource."
)


def test_a_diagnosis_has_the_request_the_fixes_and_the_command() -> None:
    (found,) = diagnose(PREFLIGHT)
    assert (found.engine, found.reason) == ("chromium", "preflight:missing-allow-origin")
    assert (found.url, found.origin) == ("https://api.example.com/x", "https://app.example.com")
    assert "https://app.example.com to allow_origins" in found.fix_on_server
    assert found.page == "docs/blocked/preflight-missing-allow-origin.md"
    assert found.probe == (
        "corsac probe https://api.example.com/x --origin https://app.example.com --method METHOD"
    )


def test_the_command_has_a_preflight_request_where_one_has_failed_and_else_none() -> None:
    (of_answer,) = diagnose(
        PREFLIGHT.replace("Response to preflight request doesn't pass access control check: ", "")
    )
    assert of_answer.reason == "missing-allow-origin"
    assert "--method" not in (of_answer.probe or "")
    named = PREFLIGHT.partition("Response to")[0]
    for text, rest in (
        (
            "Method PUT is not allowed by Access-Control-Allow-Methods in preflight response.",
            "--method PUT",
        ),
        (
            "Request header field x-a is not allowed by Access-Control-Allow-Headers in preflight "
            "response.",
            "--header x-a",
        ),
    ):
        (found,) = diagnose(named + text)
        assert (found.probe or "").endswith(f"--origin https://app.example.com {rest}")


@pytest.mark.parametrize("width", [40, 72, 80, 100])
@pytest.mark.parametrize("mark", ["", "> ", "    ", ">> "])
def test_a_message_that_was_wrapped_is_read_as_a_whole(width: int, mark: str) -> None:
    wrapped = textwrap.wrap(PREFLIGHT, width, break_long_words=False, break_on_hyphens=False)
    (found,) = diagnose("\n".join(mark + line for line in wrapped))
    assert found == diagnose(PREFLIGHT)[0]
    broken = [PREFLIGHT[start : start + width] for start in range(0, len(PREFLIGHT), width)]
    (found,) = diagnose("\n".join(broken))
    assert found.reason == "preflight:missing-allow-origin"


def test_an_engine_that_does_not_exist_is_a_value_error() -> None:
    for wrong in ("safari", "", "Chromium"):
        with pytest.raises(ValueError, match="is not an engine: write one of chromium, firefox"):
            diagnose(PREFLIGHT, engine=wrong)
    assert diagnose(PREFLIGHT, engine="firefox") == ()
    assert len(diagnose(PREFLIGHT, engine="chromium")) == 1
    with pytest.raises(TypeError, match="text has to be a string, not bytes"):
        diagnose(b"")  # type: ignore[arg-type]


def test_a_text_without_a_message_gives_nothing() -> None:
    for text in ("", "\n\n", "hello", "Uncaught Error: inside", "GET /x 200 (OK)"):
        assert diagnose(text) == ()


def test_more_findings_than_are_kept_are_counted() -> None:
    lines = [PREFLIGHT.replace("/x", f"/{number}") for number in range(MAX_DIAGNOSES + 1)]
    found, left_out = diagnose_chunks("\n".join(lines[:-1]) for _ in range(2))
    assert (len(found), left_out, found[0].count) == (MAX_DIAGNOSES, 0, 2)
    found, left_out = diagnose_chunks(lines)
    assert (len(found), left_out) == (MAX_DIAGNOSES, 1)


MOST_UNDECIDED = 4
"""Rows of an engine that may be without an answer where noise stands at both of their ends."""

NOISE = [
    "index.html:1 {}",
    "12:34:56.789 app.js:17:5 {} app.js:17:5",
    '[1130/101112.345:INFO:CONSOLE(12)] "{}", source: http://localhost:3000/app.js (12)',
    "2026-11-30T10:00:00Z ERROR [browser] {} Understand this error",
    "Uncaught Error: inside\nGET /x 200 (OK)\n\n  {}\n(anonymous) @ app.js:3\nawait in load",
    "  3 | {}\r\n  4 | \r\n",
    "{} (app.js, line 3)",
    "[Error] {}",
]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("around", NOISE)
def test_noise_around_messages_makes_none_of_them_wrong_and_few_undecided(
    engine: str, around: str
) -> None:
    found = counts(PLACES, engine, around)
    assert found["wrong"] == 0
    assert found["undecided"] <= MOST_UNDECIDED
    lines = [row for row in ROWS if row["engine"] == engine and row["messages"]]
    undecided: Counter[int] = Counter()
    for row in lines:
        # Each line with noise of its own, and in the quotes that programs make of curly ones.
        text = "\n".join(around.replace("{}", line) for line in paste(row, PLACES).split("\n"))
        straight = text.translate({0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"'})
        escaped = text.encode("ascii", "backslashreplace").decode()
        for form, each in enumerate((text, straight, escaped)):
            told = verdict(row, diagnose(each), PLACES)
            assert told != "wrong", (row["case"], each)
            undecided[form] += told == "undecided"
    assert max(undecided.values()) <= MOST_UNDECIDED


def test_several_messages_in_one_paste_are_kept_apart() -> None:
    rows = [row for row in ROWS if row["case"] in {"acao-missing", "preflight-404", "acac-missing"}]
    text, expected = [], []
    for number, row in enumerate(rows):
        places = PLACES | {"url": f"https://api.example.com/{number}"}
        text.append(paste(row, places))
        (found,) = diagnose(text[-1])
        expected.append(found)
    assert diagnose("\n".join(text)) == tuple(expected)


def test_a_url_that_firefox_has_shortened_is_shown_and_not_probed() -> None:
    url = "https://api.example.com/a\u2026z"
    text = (
        "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote "
        f"resource at {url}. (Reason: CORS header \u2018Access-Control-Allow-Origin\u2019 "
        "missing). Status code: 404. [Learn More]"
    )
    (found,) = diagnose(text)
    assert (found.url, found.status, found.probe) == (url, 404, None)


def test_a_password_in_a_url_is_not_shown() -> None:
    (found,) = diagnose(PREFLIGHT.replace("https://api.", "https://me:sEcReT@api."))
    assert "sEcReT" not in repr(found)
    assert found.url == "https://me:...@api.example.com/x"


@pytest.mark.parametrize("width", [0, 30_000])
def test_a_message_in_a_very_long_line_is_found(width: int) -> None:
    line = "x" * width + " " + PREFLIGHT + "y" * width
    (found,) = diagnose(f"{line * 50}\n")
    assert (found.reason, found.count) == ("preflight:missing-allow-origin", 50)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("http://app.example.com", "another scheme"),
        ("https://app.example.com:8443", "another port"),
        ("https://App.Example.com", "byte for byte"),
        ("https://app.example.com/", "no slash at its end"),
        ("https://app.example.com, https://app.example.com", "only one value is allowed"),
        ("https://*.example.com", "browsers know no patterns"),
        ("https://app.example.com", "after a redirect"),
        ("null", "It is null"),
    ],
)
def test_a_mismatch_is_told_by_its_value(value: str, words: str) -> None:
    text = PREFLIGHT.replace(
        "No 'Access-Control-Allow-Origin' header is present on the requested resource.",
        f"The 'Access-Control-Allow-Origin' header has a value '{value}' that is not equal to the "
        "supplied origin.",
    )
    (found,) = diagnose(text)
    assert found.reason == "preflight:allow-origin-mismatch"
    assert words in found.cause
