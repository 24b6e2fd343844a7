"""What `corsac.flask.cross_origin` leaves on a view function."""

from __future__ import annotations

import contextlib
import functools
import inspect
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import flask

from corsac._classes import MAX_WRAPPERS
from corsac.errors import CORSConfigProblem
from corsac.flask.options import check_names, log_problems, read_view_policy
from corsac.foreign.flask_cors import VIEW_OPTIONS, configured_options
from corsac.policy import CORSPolicy

__all__ = ["DECORATION", "Decoration", "decorated_methods"]
__all__ += ["decoration_of", "decorations", "is_inside"]

_Made = tuple[CORSPolicy, tuple[CORSConfigProblem, ...]]

DECORATION: Final = "_corsac_decoration"
"""The attribute of a view function that has its decoration."""


decorations: Final = types.SimpleNamespace(exist=False)
"""Whether any view is decorated, so that most applications never look for one."""


class Decoration:
    """The options of one decorated view, or a policy in their place, and the policy they make.

    The name is the view's, for messages. An unknown option, or origins that cannot be used, raise
    `CORSConfigError`.
    """

    def __init__(self, options: Mapping[str, Any], policy: CORSPolicy | None, name: str) -> None:
        self._options = dict(options)
        self.name = name
        self._made: list[tuple[dict[str, Any], _Made]] = []
        self.given = policy
        """A policy in place of options of flask-cors, or ``None``."""
        decorations.exist = True
        if policy is None:
            check_names(options, extension=False)
            if "origins" in options:
                # A mistake is an error when the module is imported, if that can be told by then.
                self._policy_for({})

    @property
    def answers_options(self) -> bool:
        """Whether requests with the method OPTIONS are kept from the view."""
        return bool(self._options.get("automatic_options", True))

    def made_for(self, app: flask.Flask) -> _Made:
        """Return the policy in an application, and what the log says about its options.

        The application's configuration fills in what was not given. Options that cannot be used
        together raise `CORSConfigError`.
        """
        if self.given is not None:
            return self.given, ()
        configured = configured_options(app.config)
        return self._policy_for({k: v for k, v in configured.items() if k in VIEW_OPTIONS})

    def _policy_for(self, configured: Mapping[str, Any]) -> _Made:
        values = {**configured, **self._options}
        for known, made in self._made:
            if known == values:
                return made
        made = read_view_policy(values, f"cross_origin on {self.name}:")
        log_problems(made[1])
        self._made.append((values, made))
        return made


def decoration_of(view: Callable[..., Any], method: str) -> Decoration | None:
    """Return the decoration of a view function, or of the method of a class-based view."""
    found: Decoration | None = getattr(view, DECORATION, None)
    return found or getattr(_handler_of(view, method), DECORATION, None)


def decorated_methods(view: object) -> Iterator[str]:
    """Yield the methods whose handlers a class-based view decorates."""
    view_class = getattr(view, "view_class", None)
    for name in dir(view_class):
        if isinstance(getattr(getattr(view_class, name, None), DECORATION, None), Decoration):
            yield name.upper()


def _handler_of(view: object, method: str) -> object:
    """Return what answers a method in a class-based view; ``None`` for a function."""
    view_class = getattr(view, "view_class", None)
    handler = getattr(view_class, method.lower(), None)
    if handler is None and method == "HEAD":
        handler = getattr(view_class, "get", None)
    return handler or getattr(view_class, "dispatch_request", None)


def is_inside(decoration: Decoration, view: object, method: str) -> bool:
    """Whether other decorators of a view hide a decoration, as far as that can be seen.

    A decorator keeps what it decorates in a closure, in an attribute or in a `functools.partial`.
    What a view finds by its global name when it runs is something that it calls: an error handler
    or another view, whose policy is not meant for the route.
    """
    seen: list[object] = []
    waiting = [view, _handler_of(view, method)]
    while waiting and len(seen) < MAX_WRAPPERS:
        function = waiting.pop(0)
        if not callable(function) or any(function is earlier for earlier in seen):
            continue
        seen.append(function)
        if inspect.getattr_static(function, DECORATION, None) is decoration:
            return True
        waiting += _held_by(function)
    return False


def _held_by(function: object) -> Iterator[object]:
    if isinstance(function, functools.partial):
        yield from (function.func, *function.args, *function.keywords.values())
    elif inspect.ismethod(function):
        yield from (function.__func__, function.__self__)
    elif inspect.isfunction(function):
        for cell in function.__closure__ or ():
            with contextlib.suppress(ValueError):  # An empty cell.
                yield cell.cell_contents
    if isinstance(attributes := getattr(function, "__dict__", None), dict):
        yield from attributes.values()
