"""Flask applications drawn by lot, each made twice: with flask-cors, and with Corsac's drop-in."""

from __future__ import annotations

import dataclasses
import functools
import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import flask
from flask.views import MethodView
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import Rule

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["EVIL", "Drawn", "Sent", "draw_application", "draw_requests"]

A, B, EVIL = "https://a.example", "https://b.example", "https://evil.example"
ORIGINS = (
    A,
    B,
    EVIL,
    "https://sub.a.example",
    "http://localhost:3000",
    "null",
    "https://a.example.evil.example",
)
LISTS: tuple[object, ...] = (
    "*",
    A,
    [A],
    [A, B],
    [B, "http://localhost:3000"],
    r"^https://[a-z]+\.a\.example$",
    [],
)
PATHS = ("/", "/x", "/api", "/api/x", "/api/x/y", "/admin/x", "/admin", "/apix")
ODD_PATHS = (*PATHS, "/missing", "/api/x/", "//x", "/%61dmin/x", "/%2561dmin/x", "/admin/x%0a")
RULES = (*PATHS, "/api/<name>", "/admin/<path:path>", "/<name>")
RESOURCES = (
    "/*",
    "*",
    "/api/*",
    r"/api/.*",
    "/admin/*",
    "/x",
    "/api/x",
    "^/admin",
    r"/(api|x)/.*",
    "/admin/<path:path>",
)
Step = tuple[str, Callable[[Any, dict[str, Any]], None]]
Sent = tuple[str, str, dict[str, str]]
"""Method, path and headers."""


@dataclasses.dataclass(frozen=True)
class Drawn:
    """How one application is made, whichever extension it gets.

    Attributes:
        seed: What it was drawn from.
        make: Makes it with the ``CORS`` and ``cross_origin`` of one of the packages: the
            application, and what is served.
        told: What it is made of, in words.
    """

    seed: int
    make: Callable[[Any], tuple[flask.Flask, WSGIApplication]]
    told: tuple[str, ...]


def options(lot: random.Random, *, is_view: bool = False) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    if lot.random() < 0.9:
        chosen["origins"] = lot.choice(LISTS)
    if chosen.get("origins", "*") != "*" and lot.random() < 0.4:
        chosen["supports_credentials"] = True
    if lot.random() < 0.2:
        chosen["methods"] = lot.choice((["GET"], ["GET", "PUT"], "DELETE", ["POST"]))
    if lot.random() < 0.2:
        chosen["allow_headers"] = lot.choice((["x-a"], "x-a", ["x-a", "x-b"]))
    if lot.random() < 0.15:
        chosen["expose_headers"] = lot.choice(("x-count", ["x-count", "x-b"]))
    if lot.random() < 0.1:
        chosen["max_age"] = 60
    if lot.random() < 0.1:
        chosen["send_wildcard"] = not chosen.get("supports_credentials", False)
    if lot.random() < 0.1:
        chosen["always_send"] = False
    if lot.random() < 0.1:
        chosen["vary_header"] = lot.random() < 0.5
    if is_view and lot.random() < 0.15:
        chosen["automatic_options"] = False
    return chosen


class _Drawing:
    def __init__(self, seed: int) -> None:
        self.lot = random.Random(seed)  # noqa: S311 - no secret
        self.seed = seed

    def draw(self) -> Drawn:
        lot = self.lot
        routes = [self.route(f"view{n}") for n in range(lot.randint(2, 6))]
        steps = routes
        steps += [self.blueprint(f"part{n}") for n in range(lot.choice((0, 0, 1, 2)))]
        steps += [self.extension() for _ in range(lot.choice((0, 1, 1, 1, 1, 2)))]
        for draw in (self.wrapping, self.handlers, self.after_request, self.taken):
            if lot.random() < 0.35:
                steps.append(draw())
        lot.shuffle(steps)
        plan = tuple(step for _, step in steps)
        config: dict[str, Any] = {"PROPAGATE_EXCEPTIONS": False}
        if lot.random() < 0.1:
            config["CORS_ORIGINS"] = lot.choice((A, [A, B]))

        def make(package: Any) -> tuple[flask.Flask, WSGIApplication]:
            app = flask.Flask("drawn", static_folder=None)
            app.config.update(config)
            state: dict[str, Any] = {"app": app, "served": app}
            for step in plan:
                step(package, state)
            return app, state["served"]

        return Drawn(self.seed, make, tuple(told for told, _ in steps))

    def view(self) -> tuple[str, Callable[..., Any]]:
        kind = self.lot.choice(("text",) * 6 + ("sets", "aborts", "fails", "vary", "redirects"))

        def view(**_: object) -> Any:
            if kind == "aborts":
                flask.abort(418)
            if kind == "fails":
                raise LookupError(kind)
            if kind == "redirects":
                return flask.redirect("/x")
            response = flask.make_response(kind)
            if kind == "sets":
                response.headers["Access-Control-Allow-Origin"] = EVIL
            if kind == "vary":
                response.headers["Vary"] = "Accept"
            return response

        return kind, view

    def decorated(self) -> tuple[str, Callable[[Any], Callable[..., Any]]]:
        kind, view = self.view()
        if self.lot.random() > 0.35:
            return kind, lambda _: view
        given = options(self.lot, is_view=True)
        return f"{kind} @{given}", lambda package: package.cross_origin(**given)(_copy(view))

    def route(self, name: str) -> Step:
        lot = self.lot
        rule = lot.choice(RULES)
        methods = lot.choice((["GET"], ["GET", "PUT"], ["GET", "POST", "DELETE"], None, "any"))
        shape = lot.choice(("function",) * 5 + ("class", "hidden"))
        if lot.random() < 0.15 and rule != "/" and not rule.endswith(">"):
            rule += "/"
        kind, make_view = self.decorated()

        def step(package: Any, state: dict[str, Any]) -> None:
            owner = state["app"]
            view = make_view(package)
            if shape == "hidden":
                view = _hiding(view)
            if shape == "class":
                view = _class_of(view).as_view(name)
                vars(view)["hides"] = True  # Its method does.
            if methods == "any" and shape != "class":
                owner.url_map.add(Rule(rule, endpoint=name))
                owner.view_functions[name] = view
            elif shape == "class":
                owner.add_url_rule(rule, name, view)
            else:
                owner.add_url_rule(rule, name, view, methods=None if methods == "any" else methods)

        return f"{shape} {rule} {methods} {kind}", step

    def blueprint(self, name: str) -> Step:
        lot = self.lot
        prefix = lot.choice((None, "/api", "/admin", "/v1"))
        nested = lot.random() < 0.3
        given = options(lot) if lot.random() < 0.6 else None
        resources = lot.choice((None, None, lot.choice(RESOURCES)))
        views = [(lot.choice(PATHS), self.decorated()) for _ in range(lot.randint(1, 2))]

        def step(package: Any, state: dict[str, Any]) -> None:
            blueprint = flask.Blueprint(name, "drawn")
            if given is not None:
                more = {} if resources is None else {"resources": resources}
                package.CORS(blueprint, **given, **more)
            for number, (rule, (_, make_view)) in enumerate(views):
                blueprint.add_url_rule(
                    rule, f"v{number}", make_view(package), methods=["GET", "PUT"]
                )
            if nested:
                outer = flask.Blueprint(f"{name}-outer", "drawn", url_prefix="/v1")
                outer.register_blueprint(blueprint, url_prefix=prefix)
                state["app"].register_blueprint(outer)
            else:
                state["app"].register_blueprint(blueprint, url_prefix=prefix)

        shown = [(rule, kind) for rule, (kind, _) in views]
        return f"blueprint {prefix} {nested=} {given} {resources} {shown}", step

    def extension(self) -> Step:
        lot = self.lot
        given = options(lot)
        if lot.random() < 0.6:
            patterns = lot.sample(RESOURCES, lot.randint(1, 3))
            given["resources"] = (
                {pattern: options(lot) if lot.random() < 0.7 else {} for pattern in patterns}
                if lot.random() < 0.7
                else patterns
            )
        if lot.random() < 0.1:
            given["intercept_exceptions"] = False

        def step(package: Any, state: dict[str, Any]) -> None:
            package.CORS(state["app"], **given)

        return f"CORS(app, **{given})", step

    def wrapping(self) -> Step:
        kind = self.lot.choice(
            ("proxied", "copies", "proxy fix", "mounting", "answering", "renaming")
        )

        def step(_: Any, state: dict[str, Any]) -> None:
            app = state["app"]
            inner = app.wsgi_app
            if kind == "proxy fix":
                app.wsgi_app = ProxyFix(inner, x_prefix=1)
            elif kind == "mounting":
                app.wsgi_app = DispatcherMiddleware(inner, {"/sub": _plain})
            else:
                app.wsgi_app = _wrapped(inner, kind)

        return f"app.wsgi_app = {kind}", step

    def handlers(self) -> Step:
        code = self.lot.choice((404, 418, 500))

        def step(_: Any, state: dict[str, Any]) -> None:
            state["app"].register_error_handler(code, lambda error: (f"handled {code}", code))

        return f"handler of {code}", step

    def after_request(self) -> Step:
        kind = self.lot.choice(("x-more", "vary", "allow"))

        def more(response: flask.Response) -> flask.Response:
            if kind == "x-more":
                response.headers["X-More"] = "1"
            elif kind == "vary":
                response.vary.add("Accept-Language")
            elif "Access-Control-Allow-Origin" not in response.headers:
                response.headers["Access-Control-Allow-Origin"] = EVIL
            return response

        def step(_: Any, state: dict[str, Any]) -> None:
            state["app"].after_request(more)

        return f"after_request {kind}", step

    def taken(self) -> Step:
        kind = self.lot.choice(("method", "mounted", "application"))

        def step(_: Any, state: dict[str, Any]) -> None:
            app = state["app"]
            held = app if kind == "application" else app.wsgi_app
            state["served"] = (
                DispatcherMiddleware(held, {"/sub": held}) if kind != "method" else held
            )

        return f"served = {kind}", step


def _copy(view: Callable[..., Any]) -> Callable[..., Any]:
    """Another function: decorators leave their marks on what they are given."""
    return functools.partial(view)


def _hiding(view: Callable[..., Any]) -> Callable[..., Any]:
    def hides(**keywords: Any) -> Any:
        return view(**keywords)

    for name in ("required_methods", "provide_automatic_options"):
        if hasattr(view, name):
            setattr(hides, name, getattr(view, name))
    hides.hides = True  # type: ignore[attr-defined]
    return hides


def _class_of(view: Callable[..., Any]) -> type[MethodView]:
    def method(_: object, **keywords: Any) -> Any:
        return view(**keywords)

    names = ("required_methods", "provide_automatic_options")
    marks = {name: getattr(view, name) for name in names if hasattr(view, name)}

    def plain(self: object, **_: Any) -> str:
        return "plain"

    return type("Drawn", (MethodView,), {"get": method, "put": plain, "decorators": [], **marks})


def _plain(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("content-type", "text/plain")])
    return [b"another application"]


def _wrapped(app: WSGIApplication, kind: str) -> WSGIApplication:
    def wrapped(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if kind == "copies":
            environ = dict(environ)
        if kind == "answering" and path.endswith("/x"):
            return _plain(environ, start_response)
        if kind == "renaming":
            environ["PATH_INFO"] = path.replace("/admin", "/api", 1)
        elif path.startswith("/sub"):
            environ["SCRIPT_NAME"] += "/sub"
            environ["PATH_INFO"] = path.removeprefix("/sub")
        return app(environ, start_response)

    return wrapped


def draw_application(seed: int) -> Drawn:
    """An application with routes, blueprints, middleware, handlers and CORS, in any order."""
    return _Drawing(seed).draw()


def draw_requests(lot: random.Random, number: int, rules: Sequence[str]) -> Iterator[Sent]:
    """Requests as pages send them, most of them to the routes that there are.

    Args:
        lot: What they are drawn from.
        number: How many.
        rules: The URL rules of the application.
    """
    paths = [re.sub("<[^>]*>", "thing", rule) for rule in rules]
    for _ in range(number):
        path = lot.choice(paths) if paths and lot.random() < 0.8 else lot.choice(ODD_PATHS)
        path = lot.choice(("", "", "", "", "/sub")) + path
        method = lot.choice(("GET",) * 6 + ("POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PURGE"))
        headers = {} if lot.random() < 0.1 else {"Origin": lot.choice(ORIGINS)}
        if lot.random() < 0.4:
            method = "OPTIONS"
            headers["Access-Control-Request-Method"] = lot.choice(
                ("GET", "PUT", "DELETE", "POST", "PURGE")
            )
            if lot.random() < 0.4:
                headers["Access-Control-Request-Headers"] = lot.choice(
                    ("x-a", "x-a,x-b", "authorization")
                )
        if lot.random() < 0.1:
            headers["X-Forwarded-Prefix"] = "/sub"
        yield method, path, headers
