"""What the messages of a console come to together: which belong to one request."""

from __future__ import annotations

from dataclasses import dataclass, field

from corsac.console.diagnosis import Diagnosis, describe
from corsac.console.page import Hit
from corsac.console.table import Cause, Message, table

__all__ = ["ENGINES", "MAX_DIAGNOSES", "Findings"]

ENGINES = ("chromium", "firefox", "webkit")

MAX_DIAGNOSES = 1_000
"""How many different findings are kept; what comes after them is counted."""

_NEAR = 40
"""How many lines after a message another may still belong to it: stacks and noise are between."""

_NEXT = 2
"""The same for what other programs print, too, while nothing has said that it is a browser's."""

_Key = tuple[object, ...]


@dataclass(slots=True, eq=False)
class _Finding:
    """One request that failed; ``followed`` counts Firefox's follow-ups to it."""

    message: Message
    cause: Cause
    engines: tuple[str, ...]
    values: dict[str, str]
    preflight: bool | None
    line: int
    count: int = 1
    followed: int = 0
    is_closed: bool = False
    was_prefixed: bool = False
    was_plain: bool = False

    @property
    def url(self) -> str | None:
        return self.values.get("url")

    def is_near(self, line: int) -> bool:
        """Whether a line follows it, and not much later."""
        is_sure = self.was_prefixed or self.url is not None or not self.message.shared
        return line - self.line <= (_NEAR if is_sure else _NEXT)


@dataclass(slots=True, eq=False)
class Findings:
    """Takes messages in their order, and tells what they mean.

    ``left_out`` counts what came after `MAX_DIAGNOSES` different findings.
    """

    engine: str | None = None
    left_out: int = 0
    _found: dict[_Key, _Finding] = field(default_factory=dict)
    _by_url: dict[tuple[str, str], _Finding] = field(default_factory=dict)
    _last: _Finding | None = None
    _open: _Finding | None = None
    _closed: _Finding | None = None
    _loose: Hit | None = None

    def add(self, hit: Hit) -> None:
        """Take the next message."""
        if self.engine is not None and self.engine not in hit.message.engines:
            return
        role = hit.message.role
        cause = self._cause(hit)
        if role == "follow-up" or cause is None:
            self._follow_up(hit)
        elif hit.message.engines == ("webkit",):
            self._add_webkit(hit, cause)
        else:
            self._close()
            if (role == "alone" and self._belongs(hit)) or self._is_of_redirect(hit):
                return
            self._keep(self._finding(hit, cause))

    def diagnoses(self) -> tuple[Diagnosis, ...]:
        """Give what was found, in the order of its first messages."""
        self._close()
        known = {each.engines[0] for each in self._found.values() if len(each.engines) == 1}
        found = [self._diagnosis(each, known) for each in self._found.values()]
        if not found and self._loose is not None:
            loose = self._loose
            message = loose.message
            cause = message.cause if message.detail else table().causes["no-details"]
            engine = message.engines[0] if len(message.engines) == 1 else self.engine
            details = (message.detail,) if message.detail else ()
            found = [describe(cause, engine, (), loose.values, details=details)]
        return tuple(found)

    def _cause(self, hit: Hit) -> Cause | None:
        """Give the cause of a message; ``None`` if it says nothing of one."""
        causes, name = table().causes, hit.message.cause.name
        if "error" in hit.values:
            network, error = table().network, hit.values["error"]
            # The part after the dot says more of the same.
            name = network.get(error, network.get(error.partition(".")[0], "network-error"))
            if name == "network-error" and "url" in hit.values and "status" in hit.values:
                name = "body-cut-off"  # The row of an answer that had begun.
            return causes[name] if name else None
        header = hit.values.get("header", "").lower()
        if name == "header-not-allowed":
            if header == "authorization":
                name = "authorization-not-listed"
            elif header.startswith("access-control-"):
                name = "response-header-on-request"
        elif name == "header-not-exposed" and header in {"set-cookie", "set-cookie2"}:
            name = "unreadable-header"
        elif "Security Policy" in hit.message.text or "Security-Policy" in hit.message.text:
            name = _whose_policy(name, hit)
        elif name == "missing-allow-origin" and hit.preflight:
            name = "preflight-missing-allow-origin"
        elif name == "mode-same-origin" and hit.values.get("url", "").startswith("file:"):
            name = "scheme"
        return causes[name]

    def _finding(self, hit: Hit, cause: Cause) -> _Finding:
        return _Finding(
            hit.message, cause, hit.message.engines, hit.values, hit.preflight, hit.line
        )

    def _keep(self, finding: _Finding) -> None:
        """Add a finding, or count it if there is one like it."""
        if self._is_more_of_local_network(finding):
            return
        shown = ("url", "origin", "method", "header", "value", "status", "error", "first_url")
        details = tuple(finding.values.get(name) for name in shown)
        key = (finding.message.text, finding.cause.name, finding.preflight, *details)
        known = self._found.get(key)
        if known is not None:
            known.count += 1
            known.line = finding.line
            finding = known
        elif len(self._found) < MAX_DIAGNOSES:
            self._found[key] = finding
        else:
            self.left_out += 1
        self._last = finding
        if finding.url is not None and key in self._found:
            self._by_url[finding.engines[0], finding.url] = finding

    def _is_more_of_local_network(self, finding: _Finding) -> bool:
        """Whether it is another of the lines that Firefox prints for one request."""
        alike = self._last
        if finding.url is not None:
            alike = self._by_url.get(("firefox", finding.url), alike)
        return (
            finding.engines == ("firefox",)
            and finding.cause.name.startswith("local-network-")
            and alike is not None
            and alike.is_near(finding.line)
            and alike.cause.name.startswith("local-network-")
        )

    def _belongs(self, hit: Hit) -> bool:
        """Whether a message that says nothing beside others is beside one; that one is told."""
        engine, url = hit.message.engines[0], hit.values.get("url")
        last = self._last
        if last is not None and not last.is_near(hit.line):
            last = None
        if last is not None and last.message.role == "before" and engine in last.engines:
            last.followed += 1
            return True
        if url is None:
            return last is not None and last.cause is hit.message.cause
        known = self._by_url.get((engine, url))
        if known is None or not known.is_near(hit.line) or known.message.role == "alone":
            return False
        known.followed += hit.message.cause.name == "network-error"
        return True

    def _is_of_redirect(self, hit: Hit) -> bool:
        """Whether it is the line about the status of a preflight that was redirected."""
        known = self._by_url.get((hit.message.engines[0], hit.values.get("url", "")))
        if known is None or not known.is_near(hit.line):
            return False
        if known.cause.name != "preflight-redirect":
            return False
        if hit.message.cause.name != "preflight-status":
            return False
        known.values.setdefault("status", hit.values.get("status", ""))
        return True

    def _follow_up(self, hit: Hit) -> None:
        """Take a line that says nothing of a cause: it may have the status, or the URL."""
        engine, url, last = hit.message.engines[0], hit.values.get("url"), self._last
        if engine == "webkit":
            if self._open is None or not self._open.is_near(hit.line):
                self._close()
                self._loose = self._loose or hit
                if url is not None and self._loose.message.detail:
                    self._loose.values.setdefault("url", url)
                return
            if url is not None:
                for name in hit.values.keys() & {"kind", "url"}:
                    self._open.values.setdefault(name, hit.values[name])
                self._close()
            return
        self._loose = self._loose or hit
        if last is None or "chromium" not in last.engines or not last.is_near(hit.line):
            return
        if url != last.url or url is None:
            return
        if "status" in hit.values and "status" not in last.values:
            last.values["status"] = hit.values["status"]

    def _add_webkit(self, hit: Hit, cause: Cause) -> None:
        """Take a message of WebKit, which it prints up to three times for one request."""
        finding = self._finding(hit, cause)
        told = {name: value for name, value in hit.values.items() if name != "url"}
        for known in (self._open, self._closed):
            if known is None or known.message is not hit.message or not known.is_near(hit.line):
                continue
            same = told == {name: known.values.get(name) for name in told}
            again = not hit.is_prefixed and known.was_plain and "url" not in hit.values
            if same and not again and (hit.is_prefixed or known is self._open):
                known.was_prefixed |= hit.is_prefixed
                known.was_plain |= not hit.is_prefixed
                if "url" in hit.values:
                    known.values.setdefault("url", hit.values["url"])
                return
        self._close()
        finding.was_prefixed, finding.was_plain = hit.is_prefixed, not hit.is_prefixed
        self._open = finding

    def _close(self) -> None:
        """Keep the message of WebKit that was waiting for its URL."""
        waiting, self._open = self._open, None
        if waiting is None:
            return
        is_sure = waiting.was_prefixed or waiting.url is not None or self.engine == "webkit"
        self._closed = waiting if is_sure or not waiting.message.shared else None
        if self._closed is not None:
            self._keep(self._closed)

    def _diagnosis(self, finding: _Finding, engines: set[str]) -> Diagnosis:
        """Put a finding into words; the engines of others tell which it is of where two may be."""
        mine = [engine for engine in finding.engines if engine in (self.engine, *engines)]
        if len(finding.engines) == 1:
            mine = list(finding.engines)
        engine = mine[0] if len(mine) == 1 or self.engine in mine else None
        if self.engine is not None:
            engine = self.engine
        cause, (likely, possible, details) = finding.cause, _reasons(finding)
        if likely == ("preflight:missing-allow-origin",):
            cause = table().causes["preflight-missing-allow-origin"]
        return describe(
            cause,
            engine,
            likely,
            finding.values,
            possible=possible,
            details=details,
            count=finding.count,
        )


def _whose_policy(name: str, hit: Hit) -> str:
    """Tell the page's own policy from that of a frame: frame-ancestors is of what is framed."""
    directive = hit.values.get("value") or hit.values.get("what")
    if directive is None or name not in {"content-security-policy", "frame-denied"}:
        return name
    is_of_frame = directive.split(" ")[0] == "frame-ancestors"
    return "frame-denied" if is_of_frame else "content-security-policy"


_Codes = tuple[str, ...]


def _reasons(finding: _Finding) -> tuple[_Codes, _Codes, _Codes]:
    """Give the codes that a message stands for, others that it may stand for, keys of details."""
    message, cause = finding.message, finding.cause
    details = (message.detail,) if message.detail else ()
    codes = message.reasons if cause is message.cause and message.reasons else cause.reasons
    if message.phase == "" or not codes:
        more = ("local-network-denied",) if message.detail == "no-answer" else ()
        return codes, more, details
    asked = tuple(f"preflight:{code.removeprefix('preflight:')}" for code in codes)
    if message.phase == "said":
        if finding.preflight is None:
            return (*codes, *asked), (), ("phase-unsaid", *details)
        return (asked if finding.preflight else codes), (), details
    if "webkit" in message.engines:
        return _webkit_reasons(finding, codes, asked)
    return _firefox_reasons(finding, codes, asked)


def _webkit_reasons(
    finding: _Finding, codes: _Codes, asked: _Codes
) -> tuple[_Codes, _Codes, _Codes]:
    """Tell by the status, and by who asked, that it was not the preflight, where they do tell."""
    details = (finding.message.detail,) if finding.message.detail else ()
    status = int(finding.values.get("status") or 0)
    # It looks at the status of an answer to a preflight first, and says that alone. An EventSource
    # has neither method nor headers for which a browser asks first.
    is_answer = status != 0 and not 200 <= status <= 299
    if is_answer or finding.values.get("kind") == "EventSource":
        return codes, (), details
    return (*codes, *asked), (), ("phase-unsaid", *details)


def _firefox_reasons(
    finding: _Finding, codes: _Codes, asked: _Codes
) -> tuple[_Codes, _Codes, _Codes]:
    """Tell by the status, and by the line that follows, whether the preflight failed."""
    status = int(finding.values.get("status") or 0)
    if 300 <= status < 400:
        # A redirect of the request itself, or that of its preflight, which is not followed.
        likely = (*codes, "preflight:status-not-ok") if finding.followed else codes
        return likely, ("preflight:status-not-ok", *asked), ("phase-unsaid",)
    # What does not speak HTTP has the status 200.
    is_missing = finding.cause.name == "missing-allow-origin"
    rare = ("network-error",) if status == 200 and is_missing else ()
    if finding.followed:
        # There is such a line for what waited for the preflight; and after a redirect.
        return asked, (*(() if status else codes), *rare), ()
    return codes, (*asked, *rare), ("followed", *(["not-http"] if rare else []))
