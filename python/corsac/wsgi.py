"""The WSGI middleware (PEP 3333)."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Iterable, Mapping
from typing import Any, Unpack
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from corsac import _core
from corsac._environ import method_and_path
from corsac.configuration import Configuration, Rule
from corsac.errors import CORSConfigError
from corsac.middleware import ConfiguredMiddleware
from corsac.policy import CORSPolicyOptions
from corsac.refusals import OnRefusal
from corsac.refusals.log import RefusalLog, TrialLog
from corsac.several import GivenPolicies

__all__ = ["CORSMiddleware"]


class CORSMiddleware(ConfiguredMiddleware[WSGIApplication], _core.WSGIMiddleware):
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
        policy: The policy; or several, of which the first decides whose origins cover the
            request's, and the last one where none does; or give the options of one.
        rules: Pairs of a path pattern and a policy, or several, in order; the first that matches
            ``PATH_INFO`` decides, ``None`` leaves its paths alone. A pattern is exact
            (``"/health"``) or a prefix on a segment border (``"/api/*"`` matches ``/api`` and
            ``/api/x``, not ``/apix``), and case-sensitive. Where no rule matches, ``policy`` or the
            options decide; with neither, the path is left alone.
        allowed_hosts: The server's own names, as ``Host`` has them, against DNS rebinding:
            ``"api.example.com"`` (any port), ``"api.example.com:8443"``, ``"*.example.com"`` (names
            below it), ``*corsac.LOOPBACK_HOSTS``. A request whose Host is another one gets 403, one
            whose Host is missing or malformed 400, whatever its path and before all else.
            ``None``: any host.
        on_refusal: A plain function that is called with a `corsac.Refusal` for every refusal, in
            the thread of the request and before anything is answered, so it has to be quick. An
            `Exception` of it is logged, counted, and changes nothing.
        report_only: A policy on trial, which is asked about the same requests and changes nothing.
            What it would refuse is counted, and if the policy in force lets it through it goes to
            the log and to ``on_refusal`` too. See `report_only_counters`.
        report_only_rules: Path rules on trial, as ``rules``; where none matches, ``report_only``
            decides, if there is one.
        report_only_hosts: Hosts on trial, as ``allowed_hosts``.
        debug_header: Whether what is refused has a response header with the reason code, and its
            name: ``True`` stands for ``"corsac-refused"``. Pages cannot read it, people can.
        **options: The options of `CORSPolicy`.

    Raises:
        CORSConfigError: The options cannot be used; it lists every problem. An asynchronous
            ``allow_origin_func`` is one: WSGI has nothing to await it with.
        TypeError: ``app`` is not callable, an option is unknown, or a policy and options are given.

    Example:
        >>> def app(environ, start_response): ...
        >>> app = CORSMiddleware(app, allow_origins=["https://app.example.com"])
    """

    _kind_of_app = "a WSGI application"

    def __init__(
        self,
        app: WSGIApplication,
        policy: GivenPolicies | None = None,
        *,
        rules: Iterable[Rule] | None = None,
        allowed_hosts: Iterable[str] | None = None,
        on_refusal: OnRefusal | None = None,
        report_only: GivenPolicies | None = None,
        report_only_rules: Iterable[Rule] | None = None,
        report_only_hosts: Iterable[str] | None = None,
        debug_header: bool | str = False,
        **options: Unpack[CORSPolicyOptions],
    ) -> None:
        self._start(
            app,
            policy,
            rules,
            options,
            allowed_hosts=allowed_hosts,
            on_refusal=on_refusal,
            report_only=report_only,
            report_only_rules=report_only_rules,
            report_only_hosts=report_only_hosts,
            debug_header=debug_header,
        )

    def _begin(
        self,
        app: WSGIApplication,
        configuration: Configuration,
        log: RefusalLog | None = None,
        trial_log: TrialLog | None = None,
    ) -> None:
        self._logs = (log or RefusalLog(), trial_log or TrialLog())
        _core.WSGIMiddleware.__init__(
            self,
            app,
            configuration,
            configuration.routing,
            _decide_at_once,
            _refuse,
            *(functools.partial(_log, log) for log in self._logs),
        )

    def _configure(
        self,
        policy: GivenPolicies | None,
        rules: Iterable[Rule] | None,
        options: CORSPolicyOptions,
        changes: Mapping[str, Any],
    ) -> Configuration:
        configuration = super()._configure(policy, rules, options, changes)
        problems = configuration.problems_of_waiting(
            "allow_origin_func",
            "an asynchronous function cannot be awaited in WSGI",
            "write a plain function, which has to be quick, or serve the app by ASGI",
        )
        if problems:
            raise CORSConfigError(problems)
        return configuration

    @staticmethod
    def _request_line(request: Mapping[str, Any]) -> tuple[object, object]:
        return method_and_path(request)


def _decide_at_once(decision: Awaitable[bool]) -> bool:
    """Return the decision of a plain function that returned an awaitable nevertheless.

    Without an event loop the decision refuses the origin, and its maker logs that. With one, if a
    coroutine calls WSGI, nothing may wait.
    """
    steps = decision.__await__()
    try:
        next(steps)
    except StopIteration as end:
        return end.value is True
    if hasattr(steps, "close"):
        steps.close()
    return False


def _refuse(
    environ: WSGIEnvironment,
    start_response: StartResponse,
    status: int,
    reason: str,
    debug_line: tuple[str, str] | None,
) -> Iterable[bytes]:
    """Refuse a request before a policy is chosen; in ASGI is the reason why there is no Vary."""
    headers = [
        ("content-type", "text/plain; charset=utf-8"),
        ("content-length", str(len(reason))),
        *(() if debug_line is None else (debug_line,)),
    ]
    start_response("400 Bad Request" if status == 400 else "403 Forbidden", headers)
    return () if environ.get("REQUEST_METHOD") == "HEAD" else (reason.encode(),)


def _log(
    log: RefusalLog, reason: str, origin: object, environ: Mapping[str, Any], *more: Any
) -> tuple[float, float]:
    """Log the refusal of a WSGI request; arguments and result are those of a `RefusalLog`."""
    method, path = method_and_path(environ)
    return log(reason, origin, {"method": method, "path": path}, *more)
