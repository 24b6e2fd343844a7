"""Answering the simulated browser from a recording, and as a policy's application."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from corsac import _core
from corsac._headers import Pairs
from corsac._text import printable
from corsac.browser import FetchOutcome, Request, Response, TransportError
from corsac.har.grouping import Group, Groups, Place
from corsac.har.masking import masked_url
from corsac.har.recording import Entry

__all__ = ["Recorded", "RecordedApplication"]

_NOT_MODIFIED = 304
_CONDITIONS = frozenset({"if-none-match", "if-modified-since"})


class Recorded:
    """A transport that answers from the recording, and says what is not in it.

    It goes from place to place as the redirects do: URLs may look the same, or be the same.
    """

    def __init__(self, groups: Groups, group: Group, *, include: bool) -> None:
        self._groups = groups
        self._group = group
        self._include = include
        self._step = 0
        self._last: Entry | None = None
        self.missing = ""

    @staticmethod
    def lost(outcome: FetchOutcome) -> bool:
        """Whether an outcome is only that no answer was there."""
        return outcome.reason == "network-error"

    def __call__(self, request: Request) -> Response:
        """Give the recorded answer to a request of the simulated browser."""
        entry = self.entry(request)
        if request.is_preflight:
            return self._to_preflight(request, entry)
        if entry is None:
            raise self._lost(f"no answer of {masked_url(request.url)} is in the recording")
        if not entry.has_answer:
            raise self._lost(f"no answer was recorded{_error(entry)}, so its headers are not known")
        if entry.status == _NOT_MODIFIED and entry.method in {"GET", "HEAD"}:
            return self._revalidated(entry)
        return self._answer(entry)

    def entry(self, request: Request) -> Entry | None:
        """Find what answers a request; after a redirect at the place that it leads to."""
        place = self._place()
        if request.is_preflight:
            if place.preflight is None and self._step:
                method = request.header("Access-Control-Request-Method") or ""
                place.preflight = self._groups.take_preflight(place, self._origins(request), method)
            return place.preflight
        if place.actual is None and self._step:
            place.actual = self._groups.take_actual(place, self._origins(request), request.method)
        self._last = place.actual
        return place.actual

    def _place(self) -> Place:
        last, places = self._last, self._group.places
        if last is not None and last.target and _core.browser_is_redirect_status(last.status):
            self._step += 1
            self._last = None
            if self._step == len(places):
                places.append(Place(last.target))
        return places[self._step]

    def _origins(self, request: Request) -> frozenset[str]:
        return frozenset({request.header("Origin") or "", self._group.origin})

    def _to_preflight(self, request: Request, entry: Entry | None) -> Response:
        if entry is None:
            self._group.notes.append(
                "no preflight request was recorded (it was cached, or the browser leaves it out): "
                "taken as passed"
            )
            return Response(204, _all_that(request))
        if not entry.has_answer:
            raise self._lost(f"no answer to the preflight request was recorded{_error(entry)}")
        return self._answer(entry)

    def _answer(self, entry: Entry) -> Response:
        """Give an answer of which there are headers; they may block it without a status, too."""
        if not entry.status:
            self.missing = "no valid status of the answer was recorded"
        return Response(entry.status or 200, _sendable(entry.response_headers))

    def _revalidated(self, entry: Entry) -> Response:
        """Give the answer that a browser had stored, as a 304 renews it.

        If the script asked whether it has changed, the 304 itself is what it gets.
        https://fetch.spec.whatwg.org/#http-network-or-cache-fetch
        """
        preflight = self._group.places[self._step].preflight
        asked = preflight.header("access-control-request-headers") if preflight else ""
        if not _CONDITIONS.isdisjoint(name.strip(" \t").lower() for name in asked.split(",")):
            return self._answer(entry)
        stored = self._groups.stored(entry, self._group.origin)
        if stored is not None:
            self._group.notes.append(
                f"it was not modified (304): judged by the answer of entry {stored.number}, which "
                "the browser had stored, with the headers of the 304"
            )
            new = {name for name, _ in entry.response_headers}
            old = [line for line in stored.response_headers if line[0] not in new]
            return Response(stored.status, _sendable((*old, *entry.response_headers)))
        decides = ["access-control-allow-origin"]
        decides += ["access-control-allow-credentials"] if self._include else []
        if set(decides) <= {name for name, _ in entry.response_headers}:
            return self._answer(entry)
        raise self._lost(
            "it was not modified (304): the browser judges the answer that it had stored, which is "
            "not in the recording"
        )

    def _lost(self, missing: str) -> TransportError:
        self.missing = missing
        return TransportError(missing)


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
                for name, value in _sendable(self.entry.response_headers)
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
_SENDABLE = re.compile("[\t\x20-\xff]*")


def _sendable(lines: Pairs) -> Pairs:
    return tuple(line for line in lines if _core.is_token(line[0]) and _SENDABLE.fullmatch(line[1]))


def _error(entry: Entry) -> str:
    return f" ({printable(entry.error, 200)})" if entry.error else ""


def _all_that(request: Request) -> Pairs:
    """Give the headers of an answer that lets a preflight request pass."""
    return (
        ("access-control-allow-origin", request.header("Origin") or "*"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", request.header("Access-Control-Request-Method") or ""),
        ("access-control-allow-headers", request.header("Access-Control-Request-Headers") or ""),
    )
