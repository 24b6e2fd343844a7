"""What is worth a warning about an application, beside the options."""

from __future__ import annotations

from typing import Final

from corsac.errors import CORSConfigProblem

__all__ = [
    "BESIDE_FLASK_CORS",
    "CALLED_TWICE",
    "CAME_PAST",
    "CONFIGURED_TOO_LATE",
    "hidden_from_the_route",
]

CALLED_TWICE: Final = CORSConfigProblem(
    "option.conflict",
    "warning",
    "CORS",
    None,
    "CORS(app) was called before: what is said last decides where both say something, and does "
    "not add to what was said first",
    "call it once, with resources={path: options} where paths differ",
)

CAME_PAST: Final = CORSConfigProblem(
    "option.misplaced",
    "warning",
    "CORS",
    None,
    "requests reach the application past its CORS middleware: something holds app.wsgi_app as "
    "it was before, or put it back; its policies are applied inside of Flask, so that what "
    "other middleware answers by itself has no CORS headers",
    "serve the application itself, or take app.wsgi_app after CORS(app)",
)

CONFIGURED_TOO_LATE: Final = CORSConfigProblem(
    "option.misplaced",
    "warning",
    "app.config",
    None,
    "it was set after CORS(app) had read the configuration, and has no effect",
    "call CORS(app), or init_app, when the configuration is complete",
)

BESIDE_FLASK_CORS: Final = CORSConfigProblem(
    "option.conflict",
    "warning",
    "app",
    None,
    "flask_cors.CORS is there as well; the headers that it adds are replaced here, or stay for "
    "origins that are not allowed here",
    "remove it",
)


def hidden_from_the_route(endpoint: str | None, *, until_it_ran: bool = False) -> CORSConfigProblem:
    """Report a decorated view that was met only when it ran.

    With ``until_it_ran`` its policy decides about the endpoint from now on.
    """
    before = "until the view has run once " if until_it_ran else ""
    return CORSConfigProblem(
        "option.conflict",
        "warning",
        "cross_origin",
        endpoint,
        "another decorator hides cross_origin, or a function that is not the view of a route has "
        f"it: its policy decides about the responses, but {before}its preflight requests are "
        "answered by the application's own policy, if any",
        "put cross_origin directly below the route, or use functools.wraps in the other decorator",
    )
