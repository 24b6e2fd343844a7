"""CORS layers: what each applies, where they stand, and what is to be said about that."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from corsac._text import in_words
from corsac.asgi import CORSMiddleware
from corsac.errors import CORSConfigError, CORSConfigProblem, has_errors
from corsac.middleware import ConfiguredMiddleware
from corsac.options.names import OPTION_NAMES, option_hint
from corsac.policy import CORSPolicy
from corsac.several import Policies, members_of

__all__ = [
    "MAX_LISTED",
    "Applied",
    "Layer",
    "MCPEndpoint",
    "MarkedRoute",
    "Search",
    "applied_by",
    "configured",
    "made_from",
]
__all__ += ["no_application", "unreadable"]

MAX_LISTED = 1000
"""Of the origins of a source so many are looked at."""

MarkedRoute = tuple[str, Policies | None]
"""A path and its policy; ``None`` leaves it alone."""


@dataclasses.dataclass(frozen=True, slots=True)
class Applied:
    """All that one layer applies."""

    policy: Policies | None = None  # Where no rule matches, if there is a valid one.
    rules: tuple[MarkedRoute, ...] = ()  # If they are valid.
    routes: tuple[MarkedRoute, ...] = ()  # Decorated ones.
    problems: tuple[CORSConfigProblem, ...] = ()  # Of all of that; infos too.
    allowed_hosts: tuple[str, ...] | None = None  # None: any.
    trial: Applied | None = None  # What is on trial.

    def is_valid(self) -> bool:
        """Whether the layer can be made."""
        return not has_errors(self.problems)

    def with_routes(self, routes: Iterable[MarkedRoute]) -> Applied:
        """Add decorated routes; a problem of such a policy says which route."""
        routes = tuple(routes)
        problems = (*self.problems, *_of_policies(routes, "route {!r}"))
        return dataclasses.replace(self, routes=routes, problems=problems)

    def with_hosts_checked(self) -> Applied:
        """Add what DNS rebinding would get past, if any host is served."""
        places = (self.policy, *(policy for _, policy in (*self.rules, *self.routes)))
        policies = [policy for place in places for policy in members_of(place)]
        message = ""
        if any(policy.guard for policy in policies):
            message = (
                "a page of another site whose host name was made to point at this server (DNS "
                "rebinding) is of its own origin for the guard"
            )
        elif any(_LOOPBACK.search(one) for each in policies for one in each._listed(MAX_LISTED)):
            message = (
                "a page of another site whose host name was made to point at this machine (DNS "
                "rebinding) gets answers too, since CORS takes it for the server's own"
            )
        if self.allowed_hosts is not None or not message:
            return self
        hint = (
            "list the server's own names in allowed_hosts; corsac.LOOPBACK_HOSTS are those of this "
            "machine"
        )
        info = CORSConfigProblem("host.unchecked", "info", "allowed_hosts", None, message, hint)
        return dataclasses.replace(self, problems=(*self.problems, info))


_LOOPBACK = re.compile(r"://(?:localhost|127(?:\.\d+){3}|\[::1\])(?::|\Z)")


def applied_by(middleware: Any) -> Applied:
    """Read a middleware of Corsac's; one of an adapter has a method ``_applied`` for this."""
    own: Callable[[], Applied] | None = getattr(middleware, "_applied", None)
    return configured(middleware).with_hosts_checked() if own is None else own()


def configured(middleware: ConfiguredMiddleware[Any]) -> Applied:
    """Read what a middleware was configured with; a problem of a rule's policy says which rule."""
    policy, rules = middleware.policy, middleware.rules
    problems = [*middleware._configuration.problems]
    for each in members_of(policy):
        problems += each.problems
    problems += _of_policies([rule for rule in rules if rule[1] is not policy], "rules[{!r}]")
    problems += middleware._observation.problems
    trial = middleware._observation.trial
    on_trial = None
    if trial is not None:
        hosts = trial.observation.allowed_hosts
        on_trial = Applied(trial.policy, trial.rules, allowed_hosts=hosts)
    hosts = middleware.allowed_hosts
    return Applied(policy, rules, problems=tuple(problems), trial=on_trial, allowed_hosts=hosts)


def _of_policies(places: Iterable[MarkedRoute], name: str) -> list[CORSConfigProblem]:
    """Return the problems of the policies of rules or routes, each policy's once."""
    first: dict[int, tuple[str, CORSPolicy]] = {}
    for place, policies in places:
        for policy in members_of(policies):
            first.setdefault(id(policy), (place, policy))
    return [
        problem.replace(option=f"{name.format(place)}.{problem.option}")
        for place, policy in first.values()
        for problem in policy.problems
    ]


def made_from(cls: Any, given: object, keywords: object) -> Applied:
    """Make a middleware as a framework would when it is first called, and read it.

    The class may be a `functools.partial`; what it is given comes after the application.
    """
    positional: Sequence[Any] = given if isinstance(given, (list, tuple)) else ()
    options: Mapping[str, Any] = keywords if isinstance(keywords, dict) else {}
    try:
        if cls is CORSMiddleware:
            return applied_by(_make(positional, options))
        with warnings.catch_warnings(action="ignore"):  # The same problems are in what is made.
            return applied_by(cls(no_application, *positional, **options))
    except CORSConfigError as error:
        problems = error.problems
    except Exception as error:
        message = f"the middleware cannot be made: {type(error).__name__}: {error}"
        problem = CORSConfigProblem("middleware.invalid", "error", "middleware", cls, message)
        problems = (problem,)
    return Applied(problems=problems)


def _make(positional: Sequence[Any], options: Mapping[str, Any]) -> CORSMiddleware:
    """Make Corsac's own class; unknown options are problems beside all others."""
    from corsac.options.files import SourceReading  # noqa: PLC0415 - only tools look inside

    known = {name: value for name, value in options.items() if name in _KEYWORDS}
    message = "Corsac has no such option"
    unknown = [
        CORSConfigProblem("option.unknown", "error", name, name, message, option_hint(name))
        for name in options
        if name not in _KEYWORDS
    ]
    if unknown and (positional or not known.keys().isdisjoint(_NO_OPTIONS)):
        raise CORSConfigError(unknown)
    make = functools.partial(CORSMiddleware, no_application, *positional)
    return SourceReading(known, tuple(unknown)).policy(make)


_NO_OPTIONS = tuple(
    name
    for name, parameter in inspect.signature(CORSMiddleware.__init__).parameters.items()
    if name not in {"self", "app"} and parameter.kind is not parameter.VAR_KEYWORD
)
_KEYWORDS = (*OPTION_NAMES, *_NO_OPTIONS)


async def no_application(*_: object) -> None:
    """Stand where the application will be; nothing calls it."""


def unreadable(option: str, what: str, error: Exception) -> CORSConfigProblem:
    """Report that code of the program failed while something was looked at."""
    message = f"{what} cannot be looked at: {type(error).__name__}: {error}"
    return CORSConfigProblem("source.import_failed", "warning", option, None, message)


@dataclasses.dataclass(frozen=True, slots=True)
class Layer:
    """One thing that applies CORS."""

    name: str  # The full name of its class or function.
    place: str = "wraps the application"  # Where it is, as a clause.
    path: str | None = None  # Of the route that it is below; None around the whole application.
    rule: str = ""  # The pattern of a path rule for its path; empty if none covers exactly that.
    read: Callable[[], Applied] | None = None  # Reads what it applies; None for other libraries.

    @property
    def is_corsac(self) -> bool:
        """Whether it is Corsac's; of others only the name is known."""
        return self.read is not None


class MCPEndpoint(NamedTuple):
    """An endpoint of the `mcp` SDK."""

    path: str
    is_streamable: bool  # Not the older transport, HTTP+SSE.
    is_stateless: bool
    has_sign_in: bool  # Whether the SDK asks for a token.
    security: object  # The SDK's TransportSecuritySettings if they are enabled.


@dataclasses.dataclass(slots=True)
class Search:
    """What was found in an application."""

    # Those around the whole application, from the outermost inwards, then those of routes and
    # mounts; without what a path rule of Corsac's outermost layer, or cors_exempt, leaves alone.
    layers: list[Layer] = dataclasses.field(default_factory=list)
    # Those of `corsac.live` that put origins in force in one of the layers.
    followers: dict[Any, None] = dataclasses.field(default_factory=dict)
    # The names of what was looked at.
    looked_at: dict[str, None] = dataclasses.field(default_factory=dict)
    # What stands outside of Corsac and is not a CORS layer, each with what decides about its place.
    outside: dict[tuple[str, str], None] = dataclasses.field(default_factory=dict)
    added_to: str = ""  # The framework, if Corsac is among the middleware that it was given.
    is_installed: bool = False  # Whether Corsac carries out what decorated routes say.
    # Decorated routes of applications that Corsac is not installed in.
    marked: list[MarkedRoute] = dataclasses.field(default_factory=list)
    # Inside of Corsac's outermost layer, as no rule of it leaves them alone.
    mcp: list[MCPEndpoint] = dataclasses.field(default_factory=list)
    discovery: list[str] = dataclasses.field(default_factory=list)  # Paths of OAuth's metadata.

    @property
    def around(self) -> tuple[Layer, ...]:
        """Corsac's layers around the whole application, from the outermost inwards."""
        return tuple(each for each in self.layers if each.is_corsac and each.path is None)

    def problems(self) -> Iterator[CORSConfigProblem]:
        """Yield what is wrong with where the layers are, without reading what they apply."""
        for layer in self.layers[1:]:
            yield CORSConfigProblem(
                "middleware.several",
                "warning",
                "middleware",
                layer.name,
                f"this CORS layer {layer.place}, inside of {self.layers[0].name}: the outermost "
                "answers the preflight requests and has the last word on the headers",
                self._way_out(layer),
            )
        if self.marked and self.layers:
            yield CORSConfigProblem(
                "option.conflict",
                "warning",
                "cors",
                self.marked[0][0],
                "the route has cors or cors_exempt, which corsac.starlette.install carries out; "
                "this middleware applies its own policy to all routes",
                "write corsac.starlette.install(app, ...) in place of the middleware",
            )

    def _way_out(self, layer: Layer) -> str:
        outermost = self.layers[0]
        if not outermost.is_corsac:
            return f"remove {outermost.name}, and let Corsac be the outermost"
        if layer.path is None:
            return "remove it; for other policies on other paths give Corsac rules=[(path, policy)]"
        if layer.rule:
            marked = " and write cors(...)(route)" if self.is_installed else ""
            return f'remove it{marked}, or leave it the path: rules=[("{layer.rule}", None), ...]'
        if self.is_installed:
            return "remove it, or leave the route alone: corsac.starlette.cors_exempt(route)"
        return (
            "remove it; or write corsac.starlette.install(app, ...) in place of the middleware, "
            "and leave the route alone: corsac.starlette.cors_exempt(route)"
        )

    def notes(self) -> Iterator[str]:
        """Yield what to know about responses that are made outside of Corsac.

        Whether what stands there ever answers itself cannot be seen, so this is not a problem of
        the configuration.
        """
        if not self.around:
            return
        if self.outside:
            one = len(self.outside) == 1
            names = in_words(name[-_MAX_NAME:] for name, _ in self.outside)
            yield (
                f"{names} stand{'s' if one else ''} outside of Corsac and "
                f"answer{'s' if one else ''} without CORS headers, preflight requests too; "
                f"{'; '.join(dict.fromkeys(why for _, why in self.outside))}"
            )
        if self.added_to in _ANSWERS_OUTSIDE:
            yield _ANSWERS_OUTSIDE[self.added_to]


_ANSWERS_OUTSIDE = {
    "starlette": (
        "Starlette answers unhandled exceptions outside of all that add_middleware adds, so those "
        "500s have no CORS headers; write corsac.starlette.install(app, ...) in place of "
        "add_middleware"
    ),
    "litestar": (
        "Litestar answers 404 and 405 outside of the middleware that it is given, so those have "
        "no CORS headers; write app = corsac.CORSMiddleware(app, ...) around the application"
    ),
}
"""What frameworks answer themselves, outside of the middleware that they were given."""

_MAX_NAME = 60
"""The end of a longer name is shown."""
