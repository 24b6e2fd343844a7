"""What `corsac.flask.cross_origin` leaves on a view function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import flask

from corsac.flask.options import check_names, configured_options, log_problems
from corsac.policy import CORSPolicy
from corsac.sources.flask_cors import flask_cors_policy
from corsac.sources.flask_cors_options import FLASK_CORS_OPTIONS

__all__ = ["Decoration", "decoration_of"]

_ATTRIBUTE = "_corsac_decoration"


class Decoration:
    """The options of one decorated view, and their policy for each application.

    Args:
        options: The options of the decorator.
        policy: A policy in place of options.
        name: The view's name, for messages.

    Raises:
        CORSConfigError: An option is unknown, or the origins given cannot be used.
    """

    def __init__(self, options: Mapping[str, Any], policy: CORSPolicy | None, name: str) -> None:
        self._options = dict(options)
        self._name = name
        self._made: list[tuple[dict[str, Any], CORSPolicy]] = []
        self._given = policy
        if policy is None:
            check_names(options, extension=False)
            if "origins" in options:
                # A mistake is an error when the module is imported, if that can be told by then.
                self._policy_for({})

    @property
    def answers_options(self) -> bool:
        """Whether requests with the method OPTIONS are kept from the view."""
        return bool(self._options.get("automatic_options", True))

    def policy_of(self, app: flask.Flask) -> CORSPolicy:
        """The policy in an application, whose configuration fills in what was not given.

        Args:
            app: The application that has the view.

        Raises:
            CORSConfigError: The options together cannot be used.
        """
        if self._given is not None:
            return self._given
        configured = configured_options(app.config)
        return self._policy_for({k: v for k, v in configured.items() if k in FLASK_CORS_OPTIONS})

    def _policy_for(self, configured: Mapping[str, Any]) -> CORSPolicy:
        values = {**configured, **self._options}
        for known, policy in self._made:
            if known == values:
                return policy
        policy, problems = flask_cors_policy(values, f"cross_origin on {self._name}:")
        log_problems(problems)
        self._made.append((values, policy))
        return policy

    def leave_on(self, view: Callable[..., Any]) -> None:
        """Make the decoration known to whoever looks at the view.

        Decorators that use `functools.wraps` take it with them.

        Args:
            view: What is registered as a view function.
        """
        setattr(view, _ATTRIBUTE, self)


def decoration_of(view: Callable[..., Any], method: str) -> Decoration | None:
    """The decoration of a view function, or of the method of a class-based view.

    Args:
        view: What ``app.view_functions`` has.
        method: The request's method.
    """
    found: Decoration | None = getattr(view, _ATTRIBUTE, None)
    view_class = getattr(view, "view_class", None)
    if found is None and view_class is not None:
        handler = getattr(view_class, method.lower(), None)
        if handler is None and method == "HEAD":
            handler = getattr(view_class, "get", None)
        handler = handler or getattr(view_class, "dispatch_request", None)
        found = getattr(handler, _ATTRIBUTE, None)
    return found
