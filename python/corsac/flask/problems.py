"""What is worth a warning about an application, beside the options."""

from __future__ import annotations

from typing import Final

import flask

from corsac.errors import CORSConfigProblem

__all__ = ["called_twice", "configured_too_late", "hidden_from_the_route", "moved"]

_ONLY_RESPONSES: Final = (
    "its preflight requests are answered by the application's own policy, if any"
)


def hidden_from_the_route(endpoint: str | None, *, until_it_ran: bool = False) -> CORSConfigProblem:
    """A decorated view was met only when it ran.

    Args:
        endpoint: The endpoint of the request; ``None`` if it has no route.
        until_it_ran: From now on its policy decides about the endpoint.
    """
    what = f"until the view has run once {_ONLY_RESPONSES}" if until_it_ran else _ONLY_RESPONSES
    return CORSConfigProblem(
        "option.conflict",
        "warning",
        "cross_origin",
        endpoint,
        "another decorator hides cross_origin, or a function that is no view of a route has it: "
        f"its policy decides about the responses, but {what}",
        "put cross_origin directly below the route, or use functools.wraps in the other decorator",
    )


def moved(endpoint: str | None) -> CORSConfigProblem:
    """A decorated view was reached by a request that asked for another path.

    Args:
        endpoint: The endpoint that it reached.
    """
    return CORSConfigProblem(
        "option.misplaced",
        "warning",
        "cross_origin",
        endpoint,
        "middleware inside of Corsac's changed the path or the method of a request, and it reached "
        "this view: its policy decides about the response, but preflight requests are answered for "
        "the path as it was asked for",
        "put that middleware outside: app.wsgi_app = PathMiddleware(app.wsgi_app) after CORS(app)",
    )


def called_twice(app: flask.Flask) -> CORSConfigProblem:
    """`CORS` was called for an application again.

    Args:
        app: The application.
    """
    return CORSConfigProblem(
        "option.conflict",
        "warning",
        "CORS",
        app.name,
        "CORS(app) was called before: what is said last decides where both say something, and does "
        "not add to what was said first",
        "call it once, with resources={path: options} where paths differ",
    )


def configured_too_late(name: str, value: object) -> CORSConfigProblem:
    """The application's configuration has something that `CORS` could not read.

    Args:
        name: The option.
        value: What it was set to.
    """
    return CORSConfigProblem(
        "option.misplaced",
        "warning",
        f"CORS_{name.upper()}",
        value,
        "it was set after CORS(app) had read the configuration, and has no effect",
        "call CORS(app), or init_app, when the configuration is complete",
    )
