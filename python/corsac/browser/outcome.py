"""What came of a fetch, and how."""

from __future__ import annotations

from corsac._values import FrozenValue
from corsac.browser.messages import Pairs, Request, Response
from corsac.browser.reasons import explain_reason
from corsac.browser.shown import shown

__all__ = ["FetchOutcome", "Step"]


class Step(FrozenValue):
    """One step of a fetch.

    Attributes:
        kind: ``"decision"``, ``"cache"``, ``"preflight"``, ``"request"``, ``"redirect"``,
            ``"note"`` or ``"verdict"``.
        text: The step in words, fit to be printed.
        request: What was sent, if something was.
        response: What came back, if something did.
        code: The reason code of a step that failed; ``None`` if it did not.
    """

    __slots__ = ("code", "kind", "request", "response", "text")
    _fields = ("kind", "text", "request", "response", "code")

    kind: str
    text: str
    request: Request | None
    response: Response | None
    code: str | None

    def __init__(
        self,
        kind: str,
        text: str,
        request: Request | None = None,
        response: Response | None = None,
        code: str | None = None,
    ) -> None:
        self._fill(kind, text, request, response, code)

    def __str__(self) -> str:
        """The step in words."""
        return self.text

    def as_dict(self) -> dict[str, object]:
        """The step as plain data."""
        return {
            "kind": self.kind,
            "text": self.text,
            "request": None if self.request is None else self.request.as_dict(),
            "response": None if self.response is None else self.response.as_dict(),
            "code": self.code,
        }


class FetchOutcome(FrozenValue):
    """What came of a fetch.

    Attributes:
        ok: The script gets a response, whatever its status; otherwise fetch() rejects.
        reason: Why it does not, as a stable code (``"preflight:method-not-allowed"``); ``None`` if
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
        error: What the transport raised, if it did. Not compared.
    """

    __slots__ = (
        "detail",
        "error",
        "headers",
        "ok",
        "profile",
        "readable_headers",
        "reason",
        "redirected",
        "response_type",
        "sent",
        "status",
        "steps",
        "url",
    )
    _fields = (
        "ok",
        "reason",
        "detail",
        "sent",
        "readable_headers",
        "response_type",
        "steps",
        "status",
        "url",
        "redirected",
        "headers",
        "profile",
    )

    ok: bool
    reason: str | None
    detail: str
    sent: tuple[Request, ...]
    readable_headers: tuple[str, ...]
    response_type: str | None
    steps: tuple[Step, ...]
    status: int
    url: str
    redirected: bool
    headers: Pairs
    profile: str
    error: Exception | None

    def __init__(
        self,
        *,
        ok: bool,
        reason: str | None = None,
        detail: str = "",
        sent: tuple[Request, ...] = (),
        readable_headers: tuple[str, ...] = (),
        response_type: str | None = None,
        steps: tuple[Step, ...] = (),
        status: int = 0,
        url: str = "",
        redirected: bool = False,
        headers: Pairs = (),
        profile: str = "standard",
        error: Exception | None = None,
    ) -> None:
        self._fill(
            ok,
            reason,
            detail,
            sent,
            readable_headers,
            response_type,
            steps,
            status,
            url,
            redirected,
            headers,
            profile,
        )
        self._set("error", error)

    @property
    def preflights(self) -> tuple[Request, ...]:
        """The preflight requests among what was sent."""
        return tuple(request for request in self.sent if request.is_preflight)

    @property
    def explanation(self) -> str:
        """The reason in words; empty if there is none."""
        return "" if self.reason is None else explain_reason(self.reason, self.detail)

    def as_dict(self) -> dict[str, object]:
        """The outcome as plain data that JSON can hold."""
        return {
            "ok": self.ok,
            "reason": self.reason,
            "detail": self.detail,
            "explanation": self.explanation,
            "response_type": self.response_type,
            "status": self.status,
            "url": self.url,
            "redirected": self.redirected,
            "readable_headers": list(self.readable_headers),
            "headers": [list(pair) for pair in self.headers],
            "sent": [request.as_dict() for request in self.sent],
            "steps": [step.as_dict() for step in self.steps],
            "profile": self.profile,
        }

    def __str__(self) -> str:
        """What happened, step by step, for people."""
        return "\n".join(f"{number}. {step.text}" for number, step in enumerate(self.steps, 1))


def verdict_text(outcome_type: str, status: int, readable: tuple[str, ...]) -> str:
    """The last step of a fetch that gives the script something."""
    match outcome_type:
        case "opaque":
            return "The script gets an opaque response: no status, no header, no body"
        case "opaqueredirect":
            return "The script gets an opaque redirect: no status, no header, no Location"
    names = shown(", ".join(readable), 500) if readable else "none"
    return f"The script gets the response: status {status}, readable headers: {names}"
