"""The drop-in for Starlette's `CORSMiddleware`, compared with Starlette's own."""

from __future__ import annotations

import functools
import pickle
import random
import re
import warnings
from importlib.metadata import version
from typing import Any, ClassVar

import pytest
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import ALL_METHODS, SAFELISTED_HEADERS
from starlette.middleware.cors import CORSMiddleware as StarletteCORSMiddleware
from starlette.requests import Request as StarletteRequest
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from corsac.compat import starlette as compat
from support.asgi import app_sending, scope_with
from support.exchange import run_asgi

ORIGIN = "https://a.example"
START = "http.response.start"

SAME_AS_STARLETTE = pytest.mark.skipif(
    not version("starlette").startswith("1.10."),
    reason="the answers are compared with those of Starlette 1.10",
)


def make(cls: Any = compat.CORSMiddleware, app: Any = None, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return cls(app or app_sending(), **options)


def answer(middleware: Any, headers: Any, method: str = "GET", **scope: Any) -> Any:
    return run_asgi(middleware, scope_with(headers, method=method, **scope))


def both(options: dict[str, Any], messages: Any, headers: Any, method: str) -> list[Any]:
    """What Starlette's and Corsac's middleware send, each with objects of its own."""
    answers = []
    for cls in (StarletteCORSMiddleware, compat.CORSMiddleware):
        app = app_sending(*[{**message} for message in messages])
        answers.append(answer(make(cls, app, **options), headers, method))
    return answers


ORIGINS = [ORIGIN, "https://b.example", "null", "*", "", "https://a.example.com", "\xe4\xff"]
METHODS = ["GET", "POST", "PUT", "get", "*", "CUSTOM", ""]
NAMES = ["X-One", "content-type", "Content-Type", "*", " x-two", "accept,", "", "X-One, x-two"]
REGEXES = [None, r"https://.*\.example", r"https://[ab]\.example", "(?i)HTTPS://A.E.*", "[!-~]*"]


def random_options(source: random.Random) -> dict[str, Any]:
    def some(values: list[str]) -> Any:
        chosen = source.sample(values, source.randrange(4))
        as_text = ", ".join(chosen)
        return source.choice([chosen, tuple(chosen), chosen, as_text, frozenset(chosen)])

    options: dict[str, Any] = {
        "allow_origins": some(ORIGINS),
        "allow_methods": source.choice([some(METHODS), ["*"]]),
        "allow_headers": some(NAMES),
        "allow_credentials": source.random() < 0.5,
        "allow_origin_regex": source.choice(REGEXES),
        "allow_private_network": source.random() < 0.5,
        "expose_headers": some(NAMES),
        "max_age": source.choice([600, 0, -1, None, "60"]),
    }
    return {name: value for name, value in options.items() if source.random() < 0.7}


def random_request(source: random.Random) -> tuple[list[tuple[bytes, bytes]], str]:
    lines = [
        (b"origin", ORIGINS),
        (b"origin", ORIGINS),
        (b"access-control-request-method", METHODS),
        (b"access-control-request-headers", NAMES),
        (b"access-control-request-headers", NAMES),
        (b"access-control-request-private-network", ["true", "false", ""]),
        (b"Origin", ORIGINS),
    ]
    chance = [0.9, 0.1, 0.7, 0.5, 0.1, 0.2, 0.1]
    headers = [
        (name, source.choice(values).encode("latin-1"))
        for (name, values), often in zip(lines, chance, strict=True)
        if source.random() < often
    ]
    return headers, source.choice(["GET", "OPTIONS", "OPTIONS", "PUT"])


def random_messages(source: random.Random) -> list[dict[str, Any]]:
    lines = [
        (b"vary", b"Accept"),
        (b"vary", b"Origin"),
        (b"Vary", b"X"),
        (b"access-control-allow-origin", b"https://app"),
        (b"access-control-allow-origin", b"again"),
        (b"Access-Control-Allow-Origin", b"*"),
        (b"access-control-expose-headers", b"x"),
        (b"content-type", b"text/plain"),
    ]
    chosen = source.sample(lines, source.randrange(6))
    headers: dict[str, Any] = source.choice([{"headers": chosen}, {"headers": tuple(chosen)}, {}])
    start = {"type": START, "status": source.choice([200, 304, 500]), **headers}
    return [start, {"type": "http.response.body", "body": b"x"}]


@SAME_AS_STARLETTE
@pytest.mark.parametrize("seed", range(40))
def test_every_answer_is_starlettes_byte_for_byte(seed: int) -> None:
    source = random.Random(seed)  # noqa: S311 - nothing secret
    kinds = set()
    for _ in range(50):
        options = random_options(source)
        headers, method = random_request(source)
        starlettes, ours = both(options, random_messages(source), headers, method)
        assert ours == starlettes, (options, headers, method)
        kinds.add(starlettes[0]["status"])
    assert kinds >= {200, 400}


@SAME_AS_STARLETTE
@pytest.mark.parametrize("seed", range(10))
def test_every_attribute_is_starlettes(seed: int) -> None:
    source = random.Random(seed)  # noqa: S311 - nothing secret
    app = app_sending()
    for _ in range(50):
        options = random_options(source)
        starlettes = vars(make(StarletteCORSMiddleware, app, **options))
        ours = vars(make(app=app, **options))
        assert {name: ours[name] for name in starlettes} == starlettes


def test_the_arguments_have_starlettes_order() -> None:
    app = app_sending()
    given = (app, [ORIGIN], ["PUT"], ["x-a"], True, "https://b", True, ["x-b"], 7)
    middleware = compat.CORSMiddleware(*given)
    same = make(
        app=app,
        allow_origins=[ORIGIN],
        allow_methods=["PUT"],
        allow_headers=["x-a"],
        allow_credentials=True,
        allow_origin_regex="https://b",
        allow_private_network=True,
        expose_headers=["x-b"],
        max_age=7,
    )
    shared = {name for name in vars(same) if not name.startswith("_")}
    assert {name: vars(middleware)[name] for name in shared} == {
        name: vars(same)[name] for name in shared
    }


def test_the_constants_are_starlettes() -> None:
    assert compat.ALL_METHODS == ALL_METHODS
    assert compat.SAFELISTED_HEADERS == SAFELISTED_HEADERS


def test_who_looks_for_starlettes_class_finds_it() -> None:
    assert issubclass(compat.CORSMiddleware, StarletteCORSMiddleware)
    assert isinstance(make(), StarletteCORSMiddleware)


def test_it_is_pickled_as_starlettes_is() -> None:
    made = make(app=fresh_app, allow_origins=[ORIGIN], allow_origin_regex="https://b[.]example")
    middleware = pickle.loads(pickle.dumps(made))  # noqa: S301 - our own bytes
    assert allowed(middleware)
    assert allowed(middleware, "https://b.example")
    assert not allowed(middleware, "https://evil.example")
    assert middleware.problems == made.problems


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((), "missing 1 required positional argument: 'app'"), ((None, *"123456789"), "positional")],
)
def test_wrong_arguments_are_starlettes_errors(arguments: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        compat.CORSMiddleware(*arguments)


async def fresh_app(scope: Any, receive: Any, send: Any) -> None:
    """Makes its message anew, since the middleware changes it in place."""
    await send({"type": START, "status": 200})


def allowed(middleware: Any, origin: str = ORIGIN) -> bool:
    start = answer(middleware, [(b"origin", origin.encode())])[0]
    return (b"access-control-allow-origin", origin.encode()) in start["headers"]


def test_attributes_are_read_for_each_request() -> None:
    origins = [ORIGIN]
    middleware = make(app=fresh_app, allow_origins=origins)
    assert allowed(middleware)
    origins[0] = "https://b.example"
    assert not allowed(middleware)
    assert allowed(middleware, "https://b.example")
    middleware.allow_origins = [ORIGIN]
    assert allowed(middleware)
    middleware.simple_headers["X-More"] = "1"
    headers = answer(middleware, [(b"origin", ORIGIN.encode())])[0]["headers"]
    assert (b"x-more", b"1") in headers
    del middleware.simple_headers["X-More"]
    assert (b"x-more", b"1") not in answer(middleware, [(b"origin", b"x")])[0]["headers"]
    middleware.allow_all_origins, middleware.allow_credentials = True, True
    assert allowed(middleware, "https://any.example")
    middleware.allow_all_origins = False
    middleware.allow_origin_regex = re.compile("https://re[.]example")
    assert allowed(middleware, "https://re.example")
    middleware.preflight_headers["X-Preflight"] = "yes"
    preflight = [(b"origin", ORIGIN.encode()), (b"access-control-request-method", b"GET")]
    assert (b"x-preflight", b"yes") in answer(middleware, preflight, "OPTIONS")[0]["headers"]


@pytest.mark.parametrize(
    "length", [1, compat.MIN_INDEXED - 1, compat.MIN_INDEXED, compat.MIN_INDEXED + 1, 1000]
)
def test_a_list_of_origins_of_any_length_can_be_changed_at_any_time(length: int) -> None:
    origins = [f"https://{number}.example" for number in range(length)]
    live = compat.LiveOrigins()
    assert all(live.contains(origins, origin) for origin in list(origins))
    assert not live.contains(origins, ORIGIN)
    last = origins[-1]
    origins[-1] = ORIGIN  # The list is as long as it was.
    assert live.contains(origins, ORIGIN)
    assert not live.contains(origins, last)
    origins.reverse()
    assert all(live.contains(origins, origin) for origin in list(origins))
    origins.pop()
    origins.append(last)
    assert live.contains(origins, last)
    origins.clear()
    assert not live.contains(origins, last)
    assert live.contains([last] * length, last)


def test_other_scopes_pass_through_untouched() -> None:
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope, receive, send))

    middleware = make(app=app, allow_origins=[ORIGIN])
    for kind in ("websocket", "lifespan"):
        scope = {"type": kind, "headers": ((b"origin", b"https://evil.example"),)}
        run_asgi(middleware, scope)
        assert seen.pop()[0] is scope


class OnlyInternal(compat.CORSMiddleware):
    """The commonest subclass that there is."""

    def is_allowed_origin(self, origin: str) -> bool:
        return origin.endswith(".internal") or super().is_allowed_origin(origin=origin)


class Noting(compat.CORSMiddleware):
    """Overrides everything that Starlette's class can be asked to do otherwise."""

    notes: ClassVar[list[str]] = []

    def preflight_response(self, request_headers: Headers) -> Response:
        self.notes.append("preflight_response")
        response = super().preflight_response(request_headers=request_headers)
        response.headers["x-preflight"] = "1"
        return response

    async def simple_response(
        self, scope: Any, receive: Any, send: Any, request_headers: Headers
    ) -> None:
        self.notes.append("simple_response")
        await super().simple_response(scope, receive, send, request_headers=request_headers)

    async def send(self, message: Any, send: Any, request_headers: Headers) -> None:
        self.notes.append("send")
        await super().send(message, send, request_headers)

    @staticmethod
    def allow_explicit_origin(headers: MutableHeaders, origin: str) -> None:
        compat.CORSMiddleware.allow_explicit_origin(headers, origin)
        headers["x-explicit"] = "1"


def client_of(cls: Any, **options: Any) -> TestClient:
    async def home(request: StarletteRequest) -> Response:
        return PlainTextResponse("home")

    app = Starlette(routes=[Route("/", home)])
    app.add_middleware(cls, **options)
    return TestClient(app)


def test_an_overridden_is_allowed_origin_decides() -> None:
    client = client_of(OnlyInternal, allow_origins=[ORIGIN])
    for origin in ("https://x.internal", ORIGIN):
        assert client.get("/", headers={"Origin": origin}).headers[
            "access-control-allow-origin"
        ] == (origin)
        asked = {"Origin": origin, "Access-Control-Request-Method": "GET"}
        assert client.options("/", headers=asked).text == "OK"
    refused = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
    assert client.options("/", headers=refused).text == "Disallowed CORS origin"


def test_is_allowed_origin_can_be_replaced_on_an_instance() -> None:
    middleware = make(app=fresh_app)
    assert not allowed(middleware)
    middleware.is_allowed_origin = lambda origin: origin == ORIGIN
    assert allowed(middleware)


def test_everything_else_can_be_overridden_too() -> None:
    client = client_of(Noting, allow_origins=[ORIGIN])
    Noting.notes.clear()
    response = client.get("/", headers={"Origin": ORIGIN})
    assert (response.headers["x-explicit"], response.headers["vary"]) == ("1", "Origin")
    assert Noting.notes == ["simple_response", "send", "send"]
    Noting.notes.clear()
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET"}
    assert client.options("/", headers=asked).headers["x-preflight"] == "1"
    assert Noting.notes == ["preflight_response"]


def test_a_preflight_response_of_an_instance_is_used() -> None:
    middleware = make(allow_origins=[ORIGIN])
    middleware.preflight_response = lambda request_headers: PlainTextResponse(
        request_headers["origin"]
    )
    asked = [(b"origin", b"x"), (b"access-control-request-method", b"GET")]
    assert answer(middleware, asked, "OPTIONS")[1]["body"] == b"x"


@pytest.mark.parametrize("name", ["simple_response", "send", "allow_explicit_origin"])
def test_what_is_replaced_on_an_instance_is_used(name: str) -> None:
    middleware = make(app=fresh_app, allow_origins=[ORIGIN])
    used = []
    original = getattr(middleware, name)

    @functools.wraps(original)
    def replacement(*args: Any, **kwargs: Any) -> Any:
        used.append(name)
        return original(*args, **kwargs)

    setattr(middleware, name, replacement)
    assert allowed(middleware)
    assert used == [name]
