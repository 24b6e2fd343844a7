"""One request on its way through the middleware, and a policy that is found only when it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from corsac.app_headers import OWNED, PREFLIGHT_OWNED, UNDECIDED
from corsac.configuration import Observation
from corsac.wsgi import CORSMiddleware

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

    import flask

    from corsac.flask.decoration import Decoration
    from corsac.flask.routes import RouteTable
    from corsac.policy import CORSPolicy

__all__ = ["ENVIRON_KEY", "OWNED_BY_POLICIES", "Exchange"]

ENVIRON_KEY = "corsac.flask"
"""Where the views that a request reaches find its exchange."""
OWNED_BY_POLICIES = frozenset((*OWNED, *PREFLIGHT_OWNED))


@dataclass(slots=True, eq=False, repr=False)
class Exchange:
    """The ``start_response`` of one request, outside of all policies of the application.

    A decorated view that its route does not show is met when the application's own policy has been
    chosen already. What that put on the response is replaced here by what the view's policy says;
    what the view itself put there is handed to it as the application's own.

    Attributes:
        app: The application whose policies were asked.
        table: What was known of its routes when the policy was chosen.
        environ: The request as the policy sees it.
        start_response: What begins the response for the server.
        whole: The application's middleware.
        decoration: The decoration of the view that ran; the outermost, if there are several.
        policy: What decides about the response in place of the policy that was chosen, if anything.
        of_view: The CORS headers that a view itself set, before a policy changes them.
        was_told: Whether `on_refusal` was told that the policy that was chosen refuses the request.
    """

    app: flask.Flask
    table: RouteTable
    environ: WSGIEnvironment
    start_response: StartResponse
    whole: CORSMiddleware
    decoration: Decoration | None = None
    policy: CORSPolicy | None = None
    of_view: list[tuple[str, str]] = field(default_factory=list)
    was_told: bool = False

    @staticmethod
    def of(environ: Mapping[str, Any]) -> Exchange | None:
        """Return the exchange that a request belongs to, if its middleware has said so."""
        found = environ.get(ENVIRON_KEY)
        return found if isinstance(found, Exchange) else None

    def __call__(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None, /
    ) -> Callable[[bytes], object]:
        """Begin the response (PEP 3333, "The start_response() Callable")."""
        # A server may take no third argument, as long as there was no error.
        error = (exc_info,) if exc_info else ()
        if self.policy is None:
            return self.start_response(status, headers, *error)

        self.environ.pop(UNDECIDED, None)
        # What else is there may be of the policy that was chosen, and wider.
        others = [pair for pair in headers if pair[0].lower() not in OWNED_BY_POLICIES]

        def respond(_: WSGIEnvironment, start_response: StartResponse) -> Any:
            return start_response(status, [*others, *self.of_view], *error)

        middleware = CORSMiddleware(respond, self.policy)
        observation = self.whole._observation.without_trial()
        # Nobody is told of one request twice; with a report-only policy, what was told may have
        # been no refusal.
        if self.was_told and self.whole._observation.trial is None:
            observation = Observation(debug_header=observation.debug_header)
        middleware._observe_as(observation)
        middleware._log_as_part_of(self.whole)
        write: Any = middleware(self.environ, self.start_response)
        # The body of a refusal, where the view's answer was one too: nothing is written by hand.
        return write if callable(write) else lambda _: None
