"""The WSGI middleware (PEP 3333)."""

from __future__ import annotations

from corsac import _core
from corsac.errors import CORSConfigError, CORSConfigProblem
from corsac.middleware import ConfiguredMiddleware
from corsac.observe import RefusalLog

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Mapping
    from typing import Any, Unpack
    from wsgiref.types import WSGIApplication

    from corsac.policy import CORSPolicy, CORSPolicyOptions
    from corsac.rules import Configuration, Rule

__all__ = ["CORSMiddleware"]


class CORSMiddleware(_core.WSGIMiddleware, ConfiguredMiddleware):
    """Applies a CORS policy to a WSGI application.

    The same policies as in ASGI give the same answers: preflight requests are answered here, so
    the application never sees them; every other request runs, and its response gets the headers
    that the policy decides, whatever its status.

    Put it outermost: a response that is made outside of it, such as a server's own 500, has no
    CORS headers, and a browser then hides even the status from the page.

    With the policy's ``guard``, WebSocket handshakes from other origins are refused as well: they
    reach a WSGI application as requests with ``Upgrade: websocket``.

    Args:
        app: The WSGI application.
        policy: The policy; or give the options of one.
        rules: Pairs of a path pattern and a policy, in order; the first that matches ``PATH_INFO``
            decides, ``None`` leaves its paths alone. A pattern is exact (``"/health"``) or a
            prefix on a segment border (``"/api/*"`` matches ``/api`` and ``/api/x``, not
            ``/apix``), and case-sensitive. Where no rule matches, ``policy`` or the options
            decide; with neither, the path is left alone.
        **options: The options of `CORSPolicy`.

    Raises:
        CORSConfigError: The options cannot be used; it lists every problem. An asynchronous
            ``allow_origin_func`` is one: WSGI has nothing to await it with.
        TypeError: ``app`` is not callable, an option is unknown, or a policy and options are given.

    Example:
        >>> def app(environ, start_response): ...
        >>> app = CORSMiddleware(app, allow_origins=["https://app.example.com"])
    """

    def __init__(
        self,
        app: WSGIApplication,
        policy: CORSPolicy | None = None,
        *,
        rules: Iterable[Rule] | None = None,
        **options: Unpack[CORSPolicyOptions],
    ) -> None:
        if not callable(app):
            message = f"app must be a WSGI application, not {type(app).__name__}"
            raise TypeError(message)
        configuration = self._configure(policy, rules, options)
        super().__init__(
            app, configuration, configuration.routing, _decide_at_once, _EnvironLog(RefusalLog())
        )

    def _configure(
        self,
        policy: CORSPolicy | None,
        rules: Iterable[Rule] | None,
        options: CORSPolicyOptions,
    ) -> Configuration:
        configuration = super()._configure(policy, rules, options)
        policies = [configuration.policy, *(rule[1] for rule in configuration.rules)]
        functions = [each.allow_origin_func for each in policies if each is not None]
        problems = [
            CORSConfigProblem(
                "option.wrong_type",
                "error",
                "allow_origin_func",
                function,
                "an asynchronous function cannot be awaited in WSGI",
                "write a plain function, which has to be quick, or serve the app by ASGI",
            )
            for function in functions
            if function is not None and _is_asynchronous(function)
        ]
        if problems:
            raise CORSConfigError(problems)
        return configuration


def _is_asynchronous(function: object) -> bool:
    import inspect  # noqa: PLC0415 - few policies have a function, and it takes long to load

    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - an object with an asynchronous call
    )


def _decide_at_once(decision: Awaitable[bool]) -> bool:
    """What a plain function decides that gave an awaitable all the same.

    Without an event loop the decision is a refusal, which is logged by those who made it. In one,
    which is to say that somebody calls WSGI from a coroutine, nothing may wait.
    """
    steps = decision.__await__()
    try:
        next(steps)
    except StopIteration as end:
        return end.value is True
    if hasattr(steps, "close"):
        steps.close()
    return False


class _EnvironLog:
    """Tells the log of refusals about WSGI requests."""

    def __init__(self, log: RefusalLog) -> None:
        self._log = log

    def __call__(
        self, reason: str, origin: object, environ: Mapping[str, Any], unreported: int = 0
    ) -> float:
        """Log one refusal, as `RefusalLog` does.

        Args:
            reason: The reason code.
            origin: What the environ has for the Origin header, or ``None``.
            environ: The environ of the request.
            unreported: The refusals for this reason that came to nobody's notice.

        Returns:
            For how many seconds a call for this reason would do nothing but count.
        """
        path = str(environ.get("SCRIPT_NAME", "")) + str(environ.get("PATH_INFO", ""))
        request = {"method": environ.get("REQUEST_METHOD"), "path": _decoded(path)}
        return self._log(reason, origin, request, unreported)


def _decoded(path: str) -> str:
    """The path as text; PEP 3333 has its bytes in the shape of latin-1."""
    return path.encode("latin-1", "replace").decode("utf-8", "replace")
