"""Which policy each route of a Flask application has: by decorator, blueprint or resource."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote
from wsgiref.types import WSGIApplication, WSGIEnvironment

import flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter, RequestRedirect
from werkzeug.routing import Rule as URLRule

from corsac.configuration import Configuration, ReadRule, make_configuration
from corsac.errors import CORSConfigError, CORSConfigProblem
from corsac.flask.decoration import Decoration, decorated_methods, decoration_of
from corsac.flask.options import problems_of_late_keys, problems_of_routes
from corsac.foreign.allowance import allows_no_more
from corsac.foreign.flask_application import ResourcePolicies, ResourcePolicy, nobody
from corsac.foreign.paths import Resource
from corsac.policy import CORSPolicy
from corsac.several import Policies
from corsac.wsgi import CORSMiddleware

__all__ = ["HiddenDecorations", "RouteTable", "Said", "for_all_paths", "hidden_key"]

HiddenDecorations = Mapping[tuple[str, str], frozenset[Decoration]]

_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE")
"""Those for which `flask.views.MethodView` looks for a handler."""

_ANY_OTHER = "*"
"""Stands for every method that no rule lists, and no view of a class has: a token as any other."""


@dataclass(frozen=True, slots=True)
class Said:
    """What an application and its blueprints say about CORS, beside the decorators of views.

    Attributes:
        resources: Those of each ``CORS(app)``; what was said last goes first.
        given: A policy and rules in Corsac's own words.
        configured: The options of the application's configuration as ``CORS(app)`` read them;
            ``None`` if nothing was said in flask-cors's words.
        blueprints: The blueprints with their resources.
        logged: What the log says about options in the words of flask-cors.
        logged_of_blueprints: The same of blueprints.
    """

    resources: Sequence[ResourcePolicy] = ()
    given: Configuration | None = None
    configured: Mapping[str, Any] | None = None
    blueprints: Mapping[flask.Blueprint, list[ResourcePolicy]] = field(default_factory=dict)
    logged: tuple[CORSConfigProblem, ...] = ()
    logged_of_blueprints: tuple[CORSConfigProblem, ...] = ()


@dataclass(slots=True)
class Route:
    """A URL rule that no path rule can stand for."""

    rule: URLRule
    decided: dict[str, ResourcePolicies]  # By method; all others are left to the application's own.
    middleware: dict[str, CORSMiddleware] = field(default_factory=dict)


@dataclass
class RouteTable:
    """What the routes of an application add to its path rules.

    Attributes:
        hidden: Decorations that routes do not show, by `hidden_key`.
        own: The resources of the application's extension.
        exact_rules: Path rules of routes without variable parts.
        routes: Those with variable parts, and what else a path alone cannot tell apart.
        beginnings: How paths of these begin, as ``PATH_INFO`` has them.
        methods: The methods that are told apart.
        problems: Errors in the options of decorated views, and what is worth a warning.
        denying: The middlewares that allow nobody, by their policies.
    """

    app: flask.Flask
    said: Said = Said()
    hidden: HiddenDecorations = field(default_factory=dict)
    own: ResourcePolicies = field(default_factory=ResourcePolicies)
    exact_rules: dict[str, CORSPolicy | None] = field(default_factory=dict)
    routes: list[Route] = field(default_factory=list)
    beginnings: tuple[str, ...] = ()
    methods: frozenset[str] = frozenset()
    problems: tuple[CORSConfigProblem, ...] = ()
    middlewares: tuple[CORSMiddleware, ...] = ()
    denying: dict[CORSPolicy, CORSMiddleware] = field(default_factory=dict)
    _by_rule: dict[int, Route] = field(default_factory=dict)
    # The decoration that decides about an endpoint and a method.
    _decided_by: dict[tuple[str, str], Decoration] = field(default_factory=dict)
    # Methods of rules, by identity, whose view asks to answer preflight requests itself, and which
    # Flask answers all the same.
    _unanswered: set[tuple[int, str]] = field(default_factory=set)
    # Expressions, with the routes that they may be meant for and do not reach.
    _unreached: dict[str, list[str]] = field(default_factory=dict)
    # Blueprints, with those of their routes for which the application allows more.
    _kept_from: dict[str, list[str]] = field(default_factory=dict)
    _errors: list[CORSConfigProblem] = field(default_factory=list)

    @classmethod
    def of(cls, app: flask.Flask, said: Said, hidden: HiddenDecorations) -> RouteTable:
        """Read the routes of an application; a view whose options have errors allows nobody."""
        table = cls(app, said, hidden)
        table._read()
        return table

    def has(self, decoration: Decoration, endpoint: str | None, method: str) -> bool:
        """Whether a decoration is what decides about an endpoint; ``None`` if there is no route."""
        return self._decided_by.get((endpoint or "", self._known(method))) is decoration

    def middleware_for(self, environ: WSGIEnvironment) -> CORSMiddleware | None:
        """Return the middleware of the route that the request goes to or announces."""
        method = environ["REQUEST_METHOD"]
        is_preflight = method == "OPTIONS" and "HTTP_ORIGIN" in environ
        if is_preflight:
            method = environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD", method)
        request = self.app.request_class(environ, populate_request=False)
        try:
            adapter = self.app.create_url_adapter(request)
        except HTTPException:  # Not a host of this application: Flask answers that.
            return None
        if adapter is None:
            return None
        for asked in dict.fromkeys((method, "OPTIONS")):
            try:
                rule, _ = adapter.match(method=asked, return_rule=True)
            except Exception:  # noqa: S112 - whatever it is, Flask meets it too, and answers it
                # Another method may have a route; a redirect is the application's own answer.
                continue
            route = self._by_rule.get(id(rule))
            if route is None:
                return None  # The application's own rules decide.
            # Only decorated methods of a class differ; all else is decided for the rule as a whole.
            known = self._known(asked.upper())
            if is_preflight and (id(rule), known) in self._unanswered:
                known = "OPTIONS"
            decided = route.decided.get(known)
            path = _decoded(environ.get("PATH_INFO", ""))
            denial = None if decided is None else self._denial(decided, path)
            return denial or route.middleware.get(known)
        return None

    def made_by_decorations(self) -> Iterator[tuple[CORSPolicy, tuple[CORSConfigProblem, ...]]]:
        """Yield the policies that options of flask-cors in decorators made, and their problems."""
        for decoration in dict.fromkeys(self._decided_by.values()):
            with contextlib.suppress(CORSConfigError):  # It allows nobody.
                if decoration.given is None:
                    yield decoration.made_for(self.app)

    def rules(self) -> tuple[list[ReadRule], Policies | None]:
        """Return all path rules, and the policy where none matches."""
        own_rules, own_policy = self.own.rules()
        rules: list[ReadRule] = [*own_rules]
        policy: Policies | None = own_policy
        if self.said.given is not None:
            rules, policy = [*rules, *self.said.given.rules], policy or self.said.given.policy
        return _joined(self.exact_rules.items(), rules), policy

    def make_middlewares(self, wsgi_app: WSGIApplication) -> None:
        """Make the middleware of each route and method; the rules decide what routes leave open."""
        rules, policy = self.rules()
        made: dict[tuple[int, ...], CORSMiddleware] = {}
        for route in self.routes:
            for method, decided in route.decided.items():
                key = tuple(id(entry.policy) for entry in decided.resources)
                if key not in made:
                    own_rules, own_policy = decided.rules()
                    joined = own_rules if own_policy is not None else _joined(own_rules, rules)
                    # Only a mistake in the rules could raise, and they were put together here.
                    made[key] = CORSMiddleware._part(wsgi_app, own_policy or policy, joined)
                route.middleware[method] = made[key]
        self.middlewares = tuple(made.values())

    def policies(self) -> Iterator[tuple[str, CORSPolicy]]:
        """Yield the policies of routes that no path rule stands for, each with methods and rule."""
        for route in self.routes:
            by_policy: dict[CORSPolicy, list[str]] = {}
            for method, decided in route.decided.items():
                for entry in decided.resources:
                    by_policy.setdefault(entry.policy, []).append(method)
            for policy, methods in by_policy.items():
                is_for_all = len(methods) == len(route.decided) and len(by_policy) == 1
                yield f"{'' if is_for_all else '/'.join(methods) + ' '}{route.rule.rule}", policy

    def _known(self, method: str) -> str:
        return method if method in self.methods else _ANY_OTHER

    def denial_of(self, path: str) -> CORSMiddleware | None:
        """Return the middleware that allows nobody if the rules would allow a path too much."""
        decoded = _decoded(path)
        return None if decoded in self.exact_rules else self._denial(self.own, decoded)

    def _denial(self, resources: ResourcePolicies, path: str) -> CORSMiddleware | None:
        policy = resources.denial(path) if resources.may_deny else None
        if policy is None and "%" in path:
            policy = resources.denial_by_decoding(unquote(path), path)
        return None if policy is None else self.denying[policy]

    def _read(self) -> None:
        given = self.said.given
        own = () if given is None else given.policies()
        self.own = ResourcePolicies(self.said.resources, own)
        rules = list(self.app.url_map.iter_rules())
        methods = self._methods(rules)
        self.methods = frozenset(methods)
        decided = {id(rule): self._decide(rule, methods) for rule in rules}
        url_map = self.app.url_map
        same = (None, "", url_map.default_subdomain)
        needs_hosts = url_map.host_matching or any(rule.subdomain not in same for rule in rules)
        adapter = None if needs_hosts else url_map.bind("localhost")
        for rule in rules:
            if not any(decided[id(rule)].values()):
                continue
            policy = self._policy_of_path(rule, adapter, methods, decided)
            if policy is not None:
                self.exact_rules.setdefault(rule.rule, policy)
                continue
            found = {m: r for m, r in decided[id(rule)].items() if r is not None}
            self.routes.append(self._by_rule.setdefault(id(rule), Route(rule, found)))
        starts = (
            _text_before_variables(route.rule)
            if route.rule.arguments
            else route.rule.rule.removesuffix("/")
            for route in self.routes
        )
        self.beginnings = tuple(dict.fromkeys(it.encode().decode("latin-1") for it in starts))
        problems = problems_of_routes(self.app, self.own, self._unreached, self._kept_from)
        late = problems_of_late_keys(self.app, self.said.configured)
        self.problems = (*self._errors, *problems, *late)

    def _methods(self, rules: Iterable[URLRule]) -> list[str]:
        """Return the methods that are told apart, of which a rule without any takes all."""
        methods = {method for rule in rules for method in rule.methods or ()}
        if any(rule.methods is None for rule in rules):
            views = (self.app.view_functions.get(rule.endpoint) for rule in rules)
            methods |= {name for view in views for name in decorated_methods(view)}
            methods |= {*_METHODS, _ANY_OTHER}
        return sorted(methods)

    def _decide(self, rule: URLRule, methods: Iterable[str]) -> dict[str, ResourcePolicies | None]:
        """Return what decides about a rule by method; ``None``: the application's own rules."""
        below = self._by_blueprint(rule) or self._by_expression(rule)
        view = self.app.view_functions.get(rule.endpoint)
        decided: dict[str, ResourcePolicies | None] = {}
        for method in methods:
            decoration = None if view is None else decoration_of(view, method)
            if decoration is None and view is not None and self.hidden:
                hidden = self.hidden.get(hidden_key(rule.endpoint, view, method), frozenset())
                if len(hidden) > 1:
                    # Which one is meant can be told only when the view runs.
                    decided[method] = ResourcePolicies(for_all_paths(nobody()))
                    continue
                decoration = next(iter(hidden), None)
            if decoration is None:
                decided[method] = below
                continue
            if not decoration.answers_options and getattr(rule, "provide_automatic_options", False):
                # Flask answers, and asks no view: what is around all views decides.
                self._unanswered.add((id(rule), method))
                if method == "OPTIONS":
                    decided[method] = below
                    continue
            self._decided_by[rule.endpoint, method] = decoration
            decided[method] = ResourcePolicies(for_all_paths(self._policy_of(decoration)))
        return decided

    def _policy_of(self, decoration: Decoration) -> CORSPolicy:
        try:
            return decoration.made_for(self.app)[0]
        except CORSConfigError as error:
            self._errors += [p for p in error.problems if p not in self._errors]
            return nobody()

    def _by_blueprint(self, rule: URLRule) -> ResourcePolicies | None:
        """Return the resources of the blueprints that a route belongs to, the innermost first."""
        names = rule.endpoint.split(".")[:-1]
        full_name = ".".join(names)
        found: list[ResourcePolicy] = []
        while names:
            blueprint: Any = self.app.blueprints.get(".".join(names))
            found += self.said.blueprints.get(blueprint, ())
            names.pop()
        if not found:
            return None
        resources = ResourcePolicies(found, self.own)
        path = rule.rule
        if not rule.arguments and resources.policy_of(path) is None:
            return None
        of_app = (entry.policy for entry in self.own.resources)
        if any(not allows_no_more(p, entry.policy) for p in of_app for entry in found):
            self._kept_from.setdefault(full_name, []).append(path)
        return resources

    def _by_expression(self, rule: URLRule) -> ResourcePolicies | None:
        """Return the application's resource that only says which routes it means."""
        if not rule.arguments:
            if not self.own.needs_a_rule_of_its_own(rule.rule):
                return None
            policy = self.own.policy_of(rule.rule)
        else:
            start = _text_before_variables(rule)
            policy = self.own.policy_below(start)
            for pattern in self.own.unreached_below(start):
                self._unreached.setdefault(str(pattern), []).append(rule.rule)
        return None if policy is None else ResourcePolicies(for_all_paths(policy))

    def _policy_of_path(
        self,
        rule: URLRule,
        adapter: MapAdapter | None,
        methods: Iterable[str],
        decided: Mapping[int, Mapping[str, ResourcePolicies | None]],
    ) -> CORSPolicy | None:
        """Return the one policy of a path for all methods, or ``None`` if they differ."""
        if adapter is None or rule.arguments or rule.websocket or rule.rule.endswith("/*"):
            return None
        if rule.rule.endswith("/") and not rule.strict_slashes:
            return None  # The path without the slash is the same route.
        try:
            make_configuration(None, [(rule.rule, None)], {})
        except CORSConfigError:  # No pattern stands for exactly this path.
            return None
        policies: set[CORSPolicy | None] = set()
        for method in methods:
            try:
                found, _ = adapter.match(rule.rule, method, return_rule=True)
            except (HTTPException, RequestRedirect):
                continue
            resources = decided[id(found)].get(method)
            policies.add(None if resources is None else resources.policy_of(rule.rule))
        return policies.pop() if len(policies) == 1 else None


def _joined(first: Iterable[ReadRule], then: Iterable[ReadRule]) -> list[ReadRule]:
    patterns = {pattern for pattern, _ in first}
    return [*first, *(rule for rule in then if rule[0] not in patterns)]


def _decoded(path: str) -> str:
    """Return the path that a view sees, of ``PATH_INFO`` (PEP 3333, "Unicode Issues")."""
    if path.isascii():
        return path
    try:
        return path.encode("latin-1").decode(errors="replace")
    except UnicodeEncodeError:  # No server may send it.
        return path


def hidden_key(endpoint: str, view: object, method: str) -> tuple[str, str]:
    """Return what a decoration that is met when a view runs speaks for; methods are of classes."""
    return endpoint, method if hasattr(view, "view_class") else ""


def for_all_paths(policy: CORSPolicy, *, is_native: bool = False) -> list[ResourcePolicy]:
    """Return one policy for every path, as resources."""
    return [ResourcePolicy(Resource("*", "any", ""), policy, is_native)]


def _text_before_variables(rule: URLRule) -> str:
    return rule.rule.partition("<")[0]
