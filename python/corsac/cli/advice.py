"""What a server has to change for a page that is blocked: the cause first, then all at once."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib import resources

from corsac import _core
from corsac._text import in_words, printable
from corsac.browser import FetchOutcome, FetchRequest, ReadableStream, Request, Response
from corsac.browser.messages import byte_lines
from corsac.cli.fetch_text import last_answered

__all__ = ["advice", "guard_refusal", "own_refusal"]

_MAX_TEXT = 900
_MAX_ROUNDS = 256

_ORIGIN = "Access-Control-Allow-Origin"
_CREDENTIALS = "Access-Control-Allow-Credentials"
_METHODS = "Access-Control-Allow-Methods"
_HEADERS = "Access-Control-Allow-Headers"

_TEXTS = tomllib.loads((resources.files("corsac.cli") / "advice.toml").read_text("utf-8"))
_OWN: dict[str, str] = _TEXTS["corsac"]
_ADVICE: dict[str, str] = _TEXTS["reasons"]


def own_refusal(response: Response) -> str:
    """Give the reason code of an answer of Corsac's own; empty if it is somebody else's."""
    code = response.header("Corsac-Refused") or response.note
    return code if code in _OWN else ""


def guard_refusal(outcome: FetchOutcome) -> str:
    """Give the reason code if a request was sent and a guard refused it; otherwise empty."""
    last = last_answered(outcome)
    code = "" if last is None or last.response is None else own_refusal(last.response)
    return code if code.startswith("cross-origin-") else ""


def advice(outcome: FetchOutcome, request: FetchRequest) -> str:
    """Say in a clause what to change for a fetch that was refused; empty if nothing is known."""
    return printable(_advice(outcome, request), _MAX_TEXT)


def _advice(outcome: FetchOutcome, request: FetchRequest) -> str:
    step = last_answered(outcome)
    if outcome.reason is None:
        guard = guard_refusal(outcome)
        return _OWN[guard].format(origin=request.origin) if guard else ""
    code = outcome.reason.removeprefix("preflight:").partition(":")[0]
    if step is None or step.request is None or step.response is None or step.code is None:
        return _ADVICE.get(code, "")
    # A redirect may have made another origin of it.
    origin = step.request.header("Origin") or request.origin
    null = ""
    if origin == "null" and code in _ABOUT_ORIGINS:
        null = _TEXTS["null"]["redirected" if request.origin != "null" else "page"]
    own = own_refusal(step.response)
    if own == "origin-not-allowed" and null:
        return null
    if own:
        host = step.request.url.partition("://")[2].partition("/")[0]
        return _OWN[own].format(origin=origin, host=host)
    text = _cause(step.request, step.response) or null or _ADVICE.get(code, "")
    return text or _repair(step.request, step.response, origin, request, outcome.profile)


_ABOUT_ORIGINS = frozenset(
    {"missing-allow-origin", "allow-origin-mismatch", "wildcard-with-credentials"}
)


def _cause(request: Request, response: Response) -> str:
    """Say what is wrong besides CORS, where the missing headers are only how it shows."""
    status, is_allowed = response.status, response.header(_ORIGIN) is not None
    if status >= 500 and not is_allowed:
        cause = "unreachable" if status in {502, 503, 504} else "failed"
    elif not request.is_preflight:
        return ""
    elif 300 <= status < 400:
        cause = "redirect"
    elif status in {401, 407}:
        cause = "authentication"
    elif status in {404, 405, 501} and not is_allowed:
        cause = "not-routed"
    else:
        return ""
    to = response.header("Location") or "another URL"
    text: str = _TEXTS["causes"][cause]
    return text.format(status=status, to=to)


def _repair(
    sent: Request, response: Response, origin: str, request: FetchRequest, profile: str
) -> str:
    """Say which headers would let the request pass: all that are missing, not only the first."""
    lines = dict(_repaired(sent, response, origin, request, profile))
    if not lines:
        return ""
    before, asked = response.header(_ORIGIN), sent.header("Access-Control-Request-Method")
    notes = {_METHODS: " (letter case counts)"}
    if before == "*":
        notes[_ORIGIN] = " (in the place of *)"
    elif before is not None:
        notes[_ORIGIN] = " (scheme, host and port exactly so)"
    elif request.credentials != "include":
        notes[_ORIGIN] = " (or * if the data is public)"
    parts = ["status 204"] if lines.pop("status", "") else []
    parts += [f"{name}: {value}{notes.get(name, '')}" for name, value in lines.items()]
    text = f"let the server answer {'OPTIONS ' if asked else ''}with {in_words(parts, 8, 300)}"
    if _CREDENTIALS in lines or (before == "*" and _ORIGIN in lines):
        text += "; or fetch without credentials"
    if _ORIGIN not in lines:
        return text
    text += f"; and see that {f'the answer to {asked} and ' if asked else ''}errors have it too"
    if asked and response.status == 403:
        text += ". If the 403 is not about the origin (authentication, CSRF, a firewall), let "
        text += "OPTIONS pass before that"
    return text


def _repaired(
    sent: Request, response: Response, origin: str, request: FetchRequest, profile: str
) -> Iterator[tuple[str, str]]:
    """Mend an answer until the core lets it pass; give the lines that are other than before."""
    include = request.credentials == "include"
    names = (sent.header("Access-Control-Request-Headers") or "").split(",")
    # A quotation mark makes any value one that is not CORS-safelisted.
    asked = [(name.strip().encode("latin-1", "replace"), b'"') for name in names if name.strip()]
    method = sent.header("Access-Control-Request-Method") or sent.method
    listens = request.upload_listener or isinstance(request.body, ReadableStream)
    status, changed = response.status, dict[str, str]()
    given = {name: response.header(name) for name in (_ORIGIN, _CREDENTIALS, _METHODS, _HEADERS)}
    for _ in range(_MAX_ROUNDS):
        now = {**{name: value for name, value in given.items() if value is not None}, **changed}
        lines = byte_lines(tuple(now.items()))
        if sent.is_preflight:
            code, name = _core.browser_preflight_check(
                origin, include, method, asked, status, lines, listens, profile
            )
        else:
            code, name = _core.browser_cors_check(origin, include, lines), ""
        match code.removeprefix("preflight:"):
            case "missing-allow-origin" | "allow-origin-mismatch" | "wildcard-with-credentials":
                changed[_ORIGIN] = origin
            case "allow-credentials-not-true":
                changed[_CREDENTIALS] = "true"
            case "status-not-ok":
                status, changed["status"] = 204, "204"
            case "method-not-allowed" | "bad-allow-methods":
                listed = now.get(_METHODS, "") if code.endswith("not-allowed") else ""
                changed[_METHODS] = ", ".join(filter(None, (listed, method)))
            case "header-not-allowed" | "authorization-not-listed" | "bad-allow-headers":
                listed = "" if code.endswith("bad-allow-headers") else now.get(_HEADERS, "")
                changed[_HEADERS] = ", ".join(filter(None, (listed, name or "authorization")))
            case _:
                break
    if changed.get(_ORIGIN, "*") != "*":
        changed["Vary"] = "Origin"
    order = ("status", _ORIGIN, "Vary", _CREDENTIALS, _METHODS, _HEADERS)
    return ((name, changed[name]) for name in order if name in changed)
