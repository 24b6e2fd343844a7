"""The lab's files, and the frames that ask from other origins."""

from __future__ import annotations

from functools import cache
from importlib import resources

from corsac._types import Scope, Send
from corsac.lab.places import Places

__all__ = ["Pages", "answer", "file_text", "host_of"]

Lines = list[tuple[bytes, bytes]]


def host_of(scope: Scope) -> str:
    """The Host header; empty if there is not exactly one."""
    values = [value for name, value in scope["headers"] if name == b"host"]
    return values[0].decode("latin-1") if len(values) == 1 else ""


@cache
def file_text(name: str) -> str:
    """The text of one of the page's files."""
    return (resources.files("corsac.lab") / "page" / name).read_text("utf-8")


async def answer(
    send: Send, status: int, body: bytes, lines: Lines | None = None, kind: str = "text/plain"
) -> None:
    """Send a whole response."""
    headers = [
        (b"content-type", f"{kind}; charset=utf-8".encode("ascii")),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        *(lines or ()),
    ]
    if status == 204:
        headers = headers[2:]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Pages:
    """The frames: pages of other origins, which only the lab's page may embed and command.

    Args:
        places: Where everything is.
    """

    def __init__(self, places: Places) -> None:
        self._html = file_text("frame.html").replace("{control}", places.control).encode()
        self._script = file_text("frame.js").encode()
        # Named and not 'self': a sandboxed frame has no origin that 'self' could be.
        scripts = " ".join(places.frame_origins)
        self._policy = (
            f"default-src 'none'; script-src {scripts}; "
            f"connect-src {places.api} {places.other_api}; "
            f"frame-ancestors {places.control}; base-uri 'none'; form-action 'none'"
        ).encode()

    async def frame(self, scope: Scope, send: Send) -> None:
        """Answer a request for a frame."""
        lines = [(b"content-security-policy", self._policy)]
        if scope["method"] not in {"GET", "HEAD"}:
            await answer(send, 405, b"only GET\n")
        elif scope["path"] == "/frame":
            await answer(send, 200, self._html, lines, "text/html")
        elif scope["path"] == "/frame.js":
            # A sandboxed frame's script comes from another origin than the frame's opaque one.
            await answer(send, 200, self._script, lines, "text/javascript")
        else:
            await answer(send, 404, b"there is nothing here\n")
