"""The WSGI middleware of a Flask application, and how it learns which route has which policy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Unpack
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import flask
from werkzeug.routing import RuleFactory

from corsac._locks import make_lock
from corsac.configuration import Configuration, Rule, make_configuration
from corsac.errors import CORSConfigError, CORSConfigProblem, has_errors, log_warnings
from corsac.flask.decoration import (
    Decoration,
    decorations,
    is_inside,
)
from corsac.flask.exchange import ENVIRON_KEY, Arrivals, Exchange, is_wrapped
from corsac.flask.listed_methods import bare_middlewares, choose_for_method
from corsac.flask.options import (
    BESIDE_FLASK_CORS,
    CALLED_TWICE,
    hidden_from_the_route,
    log_problems,
    problems_of_hosts,
)
from corsac.flask.routes import HiddenDecorations, RouteTable, Said, hidden_key
from corsac.foreign.flask_application import ResourcePolicy, nobody
from corsac.foreign.flask_cors import NAMES
from corsac.inspection.layers import Applied, unreadable
from corsac.observers import OBSERVATION_OPTIONS, read_observation
from corsac.policy import CORSPolicy
from corsac.several import GivenPolicies
from corsac.wsgi import CORSMiddleware

if TYPE_CHECKING:
    from corsac.middleware import MiddlewareOptions

__all__ = ["FlaskMiddleware"]


class FlaskMiddleware(CORSMiddleware):
    """Applies the policies of a Flask application's extension, blueprints and decorated views.

    `corsac.flask.CORS` and `corsac.flask.install` put it around ``app.wsgi_app``. The first request
    completes its path rules: views and blueprints may be registered until then. Paths of decorated
    routes become exact rules. A route with variable parts cannot: below its fixed beginning the
    application's ``url_map`` is asked for the route of a request, and nowhere else.

    Args:
        app: The application.
        wsgi_app: What the middleware wraps: ``app.wsgi_app`` as it was.
    """

    _has_policies_of_routes = True
    _said = Said()

    def __init__(self, app: flask.Flask, wsgi_app: WSGIApplication) -> None:
        self.arrivals = Arrivals(self, app, wsgi_app)
        super().__init__(self.arrivals.entrance, rules=[])
        self._logs[0].names = NAMES
        self._flask = app
        self._is_wrapped = is_wrapped(app, wsgi_app)
        self._decides_inside = False
        self._bare: dict[CORSPolicy, CORSMiddleware] = {}
        self.is_guarded = False
        """Whether any policy in force refuses requests before the application runs."""
        self._wsgi_app = wsgi_app
        # In a forked process: a thread that is gone may have been about to read the routes.
        self._lock = make_lock(self._forget_routes)
        self._table = RouteTable(app)
        self._hidden: HiddenDecorations = {}
        self._told: set[tuple[str, object]] = set()
        # Another object for each change; and the one that the table was made after.
        self._version: object = object()
        self._in_force: object = None
        self.was_native = False
        """Whether there were requests whose environment does not tell of the middleware."""
        add = app.url_map.add

        def add_and_forget(rule: RuleFactory) -> None:
            add(rule)
            self._forget_routes()

        app.url_map.add = add_and_forget  # type: ignore[method-assign, assignment]
        self._forget_routes()

    @property
    def app(self) -> WSGIApplication:
        """The wrapped application."""
        return self._wsgi_app

    def add_resources(
        self,
        resources: list[ResourcePolicy],
        configured: Mapping[str, Any],
        problems: Iterable[CORSConfigProblem],
    ) -> None:
        """Add what one ``CORS(app, ...)`` says; it goes before what others said."""
        said = self._tell_if_called_twice()
        resources = [*resources, *said.resources]
        logged = (*said.logged, *problems)
        self._say(replace(said, resources=resources, configured=dict(configured), logged=logged))

    def use_policy(self, policy: GivenPolicies | None, rules: Iterable[Rule] | None) -> None:
        """Put a policy and rules in force for all paths that no decorator or blueprint decides."""
        said = self._tell_if_called_twice()
        given = make_configuration(policy, rules, {})
        log_warnings(given.all_problems())
        if given.policy is not None:  # It decides for all paths, so nothing said before does.
            said = replace(said, resources=(), configured=None)
        self._say(replace(said, given=given))
        self._tell_followers()

    def reconfigure(
        self,
        policy: GivenPolicies | None = None,
        *,
        rules: Iterable[Rule] | None = None,
        **options: Unpack[MiddlewareOptions],
    ) -> None:
        """Put another policy in force, at once, in place of all that ``CORS(app)`` said.

        Decorated views and blueprints keep their own, and arguments, observers and counters are
        those of `corsac.wsgi.CORSMiddleware`. If it raises, what was in force stays.
        """
        given: Any = {**options}
        observed = {name: given.pop(name) for name in OBSERVATION_OPTIONS if name in given}
        with self._lock:
            before = self._current
            made = self._with_followed(self._configure(policy, rules, given, observed), observed)
            said = replace(self._said, resources=(), given=made, configured=None, logged=())
            problems = self._put_said_in_force(said, made)
        known = (*before.all_problems(), *before.observation.problems)
        log_warnings((*made.all_problems(), *made.observation.problems), known)
        log_problems(problems)
        self._tell_followers()

    def _exchange(self, base: CORSPolicy, after: CORSPolicy) -> bool:
        with self._lock:
            before = self._places_of_bases()
            found = before.exchanged(base, after)
            if found is None:
                return False
            made = self._configure(*found, {}, {})
            if made.has_policies_of(before):
                return True
            problems = self._put_said_in_force(replace(self._said, given=made), made)
        log_problems(problems)
        return True

    def _places_of_bases(self) -> Configuration:
        given = self._said.given
        return make_configuration(None, (), {}) if given is None else given

    def _put_said_in_force(self, said: Said, made: Configuration) -> tuple[CORSConfigProblem, ...]:
        """Put what is said now in force, with the lock held; if that raises, nothing changes."""
        before, before_said = self._current, self._said
        self._say(said)
        try:
            self._observe_as(made.observation)
            if self._in_force is not None:
                return self._read_in_the_lock()
            # The first request reads the routes; it waits for this.
            self._reconfigure(made.policy, made.rules, {})
        except BaseException:  # What the user's own converters raise.
            self._observe_as(before.observation)
            self._say(before_said)
            raise
        return ()

    def _say(self, said: Said) -> None:
        self._said = said
        self._logs[0].names = NAMES if said.given is None else {}
        self._forget_routes()

    def _tell_if_called_twice(self) -> Said:
        said = self._said
        if said.configured is None and said.given is None:
            return said
        twice = CALLED_TWICE.replace(value=self._flask.name)
        log_problems([twice])
        return replace(said, logged=(*said.logged, twice))

    def add_observers(self, observed: Mapping[str, Any]) -> None:
        """Change who learns of refusals, or the report-only policy, for all routes."""
        problems: list[CORSConfigProblem] = []
        with self._lock:  # Else a request that reads the routes now would keep the old ones.
            before = self._observation
            observation = read_observation(before, self._request_line, problems, observed)
            if problems:
                raise CORSConfigError(problems)
            self._observe_as(observation)
            self._was_observed()
        log_warnings(observation.problems, before.problems)

    def add_blueprint(
        self,
        blueprint: flask.Blueprint,
        resources: list[ResourcePolicy],
        problems: Iterable[CORSConfigProblem],
    ) -> None:
        """Add what ``CORS(blueprint, ...)`` says about the blueprint's routes."""
        said = self._said
        known = said.blueprints.get(blueprint, [])
        blueprints = {**said.blueprints, blueprint: [*resources, *known]}
        of_blueprints = (*said.logged_of_blueprints, *problems)
        self._say(replace(said, blueprints=blueprints, logged_of_blueprints=of_blueprints))

    def _problems_to_log(self) -> tuple[CORSConfigProblem, ...]:
        # Those of policies are logged where these were given, in the words that were used there.
        given = () if self._said.given is None else self._said.given.problems
        return (*given, *self._configuration.problems, *self._observation.problems)

    def _routes_may_decide(self) -> bool:
        self._read_routes()  # Until then there are no rules.
        return bool(self._table.routes or self._table.own.may_deny or decorations.exist)

    @staticmethod
    def _request_line(request: Mapping[str, Any]) -> tuple[object, object]:
        # It is asked for when somebody is told.
        exchange = Exchange.of(request)
        if exchange is not None:
            exchange.was_told = True
        return CORSMiddleware._request_line(request)

    def meet_hidden(self, decoration: Decoration, endpoint: str | None, method: str) -> None:
        """Take note of a decorated view that ran, and that its route did not show.

        If other decorators hide it, the routes are read again: from then on its policy decides
        about the endpoint. Two of them on one endpoint allow nobody.
        """
        if self.was_native:
            self._forget_routes()
        view = self._flask.view_functions.get(endpoint or "")
        is_hidden = view is not None and is_inside(decoration, view, method)
        # By its name: a view may be decorated anew in each request.
        problem = hidden_from_the_route(endpoint, until_it_ran=is_hidden)
        self.tell_once(decoration.name, problem)
        if endpoint is None or not is_hidden:
            return
        key = hidden_key(endpoint, view, method)
        with self._lock:
            known = self._hidden.get(key, frozenset())
            if decoration in known:
                return
            self._hidden = {**self._hidden, key: known | {decoration}}
            self._forget_routes()

    def tell_once(self, name: str, problem: CORSConfigProblem) -> None:
        """Log a problem, unless it was logged under the same name."""
        told = (name, problem.value)
        if told not in self._told:
            self._told.add(told)
            log_problems([problem])

    def _parts(self) -> Iterable[CORSMiddleware]:
        return (*self._table.middlewares, *self._table.denying.values(), *self._bare.values())

    def _was_observed(self) -> None:
        for middleware in self._parts():
            middleware._log_as_part_of(self)
            middleware._follow_observers_of(self)

    @property
    def problems(self) -> tuple[CORSConfigProblem, ...]:
        """The warnings and infos of the rules and of every policy in force."""
        found = list(super().problems)
        for middleware in self._table.middlewares:
            found += [problem for problem in middleware.problems if problem not in found]
        of_views = (p for _, problems in self._table.made_by_decorations() for p in problems)
        known = [(problem.code, problem.value) for problem in found]
        said = self._said
        logged = {str(p): p for p in (*said.logged, *said.logged_of_blueprints, *of_views)}
        found += [
            problem
            for problem in logged.values()
            if problem.severity == "warning" and (problem.code, problem.value) not in known
        ]
        of_hosts = problems_of_hosts(self._flask.config) if self.allowed_hosts is None else ()
        return (*found, *self._table.problems, *of_hosts)

    def prepare(self) -> None:
        """Read the application's routes now, not at the first request.

        Raises:
            CORSConfigError: The options of a decorated view cannot be used. At a request this is
                an error in the log, and the view allows nobody.
        """
        self._forget_routes()
        self._read_routes()
        if has_errors(self._table.problems):
            raise CORSConfigError(self._table.problems)

    def _applied(self) -> Applied:
        problems: tuple[CORSConfigProblem, ...] = ()
        try:
            self.prepare()
        except CORSConfigError as error:
            problems = error.problems
        except Exception as error:  # Whatever the user's own converters and configuration raise.
            problems = (unreadable("app", "the routes", error),)
        routes = tuple(self._table.policies())
        # A view with errors has a policy that allows nobody, about which there is nothing to say.
        found = problems or self.problems
        own = {id(problem) for _, policy in routes for problem in policy.problems}
        # Those of routes are said again, with the route; flask-cors is found as another layer.
        beside = BESIDE_FLASK_CORS.replace(value=self._flask.name)
        rest = tuple(each for each in found if id(each) not in own and each != beside)
        applied = Applied(self.policy, self.rules, problems=rest, allowed_hosts=self.allowed_hosts)
        return applied.with_routes(routes).with_hosts_checked()

    def _forget_routes(self) -> None:
        self._version = object()
        self.__class__ = _RoutingMiddleware

    def _read_routes(self) -> None:
        """Put in force what was said until now; other requests wait until that is done."""
        if self._in_force is self._version:
            return
        with self._lock:
            problems = self._read_in_the_lock()
        log_problems(problems)  # Without the lock: a handler may call the application.

    def _read_in_the_lock(self) -> tuple[CORSConfigProblem, ...]:
        # Before the routes are read: one that is added meanwhile is read the next time.
        version = self._version
        if self._in_force is version:
            return ()
        problems = self._put_routes_in_force()
        table = self._table
        by_path = bool(table.routes or self.rules or table.own.may_deny or self._bare)
        # flask-cors decides about what its application answers, by the path that its routes see.
        is_drop_in = self._said.given is None and self.policy is not None
        self._decides_inside = self._is_wrapped and (by_path or is_drop_in)
        if not (decorations.exist or by_path or self._decides_inside):
            # From now on requests go to the native type, without a call of Python's.
            self.was_native = True
            self.__class__ = FlaskMiddleware
        # Not before: whoever finds it here does not wait.
        self._in_force = version
        if self._version is not version:  # A route was added meanwhile.
            self.__class__ = _RoutingMiddleware
        return problems

    def _put_routes_in_force(self) -> tuple[CORSConfigProblem, ...]:
        """Read the routes; what is new about them is for the log."""
        said = self._said
        table = RouteTable.of(self._flask, said, self._hidden)
        table.make_middlewares(self.arrivals.entrance)
        table.denying = self._table.denying or {
            denial: CORSMiddleware._part(self.arrivals.entrance, denial)
            for denial in (nobody(guard=False), nobody(guard=True))
        }
        resources = (said.resources, *said.blueprints.values())
        in_old_words = [e.policy for found in resources for e in found if not e.is_native]
        self._bare = bare_middlewares(
            self.arrivals.entrance,
            (*in_old_words, *(policy for policy, _ in table.made_by_decorations())),
        )
        rules, policy = table.rules()
        self._reconfigure(policy, rules, {})
        self.is_guarded = any(
            policy.guard
            for middleware in (self, *table.middlewares)
            for policy in middleware._configuration.policies()
        )
        problems = () if table.problems == self._table.problems else table.problems
        self._table = table
        self._was_observed()  # They may have changed since the routes were read.
        return problems

    def exchange_of(
        self, start_response: StartResponse, *environs: WSGIEnvironment
    ) -> StartResponse:
        """Return what begins a response outside of all policies if views may have their own.

        The environs are the request as those views will have it, and last as the policies see it.
        """
        if not decorations.exist:
            return start_response
        if self._in_force is not self._version:
            self._read_routes()
        exchange = Exchange(self._flask, self._table, environs[-1], start_response, self)
        for environ in environs:
            environ[ENVIRON_KEY] = exchange
        return exchange

    def choose(self, environ: WSGIEnvironment) -> CORSMiddleware:
        """Return the middleware that decides about a request: itself, or that of a route."""
        if self._in_force is not self._version:
            self._read_routes()
        table = self._table
        path = environ.get("PATH_INFO", "")
        if path.startswith("//"):
            # Werkzeug takes several slashes at the beginning for one, so a rule must do so too.
            path = environ["PATH_INFO"] = "/" + path.lstrip("/")
        found: CORSMiddleware | None = None
        if table.beginnings and path.startswith(table.beginnings):
            found = table.middleware_for(environ)
        if found is None and (table.own.may_deny or "%" in path):
            found = table.denial_of(path)
        chosen = self if found is None else found
        return choose_for_method(self._bare, environ, chosen) if self._bare else chosen

    def apply_policy(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Handle one request by its path."""
        # Not super(): the class may have been changed meanwhile.
        return CORSMiddleware.__call__(self.choose(environ), environ, start_response)


class _RoutingMiddleware(FlaskMiddleware):
    """What a `FlaskMiddleware` is while there are routes to be read or looked up.

    A middleware stays the object that it is: others may have wrapped it. So it changes its class.
    """

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Handle one request."""
        if self._in_force is not self._version:
            self._read_routes()
        if self._decides_inside:
            decides_all = self._said.given is not None
            return self.arrivals.send_inside(environ, start_response, decides_all=decides_all)
        return self.apply_policy(environ, self.exchange_of(start_response, environ))
