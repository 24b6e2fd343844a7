"""Transports to an application in this process, ASGI or WSGI."""

from __future__ import annotations

import asyncio
import contextvars
import io
import logging
import math
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, NamedTuple
from urllib.parse import unquote, unquote_to_bytes
from wsgiref.types import WSGIApplication
from wsgiref.util import setup_testing_defaults

from corsac._text import shown
from corsac._types import ASGIApp, Message, Scope
from corsac.browser.messages import Lines, Request, Response, TransportError, byte_lines
from corsac.browser.urls import URL, parse_url

__all__ = ["DEFAULT_TIMEOUT", "asgi_async_transport", "asgi_transport", "check_timeout"]
__all__ += ["wsgi_transport"]

_LOGGER = logging.getLogger("corsac.browser")

DEFAULT_TIMEOUT = 10.0
"""Seconds that an application has until its response starts."""
# How long an application may go on after its response has started, or after it was cancelled.
_FINISH_SECONDS = 1.0
_GRACE_SECONDS = 2 * _FINISH_SECONDS + 1.0


def asgi_transport(
    app: ASGIApp,
    *,
    root_path: str = "",
    client: tuple[str, int] = ("127.0.0.1", 50000),
    timeout: float = DEFAULT_TIMEOUT,
) -> Callable[[Request], Response]:
    """Make a transport for `corsac.browser.simulate` to an ASGI application.

    Each request runs in an event loop of its own, in a thread of its own, so that it also works
    where a loop is running already. No lifespan events are sent. If the application raises before
    its response starts, the response has the status 500, as from a server, and the error is logged
    to ``corsac.browser``.

    Args:
        app: The application.
        root_path: Where it is mounted.
        client: Address and port that the request comes from.
        timeout: Seconds until the response has to start.

    Returns:
        The transport. It raises `TimeoutError`, and `corsac.browser.TransportError` if the
        application gives no response; that becomes the reason ``"network-error"``.

    Raises:
        TypeError: The application cannot be called, or the time-out is not a number.
        ValueError: The time-out is not above 0.
    """
    seconds = check_timeout(timeout) + _GRACE_SECONDS
    send = asgi_async_transport(app, root_path=root_path, client=client, timeout=timeout)

    def transport(request: Request) -> Response:
        result: Future[Response] = Future()

        def run() -> None:
            try:
                result.set_result(asyncio.run(send(request)))
            except BaseException as error:
                result.set_exception(error)

        context = contextvars.copy_context()
        thread = threading.Thread(
            target=context.run, args=(run,), name="corsac-asgi-transport", daemon=True
        )
        thread.start()
        thread.join(seconds)
        if not result.done():
            # It blocks its event loop, or will not be cancelled.
            message = f"the application took more than {seconds:g} s"
            raise TimeoutError(message)
        return result.result()

    return transport


def asgi_async_transport(
    app: ASGIApp,
    *,
    root_path: str = "",
    client: tuple[str, int] = ("127.0.0.1", 50000),
    timeout: float = DEFAULT_TIMEOUT,
) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    """Make the same for `corsac.browser.simulate_async`, in the running event loop (asyncio).

    It takes, and raises, what `asgi_transport` does.
    """
    if not callable(app):
        message = f"app must be an ASGI application, not {type(app).__name__}"
        raise TypeError(message)
    seconds = check_timeout(timeout)

    async def transport(request: Request) -> Response:
        target = _target_of(request)
        url = target.url
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": url.scheme,
            "path": unquote(url.path),
            "raw_path": url.path.encode("ascii"),
            "query_string": (url.query or "").encode("ascii"),
            "root_path": root_path,
            "headers": target.lines,
            "client": client,
            "server": (url.host.strip("[]"), target.port),
            "state": {},
            "extensions": {},
        }
        try:
            return await asyncio.wait_for(_asgi_exchange(app, scope, target.body), seconds)
        except TimeoutError:
            message = f"no response within {seconds:g} s"
            raise TimeoutError(message) from None

    return transport


def wsgi_transport(app: WSGIApplication, *, script_name: str = "") -> Callable[[Request], Response]:
    """Make a transport for `corsac.browser.simulate` to a WSGI application (PEP 3333).

    The application runs in the caller's thread, so nothing limits how long it takes. Its response
    is read up to the first piece of its body, and closed. If it raises before its response starts,
    the response has the status 500, as from a server, and the error is logged to
    ``corsac.browser``.

    Args:
        app: The application.
        script_name: Where it is mounted; taken off the path.

    Returns:
        The transport. It raises `corsac.browser.TransportError` if the application gives no
        response; that becomes the reason ``"network-error"``.

    Raises:
        TypeError: The application cannot be called.
    """
    if not callable(app):
        message = f"app must be a WSGI application, not {type(app).__name__}"
        raise TypeError(message)

    def transport(request: Request) -> Response:
        environ = _environ(request, _target_of(request), script_name)
        try:
            return _wsgi_exchange(app, environ)
        except TransportError:
            raise
        except Exception as error:
            return _failed_response(error)

    return transport


class _Target(NamedTuple):
    """A request taken apart for an application."""

    url: URL
    lines: Lines
    port: int
    body: bytes


def _target_of(request: Request) -> _Target:
    """Take a request apart, and add what a connection adds: Host and Content-Length."""
    url = parse_url(request.url)
    if url is None or url.effective_port is None:
        message = f"{shown(request.url)} is not the URL of a server"
        raise TransportError(message)
    host = url.host if url.port is None else f"{url.host}:{url.port}"
    lines = [(b"host", host.encode("ascii"))]
    lines += [(name.lower(), value) for name, value in byte_lines(request.headers)]
    body = request.body or b""
    if body or request.method in {"POST", "PUT", "PATCH"}:
        lines.append((b"content-length", b"%d" % len(body)))
    return _Target(url, lines, url.effective_port, body)


def _failed_response(error: BaseException) -> Response:
    """Answer as a server does for an application that raised before it answered; and log it."""
    _LOGGER.error("CORS: the application raised", exc_info=error)
    what = f"{type(error).__name__}: {error}".removesuffix(": ")
    note = f"the application raised {shown(what)}, and servers answer so"
    return Response(500, [("content-type", "text/plain; charset=utf-8")], note)


def check_timeout(timeout: float) -> float:
    """Give a time-out back if it is a finite number above 0."""
    if isinstance(timeout, bool) or not isinstance(timeout, int | float):
        message = f"timeout must be a number of seconds, not {type(timeout).__name__}"
        raise TypeError(message)
    if not (timeout > 0 and math.isfinite(timeout)):
        message = f"timeout must be a finite number of seconds above 0, not {timeout}"
        raise ValueError(message)
    return float(timeout)


async def _asgi_exchange(app: ASGIApp, scope: Scope, body: bytes) -> Response:
    """Call the application until its response starts; what it does after that is not waited for."""
    started: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
    requested = False

    async def receive() -> Any:
        nonlocal requested
        if not requested:
            requested = True
            return {"type": "http.request", "body": body, "more_body": False}
        # The page is patient: it goes away only when its answer is there.
        await asyncio.wait([started])
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start" and not started.done():
            headers = [(bytes(name), bytes(value)) for name, value in message.get("headers", ())]
            started.set_result(Response(message["status"], headers))

    async def call() -> None:
        await app(scope, receive, send)

    task = asyncio.ensure_future(call())
    futures: list[asyncio.Future[Any]] = [task, started]
    try:
        await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
        if started.done():
            return started.result()
        error = task.exception()
        if error is not None:
            return _failed_response(error)
        message = "the application returned without a response"
        raise TransportError(message)
    finally:
        if started.done():
            # It may finish its response, but has not long for it.
            await asyncio.wait([task], timeout=_FINISH_SECONDS)
        task.cancel()
        await asyncio.wait([task], timeout=_FINISH_SECONDS)
        if task.done() and not task.cancelled():
            # Looked at, or asyncio reports it as never retrieved. The response is out already.
            task.exception()


def _environ(request: Request, target: _Target, script_name: str) -> dict[str, Any]:
    path = unquote_to_bytes(target.url.path).decode("latin-1")
    if script_name and (path == script_name or path.startswith(f"{script_name}/")):
        path = path[len(script_name) :]
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": script_name,
        "PATH_INFO": path,
        "QUERY_STRING": target.url.query or "",
        "SERVER_NAME": target.url.host.strip("[]"),
        "SERVER_PORT": str(target.port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.url_scheme": target.url.scheme,
        "wsgi.input": io.BytesIO(target.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
    }
    for name, value in target.lines:
        key = name.decode("latin-1").upper().replace("-", "_")
        if key not in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
            key = f"HTTP_{key}"
        text = value.decode("latin-1")
        # As servers do with several lines of one name.
        environ[key] = f"{environ[key]},{text}" if key in environ else text
    setup_testing_defaults(environ)
    return environ


def _wsgi_exchange(app: WSGIApplication, environ: dict[str, Any]) -> Response:
    started: list[Response] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], object]:
        if started and exc_info is None:
            message = "the application called start_response twice"
            raise TransportError(message)
        code = status[:3]
        if not (len(code) == 3 and code.isascii() and code.isdigit() and code >= "100"):
            message = "the application's status does not begin with three digits"
            raise TransportError(message)
        started[:] = [Response(int(code), headers)]
        return lambda data: None

    body = app(environ, start_response)
    try:
        if not started:
            # It may start its response only when the first piece of the body is asked for.
            next(iter(body), b"")
    finally:
        close = getattr(body, "close", None)
        if close is not None:
            close()
    if not started:
        message = "the application returned without a response"
        raise TransportError(message)
    return started[0]
