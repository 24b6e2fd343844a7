"""What a server has to change for a page that is blocked."""

from __future__ import annotations

from corsac._text import printable
from corsac.browser import FetchOutcome, FetchRequest

__all__ = ["advice"]

_ADVICE = {
    "missing-allow-origin": (
        "let the server answer with Access-Control-Allow-Origin: {origin} and Vary: Origin, or * "
        "if the data is public; and see that errors have it too"
    ),
    "allow-origin-mismatch": "let the server answer with exactly {origin}: scheme, host and port",
    "wildcard-with-credentials": (
        "let the server answer with {origin} in the place of *, with "
        "Access-Control-Allow-Credentials: true; or fetch without credentials"
    ),
    "allow-credentials-not-true": (
        "let the server answer with Access-Control-Allow-Credentials: true; or fetch without "
        "credentials"
    ),
    "status-not-ok": (
        "let the server answer OPTIONS itself, before authentication, redirects and routing, with "
        "204 and the CORS headers"
    ),
    "method-not-allowed": "let Access-Control-Allow-Methods have {detail}, in that letter case",
    "header-not-allowed": "let Access-Control-Allow-Headers have {detail}",
    "authorization-not-listed": (
        "let Access-Control-Allow-Headers name authorization: * does not cover it"
    ),
    "bad-allow-methods": "let Access-Control-Allow-Methods be names between commas",
    "bad-allow-headers": "let Access-Control-Allow-Headers be names between commas",
    "too-many-redirects": "look for two redirects that lead to each other",
    "redirect-mode-error": "fetch the URL that the redirect leads to",
    "mode-same-origin": "fetch with mode: cors",
    "corp": "let the server answer with Cross-Origin-Resource-Policy: cross-origin",
}


_ABOUT_ORIGINS = frozenset(
    {"missing-allow-origin", "allow-origin-mismatch", "wildcard-with-credentials"}
)
_NULL = (
    "load the page from an origin of its own: any site can send null, so a server that allows it "
    "allows everyone"
)
_NULL_REDIRECTED = (
    "fetch the URL that the redirects lead to: after a redirect across origins the origin is null, "
    "which any site can send, so a server that allows it allows everyone"
)


def advice(outcome: FetchOutcome, request: FetchRequest) -> str:
    """What to change.

    Args:
        outcome: A fetch that was blocked.
        request: What the page asked for.

    Returns:
        A clause; empty if there is nothing to say.
    """
    if outcome.reason is None:
        return ""
    code = outcome.reason.removeprefix("preflight:").partition(":")[0]
    origin = request.origin
    if outcome.sent:
        # A redirect may have made another origin of it.
        origin = outcome.sent[-1].header("Origin") or origin
    if origin == "null" and code in _ABOUT_ORIGINS:
        return _NULL_REDIRECTED if request.origin != "null" else _NULL
    text = _ADVICE.get(code, "")
    return printable(text.format(origin=origin, detail=outcome.detail), 600)
