"""The browser's side of the CORS protocol: what a page's fetch() would come to.

from corsac.browser import FetchRequest, simulate
from corsac.browser.transports import asgi_transport

request = FetchRequest("https://api.example.com/x", "https://app.example.com", method="PUT")
outcome = simulate(request, asgi_transport(app))
assert outcome.ok, str(outcome)
"""

from __future__ import annotations

from corsac.browser.cache import PreflightCache
from corsac.browser.messages import Request, Response, TransportError
from corsac.browser.outcome import REASONS, FetchOutcome, Step, explain_reason
from corsac.browser.profiles import OBSERVED, PROFILES
from corsac.browser.request import Blob, FetchRequest, FormData, ReadableStream, URLSearchParams
from corsac.browser.simulation import AsyncTransport, Transport, simulate, simulate_async

__all__ = [
    "OBSERVED",
    "PROFILES",
    "REASONS",
    "AsyncTransport",
    "Blob",
    "FetchOutcome",
    "FetchRequest",
    "FormData",
    "PreflightCache",
    "ReadableStream",
    "Request",
    "Response",
    "Step",
    "Transport",
    "TransportError",
    "URLSearchParams",
    "explain_reason",
    "simulate",
    "simulate_async",
]
