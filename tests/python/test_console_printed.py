"""What a browser would print for an answer: exactly what was recorded for such answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from corsac.browser import FetchRequest, Request, Response, simulate
from corsac.console import ENGINES, diagnose
from corsac.console.printing import printed

RECORDED: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "conformance/console/messages.json").read_text("utf-8")
)
ROWS = {(row["case"], row["engine"]): row for row in RECORDED}
# Of the rows of Firefox the first is that of a permission that was denied, not of a prompt.
DENIED = {row["case"]: row["messages"] for row in reversed(RECORDED) if row["engine"] == "firefox"}
APP, API, OTHER = "https://app.example", "https://api.example/x", "https://other.example"
PLACES = {
    "url": API,
    "origin": APP,
    "other_origin": OTHER,
    "origin_with_https": "http://app.example",
    "redirect_url": f"{OTHER}/y",
    "host": "app.example",
    "host_and_port": "app.example:1",
}

Answer = tuple[int, list[tuple[str, str]]]
OK: list[tuple[str, str]] = [("access-control-allow-origin", APP)]
TO_OTHER = ("location", f"{OTHER}/y")


def allow(value: str) -> list[tuple[str, str]]:
    return [("access-control-allow-origin", value)]


def more(name: str, value: str) -> list[tuple[str, str]]:
    return [*OK, (f"access-control-allow-{name}", value)]


class Case(NamedTuple):
    """How a server answers a preflight, the request, and where a redirect goes; what is asked."""

    preflight: Answer = (204, [])
    actual: Answer = (200, [])
    elsewhere: Answer = (200, [])
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    credentials: str = "same-origin"
    redirect: str = "follow"
    url: str = API
    mode: str = "cors"


def asked(status: int, headers: list[tuple[str, str]], credentials: str = "same-origin") -> Case:
    """A PUT, whose preflight gets an answer."""
    return Case((status, headers), method="PUT", credentials=credentials)


CASES = {
    "acao-missing": Case(),
    "acao-missing-500": Case(actual=(500, [])),
    "acao-other-origin": Case(actual=(200, allow(OTHER))),
    "acao-other-scheme": Case(actual=(200, allow("http://app.example"))),
    "acao-trailing-slash": Case(actual=(200, allow(f"{APP}/"))),
    "acao-two-values": Case(actual=(200, allow(f"{APP}, {OTHER}"))),
    "acao-two-values-space": Case(actual=(200, allow(f"{APP} {OTHER}"))),
    "acao-two-lines": Case(actual=(200, [*OK, *allow(OTHER)])),
    "acao-invalid": Case(actual=(200, allow("app.example:1"))),
    "acao-invalid-host": Case(actual=(200, allow("app.example"))),
    "acao-null": Case(actual=(200, allow("null"))),
    "acao-empty": Case(actual=(200, allow(""))),
    "acao-true": Case(actual=(200, allow("true"))),
    "acao-quoted-star": Case(actual=(200, allow('"*"'))),
    "star-with-credentials": Case(actual=(200, allow("*")), credentials="include"),
    "acac-missing": Case(actual=(200, OK), credentials="include"),
    "acac-false": Case(actual=(200, more("credentials", "false")), credentials="include"),
    "preflight-acao-missing": asked(204, []),
    "preflight-404-no-cors": asked(404, []),
    "preflight-404": asked(404, OK),
    "preflight-500": asked(500, OK),
    "preflight-redirect": asked(301, [*OK, ("location", "/y")]),
    "preflight-redirect-no-cors": asked(307, [("location", "/y")]),
    "preflight-acao-other": asked(204, allow(OTHER)),
    "preflight-star-acao-credentials": asked(204, allow("*"), "include"),
    "preflight-acac-missing": asked(204, OK, "include"),
    "preflight-method": asked(204, more("methods", "GET, POST")),
    "preflight-acam-bad": asked(204, more("methods", "PUT; GET")),
    "preflight-acah-bad": Case((204, more("headers", "x-a; x-b")), headers=(("X-A", "1"),)),
    "preflight-header": Case((204, OK), headers=(("X-A", "1"),)),
    "preflight-content-type": Case((204, OK), headers=(("Content-Type", "application/json"),)),
    "preflight-authorization-not-listed": Case((204, OK), headers=(("Authorization", "x"),)),
    "preflight-ok-actual-missing": Case((204, more("methods", "PUT")), method="PUT"),
    "redirect-first-no-acao": Case(actual=(302, [TO_OTHER])),
    "redirect-other-no-acao": Case(actual=(302, [*OK, TO_OTHER])),
    "redirect-tainted": Case(actual=(302, [*OK, TO_OTHER]), elsewhere=(200, OK)),
    "redirect-mode-error": Case(actual=(302, [*OK, TO_OTHER]), redirect="error"),
    "redirect-loop": Case(actual=(302, [*OK, ("location", API)])),
    "redirect-scheme": Case(actual=(302, [*OK, ("location", "data:text/plain,x")])),
    "corp": Case(actual=(200, [("cross-origin-resource-policy", "same-origin")]), mode="no-cors"),
    "bad-port": Case(url="https://api.example:6667/"),
    "no-cors-put": Case(method="PUT", mode="no-cors"),
    "url-credentials": Case(url="https://user:secret@api.example/"),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", CASES)
def test_what_is_printed_is_what_was_recorded(name: str, engine: str) -> None:
    case = CASES[name]
    request = FetchRequest(
        case.url,
        APP,
        case.method,
        case.headers,
        case.credentials,
        case.mode,
        redirect=case.redirect,
    )

    def server(sent: Request) -> Response:
        if sent.url != case.url:
            return Response(*case.elsewhere)
        return Response(*(case.preflight if sent.is_preflight else case.actual))

    outcome = simulate(request, server, profile=engine)
    lines = printed(outcome, request)
    expected = []
    places = PLACES | {"url": case.url}
    places["redirect_url"] = dict(case.actual[1]).get("location", "")
    for line in ROWS[name, engine]["messages"]:
        text = line
        for place, value in places.items():
            text = text.replace(f"{{{place}}}", value)
        expected.append(text)
    assert list(lines) == expected
    if lines and name != "redirect-mode-error":
        found = diagnose("\n".join(lines), engine=engine)
        assert any(outcome.reason in each.reasons for each in found)


def test_nothing_is_printed_for_the_standard_and_for_what_is_allowed() -> None:
    request = FetchRequest(API, APP)
    assert printed(simulate(request, lambda _: Response(200)), request) == ()
    outcome = simulate(request, lambda _: Response(200, OK), profile="chromium")
    assert printed(outcome, request) == ()


@pytest.mark.parametrize(
    ("name", "origin", "method"),
    [
        ("lna-secure", "https://app.example", "GET"),
        ("lna-insecure", "http://app.example", "GET"),
        ("lna-preflight", "https://app.example", "PUT"),
    ],
)
def test_firefox_says_what_was_detected_where_local_network_access_is_denied(
    name: str, origin: str, method: str
) -> None:
    url = "http://127.0.0.1:8080/notes"
    request = FetchRequest(url, origin, method, permissions=())
    outcome = simulate(request, lambda _: Response(200), profile="firefox")
    places = {"{page_url}": f"{origin}/", "{url}": url, "{ip_and_port}": "127.0.0.1:8080"}
    expected = []
    for line in DENIED[name]:
        text = line
        for place, value in places.items():
            text = text.replace(place, value)
        expected.append(text)
    # Firefox itself prints the last two in either order.
    lines = printed(outcome, request)
    assert sorted(lines) == sorted(expected)
    # It asks the user about pages without https, too: those are denied, too.
    for text in ("\n".join(lines), *lines[:2]):
        (found,) = diagnose(text, engine="firefox")
        assert outcome.reason == "local-network-denied"
        assert outcome.reason in found.reasons
        assert "https" not in found.fix_on_page
