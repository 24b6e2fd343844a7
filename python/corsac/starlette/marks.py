"""What a route says about its own policy: `cors` and `cors_exempt`.

A mark is an attribute of the thing that is decorated. Nothing is wrapped, so that FastAPI sees the
signature that was written, and it does not matter whether the route is made before or after.
"""

from __future__ import annotations

import functools
import inspect
import sys
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar, Unpack

from corsac.errors import log_warnings
from corsac.policy import CORSPolicy, CORSPolicyOptions, resolve_policy

__all__ = ["Mark", "cors", "cors_exempt", "mark_of", "marks"]

_ATTRIBUTE = "__corsac_mark__"

Marked = TypeVar("Marked")


class _Marks:
    """Whether anything is marked, so that most applications never look for a mark.

    The generation is another object after every mark, so that who has read them sees that there is
    more to read. The applications that do not look any more are told when that changes.
    """

    def __init__(self) -> None:
        self.exist = False
        self.generation = object()
        self.unwatched: weakref.WeakSet[Any] = weakref.WeakSet()

    def begin(self) -> None:
        """Make applications look for marks from now on."""
        if self.exist:
            return
        self.exist = True
        for stack in [*self.unwatched]:
            stack.look_again()
        self.unwatched.clear()


marks: Final = _Marks()


@dataclass(frozen=True, slots=True)
class Mark:
    """What a route asks for; without a policy it is left alone."""

    policy: CORSPolicy | None

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel with what is marked; where it arrives, applications look for marks then."""
        return (_arrive, (self.policy,))


def _arrive(policy: CORSPolicy | None) -> Mark:
    marks.begin()
    marks.generation = object()
    return Mark(policy)


def cors(
    policy: CORSPolicy | None = None, **options: Unpack[CORSPolicyOptions]
) -> Callable[[Marked], Marked]:
    """Give a route a policy of its own, for its preflight requests and its responses.

    It decorates endpoints: functions, `HTTPEndpoint` classes and single methods of them, FastAPI's
    path operations (above or below ``@app.get(...)``). What has no decorator is handed to it:
    ``cors(policy)(router)``, and likewise a `Mount`, a `Route` or a mounted application. The
    innermost mark decides; it goes before path rules, and replaces the application's policy whole.

    The decorator has to be the outermost, or those outside of it have to use `functools.wraps`. It
    is `corsac.starlette.install` that carries it out; without that nothing happens.

    Args:
        policy: The policy; or give the options of one.
        **options: The options of `CORSPolicy`.

    Returns:
        The decorator. It returns what it was given, marked.

    Raises:
        CORSConfigError: The options cannot be used.
        TypeError: A policy and options are given, or an option is unknown.

    Example:
        >>> @cors(allow_origins=["*"])
        ... async def public(request): ...
    """
    if policy is not None and not isinstance(policy, CORSPolicy) and callable(policy):
        message = 'write @cors(policy) or @cors(allow_origins=["https://..."]): it has no default'
        raise TypeError(message)
    chosen = resolve_policy(policy, options)
    log_warnings(chosen.problems)
    return functools.partial(_put, Mark(chosen))


def cors_exempt(route: Marked) -> Marked:
    """Leave a route alone: its preflight requests reach it, and its responses stay as they are.

    Args:
        route: What `cors` decorates.

    Returns:
        The same, marked.

    Example:
        >>> @cors_exempt
        ... async def webhook(request): ...
    """
    if not callable(route) and not hasattr(route, "matches"):
        message = f"cors_exempt decorates an endpoint or a route, not {type(route).__name__}"
        raise TypeError(message)
    marked: Marked = _put(Mark(None), route)
    return marked


def mark_of(route: object) -> Mark | None:
    """Return the mark of an endpoint, route, router or application, if it has one."""
    # Looked up without running code of the object's: some answer to every name.
    # The attributes of a bound method are its function's.
    found = route.__func__ if inspect.ismethod(route) else route
    mark = inspect.getattr_static(found, _ATTRIBUTE, None)
    if mark is None and isinstance(route, functools.partial):
        return mark_of(route.func)
    return mark if isinstance(mark, Mark) else None


def _put(mark: Mark, route: Any) -> Any:
    routing = sys.modules.get("fastapi.routing")
    if (
        routing is not None
        and not hasattr(routing, "iter_route_contexts")
        and isinstance(route, routing.APIRouter)  # `include_router` copies its routes.
    ):
        message = (
            "a router can be marked with FastAPI 0.137.2 or newer, older ones lose the mark when "
            "it is included; decorate its path operations"
        )
        raise TypeError(message)
    marks.begin()
    try:
        setattr(route, _ATTRIBUTE, mark)
    except (AttributeError, TypeError):
        message = (
            f"{type(route).__name__} cannot be marked; decorate the function or class, "
            "or hand the route to cors(...)"
        )
        raise TypeError(message) from None
    marks.generation = object()  # Not before: whoever sees it sees the mark.
    return route
