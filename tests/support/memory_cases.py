"""What is tried while memory runs out: requests of each kind, and what is made before them."""

from __future__ import annotations

import functools
from collections import UserDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import corsac
import corsac.wsgi
from corsac import _core
from support.asgi import BODY, finish
from support.core_calls import CALLS
from support.exchange import Request, http_scope, wsgi_environ

__all__ = ["CASES", "Case"]

ORIGIN, EVIL = "https://app.example.com", "https://evil.example"
OPTIONS: dict[str, Any] = {
    "allow_origins": [ORIGIN, "https://*.preview.example.com"],
    "allow_methods": ["PUT"],
    "allow_headers": ["x-a"],
    "allow_credentials": True,
    "expose_headers": ["etag"],
}
READERS = OPTIONS | {"allow_credentials": False, "guard": True}
ECHO = OPTIONS | {
    "allow_origins": ["*"],
    "allow_methods": ["*"],
    "allow_headers": ["*"],
    "tolerate": ["origin.any_with_credentials"],
}
ANYONE = corsac.CORSPolicy(allow_origins=["*"])
TIGHT = corsac.CORSPolicy(allow_origins=["https://b.example.com"])
PLAIN = [("x-app", "1")]
ASKED = [("access-control-request-method", "PUT"), ("access-control-request-headers", "x-a,x-b")]


@dataclass
class Case:
    """Something that is done while memory may run out.

    Attributes:
        operation: Does it.
        events: What it has done so far, which others can see.
        state: What is in force now.
        kept: What outlives it.
    """

    operation: Callable[[], object]
    events: list[Any] = field(default_factory=list)
    state: Callable[[], object] = lambda: None
    kept: list[Any] = field(default_factory=list)


CASES: dict[str, Callable[[], Case]] = {}
"""Makes each case anew."""
ALSO: dict[str, Callable[[], Case]] = {}
"""Cases whose answer is right too: a function that fails refuses; and what a preflight request
misses is not named where there is no memory to find out."""


async def _receive() -> dict[str, str]:
    return {"type": "http.request"}


def _lines(kind: Callable[[Any], Any], pairs: Any) -> list[Any]:
    """Header lines as they are now; not by a generator: Python leaks what it cannot make."""
    lines = []
    for name, value in pairs:
        lines.append((kind(name), kind(value)))
    return lines


def asgi_case(scope: Any, headers: Callable[[], Any], options: dict[str, Any]) -> Case:
    """One request to the middleware of ASGI; the application answers with these headers."""
    events: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        events.append("the application")
        await send({"type": "http.response.start", "status": 200, "headers": headers()})
        await send(BODY)

    async def send(message: Any) -> None:
        lines = _lines(bytes, message.get("headers", ()))
        events.append((message["type"], message.get("status"), lines, message.get("body")))

    middleware: Any = corsac.CORSMiddleware(application, **options)
    return Case(
        lambda: finish(middleware(scope(), _receive, send)), events, kept=[middleware, application]
    )


def wsgi_case(environ: Any, headers: Callable[[], Any], options: dict[str, Any]) -> Case:
    """The same over WSGI."""
    events: list[Any] = []

    def application(environ: Any, start_response: Any) -> Any:
        events.append("the application")
        start_response("200 OK", headers())
        return [b"x"]

    def start_response(status: str, lines: Any, exc_info: Any = None) -> None:
        events.append((status, _lines(str, lines)))

    middleware: Any = corsac.wsgi.CORSMiddleware(application, **options)
    return Case(
        lambda: events.append(b"".join(middleware(environ(), start_response))),
        events,
        kept=[middleware, application],
    )


def _fresh(text: str) -> str:
    """The same text, whose bytes nobody has asked for: they are kept with it."""
    return "".join([*text])


def both(name: str, request: Request, app: Any = PLAIN, **options: Any) -> None:
    """Add a request over each protocol."""
    byte_lines = [(key.encode(), value.encode()) for key, value in app]

    # Some servers decode the path of an environ themselves.
    def environ() -> Any:
        return wsgi_environ(request, PATH_INFO=_fresh(request.path))

    def scope() -> Any:
        return http_scope(request, path=_fresh(request.path))

    def made(cases: dict[str, Callable[[], Case]], options: dict[str, Any]) -> None:
        cases[f"ASGI: {name}"] = lambda: asgi_case(scope, byte_lines.copy, options)
        cases[f"WSGI: {name}"] = lambda: wsgi_case(environ, list(app).copy, options)

    made(CASES, options)
    if "debug_header" in options and request.method == "OPTIONS":
        made(ALSO, options | {"debug_header": False})


def _request(origin: str | None, *more: tuple[str, str], **other: Any) -> Request:
    own = [] if origin is None else [("origin", origin)]
    return Request(headers=[("host", "api.example.com"), *own, *more], **other)


def _tell(refusal: object) -> None:
    """Is told about refusals and keeps nothing."""


def _add_requests() -> None:
    own = [("Access-Control-Allow-Origin", "*"), ("vary", "accept"), ("Vary", "cookie")]
    both("no origin", _request(None), **OPTIONS)
    both("allowed", _request(ORIGIN), **OPTIONS)
    both("allowed by a pattern", _request("https://p1.preview.example.com"), **OPTIONS)
    both("allowed, and timed", _request(ORIGIN), allow_timing=True, **OPTIONS)
    both("allowed, with headers of the application", _request(ORIGIN), own, **OPTIONS)
    both("refused", _request(EVIL), **OPTIONS)
    both("refused, with headers of the application", _request(EVIL), own, **OPTIONS)
    both("refused, headers kept", _request(EVIL), own, app_headers="keep", **OPTIONS)
    told = {"on_refusal": _tell, "debug_header": True}
    both("refused, told and named", _request(EVIL), **told, **OPTIONS)
    both("on trial", _request(ORIGIN), report_only=TIGHT, **told, **OPTIONS)
    preflight = _request(ORIGIN, *ASKED, method="OPTIONS")
    both("preflight", preflight, **OPTIONS)
    both("preflight, told and named", preflight, report_only=TIGHT, **told, **OPTIONS)
    both("preflight, echo", preflight, **ECHO)
    both("preflight, to the application", preflight, own, preflight_continue=True, **OPTIONS)
    both("preflight, refused", _request(EVIL, *ASKED, method="OPTIONS"), **OPTIONS)
    cookie, site = ("cookie", "a=b"), ("sec-fetch-site", "cross-site")
    both("guard refuses", _request(EVIL, site, method="POST"), guard=True, **OPTIONS)
    both("guard passes", _request(ORIGIN, site, method="POST"), guard=True, **OPTIONS)
    both("guard refuses cookies", _request(ORIGIN, cookie, method="POST"), **READERS)
    exempt = corsac.Guard(exempt_paths=["/b\u20acch/*"], isolate_reads=True)
    callback = _request(EVIL, site, method="POST", path="/b\u20acch/x")
    both("guard leaves a path alone", callback, guard=exempt, **OPTIONS)
    both("guard refuses a read", _request(EVIL, site), guard=exempt, **OPTIONS)
    both("host refused", _request(ORIGIN), allowed_hosts=["b.example"], **told, **OPTIONS)
    both("host served", _request(ORIGIN), allowed_hosts=["*.example.com"], **OPTIONS)
    for path in ("/b\u20acch/x", "/b\u20acch//x", "/b\u20acchx"):
        rules = [("/b\u20acch//x", ANYONE), ("/b\u20acch/*", None)]
        both(f"rule for {path!a}", _request(ORIGIN, path=path), rules=rules, **OPTIONS)
    several = [TIGHT, corsac.CORSPolicy(**OPTIONS), ANYONE]
    both("several policies", _request(ORIGIN), policy=several)
    for answers, cases in ((True, CASES), (False, ALSO)):
        cases["ASGI: function"] = functools.partial(_asking, "ASGI", answers)
        cases["WSGI: function"] = functools.partial(_asking, "WSGI", answers)


def _asking(protocol: str, answers: bool) -> Case:
    options: Any = {"allow_origin_func": lambda origin: answers}
    if protocol == "ASGI":
        scope = functools.partial(http_scope, _request(EVIL))
        return asgi_case(scope, lambda: [(b"x-app", b"1")], options)
    return wsgi_case(functools.partial(wsgi_environ, _request(EVIL)), PLAIN.copy, options)


# Containers that nobody else can look into without running code.


class Owner:
    """An application inside that puts its own root path into each scope."""

    root_path = "/b\u20acch"


def _odd_pair(pair: tuple[str, str]) -> Iterator[Any]:
    return iter((bytearray(pair[0].encode()), bytearray(pair[1].encode())))


def _odd_text_pair(pair: tuple[str, str]) -> Iterator[Any]:
    return iter((pair[0].encode(), bytearray(pair[1].encode())))


class OddEnviron(UserDict[str, Any]):
    """An environ that is no dict."""


def _add_odd_requests() -> None:
    own = (("Access-Control-Allow-Origin", "*"), ("vary", "accept"))
    cookie = ("cookie", "a=b")
    for name, origin, method, options in (
        ("allowed", ORIGIN, "GET", OPTIONS),
        ("refused", EVIL, "GET", OPTIONS),
        ("guard refuses", EVIL, "POST", OPTIONS | {"guard": True}),
        ("guard refuses cookies", ORIGIN, "POST", READERS),
        ("host refused", ORIGIN, "GET", OPTIONS | {"allowed_hosts": ["b.example"]}),
    ):
        lines = [("host", "api.example.com"), ("origin", origin), cookie]

        def scope(lines: Any = lines, method: str = method) -> Any:
            return UserDict(http_scope(Request(method), headers=map(_odd_pair, lines)))

        def environ(origin: str = origin, method: str = method) -> Any:
            return OddEnviron(wsgi_environ(_request(origin, cookie, method=method)))

        def asgi(scope: Any = scope, options: Any = options) -> Case:
            return asgi_case(scope, lambda: map(_odd_pair, own), options)

        def wsgi(environ: Any = environ, options: Any = options) -> Case:
            return wsgi_case(environ, lambda: map(_odd_text_pair, own), options)

        CASES[f"ASGI, odd containers: {name}"] = asgi
        CASES[f"WSGI, odd containers: {name}"] = wsgi

    CASES["ASGI: handshake refused"] = lambda: asgi_case(
        lambda: http_scope(_request(EVIL), type="websocket", extensions={}),
        lambda: [],
        OPTIONS | {"guard": True},
    )


def _making(make: Callable[[], object]) -> Callable[[], Case]:
    return lambda: Case(make)


def _make_policy() -> corsac.CORSPolicy:
    path = _fresh("/b\u20acch/*")
    return corsac.CORSPolicy(**OPTIONS, guard=corsac.Guard(exempt_paths=[path]))


def _make_middleware(middleware_class: Any) -> Any:
    return middleware_class(
        _receive,
        [TIGHT, ANYONE],
        rules=[(_fresh("/b\u20acch/*"), TIGHT), ("/health", None)],
        allowed_hosts=["a.example"],
        on_refusal=_tell,
        report_only=TIGHT,
        debug_header=True,
    )


def _reconfiguring(middleware_class: Any) -> Case:
    middleware = middleware_class(_receive, **OPTIONS)

    def reconfigure() -> None:
        rules = [(_fresh("/b\u20acch/*"), None)]
        middleware.reconfigure([TIGHT, ANYONE], rules=rules, on_refusal=_tell)

    return Case(reconfigure, state=lambda: (middleware.policy, middleware.rules))


def _explaining() -> Case:
    policy = corsac.CORSPolicy(**OPTIONS)
    events: list[Any] = []
    headers = {"origin": EVIL, "access-control-request-method": "PUT"}
    return Case(lambda: events.append(str(policy.explain("OPTIONS", headers))), events)


def _dropping() -> Case:
    live = _core.make_live_origins(allow_insecure=False)
    # More than are freed at once: a thread of their own frees these.
    live.add(tuple(f"https://a{number}.example" for number in range(5_000)))
    holder = [live]
    return Case(holder.clear)


def _add_what_makes() -> None:
    CASES["live origins, dropped"] = _dropping
    CASES["a policy"] = _making(_make_policy)
    for protocol, kind in (("ASGI", corsac.CORSMiddleware), ("WSGI", corsac.wsgi.CORSMiddleware)):
        CASES[f"{protocol}: a middleware"] = _making(functools.partial(_make_middleware, kind))
        CASES[f"{protocol}: reconfigure"] = functools.partial(_reconfiguring, kind)
    CASES["an explanation"] = _explaining


def _core_call(name: str, arguments: dict[str, Any]) -> None:
    def call() -> None:
        getattr(_core, name)(**arguments)

    CASES[f"core: {name}"] = lambda: Case(call, kept=[*arguments.values()])


_add_requests()
_add_odd_requests()
_add_what_makes()
for _name, _arguments in CALLS.items():
    _core_call(_name, _arguments)
