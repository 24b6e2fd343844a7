"""Why a browser keeps an answer from a script: codes, and what they mean in words."""

from __future__ import annotations

__all__ = ["REASONS", "explain_reason"]

# Codes of the core come first (`block_code` in browser_response.cpp); "preflight:" may be before
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
    "bad-allow-methods": "its Access-Control-Allow-Methods is no list of methods",
    "bad-allow-headers": "its Access-Control-Allow-Headers is no list of header names",
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
    "redirect-location": "the Location of the redirect is no URL",
    "redirect-scheme": "the redirect goes to a {detail} URL",
    "redirect-userinfo": "the redirect goes to a URL with a user name or password",
    "redirect-stream": "a streaming body cannot be sent again after a redirect",
    "too-many-redirects": "the answer is one redirect more than browsers follow",
    "corp": "Cross-Origin-Resource-Policy keeps the answer from pages of other origins",
    "only-if-cached": "the cache mode is only-if-cached, and nothing is cached",
    "network-error": "there was no answer: {detail}",
    "password-prompt": "the browser asks the user for a password, and fetch() waits",
    "stream-needs-http2": "a streaming body needs HTTP/2 or HTTP/3",
    "typeerror:bad-url": "fetch() throws: the URL cannot be read",
    "typeerror:url-credentials": "fetch() throws: the URL has a user name or password",
    "typeerror:mode-navigate": "fetch() throws: the mode navigate is not for scripts",
    "typeerror:only-if-cached": (
        "fetch() throws: the cache mode only-if-cached needs the mode same-origin"
    ),
    "typeerror:forbidden-method": "fetch() throws: the method {detail} is forbidden or is none",
    "typeerror:no-cors-method": (
        "fetch() throws: the method {detail} needs a mode other than no-cors"
    ),
    "typeerror:bad-header": "fetch() throws: a header's name or value cannot be sent",
    "typeerror:body-not-allowed": "fetch() throws: a {detail} request has no body",
    "typeerror:stream-no-cors": "fetch() throws: a streaming body needs a mode other than no-cors",
}


def explain_reason(reason: str, detail: str = "") -> str:
    """A reason code in words.

    Args:
        reason: A code, as in `corsac.browser.FetchOutcome.reason`.
        detail: What the outcome says beside it.

    Returns:
        A clause without a capital or a full stop; the code itself if it is not known.
    """
    preflight = reason.startswith("preflight:")
    code = reason.removeprefix("preflight:")
    if code.startswith("header-not-allowed:"):
        code = "header-not-allowed"
    text = REASONS.get(code)
    if text is None:
        return reason
    clause = text.replace("{detail}", detail or "empty")
    return f"the preflight was refused: {clause}" if preflight else clause
