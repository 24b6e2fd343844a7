"""Exchanges drawn by lot, for holding the simulated browser to a real one.

Each case is a chain of servers' answers and a few calls of fetch() in a row: the same for both.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from corsac import CORSConfigError, CORSMiddleware, CORSPolicy
from corsac._types import ASGIApp, Receive, Scope, Send
from corsac.browser import Blob, FetchRequest, FormData, URLSearchParams

__all__ = ["Answers", "Call", "Case", "Hop", "Origins", "draw_cases"]

Pairs = tuple[tuple[str, str], ...]

TOLERATED = (
    "origin.any_with_credentials",
    "origin.insecure_with_credentials",
    "origin.null",
    "origin.public_suffix_with_credentials",
)
METHODS = ("GET", "get", "HEAD", "POST", "post", "PUT", "put", "patch", "PATCH", "DELETE")
RARE_METHODS = ("OPTIONS", "QUERY", "Chicken", "*", "CONNECT", "trace")
UNSAFE_HEADERS = (
    ("X-Request-ID", "1"),
    ("x-a", ""),
    ("X-B", "b" * 200),
    ("Authorization", "Bearer abc"),
    ("Content-Type", "application/json"),
    ("Content-Type", 'text/plain; charset="utf-8:"'),
    ("Accept", "text/html:1"),
    ("Accept-Language", "en_GB"),
    ("Range", "bytes=-5"),
    ("x!odd", "1"),
    ("*", "1"),
)
ALL_METHODS = ("PUT", "PATCH", "patch", "DELETE", "OPTIONS", "QUERY", "Chicken")
ALL_NAMES = tuple({name.lower(): None for name, _ in UNSAFE_HEADERS if name != "*"})
OTHER_HEADERS = (
    ("Accept", "text/html"),
    ("Accept", "a" * 128),
    ("Accept", "a" * 129),
    ("Accept-Language", "en-GB, de;q=0.5"),
    ("Content-Language", "en"),
    ("Content-Type", "text/plain"),
    ("Content-Type", "TEXT/PLAIN; charset=utf-8"),
    ("Content-Type", "text/plain, application/json"),
    ("Range", "bytes=0-9"),
    ("Range", "bytes=9-0"),
    ("Cookie", "a=b"),
    ("Sec-Own", "1"),
    ("Proxy-Own", "1"),
    ("Origin", "http://elsewhere.example"),
    ("User-Agent", "own"),
    ("X-HTTP-Method-Override", "TRACE"),
)
RESPONSE_HEADERS = (
    ("ETag", '"1"'),
    ("X-Request-ID", "1"),
    ("x-b", "2"),
    ("Content-Language", "en"),
    ("Last-Modified", "Sat, 21 Nov 2026 00:00:00 GMT"),
    ("Set-Cookie", "lab=1"),
    ("X-Request-ID", "2"),
)
BODIES = ("text", "bytes", "form", "form-data", "json-blob", "plain-blob")


@dataclass(frozen=True, slots=True)
class Origins:
    """Where the servers are, which is also which pages there are.

    Attributes:
        page: Where the page, and its sandboxed frame, come from.
        other_page: Where its other frame comes from.
        api: Where most cases begin.
        other_api: The same host as ``api`` with another port.
    """

    page: str
    other_page: str
    api: str
    other_api: str

    @property
    def all(self) -> tuple[str, ...]:
        """All of them."""
        return (self.page, self.other_page, self.api, self.other_api)


@dataclass(frozen=True, slots=True)
class Answers:
    """What a server without Corsac answers: any header lines, right or wrong."""

    preflight_status: int
    preflight: Pairs
    actual: Pairs


@dataclass(frozen=True, slots=True)
class Hop:
    """One URL of a case: its policy, or raw answers, and what the application there responds."""

    url: str
    policy: CORSPolicy | None
    answers: Answers | None
    status: int
    headers: Pairs


@dataclass(frozen=True, slots=True)
class Call:
    """One call of fetch()."""

    method: str = "GET"
    headers: Pairs = ()
    credentials: str = "same-origin"
    mode: str = "cors"
    redirect: str = "follow"
    body: str = ""
    cache: str = "default"

    def request(self, url: str, origin: str) -> FetchRequest:
        """The same for the simulation."""
        bodies: dict[str, Any] = {
            "text": "x",
            "bytes": b"x",
            "form": URLSearchParams({"a": "b"}),
            "form-data": FormData({"a": "b"}),
            "json-blob": Blob(b"{}", "application/json"),
            "plain-blob": Blob(b"x", "text/plain"),
        }
        return FetchRequest(
            url,
            origin,
            self.method,
            self.headers,
            self.credentials,
            self.mode,
            self.redirect,
            bodies.get(self.body),
            cache=self.cache,
        )


@dataclass(frozen=True, slots=True)
class Case:
    """Calls of fetch() one after the other by one page, and who answers them."""

    number: int
    page: str
    in_frame: bool
    hops: tuple[Hop, ...]
    calls: tuple[Call, ...]
    apps: tuple[ASGIApp, ...] = field(default=(), compare=False, repr=False)

    @property
    def script(self) -> dict[str, Any]:
        """The case as the script of the real page takes it."""
        return {
            "number": self.number,
            "url": self.hops[0].url,
            "calls": list(map(asdict, self.calls)),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the hop whose number ends the path."""
        await self.apps[int(scope["path"].rpartition("/")[2])](scope, receive, send)

    def __str__(self) -> str:
        """All of it, for people."""
        lines = [f"case {self.number}, a page of {self.page}"]
        for hop in self.hops:
            lines += [f"  {hop.url}", f"    {hop.policy or hop.answers}"]
            lines.append(f"    {hop.status} {list(hop.headers)}")
        return "\n".join(lines + [f"  {call}" for call in self.calls])


def draw_cases(seed: int, count: int, origins: Origins) -> list[Case]:
    """Cases drawn by lot: the same for the same seed and the same origins."""
    lot = random.Random(seed)  # noqa: S311 - nothing is secret here
    return [_Drawing(lot, origins, number).case() for number in range(count)]


class _Drawing:
    def __init__(self, lot: random.Random, origins: Origins, number: int) -> None:
        self.lot = lot
        self.origins = origins
        self.number = number
        self.page = lot.choice((origins.page, origins.page, origins.other_page, "null"))

    def case(self) -> Case:
        lot = self.lot
        count = lot.choices((1, 2, 3, 4), (58, 24, 12, 6))[0]
        places = [self._place() for _ in range(count)]
        repeated = lot.random() < 0.3
        call = self._call()
        calls = [call]
        if repeated:
            calls += [self._like(call) for _ in range(lot.randint(1, 3))]
        hops = tuple(self._hop(places, index, repeated) for index in range(count))
        apps = tuple(_application(hop) for hop in hops)
        return Case(
            self.number, self.page, self.page != self.origins.page, hops, tuple(calls), apps
        )

    def _place(self) -> str:
        origins = self.origins
        place = self.lot.choices(origins.all, (20, 6, 54, 20))[0]
        return f"{place}/c/{self.number}"

    def _hop(self, places: Sequence[str], index: int, repeated: bool) -> Hop:
        lot = self.lot
        url = f"{places[index]}/{index}"
        headers: list[tuple[str, str]] = [("Cache-Control", "no-store")]
        headers += lot.sample(RESPONSE_HEADERS, lot.randint(0, 4))
        if lot.random() < 0.06:
            policies = ("same-origin", "same-site", "cross-origin", "nonsense")
            headers.append(("Cross-Origin-Resource-Policy", lot.choice(policies)))
        status = lot.choice((200, 200, 200, 201, 204, 400, 401, 404, 500))
        if index + 1 < len(places):
            target = f"{places[index + 1]}/{index + 1}"
            if lot.random() < 0.1:
                target = target.replace("http://", "http://user:secret@")
            status = lot.choice((301, 302, 303, 307, 308))
            if lot.random() > 0.04:
                headers.append(("Location", target))
        raw = lot.random() < 0.35
        policy = None if raw else self._policy(repeated)
        answers = self._answers(repeated) if raw else None
        return Hop(url, policy, answers, status, tuple(headers))

    def _policy(self, repeated: bool) -> CORSPolicy:
        """A policy that lets many, but not all, of these requests through."""
        lot = self.lot
        pages = [self.origins.page, self.origins.other_page]
        if lot.random() < 0.5:
            return CORSPolicy(
                allow_origins=[*pages, "null"],
                allow_methods=[method for method in ALL_METHODS if lot.random() < 0.9],
                allow_headers=[name for name in ALL_NAMES if lot.random() < 0.95],
                allow_credentials=lot.random() < 0.9,
                expose_headers=("ETag", "X-Request-ID"),
                max_age=lot.choice((0, 600, 600)),
                tolerate=TOLERATED,
            )
        port = self.origins.page.rpartition(":")[2]
        while True:
            entries = lot.choice(
                (
                    ["*"],
                    pages,
                    [lot.choice(pages)],
                    [f"http://*.localhost:{port}"],
                    ["http://page.localhost:*"],
                    [*pages, "null"],
                    ["null"],
                )
            )
            try:
                return CORSPolicy(
                    allow_origins=entries,
                    allow_methods=lot.choice(
                        (
                            (),
                            ["*"],
                            ["PUT", "PATCH"],
                            ["PUT", "DELETE", "QUERY", "patch", "OPTIONS"],
                        )
                    ),
                    allow_headers=lot.choice(
                        (
                            (),
                            ["*"],
                            ["*"],
                            ["*", "authorization"],
                            ["content-type", "x-request-id", "x-a"],
                            ["Authorization", "Content-Type", "X-B"],
                        )
                    ),
                    allow_credentials=lot.random() < 0.5,
                    expose_headers=lot.choice(((), ["*"], ["ETag"], ["X-Request-ID", "x-b"])),
                    max_age=lot.choice((0, 600, 600) if repeated else (0, 600, None)),
                    preflight_status=lot.choice((200, 204)),
                    tolerate=TOLERATED,
                )
            except CORSConfigError:
                continue

    def _answers(self, repeated: bool) -> Answers:
        """Lines that servers send which nobody checked, most of them harmless."""
        lot = self.lot
        if lot.random() < 0.5:
            shared = [
                ("Access-Control-Allow-Origin", self.page),
                ("Access-Control-Allow-Credentials", "true"),
            ]
            preflight = [
                ("Access-Control-Allow-Methods", ",".join(ALL_METHODS)),
                ("Access-Control-Allow-Headers", " , ".join(ALL_NAMES)),
                ("Access-Control-Max-Age", lot.choice(("600", "0"))),
            ]
            return Answers(lot.choice((200, 204)), (*shared, *preflight), tuple(shared))
        status = lot.choice((200, 204, 204, 299, 301, 403, 500))
        lines: list[tuple[str, str]] = []
        for name, values in (
            ("Access-Control-Allow-Methods", ("*", "PUT, PATCH", "put", ",, PUT,,", "PUT;GET", "")),
            (
                "Access-Control-Allow-Headers",
                ("*", "*, Authorization", "X-Request-ID,content-type,X-A", "x a", ""),
            ),
        ):
            if lot.random() < 0.8:
                lines += [(name, lot.choice(values)) for _ in range(lot.choice((1, 1, 1, 2)))]
        # What means five seconds is not for calls in a row: how long these take is not known.
        ages = ("600", "0", "-1", "+600", "0600", "99999999999")
        if repeated or lot.random() < 0.7:
            lines.append(("Access-Control-Max-Age", lot.choice(ages)))
        preflight = [*self._shared_lines(), *lines]
        exposed = ("*", "ETag, X-Request-ID", ",,", "x b", "Set-Cookie, ETag")
        actual = self._shared_lines()
        if lot.random() < 0.6:
            actual.append(("Access-Control-Expose-Headers", lot.choice(exposed)))
        return Answers(status, tuple(preflight), tuple(actual))

    def _shared_lines(self) -> list[tuple[str, str]]:
        lot = self.lot
        if lot.random() < 0.85:
            value = lot.choice((self.page, self.page, "*"))
            lines = [("Access-Control-Allow-Origin", value)]
            if lot.random() < 0.6:
                lines.append(("Access-Control-Allow-Credentials", "true"))
            return lines
        page = self.page
        bad: tuple[list[str], ...] = (
            [],
            ["null"],
            [""],
            [f"{page}/"],
            [page.upper()],
            [page, page],
            [f"{page}, *"],
            ["*", "*"],
        )
        lines = [("Access-Control-Allow-Origin", value) for value in lot.choice(bad)]
        credentials = lot.choice(("True", "true, true", "false"))
        return [*lines, ("Access-Control-Allow-Credentials", credentials)]

    def _call(self) -> Call:
        lot = self.lot
        method = lot.choice(RARE_METHODS) if lot.random() < 0.12 else lot.choice(METHODS)
        headers = []
        if lot.random() < 0.5:
            headers += lot.sample(UNSAFE_HEADERS, lot.choice((1, 1, 2, 3)))
        if lot.random() < 0.4:
            headers += lot.sample(OTHER_HEADERS, lot.choice((1, 1, 2)))
        if lot.random() < 0.05 and headers:
            headers.append(headers[0])
        has_body = method.upper() not in {"GET", "HEAD"} and lot.random() < 0.6
        return Call(
            method,
            tuple(headers),
            lot.choice(("omit", "same-origin", "include", "include")),
            lot.choices(("cors", "no-cors", "same-origin"), (88, 8, 4))[0],
            lot.choices(("follow", "error", "manual"), (86, 7, 7))[0],
            lot.choice(BODIES) if has_body else "",
            lot.choices(("default", "no-store", "reload", "no-cache"), (85, 5, 5, 5))[0],
        )

    def _like(self, call: Call) -> Call:
        """A call near another one, which its preflight may cover, or may not."""
        lot = self.lot
        other = self._call()
        changes = {
            name: getattr(other, name)
            for name in ("method", "headers", "credentials", "cache")
            if lot.random() < 0.25
        }
        if changes.get("method", call.method).upper() in {"GET", "HEAD"}:
            changes["body"] = ""
        return Call(**(asdict(call) | changes))


def _application(hop: Hop) -> ASGIApp:
    answers = hop.answers

    async def respond(scope: Scope, receive: Receive, send: Send) -> None:
        status, headers = hop.status, [*hop.headers]
        if answers is not None:
            asked = {name.lower() for name, _ in scope["headers"]}
            if scope["method"] == "OPTIONS" and b"access-control-request-method" in asked:
                status, headers = answers.preflight_status, [*answers.preflight]
            else:
                headers += answers.actual
        if status not in {204, 304}:
            headers.append(("Content-Length", "0"))
        lines = [(name.encode(), value.encode()) for name, value in headers]
        await send({"type": "http.response.start", "status": status, "headers": lines})
        await send({"type": "http.response.body", "body": b""})

    return respond if hop.policy is None else CORSMiddleware(respond, hop.policy)
