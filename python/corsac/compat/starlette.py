"""A drop-in for Starlette's `CORSMiddleware`: one import changes, and no answer does.

The answers are those of Starlette 1.10, byte for byte, also where Corsac's own middleware gives
others on purpose. What is a trap is said, by the logger ``corsac`` and as a Python warning. Two
things are safer, since no browser can tell: an expression is run by RE2, in linear time, if it can
be and if the extra ``re2`` is installed, and then matches no Origin beyond printable ASCII.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Collection, Mapping

try:
    from starlette.datastructures import Headers, MutableHeaders
    from starlette.responses import PlainTextResponse, Response
except ImportError as error:
    message = "corsac.compat.starlette needs Starlette: pip install 'starlette>=1.10'"
    raise ImportError(message) from error

import re

from corsac._types import ASGIApp, Message, Receive, Scope, Send
from corsac.compat.live_origins import LiveOrigins
from corsac.compat.python_regex import fullmatch_of
from corsac.compat.starlette_traps import find_traps
from corsac.compat.warnings import CORSConfigWarning, warn_about
from corsac.errors import CORSConfigProblem

__all__ = ["ALL_METHODS", "SAFELISTED_HEADERS", "CORSConfigWarning", "CORSMiddleware"]

ALL_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY")
"""What ``allow_methods=["*"]`` stands for."""

SAFELISTED_HEADERS = {"Accept", "Accept-Language", "Content-Language", "Content-Type"}
"""What is in every Access-Control-Allow-Headers."""

_PREFLIGHT_VARY = (
    "Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
    "Access-Control-Request-Private-Network"
)

Pair = tuple[bytes, bytes]


class CORSMiddleware:
    """Starlette's `CORSMiddleware`, with warnings where it does not do what it seems to do.

    Every attribute is read for each request, as in Starlette, so changing one takes effect.
    `is_allowed_origin`, `preflight_response`, `simple_response`, `send` and `allow_explicit_origin`
    can be overridden, in a subclass or on an instance.

    Attributes:
        problems: What was said about the options, with what is merely worth knowing.

    Args:
        app: The ASGI 3 application.
        allow_origins: Origins, compared letter by letter, or ``"*"``.
        allow_methods: Methods, or ``"*"`` for `ALL_METHODS`.
        allow_headers: Request headers, or ``"*"``.
        allow_credentials: Whether pages may use credentials; with ``"*"`` any page may.
        allow_origin_regex: An expression of the module `re` that matches whole origins.
        allow_private_network: Whether to answer Access-Control-Request-Private-Network.
        expose_headers: Response headers that pages may read.
        max_age: Seconds that a browser may keep the answer to a preflight request.

    Example:
        >>> from corsac.compat.starlette import CORSMiddleware
        >>> app = CORSMiddleware(app, allow_origins=["https://app.example.com"])
    """

    def __init__(  # noqa: PLR0917
        self,
        app: ASGIApp,
        allow_origins: Collection[str] = (),
        allow_methods: Collection[str] = ("GET",),
        allow_headers: Collection[str] = (),
        allow_credentials: bool = False,
        allow_origin_regex: str | None = None,
        allow_private_network: bool = False,
        expose_headers: Collection[str] = (),
        max_age: int = 600,
    ) -> None:
        problems = find_traps(
            allow_origins=allow_origins,
            allow_methods=allow_methods,
            allow_headers=allow_headers,
            allow_credentials=allow_credentials,
            allow_origin_regex=allow_origin_regex,
            expose_headers=expose_headers,
            max_age=max_age,
        )
        self.app = app
        self.allow_methods = ALL_METHODS if "*" in allow_methods else allow_methods
        self.allow_origin_regex = _compile(allow_origin_regex)
        self.allow_all_origins = "*" in allow_origins
        self.allow_all_headers = "*" in allow_headers
        self.allow_origins = allow_origins
        header_names = sorted(SAFELISTED_HEADERS | set(allow_headers))
        self.allow_headers = [name.lower() for name in header_names]
        self.allow_credentials = allow_credentials
        self.allow_private_network = allow_private_network
        self.preflight_explicit_allow_origin = not self.allow_all_origins or allow_credentials
        self.simple_headers = self._make_simple_headers(expose_headers)
        self.preflight_headers = self._make_preflight_headers(header_names, max_age)
        self.problems: tuple[CORSConfigProblem, ...] = tuple(problems)
        self._live_origins = LiveOrigins()
        self._simple_pairs: tuple[dict[str, str], list[Pair]] = ({}, [])
        warn_about(problems, ("starlette", "fastapi"))

    def _make_simple_headers(self, expose_headers: Collection[str]) -> dict[str, str]:
        headers = {}
        if self.allow_all_origins:
            headers["Access-Control-Allow-Origin"] = "*"
        if self.allow_credentials:
            headers["Access-Control-Allow-Credentials"] = "true"
        if expose_headers:
            headers["Access-Control-Expose-Headers"] = ", ".join(expose_headers)
        return headers

    def _make_preflight_headers(self, header_names: list[str], max_age: object) -> dict[str, str]:
        headers = {"Vary": _PREFLIGHT_VARY}
        if not self.preflight_explicit_allow_origin:
            headers["Access-Control-Allow-Origin"] = "*"
        headers["Access-Control-Allow-Methods"] = ", ".join(self.allow_methods)
        headers["Access-Control-Max-Age"] = str(max_age)
        if not self.allow_all_headers:
            headers["Access-Control-Allow-Headers"] = ", ".join(header_names)
        if self.allow_credentials:
            headers["Access-Control-Allow-Credentials"] = "true"
        return headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight request, or hand a request on and add headers to its response."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = scope["headers"] = list(scope["headers"])
        origin = _first(headers, b"origin")
        if (
            origin is not None
            and scope["method"] == "OPTIONS"
            and _first(headers, b"access-control-request-method") is not None
        ):
            if _is_plain(self, _PREFLIGHT_METHODS):
                await self._send_preflight_answer(headers, send)
                return
            response = self.preflight_response(request_headers=Headers(raw=headers))
            await response(scope, receive, send)
        elif _is_plain(self, _RESPONSE_METHODS):
            await self.app(scope, receive, self._plain_send(send, origin))
        else:
            request_headers = Headers(raw=headers)
            await self.simple_response(scope, receive, send, request_headers=request_headers)

    def is_allowed_origin(self, origin: str) -> bool:
        """Whether a page of an origin may read responses; a subclass may decide otherwise.

        Args:
            origin: The value of the Origin header.
        """
        if self.allow_all_origins:
            return True
        if self.allow_origin_regex is not None and fullmatch_of(self.allow_origin_regex)(origin):
            return True
        return self._live_origins.contains(self.allow_origins, origin)

    def preflight_response(self, request_headers: Headers) -> Response:
        """The answer to a preflight request.

        Args:
            request_headers: The headers of the request, Origin and Access-Control-Request-Method
                among them.
        """
        status, text, headers = self._answer_preflight(request_headers)
        return PlainTextResponse(text, status_code=status, headers=headers)

    def _answer_preflight(self, asked: Mapping[str, str]) -> tuple[int, str, dict[str, str]]:
        """Status, text and headers, for the headers of a request by their names in lower case."""
        origin = asked["origin"]
        asked_headers = asked.get("access-control-request-headers")
        headers = dict(self.preflight_headers)
        failures = []
        if not self.is_allowed_origin(origin=origin):
            failures.append("origin")
        elif self.preflight_explicit_allow_origin:
            headers["Access-Control-Allow-Origin"] = origin
        if asked["access-control-request-method"] not in self.allow_methods:
            failures.append("method")
        if asked_headers is not None and self.allow_all_headers:
            headers["Access-Control-Allow-Headers"] = asked_headers
        elif asked_headers is not None and not self._allows_headers(asked_headers):
            failures.append("headers")
        if "access-control-request-private-network" in asked:
            if self.allow_private_network:
                headers["Access-Control-Allow-Private-Network"] = "true"
            else:
                failures.append("private-network")
        if failures:
            return 400, f"Disallowed CORS {', '.join(failures)}", headers
        return 200, "OK", headers

    async def _send_preflight_answer(self, asked: list[Pair], send: Send) -> None:
        """The same as `preflight_response`, sent, without the objects that it takes."""
        # The first line of a name counts.
        first = {name: value for name, value in reversed(asked) if name in _PREFLIGHT_NAMES}
        status, text, answer = self._answer_preflight(
            {_PREFLIGHT_NAMES[name]: value.decode("latin-1") for name, value in first.items()}
        )
        headers = _encoded(answer)
        names = [name for name, _ in headers]
        body = text.encode()
        if b"content-length" not in names:
            headers.append((b"content-length", str(len(body)).encode()))
        if b"content-type" not in names:
            headers.append((b"content-type", b"text/plain; charset=utf-8"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _allows_headers(self, asked: str) -> bool:
        return all(name.lower().strip() in self.allow_headers for name in asked.split(","))

    async def simple_response(
        self, scope: Scope, receive: Receive, send: Send, request_headers: Headers
    ) -> None:
        """Run the application, with its response going through `send`.

        Args:
            scope: The scope of the request.
            receive: What gives the request's body.
            send: What takes the response.
            request_headers: The headers of the request.
        """
        send = functools.partial(self.send, send=send, request_headers=request_headers)
        await self.app(scope, receive, send)

    async def send(self, message: Message, send: Send, request_headers: Headers) -> None:
        """Send one message of a response, the start of it with the headers added.

        Args:
            message: The message; its headers are changed in place.
            send: What takes it.
            request_headers: The headers of the request.
        """
        if message["type"] == "http.response.start":
            message.setdefault("headers", [])
            headers = MutableHeaders(scope=message)
            origin = request_headers.get("origin")
            if origin is not None:
                headers.update(self.simple_headers)
            if origin is not None and self._answers_with(origin):
                self.allow_explicit_origin(headers, origin)
            else:
                headers["Vary"] = _with_origin(headers)
        await send(message)

    @staticmethod
    def allow_explicit_origin(headers: MutableHeaders, origin: str) -> None:
        """Allow one origin in a response.

        Args:
            headers: The headers of the response, changed in place.
            origin: The origin.
        """
        headers["Access-Control-Allow-Origin"] = origin
        headers["Vary"] = _with_origin(headers)

    def _answers_with(self, origin: str) -> bool:
        """Whether a response names an origin, rather than ``*`` or none."""
        if self.allow_all_origins:
            return self.allow_credentials
        return self.is_allowed_origin(origin=origin)

    def _plain_send(self, send: Send, origin: bytes | None) -> Send:
        """The same as `send` for one request, without an object for each header list."""

        def plain_send(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                headers = message["headers"] = [*message.get("headers", ())]
                names = [name for name, _ in headers]
                if origin is not None:
                    for pair in self._encoded_simple_headers():
                        _set(headers, names, pair)
                    if self._answers_with(origin.decode("latin-1")):
                        _set(headers, names, (b"access-control-allow-origin", origin))
                if b"vary" in names:
                    values = [value for name, value in headers if name == b"vary"]
                    _set(headers, names, (b"vary", b", ".join([*values, b"Origin"])))
                else:
                    headers.append((b"vary", b"Origin"))
            return send(message)

        return plain_send

    def _encoded_simple_headers(self) -> list[Pair]:
        made_from, pairs = self._simple_pairs
        if made_from != self.simple_headers:
            pairs = _encoded(self.simple_headers)
            # One value: another thread sees the old headers or the new ones, whole.
            self._simple_pairs = (dict(self.simple_headers), pairs)
        return pairs


_RESPONSE_METHODS = ("simple_response", "send", "allow_explicit_origin")
_PREFLIGHT_METHODS = ("preflight_response",)

_PREFLIGHT_NAMES = {
    name.encode(): name
    for name in (
        "origin",
        "access-control-request-method",
        "access-control-request-headers",
        "access-control-request-private-network",
    )
}


def _is_plain(middleware: CORSMiddleware, names: Collection[str]) -> bool:
    """Whether nobody overrode some methods, in a subclass or on the instance."""
    cls = type(middleware)
    return (
        cls is CORSMiddleware
        or all(getattr(cls, name) is getattr(CORSMiddleware, name) for name in names)
    ) and middleware.__dict__.keys().isdisjoint(names)


def _encoded(headers: Mapping[str, str]) -> list[Pair]:
    return [
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()
    ]


def _compile(pattern: str | None) -> re.Pattern[str] | None:
    return None if pattern is None else re.compile(pattern)


def _first(headers: list[Pair], name: bytes) -> bytes | None:
    """The value of the first header line with a name, which is in lower case as servers send it."""
    for key, value in headers:
        if key == name:
            return value
    return None


def _set(headers: list[Pair], names: list[bytes], pair: Pair) -> None:
    """Put a header where the first of its name is, without the others, or at the end.

    Args:
        headers: The header lines.
        names: Their names.
        pair: The header.
    """
    name = pair[0]
    if name not in names:
        headers.append(pair)
        names.append(name)
        return
    first = names.index(name)
    headers[first] = pair
    for place in range(len(names) - 1, first, -1):
        if names[place] == name:
            del headers[place], names[place]


def _with_origin(headers: MutableHeaders) -> str:
    return ", ".join([*headers.getlist("vary"), "Origin"])
