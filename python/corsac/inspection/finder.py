"""Finding the CORS layers of an application by looking at objects, without starting anything."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from corsac._classes import attribute_of, inside_of, is_of_class
from corsac.asgi import CORSMiddleware
from corsac.inspection.frameworks import (
    MIDDLEWARE_LISTS,
    django_middleware,
    full_name,
    has_flask_cors,
    is_class_of_corsac,
    is_named_cors,
    wrapped_by,
)
from corsac.inspection.layers import Applied, Layer, Search, applied_by, made_from
from corsac.inspection.mcp import DISCOVERY, endpoint_of
from corsac.middleware import ConfiguredMiddleware
from corsac.policy import CORSPolicy

__all__ = ["find_layers"]

MAX_DEPTH = 64
"""The largest number of applications inside each other that are looked at."""

MAX_MOUNTED = 4096
"""The largest number of mounted applications and routers that are looked at."""


def find_layers(found: object) -> Search:
    """Find the CORS layers of an application, or of a policy or middleware alone.

    Wrappers are followed as `corsac._classes.inside_of` does; routers, mounts and routes by their
    attributes. Of Starlette, FastAPI, Litestar and Falcon the middleware is looked at that they
    were given, of Django that of the settings, of Flask what ``CORS(app)`` put there or the first
    request would. Nothing is called but what reads attributes.
    """
    if isinstance(found, CORSPolicy):
        read = functools.partial(Applied, found, problems=found.problems)
        return Search([Layer("corsac.CORSPolicy", read=read)])
    finder = _Finder(found)
    finder.follow(found, _Place(None, "", is_literal=True), ())
    finder.search.layers.sort(key=lambda layer: layer.path is not None)
    finder.search.looked_at = finder.search.looked_at or {full_name(found): None}
    return finder.search


class _Place(NamedTuple):
    """Where applications are: around the one that was given, or below a path of it."""

    path: str | None
    where: str
    is_literal: bool

    def below(self, path: str, *, is_literal: bool = True) -> _Place:
        whole = (self.path or "") + path
        literal = self.is_literal and is_literal and "{" not in whole
        return _Place(whole, f"is inside of {whole or '/'!r}", literal)


class _Finder:
    """Fills a `Search` for one object."""

    def __init__(self, found: object) -> None:
        self.search = Search()
        self._first = found
        self._rules: Sequence[Any] | None = None  # Of Corsac's outermost layer; None: not found.
        self._mounted = 0

    def follow(self, first: object, place: _Place, above: tuple[object, ...]) -> None:
        """Look at an application and what it wraps, then at the routes of all of that.

        What it is mounted in is above.
        """
        seen = self._chain(first, place)
        for each in seen:
            if is_of_class(each, "flask.app", "Flask") and has_flask_cors(each):
                self._add("flask_cors.CORS", "was added to the application", place)
        if place.path is None and self._rules is None:
            return  # No layer of Corsac's is around what is below.
        for owner in seen:
            if not any(owner is outer for outer in above):
                self._look_below(owner, place, (*above, owner))

    def _chain(self, first: object, place: _Place) -> list[object]:
        """Look at an application and what it wraps, and nothing below routes."""
        seen: list[object] = []  # The objects themselves: the id of one that is gone is used again.
        current = first
        while current is not None and not any(current is earlier for earlier in seen):
            if len(seen) == MAX_DEPTH:
                limit = f"no deeper than {MAX_DEPTH} applications inside each other"
                self.search.looked_at[limit] = None
                break
            seen.append(current)
            known = len(self.search.layers)
            self._look_at(current, place, seen)
            inner = wrapped_by(current)
            is_wrapper = inner is not None and inner is not attribute_of(current, "wsgi_app")
            is_wrapper = is_wrapper and inner is not attribute_of(current, "asgi_app")
            if is_wrapper and known == len(self.search.layers) and not inspect.isclass(current):
                why = "what wraps the application last is outermost"
                self._pass(full_name(current), place, why)
            current = inner
        return seen

    def _look_at(self, current: object, place: _Place, seen: Sequence[object]) -> None:
        name = full_name(current)
        if place.path is None:
            self.search.looked_at[name] = None
        endpoint = endpoint_of(current, place.path or "", seen)
        if endpoint is not None and all(endpoint.path != it.path for it in self.search.mcp):
            self.search.mcp.append(endpoint)
        if isinstance(current, ConfiguredMiddleware) or is_class_of_corsac(type(current)):
            self._add_middleware(current, "wraps the application", place)
        elif self._may_be_layer(current) and is_named_cors(current):
            self._add(name, "wraps the application", place)
        # What `corsac.starlette.install` put outside of all that was added.
        installed = attribute_of(current, "_corsac_middleware")
        if isinstance(installed, CORSMiddleware):
            self.search.is_installed = self.search.is_installed or place.path is None
            if not any(installed is it for it in seen):
                self._add_middleware(installed, "is installed there", place)
        elif is_of_class(current, "corsac.starlette.installation", "InstalledCORSMiddleware"):
            self.search.is_installed = self.search.is_installed or place.path is None
        elif place.path is None and not self.search.is_installed:
            routes: Any = sys.modules.get("corsac.starlette.marks")
            if routes is not None and is_of_class(current, "starlette.applications", "Starlette"):
                self.search.marked += routes.marked_routes(current)
        self._look_at_framework(current, place)

    def _look_at_framework(self, current: object, place: _Place) -> None:
        """Look at what a framework's application has of its own."""
        if is_of_class(current, "flask.app", "Flask"):
            self._look_at_flask(current, place)
        if is_of_class(current, "django.core.handlers.base", "BaseHandler"):
            self._look_at_django(place)
        is_litestar = is_of_class(current, "litestar.app", "Litestar")
        if is_litestar and attribute_of(current, "cors_config") is not None:
            self._add("litestar.config.cors.CORSConfig", "is the application's cors_config", place)
        for attribute, framework in MIDDLEWARE_LISTS.items():
            entries = attribute_of(current, attribute)
            for entry in entries if isinstance(entries, (list, tuple)) else ():
                self._look_at_entry(entry, place, framework)

    def _may_be_layer(self, current: object) -> bool:
        """Whether the name of an object counts: a function that was given may make applications."""
        if current is self._first and inspect.isroutine(current):
            return inspect.iscoroutinefunction(current)
        return not inspect.isclass(current)

    def _look_at_entry(self, entry: object, place: _Place, framework: str) -> None:
        """Look at what a framework was given to make a middleware of."""
        named = (attribute_of(entry, name) for name in ("stands_for", "cls", "middleware"))
        cls: Any = next((each for each in named if each is not None), entry)
        made = cls
        while isinstance(made, functools.partial):
            made = made.func
        name = full_name(made)
        if place.path is None:
            self.search.looked_at[f"its middleware {name}"] = None
        if is_class_of_corsac(made):
            if place.path is None and self._rules is None:
                self.search.added_to = framework
            keywords = attribute_of(entry, "kwargs")
            read = functools.partial(made_from, cls, attribute_of(entry, "args"), keywords)
            rules = keywords.get("rules") if isinstance(keywords, dict) else ()
            self._add(name, "was added to the application", place, read, rules)
        elif is_named_cors(made):
            self._add(name, "was added to the application", place)
        else:
            self._pass(name, place, "with add_middleware what is added last is outermost")

    def _look_at_flask(self, app: object, place: _Place) -> None:
        extensions: Any = attribute_of(app, "extensions")
        middleware = extensions.get("corsac") if isinstance(extensions, dict) else None
        adapter: Any = sys.modules.get("corsac.flask.extension")
        if middleware is None and adapter is not None and place.path is None:
            middleware = adapter.would_be_installed(app)
        if middleware is not None and not _is_inside(middleware, app):
            self._add_middleware(middleware, "was added to the application", place)

    def _look_at_django(self, place: _Place) -> None:
        adapter: Any = sys.modules.get("corsac.django.middleware")
        for name, kind in django_middleware():
            if place.path is None:
                self.search.looked_at[f"its middleware {name}"] = None
            if kind == "corsac":
                self._add(name, "is in MIDDLEWARE", place, adapter.applied, ())
                following: Any = sys.modules.get("corsac.django.following")
                followers = () if following is None else [*following.followers]
                self.search.followers.update(dict.fromkeys(followers))
            elif kind == "cors":
                self._add(name, "is in MIDDLEWARE", place)
            elif kind == "other":
                self._pass(name, place, "in MIDDLEWARE what stands above is outermost")

    def _add_middleware(self, middleware: object, where: str, place: _Place) -> None:
        read = functools.partial(applied_by, middleware)
        self._add(full_name(middleware), where, place, read, attribute_of(middleware, "rules"))
        followers: Any = attribute_of(middleware, "_followers")
        self.search.followers.update(dict.fromkeys(followers or ()))

    def _add(
        self,
        name: str,
        where: str,
        place: _Place,
        read: Callable[[], Applied] | None = None,
        rules: object = (),
    ) -> None:
        rule = f"{place.path}/*" if place.path and place.is_literal else ""
        self.search.layers.append(Layer(name, place.where or where, place.path, rule, read))
        if read is not None and self._rules is None and place.path is None:
            self._rules = rules if isinstance(rules, (list, tuple)) else ()

    def _pass(self, name: str, place: _Place, why: str) -> None:
        """Take note of what stands outside of Corsac, if that was not found yet."""
        if place.path is None and self._rules is None:
            self.search.outside[name, why] = None

    def _look_below(self, owner: object, place: _Place, above: tuple[object, ...]) -> None:
        """Look at what the routes of an application or router lead to."""
        routes = attribute_of(owner, "routes")
        for route in routes if isinstance(routes, list) else ():
            router = attribute_of(route, "original_router")
            if router is not None:  # FastAPI includes a router by reference.
                prefix = attribute_of(attribute_of(route, "include_context"), "prefix")
                if not any(router is outer for outer in above) and self._may_go_on():
                    inner = place.below(str(prefix or ""))
                    self._look_below(router, inner, (*above, router))
                continue
            application = attribute_of(route, "app")
            is_host = is_of_class(route, "starlette.routing", "Host")
            is_mount = is_host or is_of_class(route, "starlette.routing", "Mount")
            below = place.below(str(attribute_of(route, "path") or ""), is_literal=not is_host)
            if (below.path or "").startswith(DISCOVERY):
                self.search.discovery.append(below.path or "")
            # A class that is an endpoint may be named as it likes.
            if application is None or inspect.isclass(application):
                continue
            if self._is_left_alone(route, application, below, is_mount=is_mount):
                continue
            if not is_mount:
                self._chain(application, below)
            elif self._may_go_on():
                self.follow(application, below, above)

    def _may_go_on(self) -> bool:
        self._mounted += 1
        if self._mounted == MAX_MOUNTED + 1:
            self.search.looked_at[f"no more than {MAX_MOUNTED} mounted applications"] = None
        return self._mounted <= MAX_MOUNTED

    def _is_left_alone(
        self, route: object, application: object, place: _Place, *, is_mount: bool
    ) -> bool:
        marks: Any = sys.modules.get("corsac.starlette.marks")
        if marks is not None and self.search.is_installed:
            for marked in (attribute_of(route, "endpoint"), application, route):
                mark = marks.mark_of(marked)
                if mark is not None:
                    return mark.policy is None
        path = place.path or ""
        for rule in self._rules or ():
            # Nothing has validated them yet.
            is_pair = isinstance(rule, (list, tuple)) and len(rule) == 2
            if not is_pair or not isinstance(rule[0], str):
                continue
            pattern, policy = rule
            below = pattern.endswith("/*") and f"{path}/".startswith(pattern[:-1])
            if below or (pattern == path and not is_mount):
                return policy is None
        return False


def _is_inside(middleware: object, app: object) -> bool:
    """Whether following ``wsgi_app`` leads to a middleware."""
    current = attribute_of(app, "wsgi_app")
    for _ in range(MAX_DEPTH):
        if current is None or current is middleware or current is app:
            break
        current = inside_of(current)
    return current is middleware
