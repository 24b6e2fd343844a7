"""Putting the middleware outside of all that Starlette itself puts round an application."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, Unpack

from starlette.applications import Starlette

from corsac import _core, asgi
from corsac._types import ASGIApp, Receive, Scope, Send
from corsac.errors import CORSConfigError, CORSConfigProblem
from corsac.observe import RefusalLog, TrialLog
from corsac.policy import CORSPolicy, CORSPolicyOptions, log_warnings
from corsac.rules import Configuration, Rule
from corsac.starlette.layers import installed_in, is_cors_layer, name_of, other_layers
from corsac.starlette.marks import Mark, marks
from corsac.starlette.passages import Passages, can_move
from corsac.starlette.routes import RouteMarks

if TYPE_CHECKING:
    from corsac.refusals import OnRefusal

__all__ = ["InstalledCORSMiddleware", "install", "installed"]

ROUTE_CACHE_ENTRIES = 1024
"""Requests, by method and path, whose route is remembered."""

ROUTE_CACHE_KEY_LENGTH = 512
"""Method, path and root path together; longer ones are looked up each time."""


def install(
    app: Starlette,
    policy: CORSPolicy | None = None,
    *,
    rules: Iterable[Rule] | None = None,
    on_refusal: OnRefusal | None = None,
    report_only: CORSPolicy | None = None,
    report_only_rules: Iterable[Rule] | None = None,
    debug_header: bool | str = False,
    **options: Unpack[CORSPolicyOptions],
) -> InstalledCORSMiddleware:
    """Apply a policy to a Starlette or FastAPI application, from outside of everything in it.

    Also the responses that Starlette makes outside of all added middleware have their headers:
    those to unhandled exceptions. ``app`` stays what it is, so ``uvicorn module:app``, its
    routes, its lifespan and `add_middleware`, before or after, work as they did. A mistake in the
    options is an error here, not at the first request.

    Routes can have policies of their own: see `corsac.starlette.cors`. They may come and go as long
    as the application runs. Where nothing was ever marked, a request costs no more than with
    `corsac.CORSMiddleware`.

    Paths are those that a client asks for. Middleware that rewrites them belongs outside:
    ``app = PathMiddleware(app)``, and not `add_middleware`. Inside, path rules and preflight
    requests follow the path as it was asked for. Where routes are marked, the responses follow the
    route that was reached all the same, and a warning says so; middleware of a mounted application
    or of a route is not seen.

    Args:
        app: The application, before its first request.
        policy: The policy; or give the options of one.
        rules: Path rules, as `corsac.CORSMiddleware` takes them.
        on_refusal: As there; told about the requests to every route.
        report_only: As there; on trial for every route but those with `cors_exempt`.
        report_only_rules: As there.
        debug_header: As there.
        **options: The options of `CORSPolicy`.

    Returns:
        The middleware, with `counters` and `reconfigure`.

    Raises:
        CORSConfigError: The options cannot be used, or Corsac is installed already.
        RuntimeError: The application has been called already.
        TypeError: ``app`` is no Starlette application, or as for `corsac.CORSMiddleware`.

    Example:
        >>> from fastapi import FastAPI
        >>> app = FastAPI()
        >>> middleware = install(app, allow_origins=["https://app.example.com"])
    """
    if not isinstance(app, Starlette):
        raise TypeError(_explain_no_application(app))
    if installed(app) is not None:
        raise CORSConfigError([_INSTALLED_ALREADY.replace(value=type(app).__name__)])
    if app.middleware_stack is not None:
        message = "install() comes before the application's first request, its stack exists already"
        raise RuntimeError(message)
    middleware = InstalledCORSMiddleware(
        app,
        policy,
        rules=rules,
        on_refusal=on_refusal,
        report_only=report_only,
        report_only_rules=report_only_rules,
        debug_header=debug_header,
        **options,
    )
    build = _StackBuilder(app, middleware, app.build_middleware_stack)
    app.build_middleware_stack = build  # type: ignore[method-assign]
    return middleware


def installed(app: object) -> InstalledCORSMiddleware | None:
    """The middleware that `install` put into an application, or ``None``.

    Args:
        app: The application.
    """
    found = installed_in(app)
    return found if isinstance(found, InstalledCORSMiddleware) else None


class InstalledCORSMiddleware(asgi.CORSMiddleware):
    """What `install` puts into an application; it is not made by hand."""

    def __init__(
        self,
        app: Starlette,
        policy: CORSPolicy | None = None,
        *,
        rules: Iterable[Rule] | None = None,
        on_refusal: OnRefusal | None = None,
        report_only: CORSPolicy | None = None,
        report_only_rules: Iterable[Rule] | None = None,
        debug_header: bool | str = False,
        **options: Unpack[CORSPolicyOptions],
    ) -> None:
        super().__init__(
            app,
            policy,
            rules=rules,
            on_refusal=on_refusal,
            report_only=report_only,
            report_only_rules=report_only_rules,
            debug_header=debug_header,
            **options,
        )
        self._of_routes: dict[CORSPolicy, asgi.CORSMiddleware] = {}
        self._several: list[CORSConfigProblem] = []
        self._stack: ASGIApp = app
        self._until_first_request: _UntilFirstRequest | None = None
        self._report_other_layers(app)

    def _routes_may_decide(self) -> bool:
        return marks.exist

    @property
    def problems(self) -> tuple[CORSConfigProblem, ...]:
        """Those of the policies and rules in force, and other CORS layers that were found."""
        return (*super().problems, *self._several)

    def _parts(self) -> Iterable[asgi.CORSMiddleware]:
        return [*self._of_routes.values()]

    def _was_observed(self) -> None:
        for middleware in self._parts():
            self._share_observers(middleware)

    def _share_observers(self, middleware: asgi.CORSMiddleware) -> None:
        """Have the middleware of a route observed as this one is."""
        while middleware._observation is not (observation := self._observation):
            middleware._observe_as(observation)

    def _put_around(self, app: Starlette, stack: ASGIApp) -> None:
        """Stand before a stack from now on; what is in force and what was counted stay."""
        configuration = self._configuration
        _core.ASGIMiddleware.__init__(
            self,
            stack,
            configuration,
            configuration.routing,
            asgi._respond,
            asgi._refuse_websocket,
            asgi._continue_when_decided,
            RefusalLog(),
            TrialLog(),
        )
        self._stack = stack
        self._of_routes = {}
        self._report_other_layers(app)

    def _report_other_layers(self, app: Starlette) -> None:
        found = [layer for layer in other_layers(app, self.rules) if layer not in self._several]
        self._several += found
        log_warnings(found)

    def _for_mark(self, mark: Mark | None) -> ASGIApp:
        """What handles the requests to a route."""
        if mark is None:
            return self
        if mark.policy is None:
            return self._stack
        middleware = self._of_routes.get(mark.policy)
        if middleware is None:
            made = asgi.CORSMiddleware(self._stack, mark.policy)
            middleware = self._of_routes.setdefault(mark.policy, made)
            self._share_observers(middleware)
        return middleware

    def _again_around(self, app: ASGIApp, configuration: Configuration) -> asgi.CORSMiddleware:
        """The same policy and rules around another application; no part of what is counted."""
        made = asgi.CORSMiddleware(app, configuration.policy, rules=configuration.rules)
        made._observe_as(self._observation.without_trial())
        return made


class _StackBuilder:
    """Stands for the application's `build_middleware_stack`.

    Attributes:
        corsac_middleware: The middleware that goes outside of what is built.
    """

    def __init__(
        self,
        app: Starlette,
        middleware: InstalledCORSMiddleware,
        build: Callable[[], ASGIApp],
    ) -> None:
        self.corsac_middleware = middleware
        self._app = app
        self.__wrapped__ = build

    def __call__(self) -> ASGIApp:
        self.corsac_middleware._put_around(self._app, self.__wrapped__())
        until_first_request = _UntilFirstRequest(self._app, self.corsac_middleware)
        # Nothing else holds it once it has put something in its place; marks may tell it more.
        self.corsac_middleware._until_first_request = until_first_request
        return until_first_request


class _UntilFirstRequest:
    """The stack until all routes are there: a lifespan may add some."""

    def __init__(self, app: Starlette, middleware: InstalledCORSMiddleware) -> None:
        self.app = middleware
        self._application = app
        self._settled: ASGIApp | None = None

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        settled = self._settled
        if settled is None:
            if scope["type"] == "lifespan":
                return self.app(scope, receive, send)
            settled = self._settle()
        return settled(scope, receive, send)

    def _settle(self) -> ASGIApp:
        # Before the question, so that a mark that is made meanwhile is not missed.
        marks.unwatched.add(self)
        settled: ASGIApp = self.app
        if marks.exist:
            settled = _ByRoute(self._application, self.app, RouteMarks(self._application))
        self._settled = settled
        # Else a tracer has put something round this.
        if self._application.middleware_stack is self:
            self._application.middleware_stack = settled
        if marks.exist and settled is self.app:  # The first mark was made meanwhile.
            self.look_again()
        return settled

    def look_again(self) -> None:
        """Ask for marks from the next request on; the first one was made just now."""
        self._settled = None
        if self._application.middleware_stack is self.app:
            self._application.middleware_stack = self


class _ByRoute:
    """The stack of an application with marked routes: hands each request to its policy."""

    def __init__(
        self, app: Starlette, middleware: InstalledCORSMiddleware, marks: RouteMarks
    ) -> None:
        self.app = middleware
        self._application = app
        self._use(marks)
        self._passages = Passages(app, middleware, self._handler_of) if can_move(app) else None

    def _use(self, marks: RouteMarks) -> None:
        middleware = self.app

        def select(kind: str, method: str, path: str, root_path: str) -> ASGIApp:
            scope = {"type": kind, "method": method, "path": path, "root_path": root_path}
            return middleware._for_mark(marks.find({**scope, "headers": []}))

        # One value: a request sees the old marks or the new ones, whole.
        cached = functools.lru_cache(ROUTE_CACHE_ENTRIES)(select)
        self._in_use = (marks.are_current, cached if marks.by_path_alone else None, marks.find)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] not in {"http", "websocket"}:
            return self.app(scope, receive, send)
        handler = self._handler_of(scope)
        if self._passages is not None:
            return self._passages.enter(handler, scope, receive, send)
        return handler(scope, receive, send)

    def _handler_of(self, scope: Scope) -> ASGIApp:
        """What handles the requests to the route of a request, or of one that it announces."""
        are_current, select, find = self._in_use
        if not are_current():
            self._use(RouteMarks(self._application))
            are_current, select, find = self._in_use
        kind: str = scope["type"]
        method = ""
        if kind == "http":
            method = scope["method"]
            if method == "OPTIONS":
                method = _announced_method(scope["headers"])
        path, root_path = scope["path"], scope.get("root_path", "")
        try:
            if select and len(method) + len(path) + len(root_path) <= ROUTE_CACHE_KEY_LENGTH:
                return select(kind, method, path, root_path)
            return self.app._for_mark(find({**scope, "method": method}))
        except Exception:  # The router meets it too.
            return self.app


def _announced_method(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The method of the request that a preflight request announces; OPTIONS if it is none."""
    has_origin = False
    method = None
    for name, value in headers:
        lower = name.lower()
        if lower == b"origin":
            has_origin = True
        elif lower == b"access-control-request-method" and method is None:
            method = value
    return method.decode("latin-1") if has_origin and method is not None else "OPTIONS"


def _explain_no_application(app: Any) -> str:
    if isinstance(app, asgi.CORSMiddleware) or is_cors_layer(app):
        return (
            f"app is in a CORS layer already ({name_of(app)}): use that one, or hand install() "
            "the application inside of it"
        )
    return (
        f"app must be a Starlette or FastAPI application, not {type(app).__name__}; "
        "any other ASGI application is wrapped: app = corsac.CORSMiddleware(app, ...)"
    )


_INSTALLED_ALREADY = CORSConfigProblem(
    "middleware.several",
    "error",
    "middleware",
    None,
    "Corsac is installed in this application already",
    "write one install(), with rules=[...] or @cors(...) where paths differ; to replace the "
    "policy: corsac.starlette.installed(app).reconfigure(...)",
)
