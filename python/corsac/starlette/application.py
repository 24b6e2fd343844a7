"""An application whose middleware stack stands behind Corsac, whoever builds or sets it.

Tracers replace ``app.build_middleware_stack``, insist that it gives a `ServerErrorMiddleware`, take
that apart, and put back what they found when they are removed. So that method stays what it is.
What is watched is the attribute that the stack ends up in. An attribute can only be watched by the
class of its object, so the application becomes an instance of a subclass of its own class: of the
same name, and with nothing more than what is here.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeVar

from starlette.applications import Starlette

if TYPE_CHECKING:
    from corsac.starlette.installation import InstalledCORSMiddleware

__all__ = ["adopt", "installed"]

_KEY = "_corsac_middleware"

KEPT_CLASSES = 64
"""So many classes of applications are remembered; a program has one or two."""

App = TypeVar("App", bound=Starlette)


def adopt(app: Starlette, middleware: InstalledCORSMiddleware) -> None:
    """Put a middleware before every stack that an application gets from now on.

    Args:
        app: The application.
        middleware: Its `stand_before` is handed each stack, and gives what is put in its place.
    """
    vars(app)[_KEY] = middleware
    _watch(app)


def installed(app: object) -> InstalledCORSMiddleware | None:
    """Return the middleware that `install` put into an application, or ``None``.

    Args:
        app: Any object.
    """
    return vars(app).get(_KEY) if isinstance(app, _Watched) else None


class _Watched:
    """The part of the subclass that is Corsac's.

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
    names = {
        "__slots__": (),
        "__doc__": cls.__doc__,
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
    }
    return types.new_class(cls.__name__, (_Watched, cls), exec_body=lambda body: body.update(names))


def _watch(app: App) -> App:
    cls: Any = type(app)
    app.__class__ = _watched(cls)
    return app


def _make_watched(make: Callable[..., App], arguments: tuple[Any, ...]) -> App:
    return _watch(make(*arguments))
