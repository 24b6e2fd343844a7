"""The middleware for Django's ``MIDDLEWARE``, for WSGI and for ASGI."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar, cast

from asgiref.sync import async_to_sync, iscoroutinefunction, markcoroutinefunction
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import get_resolver
from django.utils.cache import patch_vary_headers

from corsac import _core
from corsac._failure_log import FailureLog
from corsac._text import error_text, quoted
from corsac.app_headers import OWNED, PREFLIGHT_OWNED, TIMING, bare_name
from corsac.configuration import Configuration, make_configuration
from corsac.django.conf import DjangoConfiguration, load, read_settings
from corsac.django.signals import signals_with_receivers
from corsac.django.views import UNMARKED, mark_of, marked_views, marks
from corsac.inspection.layers import Applied, unreadable
from corsac.middleware import putting
from corsac.policy import CORSPolicy
from corsac.refusals.log import RefusalLog, TrialLog

if TYPE_CHECKING:
    from corsac.live import Follower

__all__ = ["CORSMiddleware", "applied"]

_REFUSED_FOR_ITS_ORIGIN: Final = (
    "origin-not-allowed",
    "cross-origin-request",
    "cross-origin-websocket",
)
_OWNED: Final = frozenset((*OWNED, *PREFLIGHT_OWNED, TIMING))
"""Headers that some policy decides."""

T = TypeVar("T")

_Missing = tuple[str | None, tuple[str, ...]]


class _Told(NamedTuple):
    """What is told about a request; see ``decide_request`` of the core."""

    kind: str = ""
    reason: str = ""
    missing: _Missing | None = None
    reach: int = 2
    policy: int | None = None


class _Outcome(NamedTuple):
    """What becomes of a request, as ``decide_request`` says; without a policy it is left alone."""

    status: int = 0
    headers: Sequence[tuple[str, str]] = ()
    vary: str = ""
    body: bytes = b""
    kind: str = ""
    allowed: bool = False
    reason: str = ""
    told: tuple[str, str, _Missing | None, int, int | None] = _Told()
    policy: _core.CompiledPolicy | None = None
    rule: str = "default"
    names: Mapping[str, str] = {}  # Of the options in the settings, if the policy's are there.
    member: int | None = None  # The number of the policy among several, from 1.


_LEFT_ALONE: Final = _Outcome()


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
        self._follower: Follower | None = None
        self._configuration: DjangoConfiguration | None = None
        self._load(is_again=False)
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)
        setting_changed.connect(self._forget)

    def _forget(self, *, setting: str, **_: object) -> None:
        if setting == "ROOT_URLCONF":
            self._urls_are_loaded = False
        elif setting.startswith("CORS"):
            with putting:
                self._configuration = None
            if self._follower is not None:
                self._follower._background.tell_to_stop()

    def _load(self, *, is_again: bool) -> None:
        configuration = self._configuration = load()
        if configuration.source is not None:
            from corsac.django.following import follow  # noqa: PLC0415 - few follow

            self._follower = follow(self, configuration, is_again=is_again)

    def exchange(self, base: CORSPolicy, after: CORSPolicy) -> bool:
        """Put a policy that is followed in the place of its base, unless the settings changed."""
        while True:
            before = self._configuration
            found = None if before is None else before.in_force.exchanged(base, after)
            if before is None or found is None:
                return False
            policy, rules = found
            made = make_configuration(policy, rules, {}, before.in_force.observation)
            made.go_on_from(before.in_force)
            with putting:
                if self._configuration is before:
                    self._configuration = replace(before, in_force=made)
                    return True

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Answer a preflight request, or run the application and set its response's headers."""
        handled = self._handle(request)
        return handled if self._is_async else _finish(handled)

    async def _handle(self, request: HttpRequest) -> HttpResponseBase:
        """Handle one request from its start to its response; under WSGI it waits for nothing."""
        configuration = self._configuration
        while configuration is None:
            self._load(is_again=True)
            configuration = self._configuration
        if not self._urls_are_loaded:
            with contextlib.suppress(Exception):  # Django meets it too, and answers with a 500.
                # Its views are imported, so that `marks` knows of every decorator.
                get_resolver().url_patterns  # noqa: B018 - the attribute is what imports
                self._urls_are_loaded = True
        agreed: bool | None = None
        is_covered = configuration.covers(request.path_info)
        if not is_covered and signals_with_receivers():
            is_covered = agreed = await self._receivers_agree(request)
        # The name that django-cors-headers has for it; some projects look at it.
        request._cors_enabled = is_covered  # type: ignore[attr-defined]

        # Else the view is known afterwards, without resolving the URL twice.
        is_decided_first = request.method == "OPTIONS" or configuration.guard or marks.guard
        mark: object = None
        outcome = _LEFT_ALONE
        if is_decided_first:
            mark = mark_of(request)
            outcome = await self._decide(configuration, request, is_covered, agreed, mark)
        response: HttpResponseBase | None = None
        if not outcome.status:
            given: Any = self.get_response(request)
            response = await given if self._is_async else given
            # Another view may have run than the one that the URL had before.
            mark_now = mark_of(request)
            is_decided = is_decided_first and mark_now is mark
            if not is_decided and mark_now is UNMARKED and is_covered and agreed is None:
                outcome = _decide_at_once(configuration, request)
                is_decided = outcome is not _LEFT_ALONE
            if not is_decided:
                outcome = await self._decide(configuration, request, is_covered, agreed, mark_now)
        if outcome.told[1] or configuration.in_force.observation.trial is not None:
            self._report(outcome, request, configuration)
        if response is None or outcome.status:
            if response is not None:
                response.close()
            response = HttpResponse(outcome.body, status=outcome.status)
            del response.headers["content-type"]
        if outcome.policy is not None:
            _set_headers(request, response, outcome, configuration)
        return response

    async def _decide(
        self,
        configuration: DjangoConfiguration,
        request: HttpRequest,
        is_covered: bool,
        agreed: bool | None,
        mark: object,
    ) -> _Outcome:
        """Decide what becomes of a request to the view that has the mark."""
        policy: _core.CompiledPolicy | None = None
        rule = "default"
        if isinstance(mark, CORSPolicy):
            policy = mark._compiled
            agreed = False
        elif mark is UNMARKED and is_covered:
            policy, rule = _core.select_policy(configuration.in_force.routing, request.path_info)
        if policy is None:
            return _LEFT_ALONE
        # The options of a view, or of a rule, are written there.
        names = configuration.names if mark is UNMARKED and rule == "default" else {}
        several = policy
        policy, place, known = _core.select_member(several, request.META)
        while not (known is None or isinstance(known, bool)):
            is_allowed = await self._wait_for(known)
            policy, place, known = _core.select_member(several, request.META, place, is_allowed)
        member = None if policy is several else place + 1
        ask = functools.partial(_ask, _core.decide_request, policy, request)
        found: Any = ask(agreed or known or None)
        if not isinstance(found, tuple):
            found = ask(await self._wait_for(found))
        outcome = _Outcome._make([*found, policy, rule, names, member])
        if (
            agreed is None
            and outcome.reason in _REFUSED_FOR_ITS_ORIGIN
            and signals_with_receivers()
            and await self._receivers_agree(request)
        ):
            found = ask(True)
            outcome = _Outcome._make([*found, policy, rule, names, member])
        return outcome

    async def _wait_for(self, answer: Awaitable[bool]) -> bool:
        """Wait for what a function says about an origin."""
        return (await answer if self._is_async else async_to_sync(_result_of)(answer)) is True

    def _report(
        self, outcome: _Outcome, request: HttpRequest, configuration: DjangoConfiguration
    ) -> None:
        """Tell who wants to know what came of a request."""
        where = {"method": request.method, "path": request.path_info}
        origin = request.META.get("HTTP_ORIGIN")
        in_force = configuration.in_force
        callback, trial = in_force.observation.callback, in_force.observation.trial

        def tell(
            log: RefusalLog, applied: Configuration, told: _Told, rule: str, names: Any
        ) -> None:
            of_rule = rule if applied.rules else None
            log(told.reason, origin, where, 0, of_rule, told.missing, told.policy, names)
            if callback is not None:
                asked = (origin, where, rule, applied is trial)
                callback(told.kind, told.reason, *asked, told.missing, policy=told.policy)

        told = _Told(*outcome.told)
        if told.reason:
            told = told._replace(policy=outcome.member)
            tell(self._log, in_force, told, outcome.rule, outcome.names)
        if trial is None:
            return
        policy, rule = _core.select_policy(trial.routing, request.path_info)
        then = _try(policy, request)
        if then.reach < _try(outcome.policy, request, outcome.allowed).reach:
            names = configuration.trial_names if rule == "default" else {}
            tell(self._trial_log, trial, then, rule, names)

    async def _receivers_agree(self, request: HttpRequest) -> bool:
        """Whether a receiver allows the request; what another one raised is then of no account."""
        given: list[Any] = []
        for signal in signals_with_receivers():
            if self._is_async:
                answers = await signal.asend_robust(None, request=request)
            else:
                answers = signal.send_robust(None, request=request)
            given += (answer for _, answer in answers)
        errors = [answer for answer in given if isinstance(answer, Exception)]
        if any(answer and not isinstance(answer, Exception) for answer in given):
            return True
        for error in errors:
            origin = request.META.get("HTTP_ORIGIN")
            # With a traceback it is in Django's log (django.dispatch).
            self._failures(f"raised {error_text(error)}: the origin {quoted(origin)} is refused")
        return False


def _decide_at_once(configuration: DjangoConfiguration, request: HttpRequest) -> _Outcome:
    """Decide about a request to a view without a mark, as most are; or leave it to `_decide`."""
    policy = configuration.of_all_paths
    if policy is None:
        return _LEFT_ALONE
    # What is not refused is not asked for its scheme, which only its own origin would match.
    found: Any = _core.decide_request(policy, request.method or "", request.META)
    if found[6]:
        found = _ask(_core.decide_request, policy, request, None)
        if found[6] in _REFUSED_FOR_ITS_ORIGIN and signals_with_receivers():
            return _LEFT_ALONE
    return _Outcome._make([*found, policy, "default", configuration.names, None])


def _ask(
    function: Callable[..., T],
    policy: _core.CompiledPolicy,
    request: HttpRequest,
    answer: bool | None,
) -> T:
    """Ask a function of the core about a request."""
    method, scheme = request.method or "", _scheme_of(request)
    return function(policy, method, request.META, answer, scheme, request.path_info)


def _scheme_of(request: HttpRequest) -> str:
    """Return the scheme as Django knows it: by SECURE_PROXY_SSL_HEADER also behind a proxy."""
    try:
        return request.scheme or ""
    except ImproperlyConfigured:  # That setting is wrong.
        return ""


def _try(
    policy: _core.CompiledPolicy | None, request: HttpRequest, answer: bool | None = None
) -> _Told:
    """Return what a policy and the browser would make of a request."""
    tried = None if policy is None else _ask(_core.try_request, policy, request, answer)
    return _Told() if tried is None else _Told(*tried)


def _finish(handled: Coroutine[Any, Any, HttpResponseBase]) -> HttpResponseBase:
    """Run a coroutine that waits for nothing to its end."""
    try:
        handled.send(None)
    except StopIteration as end:
        return cast("HttpResponseBase", end.value)
    raise AssertionError("under WSGI nothing waits")


async def _result_of(awaitable: Awaitable[bool]) -> bool:
    return await awaitable


def _set_headers(
    request: HttpRequest,
    response: HttpResponseBase,
    outcome: _Outcome,
    configuration: DjangoConfiguration,
) -> None:
    headers = response.headers
    present = {*map(bare_name, headers)}
    if not present.isdisjoint(_OWNED):
        _settle_own(request, response, outcome)
    for name, value in outcome.headers:
        headers[name] = configuration.spell_vary(value) if name == "vary" else value
    debug_header = configuration.in_force.observation.debug_header
    vary = outcome.vary
    if debug_header is not None:
        is_preflight = outcome.kind == "preflight"
        # What the browser refuses of a preflight request the server does not.
        reason = outcome.reason or (outcome.told[1] if is_preflight else "")
        if reason:
            headers[debug_header] = reason
            if not (is_preflight or outcome.status or "Origin" in vary.split(", ")):
                # Everybody else gets the same, and no cache may hand this to them.
                vary = f"Origin, {vary}" if vary else "Origin"
    if vary:
        vary = configuration.spell_vary(vary)
        if "vary" in present:
            patch_vary_headers(response, vary.split(", "))
        else:
            headers["Vary"] = vary


def _settle_own(request: HttpRequest, response: HttpResponseBase, outcome: _Outcome) -> None:
    """Remove or keep what the application itself set of the policy's headers, and say so."""
    assert outcome.policy is not None, "without a policy a response is left alone"  # noqa: S101
    owned = (*OWNED, *PREFLIGHT_OWNED) if outcome.kind == "preflight" else OWNED
    if outcome.kind != "preflight" and outcome.policy.allows_timing:
        owned = (*owned, TIMING)
    own = {name: value for name, value in response.headers.items() if bare_name(name) in owned}
    log = outcome.policy.app_headers_log
    policys = dict(outcome.headers)
    sets_origin = "access-control-allow-origin" in policys
    fate = "replaced" if sets_origin else "kept" if log is not None and log.keeps else "removed"
    if fate == "kept" and [*map(bare_name, own)].count("access-control-allow-origin") > 1:
        fate = "several"
    if fate != "kept":
        for name in own:
            del response.headers[name]
    lost = [(name, value) for name, value in own.items() if policys.get(bare_name(name)) != value]
    if lost and log is not None:
        origin = request.META.get("HTTP_ORIGIN")
        is_beyond_cors = _core.is_beyond_cors(request.META, _scheme_of(request))
        option = 'CORSAC = {{"app_headers": "{}"}}' if outcome.names else 'app_headers="{}"'
        log.say(fate, lost, request.path, origin, is_beyond_cors, option)


def applied() -> Applied:
    """Read what the settings apply, and the decorated views of ``ROOT_URLCONF``."""
    configuration, problems = read_settings()
    routes: tuple[tuple[str, CORSPolicy | None], ...] = ()
    try:
        routes = tuple(marked_views())
    except Exception as error:  # Whatever the user's URLconf raises.
        problems = [*problems, unreadable("ROOT_URLCONF", "the views", error)]
    in_force = None if configuration is None else configuration.in_force
    policy, rules = (None, ()) if in_force is None else (in_force.policy, in_force.rules)
    return Applied(policy, rules, problems=tuple(problems)).with_routes(routes)
