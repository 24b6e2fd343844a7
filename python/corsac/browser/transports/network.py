"""A transport over the network, with httpx2 (the extra ``cli``)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from corsac._text import shown
from corsac.browser.messages import Request, Response, TransportError
from corsac.browser.transports.in_process import DEFAULT_TIMEOUT, check_timeout

if TYPE_CHECKING:
    import httpx2

__all__ = ["httpx2_async_transport", "httpx2_transport"]

_NOTE_SECONDS = 0.5


def httpx2_transport(
    client: httpx2.Client | None = None, *, timeout: float = DEFAULT_TIMEOUT
) -> Callable[[Request], Response]:
    """Make a transport for `corsac.browser.simulate` to real servers.

    Bodies of answers are not read. Whatever the client is set to, redirects are not followed, and
    neither its cookies, its credentials nor its headers are sent, except its User-Agent.

    Args:
        client: The client that sends; it is not closed. ``None`` makes one for each request, with
            certificates checked, and with the proxies of the environment.
        timeout: Seconds for connecting, and for each wait on the server; with ``client`` too.

    Returns:
        The transport. It raises `corsac.browser.TransportError`; that becomes the reason
        ``"network-error"``.

    Raises:
        ImportError: httpx2 is not installed.
        TypeError: The time-out is not a number.
        ValueError: The time-out is not above 0.
    """
    library = _import_httpx2()
    seconds = check_timeout(timeout)

    def transport(request: Request) -> Response:
        try:
            with contextlib.nullcontext(client) if client else library.Client() as sender:
                sent = _outgoing(sender, request, seconds)
                answer = sender.send(sent, stream=True, follow_redirects=False, auth=_no_auth)
                with contextlib.closing(answer):
                    return Response(answer.status_code, list(answer.headers.raw))
        except (library.HTTPError, library.InvalidURL, ValueError) as error:
            raise _failure(error) from error

    return transport


def httpx2_async_transport(
    client: httpx2.AsyncClient | None = None,
    *,
    timeout: float = DEFAULT_TIMEOUT,
    note_bytes: int = 0,
) -> Callable[[Request], Awaitable[Response]]:
    """Make the same as `httpx2_transport` for `corsac.browser.simulate_async`.

    Args:
        client: The client that sends, as in `httpx2_transport`.
        timeout: As in `httpx2_transport`.
        note_bytes: Bytes of an error in plain text that become the note of the response.
    """
    library = _import_httpx2()
    seconds = check_timeout(timeout)

    async def transport(request: Request) -> Response:
        try:
            own = contextlib.nullcontext(client) if client else library.AsyncClient()
            async with own as sender:
                sent = _outgoing(sender, request, seconds)
                answer = await sender.send(sent, stream=True, follow_redirects=False, auth=_no_auth)
                async with contextlib.aclosing(answer):
                    size = note_bytes if answer.status_code >= 400 else 0
                    note = await _first_line(answer, size)
                    return Response(answer.status_code, list(answer.headers.raw), note)
        except (library.HTTPError, library.InvalidURL, ValueError) as error:
            raise _failure(error) from error

    return transport


async def _first_line(response: httpx2.Response, size: int) -> str:
    """Read how an error in plain text begins, without waiting for it."""
    kind = response.headers.get("content-type", "")
    if not size or not kind.startswith("text/plain") or "content-encoding" in response.headers:
        return ""
    # The answer is there; whatever happens to its body does not change it.
    with contextlib.suppress(Exception):
        async with asyncio.timeout(_NOTE_SECONDS):
            async for part in response.aiter_raw():
                return part[:size].decode("latin-1").strip().partition("\n")[0]
    return ""


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
    """Give the request with its own header lines; of the client's only User-Agent is added."""
    library = _import_httpx2()
    headers = list(request.headers)
    agent = sender.headers.get("user-agent")
    if agent is not None and request.header("User-Agent") is None:
        headers.append(("User-Agent", agent))
    url = library.URL(request.url)
    extensions: dict[str, Any] = {"timeout": library.Timeout(seconds).as_dict()}
    if _is_unknown_loopback(url.host):
        headers.append(("Host", url.netloc.decode("ascii")))
        extensions["sni_hostname"] = url.host
        url = url.copy_with(host=_LOOPBACK)
    outgoing: httpx2.Request = library.Request(
        request.method,
        url,
        headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        content=request.body,
        extensions=extensions,
    )
    return outgoing


_LOOPBACK = "127.0.0.1"


def _is_unknown_loopback(host: str) -> bool:
    """Whether a host is this machine for browsers, and the system has no address of it.

    Browsers do not ask it: names that end with localhost are loopback addresses for them (Secure
    Contexts, section 5.2; RFC 6761, section 6.3). Systems often know none, or only localhost.
    """
    if host != "localhost" and not host.endswith(".localhost"):
        return False
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return True
    return False


def _no_auth(request: httpx2.Request) -> httpx2.Request:
    return request  # Without the client's credentials.


def _failure(error: Exception) -> TransportError:
    return TransportError(shown(f"{type(error).__name__}: {error}".removesuffix(": ")))
