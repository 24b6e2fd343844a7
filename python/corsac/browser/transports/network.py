"""A transport over the network, with httpx2 (the extra ``cli``)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from corsac._text import shown
from corsac.browser.messages import Request, Response, TransportError
from corsac.browser.transports.in_process import DEFAULT_TIMEOUT, check_timeout

if TYPE_CHECKING:
    import httpx2

__all__ = ["httpx2_async_transport", "httpx2_transport"]


def httpx2_transport(
    client: httpx2.Client | None = None, *, timeout: float = DEFAULT_TIMEOUT
) -> Callable[[Request], Response]:
    """A transport for `corsac.browser.simulate` to real servers.

    Bodies of answers are not read. Whatever the client is set to, redirects are not followed, and
    neither its cookies, its credentials nor its headers are sent, except its User-Agent.

    Args:
        client: Who sends; it is not closed. ``None`` for a client a request, with certificates
            checked, and with the proxies of the environment.
        timeout: Seconds for connecting, and for each wait on the server; with ``client`` too.

    Returns:
        The transport. It raises `corsac.browser.TransportError`; that becomes the reason
        ``"network-error"``.

    Raises:
        ImportError: httpx2 is not installed.
        TypeError: The time-out is no number.
        ValueError: The time-out is not above 0.
    """
    library = _import_httpx2()
    seconds = check_timeout(timeout)

    def transport(request: Request) -> Response:
        try:
            if client is not None:
                return send(client, request)
            with library.Client() as own:
                return send(own, request)
        except (library.HTTPError, library.InvalidURL, ValueError) as error:
            raise _failure(error) from error

    def send(sender: httpx2.Client, request: Request) -> Response:
        response = sender.send(
            _outgoing(sender, request, seconds), stream=True, follow_redirects=False, auth=_no_auth
        )
        try:
            return Response(response.status_code, list(response.headers.raw))
        finally:
            response.close()

    return transport


def httpx2_async_transport(
    client: httpx2.AsyncClient | None = None, *, timeout: float = DEFAULT_TIMEOUT
) -> Callable[[Request], Awaitable[Response]]:
    """The same for `corsac.browser.simulate_async`.

    Args:
        client: As in `httpx2_transport`.
        timeout: As in `httpx2_transport`.

    Returns:
        The transport.

    Raises:
        ImportError: As in `httpx2_transport`.
        TypeError: As in `httpx2_transport`.
        ValueError: As in `httpx2_transport`.
    """
    library = _import_httpx2()
    seconds = check_timeout(timeout)

    async def transport(request: Request) -> Response:
        try:
            if client is not None:
                return await send(client, request)
            async with library.AsyncClient() as own:
                return await send(own, request)
        except (library.HTTPError, library.InvalidURL, ValueError) as error:
            raise _failure(error) from error

    async def send(sender: httpx2.AsyncClient, request: Request) -> Response:
        response = await sender.send(
            _outgoing(sender, request, seconds), stream=True, follow_redirects=False, auth=_no_auth
        )
        try:
            return Response(response.status_code, list(response.headers.raw))
        finally:
            await response.aclose()

    return transport


def _import_httpx2() -> Any:
    try:
        import httpx2  # noqa: PLC0415 - optional
    except ImportError as error:
        message = (
            "sending over the network needs httpx2, which is in the extra cli: "
            "pip install 'corsac[cli]'"
        )
        raise ImportError(message) from error
    return httpx2


def _outgoing(
    sender: httpx2.Client | httpx2.AsyncClient, request: Request, seconds: float
) -> httpx2.Request:
    """The request with the lines that it has, and none of the client's but its name."""
    library = _import_httpx2()
    headers = list(request.headers)
    agent = sender.headers.get("user-agent")
    if agent is not None and request.header("User-Agent") is None:
        headers.append(("User-Agent", agent))
    outgoing: httpx2.Request = library.Request(
        request.method,
        request.url,
        headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        content=request.body,
        extensions={"timeout": library.Timeout(seconds).as_dict()},
    )
    return outgoing


def _no_auth(request: httpx2.Request) -> httpx2.Request:
    """Whatever the client signs in with, a page's request does not."""
    return request


def _failure(error: Exception) -> TransportError:
    return TransportError(shown(f"{type(error).__name__}: {error}".removesuffix(": ")))
