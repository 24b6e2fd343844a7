"""Other CORS layers of a Starlette application: two of them never do what was meant."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Host, Mount

from corsac.errors import CORSConfigProblem
from corsac.rules import Rule
from corsac.starlette.application import installed_in
from corsac.starlette.marks import mark_of
from corsac.starlette.routes import inner_applications

__all__ = ["is_cors_layer", "name_of", "other_layers"]


def other_layers(app: Starlette, rules: Sequence[Rule] = ()) -> Iterator[CORSConfigProblem]:
    """The CORS layers inside of an application, as problems.

    Args:
        app: The application that Corsac is installed in.
        rules: Its path rules: what they leave alone may have a layer of its own.
    """
    for middleware in app.user_middleware:
        if is_cors_layer(middleware.cls):
            yield _problem(
                name_of(middleware.cls),
                "was added to the application",
                "remove that; for other policies on other paths give install() rules=[...]",
            )
    yield from _below(app, "", rules, above=(app,))


def _below(
    app: object, prefix: str, rules: Sequence[Rule], above: tuple[object, ...]
) -> Iterator[CORSConfigProblem]:
    routes = getattr(app, "routes", None)
    for route in routes if isinstance(routes, list) else ():
        router = getattr(route, "original_router", None)
        if router is not None:
            include: Any = getattr(route, "include_context", None)
            inner_prefix = prefix + getattr(include, "prefix", "")
            yield from _below(router, inner_prefix, rules, (*above, router))
            continue
        path = prefix + getattr(route, "path", "")
        inner = getattr(route, "app", None)
        if inner is None or _is_left_alone(route, path, rules):
            continue
        applications = inner_applications(inner)
        endpoint = getattr(route, "endpoint", None)
        for application in applications:
            # A class that is an endpoint may be named as it likes; a Mount has no endpoint.
            is_endpoint = application is endpoint and inspect.isclass(application)
            layer = None if is_endpoint else _layer_of(application)
            if layer is not None:
                yield _problem(
                    layer,
                    f"is inside of {path or '/'!r}",
                    f"remove it and write cors(...)(route), or leave it the path: "
                    f'rules=[("{path}/*", None), ...]',
                )
        last = applications[-1]
        if isinstance(route, (Mount, Host)) and not any(last is other for other in above):
            yield from _below(last, path, rules, (*above, last))


def _layer_of(application: object) -> str | None:
    """The name of the CORS layer that an application is, or that was added to it."""
    if is_cors_layer(application):
        return name_of(application)
    for middleware in getattr(application, "user_middleware", None) or ():
        if is_cors_layer(middleware.cls):
            return name_of(middleware.cls)
    layer = installed_in(application)
    return None if layer is None else name_of(layer)


_NAMED_CORS = re.compile(r"CORS|Cors(?![a-z])|(?:\A|_)cors(?:_|\Z)")


def is_cors_layer(layer: object) -> bool:
    """Whether an application, or a class or function that makes one, is named like a CORS layer.

    Args:
        layer: Any object.
    """
    return _NAMED_CORS.search(name_of(layer).rpartition(".")[2]) is not None


def name_of(layer: object) -> str:
    """The full name of a class or function, or of an object's class.

    Args:
        layer: Any object.
    """
    named: Any = layer if hasattr(layer, "__qualname__") else type(layer)
    return f"{named.__module__}.{named.__qualname__}"


def _is_left_alone(route: object, path: str, rules: Sequence[Rule]) -> bool:
    mark = mark_of(route)
    if mark is not None:
        return mark.policy is None
    takes_more = isinstance(route, (Mount, Host))
    for pattern, policy in rules:
        below = pattern.endswith("/*") and f"{path}/".startswith(pattern[:-1])
        if below or (pattern == path and not takes_more):
            return policy is None
    return False


def _problem(name: str, where: str, hint: str) -> CORSConfigProblem:
    return CORSConfigProblem(
        "middleware.several",
        "warning",
        "middleware",
        name,
        f"this CORS layer {where}, and Corsac is installed outside of it: Corsac answers the "
        "preflight requests and has the last word on the headers",
        hint,
    )
