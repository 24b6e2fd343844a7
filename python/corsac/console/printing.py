"""What a browser would print for a fetch that the simulated one refused, by the same table."""

from __future__ import annotations

from collections.abc import Iterator

from corsac import _core
from corsac.browser import FetchOutcome, FetchRequest, Response
from corsac.browser.urls import parse_url
from corsac.console.table import Message, table

__all__ = ["printed"]


def printed(outcome: FetchOutcome, request: FetchRequest) -> tuple[str, ...]:
    """Give the lines that the browser of a profile would print into its console.

    Args:
        outcome: What came of the fetch, in the profile ``"chromium"``, ``"firefox"`` or
            ``"webkit"``.
        request: The fetch.

    Returns:
        The lines; none if the fetch was not refused, where nothing is printed, and for the profile
        ``"standard"``, which is no browser's.
    """
    if outcome.reason is None or outcome.profile not in {"chromium", "firefox", "webkit"}:
        return ()
    if outcome.reason.startswith("typeerror:"):
        return ()  # The script gets an exception; a console has it if nobody catches that.
    exchange = _Refused(outcome, request)
    message = exchange.message()
    lines = {"chromium": _chromium, "firefox": _firefox, "webkit": _webkit}[outcome.profile]
    return tuple(lines(exchange, message))


_SHOWN = {
    "allow-credentials-not-true": "Access-Control-Allow-Credentials",
    "bad-allow-methods": "Access-Control-Allow-Methods",
    "bad-allow-headers": "Access-Control-Allow-Headers",
}
"""Of which header the value is shown."""

_RESOURCE_POLICY_PAGE = (
    " See https://developer.mozilla.org/docs/Web/HTTP/Cross-Origin_Resource_Policy_(CORP)#"
)

_WITHOUT_ANSWER = frozenset({"network-error", "redirect-userinfo", "too-many-redirects"})
"""For what Firefox says that there was no answer."""


class _Refused:
    """A fetch that was refused, and the answer that it was refused for."""

    def __init__(self, outcome: FetchOutcome, request: FetchRequest) -> None:
        self.engine = outcome.profile
        self.reason = outcome.reason or ""
        self.code = self.reason.removeprefix("preflight:")
        answered = [step for step in outcome.steps if step.response is not None]
        self.response: Response | None = answered[-1].response if answered else None
        self.is_preflight = self.reason.startswith("preflight:")
        self.status = self.response.status if self.response is not None else 0
        last = outcome.sent[-1] if outcome.sent else None
        sent_origin = last.header("Origin") if last is not None else None
        header = self.code.partition("header-not-allowed:")[2]
        if "authorization" in self.code:
            header = "authorization"
        if self.engine == "webkit":
            # As the script writes it.
            written = (name for name, _ in request.headers if name.lower() == header)
            header = next(written, header)
        location = self.header("Location")
        place = parse_url(request.url)
        self.values = {
            "url": last.url if last is not None else request.url,
            # WebKit names the origin that was sent, which a redirect may have made null.
            "origin": (sent_origin if self.engine == "webkit" else None) or request.origin,
            "kind": "fetch",
            "method": request.method,
            "header": header,
            "value": self.header(_SHOWN.get(self.code, "Access-Control-Allow-Origin")),
            "status": str(self.status or ""),
            "space": outcome.detail.removesuffix("-network"),
            "scheme": request.url.partition(":")[0],
            "page_url": f"{request.origin}/",
            "initiator": f"{request.origin}/",
            "secure": str(request.origin.startswith("https:")),
            "redirect": location,
            "port": "" if place is None else str(place.effective_port),
            "address": "" if place is None else f"{place.host}:{place.effective_port}",
        }
        if self.code == "redirect-userinfo":
            self.values["value"] = location if self.engine == "webkit" else ""
            scheme, mark, rest = location.partition("://")
            self.values["redirect"] = f"{scheme}{mark}{rest.partition('@')[2]}"
        first = outcome.sent[0].url if outcome.sent else ""
        self.first_url = first if first != self.values["url"] else ""
        lines = [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers
        ]
        self.needs_preflight = _core.browser_needs_preflight(
            request.method, lines, False, self.engine
        )

    def header(self, name: str) -> str:
        return "" if self.response is None else self.response.header(name) or ""

    def message(self) -> Message | None:
        """Choose what is printed; ``None`` if that is nothing, or not known."""
        cause, part = self._choice()
        if self.engine == "webkit" and self.is_preflight and not 200 <= self.status <= 299:
            cause, part = "preflight-status", ""  # It looks at the status first.
        return next(
            (
                each
                for each in table().messages
                if self.engine in each.engines
                and each.cause.name == cause
                and part in each.text
                and each.role in {"", "before"}
                and not each.old
            ),
            None,
        )

    def _choice(self) -> tuple[str, str]:
        """Give the cause that is printed, and a part of the text where there are several."""
        code = self.code.partition(":")[0]
        if code in {"missing-allow-origin", "allow-origin-mismatch"}:
            return self._origin_choice(code)
        if code == "status-not-ok":
            cause = "preflight-redirect" if 300 <= self.status < 400 else "preflight-status"
            if cause == "preflight-redirect" and self.engine == "firefox":
                cause = cause if self.values["value"] else "missing-allow-origin"
            return cause, ""
        if code == "network-error" or (code in _WITHOUT_ANSWER and self.engine == "firefox"):
            return "none", ""  # It depends on why there is no answer; Firefox always says the same.
        return ("header-not-allowed" if code == "authorization-not-listed" else code), ""

    def _origin_choice(self, code: str) -> tuple[str, str]:
        value = self.values["value"]
        if self.engine == "webkit":
            if "," in value:
                return code, "more than one"
            is_redirect = 300 <= self.status < 400 and not self.is_preflight
            part = "Cross-origin redirection" if is_redirect else ""
            return "allow-origin-missing-or-mismatch", part
        if code == "missing-allow-origin":
            return code, ""
        if self.engine == "firefox":
            lines = [] if self.response is None else self.response.headers
            count = sum(name.lower() == "access-control-allow-origin" for name, _ in lines)
            return code, "Multiple" if count > 1 else "does not match"
        if "," in value or " " in value:
            return code, "multiple values"
        return code, "has a value" if ":" in value or value == "null" else "invalid value"


def _chromium(exchange: _Refused, message: Message | None) -> Iterator[str]:
    if message is not None:
        heads, values = table().heads, exchange.values
        head = heads["chromium"] if message.head else ""
        url = values["url"]
        if exchange.first_url:
            url = f"{url}' (redirected from '{exchange.first_url}')"
            head = head.replace("'{url}'", "'{url}")
        head = "".join(
            {"{kind}": "fetch", "{url}": url, "{origin}": values["origin"]}.get(part, part)
            for part in _split(head)
        )
        if exchange.is_preflight and (
            message.phase == "said" or "preflight-" in message.cause.name
        ):
            head += heads["chromium-preflight"]
        yield f"{head}{message.fill(values)}"
    if message is None or message.head:
        yield f"Failed to load resource: net::{_network_error(exchange)}"


def _network_error(exchange: _Refused) -> str:
    """Give Chromium's name of the error of a request that it did not carry out."""
    if exchange.code == "corp":
        is_of_site = exchange.header("Cross-Origin-Resource-Policy") == "same-site"
        return f"ERR_BLOCKED_BY_RESPONSE.NotSame{'Site' if is_of_site else 'Origin'}"
    causes = table().network.items()
    return next((name for name, cause in causes if cause == exchange.code), "ERR_FAILED")


def _firefox(exchange: _Refused, message: Message | None) -> Iterator[str]:
    if exchange.code.startswith("local-network"):
        yield from _firefox_local_network(exchange)
        return
    if message is None:
        if exchange.code in _WITHOUT_ANSWER:
            yield _no_answer(exchange.values["url"])
        return
    values = dict(exchange.values)
    name = message.cause.name
    if name == "wildcard-with-credentials":
        values["url"] = f"\u2018{values['url']}\u2019"
    elif name == "redirect-scheme":
        values["url"] = values["redirect"]
    head = table().heads["firefox"]
    before = head.replace("{url}", values["url"]) if message.head else ""
    if not exchange.is_preflight:
        values["status"] = values["status"] or "200"
    after = _RESOURCE_POLICY_PAGE if name == "corp" else ""
    yield f"{before}{message.fill(values)}{after}"
    if name == "preflight-redirect":
        status = next(
            each for each in table().messages if each.code == "CORSPreflightDidNotSucceed"
        )
        yield f"{before}{status.fill(values)}"
    is_redirect = 300 <= exchange.status < 400
    if exchange.is_preflight or (is_redirect and message.head) or name == "redirect-scheme":
        yield _no_answer(exchange.values["url"])
        if exchange.is_preflight and is_redirect and name == "missing-allow-origin":
            yield _no_answer(exchange.values["url"])


def _firefox_local_network(exchange: _Refused) -> Iterator[str]:
    """Give what is printed where the user has denied it; of a preflight that is not said."""
    no_answer = _no_answer(exchange.values["url"])
    if exchange.needs_preflight:
        yield no_answer
        yield no_answer
        return
    texts = {
        each.text.split(":")[0]: each.fill(exchange.values)
        for each in table().messages
        if each.cause.name == "local-network-denied" and "firefox" in each.engines
    }
    yield texts["Local Network Access permission required"]
    yield no_answer
    yield f"{texts['Local Network Access detected']}, prompt action: auto_deny"


def _no_answer(url: str) -> str:
    """Give what Firefox prints where there was no answer, and after a preflight that failed."""
    text = next(each for each in table().messages if each.code == "CORSDidNotSucceed")
    return f"{table().heads['firefox'].replace('{url}', url)}{text.fill({})}"


def _webkit(exchange: _Refused, message: Message | None) -> Iterator[str]:
    if message is None:
        return
    text = message.fill(exchange.values)
    yield text
    if message.ends or message.cause.name == "bad-port":
        return
    yield f"Fetch API cannot load {exchange.values['url']} due to access control checks."
    if message.cause.name not in {"scheme", "redirect-mode-no-cors"}:
        yield f"Failed to load resource: {text}"


def _split(text: str) -> list[str]:
    """Part a text at its names in braces, so that values with braces do no harm."""
    pieces: list[str] = []
    for piece in text.split("{"):
        name, brace, rest = piece.partition("}")
        pieces += [f"{{{name}}}", rest] if brace else [piece]
    return pieces
