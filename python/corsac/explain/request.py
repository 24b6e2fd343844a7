"""A request as the one who asks for an explanation writes it."""

from __future__ import annotations

from corsac._headers import HeaderLines as Headers
from corsac._headers import header_lines

__all__ = ["Headers", "Request"]


class Request:
    """The parts of a request that are looked at; `CORSPolicy.explain` says what they are."""

    def __init__(self, method: str, headers: Headers, path: str) -> None:
        for name, value in (("method", method), ("path", path)):
            if not isinstance(value, str):
                message = f"{name} must be a str, not {type(value).__name__}"
                raise TypeError(message)
        self.method = method
        self.path = path
        self.lines = [(name.lower(), value) for name, value in header_lines(headers)]

    def values(self, name: str) -> list[str]:
        """Return the values of all lines of a header; the name is in lower case."""
        return [value for each, value in self.lines if each == name]

    def value(self, name: str) -> str:
        """Return the lines of a header joined with ``", "`` (Fetch, "get"); may be empty."""
        return ", ".join(self.values(name))

    def environ(self) -> dict[str, str]:
        """Return the lines under the names of CGI; as in servers, a comma joins those of one."""
        variables: dict[str, str] = {}
        for name, value in self.lines:
            if "_" in name:  # It would take the place of the header that is spelt with a hyphen.
                continue
            key = f"HTTP_{name.upper().replace('-', '_')}"
            variables[key] = f"{variables[key]},{value}" if key in variables else value
        return variables
