"""The browser's side of an explanation: what is made of the answer."""

from __future__ import annotations

from typing import NamedTuple

from corsac import _core
from corsac._headers import Lines, byte_lines
from corsac.explain.explanation import Request, Step, shown
from corsac.explain.serving import Served

__all__ = ["Verdict", "actual_verdict", "asked_headers", "beyond_cors_step", "preflight_before"]
__all__ += ["preflight_verdict"]

_CORS_CHECK = 'Fetch, "CORS check"'
_PREFLIGHT = 'Fetch, "CORS-preflight fetch"'
_CACHE = 'Fetch, "CORS-preflight cache"'
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


def beyond_cors_step(request: Request) -> Step:
    """Say why no browser makes a CORS check of the response, though there is an Origin."""
    mode = request.value("sec-fetch-mode")
    if mode not in {"", "cors"}:
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
    """Why the browser blocks, the method or header name in the way, and what it looked at."""

    reason: str = ""
    detail: str = ""
    steps: tuple[Step, ...] = ()


def actual_verdict(request: Request, credentials: bool, served: Served) -> Verdict:
    """Make the CORS check of an actual response that has the headers which the middleware sets."""
    origin, lines = _latin1(request.value("origin")), byte_lines(served.headers)
    reason = _core.browser_cors_check(origin, credentials, lines)
    steps = [_cors_check_step(reason, credentials)]
    if not reason:
        exposed = dict(served.headers).get("access-control-expose-headers", "")
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
    lines = [
        line
        for line in byte_lines(each for each in request.lines if each[0] and each[0].isascii())
        if _core.browser_request_headers([line], b"", False) != []
        and not (line[0] in _NOT_OF_THE_PAGE or line[0].startswith(b"x-forwarded-"))
        and not (line[0] == b"authorization" and line[1].lower().startswith(_BY_THE_USER))
    ]
    method = _latin1(request.method)
    if not _core.browser_needs_preflight(method, lines):
        return None
    origin = _latin1(request.value("origin"))
    asked = _core.browser_preflight_request_headers(origin, method, lines)
    return Request("OPTIONS", asked, request.path)


# What browsers, their caches and proxies set themselves, beyond Fetch's "forbidden request-header".
_NOT_OF_THE_PAGE = (
    *(b"cache-control", b"forwarded", b"if-modified-since", b"if-none-match", b"if-range"),
    *(b"pragma", b"priority", b"upgrade-insecure-requests", b"user-agent", b"x-real-ip"),
)
# What a browser sends for a user who logged in at its own prompt.
_BY_THE_USER = (b"basic ", b"digest ", b"negotiate ", b"ntlm ")


def preflight_verdict(request: Request, credentials: bool, served: Served) -> Verdict:
    """Check the answer to a preflight request as a browser does, for what it asks about."""
    status = served.status or 200  # Of the application's own answer the best is assumed.
    lines, listed = byte_lines(served.headers), dict(served.headers)
    origin = _latin1(request.value("origin"))
    method = request.value("access-control-request-method")
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
    methods = listed.get("access-control-allow-methods", "")
    names = listed.get("access-control-allow-headers", "")
    wrong_method = reason == "method-not-allowed"
    text = _method_text(method, methods, wrong_method)
    steps.append(Step("browser", "method", not wrong_method, text))
    if wrong_method:
        name = method
    elif not served.reads_all_names:
        reason, name = "header-not-allowed", ""
        steps.append(Step("browser", "headers", False, _UNREAD, _PREFLIGHT))
    elif asked:
        detail = "authorization" if reason == "authorization-not-listed" else name
        text = _headers_text(detail, names)
        steps.append(Step("browser", "headers", not reason, text, _PREFLIGHT))
    if not reason:
        seconds = listed.get("access-control-max-age")
        text = f"the answer is kept for {seconds} seconds at most"
        if seconds is None:
            text = "the answer is kept for 5 seconds, since there is no Access-Control-Max-Age"
        steps.append(Step("browser", "preflight-cache", None, text, _CACHE))
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
    reason = "" if credentials else _core.browser_cors_check(origin, True, lines)
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


def _latin1(text: str) -> str:
    """Return the text as the core takes it; anything beyond ASCII equals nothing that is sent."""
    return text.encode("ascii", "replace").decode()
