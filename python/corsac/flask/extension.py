"""``CORS(app)``, ``CORS(blueprint)`` and ``@cross_origin``, as flask-cors has them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, Unpack, cast
from wsgiref.types import StartResponse, WSGIEnvironment

import flask
from flask.blueprints import BlueprintSetupState
from werkzeug.local import LocalProxy

from corsac._classes import is_of_class
from corsac._locks import make_lock
from corsac.app_headers import UNDECIDED
from corsac.configuration import NOTHING_OBSERVED, Observation
from corsac.errors import CORSConfigProblem, log_warnings
from corsac.flask.decoration import DECORATION, Decoration
from corsac.flask.exchange import Exchange, is_owned
from corsac.flask.middleware import FlaskMiddleware
from corsac.flask.options import (
    CORSOptions,
    CrossOriginOptions,
    check_names,
    log_problems,
    read_resource_policies,
)
from corsac.flask.routes import for_all_paths
from corsac.foreign.flask_cors import configured_options, unknown_keys
from corsac.observers import OBSERVATION_OPTIONS
from corsac.policy import CORSPolicy
from corsac.several import is_several
from corsac.wsgi import CORSMiddleware

__all__ = ["CORS", "cross_origin", "install", "would_be_installed"]

_EXTENSION_KEY = "corsac"

View = TypeVar("View", bound=Callable[..., Any])


class CORS:
    """Flask's CORS extension: one WSGI middleware around ``app.wsgi_app``.

    The options are those of flask-cors. What is not given comes from ``app.config``
    (``CORS_ORIGINS`` and so on), and then from flask-cors's defaults, which allow anyone. Give
    ``policy`` and ``rules`` instead for a policy in Corsac's own words.

    Where flask-cors is unsafe the narrower reading counts, and the log says what to write: an
    expression has to match a whole origin; a resource is an exact path or a prefix that ends on a
    segment border, and what it so leaves out goes to no later resource that allows more; any origin
    with credentials is an error.

    Args:
        app: The application, or a blueprint whose routes alone are meant; or ``None``, and
            `init_app` later.
        **options: Those of `corsac.wsgi.CORSMiddleware` for all routes: ``allowed_hosts``,
            ``on_refusal``, ``report_only``, ``report_only_rules``, ``report_only_hosts``,
            ``debug_header``. And
            ``resources``, ``origins``, ``methods``, ``allow_headers``, ``expose_headers``,
            ``supports_credentials``, ``max_age``, ``send_wildcard``, ``vary_header``,
            ``automatic_options``, ``always_send``, ``allow_private_network``,
            ``intercept_exceptions``; and of `corsac.CORSPolicy` ``tolerate``, ``guard`` and
            ``app_headers``, whose default is ``"keep"`` with these options.

    Raises:
        CORSConfigError: An option is unknown, cannot be used, or cannot be safe.

    Example:
        >>> app = flask.Flask(__name__)
        >>> cors = CORS(app, resources={"/api/*": {"origins": "https://app.example.com"}})
    """

    def __init__(
        self, app: flask.Flask | flask.Blueprint | None = None, **options: Unpack[CORSOptions]
    ) -> None:
        self._options = dict(options)
        if app is not None:
            self.init_app(app)

    def init_app(self, app: flask.Flask | flask.Blueprint, **options: Unpack[CORSOptions]) -> None:
        """Apply the options to an application or a blueprint.

        Args:
            app: The application, or a blueprint.
            **options: Options that go before those of the extension.

        Raises:
            CORSConfigError: As for the class.
            TypeError: ``app`` is neither, or a policy is given together with other options.
        """
        merged = {**self._options, **options}
        found: Any = app._get_current_object() if isinstance(app, LocalProxy) else app
        if is_of_class(found, "flask.blueprints", "Blueprint"):
            self._init_blueprint(found, merged)
        elif is_of_class(found, "flask.app", "Flask"):
            self._init_application(found, merged)
        else:
            kind = f"{type(found).__module__}.{type(found).__name__}".removeprefix("builtins.")
            message = f"app must be a Flask application or a blueprint, not {kind}"
            if is_of_class(found, "flask.sansio.scaffold", "Scaffold"):
                message += "; for ASGI write app.asgi_app = corsac.CORSMiddleware(app.asgi_app)"
            raise TypeError(message)

    @staticmethod
    def _init_application(app: flask.Flask, options: dict[str, Any]) -> None:
        observed = {name: options.pop(name) for name in OBSERVATION_OPTIONS if name in options}
        if "policy" in options or "rules" in options:
            policy, rules = options.pop("policy", None), options.pop("rules", None)
            _refuse_both(options)
            install(app).use_policy(policy, rules)
        else:
            check_names(options, extension=True)
            unknown = unknown_keys(app.config)
            log_problems(unknown)
            configured = configured_options(app.config)
            resources, problems = read_resource_policies({**configured, **options})
            install(app).add_resources(resources, configured, [*unknown, *problems])
        if observed:
            install(app).add_observers(observed)

    @staticmethod
    def _init_blueprint(blueprint: flask.Blueprint, options: dict[str, Any]) -> None:
        if "rules" in options:
            message = "rules are for an application; give a blueprint a policy"
            raise TypeError(message)
        observed = [name for name in OBSERVATION_OPTIONS if name in options]
        if observed:
            message = f"give these to the application's CORS, not a blueprint's: {observed}"
            raise TypeError(message)
        policy = options.pop("policy", None)
        problems: list[CORSConfigProblem] = []
        if is_several(policy):
            message = "several policies are for an application; give a blueprint one"
            raise TypeError(message)
        if policy is not None:
            _refuse_both(options)
            log_warnings(policy.problems)
            resources = for_all_paths(policy, is_native=True)
        else:
            # flask-cors does not ask the application's configuration here: there is none yet.
            check_names(options, extension=True)
            resources, problems = read_resource_policies(options)

        def register(state: BlueprintSetupState) -> None:
            install(cast("flask.Flask", state.app)).add_blueprint(blueprint, resources, problems)

        blueprint.record(register)


def install(app: flask.Flask) -> FlaskMiddleware:
    """Put the middleware around an application, if it is not there yet.

    It applies `cross_origin` and ``CORS(blueprint)``; all other paths are left alone until
    ``CORS(app)`` says something about them.

    Args:
        app: The application.
    """
    if isinstance(app, LocalProxy):
        app = app._get_current_object()
    with _installing:
        known = app.extensions.get(_EXTENSION_KEY)
        if isinstance(known, FlaskMiddleware):
            return known
        middleware = FlaskMiddleware(app, app.wsgi_app)
        # What Flask's manual says to do with a middleware; type checkers see a method there.
        app.wsgi_app = middleware  # type: ignore[method-assign]
        app.extensions[_EXTENSION_KEY] = middleware
        middleware.arrivals.watch()
    return middleware


def would_be_installed(app: flask.Flask) -> FlaskMiddleware | None:
    """Make the middleware that the first request would find, if there is anything to apply.

    The application has none yet, and is not changed.
    """
    before = {**vars(app.url_map)}
    middleware = FlaskMiddleware(app, app.wsgi_app)
    vars(app.url_map).update(before)
    if "add" not in before:
        del app.url_map.add  # It told the middleware of new routes.
    applied = middleware._applied()
    return middleware if applied.routes or applied.rules else None


_installing = make_lock()


def cross_origin(
    *args: Any, policy: CORSPolicy | None = None, **options: Unpack[CrossOriginOptions]
) -> Callable[[View], View]:
    """Give one view a policy of its own; it goes before those of the application.

    It answers the preflight requests of the view's routes too. ``CORS(app)`` need not be there, but
    `install` should be, if the view has other decorators that refuse requests: they would refuse
    the very first preflight request.

    Args:
        *args: Nothing, or one policy.
        policy: A policy in Corsac's own words, in place of options.
        **options: The options of `CORS` without ``resources`` and ``intercept_exceptions``.
            ``automatic_options=False`` leaves preflight requests to the view, and adds the headers.

    Raises:
        CORSConfigError: An option is unknown, cannot be used, or cannot be safe. What depends on
            ``app.config`` is an error of the first request.
        TypeError: It decorates a view without being called, or there are other arguments without a
            name.
    """
    if policy is None and len(args) == 1 and isinstance(args[0], CORSPolicy):
        policy = args[0]
    elif args:
        message = "cross_origin takes options by name, as in @cross_origin(origins=[...])"
        if callable(args[0]):
            message = (
                "write @cross_origin(): without the brackets it takes the view for an argument"
            )
        raise TypeError(message)
    if policy is not None:
        _refuse_both(options)
        log_warnings(policy.problems)

    def decorate(view: View) -> View:
        decoration = Decoration(options, policy, getattr(view, "__name__", type(view).__name__))
        if decoration.answers_options:
            # Flask reads both when the view is registered.
            methods = {*getattr(view, "required_methods", ()), "OPTIONS"}
            view.required_methods = methods  # type: ignore[attr-defined]
            view.provide_automatic_options = False  # type: ignore[attr-defined]

        @functools.wraps(view)
        def decorated(*args: Any, **kwargs: Any) -> Any:
            def call() -> Any:
                if decoration.answers_options and flask.request.method == "OPTIONS":
                    return flask.current_app.make_default_options_response()
                return flask.current_app.ensure_sync(view)(*args, **kwargs)

            exchange = Exchange.of(flask.request.environ)
            if exchange is None:
                return _respond_alone(decoration, call)
            if exchange.decoration is not None:
                return call()  # Inside of another decorated view, whose policy decides.
            exchange.decoration = decoration
            request = flask.request
            if exchange.table.has(decoration, request.endpoint, request.method):
                return call()  # Its policy was chosen when the request came.
            return _respond_hidden(exchange, decoration, call)

        # Decorators with `functools.wraps` take it along.
        setattr(decorated, DECORATION, decoration)
        return cast("View", decorated)

    return decorate


def _respond_hidden(exchange: Exchange, decoration: Decoration, call: Callable[[], Any]) -> Any:
    """Let a policy decide that was not known when the request came."""
    app = _current_app()
    policy = decoration.made_for(app)[0]
    exchange.policy = policy
    exchange.environ[UNDECIDED] = True
    # The view may be another application's, which the one that was asked has inside.
    endpoint = flask.request.endpoint if exchange.app is app else None
    install(exchange.app).meet_hidden(decoration, endpoint, flask.request.method)

    def call_noted() -> flask.Response:
        response = flask.make_response(call())
        headers = response.headers
        exchange.of_view = [pair for pair in headers if is_owned(pair[0])]
        return response

    if policy.guard or flask.request.method == "OPTIONS":
        return _apply(policy, call_noted)  # It may refuse or answer, so the view must not run.
    return call_noted()


def _respond_alone(decoration: Decoration, call: Callable[[], Any]) -> flask.Response:
    """Apply the policy to the view's response: no middleware is there that would."""
    app = _current_app()
    policy = decoration.made_for(app)[0]
    installed = install(app)
    if installed.was_native:
        # The application's own policy has the last word on this response, and may be wider.
        installed.meet_hidden(decoration, flask.request.endpoint, flask.request.method)
        return app.response_class(_TOO_LATE, 503, {"Retry-After": "1"}, mimetype="text/plain")
    # Not the report-only policies: the installed middleware has asked them about the request.
    return _apply(policy, call, installed._observation.without_trial())


_TOO_LATE = "The CORS policy of this view is known only now. Send the request again.\n"


def _current_app() -> flask.Flask:
    return cast("flask.Flask", cast("Any", flask.current_app)._get_current_object())


def _apply(
    policy: CORSPolicy, call: Callable[[], Any], observation: Observation = NOTHING_OBSERVED
) -> flask.Response:
    def respond(environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        return flask.make_response(call())(environ, start_response)

    middleware = CORSMiddleware._part(respond, policy)
    middleware._observe_as(observation)
    middleware._log_as_part_of(install(_current_app()))
    made: Any = flask.current_app.response_class.from_app(middleware, flask.request.environ)
    return cast("flask.Response", made)


def _refuse_both(options: Any) -> None:
    if options:
        message = f"give either a policy or options, not both: {', '.join(options)}"
        raise TypeError(message)
