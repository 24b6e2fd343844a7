"""What came of a fetch: its steps, and the reason where it was refused, as codes and in words."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Self

from corsac._text import shown
from corsac._values import NOT_IN_DICT, PlainData
from corsac.browser.messages import Pairs, Request, Response

__all__ = ["REASONS", "FetchOutcome", "Step", "answered", "explain_reason", "verdict_text"]

# Codes of the core come first (`block_code` in browser_response.cpp); "preflight:" may stand before
# them. In the texts {detail} is the outcome's detail.
REASONS = {
    "missing-allow-origin": "the answer has no Access-Control-Allow-Origin",
    "allow-origin-mismatch": (
        "Access-Control-Allow-Origin is {detail}, which is not exactly the page's origin"
    ),
    "wildcard-with-credentials": (
        "Access-Control-Allow-Origin is *, which does not do for a request with credentials"
    ),
    "allow-credentials-not-true": (
        "the request has credentials, and Access-Control-Allow-Credentials is not true"
    ),
    "status-not-ok": "its status is {detail}, and a preflight needs one from 200 to 299",
    "bad-allow-methods": "its Access-Control-Allow-Methods is not a list of methods",
    "bad-allow-headers": "its Access-Control-Allow-Headers is not a list of header names",
    "method-not-allowed": "Access-Control-Allow-Methods does not have the method {detail}",
    "authorization-not-listed": (
        "Access-Control-Allow-Headers does not name authorization, which * does not cover"
    ),
    "header-not-allowed": "Access-Control-Allow-Headers does not have the header {detail}",
    "bad-port": "browsers open no connection to port {detail}",
    "scheme": "{detail} URLs are not fetched over HTTP",
    "mode-same-origin": "the URL is of another origin, and the mode is same-origin",
    "redirect-mode-no-cors": "with mode no-cors redirects have to be followed",
    "redirect-mode-error": "the answer is a redirect, and the redirect mode is error",
    "redirect-location": "the Location of the redirect is not a URL",
    "redirect-scheme": "the redirect goes to a {detail} URL",
    "redirect-userinfo": "the redirect goes to a URL with a user name or password",
    "redirect-stream": "a streaming body cannot be sent again after a redirect",
    "too-many-redirects": "the answer is one redirect more than browsers follow",
    "corp": "Cross-Origin-Resource-Policy keeps the answer from pages of other origins",
    "only-if-cached": "the cache mode is only-if-cached, and nothing is cached",
    "network-error": "there was no answer: {detail}",
    "password-prompt": "the browser asks the user for a password, and fetch() waits",
    "stream-needs-http2": "a streaming body needs HTTP/2 or HTTP/3",
    "local-network-denied": "the user has not granted the page {detail} (Local Network Access)",
    "local-network-insecure": (
        "a page without https does not reach the {detail} address space (Local Network Access)"
    ),
    "local-network-mismatch": "targetAddressSpace is {detail} (Local Network Access)",
    "typeerror:bad-url": "fetch() throws: the URL cannot be read",
    "typeerror:url-credentials": "fetch() throws: the URL has a user name or password",
    "typeerror:mode-navigate": "fetch() throws: the mode navigate is not for scripts",
    "typeerror:only-if-cached": (
        "fetch() throws: the cache mode only-if-cached needs the mode same-origin"
    ),
    "typeerror:forbidden-method": "fetch() throws: the method {detail} is forbidden or not a token",
    "typeerror:no-cors-method": (
        "fetch() throws: the method {detail} needs a mode other than no-cors"
    ),
    "typeerror:bad-header": "fetch() throws: a header's name or value cannot be sent",
    "typeerror:body-not-allowed": "fetch() throws: a {detail} request has no body",
    "typeerror:stream-not-supported": "fetch() throws: a stream cannot be the body of a request",
    "typeerror:stream-no-cors": "fetch() throws: a streaming body needs a mode other than no-cors",
}


def explain_reason(reason: str, detail: str = "") -> str:
    """Put a reason code into words.

    Args:
        reason: A code, as in `corsac.browser.FetchOutcome.reason`.
        detail: The outcome's detail.

    Returns:
        A clause without a capital or a full stop; the code itself if it is unknown.
    """
    code = reason.removeprefix("preflight:")
    if code.startswith("header-not-allowed:"):
        code = "header-not-allowed"
    text = REASONS.get(code)
    if text is None:
        return reason
    clause = text.replace("{detail}", detail or "empty")
    return f"the preflight was refused: {clause}" if reason.startswith("preflight:") else clause


@dataclass(frozen=True, slots=True)
class Step(PlainData):
    """One step of a fetch.

    Attributes:
        kind: ``"decision"``, ``"cache"``, ``"preflight"``, ``"request"``, ``"redirect"``,
            ``"note"`` or ``"verdict"``.
        text: The step in words, fit to be printed.
        request: What was sent, if anything.
        response: What came back, if anything.
        code: The reason code of a step that failed; ``None`` if it did not.
    """

    kind: str
    text: str
    request: Request | None = None
    response: Response | None = None
    code: str | None = None

    def __str__(self) -> str:
        """The step in words."""
        return self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchOutcome(PlainData):
    """What came of a fetch.

    Attributes:
        ok: The script gets a response, whatever its status; otherwise fetch() rejects.
        reason: Why it rejects, as a stable code (``"preflight:method-not-allowed"``); ``None`` if
            ``ok``.
        detail: What the reason is about, such as the name of a refused header; fit to be printed,
            and empty if there is nothing to say.
        sent: Every request that went out, in order.
        readable_headers: The names of the response headers that the script can read, lower case and
            sorted.
        response_type: ``"basic"``, ``"cors"``, ``"opaque"`` or ``"opaqueredirect"``; ``None`` if
            not ``ok``.
        steps: How it came to that.
        status: The status that the script sees; 0 if it sees none.
        url: The URL that answered last, as the script sees it; empty if it sees none.
        redirected: At least one redirect was followed.
        headers: The readable headers: names in lower case and sorted, values joined.
        profile: Which browser it was.
        error: What the transport raised, if it did. Not compared, and not pickled.
    """

    ok: bool
    reason: str | None = None
    detail: str = ""
    sent: tuple[Request, ...] = ()
    readable_headers: tuple[str, ...] = ()
    response_type: str | None = None
    steps: tuple[Step, ...] = ()
    status: int = 0
    url: str = ""
    redirected: bool = False
    headers: Pairs = ()
    profile: str = "standard"
    error: Exception | None = field(default=None, compare=False, repr=False, metadata=NOT_IN_DICT)

    def __reduce_ex__(self, protocol: object) -> str | tuple[object, ...]:
        """Leave the error out: what libraries raise often cannot be pickled."""
        kept = self if self.error is None else replace(self, error=None)
        return object.__reduce_ex__(kept, 2)

    def __deepcopy__(self, memo: object = None) -> Self:
        """The outcome itself, which never changes."""
        return self

    __copy__ = __deepcopy__

    @property
    def preflights(self) -> tuple[Request, ...]:
        """The preflight requests among what was sent."""
        return tuple(request for request in self.sent if request.is_preflight)

    @property
    def explanation(self) -> str:
        """The reason in words; empty if there is none."""
        return "" if self.reason is None else explain_reason(self.reason, self.detail)

    def as_dict(self) -> dict[str, Any]:
        """Give the outcome as plain data that JSON can hold."""
        return PlainData.as_dict(self) | {"explanation": self.explanation}

    def __str__(self) -> str:
        """What happened, step by step, for people."""
        return "\n".join(f"{number}. {step.text}" for number, step in enumerate(self.steps, 1))


def answered(request: Request, response: Response, code: str) -> tuple[Step, str]:
    """Tell what came back and what the browser makes of it; give also what a refusal is about."""
    detail = _refusal_detail(code, request, response)
    verdict = ": passed" if request.is_preflight else ""
    if code:
        refusal = explain_reason(code.removeprefix("preflight:"), detail)
        verdict = f": refused: {refusal}" if request.is_preflight else f": {refusal}"
    note = f" ({shown(response.note)})" if response.note else ""
    text = f"{request} -> {response.status}{note}{verdict}"
    kind = "preflight" if request.is_preflight else "request"
    return Step(kind, text, request, response, code or None), detail


def _refusal_detail(code: str, request: Request, response: Response) -> str:
    """Say what a refusal is about, fit to be printed; empty if the code says it all."""
    bare, _, header_name = code.removeprefix("preflight:").partition(":")
    match bare:
        case "allow-origin-mismatch":
            return shown(response.header("Access-Control-Allow-Origin") or "empty")
        case "status-not-ok":
            return str(response.status)
        case "method-not-allowed":
            return shown(request.header("Access-Control-Request-Method") or "")
        case "authorization-not-listed":
            return "authorization"
        case "corp":
            return shown(response.header("Cross-Origin-Resource-Policy") or "")
    return shown(header_name)


def verdict_text(response_type: str, status: int, readable: tuple[str, ...]) -> str:
    """Put the last step of a fetch that gives the script something into words."""
    match response_type:
        case "opaque":
            return "The script gets an opaque response: no status, no header, no body"
        case "opaqueredirect":
            return "The script gets an opaque redirect: no status, no header, no Location"
    names = shown(", ".join(readable), 500) if readable else "none"
    return f"The script gets the response: status {status}, readable headers: {names}"
