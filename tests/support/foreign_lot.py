"""One option set of another library, given to the drop-in and to the translator.

Both answer the same requests, and a browser's half of the protocol says what it makes of the
answers. `disagreements` names what differs.
"""

from __future__ import annotations

import contextlib
import functools
import random
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings
from starlette.types import ASGIApp

import corsac
from corsac import _core
from corsac.codes import CORSProblemCode
from corsac.compat.starlette import CORSMiddleware as StarletteDropIn
from corsac.flask import CORS
from corsac.foreign.reading import SEVERITIES
from corsac.migrate import Translation, translate
from support.django_lot import draw_settings
from support.django_project import call_wsgi as call_django
from support.exchange import (
    Request,
    Response,
    http_scope,
    run_asgi,
    wire_pairs,
)
from support.flask_apps import make_app

__all__ = ["DROP_INS", "disagreements", "draw_options"]

Options = dict[str, Any]
Call = Callable[[Request], Response]

PATHS = ("/", "/api", "/api/x", "/apix", "/admin/x", "/media/a", "/health", "/v1/users")
ORIGINS = (
    "https://app.example.com",
    "https://a.example",
    "https://b.example",
    "https://a.b.example.com",
    "https://x-1.example.com",
    "https://example.com",
    "https://evil.example",
    "https://a.example.evil.example",
    "https://app.example.com.evil.example",
    "https://xexample.com",
    "http://localhost",
    "http://localhost:3000",
    "http://localhost.evil.example",
    "http://127.0.0.1:8000",
    "http://[::1]:3000",
    "https://a.example:8443",
    "null",
)
# Not HEAD: that a page may ask for it where it may GET is not worth a word.
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE", "patch")
HEADERS = ("content-type", "authorization", "x-one", "x-two")


async def _application(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


def _call_asgi(app: ASGIApp) -> Call:
    def call(request: Request) -> Response:
        start, *bodies = run_asgi(app, http_scope(request))
        lines = [(name.decode(), value.decode("latin-1")) for name, value in start["headers"]]
        body = b"".join(message.get("body", b"") for message in bodies)
        return Response(start["status"], [(n.lower(), v) for n, v in lines], body, app_called=True)

    return call


@contextlib.contextmanager
def _starlette(options: Options) -> Iterator[Call]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        middleware = StarletteDropIn(_application, **options)
    yield _call_asgi(middleware)


@contextlib.contextmanager
def _flask(options: Options) -> Iterator[Call]:
    app = make_app(*PATHS)
    arguments = {key: value for key, value in options.items() if not key.startswith("CORS_")}
    app.config.update({key: value for key, value in options.items() if key.startswith("CORS_")})
    CORS(app, **arguments)
    client = app.test_client()

    def call(request: Request) -> Response:
        found = client.open(request.path, method=request.method, headers=list(request.headers))
        lines = [(name.lower(), value) for name, value in found.headers]
        return Response(found.status_code, lines, found.data, app_called=True)

    yield call


@contextlib.contextmanager
def _django(options: Options) -> Iterator[Call]:
    with override_settings(**options):
        yield functools.partial(call_django, handler=WSGIHandler())


DROP_INS: dict[str, Callable[[Options], contextlib.AbstractContextManager[Call]]] = {
    "starlette": _starlette,
    "flask-cors": _flask,
    "django-cors-headers": _django,
}


@contextlib.contextmanager
def drop_in_of(library: str, options: Options) -> Iterator[Call | None]:
    """What answers requests in place of a library; ``None`` if it refuses the options."""
    with contextlib.ExitStack() as stack:
        try:
            call = stack.enter_context(DROP_INS[library](options))
            call(Request())
        except corsac.CORSConfigError:
            yield None
        else:
            yield call


def translated_of(translation: Translation) -> Call:
    """What answers requests as a translation says, its errors left aside."""
    rules = translation.rules or None
    return _call_asgi(corsac.CORSMiddleware(_application, rules=rules, **translation.options))


def _allows(call: Call, origin: str, path: str, method: str, name: str, *, cookies: bool) -> bool:
    """Whether a page may send a request after a preflight request, and read the response."""
    asked = [("Origin", origin), ("Access-Control-Request-Method", method)]
    asked += [("Access-Control-Request-Headers", name)] if name else []
    answer = call(Request("OPTIONS", asked, path))
    lines = [(name.encode(), b"x")] if name else []
    reason, _ = _core.browser_preflight_check(
        origin, cookies, method, lines, answer.status, wire_pairs(answer.headers)
    )
    return not reason


def _answers(call: Call, paths: Iterable[str]) -> set[tuple[str, ...]]:
    """What pages may do: each path, what is asked of it, and with or without cookies."""
    found: set[tuple[str, ...]] = set()
    for path in paths:
        asker: dict[bool, str] = {}
        for origin in ORIGINS:
            response = call(Request("GET", [("Origin", origin)], path))
            for cookies in (False, True):
                if _core.browser_cors_check(origin, cookies, wire_pairs(response.headers)):
                    continue
                found.add((path, "origin", origin, str(cookies)))
                asker[cookies] = origin
                names = (response.one("access-control-expose-headers") or "").split(",")
                readable = {name.strip().lower() for name in names} - {""}
                found |= {(path, "exposed", name, str(cookies)) for name in readable}
        for cookies, origin in asker.items():
            for method in METHODS:
                for name in ("", *HEADERS) if method in ("GET", "PUT") else ("",):
                    if _allows(call, origin, path, method, name, cookies=cookies):
                        found.add((path, "preflight", method, name, str(cookies)))
    return found


def disagreements(library: str, options: Options) -> list[str]:
    """What the drop-in and the translation do not agree on; nothing but `SEVERITIES` may differ.

    Args:
        library: One of `DROP_INS`.
        options: The options; the drop-in is asked first.
    """
    with drop_in_of(library, options) as call:
        translation = translate(library, options)
        errors = {each.code for each in translation.problems if each.severity == "error"}
        told = {each.code for each in translation.problems if each.severity != "info"}
        is_used = library == "starlette"  # Whatever it says, it uses every option.
        here = {code for code in errors if _is_error_in_drop_in(library, code)}
        if (call is None) != bool(here):
            return [f"the drop-in {'refuses' if call is None else 'accepts'} {sorted(errors)}"]
        if call is None:
            return []
        has_paths = {"resources", "CORS_RESOURCES", "CORS_URLS_REGEX"} & options.keys()
        paths = PATHS if has_paths else PATHS[:1]
        before, now = _answers(call, paths), _answers(translated_of(translation), paths)
    # Fetch allows GET, HEAD and POST whatever is listed, and the drop-in refuses what is not.
    safelisted = "method.safelisted" in told
    wider = [
        each
        for each in now - before
        if not _is_any_exposed(each, before)
        and not (safelisted and each[1] == "preflight" and each[2] in ("GET", "HEAD", "POST"))
    ]
    by_rules = told & {"rule.narrower", "rule.left_out", "rule.no_counterpart"}
    covered = {each[0] for each in now}
    narrower = [
        each
        for each in before - now
        if not _is_any_exposed(each, now)
        and not (
            (by_rules and each[0] not in covered)
            or (is_used and errors)
            or ("null" in each and "regex.matches_null" in told)
        )
    ]
    return [f"wider: {each}" for each in wider] + [f"narrower: {each}" for each in narrower]


def _is_any_exposed(answer: tuple[str, ...], others: set[tuple[str, ...]]) -> bool:
    """Whether other answers expose every header where one exposes some."""
    path, what, *_, cookies = answer
    return what == "exposed" and (path, what, "*", "False") in others and cookies == "False"


def _is_error_in_drop_in(library: str, code: CORSProblemCode) -> bool:
    if library == "starlette":
        return False
    return {**SEVERITIES[library]}.get(code, ("error", "error"))[0] == "error"


# The lot


def _some(lot: random.Random, given: Iterable[Any], most: int) -> list[Any]:
    listed = list(given)
    return lot.sample(listed, lot.randint(0, min(most, len(listed))))


_ODD_ORIGINS = (
    "https://a.example/",
    "https://A.example",
    "https://a.example:443",
    "a.example",
    "",
    "null",
    "https://*.example.com",
    "http://localhost:*",
    "http://127.0.0.1:*",
    "http://[::1]:3000",
    "*",
)
_REGEXES = (
    r"https://.*\.example\.com",
    r"^https://[a-z]+\.example\.com$",
    r"https://a\.example",
    r"^http://localhost:\d+$",
    r"http://localhost(:\d+)?$",
    r"^https?://",
    r"https://(a|b)\.example$",
    r"https://A\.EXAMPLE$",
    r".*",
    r"^https://\w+\.example\.com\Z",
    r"https://a(?!x)\.example",
    r"example\.com",
)
_RESOURCES = (
    "/*",
    "*",
    "/api/*",
    "/api",
    r"^/api/.*$",
    r"^/(api|media)/.*$",
    "/v[0-9]+/.*",
    "/admin/*",
    "/health",
    "/ap*",
    "/media/",
    "api",
)


def _draw_names(lot: random.Random, names: Iterable[str], odd: Iterable[str]) -> Any:
    drawn = _some(lot, names, 4) + (_some(lot, odd, 1) if lot.random() < 0.4 else [])
    return lot.choice(drawn) if drawn and lot.random() < 0.15 else drawn


def _draw_common(lot: random.Random, names: dict[str, str]) -> Options:
    """Everything but origins and paths, by the names that a library has."""
    options: Options = {}
    if lot.random() < 0.4:
        options[names["credentials"]] = True
    if lot.random() < 0.6:
        methods = _draw_names(lot, METHODS[:-1], ["*", "put", "TRACE", "GET, PUT", "patch"])
        options[names["methods"]] = methods
    if lot.random() < 0.6:
        headers = _draw_names(lot, HEADERS, ["*", "X-One, X-Two", "cookie", "X-.*", "origin"])
        options[names["headers"]] = headers
    if lot.random() < 0.4:
        exposed = _draw_names(lot, ["x-own", "ETag", "location"], ["*", "set-cookie", "a b"])
        options["expose_headers"] = exposed
    if lot.random() < 0.3:
        options["max_age"] = lot.choice([0, 60, 86_400, 100_000])
    if lot.random() < 0.2:
        options["allow_private_network"] = True
    return options


def _draw_origins(lot: random.Random) -> Any:
    if lot.random() < 0.2:
        return "*" if lot.random() < 0.5 else ["*"]
    drawn = _some(lot, ORIGINS[:-1], 3)
    return drawn + (_some(lot, _ODD_ORIGINS, 2) if lot.random() < 0.5 else [])


def _draw_starlette(lot: random.Random) -> Options:
    names = {"credentials": "allow_credentials", "methods": "allow_methods"}
    options = _draw_common(lot, {**names, "headers": "allow_headers"})
    if lot.random() < 0.9:
        options["allow_origins"] = _draw_origins(lot)
        if options["allow_origins"] and lot.random() < 0.1:
            options["allow_origins"] = options["allow_origins"][0]
    if lot.random() < 0.3:
        options["allow_origin_regex"] = lot.choice(_REGEXES)
    return options


def _draw_flask_origins(lot: random.Random) -> Any:
    origins = _draw_origins(lot)
    if isinstance(origins, list) and lot.random() < 0.5:
        flags = lot.choice([0, 0, re.IGNORECASE])
        drawn = _some(lot, _REGEXES, 2)
        origins += [re.compile(each, flags) if lot.random() < 0.3 else each for each in drawn]
    if isinstance(origins, list) and len(origins) == 1 and lot.random() < 0.5:
        return origins[0]
    return origins


def _draw_flask(lot: random.Random) -> Options:
    names = {"credentials": "supports_credentials", "methods": "methods"}
    options = _draw_common(lot, {**names, "headers": "allow_headers"})
    if lot.random() < 0.9:
        options["origins"] = _draw_flask_origins(lot)
    for name in ("send_wildcard", "vary_header", "always_send", "automatic_options"):
        if lot.random() < 0.1:
            options[name] = lot.random() < 0.5
    if lot.random() < 0.4:
        drawn = _some(lot, _RESOURCES, 3)
        own = {
            path: {"origins": _draw_flask_origins(lot)} if lot.random() < 0.7 else {}
            for path in drawn
        }
        options["resources"] = own if lot.random() < 0.7 else drawn
    if lot.random() < 0.2:
        moved = [name for name in options if lot.random() < 0.5]
        options |= {f"CORS_{name.upper()}": options.pop(name) for name in moved}
    return options


def draw_options(library: str, seed: int) -> Options:
    """Draw one option set of a library; every number has its own, always the same.

    Args:
        library: One of `DROP_INS`.
        seed: The number.
    """
    lot = random.Random(seed)  # noqa: S311 - the same sets in every run
    draw = {
        "starlette": _draw_starlette,
        "flask-cors": _draw_flask,
        "django-cors-headers": draw_settings,
    }
    return draw[library](lot)
