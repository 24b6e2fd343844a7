"""The CORS layers of an application: found by looking, without starting anything."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

from corsac._classes import attribute_of
from corsac._text import safe_repr
from corsac.asgi import CORSMiddleware
from corsac.cli.framework_policies import (
    FrameworkPolicies,
    MarkedRoute,
    configuration_of_django,
    middleware_of_flask,
    routes_of_starlette,
)
from corsac.errors import CORSConfigError, CORSConfigProblem
from corsac.middleware import ConfiguredMiddleware
from corsac.options.files import SourceReading
from corsac.options.names import OPTION_NAMES, foreign_option_hint
from corsac.policy import CORSPolicy

__all__ = ["Layer", "Search", "find_layers", "full_name", "is_named_cors"]

MAX_DEPTH = 64
"""So many applications inside each other are looked at; real ones have a dozen."""


@dataclasses.dataclass(frozen=True, slots=True)
class Layer:
    """One thing that decides about CORS.

    Attributes:
        name: The full name of its class.
        is_corsac: Whether it is Corsac's; of others only the name is known.
        policy: The policy where no rule matches, if there is a valid one.
        rules: The path rules, if they are valid.
        routes: Decorated routes, each with its path and its policy; ``None`` leaves it alone.
        problems: What is wrong with, or worth knowing about, all of that.
    """

    name: str
    is_corsac: bool
    policy: CORSPolicy | None = None
    rules: tuple[tuple[str, CORSPolicy | None], ...] = ()
    problems: tuple[CORSConfigProblem, ...] = ()
    routes: tuple[tuple[str, CORSPolicy | None], ...] = ()

    def is_valid(self) -> bool:
        """Whether it is Corsac's and can be made."""
        return self.is_corsac and all(problem.severity != "error" for problem in self.problems)


@dataclasses.dataclass(frozen=True, slots=True)
class Search:
    """What was found, from the outermost inwards, and what was looked at."""

    layers: tuple[Layer, ...]
    looked_at: tuple[str, ...]


def find_layers(found: object) -> Search:
    """Find every CORS layer of an application, or of a policy or middleware alone.

    Wrappers are followed by their attribute ``app``, and the middleware that a Starlette or FastAPI
    application was given is looked at, and made on its own. What is mounted below a path is not
    looked at: it is an application with a policy of its own. Routes with a policy of their own
    belong to the layer that carries it out. Of Flask that is what ``CORS(app)`` or `install` put
    there, or the first request would; of Django what the settings say, whose module is imported.

    Args:
        found: Any object.
    """
    if isinstance(found, CORSPolicy):
        return Search((Layer("corsac.CORSPolicy", True, found, (), found.problems),), ())
    layers: list[Layer] = []
    looked_at: list[str] = []
    marked: list[MarkedRoute] = []
    seen: list[object] = []  # The objects themselves: the id of one that is gone is used again.
    current: object = found
    while current is not None and not any(current is earlier for earlier in seen):
        if len(seen) == MAX_DEPTH:
            looked_at.append(f"no deeper than {MAX_DEPTH} applications inside each other")
            break
        seen.append(current)
        looked_at.append(full_name(type(current)))
        if isinstance(current, ConfiguredMiddleware):
            layers.append(_layer_of(current))
        elif is_named_cors(type(current)):
            layers.append(Layer(looked_at[-1], is_corsac=False))
        # What `corsac.starlette.install` put outside of all that was added.
        installed = attribute_of(current, "_corsac_middleware")
        routes = routes_of_starlette(current)
        if isinstance(installed, CORSMiddleware) and not any(installed is it for it in seen):
            layers.append(_with_routes(_layer_of(installed), routes))
        else:
            marked += routes
        from_framework = middleware_of_flask(current) or configuration_of_django(current)
        if from_framework is not None:
            layers.append(_of_framework(from_framework))
        entries = attribute_of(current, "user_middleware")
        for entry in entries if isinstance(entries, (list, tuple)) else ():
            cls = attribute_of(entry, "cls")
            looked_at.append(f"its middleware {full_name(cls)}")
            if isinstance(cls, type) and issubclass(cls, CORSMiddleware):
                layers.append(_make_layer(cls, entry))
            elif is_named_cors(cls):
                layers.append(Layer(full_name(cls), is_corsac=False))
        # A Flask application has all of its layers in one, which was looked at.
        names = ("app", "asgi_app") if from_framework else ("app", "wsgi_app", "asgi_app")
        inner = (attribute_of(current, name) for name in names)
        current = next((it for it in inner if it is not None), None)
    if marked and layers:
        layers[0] = dataclasses.replace(
            layers[0], problems=(*layers[0].problems, _not_installed(marked))
        )
    # A name once is enough; None has no application inside and is still what was looked at.
    return Search(tuple(layers), tuple(dict.fromkeys(looked_at)) or (full_name(type(found)),))


_NAMED_CORS = re.compile(r"CORS|Cors(?![a-z])")


def is_named_cors(cls: object) -> bool:
    """Whether a class, or a function that makes a layer, is named like a CORS layer.

    Args:
        cls: The class or function.
    """
    return _NAMED_CORS.search(full_name(cls).rpartition(".")[2]) is not None


def full_name(cls: object) -> str:
    """The name of a class or function with that of its module.

    Args:
        cls: The class or function; of anything else its text is given.
    """
    module, name = attribute_of(cls, "__module__"), attribute_of(cls, "__qualname__")
    return f"{module}.{name}" if isinstance(name, str) else safe_repr(cls)


def _layer_of(middleware: ConfiguredMiddleware) -> Layer:
    """The layer that a middleware is; a problem of a rule's policy says which rule."""
    policies = [middleware.policy]
    problems = [*middleware._configuration.problems]
    if middleware.policy is not None:
        problems += middleware.policy.problems
    for pattern, policy in middleware.rules:
        if policy is None or any(policy is earlier for earlier in policies):
            continue
        policies.append(policy)
        problems += (_below(f"rules[{pattern!r}]", problem) for problem in policy.problems)
    name = full_name(type(middleware))
    return Layer(name, True, middleware.policy, middleware.rules, tuple(problems))


def _with_routes(layer: Layer, routes: Sequence[MarkedRoute]) -> Layer:
    """The layer with routes that have policies of their own, and what is wrong with these."""
    policies: list[CORSPolicy] = []
    problems = [*layer.problems]
    for path, policy in routes:
        if policy is None or any(policy is earlier for earlier in policies):
            continue
        policies.append(policy)
        problems += (_below(f"route {path!r}", problem) for problem in policy.problems)
    return dataclasses.replace(layer, problems=tuple(problems), routes=tuple(routes))


def _of_framework(found: FrameworkPolicies) -> Layer:
    layer = Layer(found.name, True, found.policy, found.rules, found.problems)
    return _with_routes(layer, found.routes)


def _not_installed(routes: Sequence[MarkedRoute]) -> CORSConfigProblem:
    return CORSConfigProblem(
        "option.conflict",
        "warning",
        "cors",
        routes[0][0],
        "the route has cors or cors_exempt, which corsac.starlette.install carries out; this "
        "middleware applies its own policy to all routes",
        "write corsac.starlette.install(app, ...) in place of the middleware",
    )


def _below(place: str, problem: CORSConfigProblem) -> CORSConfigProblem:
    return problem.replace(option=f"{place}.{problem.option}")


def _make_layer(cls: type[CORSMiddleware], entry: object) -> Layer:
    """Make a middleware as Starlette would when the application is first called."""
    given, keywords = attribute_of(entry, "args"), attribute_of(entry, "kwargs")
    positional: Sequence[Any] = given if isinstance(given, (list, tuple)) else ()
    options: Mapping[str, Any] = keywords if isinstance(keywords, dict) else {}
    try:
        if cls is CORSMiddleware:
            return _layer_of(_make(positional, options))
        return _layer_of(cls(_no_application, *positional, **options))
    except CORSConfigError as error:
        problems = error.problems
    except Exception as error:
        message = f"the middleware cannot be made: {type(error).__name__}: {error}"
        problem = CORSConfigProblem("middleware.invalid", "error", "middleware", cls, message)
        problems = (problem,)
    return Layer(full_name(cls), is_corsac=True, problems=problems)


def _make(positional: Sequence[Any], options: Mapping[str, Any]) -> CORSMiddleware:
    def make(**known: Any) -> CORSMiddleware:
        return CORSMiddleware(_no_application, *positional, **known)

    known = {name: value for name, value in options.items() if name in _KEYWORDS}
    unknown = [
        CORSConfigProblem(
            "option.unknown",
            "error",
            name,
            name,
            "Corsac has no such option",
            foreign_option_hint(name) or f"the options are {', '.join(OPTION_NAMES)}",
        )
        for name in options
        if name not in _KEYWORDS
    ]
    if unknown and (positional or not known.keys().isdisjoint(_NO_OPTIONS)):
        raise CORSConfigError(unknown)
    return SourceReading(known, tuple(unknown)).policy(make)


_NO_OPTIONS = ("policy", "rules")
_KEYWORDS = (*OPTION_NAMES, *_NO_OPTIONS)


async def _no_application(*_: object) -> None:
    """Stands where the application will be; nothing calls it."""
