"""Servers, layers and applications that change lists, dictionaries and lines while they are read.

Whatever they do and whenever, nothing crashes, no origin is allowed that is not listed, and the
next request is answered as ever. `make sanitize` runs these under AddressSanitizer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import corsac
import corsac.wsgi
from support.asgi import messages_of, scope_with
from support.exchange import run_wsgi
from support.meddling import ACTS, ALLOWED, ASKED, EVIL, Meddler, asgi_exchange, wsgi_exchange
from support.properties import examples, without_warnings
from support.wsgi import environ_from

EXCHANGES: dict[str, Callable[..., list[Any]]] = {"ASGI": asgi_exchange, "WSGI": wsgi_exchange}
SHAPES = ["plain", "list", "odd", "buffers"]
LISTS = ["plain", "odd", "once"]
ALLOW = b"access-control-allow-origin"


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> Iterator[None]:
    with without_warnings():
        yield


def plain_answers(middleware: Any) -> list[Any]:
    """The CORS headers that plain requests of each origin get."""
    answers = []
    for origin in (*ALLOWED, EVIL):
        if isinstance(middleware, corsac.CORSMiddleware):
            scope = scope_with([(b"origin", origin.encode())])
            lines = messages_of(middleware, scope)[0]["headers"]
            found = {name.lower(): value for name, value in lines}.get(ALLOW, b"").decode()
        else:
            lines = run_wsgi(middleware, environ_from(origin)).headers
            found = {name.lower(): value for name, value in lines}.get(ALLOW.decode(), "")
        answers.append(found)
    return answers


@pytest.mark.parametrize("protocol", EXCHANGES)
@examples(60)  # Each is answered once for every moment at which a neighbour acts.
@given(
    st.lists(st.sampled_from([*ACTS]), min_size=1, max_size=30),
    st.tuples(st.sampled_from([ALLOWED[0], ALLOWED[0], EVIL]), st.sampled_from([*ASKED])),
    st.tuples(st.sampled_from(SHAPES), st.sampled_from(SHAPES[:3]), st.sampled_from(LISTS)),
    st.fixed_dictionaries({"guard": st.booleans(), "allow_credentials": st.booleans()}),
)
def test_whatever_neighbours_change_no_other_origin_is_allowed(
    protocol: str,
    plan: list[str],
    request: tuple[str, str],
    shapes: tuple[str, str, str],
    drawn: dict[str, bool],
) -> None:
    meddler = Meddler(plan)
    options = drawn | {
        "allow_origins": [*ALLOWED],
        "allow_methods": ["*"],
        "allow_headers": ["*"],
        "report_only": corsac.CORSPolicy(allow_origins=[ALLOWED[1]]),
    }
    started = EXCHANGES[protocol](meddler, *request, shapes, options)
    for lines in started:
        allowing = [value for name, value in lines if name == ALLOW]
        assert len(allowing) <= 1
        assert {value.decode() for value in allowing} <= {*ALLOWED}
    meddler.response_lines.clear()
    assert plain_answers(meddler.middleware) == [*ALLOWED, ""]


class AskingKey(str):
    """A key that has another request answered while it is compared."""

    __slots__ = ("ask",)
    ask: Callable[[], object]

    def __eq__(self, other: object) -> bool:
        self.ask()
        return str.__eq__(self, other)

    def __hash__(self) -> int:
        return str.__hash__(self)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_that_asks_for_another_while_the_guard_reads_it_keeps_its_own_origin(
    method: str,
) -> None:
    answers: list[str] = []

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return [b""]

    options: Any = {"allow_origins": [*ALLOWED], "guard": corsac.Guard(isolate_reads=True)}
    middleware = corsac.wsgi.CORSMiddleware(app, **options)
    environ = environ_from(ALLOWED[0], REQUEST_METHOD=method)
    run_wsgi(middleware, environ)
    read = ["HTTP_UPGRADE", "HTTP_SEC_FETCH_SITE"]
    # With a cookie it does not write.
    for name in [*read, "HTTP_COOKIE"] if method == "GET" else read:
        key = AskingKey(name)
        key.ask = lambda: run_wsgi(middleware, environ_from(ALLOWED[1]))
        headers = dict(run_wsgi(middleware, {**environ, key: ""}).headers)
        answers.append(headers["access-control-allow-origin"])
    assert set(answers) == {ALLOWED[0]}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_scope_that_asks_for_another_request_while_it_is_read_keeps_its_own_origin(
    method: str,
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    options: Any = {"allow_origins": [*ALLOWED], "guard": corsac.Guard(isolate_reads=True)}
    middleware = corsac.CORSMiddleware(app, **options)
    lines = [(b"origin", ALLOWED[0].encode())]
    messages_of(middleware, scope_with(lines, method=method))
    for name in ("method", "scheme"):
        scope: Any = scope_with(lines)
        key = AskingKey(name)
        key.ask = lambda: messages_of(middleware, scope_with([(b"origin", ALLOWED[1].encode())]))
        scope = {other: value for other, value in scope.items() if other != name}
        scope[key] = method if name == "method" else "https"
        headers = dict(messages_of(middleware, scope)[0]["headers"])
        assert headers[ALLOW] == ALLOWED[0].encode()
