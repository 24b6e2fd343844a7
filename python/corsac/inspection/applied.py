"""What one CORS layer applies: its policy, its rules, its decorated routes, and their problems."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from corsac.asgi import CORSMiddleware
from corsac.errors import CORSConfigError, CORSConfigProblem
from corsac.middleware import ConfiguredMiddleware
from corsac.options.files import SourceReading
from corsac.options.names import OPTION_NAMES, option_hint
from corsac.policy import CORSPolicy

__all__ = [
    "Applied",
    "MarkedRoute",
    "applied_by",
    "configured",
    "made_from",
    "no_application",
    "unreadable",
]

MarkedRoute = tuple[str, CORSPolicy | None]


@dataclasses.dataclass(frozen=True, slots=True)
class Applied:
    """All that one layer applies.

    Attributes:
        policy: The policy where no rule matches, if there is a valid one.
        rules: The path rules, if they are valid.
        routes: Decorated routes, each with its path and its policy; ``None`` leaves it alone.
        problems: What is wrong with, or worth knowing about, all of that.
    """

    policy: CORSPolicy | None = None
    rules: tuple[MarkedRoute, ...] = ()
    routes: tuple[MarkedRoute, ...] = ()
    problems: tuple[CORSConfigProblem, ...] = ()

    def is_valid(self) -> bool:
        """Whether the layer can be made."""
        return all(problem.severity != "error" for problem in self.problems)

    def with_routes(self, routes: Iterable[MarkedRoute]) -> Applied:
        """Add decorated routes; a problem of such a policy says which route."""
        routes = tuple(routes)
        problems = (*self.problems, *_of_policies(routes, "route {!r}"))
        return dataclasses.replace(self, routes=routes, problems=problems)


def applied_by(middleware: object) -> Applied:
    """Read a middleware of Corsac's; one of an adapter has a method ``_applied`` for this."""
    own: Callable[[], Applied] | None = getattr(middleware, "_applied", None)
    if own is not None:
        return own()
    if not isinstance(middleware, ConfiguredMiddleware):
        message = f"a middleware of Corsac is expected, not {type(middleware).__name__}"
        raise TypeError(message)
    return configured(middleware)


def configured(middleware: ConfiguredMiddleware) -> Applied:
    """Read what a middleware was configured with; a problem of a rule's policy says which rule."""
    policy, rules = middleware.policy, middleware.rules
    problems = [*middleware._configuration.problems]
    if policy is not None:
        problems += policy.problems
    problems += _of_policies([rule for rule in rules if rule[1] is not policy], "rules[{!r}]")
    return Applied(policy, rules, problems=tuple(problems))


def _of_policies(places: Iterable[MarkedRoute], name: str) -> list[CORSConfigProblem]:
    """Return the problems of the policies of rules or routes, each policy's once."""
    first: dict[int, MarkedRoute] = {}
    for place, policy in places:
        first.setdefault(id(policy), (place, policy))
    return [
        problem.replace(option=f"{name.format(place)}.{problem.option}")
        for place, policy in first.values()
        if policy is not None
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
    known = {name: value for name, value in options.items() if name in _KEYWORDS}
    unknown = [
        CORSConfigProblem(
            "option.unknown",
            "error",
            name,
            name,
            "Corsac has no such option",
            option_hint(name),
        )
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
