"""Where Corsac stands in an application: before one middleware stack, until it has another."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from starlette.applications import Starlette

from corsac import asgi
from corsac._types import ASGIApp, Receive, Scope, Send
from corsac.configuration import make_configuration
from corsac.errors import CORSConfigProblem, log_warnings
from corsac.policy import CORSPolicy
from corsac.starlette.marks import Mark, RouteMarks, marks

if TYPE_CHECKING:
    from corsac.starlette.installation import InstalledCORSMiddleware

__all__ = ["Place", "place_of"]

ROUTE_CACHE_ENTRIES = 1024
"""Requests, by method and path, whose route is remembered."""

ROUTE_CACHE_KEY_LENGTH = 512
"""Method, path and root path together; longer ones are looked up each time."""


class Place:
    """A place before one stack; the gate applies the application's policy to the requests to it."""

    def __init__(self, middleware: InstalledCORSMiddleware, stack: ASGIApp) -> None:
        self.middleware = middleware
        self.stack = stack
        self.gate = _Gate._made_of(stack, middleware._configuration, *middleware._logs)
        self.gate.place = self
        self._of_routes: dict[CORSPolicy, asgi.CORSMiddleware] = {}
        self._was_left = False
        # Routes with `cors_exempt` are left alone, but not by hosts; None: by these too.
        self._exempt: asgi.CORSMiddleware | None = None
        self.by_route: _ByRoute | None = None
        # Nothing else holds it once it has put something in its place; marks may tell it more.
        self.until_first_request = _UntilFirstRequest(middleware.app, self)

    def parts(self) -> list[asgi.CORSMiddleware]:
        """Return what applies the policies: of the application, and of routes."""
        exempt = [] if self._exempt is None else [self._exempt]
        return [self.gate, *exempt, *self._of_routes.copy().values()]

    def follow(self) -> None:
        """Put in force what the middleware was told since."""
        gate, middleware = self.gate, self.middleware
        while gate._configuration is not (configuration := middleware._configuration):
            gate._put_in_force(configuration, configuration.routing)
        for each in self._of_routes.copy().values():
            each._follow_observers_of(self.middleware)
        nothing_on_trial = {"report_only": None, "report_only_rules": (), "trial": None}
        alone = middleware._observation.__replace__(**nothing_on_trial)
        if self._exempt is not None:
            self._exempt._observe_as(alone)
        elif alone.allowed_hosts is not None:
            left_alone = make_configuration(None, (), {}, alone)
            make = asgi.CORSMiddleware._made_of
            self._exempt = make(self.stack, left_alone, *middleware._logs)
            if self.by_route is not None:  # It remembers the handlers of routes.
                self.by_route.forget()

    def leave(self) -> None:
        """Let all requests pass as they are: something else stands outside of this from now on."""
        self._was_left = True
        nothing = make_configuration(None, (), {})
        for each in self.parts():
            each._put_in_force(nothing, nothing.routing)

    def for_mark(self, mark: Mark | None) -> ASGIApp:
        """Return what handles the requests to a route."""
        if mark is None or self._was_left:
            return self.gate
        if mark.policy is None:
            return self._exempt or self.stack
        middleware = self._of_routes.get(mark.policy)
        if middleware is None:
            configuration = make_configuration(mark.policy, None, {})
            make = asgi.CORSMiddleware._made_of
            made = make(self.stack, configuration, *self.middleware._logs)
            middleware = self._of_routes.setdefault(mark.policy, made)
            middleware._follow_observers_of(self.middleware)
        return middleware


class _Gate(asgi.CORSMiddleware):
    """The native middleware before a stack: nothing of ours stands between it and the stack."""

    place: Place


def place_of(stack: object) -> Place | None:
    """Return the place that a stack belongs to, if it is what stands at one."""
    return stack.place if isinstance(stack, (_Gate, _UntilFirstRequest, _ByRoute)) else None


class _UntilFirstRequest:
    """The stack until all routes are there: a lifespan may add some."""

    def __init__(self, app: Any, place: Place) -> None:
        self.app = place.gate
        self.place = place
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
            settled = _ByRoute(self._application, self.place, RouteMarks(self._application))
            self.place.by_route = settled
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

    def __init__(self, app: Starlette, place: Place, marks: RouteMarks) -> None:
        self.app = place.gate
        self.place = place
        self._application = app
        self._use(marks)
        # Without middleware in between, no request arrives elsewhere than it was sent to.
        has_place = callable(getattr(app.router, "middleware_stack", None))
        watches = has_place and app.user_middleware
        self._watch = _BeforeRouter(app.router, self.handler_of) if watches else None

    def forget(self) -> None:
        """Look up the handlers of routes anew."""
        self._use(RouteMarks(self._application))

    def _use(self, marks: RouteMarks) -> None:
        place = self.place

        def select(kind: str, method: str, path: str, root_path: str) -> ASGIApp:
            scope = {"type": kind, "method": method, "path": path, "root_path": root_path}
            return place.for_mark(marks.find({**scope, "headers": []}))

        # One value: a request sees the old marks or the new ones, whole.
        cached = functools.lru_cache(ROUTE_CACHE_ENTRIES)(select)
        self._in_use = (marks, cached if marks.by_path_alone else None)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] not in {"http", "websocket"}:
            return self.app(scope, receive, send)
        handler = self.handler_of(scope)
        if self._watch is not None and not self._watch.has_told:
            scope[_SENT_TO] = (self._watch, _address_of(scope), handler)
        return handler(scope, receive, send)

    def handler_of(self, scope: Scope) -> ASGIApp:
        """Return what handles the requests to the route that a request takes or announces."""
        if not self._in_use[0].are_current():
            self.forget()
        marks, select = self._in_use
        kind: str = scope["type"]
        method: str = scope["method"] if kind == "http" else ""
        if method == "OPTIONS":
            method = _announced_method(scope["headers"])
        path, root_path = scope["path"], scope.get("root_path", "")
        try:
            if select and len(method) + len(path) + len(root_path) <= ROUTE_CACHE_KEY_LENGTH:
                return select(kind, method, path, root_path)
            return self.place.for_mark(marks.find({**scope, "method": method}))
        except Exception:  # The router meets it too.
            return self.app


_SENT_TO: Final = "corsac.sent_to"


def _address_of(scope: Scope) -> tuple[object, ...]:
    return scope.get("method"), scope["path"], scope.get("root_path", "")


class _BeforeRouter:
    """Stands for a router's ``middleware_stack`` until it has told of a request that was moved.

    Middleware may have changed its path or method, in its scope or in a copy, on the way from the
    policy to the router. The policy that was chosen outside decides all the same: it has answered
    the preflight request, and has to be the one for the response. Deliberately not looked for: what
    middleware of a mounted application or of a route moves, and applications without marks.
    """

    def __init__(self, router: Any, handler_of: Callable[[Scope], ASGIApp]) -> None:
        self.has_told = False
        self._router = router
        self._handler_of = handler_of
        self.__wrapped__: ASGIApp = router.middleware_stack
        if isinstance(self.__wrapped__, _BeforeRouter):  # Of an earlier stack.
            self.__wrapped__ = self.__wrapped__.__wrapped__
        router.middleware_stack = self

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        watch, address, handler = scope.get(_SENT_TO) or (None, None, None)
        if watch is self and address != _address_of(scope) and not self.has_told:
            self.has_told = self._handler_of(scope) is not handler
            if self.has_told:
                log_warnings([_MOVED.replace(value=scope["path"])])
                if self._router.middleware_stack is self:
                    self._router.middleware_stack = self.__wrapped__
        return self.__wrapped__(scope, receive, send)


_MOVED = CORSConfigProblem(
    "option.misplaced",
    "warning",
    "middleware",
    None,
    "middleware inside of Corsac's changed the path or the method of a request, and it reached a "
    "route with another policy: the policy for the path as it was asked for decides",
    "put that middleware outside: app = PathMiddleware(app), in place of app.add_middleware(...)",
)


def _announced_method(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the method that a preflight request announces, or OPTIONS."""
    found = {name.lower(): value for name, value in reversed([*headers])}
    method = found.get(b"access-control-request-method")
    return "OPTIONS" if method is None or b"origin" not in found else method.decode("latin-1")
