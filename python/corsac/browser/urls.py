"""URLs as browsers read them (the URL standard), by ada, so that two texts are one origin to both.

`urllib.parse` reads some hosts, backslashes and control characters otherwise than browsers do, and
then takes another server for the one that is asked.
"""

from __future__ import annotations

from dataclasses import dataclass

from corsac import _core

try:
    import ada_url
except ImportError as error:
    _MESSAGE = "the simulated browser needs ada-url, of the extra cli: pip install 'corsac[cli]'"
    raise ModuleNotFoundError(_MESSAGE, name="ada_url") from error

__all__ = ["HTTP_SCHEMES", "MAX_URL_LENGTH", "URL", "is_ip_address", "parse_url"]

MAX_URL_LENGTH = 2 * 1024 * 1024
"""Characters in a URL; Chromium opens none that is longer."""

HTTP_SCHEMES = frozenset({"http", "https"})
_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21}


@dataclass(frozen=True, slots=True)
class URL:
    """A URL taken apart and normalized."""

    text: str  # The whole, without fragment, user name and password.
    scheme: str
    host: str
    port: int | None  # None for the scheme's default.
    path: str  # Percent-encoded; what follows the colon if the URL has no authority.
    query: str | None
    fragment: str | None
    has_credentials: bool  # A user name or password was given; they are not kept.

    @property
    def origin(self) -> str:
        """The serialized origin; ``"null"`` for schemes without servers.

        https://html.spec.whatwg.org/#ascii-serialisation-of-an-origin
        """
        if self.scheme not in _DEFAULT_PORTS:
            return "null"
        return _core.browser_serialize_origin(self.scheme, self.host, self.port)

    @property
    def effective_port(self) -> int | None:
        """The port that is connected to."""
        return _DEFAULT_PORTS.get(self.scheme) if self.port is None else self.port

    def __str__(self) -> str:
        """The URL with its query and without its fragment, as it is asked for and shown."""
        return self.text

    @property
    def with_fragment(self) -> str:
        """The whole URL, which is what a preflight is remembered for."""
        return self.text if self.fragment is None else f"{self.text}#{self.fragment}"


def parse_url(text: str, base: URL | None = None) -> URL | None:
    """Read a URL, perhaps relative to another one; ``None`` if it is invalid.

    https://url.spec.whatwg.org/#concept-basic-url-parser
    """
    if len(text) > MAX_URL_LENGTH:
        return None
    # A lone surrogate is U+FFFD to a browser (Web IDL, "USVString").
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    try:
        url = ada_url.URL(text, None if base is None else base.with_fragment)
    except ValueError:
        return None
    has_credentials = bool(url.username or url.password)
    if has_credentials:
        url.username = url.password = ""
    whole, hash_mark, fragment = url.href.partition("#")
    _, question_mark, query = whole.partition("?")
    return URL(
        whole,
        url.protocol.removesuffix(":"),
        url.hostname,
        int(url.port) if url.port else None,
        url.pathname,
        query if question_mark else None,
        fragment if hash_mark else None,
        has_credentials,
    )


def is_ip_address(host: str) -> bool:
    """Say whether a serialized host is an address: no domain ends in a number.

    https://url.spec.whatwg.org/#ends-in-a-number-checker
    """
    return host.startswith("[") or host.rpartition(".")[2].isdigit()
