"""What a framework's application object tells of policies: of its routes, and of its settings.

A framework is asked only if the user's code imported it, and Corsac's part for it.
"""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

from corsac._classes import is_of_class
from corsac.errors import CORSConfigError, CORSConfigProblem
from corsac.policy import CORSPolicy

__all__ = [
    "FrameworkPolicies",
    "MarkedRoute",
    "configuration_of_django",
    "middleware_of_flask",
    "routes_of_starlette",
]

MarkedRoute = tuple[str, CORSPolicy | None]


@dataclasses.dataclass(frozen=True, slots=True)
class FrameworkPolicies:
    """All that a framework's own layer applies; the attributes are those of a `Layer`."""

    name: str
    policy: CORSPolicy | None
    rules: tuple[MarkedRoute, ...]
    routes: tuple[MarkedRoute, ...]
    problems: tuple[CORSConfigProblem, ...]


def routes_of_starlette(app: object) -> list[MarkedRoute]:
    """The routes of a Starlette or FastAPI application that `corsac.starlette.cors` marked.

    Args:
        app: Any object.
    """
    if not is_of_class(app, "starlette.applications", "Starlette"):
        return []
    if "corsac.starlette.marks" not in sys.modules:
        return []
    from corsac.starlette.routes import RouteMarks  # noqa: PLC0415

    try:
        return [(path, mark.policy) for path, mark in RouteMarks(app).all()]
    except Exception:  # Routes of the user's own classes may raise anything.
        return []


def middleware_of_flask(app: object) -> FrameworkPolicies | None:
    """What Corsac's extension applies to a Flask application, with its decorated views.

    Its routes are read, as the first request would have it; the application is not changed.

    Args:
        app: Any object.

    Returns:
        ``None`` if it is no Flask application, or Corsac has nothing to do with it.
    """
    if not is_of_class(app, "flask.app", "Flask") or "corsac.flask" not in sys.modules:
        return None
    from corsac.flask.middleware import FlaskMiddleware  # noqa: PLC0415

    flask_app: Any = app
    middleware = flask_app.extensions.get("corsac")
    is_installed = isinstance(middleware, FlaskMiddleware)
    if not isinstance(middleware, FlaskMiddleware):
        before = {**vars(flask_app.url_map)}
        middleware = FlaskMiddleware(flask_app, flask_app.wsgi_app)
        vars(flask_app.url_map).update(before)
        if "add" not in before:
            del flask_app.url_map.add  # It told the middleware of new routes.
    problems: tuple[CORSConfigProblem, ...] = ()
    try:
        middleware.prepare()
    except CORSConfigError as error:
        problems = error.problems
    except Exception as error:  # Whatever the user's own converters and configuration raise.
        problems = (_unreadable("app", "the routes", error),)
    routes = tuple(middleware.policies_of_routes())
    if not (is_installed or routes or middleware.rules):
        return None
    # A view with errors has a policy that allows nobody, about which there is nothing to say.
    found = problems or middleware.problems
    own = {id(problem) for _, policy in routes for problem in policy.problems}
    return FrameworkPolicies(
        "corsac.flask.FlaskMiddleware",
        middleware.policy,
        middleware.rules,
        routes,
        # Those of routes are said again, with the route.
        tuple(problem for problem in found if id(problem) not in own),
    )


def configuration_of_django(app: object) -> FrameworkPolicies | None:
    """What the settings of a Django project apply, and its decorated views.

    Args:
        app: Any object; what ``get_wsgi_application()`` or ``get_asgi_application()`` made is
            meant.

    Returns:
        ``None`` if it is no such thing, or Corsac is not in ``MIDDLEWARE``.
    """
    if not is_of_class(app, "django.core.handlers.base", "BaseHandler"):
        return None
    if "corsac.django" not in sys.modules:
        return None
    from corsac.django.checks import is_in_use  # noqa: PLC0415
    from corsac.django.conf import judge  # noqa: PLC0415
    from corsac.django.views import marked_views  # noqa: PLC0415

    if not is_in_use():
        return None
    configuration, problems = judge()
    try:
        routes = tuple(marked_views())
    except Exception as error:  # Whatever the user's URLconf raises.
        routes = ()
        problems = [*problems, _unreadable("ROOT_URLCONF", "the views", error)]
    return FrameworkPolicies(
        "corsac.django.CORSMiddleware",
        None if configuration is None else configuration.policy,
        () if configuration is None else configuration.rules,
        routes,
        tuple(problems),
    )


def _unreadable(option: str, what: str, error: Exception) -> CORSConfigProblem:
    message = f"{what} cannot be looked at: {type(error).__name__}: {error}"
    return CORSConfigProblem("source.import_failed", "warning", option, None, message)
