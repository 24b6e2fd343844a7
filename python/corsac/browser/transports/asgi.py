"""A transport to an ASGI application in this process."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

from corsac._types import ASGIApp, Message, Scope
from corsac.browser.messages import Request, Response, TransportError
from corsac.browser.transports.in_process import (
    DEFAULT_TIMEOUT,
    Target,
    check_timeout,
    failed_response,
    target_of,
)

__all__ = ["asgi_async_transport", "asgi_transport"]

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
    """A transport for `corsac.browser.simulate` to an ASGI application, from synchronous code.

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
        TypeError: The application cannot be called, or the time-out is no number.
        ValueError: The time-out is not above 0.
    """
    seconds = check_timeout(timeout)
    send = asgi_async_transport(
        app,
        root_path=root_path,
        client=client,
        timeout=timeout,
    )

    def transport(request: Request) -> Response:
        return _run_in_thread(send, request, seconds + _GRACE_SECONDS)

    return transport


def asgi_async_transport(
    app: ASGIApp,
    *,
    root_path: str = "",
    client: tuple[str, int] = ("127.0.0.1", 50000),
    timeout: float = DEFAULT_TIMEOUT,
) -> Callable[[Request], Awaitable[Response]]:
    """The same for `corsac.browser.simulate_async`, in the event loop that is running (asyncio).

    Args:
        app: As in `asgi_transport`.
        root_path: As in `asgi_transport`.
        client: As in `asgi_transport`.
        timeout: As in `asgi_transport`.

    Returns:
        The transport.

    Raises:
        TypeError: As in `asgi_transport`.
        ValueError: As in `asgi_transport`.
    """
    if not callable(app):
        message = f"app must be an ASGI application, not {type(app).__name__}"
        raise TypeError(message)
    seconds = check_timeout(timeout)

    async def transport(request: Request) -> Response:
        target = target_of(request)
        scope = _scope(request, target, root_path, client)
        try:
            return await asyncio.wait_for(_exchange(app, scope, target.body), seconds)
        except TimeoutError:
            message = f"no response within {seconds:g} s"
            raise TimeoutError(message) from None
        except _ApplicationError as error:
            return failed_response(error.__cause__ or error)

    return transport


class _ApplicationError(Exception):
    """The application raised before its response started; the cause says what."""


def _scope(request: Request, target: Target, root_path: str, client: tuple[str, int]) -> Scope:
    url = target.url
    return {
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


async def _exchange(app: ASGIApp, scope: Scope, body: bytes) -> Response:
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
            raise _ApplicationError from error
        message = "the application returned without a response"
        raise TransportError(message)
    finally:
        await _end(task, patiently=started.done())


async def _end(task: asyncio.Task[None], *, patiently: bool) -> None:
    """Let an application finish a response that it started, but not for long."""
    if patiently:
        await asyncio.wait([task], timeout=_FINISH_SECONDS)
    task.cancel()
    await asyncio.wait([task], timeout=_FINISH_SECONDS)
    if task.done() and not task.cancelled():
        # Looked at, or asyncio reports it as never retrieved. The response is out already.
        task.exception()


def _run_in_thread(
    send: Callable[[Request], Awaitable[Response]], request: Request, seconds: float
) -> Response:
    """Run an exchange in an event loop of its own, in a thread of its own."""
    results: list[Response] = []
    errors: list[BaseException] = []

    async def exchange() -> Response:
        return await send(request)

    def run() -> None:
        try:
            results.append(asyncio.run(exchange()))
        except BaseException as error:
            errors.append(error)

    context = contextvars.copy_context()
    thread = threading.Thread(
        target=context.run, args=(run,), name="corsac-asgi-transport", daemon=True
    )
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        # It blocks its event loop, or will not be cancelled.
        message = f"the application took more than {seconds:g} s"
        raise TimeoutError(message)
    return results[0]
