"""The demo's own browser: a client that goes through a cross-origin exchange step by step."""

from __future__ import annotations

import secrets

import httpx2

from corsac import _core
from corsac.cli.demo.api import SIGN_IN_PATH
from corsac.cli.demo.exchange import Exchange, RoundTrip, preflight_reason
from corsac.cli.demo.recorder import ExchangeLog
from corsac.cli.demo.scenarios import Addresses, Scenario

__all__ = ["perform"]

_TIMEOUT_SECONDS = 10.0


def perform(scenario: Scenario, addresses: Addresses, log: ExchangeLog) -> Exchange:
    """Send what a browser sends for a scenario, and stop where a browser stops.

    Args:
        scenario: What the page's script asks for.
        addresses: Where the API and the pages are.
        log: The API's log, which tells whether the application ran.

    Returns:
        What was sent and answered.
    """
    exchange_id = secrets.token_hex(8)
    origin = scenario.origin(addresses)
    exchange = Exchange()
    # As in a browser, a preflight never carries cookies: only one of the two clients ever has any.
    with _client(addresses, exchange_id) as with_cookies, _client(addresses, exchange_id) as bare:
        if scenario.signs_in:
            exchange.sign_in = _send(with_cookies, "POST", SIGN_IN_PATH, {"Origin": origin})
        if _core.browser_needs_preflight(scenario.method, scenario.header_lines):
            asked = _preflight_headers(scenario, origin)
            exchange.preflight = _send(bare, "OPTIONS", scenario.path, asked)
            refused, _ = preflight_reason(scenario, addresses, exchange.preflight)
            if refused:
                return exchange
        client = with_cookies if scenario.credentials_include else bare
        headers = {"Origin": origin, **dict(scenario.headers)}
        exchange.actual = _send(client, scenario.method, scenario.path, headers, scenario.body)
    seen = log.exchange(exchange_id).actual
    exchange.actual.application_ran = seen is not None and seen.application_ran
    return exchange


def _client(addresses: Addresses, exchange_id: str) -> httpx2.Client:
    # Proxy settings are not for a server on this machine.
    return httpx2.Client(
        base_url=addresses.api,
        params={"exchange": exchange_id},
        trust_env=False,
        timeout=_TIMEOUT_SECONDS,
    )


def _preflight_headers(scenario: Scenario, origin: str) -> dict[str, str]:
    """The headers of a preflight (Fetch, "CORS-preflight fetch")."""
    headers = {"Accept": "*/*", "Origin": origin, "Access-Control-Request-Method": scenario.method}
    names = _core.browser_unsafe_request_header_names(scenario.header_lines)
    if names:
        headers["Access-Control-Request-Headers"] = b",".join(names).decode("ascii")
    return headers


def _send(
    client: httpx2.Client,
    method: str,
    path: str,
    headers: dict[str, str],
    body: str | None = None,
) -> RoundTrip:
    response = client.request(method, path, headers=headers, content=body)
    return RoundTrip(
        method=method,
        path=path,
        request_headers=list(response.request.headers.raw),
        status=response.status_code,
        response_headers=list(response.headers.raw),
    )
