"""One request on its way: a policy that is found only when a view runs, and where it arrives.

What was taken of ``app.wsgi_app`` before ``CORS(app)`` leads past the middleware, and middleware
inside of it may move a request to another path. Both are seen where Flask makes its context of a
request. From there on the policies are applied inside of Flask, by the path that its routes see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import flask
from werkzeug.datastructures import Headers
from werkzeug.exceptions import Forbidden
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import run_wsgi_app

from corsac import _core
from corsac._locks import make_lock
from corsac.app_headers import OWNED, PREFLIGHT_OWNED, TIMING, UNDECIDED, bare_name
from corsac.configuration import Observation, make_configuration
from corsac.flask.decoration import Decoration
from corsac.flask.listed_methods import policy_for
from corsac.flask.options import CAME_PAST
from corsac.flask.routes import RouteTable
from corsac.policy import CORSPolicy
from corsac.refusals.log import LEVEL_SECONDS, TrialLog
from corsac.several import compile_policies, members_of
from corsac.wsgi import CORSMiddleware

if TYPE_CHECKING:
    from corsac.flask.middleware import FlaskMiddleware

__all__ = ["ENVIRON_KEY", "Arrivals", "Exchange", "is_owned", "is_wrapped"]

ENVIRON_KEY = "corsac.flask"
"""Where the views that a request reaches find its exchange."""
_OWNED_BY_POLICIES = frozenset((*OWNED, *PREFLIGHT_OWNED, TIMING))


def is_owned(name: str) -> bool:
    """Say whether policies decide about a header."""
    return bare_name(name) in _OWNED_BY_POLICIES


@dataclass(slots=True, eq=False, repr=False)
class Exchange:
    """The ``start_response`` of one request, outside of all policies of the application.

    A decorated view that its route does not show is met when the application's own policy has been
    chosen already. What that put on the response is replaced here by what the view's policy says;
    what the view itself put there is handed to it as the application's own.

    Attributes:
        table: What was known of the application's routes when the policy was chosen.
        environ: The request as the policy sees it.
        decoration: The decoration of the view that ran; the outermost, if there are several.
        policy: What decides about the response in place of the policy that was chosen, if anything.
        of_view: The CORS headers that a view itself set, before a policy changes them.
        was_told: Whether `on_refusal` was told that the policy that was chosen refuses the request.
    """

    app: flask.Flask
    table: RouteTable
    environ: WSGIEnvironment
    start_response: StartResponse
    whole: CORSMiddleware
    decoration: Decoration | None = None
    policy: CORSPolicy | None = None
    of_view: list[tuple[str, str]] = field(default_factory=list)
    was_told: bool = False

    @staticmethod
    def of(environ: Mapping[str, Any]) -> Exchange | None:
        """Return the exchange that a request belongs to, if its middleware has said so."""
        found = environ.get(ENVIRON_KEY)
        return found if isinstance(found, Exchange) else None

    def __call__(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None, /
    ) -> Callable[[bytes], object]:
        """Begin the response (PEP 3333, "The start_response() Callable")."""
        # A server may take no third argument, as long as there was no error.
        error = (exc_info,) if exc_info else ()
        if self.policy is None:
            return self.start_response(status, headers, *error)

        self.environ.pop(UNDECIDED, None)
        # What else is there may be of the policy that was chosen, and wider.
        others = [pair for pair in headers if not is_owned(pair[0])]

        def respond(_: WSGIEnvironment, start_response: StartResponse) -> Any:
            return start_response(status, [*others, *self.of_view], *error)

        write: Any = self.apply(self.policy, respond)(self.environ, self.start_response)
        # The body of a refusal, where the view's answer was one too: nothing is written by hand.
        return write if callable(write) else lambda _: None

    def apply(self, policy: CORSPolicy, respond: WSGIApplication) -> CORSMiddleware:
        """Return what applies the policy of the view that ran, as a part of the application's."""
        observation = self.whole._observation.without_trial()
        # Nobody is told of one request twice; with a report-only policy, what was told may have
        # been no refusal.
        if self.was_told and self.whole._observation.trial is None:
            observation = Observation(debug_header=observation.debug_header)
        configuration = make_configuration(policy, None, {}, observation)
        return CORSMiddleware._made_of(respond, configuration, *self.whole._logs)


class _ToldAlready(TrialLog):
    """The log of requests whose refusals were logged when they were decided for the first time."""

    def __call__(self, *_: Any, **__: Any) -> tuple[float, float]:
        """Write nothing."""
        return LEVEL_SECONDS, LEVEL_SECONDS


_TOLD = (_ToldAlready(), _ToldAlready())


@dataclass(slots=True)
class Arrival:
    """One request whose policy is decided when it reaches Flask.

    Attributes:
        is_past: It did not go through the middleware.
        is_decided: Its policy was asked inside of Flask, or is being asked.
        respond: What the policy is put around: the application, or the answer of another.
        exchange: The exchange that it is decided in, for decorated views.
    """

    is_past: bool
    is_decided: bool = False
    respond: Callable[..., Iterable[bytes]] | None = None
    exchange: Exchange | None = None


class Arrivals:
    """Knows of each request whether it is decided already, and decides those that are not."""

    def __init__(
        self, middleware: FlaskMiddleware, app: flask.Flask, wsgi_app: WSGIApplication
    ) -> None:
        self._middleware = middleware
        self._app = app
        self._wsgi_app = wsgi_app
        self._key = f"corsac.flask.{id(middleware):x}"
        self._request_context: Callable[..., Any] = app.request_context
        self._is_watching = False
        self._lock = make_lock()  # What stands before views twice decides once.
        # Native: no request that is decided already runs a line of this file.
        self.entrance = _core.EnvironSwitch(
            self._key, middleware, wsgi_app, self._enter, marks=True
        )

    def watch(self) -> None:
        """Have the application say which requests reach it."""
        self._app.request_context = _core.EnvironSwitch(  # type: ignore[method-assign, assignment]
            self._key, self._middleware, self._request_context, self._arrive, marks=False
        )

    def send_inside(
        self, environ: WSGIEnvironment, start_response: StartResponse, *, decides_all: bool
    ) -> Iterable[bytes]:
        """Hand a request to the application, to be decided by the path that it arrives with.

        The guard asks by the path that was asked for too: what it refuses must reach no middleware.
        What never arrives, since other middleware answers it, stays as it is, or with
        ``decides_all`` is decided by the path that was asked for.
        """
        arrival = environ[self._key] = Arrival(is_past=False)
        if self._middleware.is_guarded and self._is_refused_by_guard(environ):
            arrival.respond = Forbidden()  # Should the guard's function have another answer now.
            return self._middleware.apply_policy(environ, start_response)
        if not decides_all:
            return self._wsgi_app(environ, self._middleware.exchange_of(start_response, environ))
        asked = {**environ}  # Middleware inside may change what it is given.
        begin = self._middleware.exchange_of(start_response, environ, asked)

        def apply_to_answer(respond: Callable[..., Any]) -> Iterable[bytes]:
            arrival.respond = respond
            return self._middleware.apply_policy(asked, begin)

        if "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in asked and asked["REQUEST_METHOD"] == "OPTIONS":
            return self._send_preflight(environ, arrival, begin, apply_to_answer)

        def begin_decided(*started: Any) -> Any:
            if arrival.is_decided:
                return begin(*started)
            return apply_to_answer(lambda _, begin: begin(*started))

        return self._wsgi_app(environ, begin_decided)

    def _send_preflight(
        self,
        environ: WSGIEnvironment,
        arrival: Arrival,
        begin: StartResponse,
        apply_to_answer: Callable[[Callable[..., Any]], Iterable[bytes]],
    ) -> Iterable[bytes]:
        body, status, headers = run_wsgi_app(self._wsgi_app, environ)
        close = getattr(body, "close", None)

        def respond(_: WSGIEnvironment, begin: StartResponse) -> Iterable[bytes]:
            nonlocal close
            close = None
            begin(status, headers.to_wsgi_list())
            return body

        try:
            return respond(environ, begin) if arrival.is_decided else apply_to_answer(respond)
        finally:
            if close is not None:
                close()  # The middleware answered in place of what did.

    def _is_refused_by_guard(self, environ: WSGIEnvironment) -> bool:
        policies = policy_for(self._middleware.choose(environ)._configuration, environ)
        compiled = compile_policies(policies, {})
        if compiled is None or not any(each.guard for each in members_of(policies)):
            return False
        member, _, answer = _core.select_member(compiled, environ)
        if not (answer is None or isinstance(answer, bool)):
            return True
        path = environ.get("PATH_INFO", "").encode("latin-1", "replace").decode(errors="replace")
        method = environ["REQUEST_METHOD"]
        outcome = _core.decide_request(member, method, environ, answer, path=path)
        if not isinstance(outcome, tuple):
            return True
        return outcome[0] == Forbidden.code and outcome[4] != "preflight"

    def _enter(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Run what policies are put around, for all but requests that come for the first time."""
        arrival = environ.get(self._key)
        if not isinstance(arrival, Arrival) or arrival.respond is None:
            return self._wsgi_app(environ, start_response)  # It is sent through a second time.
        respond, arrival.respond = arrival.respond, None
        return respond(environ, start_response)

    def _arrive(self, environ: WSGIEnvironment, *args: Any, **keywords: Any) -> Any:
        """Make Flask's context of a request that is not decided yet."""
        if self._key not in environ:
            environ[self._key] = Arrival(is_past=True)
        if not self._is_watching:
            self._stand_before_views()
        return self._request_context(environ, *args, **keywords)

    def _stand_before_views(self) -> None:
        with self._lock:
            if self._is_watching:
                return
            app: Any = self._app
            dispatch, handle = app.full_dispatch_request, app.handle_exception

            def full_dispatch_request(*args: Any) -> Any:
                arrival = self._arrival()
                if arrival is None or arrival.is_decided:
                    return dispatch(*args)
                return self._apply_policy(arrival, lambda: dispatch(*args))

            def handle_exception(*args: Any) -> Any:
                response = handle(*args)
                arrival = self._arrival()
                if arrival is None:
                    return response
                if not arrival.is_decided:
                    return self._apply_policy(arrival, lambda: response)
                return self._apply_again(arrival, response)

            app.full_dispatch_request = full_dispatch_request
            app.handle_exception = handle_exception
            self._is_watching = True

    def _arrival(self) -> Arrival | None:
        found = flask.request.environ.get(self._key) if flask.has_request_context() else None
        return found if isinstance(found, Arrival) else None

    def _apply_policy(self, arrival: Arrival, call: Callable[[], Any]) -> flask.Response:
        """Apply the policy of the path that the routes see to what a call gives."""
        if arrival.is_past:
            self._middleware.tell_once("CORS", CAME_PAST.replace(value=self._app.name))
        arrival.is_decided = True
        environ = flask.request.environ

        def decided(respond: WSGIApplication, start_response: StartResponse) -> Iterable[bytes]:
            copied = {**environ}  # Its path may be written anew.
            begin = self._middleware.exchange_of(start_response, environ, copied)
            arrival.exchange = begin if isinstance(begin, Exchange) else None
            arrival.respond = respond
            return self._middleware.apply_policy(copied, begin)

        return self._decided_response(call, decided)

    def _apply_again(self, arrival: Arrival, response: Any) -> flask.Response:
        """Apply the policy to the answer to an error of a request that was counted already."""
        environ = {**flask.request.environ}

        def decided(respond: WSGIApplication, start_response: StartResponse) -> Iterable[bytes]:
            exchange = arrival.exchange
            if exchange is not None and exchange.policy is not None:
                return exchange.apply(exchange.policy, respond)(environ, start_response)
            # It may write the path anew, and rules have to see that.
            configuration = self._middleware.choose(environ)._configuration
            silent = Observation(debug_header=configuration.observation.debug_header)
            made = CORSMiddleware._made_of(respond, configuration.observed_by(silent), *_TOLD)
            return made(environ, start_response)

        return self._decided_response(lambda: response, decided)

    def _decided_response(
        self,
        call: Callable[[], flask.Response],
        decided: Callable[[WSGIApplication, StartResponse], Iterable[bytes]],
    ) -> flask.Response:
        """Return the response that a call gives with the headers that are decided.

        It stays the same object, whose body nobody has read, save where another one is the answer.

        Args:
            call: Gives the application's response.
            decided: Runs an application that begins that response, and makes of it what is decided.
        """
        given: flask.Response | None = None
        status, headers = "", list[tuple[str, str]]()

        def respond(_: WSGIEnvironment, begin: StartResponse) -> Iterable[bytes]:
            nonlocal given
            given = call()
            begin(given.status, [*given.headers])
            return ()

        def start_response(
            begun: str, lines: list[tuple[str, str]], exc_info: Any = None, /
        ) -> Callable[[bytes], object]:
            nonlocal status, headers
            status, headers = begun, lines
            return lambda _: None

        body = decided(respond, start_response)
        if given is None:
            return self._app.response_class(body, status, headers)
        own = [*given.headers]
        if headers[: len(own)] == own:
            for name, value in headers[len(own) :]:
                given.headers.add(name, value)
        else:
            given.headers = Headers(headers)
        if status != given.status:
            given.status = status
        return given


def is_wrapped(app: flask.Flask, wsgi_app: object) -> bool:
    """Whether anything stands between a middleware and Flask that may move or answer requests."""
    if not (app.url_map.host_matching or getattr(app, "subdomain_matching", False)):
        while type(wsgi_app) is ProxyFix:  # It changes no path.
            wsgi_app = wsgi_app.app
    function = getattr(wsgi_app, "__func__", None)
    is_own = getattr(wsgi_app, "__self__", None) is app
    return not (is_own and getattr(function, "__module__", "") == "flask.app")
