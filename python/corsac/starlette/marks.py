"""What routes say about their own policies, and which mark holds for a request.

A mark is an attribute of the thing that is decorated. Nothing is wrapped, so that FastAPI sees the
signature that was written, and it does not matter whether the route is made before or after.

The middleware is outside of the router, and a preflight request has to be answered by the policy of
the route that the announced request would take. So the routes are walked as the router walks them,
and asked twice: here, where the answer is kept, and by the router.
"""

from __future__ import annotations

import functools
import inspect
import sys
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import is_
from typing import Any, Final, TypeVar, Unpack

from starlette.routing import BaseRoute, Host, Match, Mount

from corsac._classes import MAX_WRAPPERS
from corsac._types import Scope
from corsac.errors import log_warnings
from corsac.policy import CORSPolicy, CORSPolicyOptions, resolve_policy

__all__ = ["Mark", "RouteMarks", "cors", "cors_exempt"]
__all__ += ["inner_applications", "mark_of", "marked_routes", "marks"]

_ATTRIBUTE = "__corsac_mark__"

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY")

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


@dataclass(frozen=True, slots=True)
class _Place:
    """One route, and what holds for the requests that it takes."""

    path: str
    matches: Callable[[Scope], tuple[Match, Scope]]
    mark: Mark | None
    by_method: Mapping[str, Mark | None]
    below: _Level | None

    def find(self, scope: Scope, child_scope: Scope) -> Mark | None:
        if self.below is not None:
            return self.below.find({**scope, **child_scope})
        return self.by_method.get(scope.get("method", ""), self.mark)

    def all(self, above: str) -> Iterator[tuple[str, Mark]]:
        path = above + self.path
        if self.below is not None:
            yield from self.below.all(path)
            return
        if self.mark is not None:
            yield path or "/", self.mark
        for method, mark in self.by_method.items():
            if mark is not None and mark is not self.mark:
                yield f"{method} {path or '/'}", mark


@dataclass(frozen=True, slots=True)
class _Level:
    """The routes of one router, in order, and what it does without one."""

    places: Sequence[_Place]
    mark: Mark | None
    redirects: bool
    default: _Level | None
    default_mark: Mark | None

    def find(self, scope: Scope) -> Mark | None:
        partial: tuple[_Place, Scope] | None = None
        for place in self.places:
            match, child_scope = place.matches(scope)
            if match is Match.FULL:
                return place.find(scope, child_scope)
            if match is Match.PARTIAL and partial is None:
                partial = (place, child_scope)
        if partial is not None:
            return partial[0].find(scope, partial[1])
        path: str = scope["path"]
        if self.redirects and scope["type"] == "http" and path != "/":
            # That of the route that a redirect for a slash leads to.
            other = {**scope, "path": path.rstrip("/") if path.endswith("/") else f"{path}/"}
            for place in self.places:
                match, child_scope = place.matches(other)
                if match is not Match.NONE:
                    return place.find(other, child_scope)
        return self.default_mark if self.default is None else self.default.find(scope)

    def all(self, above: str) -> Iterator[tuple[str, Mark]]:
        for place in self.places:
            yield from place.all(above)
        if self.default is not None:
            yield from self.default.all(above)


class RouteMarks:
    """The marks on the routes of one application, as they are when this is made.

    Type, method, path and ``root_path`` decide which route is taken, unless ``by_path_alone`` is
    false: a `Host`, or a class of routes that Starlette and FastAPI do not have, may look at more.
    """

    def __init__(self, app: object) -> None:
        self.by_path_alone = True
        self._generation = marks.generation  # Before the marks are read.
        self._owners: list[Any] = []
        self._watched: list[tuple[object, str, object]] = []
        self._level = self._read_application([app], mark=None, above=())
        self._seen = [(owner, tuple(owner.routes)) for owner in self._owners]

    def are_current(self) -> bool:
        """Whether nothing was marked since, and routes, mounts and defaults are the same.

        Every list of routes must have the same objects as then, in the same order. Equal ones are
        not enough: a route that takes the place of another may have another mark.
        """
        # Loops, not expressions: this runs in every request.
        if self._generation is not marks.generation:
            return False
        for owner, routes_then in self._seen:
            routes = owner.routes
            if len(routes) != len(routes_then) or not all(map(is_, routes, routes_then)):
                return False
        for holder, name, seen in self._watched:  # noqa: SIM110
            if getattr(holder, name, None) is not seen:
                return False
        return True

    def find(self, scope: Scope) -> Mark | None:
        """Return the mark for a request or for the one that a preflight request announces."""
        return None if self._level is None else self._level.find(scope)

    def all(self) -> Iterator[tuple[str, Mark]]:
        """Give path and mark of every marked route; a method goes before the path it is for."""
        return iter(()) if self._level is None else self._level.all("")

    def may_decide(self) -> bool:
        """Whether a mark decides for some request; also where the routes cannot be seen."""
        level = self._level
        if level is None or level.mark is not None or level.default_mark is not None:
            return True
        return next(level.all(""), None) is not None

    def _read_application(
        self, applications: Sequence[object], mark: Mark | None, above: tuple[object, ...]
    ) -> _Level | None:
        """Return the routes of the last of some applications, each inside of the one before it.

        It is ``None`` if they cannot be seen. What it is mounted in is above.
        """
        for wrapper in applications:
            mark = mark_of(wrapper) or mark
        routes = getattr(applications[-1], "routes", None)
        if not isinstance(routes, list) or any(applications[-1] is other for other in above):
            return None
        router = getattr(applications[-1], "router", applications[-1])
        mark = mark_of(router) or mark
        places = [
            self._read_route(route, effective, own, (*above, applications[-1]))
            for route, effective, own in self._flat(applications[-1], mark)
        ]
        above = (*above, applications[-1])
        default, default_mark = self._read_inner(router, router, "default", mark, above)
        redirects = bool(getattr(router, "redirect_slashes", False))
        return _Level(places, mark, redirects, default, default_mark)

    def _read_inner(
        self, owner: object, holder: Any, name: str, mark: Mark | None, above: tuple[object, ...]
    ) -> tuple[_Level | None, Mark | None]:
        """Return the routes below an attribute, and the mark that holds if they are not seen.

        The owner's attribute may be set; the holder has it for this request: the owner, or what an
        inclusion made of it.
        """
        applications = inner_applications(getattr(holder, name, None))
        self._watch(owner, name)
        for wrapper in applications[:-1]:
            self._watch(wrapper, "app")
        below = self._read_application(applications, mark, above)
        for application in applications if below is None else ():
            mark = mark_of(application) or mark
        return below, mark

    def _watch(self, owner: object, name: str) -> None:
        seen = getattr(owner, name, None)
        if seen is getattr(owner, name, None):  # Not what is made anew each time.
            self._watched.append((owner, name, seen))

    def _read_route(
        self, route: BaseRoute, effective: Any, mark: Mark | None, above: tuple[object, ...]
    ) -> _Place:
        path = str(getattr(effective, "path", getattr(effective, "host", "")))
        module = type(route).matches.__module__
        if module not in {"starlette.routing", "fastapi.routing"} or isinstance(route, Host):
            self.by_path_alone = False
        if isinstance(route, (Mount, Host)):
            below, mark = self._read_inner(route, effective, "app", mark, above)
            return _Place(path, effective.matches, mark, {}, below)
        endpoint = getattr(effective, "endpoint", None)
        mark = mark_of(endpoint) or mark
        by_method = self._by_method(endpoint, mark) if inspect.isclass(endpoint) else {}
        return _Place(path, effective.matches, mark, by_method, None)

    def _by_method(self, endpoint: type, mark: Mark | None) -> dict[str, Mark | None]:
        """Return what the methods of an HTTPEndpoint say; HEAD is answered by `get` if need be."""
        # A class with a `dispatch` of its own may have methods that Starlette does not know.
        marked = (
            name.upper()
            for name in dir(endpoint)
            if mark_of(inspect.getattr_static(endpoint, name, None)) is not None
        )
        names = dict.fromkeys((*_METHODS, *marked))
        handlers = {name: getattr(endpoint, name.lower(), None) for name in names}
        handlers["HEAD"] = handlers["HEAD"] or handlers["GET"]
        return {name: mark_of(handler) or mark for name, handler in handlers.items()}

    def _flat(self, owner: Any, mark: Mark | None) -> Iterator[tuple[BaseRoute, Any, Mark | None]]:
        """Yield each route as it was made, as it is asked, and its mark or that of its router."""
        self._owners.append(owner)
        for route in owner.routes:
            router = getattr(route, "original_router", None)
            if router is None:
                yield route, route, mark_of(route) or mark
                continue
            # FastAPI includes a router by reference; its prefix is known to the contexts alone.
            from fastapi.routing import iter_route_contexts  # noqa: PLC0415

            marks_of: dict[int, Mark | None] = {}
            for original, _, own in self._flat(router, mark_of(router) or mark):
                marks_of.setdefault(id(original), own)
            for context in iter_route_contexts([route]):
                original = context.original_route
                yield original, context, marks_of[id(original)]


def marked_routes(app: object) -> list[tuple[str, CORSPolicy | None]]:
    """Give the path and policy of every marked route of an application that can be seen."""
    try:
        return [(path, mark.policy) for path, mark in RouteMarks(app).all()]
    except Exception:  # Routes of the user's own classes may raise anything.
        return []


def inner_applications(application: object) -> list[object]:
    """Return an application and those inside of it, from the outermost to the one with routes."""
    found = [application]
    while len(found) < MAX_WRAPPERS and not isinstance(getattr(found[-1], "routes", None), list):
        inner = getattr(found[-1], "app", None) or getattr(found[-1], "__wrapped__", None)
        if inner is None or any(inner is earlier for earlier in found):
            break
        found.append(inner)
    return found
