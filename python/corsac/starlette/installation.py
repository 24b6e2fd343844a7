"""Putting the middleware outside of all that Starlette itself puts round an application."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeVar, Unpack

from starlette.applications import Starlette

from corsac import asgi
from corsac._locks import make_lock
from corsac._types import ASGIApp, Counted
from corsac.configuration import Configuration, Rule
from corsac.counts import add_up
from corsac.errors import CORSConfigError, CORSConfigProblem, log_warnings
from corsac.inspection import find_layers, full_name, is_named_cors
from corsac.inspection.layers import Applied, configured
from corsac.several import GivenPolicies
from corsac.starlette.marks import RouteMarks, marked_routes, marks
from corsac.starlette.place import Place, place_of

if TYPE_CHECKING:
    from corsac.middleware import MiddlewareOptions

__all__ = ["InstalledCORSMiddleware", "install", "installed"]

_KEY = "_corsac_middleware"

KEPT_CLASSES = 64
"""So many classes of applications are remembered; a program has one or two."""

App = TypeVar("App", bound=Starlette)


def install(
    app: Starlette,
    policy: GivenPolicies | None = None,
    *,
    rules: Iterable[Rule] | None = None,
    **options: Unpack[MiddlewareOptions],
) -> InstalledCORSMiddleware:
    """Apply a policy to a Starlette or FastAPI application, from outside of everything in it.

    Also the responses that Starlette makes outside of all added middleware have their headers:
    those to unhandled exceptions. ``app`` stays what it is, so ``uvicorn module:app``, its
    routes, its lifespan and `add_middleware`, before or after, work as they did. A mistake in the
    options is an error here, not at the first request.

    Routes can have policies of their own: see `corsac.starlette.cors`. They may come and go as long
    as the application runs. Where nothing was ever marked, a request costs no more than with
    `corsac.CORSMiddleware`.

    Paths are those that a client asks for. Middleware that rewrites them belongs outside:
    ``app = PathMiddleware(app)``, and not `add_middleware`. Inside, the policy is that of the path
    as it was asked for, also where the request then reaches a route with another one: the first
    time a warning says so, unless middleware of a mounted application or of a route did it.

    Args:
        app: The application, before its first request.
        policy: The policy, or several, as `corsac.CORSMiddleware` takes them; or give the options
            of one.
        rules: Path rules, as `corsac.CORSMiddleware` takes them.
        **options: As there: ``allowed_hosts``, for every route, those with `cors_exempt` too;
            ``on_refusal``, told about the requests to every route; ``report_only``,
            ``report_only_rules`` and ``report_only_hosts``, tried on every route but those with
            `cors_exempt`; ``debug_header``; and the options of `CORSPolicy`.

    Returns:
        The middleware, with `counters` and `reconfigure`.

    Raises:
        CORSConfigError: The options cannot be used, or Corsac is installed already.
        RuntimeError: The application has its middleware stack: it was called, or a tracer that was
            put in, or taken out, built it.
        TypeError: ``app`` is not a Starlette application, or as for `corsac.CORSMiddleware`.

    Example:
        >>> from fastapi import FastAPI
        >>> app = FastAPI()
        >>> middleware = install(app, allow_origins=["https://app.example.com"])
    """
    if not isinstance(app, Starlette):
        message = (
            f"app must be a Starlette or FastAPI application, not {type(app).__name__}; "
            "any other ASGI application is wrapped: app = corsac.CORSMiddleware(app, ...)"
        )
        if isinstance(app, asgi.CORSMiddleware) or is_named_cors(app):
            message = (
                f"app is in a CORS layer already ({full_name(app)}): use that one, or hand "
                "install() the application inside of it"
            )
        raise TypeError(message)
    if installed(app) is not None:
        raise CORSConfigError([_INSTALLED_ALREADY.replace(value=type(app).__name__)])
    if app.middleware_stack is not None:
        message = (
            "the application's middleware stack exists already: the application was called, or a "
            "tracer built it. Write install() where the application is made; if nothing but a "
            "tracer built the stack, write app.middleware_stack = None before install()"
        )
        raise RuntimeError(message)
    middleware = InstalledCORSMiddleware(app, policy, rules=rules, **options)
    vars(app)[_KEY] = middleware
    _watch(app)
    middleware.report_other_layers()
    return middleware


class InstalledCORSMiddleware(asgi.CORSMiddleware):
    """What `install` puts into an application; it is not made by hand.

    Attributes:
        app: The application. What applies the policy stands before the application's middleware
            stack: another object for each stack that the application has in its life.
    """

    _has_policies_of_routes = True

    def _begin(self, app: ASGIApp, configuration: Configuration, *logs: Any) -> None:
        super()._begin(app, configuration, *logs)
        self._several: list[CORSConfigProblem] = []
        self._lock = make_lock(self._stand_again)
        self._place: Place | None = None
        self._past: tuple[Counted, ...] = ()

    def _own_attributes(self) -> dict[str, Any]:
        made_by_begin = {"_several", "_lock", "_place", "_past"}
        own = super()._own_attributes()
        return {name: value for name, value in own.items() if name not in made_by_begin}

    def _routes_may_decide(self) -> bool:
        return marks.exist and RouteMarks(self.app).may_decide()

    @property
    def problems(self) -> tuple[CORSConfigProblem, ...]:
        """Those of the policies and rules in force, and other CORS layers that were found."""
        return (*super().problems, *self._several)

    def _parts(self) -> Iterable[asgi.CORSMiddleware]:
        place = self._place
        return () if place is None else place.parts()

    def _counted(self) -> Counted:
        with self._lock:
            return add_up([super()._counted(), *self._past])

    def _was_observed(self) -> None:
        if (place := self._place) is not None:
            place.follow()

    def stand_before(self, stack: ASGIApp) -> ASGIApp:
        """Stand before another stack from now on; what is in force and what was counted stay.

        The stack is what the application's ``middleware_stack`` was set to, and what is returned is
        what that has to be. If this gave the stack for another one before, that one is meant. What
        stood before an earlier stack, which may be somewhere inside of this one, lets every request
        pass as it is.
        """
        place = place_of(stack)
        if place is not None and place.middleware is self:
            if place is self._place:
                return stack
            stack = place.stack
        place = Place(self, stack)
        with self._lock:
            before, self._place = self._place, place
            if before is not None:
                before.leave()
                counted = [part._counted() for part in before.parts()]
                self._past = (add_up([*counted, *self._past]),)
        place.follow()  # What was put in force meanwhile.
        self.report_other_layers()
        return place.until_first_request

    def _stand_again(self) -> None:
        """Stand before the stack that a thread was about to replace when the process was forked."""
        app: Any = self.app
        stack = None if app is None else app.middleware_stack
        place = place_of(stack)
        if place is not None and place.middleware is self and place is not self._place:
            app.middleware_stack = stack

    def for_application(self, app: Any) -> InstalledCORSMiddleware:
        """Make the same middleware for a copy of the application."""
        if self.app is app or self.app is None:  # None: the middleware itself is being unpickled.
            return self
        made = type(self).__new__(type(self))
        made.__setstate__((app, *self.__getstate__()[1:]))
        return made

    def _applied(self) -> Applied:
        routes = marked_routes(self.app)
        return configured(self).with_routes(routes).with_hosts_checked()

    def report_other_layers(self) -> None:
        """Log what `corsac.inspection` finds inside, each finding once."""
        found = [each for each in find_layers(self).problems() if each not in self._several]
        self._several += found
        log_warnings(found)


_INSTALLED_ALREADY = CORSConfigProblem(
    "middleware.several",
    "error",
    "middleware",
    None,
    "Corsac is installed in this application already",
    "write one install(), with rules=[...] or @cors(...) where paths differ; to replace the "
    "policy: corsac.starlette.installed(app).reconfigure(...)",
)


def installed(app: object) -> InstalledCORSMiddleware | None:
    """Return the middleware that `install` put into an application; of other objects ``None``."""
    return vars(app).get(_KEY) if isinstance(app, _Watched) else None


class _Watched:
    """What Corsac adds to the class of an application whose middleware stack it stands before.

    Tracers replace ``app.build_middleware_stack``, insist that it gives a `ServerErrorMiddleware`,
    take that apart, and put back what they found when they are removed. So that method stays what
    it is, and the attribute that the stack ends up in is watched, whoever sets it. Only the class
    of an object can watch an attribute, so the application becomes an instance of a subclass of its
    own class: of the same name, and with nothing more than what is here.

    It has a ``__dict__``, as applications have: the classes of an object must lay it out alike.
    """

    def __init_subclass__(cls, **_: Any) -> None:
        """Leave the application's own hook alone: for the program there is no new class."""

    if not TYPE_CHECKING:

        def __setattr__(self, name: str, value: Any) -> None:
            middleware = vars(self).get(_KEY)
            if name == "middleware_stack" and value is not None and middleware is not None:
                value = middleware.stand_before(value)
            super().__setattr__(name, value)

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        """Travel as an instance of the application's own class would, with the middleware.

        The stack is left behind: it is built anew at the first request.
        """
        reduced: Any = super().__reduce_ex__(protocol)
        make, arguments, *rest = reduced
        own_class = type(self).__mro__[2]
        arguments = tuple(own_class if each is type(self) else each for each in arguments)
        state = rest[0] if rest else None
        if isinstance(state, dict):
            state = {name: value for name, value in state.items() if name != _KEY}
            if "middleware_stack" in state:
                state["middleware_stack"] = None
        return (_make_watched, (make, arguments), (state, installed(self)), *rest[1:])

    def __setstate__(self, state: tuple[Any, InstalledCORSMiddleware]) -> None:
        """Take what `__reduce_ex__` gave."""
        theirs, middleware = state
        own: Any = super()
        if hasattr(own, "__setstate__"):
            own.__setstate__(theirs)
        elif theirs is not None:
            vars(self).update(theirs)
        # A shallow copy of an application shares what it has, but not what stands before it.
        vars(self)[_KEY] = middleware.for_application(self)


@functools.lru_cache(KEPT_CLASSES)
def _watched(cls: Any) -> Any:
    """Return the subclass of an application's class."""
    body = {"__slots__": (), "__doc__": cls.__doc__, "__module__": cls.__module__}
    body["__qualname__"] = cls.__qualname__
    return types.new_class(cls.__name__, (_Watched, cls), exec_body=lambda made: made.update(body))


def _watch(app: App) -> App:
    cls: Any = type(app)
    app.__class__ = _watched(cls)
    return app


def _make_watched(make: Callable[..., App], arguments: tuple[Any, ...]) -> App:
    return _watch(make(*arguments))
