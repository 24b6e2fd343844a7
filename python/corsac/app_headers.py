"""The log of CORS headers that the application itself sets.

Two layers that answer for CORS are the most frequent reason why a policy seems not to hold. So the
log says what becomes of the inner one's headers, once for each path.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from corsac import _core
from corsac._locks import make_lock
from corsac._text import quoted

__all__ = [
    "APP_HEADERS",
    "MAX_PATHS",
    "OWNED",
    "PREFLIGHT_OWNED",
    "TIMING",
    "UNDECIDED",
    "AppHeadersLog",
    "bare_name",
]

APP_HEADERS = ("replace", "keep")
"""The values of the option ``app_headers``."""

OWNED = (
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "access-control-expose-headers",
)
"""Headers that a policy decides on every response."""

PREFLIGHT_OWNED = (
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-max-age",
    "access-control-allow-private-network",
)
"""Those that it decides on answers to preflight requests as well."""

TIMING = "timing-allow-origin"
"""What a policy with ``allow_timing`` decides on responses that answer no preflight request."""

UNDECIDED = "corsac.undecided"
"""The key of an environ whose response another policy decides further out; its log has the line."""

_PADDING = "".join(chr(code) for code in range(256) if not 0x21 <= code <= 0x7E)


def bare_name(name: str | bytes) -> str:
    """Return a header's name in lower case, without what servers may take off its ends."""
    text = name if isinstance(name, str) else bytes(name).decode("latin-1")
    return text.strip(_PADDING).lower()


MAX_PATHS = 100
"""The largest number of paths that one log writes about; later ones are left out."""


class AppHeadersLog:
    """Writes to the logger ``corsac`` what became of CORS headers that the application set.

    There is one warning for each path and fate, for at most `MAX_PATHS` of them. A configuration
    that takes the place of another does not repeat the lines that were written under that one.

    There is none about a request for which no browser carries out a CORS check: a page of the own
    origin, a navigation, an image.

    Args:
        keeps: Whether headers stay on responses to which the policy sets none.
        remedy: What to do about headers that stay and allow a refused origin, as a clause. Unless
            it is given, the option ``app_headers`` removes them.
    """

    __slots__ = ("_lock", "_remedy", "_said", "keeps")

    def __init__(self, keeps: bool, remedy: str = "") -> None:
        self.keeps = keeps
        self._remedy = remedy
        self._lock = make_lock()
        self._said: dict[tuple[str, str], str] = {}

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle and copy as one that has written nothing yet."""
        return AppHeadersLog, (self.keeps, self._remedy)

    def go_on_from(self, other: AppHeadersLog) -> None:
        """Repeat nothing that another log has written; from now on both remember together."""
        self._lock, self._said = other._lock, other._said

    def said_about(self, path: str) -> Iterable[tuple[str, str]]:
        """Return what became of the application's headers on a path: pairs of fate and headers."""
        return [(fate, lines) for (fate, said), lines in [*self._said.items()] if said == path]

    def __call__(
        self,
        request: Mapping[str, Any],
        fate: str,
        lines: Iterable[tuple[str | bytes, str | bytes | None]],
    ) -> None:
        """Log what became of header lines of the application.

        Args:
            request: The scope of ASGI or the environ of WSGI.
            fate: ``"removed"``; ``"kept"``; ``"replaced"``: the policy set its own; ``"several"``:
                they were to be kept, but allowed several origins, so that they were removed.
            lines: The lines that the policy has not set itself.
        """
        if UNDECIDED in request:
            return
        path = _path_of(request)
        if not self._is_done(fate, path):
            origin, is_beyond_cors = _origin_of(request)
            self.say(fate, lines, path, origin, is_beyond_cors)

    def _is_done(self, fate: str, path: str) -> bool:
        return (fate, path) in self._said or len(self._said) > MAX_PATHS

    def say(  # noqa: PLR0917
        self,
        fate: str,
        lines: Iterable[tuple[str | bytes, str | bytes | None]],
        path: str,
        origin: str | None,
        is_beyond_cors: bool,
        option: str = 'app_headers="{}"',
    ) -> None:
        """Do the same for a request that is neither of ASGI nor of WSGI.

        The option is written as ``option`` says, which has a place for its value.
        """
        if is_beyond_cors:
            return
        named = [(_name(name), quoted(value)) for name, value in lines]
        allows = any(name == "Access-Control-Allow-Origin" for name, _ in named)
        if fate == "kept" and (origin is None or not allows):
            return  # It allows nobody anything.
        shown = ", ".join(f"{name}: {value}" for name, value in named)
        # No `with`: its end needs memory, and where there is none the lock would stay as it is.
        self._lock.acquire()
        try:
            if self._is_done(fate, path):
                return
            is_last = len(self._said) == MAX_PATHS
            self._said[fate, path] = shown
        finally:
            self._lock.release()
        logger = logging.getLogger("corsac")
        if is_last:
            logger.warning("CORS: the application sets CORS headers itself on more paths")
        else:
            remedy = self._remedy or f"{option.format('replace')} removes them"
            if fate == "removed":
                remedy = f"{option.format('keep')} leaves them"
            logger.warning("CORS: %s", _sentence(fate, shown, quoted(path), origin, remedy))


def _sentence(fate: str, lines: str, path: str, origin: str | None, remedy: str) -> str:
    if fate == "kept":
        return (
            f"a response for the refused origin {quoted(origin)} on {path} carries {lines}: "
            f"a layer inside allows it; {remedy}"
        )
    if fate == "replaced":
        return (
            f"replaced the application's own headers ({lines}) on {path} by those of the policy; "
            "let one of them answer for CORS"
        )
    if fate == "several":
        return (
            f"removed the application's own headers ({lines}) on {path}: with several "
            "Access-Control-Allow-Origin no browser accepts any"
        )
    why = "the request has no Origin" if origin is None else f"origin {quoted(origin)} is not in it"
    return (
        f"removed the application's own headers ({lines}) on {path}: the policy decides, and "
        f"{why}; {remedy}"
    )


_NAMES = {
    b"origin": "HTTP_ORIGIN",
    b"host": "HTTP_HOST",
    b"sec-fetch-site": "HTTP_SEC_FETCH_SITE",
    b"sec-fetch-mode": "HTTP_SEC_FETCH_MODE",
}


def _path_of(request: Mapping[str, Any]) -> str:
    if "REQUEST_METHOD" in request:
        from corsac._environ import method_and_path  # noqa: PLC0415 - not for ASGI

        return method_and_path(request)[1]
    return str(request.get("path"))


def _origin_of(request: Mapping[str, Any]) -> tuple[str | None, bool]:
    """Return the Origin header, lines joined by commas, and whether browsers carry out no check."""
    if "REQUEST_METHOD" in request:
        environ = {name: request[name] for name in _NAMES.values() if name in request}
        scheme = request.get("wsgi.url_scheme")
    else:
        environ = {}
        for name, value in request.get("headers") or ():
            variable = _NAMES.get(bytes(name).lower())
            if variable is not None:
                text = bytes(value).decode("latin-1")
                environ[variable] = f"{environ[variable]},{text}" if variable in environ else text
        scheme = request.get("scheme")
    is_beyond_cors = _core.is_beyond_cors(environ, scheme if isinstance(scheme, str) else "")
    return environ.get("HTTP_ORIGIN"), is_beyond_cors


def _name(name: str | bytes) -> str:
    """Return a header's name as it is usually spelt."""
    return "-".join(part.capitalize() for part in bare_name(name).split("-"))
