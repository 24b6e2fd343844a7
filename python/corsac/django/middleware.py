"""The middleware for Django's ``MIDDLEWARE``, for WSGI and for ASGI."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from asgiref.sync import async_to_sync, iscoroutinefunction, markcoroutinefunction
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.http import HttpResponse
from django.urls import get_resolver
from django.utils.cache import patch_vary_headers

from corsac import _core
from corsac._failure_log import FailureLog
from corsac._text import error_text, quoted
from corsac.app_headers import OWNED, PREFLIGHT_OWNED
from corsac.django.conf import DjangoConfiguration, judge, load
from corsac.django.signals import signals_with_receivers
from corsac.django.views import UNMARKED, mark_of, marked_views, marks
from corsac.inspection.layers import Applied, unreadable
from corsac.policy import CORSPolicy
from corsac.refusals.log import RefusalLog, TrialLog

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

__all__ = ["CORSMiddleware", "applied"]

_REFUSED_FOR_ITS_ORIGIN: Final = (
    "origin-not-allowed",
    "cross-origin-request",
    "cross-origin-websocket",
)
_Missing = tuple[str | None, tuple[str, ...]]


class _Told(NamedTuple):
    """What is told about a request; see ``decide_request`` of the core."""

    kind: str
    reason: str
    missing: _Missing | None
    reach: int


_LEFT_ALONE: Final = _Told("", "", None, 2)


class _Outcome(NamedTuple):
    """What becomes of a request; see ``decide_request`` of the core."""

    status: int
    headers: list[tuple[str, str]]
    vary: str
    body: bytes
    kind: str
    allowed: bool
    reason: str
    told: tuple[str, str, _Missing | None, int]
    policy: _core.CompiledPolicy | None = None
    rule: str = "default"
    names: Mapping[str, str] = {}  # Of the options in the settings, if the policy's are there.


_RUN: Final = "run the application"
_ASK: Final = "ask the receivers of the signal"
_WAIT: Final = "wait for the function that decides about the origin"

_Steps = Generator[tuple[str, Any], Any, "HttpResponseBase"]


class CORSMiddleware:
    """Applies the policy of the settings to every request, and those of `cors` to their views.

    It belongs as high in ``MIDDLEWARE`` as possible: above everything that answers on its own or
    redirects, such as ``CommonMiddleware``. The system checks say so where it is too low.

    Which view a request goes to is known before it runs only from the URLconf. Where a middleware
    below this one sets ``request.urlconf``, the responses have the policy of the view that ran; but
    preflight requests, and ``guard``, which refuses before a view runs, have that of the view in
    ``ROOT_URLCONF``. It is the same with one that sets ``request.path_info``: responses have the
    policy of the path that was set, preflight requests and ``guard`` that of the path as it was
    asked for. So such a middleware belongs above; a system check finds it.

    It is made when Django loads its middleware, and raises there if the settings cannot be used.
    Under ASGI it runs in the event loop, without a thread. A change of the settings by
    ``override_settings`` holds from the next request on. One that sends no ``setting_changed``, as
    when a list is changed in place, does not: django-cors-headers reads its settings anew with each
    request, and here they are compiled once.

    Args:
        get_response: The rest of the chain, as Django hands it over.

    Raises:
        CORSConfigError: The settings cannot be used; it lists every problem.
    """

    sync_capable = True
    async_capable = True

    def __init__(
        self,
        get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]],
    ) -> None:
        self.get_response = get_response
        self._log = RefusalLog()
        self._trial_log = TrialLog()
        self._failures = FailureLog("a receiver of check_request_enabled")
        self._urls_are_loaded = False
        self._configuration: DjangoConfiguration | None = load()
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)
        setting_changed.connect(self._forget)

    def _forget(self, *, setting: str, **_: object) -> None:
        if setting == "ROOT_URLCONF":
            self._urls_are_loaded = False
        elif setting.startswith("CORS"):
            self._configuration = None

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Answer a preflight request, or run the application and set its response's headers."""
        steps = self._steps(request)
        if self._is_async:
            return self._run_async(request, steps)
        given: Any = None
        while True:
            try:
                step, what = steps.send(given)
            except StopIteration as end:
                return cast("HttpResponseBase", end.value)
            if step is _RUN:
                given = self.get_response(request)
            elif step is _ASK:
                found = signals_with_receivers()
                answers = [each.send_robust(None, request=request) for each in found]
                given = self._any_agrees(answers, request)
            else:
                given = async_to_sync(_result_of)(what)

    async def _run_async(self, request: HttpRequest, steps: _Steps) -> HttpResponseBase:
        given: Any = None
        while True:
            try:
                step, what = steps.send(given)
            except StopIteration as end:
                return cast("HttpResponseBase", end.value)
            if step is _RUN:
                given = await cast("Awaitable[HttpResponseBase]", self.get_response(request))
            elif step is _ASK:
                asked = signals_with_receivers()
                answers = [await signal.asend_robust(None, request=request) for signal in asked]
                given = self._any_agrees(answers, request)
            else:
                given = await what

    def _steps(self, request: HttpRequest) -> _Steps:
        """One request from its start to its response; what needs waiting for is the caller's."""
        configuration = self._configuration
        if configuration is None:
            configuration = self._configuration = load()
        if not self._urls_are_loaded:
            with contextlib.suppress(Exception):  # Django meets it too, and answers with a 500.
                # Its views are imported, so that `marks` knows of every decorator.
                get_resolver().url_patterns  # noqa: B018 - the attribute is what imports
                self._urls_are_loaded = True
        agreed: bool | None = None
        is_covered = configuration.covers(request.path_info)
        if not is_covered and signals_with_receivers():
            is_covered = agreed = yield _ASK, None
        # The name that django-cors-headers has for it; some projects look at it.
        request._cors_enabled = is_covered  # type: ignore[attr-defined]

        if request.method == "OPTIONS" or configuration.guard or marks.guard:
            mark = mark_of(request)
            outcome = yield from self._decide(configuration, request, mark, is_covered, agreed)
            if outcome is not None and outcome.status:
                self._report(outcome, request, configuration)
                return _answer(outcome, configuration)
            response: HttpResponseBase = yield _RUN, None
            mark_now = mark_of(request)
            if mark_now is not mark:
                # Another view ran than the one that the URL had before.
                outcome = yield from self._decide(
                    configuration, request, mark_now, is_covered, agreed
                )
        else:
            # Later the view is known, without resolving the URL twice.
            response = yield _RUN, None
            mark = mark_of(request)
            outcome = yield from self._decide(configuration, request, mark, is_covered, agreed)
        self._report(outcome, request, configuration)
        if outcome is not None:
            if outcome.status:
                response.close()
                return _answer(outcome, configuration)
            _set_headers(request, response, outcome, configuration)
        return response

    def _decide(
        self,
        configuration: DjangoConfiguration,
        request: HttpRequest,
        mark: object,
        is_covered: bool,
        agreed: bool | None,
    ) -> Generator[tuple[str, Any], Any, _Outcome | None]:
        """Decide what becomes of the request; ``None`` if its path or view is left alone."""
        policy: _core.CompiledPolicy | None = None
        rule = "default"
        if isinstance(mark, CORSPolicy):
            policy = mark._compiled
            agreed = False
        elif mark is UNMARKED and is_covered:
            policy, rule = _core.select_policy(configuration.in_force.routing, request.path_info)
        if policy is None:
            return None
        method = request.method or ""
        scheme = _scheme_of(request)
        outcome = _core.decide_request(policy, method, request.META, agreed or None, scheme)
        if not isinstance(outcome, tuple):
            answer = yield _WAIT, outcome
            outcome = _decided(policy, request, answer is True)
        decided = _Outcome(*outcome)
        if (
            agreed is None
            and decided.reason in _REFUSED_FOR_ITS_ORIGIN
            and signals_with_receivers()
            and (yield _ASK, None)
        ):
            decided = _Outcome(*_decided(policy, request, True))
        # The options of a view, or of a rule, are written there.
        names = configuration.names if mark is UNMARKED and rule == "default" else {}
        return decided._replace(policy=policy, rule=rule, names=names)

    def _report(
        self,
        outcome: _Outcome | None,
        request: HttpRequest,
        configuration: DjangoConfiguration,
    ) -> None:
        """Tell who wants to know what came of a request; ``None``: its path is left alone."""
        where = {"method": request.method, "path": request.path_info}
        origin = request.META.get("HTTP_ORIGIN")
        callback = configuration.in_force.observation.callback
        told = _LEFT_ALONE if outcome is None else _Told(*outcome.told)
        if outcome is not None and told.reason:
            rule = outcome.rule if configuration.in_force.rules else None
            self._log(told.reason, origin, where, 0, rule, told.missing, outcome.names)
            if callback is not None:
                callback(told.kind, told.reason, origin, where, outcome.rule, False, told.missing)
        trial = configuration.in_force.observation.trial
        if trial is None:
            return
        policy, rule = _core.select_policy(trial.routing, request.path_info)
        then = _try(policy, request)
        now = _LEFT_ALONE if outcome is None else _try(outcome.policy, request, outcome)
        if then.reach >= now.reach:
            return
        names = configuration.trial_names if rule == "default" else {}
        of_rule = rule if trial.rules else None
        self._trial_log(then.reason, origin, where, 0, of_rule, then.missing, names)
        if callback is not None:
            callback(then.kind, then.reason, origin, where, rule, True, then.missing)

    def _any_agrees(self, answers: list[list[tuple[Any, Any]]], request: HttpRequest) -> bool:
        """Whether a receiver allows the request; what another one raised is then of no account."""
        given = [answer for of_signal in answers for _, answer in of_signal]
        errors = [answer for answer in given if isinstance(answer, Exception)]
        if any(answer and not isinstance(answer, Exception) for answer in given):
            return True
        for error in errors:
            origin = request.META.get("HTTP_ORIGIN")
            # With a traceback it is in Django's log (django.dispatch).
            self._failures(f"raised {error_text(error)}: the origin {quoted(origin)} is refused")
        return False


def _decided(
    policy: _core.CompiledPolicy, request: HttpRequest, answer: bool
) -> tuple[int, list[tuple[str, str]], str, bytes, str, bool, str, tuple[Any, ...]]:
    scheme = _scheme_of(request)
    outcome = _core.decide_request(policy, request.method or "", request.META, answer, scheme)
    assert isinstance(outcome, tuple), "nobody is asked twice"  # noqa: S101
    return outcome


def _scheme_of(request: HttpRequest) -> str:
    """Return the scheme as Django knows it: by SECURE_PROXY_SSL_HEADER also behind a proxy."""
    with contextlib.suppress(ImproperlyConfigured):  # That setting is wrong.
        return request.scheme or ""
    return ""


def _try(
    policy: _core.CompiledPolicy | None, request: HttpRequest, outcome: _Outcome | None = None
) -> _Told:
    """Return what a policy and the browser would make of a request."""
    if policy is None:
        return _LEFT_ALONE
    answer = None if outcome is None else outcome.allowed
    scheme = _scheme_of(request)
    tried = _core.try_request(policy, request.method or "", request.META, answer, scheme)
    return _LEFT_ALONE if tried is None else _Told(*tried)


async def _result_of(awaitable: Awaitable[bool]) -> bool:
    return await awaitable


def _answer(outcome: _Outcome, configuration: DjangoConfiguration) -> HttpResponse:
    response = HttpResponse(outcome.body, status=outcome.status)
    del response.headers["content-type"]
    for name, value in outcome.headers:
        response.headers[name] = configuration.spell_vary(value) if name == "vary" else value
    _set_debug_header(response, outcome, configuration)
    return response


def _set_debug_header(
    response: HttpResponseBase, outcome: _Outcome, configuration: DjangoConfiguration
) -> None:
    name = configuration.in_force.observation.debug_header
    if name is not None and outcome.reason:
        response.headers[name] = outcome.reason


def _settle_own(
    request: HttpRequest, response: HttpResponseBase, outcome: _Outcome, own: dict[str, str]
) -> None:
    """Remove or keep what the application itself set of the policy's headers, and say so."""
    assert outcome.policy is not None, "without a policy a response is left alone"  # noqa: S101
    log = outcome.policy.app_headers_log
    policys = dict(outcome.headers)
    sets_origin = "access-control-allow-origin" in policys
    fate = "replaced" if sets_origin else "kept" if log is not None and log.keeps else "removed"
    if fate != "kept":
        for name in own:
            del response.headers[name]
    lost = [(name, value) for name, value in own.items() if policys.get(name) != value]
    if lost and log is not None:
        origin = request.META.get("HTTP_ORIGIN")
        is_beyond_cors = _core.is_beyond_cors(request.META, _scheme_of(request))
        option = 'CORSAC = {{"app_headers": "{}"}}' if outcome.names else 'app_headers="{}"'
        log.say(fate, lost, request.path, origin, is_beyond_cors, option)


def _set_headers(
    request: HttpRequest,
    response: HttpResponseBase,
    outcome: _Outcome,
    configuration: DjangoConfiguration,
) -> None:
    headers = response.headers
    owned = OWNED if outcome.kind != "preflight" else (*OWNED, *PREFLIGHT_OWNED)
    own = {name: headers[name] for name in owned if name in headers}
    if own:
        _settle_own(request, response, outcome, own)
    for name, value in outcome.headers:
        headers[name] = value
    _set_debug_header(response, outcome, configuration)
    if outcome.vary:
        vary = configuration.spell_vary(outcome.vary)
        if "vary" in headers:
            patch_vary_headers(response, vary.split(", "))
        else:
            headers["Vary"] = vary


def applied() -> Applied:
    """Read what the settings apply, and the decorated views of ``ROOT_URLCONF``."""
    configuration, problems = judge()
    routes: tuple[tuple[str, CORSPolicy | None], ...] = ()
    try:
        routes = tuple(marked_views())
    except Exception as error:  # Whatever the user's URLconf raises.
        problems = [*problems, unreadable("ROOT_URLCONF", "the views", error)]
    in_force = None if configuration is None else configuration.in_force
    policy, rules = (None, ()) if in_force is None else (in_force.policy, in_force.rules)
    return Applied(policy, rules, problems=tuple(problems)).with_routes(routes)
