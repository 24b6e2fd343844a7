"""What the demo sends and what has to come of it: one list for page, transcript and tests."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["SCENARIOS", "Addresses", "Expected", "HeaderLines", "Scenario"]

HeaderLines = list[tuple[bytes, bytes]]
"""Header lines as they are on the wire, in order."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where everything is: three origins on one machine.

    The allowed page and the API share a host and differ in the port: cross-origin, but same-site,
    so that cookies travel. The refused page is the page server under its other name.
    """

    api_port: int
    page_port: int

    @property
    def api(self) -> str:
        """The API's origin."""
        return f"http://localhost{_written(self.api_port)}"

    @property
    def allowed_page(self) -> str:
        """The origin that the API's policy allows."""
        return f"http://localhost{_written(self.page_port)}"

    @property
    def refused_page(self) -> str:
        """An origin that the API's policy does not know."""
        return f"http://127.0.0.1{_written(self.page_port)}"


def _written(port: int) -> str:
    """The port as it stands in an origin, which leaves out http's own."""
    return "" if port == 80 else f":{port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What has to come of a scenario, in the client and in a browser alike.

    Attributes:
        preflight_sent: The browser asks first.
        application_ran: The request itself reached the application behind the policy.
        reason: Why the browser keeps the answer from the script; empty if it does not.
        status: The status that the script sees; 0 if it sees nothing.
        readable_headers: The response headers that the script can read, sorted.
    """

    preflight_sent: bool
    application_ran: bool
    reason: str = ""
    status: int = 0
    readable_headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One cross-origin request of a page to the API.

    Attributes:
        id: Its name in the page and in tests.
        title: What it shows, in a few words.
        lesson: What to learn from it.
        page: Which of the two pages sends it.
        method: The method, normalized.
        path: The path at the API.
        headers: The headers that the script sets.
        body: The body, if any.
        credentials: The credentials mode of the request.
        signs_in: The page signs in first, so that there is a cookie to send.
        expected: What has to come of it.
    """

    id: str
    title: str
    lesson: str
    page: Literal["allowed", "refused"]
    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: str | None = None
    credentials: Literal["omit", "same-origin", "include"] = "same-origin"
    signs_in: bool = False
    expected: Expected

    @property
    def credentials_include(self) -> bool:
        """The credentials mode is "include"; the other two send nothing to another origin."""
        return self.credentials == "include"

    @property
    def header_lines(self) -> HeaderLines:
        """The headers that the script sets, as bytes."""
        return [(name.encode("ascii"), value.encode("latin-1")) for name, value in self.headers]

    def origin(self, addresses: Addresses) -> str:
        """The origin of the page that sends it."""
        return addresses.allowed_page if self.page == "allowed" else addresses.refused_page

    def as_json(self) -> dict[str, Any]:
        """The scenario as the page reads it."""
        return dataclasses.asdict(self)


_JSON = (("Content-Type", "application/json"),)
# Fetch lets a script read the first three unasked; the policy exposes the last. The API also sends
# X-Served-By, Date and Server, which no script on another origin gets to see.
_READABLE = ("cache-control", "content-length", "content-type", "x-request-id")

SCENARIOS = (
    Scenario(
        id="allowed-origin",
        title="An allowed page changes data",
        lesson="PUT is not a method that a page may send unasked, so the browser asks first: the "
        "preflight. The policy lists the origin, the method and the header, so the request "
        "follows.",
        page="allowed",
        method="PUT",
        path="/notes/1",
        headers=_JSON,
        body='{"text": "hello"}',
        expected=Expected(
            preflight_sent=True, application_ran=True, status=200, readable_headers=_READABLE
        ),
    ),
    Scenario(
        id="refused-origin",
        title="An unknown page changes data",
        lesson="The same request from another origin. The preflight is refused, so the browser "
        "never sends the PUT: nothing was changed.",
        page="refused",
        method="PUT",
        path="/notes/1",
        headers=_JSON,
        body='{"text": "hello"}',
        expected=Expected(
            preflight_sent=True, application_ran=False, reason="preflight:missing-allow-origin"
        ),
    ),
    Scenario(
        id="unlisted-method",
        title="An allowed page uses an unlisted method",
        lesson="The API has a DELETE handler, but the policy lists only PUT. The preflight is "
        "answered with the true list, and the browser itself refuses to send the DELETE.",
        page="allowed",
        method="DELETE",
        path="/notes/1",
        expected=Expected(
            preflight_sent=True, application_ran=False, reason="preflight:method-not-allowed"
        ),
    ),
    Scenario(
        id="credentials",
        title="An allowed page sends a cookie",
        lesson="With credentials the answer must name the origin and say that credentials are "
        "allowed; an asterisk would not do. The preflight itself never carries the cookie.",
        page="allowed",
        method="PUT",
        path="/profile",
        headers=_JSON,
        body='{"name": "Vulpes"}',
        credentials="include",
        signs_in=True,
        expected=Expected(
            preflight_sent=True, application_ran=True, status=200, readable_headers=_READABLE
        ),
    ),
    Scenario(
        id="simple-allowed",
        title="An allowed page reads data",
        lesson="A GET with no unusual header needs no preflight. The answer names the origin, so "
        "the script gets it.",
        page="allowed",
        method="GET",
        path="/notes",
        expected=Expected(
            preflight_sent=False, application_ran=True, status=200, readable_headers=_READABLE
        ),
    ),
    Scenario(
        id="simple-refused",
        title="An unknown page reads data",
        lesson="The lesson most people miss: no preflight, so the request was sent and the "
        "application ran. Only the answer is kept from the script: CORS protects answers, not "
        "servers.",
        page="refused",
        method="GET",
        path="/notes",
        expected=Expected(
            preflight_sent=False, application_ran=True, reason="missing-allow-origin"
        ),
    ),
)
"""In the order in which they teach."""
