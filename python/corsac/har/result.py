"""What comes of a replayed session, without anything secret of it."""

from __future__ import annotations

from dataclasses import dataclass

from corsac._values import PlainData

__all__ = ["Exchange", "Replay", "Verdict"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict(PlainData):
    """What a browser makes of one exchange.

    Attributes:
        verdict: ``"allowed"``, ``"blocked"``, or ``"undecided"`` where an answer that matters was
            not recorded.
        reason: The code of `corsac.browser.simulate` if it is blocked; otherwise ``None``.
        explanation: The reason in words, or what is missing.
        steps: How it came to that, in words.
    """

    verdict: str
    reason: str | None = None
    explanation: str = ""
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange(PlainData):
    """One request of a page to another origin, with its preflight request and its redirects.

    Attributes:
        entries: The numbers of its entries in the file, from 1.
        origin: The page's origin.
        method: The method.
        url: The URL, with what may be a secret masked.
        credentials: A cookie was recorded with the request, so that the credentials mode was
            ``"include"``. Browsers leave cookies out of a HAR that is to be passed on.
        kind: What the browser says was loaded, such as ``"fetch"`` or ``"font"``; may be empty.
        status: The recorded status; 0 if there is none.
        error: What the browser recorded as error, such as ``"net::ERR_FAILED"``; may be empty.
        recorded: The verdict on the recorded answers.
        under_policy: The verdict on what the policy answers; ``None`` without a policy.
        notes: What was not recorded and had to be assumed.
    """

    entries: tuple[int, ...]
    origin: str
    method: str
    url: str
    credentials: bool
    kind: str
    status: int
    error: str
    recorded: Verdict
    under_policy: Verdict | None = None
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The request and the verdict on it."""
        reason = f" ({self.recorded.reason})" if self.recorded.reason else ""
        return f"{self.origin} -> {self.method} {self.url}: {self.recorded.verdict}{reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay(PlainData):
    """A recorded session, judged.

    Attributes:
        entries: How many entries the file has.
        exchanges: Those that CORS is about, in the order of the file.
        left_out: How many of those were not judged: they are beyond `corsac.har.MAX_ENTRIES` or
            `corsac.har.MAX_KEPT_BYTES`.
    """

    entries: int
    exchanges: tuple[Exchange, ...]
    left_out: int = 0

    @property
    def blocked(self) -> tuple[Exchange, ...]:
        """The exchanges whose recorded answers a browser blocks."""
        return tuple(each for each in self.exchanges if each.recorded.verdict == "blocked")
