"""Judging what was recorded: what a browser makes of it, and what under a policy."""

from __future__ import annotations

from collections.abc import Iterator

from corsac._text import printable
from corsac.browser import (
    FetchOutcome,
    FetchRequest,
    Request,
    Response,
    Transport,
    simulate,
)
from corsac.browser.transports import wsgi_transport
from corsac.browser.urls import parse_url
from corsac.har.answers import Recorded, RecordedApplication
from corsac.har.grouping import Group, Groups
from corsac.har.result import Exchange, Verdict
from corsac.har.scripts import script_headers
from corsac.wsgi import CORSMiddleware

__all__ = ["Judge"]

_MAX_TEXT = 2_000


class Judge:
    """Judges the entries of one recording that CORS is about."""

    def __init__(
        self,
        groups: Groups,
        application: RecordedApplication,
        middleware: CORSMiddleware | None,
    ) -> None:
        self._groups = groups
        self._application = application
        self._send = None if middleware is None else wsgi_transport(middleware)

    def exchanges(self) -> Iterator[Exchange]:
        """Judge them all, in their order."""
        for group in self._groups:
            yield self._judge(group)

    def _judge(self, group: Group) -> Exchange:
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

    def _recorded(self, group: Group, include: bool) -> tuple[Verdict, FetchRequest | None]:
        try:
            request = FetchRequest(
                # The fragment tells it from others that are masked to the same.
                f"{group.first.url}#{group.first.identity}",
                group.origin,
                group.method,
                script_headers(group.actual, group.preflight),
                "include" if include else "same-origin",
            )
        except ValueError as error:
            text = printable(f"it is not a request of a page: {error}", _MAX_TEXT)
            return Verdict(verdict="undecided", explanation=text), None
        transport = Recorded(self._groups, group, include=include)
        outcome = simulate(request, transport)
        verdict = _verdict(outcome, transport.missing)
        if verdict.verdict == "allowed" and not include:
            # A HAR that is to be passed on has no cookies, and no credentials mode.
            with_credentials = Recorded(self._groups, group, include=True)
            again = simulate(_with_credentials(request), with_credentials)
            if again.reason is not None and not Recorded.lost(again):
                text = f"with credentials it would be blocked: {again.explanation}"
                group.notes.append(printable(f"no cookie was recorded; {text}", _MAX_TEXT))
        return verdict, request

    def _under_policy(
        self, send: Transport, group: Group, request: FetchRequest
    ) -> tuple[FetchOutcome, str]:
        """Let a policy answer for the origin that was asked; others answer as was recorded."""
        recorded = Recorded(self._groups, group, include=request.credentials == "include")
        server = parse_url(group.first.url)

        def transport(sent: Request) -> Response:
            asked = parse_url(sent.url)
            if asked is None or server is None or asked.origin != server.origin:
                return recorded(sent)
            self._application.entry = recorded.entry(sent)
            return send(sent)

        return simulate(request, transport), recorded.missing


def _with_credentials(request: FetchRequest) -> FetchRequest:
    return FetchRequest(request.url, request.origin, request.method, request.headers, "include")


def _verdict(outcome: FetchOutcome, missing: str) -> Verdict:
    steps = tuple(printable(step.text, _MAX_TEXT) for step in outcome.steps)
    if outcome.ok and not missing:
        return Verdict(verdict="allowed", steps=steps)
    if missing and (outcome.ok or Recorded.lost(outcome)):
        return Verdict(verdict="undecided", explanation=missing, steps=steps)
    return Verdict(
        verdict="blocked",
        reason=outcome.reason,
        explanation=printable(outcome.explanation, _MAX_TEXT),
        steps=steps,
    )
