"""A request that is explained, and its explanation as data, as text, and as a dictionary."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import Any

from corsac import _text
from corsac._headers import HeaderLines as Headers
from corsac._headers import header_lines
from corsac._values import PlainData, plain
from corsac.codes import where_to_read

__all__ = ["Change", "Explanation", "Headers", "Request", "Step", "shown"]

shown = functools.partial(_text.shown, limit=200)
"""Return a value from a request as an explanation shows it."""


class Request:
    """The parts of a request that are looked at; `CORSPolicy.explain` says what they are."""

    def __init__(self, method: str, headers: Headers, path: str) -> None:
        for name, value in (("method", method), ("path", path)):
            if not isinstance(value, str):
                message = f"{name} must be a str, not {type(value).__name__}"
                raise TypeError(message)
        self.method = method
        self.path = path
        self.lines = [(name.lower(), value) for name, value in header_lines(headers)]

    def values(self, name: str) -> list[str]:
        """Return the values of all lines of a header; the name is in lower case."""
        return [value for each, value in self.lines if each == name]

    def value(self, name: str) -> str:
        """Return the lines of a header joined with ``", "`` (Fetch, "get"); may be empty."""
        return ", ".join(self.values(name))

    def environ(self) -> dict[str, str]:
        """Return it under the names of CGI; as in servers, a comma joins the lines of a header."""
        path = self.path.encode("utf-8", "replace").decode("latin-1")
        variables = {"REQUEST_METHOD": self.method, "PATH_INFO": path}
        for name, value in self.lines:
            if "_" in name:  # It would take the place of the header that is spelt with a hyphen.
                continue
            key = f"HTTP_{name.upper().replace('-', '_')}"
            variables[key] = f"{variables[key]},{value}" if key in variables else value
        return variables


@dataclasses.dataclass(frozen=True, slots=True)
class Step(PlainData):
    """One thing that was looked at.

    Attributes:
        side: Who looked: ``"server"`` or ``"browser"``.
        check: A stable name, such as ``"origin"`` or ``"cors-check"``.
        passed: Whether it lets the request through; ``None`` if it only finds something out.
        text: What was found, as a sentence.
        section: Where the standard says so; may be empty.
    """

    side: str
    check: str
    passed: bool | None
    text: str
    section: str = ""

    def __str__(self) -> str:
        """Return the step on one line."""
        mark = {True: "ok", False: "NO", None: "--"}[self.passed]
        return f"{mark}  {self.check}: {self.text}"


@dataclasses.dataclass(frozen=True, slots=True)
class Change(PlainData):
    """The smallest change that would let a request through.

    Attributes:
        options: The options of the policy that change, for `CORSPolicy.replace`; empty if the
            change is not one of the policy.
        text: What to do, as a sentence.
        caution: What to think of before; may be empty.
    """

    options: Mapping[str, Any] = dataclasses.field(hash=False)
    text: str
    caution: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Give all of it as values that JSON has; options as lists and numbers."""
        options = {name: plain(value) for name, value in self.options.items()}
        return PlainData.as_dict(self) | {"options": options}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Explanation(PlainData):
    """What becomes of one request, and why.

    Attributes:
        method: The request's method.
        path: The path, as the router sees it.
        origin: The Origin header, lines joined with ``", "``; ``None`` without one.
        kind: ``"not-cors"``, ``"actual"`` or ``"preflight"``.
        allowed: Whether a browser that follows the standard lets it through: a page may read the
            response, or after a preflight send the request. ``None`` where CORS decides nothing:
            without an Origin header, from a page of the same origin, and where the middleware
            leaves the path alone.
        reason: Why it is blocked: a stable code such as ``"origin-not-allowed"``, or of the
            browser's checks such as ``"method-not-allowed"``; ``None`` if it is not.
        rule: The pattern of the path rule that decides; ``None``: no rule, so the policy that is
            for all other paths.
        entry: What allows the origin: an entry of ``allow_origins``, or the name of the option
            that was asked; ``None`` if nothing does.
        app_runs: Whether the application sees the request.
        status: The status of the middleware's own answer; ``None`` if the application answers.
        response_headers: Pairs of names in lower case and values: the whole answer of the
            middleware, or what it sets on the application's response. A ``vary`` is merged.
        steps: All that was looked at, in order.
        change: What would let a blocked request through; ``None`` if there is nothing to change.
    """

    method: str
    path: str
    origin: str | None
    kind: str
    allowed: bool | None = None
    reason: str | None = None
    rule: str | None
    entry: str | None = None
    app_runs: bool = True
    status: int | None = None
    response_headers: tuple[tuple[str, str], ...] = ()
    steps: tuple[Step, ...]
    change: Change | None = None

    def __str__(self) -> str:
        """Return the explanation for people, on several lines."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        verdict = {True: "allowed", False: f"blocked: {self.reason}", None: "not decided by CORS"}
        origin = "no origin" if self.origin is None else shown(self.origin)
        yield f"{shown(self.method)} {shown(self.path)} from {origin}: {verdict[self.allowed]}"
        for side, title in (("server", "The server"), ("browser", "The browser")):
            steps = [step for step in self.steps if step.side == side]
            if steps:
                yield title
                yield from (f"  {step}" for step in steps)
            if side == "server":
                answer = "The application runs, and its response has:"
                if self.status is not None:
                    answer = f"The middleware answers {self.status}:"
                elif not self.response_headers:
                    answer = "The application runs, and its response has no CORS header."
                yield f"  {answer}"
                yield from (f"    {name}: {shown(value)}" for name, value in self.response_headers)
        if self.change is not None:
            yield "To allow it"
            yield f"  {self.change.text}"
            if self.change.caution:
                yield f"  Caution: {self.change.caution}"
        if self.allowed is False and self.reason is not None:
            yield where_to_read(self.reason)
