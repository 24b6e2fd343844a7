"""What is worth a warning about an application, beside the options."""

from __future__ import annotations

from typing import Final

import flask.sansio.app

from corsac.errors import CORSConfigProblem

__all__ = ["called_twice", "came_past", "configured_too_late", "hidden_from_the_route"]

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


def came_past(app: flask.sansio.app.App) -> CORSConfigProblem:
    """A request reached an application, and did not go through its middleware.

    Args:
        app: The application.
    """
    return CORSConfigProblem(
        "option.misplaced",
        "warning",
        "CORS",
        app.name,
        "requests reach the application past its CORS middleware: something holds app.wsgi_app as "
        "it was before, or put it back; its policies are applied inside of Flask, so that what "
        "other middleware answers by itself has no CORS headers",
        "serve the application itself, or take app.wsgi_app after CORS(app)",
    )


def called_twice(app: flask.sansio.app.App) -> CORSConfigProblem:
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
