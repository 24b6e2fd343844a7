"""URLs as browsers read them, by ada; which belong to one site, and the headers that say so.

`urllib.parse` reads some hosts, backslashes and control characters otherwise than browsers do, and
then takes another server for the one that is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from corsac import _core
from corsac._local_network import beside_cors

try:
    import ada_url
except ImportError as error:
    _MESSAGE = "the simulated browser needs ada-url, of the extra cli: pip install 'corsac[cli]'"
    raise ModuleNotFoundError(_MESSAGE, name="ada_url") from error

__all__ = ["HTTP_SCHEMES", "MAX_URL_LENGTH", "URL", "fetch_metadata"]
__all__ += [
    "has_registrable_domain",
    "is_ip_address",
    "is_potentially_trustworthy",
    "is_schemelessly_same_site",
]
__all__ += ["notes_beside_cors", "parse_url", "routed_path"]

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


def routed_path(text: str) -> str:
    """Give the path of a URL as a router sees it, decoded."""
    url = parse_url(text)
    return "/" if url is None else unquote(url.path)


def is_ip_address(host: str) -> bool:
    """Say whether a serialized host is an address: no domain ends in a number.

    https://url.spec.whatwg.org/#ends-in-a-number-checker
    """
    return host.startswith("[") or host.rpartition(".")[2].isdigit()


def has_registrable_domain(host: str) -> bool:
    """Say whether a serialized host is of a domain that somebody can register."""
    return not is_ip_address(host) and _registrable_domain(host) is not None


def _registrable_domain(host: str) -> str | None:
    # Reading the list takes longer than all else together.
    from corsac.validation.hosts import public_suffixes  # noqa: PLC0415

    return public_suffixes().registrable_domain(host)


def is_schemelessly_same_site(one: URL | None, other: URL) -> bool:
    """Say whether a page, ``None`` if it is opaque, and a URL are of one site.

    https://html.spec.whatwg.org/#schemelessly-same-site
    """
    if one is None or one.host == other.host:
        return one is not None
    if is_ip_address(one.host) or is_ip_address(other.host):
        return False
    domain = _registrable_domain(one.host)
    return domain is not None and domain == _registrable_domain(other.host)


def is_potentially_trustworthy(url: URL) -> bool:
    """Say whether a connection is encrypted, or to this very machine.

    https://w3c.github.io/webappsec-secure-contexts/#is-url-trustworthy
    """
    if url.scheme in {"https", "wss"}:
        return True
    host = url.host.removesuffix(".")
    if host == "localhost" or host.endswith(".localhost") or host == "[::1]":
        return True
    return host.startswith("127.") and is_ip_address(host)


def notes_beside_cors(page: URL | None, origin: str, url: URL) -> Iterator[str]:
    """Say what else browsers ask of a request to another origin."""
    local = beside_cors(origin, url.host)
    if local:
        yield local
    if page is not None and page.scheme == "https" and not is_potentially_trustworthy(url):
        who = "browsers without Local Network Access" if local else "browsers"
        yield f"Beside CORS: {who} block http requests of https pages"


def fetch_metadata(page: URL | None, urls: list[URL], mode: str) -> list[tuple[str, str]]:
    """Give the Sec-Fetch headers; none for a connection that cannot be trusted.

    ``page`` is ``None`` for an opaque origin; of ``urls`` the last one is the current one.
    https://w3c.github.io/webappsec-fetch-metadata/#abstract-opdef-set-site
    """
    if not is_potentially_trustworthy(urls[-1]):
        return []
    # The least that all URLs are to the page.
    site = "same-origin"
    for url in urls:
        if page is not None and url.origin == page.origin:
            continue
        if page is None or page.scheme != url.scheme or not is_schemelessly_same_site(page, url):
            site = "cross-site"
            break
        site = "same-site"
    return [("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", mode), ("Sec-Fetch-Dest", "empty")]
