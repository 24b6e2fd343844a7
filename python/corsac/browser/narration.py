"""The steps of a fetch in words, as they happen."""

from __future__ import annotations

from corsac.browser.messages import Request, Response
from corsac.browser.outcome import Step
from corsac.browser.reasons import explain_reason
from corsac.browser.shown import shown

__all__ = ["Narration", "refusal_detail"]


class Narration:
    """Collects the steps of one fetch.

    Attributes:
        steps: Those so far.
    """

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def note(self, kind: str, text: str) -> None:
        """Add a step at which nothing was sent; its text is fit to be printed."""
        self.steps.append(Step(kind, text))

    def verdict(self, text: str, code: str | None = None) -> None:
        """Add the last step."""
        self.steps.append(Step("verdict", text, code=code))

    def answered(self, request: Request, response: Response, code: str = "") -> str:
        """Add what was sent, what came back, and what the browser makes of it.

        Args:
            request: What was sent.
            response: What came back.
            code: The reason code if it is refused; empty if it is not.

        Returns:
            What the refusal is about.
        """
        detail = refusal_detail(code, request, response)
        verdict = ": passed" if request.is_preflight else ""
        if code:
            refusal = explain_reason(code.removeprefix("preflight:"), detail)
            verdict = f": refused: {refusal}" if request.is_preflight else f": {refusal}"
        note = f" ({shown(response.note)})" if response.note else ""
        text = f"{request} -> {response.status}{note}{verdict}"
        self.steps.append(Step(_kind(request), text, request, response, code or None))
        return detail

    def unanswered(self, request: Request, error: Exception, code: str) -> str:
        """Add what was sent in vain.

        Args:
            request: What was sent.
            error: What the transport raised.
            code: The reason code.

        Returns:
            The error, fit to be printed.
        """
        detail = shown(f"{type(error).__name__}: {error}".removesuffix(": "))
        text = f"{request} -> no answer: {detail}"
        self.steps.append(Step(_kind(request), text, request, code=code))
        return detail


def _kind(request: Request) -> str:
    return "preflight" if request.is_preflight else "request"


def refusal_detail(code: str, request: Request, response: Response) -> str:
    """What a refusal is about, fit to be printed; empty if the code says it all.

    Args:
        code: The reason code; a header's name may be behind it.
        request: What was sent.
        response: What came back.
    """
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
