"""Judging what was recorded: which entries belong together, and what a browser makes of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from corsac import _core
from corsac._headers import Pairs
from corsac._text import printable
from corsac.browser import (
    FetchOutcome,
    FetchRequest,
    Request,
    Response,
    Transport,
    TransportError,
    simulate,
)
from corsac.browser.transports import wsgi_transport
from corsac.browser.urls import parse_url
from corsac.har.entries import is_preflight
from corsac.har.masking import masked_url
from corsac.har.recording import Entry
from corsac.har.result import Exchange, Verdict
from corsac.wsgi import CORSMiddleware

__all__ = ["Judge", "RecordedApplication"]

_MAX_TEXT = 2_000
# A quotation mark makes any value one that is not CORS-safelisted.
_UNSAFE_VALUE = '"'


@dataclass(slots=True, eq=False)
class _Group:
    """The entries of one exchange."""

    origin: str
    actual: Entry | None = None
    preflight: Entry | None = None
    used: list[Entry] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def first(self) -> Entry:
        entry = self.actual or self.preflight
        assert entry is not None, "a group has an entry"  # noqa: S101 - by construction
        return entry

    @property
    def method(self) -> str:
        if self.actual is not None:
            return self.actual.method
        return self.first.header("access-control-request-method") or "GET"


class Judge:
    """Judges the entries of one recording that CORS is about."""

    def __init__(
        self,
        entries: list[tuple[Entry, frozenset[str]]],
        application: RecordedApplication,
        middleware: CORSMiddleware | None,
    ) -> None:
        self._entries = entries
        self._application = application
        self._send = None if middleware is None else wsgi_transport(middleware)
        self._origins = {entry.number: origins for entry, origins in entries}
        self._by_url: dict[str, deque[Entry]] = {}
        self._is_used: set[int] = set()
        for entry, _ in entries:
            self._by_url.setdefault(entry.url, deque()).append(entry)

    def exchanges(self) -> Iterator[Exchange]:
        """Judge them all, in their order."""
        for entry, _ in self._entries:
            if entry.number not in self._is_used:
                yield self._judge(self._group(entry))

    def _group(self, entry: Entry) -> _Group:
        origins = self._origins[entry.number]
        if is_preflight(entry):
            preflight: Entry | None = entry
            method = entry.header("access-control-request-method")
            actual = self.take(
                entry.url, origins, lambda each: not is_preflight(each) and each.method == method
            )
        else:
            actual = entry
            preflight = self.take(
                entry.url,
                self._without_request(entry) if len(origins) > 1 else origins,
                lambda each: (
                    is_preflight(each)
                    and each.header("access-control-request-method") in {entry.method, ""}
                ),
            )
        used = [each for each in (preflight, actual) if each is not None]
        self._is_used.update(each.number for each in used)
        possible = frozenset.intersection(*(self._origins[each.number] for each in used))
        group = _Group(min(possible), actual, preflight, used)
        if len(possible) > 1:
            group.notes.append(
                f"the page's origin was not recorded; {len(possible)} ask for this URL: "
                f"{printable(group.origin, 200)} is one of them"
            )
        return group

    def _without_request(self, entry: Entry) -> frozenset[str]:
        """Give the origins an entry may be of whose preflight requests wait for such a request.

        If all have one, it may be of any.
        """
        others = [
            self._origins[each.number]
            for each in islice(self._by_url[entry.url], _LOOK_AHEAD)
            if each.number not in self._is_used
            and not is_preflight(each)
            and each.method == entry.method
        ]
        taken = frozenset().union(*(each for each in others if len(each) == 1))
        return self._origins[entry.number] - taken or self._origins[entry.number]

    def take(
        self, url: str, origins: frozenset[str], is_wanted: Callable[[Entry], bool]
    ) -> Entry | None:
        """Find the first entry of a URL that no exchange has yet, and that may be of an origin.

        Those that are known to be of it come before those that may be of others, too.
        """
        waiting = self._by_url.get(url)
        while waiting and waiting[0].number in self._is_used:
            waiting.popleft()
        found: Entry | None = None
        for each in islice(waiting or (), _LOOK_AHEAD):
            possible = self._origins[each.number]
            if each.number in self._is_used or possible.isdisjoint(origins) or not is_wanted(each):
                continue
            if found is None or possible < self._origins[found.number]:
                found = each
        if found is not None:
            self._is_used.add(found.number)
        return found

    def _judge(self, group: _Group) -> Exchange:
        first = group.first
        include = any(each.has_cookies for each in group.used)
        recorded, request = self._recorded(group, include)
        under = None
        if request is not None and self._send is not None:
            under = _verdict(*self._under_policy(self._send, group, request))
        return Exchange(
            entries=tuple(sorted(each.number for each in group.used)),
            origin=printable(group.origin, _MAX_TEXT),
            method=printable(group.method, 100),
            url=printable(first.url, _MAX_TEXT),
            credentials=include,
            kind=printable(first.kind, 100),
            status=first.status if group.actual is not None else 0,
            error=printable(first.error, 200),
            recorded=recorded,
            under_policy=under,
            notes=tuple(dict.fromkeys(group.notes)),
        )

    def _recorded(self, group: _Group, include: bool) -> tuple[Verdict, FetchRequest | None]:
        headers = _script_headers(group)
        try:
            request = FetchRequest(
                group.first.url,
                group.origin,
                group.method,
                headers,
                "include" if include else "same-origin",
            )
        except ValueError as error:
            text = printable(f"it is not a request of a page: {error}", _MAX_TEXT)
            return Verdict(verdict="undecided", explanation=text), None
        transport = _Recorded(self, group)
        outcome = simulate(request, transport)
        verdict = _verdict(outcome, transport.missing)
        if verdict.verdict == "allowed" and not include:
            # A HAR that is to be passed on has no cookies, and no credentials mode.
            again = simulate(_with_credentials(request), _Recorded(self, group))
            if again.reason is not None and not _Recorded.lost(again):
                text = f"with credentials it would be blocked: {again.explanation}"
                group.notes.append(printable(f"no cookie was recorded; {text}", _MAX_TEXT))
        return verdict, request

    def _under_policy(
        self, send: Transport, group: _Group, request: FetchRequest
    ) -> tuple[FetchOutcome, str]:
        """Let a policy answer for the origin that was asked; others answer as was recorded."""
        recorded = _Recorded(self, group)
        server = parse_url(group.first.url)

        def transport(sent: Request) -> Response:
            asked = parse_url(sent.url)
            if asked is None or server is None or asked.origin != server.origin:
                return recorded(sent)
            self._application.entry = group.preflight if sent.is_preflight else recorded.entry(sent)
            return send(sent)

        return simulate(request, transport), recorded.missing


_LOOK_AHEAD = 100  # Entries of one URL that are looked at for one that belongs to another.


def _with_credentials(request: FetchRequest) -> FetchRequest:
    return FetchRequest(request.url, request.origin, request.method, request.headers, "include")


class _Recorded:
    """A transport that answers from the recording, and says what is not in it."""

    def __init__(self, judge: Judge, group: _Group) -> None:
        self._judge = judge
        self._group = group
        self.missing = ""

    @staticmethod
    def lost(outcome: FetchOutcome) -> bool:
        """Whether an outcome is only that no answer was there."""
        return outcome.reason == "network-error"

    def __call__(self, request: Request) -> Response:
        """Give the recorded answer to a request of the simulated browser."""
        if request.is_preflight:
            return self._preflight(request)
        entry = self.entry(request)
        if entry is None:
            self.missing = f"no answer of {masked_url(request.url)} is in the recording"
            raise TransportError(self.missing)
        if not entry.status and not entry.response_headers:
            error = f" ({printable(entry.error, 200)})" if entry.error else ""
            self.missing = f"no answer was recorded{error}, so its headers are not known"
            raise TransportError(self.missing)
        return self._answer(entry)

    def _preflight(self, request: Request) -> Response:
        entry = self._group.preflight
        if entry is None or entry.url != request.url:
            self._group.notes.append(
                "no preflight request was recorded (it was cached, or the browser leaves it out): "
                "taken as passed"
            )
            return Response(204, _all_that(request))
        if not entry.status and not entry.response_headers:
            error = f" ({printable(entry.error, 200)})" if entry.error else ""
            self.missing = f"no answer to the preflight request was recorded{error}"
            raise TransportError(self.missing)
        return self._answer(entry)

    def _answer(self, entry: Entry) -> Response:
        """Give an answer of which there are headers; they may block it without a status, too."""
        if not entry.status:
            self.missing = "no valid status of the answer was recorded"
        return Response(entry.status or 200, _answer_headers(entry))

    def entry(self, request: Request) -> Entry | None:
        """Find what answers a request: the one that is judged, or where a redirect went."""
        actual = self._group.actual
        if actual is not None and actual.url == request.url:
            return actual
        if actual is None and self._group.first.url == request.url:
            return None
        for each in self._group.used:
            if each.url == request.url and each is not self._group.preflight:
                return each
        found = self._judge.take(
            request.url,
            frozenset({request.header("Origin") or "", self._group.origin}),
            lambda each: not is_preflight(each) and each.method == request.method,
        )
        if found is not None:
            self._group.used.append(found)
        return found


class RecordedApplication:
    """A WSGI application that answers as an entry was, without the CORS headers."""

    def __init__(self) -> None:
        self.entry: Entry | None = None

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer one request; a preflight only if the policy leaves it alone."""
        status, headers = 200, [("content-length", "0")]
        if self.entry is not None and self.entry.status >= 200:
            status = self.entry.status
            headers += [
                (name, value)
                for name, value in _answer_headers(self.entry)
                if not name.startswith("access-control-") and name not in _OF_CONNECTIONS
            ]
        start_response(f"{status} Recorded", headers)
        return [b""]


_OF_CONNECTIONS = frozenset(
    {
        *("connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer"),
        *("transfer-encoding", "upgrade", "proxy-authenticate", "proxy-authorization"),
    }
)


def _verdict(outcome: FetchOutcome, missing: str) -> Verdict:
    steps = tuple(printable(step.text, _MAX_TEXT) for step in outcome.steps)
    if outcome.ok and not missing:
        return Verdict(verdict="allowed", steps=steps)
    if missing and (outcome.ok or _Recorded.lost(outcome)):
        return Verdict(verdict="undecided", explanation=missing, steps=steps)
    return Verdict(
        verdict="blocked",
        reason=outcome.reason,
        explanation=printable(outcome.explanation, _MAX_TEXT),
        steps=steps,
    )


def _answer_headers(entry: Entry) -> Pairs:
    """Give the recorded headers, with the place that a redirect goes to."""
    lines = entry.response_headers
    has_location = any(name == "location" for name, _ in lines)
    if 300 <= entry.status < 400 and entry.redirect_url and not has_location:
        lines = (*lines, ("location", entry.redirect_url))
    return tuple(line for line in lines if _core.is_token(line[0]) and _is_sendable(line[1]))


def _is_sendable(value: str) -> bool:
    return all(mark == "\t" or " " <= mark <= "\xff" for mark in value)


def _script_headers(group: _Group) -> Pairs:
    """Give what the page's script set: what the preflight asks for, or what only it can set."""
    actual = dict(reversed(group.actual.headers)) if group.actual is not None else {}
    if group.preflight is not None:
        asked = group.preflight.header("access-control-request-headers")[:8_000]
        names = [name.strip(" \t").lower() for name in asked.split(",")]
        values = {name: actual.get(name, "") for name in names if _core.is_token(name)}
        return tuple((name, value or _UNSAFE_VALUE) for name, value in values.items())
    return tuple((name, value or "1") for name, value in _of_scripts(actual))


def _of_scripts(headers: dict[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in headers.items():
        if name in _OF_BROWSERS or name.startswith(("sec-", "proxy-", "x-forwarded-")):
            continue
        if _core.is_token(name):
            yield name, value


# What browsers set themselves, or their caches and proxies.
_OF_BROWSERS = frozenset(
    {
        *("accept", "accept-charset", "accept-encoding", "accept-language", "cache-control"),
        *("access-control-request-headers", "access-control-request-method", "connection", "te"),
        *("content-length", "date", "dnt", "expect", "forwarded", "host", "if-modified-since"),
        *("if-none-match", "if-range", "keep-alive", "origin", "pragma", "priority", "referer"),
        *("trailer", "transfer-encoding", "upgrade", "upgrade-insecure-requests", "user-agent"),
        *("via", "x-real-ip", "if-match", "if-unmodified-since", "purpose", "last-event-id"),
    }
)


def _all_that(request: Request) -> Pairs:
    """Give the headers of an answer that lets a preflight request pass."""
    return (
        ("access-control-allow-origin", request.header("Origin") or "*"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", request.header("Access-Control-Request-Method") or ""),
        ("access-control-allow-headers", request.header("Access-Control-Request-Headers") or ""),
    )
