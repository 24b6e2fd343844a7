"""A transport to a WSGI application in this process."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes
from wsgiref.types import WSGIApplication

from corsac.browser.messages import Request, Response, TransportError
from corsac.browser.transports.in_process import Target, failed_response, target_of

__all__ = ["wsgi_transport"]


def wsgi_transport(app: WSGIApplication, *, script_name: str = "") -> Callable[[Request], Response]:
    """A transport for `corsac.browser.simulate` to a WSGI application (PEP 3333).

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
        environ = _environ(request, target_of(request), script_name)
        try:
            return _exchange(app, environ)
        except TransportError:
            raise
        except Exception as error:
            return failed_response(error)

    return transport


def _environ(request: Request, target: Target, script_name: str) -> dict[str, Any]:
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
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": target.url.scheme,
        "wsgi.input": io.BytesIO(target.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in target.lines:
        key = name.decode("latin-1").upper().replace("-", "_")
        if key not in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
            key = f"HTTP_{key}"
        text = value.decode("latin-1")
        # As servers do with several lines of one name.
        environ[key] = f"{environ[key]},{text}" if key in environ else text
    return environ


def _exchange(app: WSGIApplication, environ: dict[str, Any]) -> Response:
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
