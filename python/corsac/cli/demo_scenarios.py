"""What the demo sends and what has to come of it: states of the lab, in the order that teaches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from corsac.lab.places import Places

__all__ = ["SCENARIOS", "Expected", "Scenario"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What has to come of a scenario, in every browser.

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
        title: What it shows, in a few words.
        lesson: What to learn from it.
        page: Which page sends it: the one that the policy allows, or another.
        method: The method, normalized.
        path: The path at the API.
        has_json: The script sends JSON, and so sets Content-Type.
        credentials: The credentials mode of the request.
        expected: What has to come of it.
    """

    title: str
    lesson: str
    page: Literal["app", "stranger"]
    method: str
    path: str
    has_json: bool = False
    credentials: Literal["same-origin", "include"] = "same-origin"
    expected: Expected

    def state(self, places: Places) -> dict[str, Any]:
        """The scenario as the lab's page and its API take it.

        Args:
            places: Where the pages are.
        """
        return {
            "policy": {
                "allow_origins": [places.pages["app"]],
                "allow_methods": ["PUT"],
                "allow_headers": ["content-type"],
                "allow_credentials": True,
                "expose_headers": ["x-request-id"],
            },
            "request": {
                "page": self.page,
                "method": self.method,
                "path": self.path,
                "headers": [["Content-Type", "application/json"]] if self.has_json else [],
                "credentials": self.credentials,
            },
        }


# Fetch lets a script read the first three unasked; the policy exposes the last. The API also sends
# ETag and X-Total-Count, which no script on another origin gets to see.
_READABLE = ("cache-control", "content-length", "content-type", "x-request-id")

SCENARIOS = (
    Scenario(
        title="An allowed page changes data",
        lesson="PUT is not a method that a page may send unasked, so the browser asks first: the "
        "preflight request. The policy lists the origin, the method and the header, so the request "
        "follows.",
        page="app",
        method="PUT",
        path="/notes/1",
        has_json=True,
        expected=Expected(
            preflight_sent=True, application_ran=True, status=200, readable_headers=_READABLE
        ),
    ),
    Scenario(
        title="An unknown page changes data",
        lesson="The same request from another origin. The preflight request is refused, so the "
        "browser never sends the PUT: nothing was changed.",
        page="stranger",
        method="PUT",
        path="/notes/1",
        has_json=True,
        expected=Expected(
            preflight_sent=True, application_ran=False, reason="preflight:missing-allow-origin"
        ),
    ),
    Scenario(
        title="An allowed page uses an unlisted method",
        lesson="The API would carry out a DELETE, but the policy lists only PUT. The "
        "preflight request is answered with the true list, and the browser sends no DELETE.",
        page="app",
        method="DELETE",
        path="/notes/1",
        expected=Expected(
            preflight_sent=True, application_ran=False, reason="preflight:method-not-allowed"
        ),
    ),
    Scenario(
        title="An allowed page sends a cookie",
        lesson="With credentials the answer must name the origin and say that credentials are "
        "allowed; an asterisk would not do. The preflight request never carries the cookie.",
        page="app",
        method="PUT",
        path="/profile",
        has_json=True,
        credentials="include",
        expected=Expected(
            preflight_sent=True, application_ran=True, status=200, readable_headers=_READABLE
        ),
    ),
    Scenario(
        title="An allowed page reads data",
        lesson="A GET with no unusual header needs no preflight request. The answer names the "
        "origin, so the script gets it.",
        page="app",
        method="GET",
        path="/notes",
        expected=Expected(
            preflight_sent=False, application_ran=True, status=200, readable_headers=_READABLE
        ),
    ),
    Scenario(
        title="An unknown page reads data",
        lesson="The lesson most people miss: no preflight request, so the request was sent and the "
        "application ran. Only the answer is kept from the script: CORS protects answers, not "
        "servers.",
        page="stranger",
        method="GET",
        path="/notes",
        expected=Expected(
            preflight_sent=False, application_ran=True, reason="missing-allow-origin"
        ),
    ),
)
"""In the order in which they teach."""
