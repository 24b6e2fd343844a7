"""The browser's side of an explanation: what is made of the answer."""

from __future__ import annotations

from typing import NamedTuple

from corsac import _core
from corsac.explain.explanation import Step, shown
from corsac.explain.request import Request

__all__ = [
    "Verdict",
    "actual_verdict",
    "asked_headers",
    "beyond_cors_step",
    "is_beyond_cors",
    "preflight_before",
    "preflight_verdict",
]

Lines = list[tuple[bytes, bytes]]

_CORS_CHECK = 'Fetch, "CORS check"'
_PREFLIGHT = 'Fetch, "CORS-preflight fetch"'
_FILTERED = 'Fetch, "CORS filtered response"'

_BLOCKS = {
    "missing-allow-origin": "the answer has no Access-Control-Allow-Origin",
    "allow-origin-mismatch": "Access-Control-Allow-Origin is another origin",
    "wildcard-with-credentials": (
        'Access-Control-Allow-Origin is "*", which does not count for a request with credentials'
    ),
    "allow-credentials-not-true": (
        "a request with credentials needs Access-Control-Allow-Credentials: true"
    ),
    "bad-allow-methods": "Access-Control-Allow-Methods cannot be read",
    "bad-allow-headers": "Access-Control-Allow-Headers cannot be read",
}


def is_beyond_cors(request: Request) -> bool:
    """Tell whether browsers make no CORS check of the response, though there is an Origin."""
    return _core.is_beyond_cors(request.environ())


def beyond_cors_step(request: Request) -> Step:
    """Say why no browser makes a CORS check; see `is_beyond_cors`."""
    mode = request.value("sec-fetch-mode")
    if mode and mode != "cors":
        text = f"the mode of the request is {shown(mode)!r} (Sec-Fetch-Mode)"
        step, section = "mode", 'Fetch Metadata, "The Sec-Fetch-Mode HTTP Request Header"'
    else:
        said = request.value("sec-fetch-site") == "same-origin"
        who = "Sec-Fetch-Site says" if said else "its Origin and Host say"
        text = f"{who} that the page is of the same origin"
        step, section = "same-origin", 'Fetch, "append a request `Origin` header"'
    text += (
        ", so that there is no CORS check; browsers send Origin with every method but GET and HEAD"
    )
    return Step("browser", step, None, text, section)


class Verdict(NamedTuple):
    """What the browser decides.

    Attributes:
        reason: Why it blocks, or an empty text.
        detail: The method or header name that is in the way, or an empty text.
        steps: What it looked at.
    """

    reason: str
    detail: str
    steps: tuple[Step, ...]


def actual_verdict(origin: str, credentials: bool, headers: tuple[tuple[str, str], ...]) -> Verdict:
    """Make the CORS check of an actual response that has the headers which the middleware sets."""
    lines = _bytes(headers)
    reason = _core.browser_cors_check(_latin1(origin), credentials, lines)
    steps = [_cors_check_step(reason, credentials)]
    if not reason:
        exposed = dict(headers).get("access-control-expose-headers", "")
        if exposed == "*" and not credentials:
            text = "the page may read every response header but Set-Cookie"
        elif exposed:
            text = f"the page may read the safelisted response headers and {shown(exposed)}"
        else:
            text = "the page may read the safelisted response headers alone, such as Content-Type"
        steps.append(Step("browser", "readable-headers", None, text, _FILTERED))
        steps += _with_credentials(origin, credentials, lines)
    return Verdict(reason, "", tuple(steps))


def preflight_before(request: Request) -> Request | None:
    """Return the preflight request that a browser sends before an actual one, if it sends one.

    What a browser adds by itself needs none: of the header lines those count that a page can set.
    """
    own = [
        (name, value)
        for name, value in request.lines
        if name not in _OF_THE_BROWSER
        and not name.startswith(("sec-", "proxy-", "x-forwarded-"))
        and not (name == "authorization" and value.lower().startswith(_OF_HTTP_AUTHENTICATION))
    ]
    lines = _bytes(tuple((name, value) for name, value in own if name.isascii() and name))
    method = _latin1(request.method)
    if not _core.browser_needs_preflight(method, lines):
        return None
    asked = [("origin", request.value("origin") or ""), ("access-control-request-method", method)]
    names = b",".join(_core.browser_unsafe_request_header_names(lines)).decode("latin-1")
    if names:
        asked.append(("access-control-request-headers", names))
    return Request("OPTIONS", asked, request.path)


# What a browser sends for a user who logged in at its own prompt.
_OF_HTTP_AUTHENTICATION = ("basic ", "digest ", "negotiate ", "ntlm ")
# Fetch, "forbidden request-header", what browsers and their caches set themselves, and proxies.
_OF_THE_BROWSER = frozenset(
    {
        "accept-charset",
        "accept-encoding",
        "access-control-request-headers",
        "access-control-request-method",
        "connection",
        "content-length",
        "cookie",
        "date",
        "dnt",
        "expect",
        "host",
        "keep-alive",
        "origin",
        "referer",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "via",
        "cache-control",
        "forwarded",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "pragma",
        "priority",
        "upgrade-insecure-requests",
        "x-real-ip",
    }
)


def preflight_verdict(
    request: Request,
    credentials: bool,
    status: int,
    headers: tuple[tuple[str, str], ...],
    reads_all_names: bool = True,
) -> Verdict:
    """Check the answer to a preflight as a browser does, for the request that it asks about.

    Args:
        request: The preflight request.
        credentials: Whether the credentials mode is ``"include"``.
        status: The status of the answer.
        headers: The headers of the answer.
        reads_all_names: Whether the middleware could read the whole list of headers.
    """
    lines = _bytes(headers)
    origin = _latin1(request.value("origin") or "")
    method = request.value("access-control-request-method") or ""
    asked: Lines = [(name.encode(), _NEVER_SAFELISTED) for name in asked_headers(request)]
    code, name = _core.browser_preflight_check(
        origin, credentials, _latin1(method), asked, status, lines
    )
    reason = code.removeprefix("preflight:")
    if reason == "status-not-ok":
        text = f"the status {status} is not 200 to 299"
        return Verdict(reason, "", (Step("browser", "preflight-status", False, text, _PREFLIGHT),))
    if reason in _BLOCKS:
        return Verdict(reason, "", (_cors_check_step(reason, credentials),))
    steps = [_cors_check_step("", credentials)]
    listed = dict(headers)
    methods = listed.get("access-control-allow-methods", "")
    names = listed.get("access-control-allow-headers", "")
    wrong_method = reason == "method-not-allowed"
    text = _method_text(method, methods, wrong_method)
    steps.append(Step("browser", "method", not wrong_method, text))
    if wrong_method:
        name = method
    elif not reads_all_names:
        reason, name = "header-not-allowed", ""
        steps.append(Step("browser", "headers", False, _UNREAD, _PREFLIGHT))
    elif asked:
        detail = "authorization" if reason == "authorization-not-listed" else name
        text = _headers_text(detail, names)
        steps.append(Step("browser", "headers", not reason, text, _PREFLIGHT))
    if not reason:
        seconds = listed.get("access-control-max-age")
        text = "the answer is kept for 5 seconds, since there is no Access-Control-Max-Age"
        if seconds is not None:
            text = f"the answer is kept for {seconds} seconds at most"
        steps.append(
            Step("browser", "preflight-cache", None, text, 'Fetch, "CORS-preflight cache"')
        )
        steps += _with_credentials(origin, credentials, lines)
    return Verdict(reason, name, tuple(steps))


# Longer than any safelisted value (Fetch, "CORS-safelisted request-header", step 1): a name that a
# preflight asks for has a value that is none.
_NEVER_SAFELISTED = b"x" * 129

_MAX_ASKED = 1_000

_UNREAD = (
    "Access-Control-Request-Headers is malformed or longer than is read: no browser sends such a "
    "list for a few names, and it counts as not allowed, whatever the policy lists"
)


def asked_headers(request: Request) -> list[str]:
    """Return the names that Access-Control-Request-Headers asks for, in lower case."""
    value = ",".join(request.values("access-control-request-headers"))
    names = (name.strip(" \t").lower() for name in value.split(",", _MAX_ASKED)[:_MAX_ASKED])
    return [name for name in names if name and name.isascii()]


def _cors_check_step(reason: str, credentials: bool) -> Step:
    mode = "with" if credentials else "without"
    text = _BLOCKS.get(reason) or f"passed, for a request {mode} credentials"
    return Step("browser", "cors-check", not reason, text, _CORS_CHECK)


def _with_credentials(origin: str, credentials: bool, lines: Lines) -> list[Step]:
    """Say what would be another verdict if the page sent credentials."""
    reason = "" if credentials else _core.browser_cors_check(_latin1(origin), True, lines)
    if not reason:
        return []
    text = f'with credentials: "include" it would be blocked: {_BLOCKS[reason]}'
    return [Step("browser", "credentials", None, text, _CORS_CHECK)]


def _method_text(method: str, listed: str, wrong_method: bool) -> str:
    if wrong_method:
        case = method.upper() in listed.replace(" ", "").split(",")
        why = "; methods are compared case-sensitively" if case else ""
        return f"{shown(method)} is not in Access-Control-Allow-Methods: {shown(listed)!r}{why}"
    if method in {"GET", "HEAD", "POST"}:
        return f"{method} is always allowed"
    return f"{shown(method)} is allowed by Access-Control-Allow-Methods: {shown(listed)!r}"


def _headers_text(detail: str, listed: str) -> str:
    if detail == "authorization" and listed == "*":
        return '"*" does not cover authorization, which has to be named'
    if detail:
        return f"{shown(detail)} is not in Access-Control-Allow-Headers: {shown(listed)!r}"
    return f"all are in Access-Control-Allow-Headers: {shown(listed)!r}"


def _bytes(headers: tuple[tuple[str, str], ...]) -> Lines:
    return [
        (name.encode("latin-1", "replace"), value.encode("latin-1", "replace"))
        for name, value in headers
    ]


def _latin1(text: str) -> str:
    """Return the text as the core takes it; anything beyond ASCII equals nothing that is sent."""
    return text.encode("ascii", "replace").decode()
