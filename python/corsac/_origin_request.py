"""What a function of ``allow_origin_func`` is given, and the limits that it has by default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["OriginRequest"]

DEFAULT_TIMEOUT_SECONDS = 5.0
"""How long one call of an asynchronous function may take; the browser's request waits for it."""

DEFAULT_TTL_SECONDS = 60.0
"""How long an answer holds; so long an origin that was removed may go on reading."""

DEFAULT_MAX_ENTRIES = 4096
"""Origins kept per answer, True and False. A key is at most one origin long: about 2 MiB each."""


class OriginRequest:
    """The request that a function decides about: read-only, and valid during the call."""

    __slots__ = ("_request",)

    def __init__(self, request: Mapping[str, Any]) -> None:
        self._request = request  # A scope or an environ.

    @property
    def method(self) -> str:
        """The method: ``"OPTIONS"`` of a preflight request, ``"GET"`` of a WebSocket handshake."""
        return str(self._request.get("REQUEST_METHOD") or self._request.get("method") or "GET")

    @property
    def path(self) -> str:
        """The whole path, decoded and without the query, as in `corsac.Refusal`."""
        from corsac._environ import method_and_path  # noqa: PLC0415 - few functions ask

        path = self._request.get("path")
        return method_and_path(self._request)[1] if path is None else str(path)

    @property
    def host(self) -> str:
        """The Host header as it was sent; empty without one."""
        return self.header("host") or ""

    def header(self, name: str) -> str | None:
        """Return a header by its name, in any case; commas join the lines; or ``None``."""
        if "headers" in self._request:
            lines = [
                [bytes(part).decode("latin-1") for part in it] for it in self._request["headers"]
            ]
            values = [value for key, value in lines if key.lower() == name.lower()]
            return ", ".join(values) if values else None
        key = name.upper().replace("-", "_")
        value = self._request.get(f"HTTP_{key}")
        if value is None and key in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
            value = self._request.get(key)
        return None if value is None else str(value)
