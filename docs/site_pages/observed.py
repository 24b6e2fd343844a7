"""Reason codes, lines of the log and metrics: from what the middleware really does."""

from __future__ import annotations

import contextlib
import inspect
import logging
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient, WebSocketDenialResponse

import corsac
import corsac.opentelemetry
import corsac.prometheus
from corsac.browser.outcome import REASONS
from corsac.cli.code_examples import MEANINGS
from corsac.cli.explain_code import sentence
from site_pages.text import GENERATED, anchored, block, from_docstring, table

APP = "https://app.example.com"
EVIL = "https://evil.example"
ASKING = {"Origin": APP, "Access-Control-Request-Method": "PUT"}


class Refused(NamedTuple):
    """What a reason means, and a request that is refused for it."""

    meaning: str
    method: str
    path: str
    headers: Mapping[str, str] | list[tuple[str, str]]
    options: Mapping[str, Any]


_LISTED: Mapping[str, Any] = {"allow_origins": [APP]}
SERVER: dict[str, Refused] = {
    "origin-not-allowed": Refused(
        MEANINGS["origin-not-allowed"],
        "GET",
        "/notes",
        {"Origin": EVIL},
        _LISTED,
    ),
    "origin-malformed": Refused(
        MEANINGS["origin-malformed"],
        "GET",
        "/notes",
        [("Origin", APP), ("Origin", EVIL)],
        _LISTED,
    ),
    "request-method-malformed": Refused(
        MEANINGS["request-method-malformed"],
        "OPTIONS",
        "/notes",
        {"Origin": APP, "Access-Control-Request-Method": "P U T"},
        _LISTED,
    ),
    "method-not-allowed": Refused(
        MEANINGS["method-not-allowed"],
        "OPTIONS",
        "/notes",
        ASKING,
        _LISTED,
    ),
    "header-not-allowed": Refused(
        MEANINGS["header-not-allowed"],
        "OPTIONS",
        "/notes",
        ASKING | {"Access-Control-Request-Headers": "x-trace"},
        {**_LISTED, "allow_methods": ["PUT"]},
    ),
    "authorization-not-listed": Refused(
        MEANINGS["authorization-not-listed"],
        "OPTIONS",
        "/notes",
        ASKING | {"Access-Control-Request-Headers": "authorization"},
        {**_LISTED, "allow_methods": ["PUT"], "allow_headers": ["*"]},
    ),
    "path-ambiguous": Refused(
        MEANINGS["path-ambiguous"],
        "GET",
        "//api/notes",
        {"Origin": APP},
        {"rules": [("/api/*", corsac.CORSPolicy(allow_origins=[APP]))], **_LISTED},
    ),
    "cross-origin-request": Refused(
        MEANINGS["cross-origin-request"],
        "POST",
        "/notes",
        {"Origin": EVIL},
        {**_LISTED, "guard": True},
    ),
    "cross-origin-websocket": Refused(
        MEANINGS["cross-origin-websocket"],
        "WebSocket",
        "/live",
        {"Origin": EVIL},
        {**_LISTED, "guard": True},
    ),
    "cross-origin-read": Refused(
        MEANINGS["cross-origin-read"],
        "GET",
        "/notes",
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {**_LISTED, "guard": corsac.Guard(isolate_reads=True)},
    ),
    "host-not-allowed": Refused(
        MEANINGS["host-not-allowed"],
        "GET",
        "/notes",
        {"Host": "rebound.example"},
        {**_LISTED, "allowed_hosts": ["api.example.com"]},
    ),
    "host-malformed": Refused(
        MEANINGS["host-malformed"],
        "GET",
        "/notes",
        {"Host": "api example"},
        {**_LISTED, "allowed_hosts": ["api.example.com"]},
    ),
    "credentials-not-allowed": Refused(
        MEANINGS["credentials-not-allowed"],
        "GET",
        "/notes",
        {"Origin": APP, "Cookie": "session=1"},
        {
            **_LISTED,
            "allow_credentials": True,
            "report_only": corsac.CORSPolicy(allow_origins=[APP]),
        },
    ),
}


def reasons() -> str:
    """The page of reason codes and log lines."""
    parts = [
        GENERATED + "# Every reason code and log line\n",
        "Why one request was refused. The server's reasons are in the log, in "
        "`corsac.Refusal.reason`, in counters and metrics; a browser's are what `explain`, `probe` "
        "and `corsac.browser.simulate` say.\n",
        "## Reasons of the server\n",
    ]
    for code, refused in SERVER.items():
        line, answer = _refused(code, refused)
        parts += [anchored(f"reason-{code}", f"`{code}`", 3), refused.meaning + "\n"]
        parts += [block("log", line), answer + "\n"]
    parts += [
        "## Other lines of the log\n",
        "All go to the logger `corsac` and begin with `CORS:`. At most 20 warnings a minute are "
        "written, besides the first ever for a reason; the next minute begins with how many were "
        "left out.\n",
        table(["line", "when"], _OTHER_LINES),
        "## Reasons of a browser\n",
        "`preflight:` stands before a code where it was the preflight request that failed.\n",
    ]
    for code, text in REASONS.items():
        parts += [
            anchored(f"browser-{code.replace(':', '-')}", f"`{code}`", 3),
            sentence(text) + "\n",
        ]
    return "\n".join(parts)


_OTHER_LINES = [
    (
        "`CORS: allow_origins: ... [origin.apex_not_covered]`",
        "a problem of a valid configuration, "
        "once, when it is put in force: see [the codes](codes.md)",
    ),
    ("`CORS: report-only: would refuse ...`", "a policy on trial would refuse what passes now"),
    ("`CORS: 17 more refusals were not logged`", "the minute before had too many"),
    (
        "`CORS: the application sets CORS headers itself ...`",
        "see `app_headers`, once for each path",
    ),
    ("`CORS: on_refusal raised ...`", "your callback failed; the request is answered all the same"),
    ("`CORS: corsac.toml was changed and is in force`", "`from_file(..., watch=True)`"),
    (
        "`CORS: corsac.toml cannot be used, so what was in force stays: ...`",
        "the same, with a mistake",
    ),
    (
        "`CORS: 3 origins of redis are in force; added ...; removed ...`",
        "a follower of [origins that change](../how-to/live-origins.md)",
    ),
    ("`CORS: redis fails: ...`, `CORS: redis answers again`", "its source"),
]


def _refused(code: str, refused: Refused) -> tuple[str, str]:
    """The line of a refusal, and what it is answered with."""
    app = corsac.CORSMiddleware(PlainTextResponse("milk, eggs"), **refused.options)
    client = TestClient(app)
    url = f"http://api.example.com{refused.path}"
    with _logged() as lines:
        if refused.method == "WebSocket":
            with (
                contextlib.suppress(WebSocketDenialResponse),
                client.websocket_connect(refused.path, headers=refused.headers),
            ):
                raise AssertionError(code)
            status, body = 403, code
        else:
            answer = client.request(refused.method, url, headers=refused.headers)
            status, body = answer.status_code, answer.text
    found = [line for line in lines if code in line]
    if not found:
        raise AssertionError(f"{code}: {lines}")
    if body == code:
        return found[0], f"Answered with {status} and the code."
    if status == HTTPStatus.OK:
        return found[0], "The application runs and answers; the answer has no CORS headers."
    return found[0], f"Answered with {status} and the usual headers."


@contextlib.contextmanager
def _logged() -> Iterator[list[str]]:
    """The lines of the logger meanwhile, and nowhere else."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("corsac")
    logger.addHandler(handler)
    propagate, logger.propagate = logger.propagate, False
    try:
        yield lines
    finally:
        logger.propagate = propagate
        logger.removeHandler(handler)


def metrics() -> str:
    """The page of metrics."""
    app = corsac.CORSMiddleware(Starlette(), allow_origins=[APP])
    registry = CollectorRegistry()
    registry.register(corsac.prometheus.CORSCollector(app))
    with _logged():
        for origin in (APP, EVIL):
            TestClient(app).get("/", headers={"Origin": origin})
    scraped = generate_latest(registry).decode().splitlines()
    shown = [line for line in scraped if line.startswith("#") or not line.endswith(" 0.0")]
    return "\n".join(
        [
            GENERATED + "# Every metric\n",
            "Counters cost a request nothing more: they are read when somebody asks. How to set "
            "them up: [While it runs](../how-to/operations.md).\n",
            "## In Python\n",
            "`middleware.counters()` after one allowed and one refused request:\n",
            table(["counter", "value"], [(f"`{n}`", str(v)) for n, v in app.counters().items()]),
            "## Prometheus\n",
            _list_of(corsac.prometheus.CORSCollector),
            "A scrape after these two requests, without what is 0:\n",
            block("console", "\n".join(shown)),
            "## OpenTelemetry\n",
            _list_of(corsac.opentelemetry.CORSInstrumentor),
            "Attributes of the current span of a refused request:\n",
            from_docstring(
                (inspect.getdoc(corsac.opentelemetry.annotate_span) or "").split("\n\n")[1]
            )
            + "\n",
        ]
    )


def _list_of(documented: type) -> str:
    """The paragraphs of a class's docstring between its first line and its arguments."""
    text = (inspect.getdoc(documented) or "").partition("\nArgs:")[0]
    return from_docstring(text.partition("\n\n")[2])
