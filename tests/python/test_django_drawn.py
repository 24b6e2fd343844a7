"""The drop-in for Django beside django-cors-headers itself, on projects drawn by lot.

Never wider than the library that is replaced, and never narrower without a word. More cases than
the test draws: ``CORSAC_DJANGO_CASES=20000 pytest tests/python/test_django_drawn.py``.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import functools
import logging
import os
import re
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

pytest.importorskip("re2", reason="some projects have an expression")

from corsheaders.signals import check_request_enabled
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings

from corsac import CORSConfigError, Refusal
from corsac import browser as simulated
from corsac.django.conf import read_settings
from corsac.errors import CORSConfigProblem
from support.django_lot import MIDDLEWARE_PLACE, Case, draw_case
from support.django_project import call_asgi, call_wsgi
from support.exchange import Request, Response

CASES = int(os.environ.get("CORSAC_DJANGO_CASES", "0")) or 200
OURS = "corsac.django.CORSMiddleware"
THEIRS = "corsheaders.middleware.CorsMiddleware"
TOLERATE = (
    "origin.any_with_credentials",
    "origin.insecure_with_credentials",
    "origin.null",
    "origin.public_suffix_with_credentials",
)
ALLOW_ORIGIN = "access-control-allow-origin"
CREDENTIALS = "access-control-allow-credentials"
LISTS = (
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-expose-headers",
)
MAX_AGE = "access-control-max-age"
PRIVATE = "access-control-allow-private-network"
ANSWERS = (ALLOW_ORIGIN, CREDENTIALS, *LISTS, MAX_AGE, PRIVATE)
Call = Callable[[Request], Response]

DIFFERENCES: Final = {
    "origin refused": "an expression that matches only the start of the origin, null, and what is "
    "not written as browsers write origins; told as a refusal",
    "preflight refused": "403 with the reason in place of 200 without headers, which a browser "
    "takes in the same way; told as a refusal",
    "preflight malformed": "403 for an Access-Control-Request-Method that is not a method; told",
    "not a preflight": "OPTIONS with Access-Control-Request-Method but without Origin, which no "
    "page sends, reaches the view",
    "headers elsewhere": "what browsers read in answers to preflight requests alone is sent with "
    "those alone, and Access-Control-Expose-Headers with all others",
    "headers of the application": "where the settings allow the origin, a response has their "
    "headers, and none besides that the application set itself; a line in the log says so",
    "entries left out": "entries of lists that do nothing in a browser, or white space around "
    "them; a warning says so",
    "longest max-age": "what is longer than a day is a day; a warning says so",
    "everyone": "where everyone is allowed, that is said also without an Origin, for caches, and "
    "to what urlsplit() cannot read, which no browser sends",
    "vary": "the constant * does not depend on the origin; an answer about private networks "
    "depends on the question",
    "empty answer": "an answer without a body has no Content-Type",
    "receiver raised": "a receiver that raises has no say; the response is no 500, and Django logs "
    "the error",
}
"""What differs, in answers that are the same to a browser or narrower and told."""


class Told(logging.Handler):
    """Everything that Corsac says about one project."""

    def __init__(self) -> None:
        super().__init__()
        self.problems: list[CORSConfigProblem] = []
        self.refusals: list[Refusal] = []
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())

    def says_of_headers(self, path: str) -> bool:
        """Whether the log has, since now or before, what became of the application's headers."""
        return any("headers" in line and path in line for line in self.lines)

    def warned(self, *settings: str) -> bool:
        return any(problem.option in settings for problem in self.problems)


def values(header: str | None) -> set[str]:
    """The elements of a list, as a browser compares them."""
    return {value.strip().lower() for value in (header or "").split(",")} - {""}


def may_read(response: Response, origin: str, *, with_credentials: bool) -> bool:
    """Fetch, "CORS check"."""
    allowed = response.one(ALLOW_ORIGIN)
    if allowed == "*" and not with_credentials:
        return True
    return allowed == origin and (not with_credentials or response.one(CREDENTIALS) == "true")


def is_preflight(request: Request) -> bool:
    names = {name for name, _ in request.headers}
    return request.method == "OPTIONS" and {"Origin", "Access-Control-Request-Method"} <= names


def has_readable_origin(request: Request) -> bool:
    """Whether django-cors-headers sees an origin at all."""
    with contextlib.suppress(ValueError):
        urlsplit(origin := dict(request.headers).get("Origin", ""))
        return origin != ""
    return False


def allows_everyone(case: Case) -> bool:
    names = ("CORS_ALLOW_ALL_ORIGINS", "CORS_ORIGIN_ALLOW_ALL")
    return any(case.settings.get(name, False) for name in names)


def assert_not_wider(case: Case, request: Request, ours: Response, theirs: Response) -> None:
    origin = dict(request.headers).get("Origin", "")
    if not origin or (allows_everyone(case) and not has_readable_origin(request)):
        return  # No browser checks anything, or every origin that there is has the same from both.
    for with_credentials in (False, True):
        if may_read(ours, origin, with_credentials=with_credentials):
            assert may_read(theirs, origin, with_credentials=with_credentials)
    if may_read(ours, origin, with_credentials=False):
        for name in LISTS[:2] if is_preflight(request) else LISTS[2:]:
            given, allowed = values(ours.one(name)), values(theirs.one(name))
            assert given <= allowed or "*" in allowed, name
        assert theirs.one(PRIVATE) == "true" or ours.one(PRIVATE) is None
        assert int(ours.one(MAX_AGE) or 0) <= int(theirs.one(MAX_AGE) or 0)


def differences(  # noqa: PLR0912 - one branch for each kind of difference
    case: Case, request: Request, ours: Response, theirs: Response, told: Told
) -> Iterator[str]:
    """The kinds of difference between two responses; what has no kind is an `AssertionError`."""
    headers = dict(request.headers)
    origin = headers.get("Origin")
    asks = request.method == "OPTIONS" and "Access-Control-Request-Method" in headers
    reasons = {refusal.reason for refusal in told.refusals}
    if asks and not origin and (ours.status, ours.body) != (theirs.status, theirs.body):
        yield "not a preflight"
        return
    left = {
        name
        for name in ANSWERS
        if ours.one(name) != theirs.one(name)
        and (name not in LISTS or values(ours.one(name)) != values(theirs.one(name)))
    }
    if asks and ours.status == 403 and theirs.status == 200:
        assert reasons, "a refusal that nobody is told of"
        assert case.own_headers or not any(ours.one(name) for name in ANSWERS)
        malformed = "request-method-malformed" in reasons
        yield "preflight malformed" if malformed else "preflight refused"
        if theirs.one(ALLOW_ORIGIN) and not malformed:
            yield "origin refused"
        return
    elsewhere = {LISTS[2]} if is_preflight(request) else {*LISTS[:2], MAX_AGE, PRIVATE}
    if left & elsewhere:
        yield "headers elsewhere"
        left -= elsewhere
    if reasons and left and not any(ours.one(name) for name in left - {LISTS[2]}):
        yield "origin refused"
        left.clear()
    if left and allows_everyone(case) and not has_readable_origin(request):
        yield "everyone"
        left.clear()
    names = ("CORS_ALLOW_METHODS", "CORS_ALLOW_HEADERS", "CORS_EXPOSE_HEADERS")
    for name, setting in zip(LISTS, names, strict=True):
        if name in left and told.warned(setting):
            yield "entries left out"
            left.remove(name)
    if MAX_AGE in left and told.warned("CORS_PREFLIGHT_MAX_AGE"):
        assert (ours.one(MAX_AGE), theirs.one(MAX_AGE)) == ("86400", "100000")
        yield "longest max-age"
        left.remove(MAX_AGE)
    if case.own_headers and left:
        assert told.says_of_headers(request.path.removeprefix(case.prefix)), "unsaid"
        yield "headers of the application"
        left.clear()
    assert not left, left
    ours_vary, theirs_vary = values(ours.one("vary")), values(theirs.one("vary"))
    if ours_vary != theirs_vary:
        assert allows_everyone(case) or theirs_vary <= ours_vary, "vary"
        yield "vary"
    if asks and ours.one("content-type") is None and theirs.one("content-type") is not None:
        assert (ours.body, theirs.body) == (b"", b"")
        yield "empty answer"
    else:
        assert ours.one("content-type") == theirs.one("content-type")
    assert (ours.status, ours.body) == (theirs.status, theirs.body)
    known = {*ANSWERS, "vary", "content-type"}
    rest = [[pair for pair in each.headers if pair[0] not in known] for each in (ours, theirs)]
    assert rest[0] == rest[1]


def assert_fetches_are_not_wider(
    case: Case, fetch: simulated.FetchRequest, ours: Call, theirs: Call, told: Told
) -> str:
    """Let a browser do the same with both; what it makes of that."""

    def transport(call: Call) -> Callable[[simulated.Request], simulated.Response]:
        def send(request: simulated.Request) -> simulated.Response:
            path = re.sub(r"^\w+://[^/]*", "", request.url)
            response = call(Request(request.method, request.headers, path))
            return simulated.Response(response.status, tuple(response.headers))

        return send

    del told.refusals[:]
    mine = simulated.simulate(fetch, transport(ours))
    other = simulated.simulate(fetch, transport(theirs))
    readable, theirs_readable = (set(each.readable_headers) - {"vary"} for each in (mine, other))
    if not case.receiver_raises:
        assert mine.ok <= other.ok, "wider"
        assert readable <= theirs_readable, "wider"
    if mine.ok < other.ok or readable < theirs_readable:
        path = re.sub(rf"^\w+://[^/]*{case.prefix}", "", fetch.url)
        is_said = told.refusals or told.says_of_headers(path)
        lists = ("CORS_ALLOW_METHODS", "CORS_ALLOW_HEADERS", "CORS_EXPOSE_HEADERS")
        assert is_said or told.warned(*lists), "unsaid"
        return "narrower, and told"
    return "both allowed" if mine.ok else "both refused"


@contextlib.contextmanager
def in_force(case: Case, **more: Any) -> Iterator[None]:
    """The settings and the signal of a project."""
    with override_settings(ROOT_URLCONF=case.urls, **case.settings, **case.others, **more):
        if case.receiver is not None:
            check_request_enabled.connect(case.receiver)
        try:
            yield
        finally:
            check_request_enabled.disconnect(case.receiver)


def with_middleware(case: Case, middleware: str, make: Callable[[], Any]) -> Any:
    """Django's handler of a project, with one middleware or the other."""
    chain = [middleware if name == MIDDLEWARE_PLACE else name for name in case.middleware]
    with override_settings(MIDDLEWARE=chain):
        return make()


def compare(case: Case, *, by_asgi: bool, seen: collections.Counter[str]) -> None:
    """Ask both middleware the same, and count what comes of it."""
    told = Told()
    options = {"CORSAC": {"tolerate": TOLERATE}} if case.tolerated else {}
    with in_force(case, CORSAC_ON_REFUSAL=told.refusals.append, **options):
        configuration, told.problems = read_settings()
        make: Any = ASGIHandler if by_asgi else WSGIHandler
        if configuration is None:
            errors = {problem.code for problem in told.problems if problem.severity == "error"}
            assert errors
            with pytest.raises(CORSConfigError):
                with_middleware(case, OURS, make)
            seen.update(f"does not start: {code}" for code in errors)
            return
        call: Any = call_asgi if by_asgi else call_wsgi
        ours, theirs = (
            functools.partial(call, handler=with_middleware(case, each, make), prefix=case.prefix)
            for each in (OURS, THEIRS)
        )
        logging.getLogger("corsac").addHandler(told)
        for fetch in case.fetches:
            what = assert_fetches_are_not_wider(case, fetch, ours, theirs, told)
            seen[f"fetch: {what}"] += 1
        for request in case.requests:
            del told.refusals[:]
            both = ours(request), theirs(request)
            if case.receiver_raises and both[1].status == 500 and both[0] != both[1]:
                seen["receiver raised"] += 1
                continue
            assert_not_wider(case, request, *both)
            kinds = list(differences(case, request, *both, told))
            seen.update(kinds or ["the same response"])
        logging.getLogger("corsac").removeHandler(told)


@contextlib.contextmanager
def only_heard_here() -> Iterator[None]:
    """Keep what Django and Corsac log, thousands of lines, out of the test's output."""
    names = ("corsac", "django.request", "django.dispatch")
    loggers = [logging.getLogger(name) for name in names]
    handlers = [list(logger.handlers) for logger in loggers]
    for logger in loggers:
        logger.propagate = False
        logger.addHandler(logging.NullHandler())
    try:
        yield
    finally:
        for logger, before in zip(loggers, handlers, strict=True):
            logger.propagate = True
            logger.handlers[:] = before


def test_the_drop_in_is_never_wider_and_never_narrower_without_a_word() -> None:
    seen: collections.Counter[str] = collections.Counter()
    with only_heard_here():
        for seed in range(CASES):
            case = draw_case(seed)
            try:
                compare(case, by_asgi=seed % 5 == 0, seen=seen)
            except AssertionError as error:
                error.add_note(f"seed {seed}: {dataclasses.replace(case, urls=())}")
                raise
    print(*(f"{count:8} {what}" for what, count in sorted(seen.items())), sep="\n")
    kinds = {what for what in seen if ":" not in what} - {"the same response"}
    assert kinds <= set(DIFFERENCES)
    assert kinds == set(DIFFERENCES), "a difference that is no longer seen"
