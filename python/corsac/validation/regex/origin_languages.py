"""The origins that browsers send, and some kinds of them, as languages to compare a regex with.

Each is written as an expression and read by the same reader; see RFC 6454 section 6.2 and the URL
standard, "host serializing" and "ends in a number checker". Lengths are not checked: that would
make the automata large, and could only hide a match of more than 253 bytes. Hosts that a URL parser
takes but no browser looks up are left out: there are no pages at ``a$.test`` or ``a..test``.
"""

from __future__ import annotations

import functools
import re

from corsac.validation.regex.language import Language
from corsac.validation.regex.language import language as language_of_pattern

__all__ = [
    "OPAQUE_CHARACTER",
    "below_suffix",
    "insecure_origins",
    "language_of_entry",
    "languages_of_mistakes",
    "origins",
    "public_addresses",
]

# These are larger than what users may write.
language = functools.partial(language_of_pattern, max_states=10_000)

_LABEL = "[a-z0-9_-]+"
_USUAL_LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_TIDY_LABEL = "[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
# A host whose last label is a number is an IPv4 address; so a name's last label is not one. Of
# those that begin with 0 most are numbers, also hexadecimal ones, and no other is a top level.
_LAST_LABEL = "(?:[a-z_-]|[1-9][0-9]*[a-z_-])[a-z0-9_-]*"
_NAME = rf"(?:{_LABEL}\.)*{_LAST_LABEL}\.?"

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
_PIECE = "(?:0|[1-9a-f][0-9a-f]{0,3})"
_PIECES = f"{_PIECE}(?::{_PIECE}){{0,5}}"
_LONG_IPV6 = f"(?:{_PIECE}:){{7}}{_PIECE}"
_IPV6 = rf"\[(?:{_LONG_IPV6}|(?:{_PIECES})?::(?:{_PIECES})?)\]"
_HOST = f"(?:{_NAME}|{_IPV4}|{_IPV6})"

_LONG_PORT = "[1-9][0-9]{3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]"
_PORT = f"(?:[1-9][0-9]{{0,2}}|{_LONG_PORT})"
_PORT_BUT_80 = f"(?:[1-9]|[1-79][0-9]|8[1-9]|[1-9][0-9]{{2}}|{_LONG_PORT})"
_PORT_BUT_443 = f"(?:[1-9][0-9]?|[1235-9][0-9]{{2}}|4[0-35-9][0-9]|44[0-24-9]|{_LONG_PORT})"
_WEB = f"(?:https://{_HOST}(?::{_PORT_BUT_443})?|http://{_HOST}(?::{_PORT_BUT_80})?)"


def _all_but(words: tuple[str, ...], first: str, others: str) -> str:
    """Return an expression for all words but some.

    A word starts with one of the characters ``first`` and goes on with ``others``.
    """

    def after(prefix: str, characters: str) -> str:
        following = sorted(
            {word[len(prefix)] for word in words if word.startswith(prefix) and word != prefix}
        )
        free = "".join(character for character in characters if character not in following)
        branches = [f"[{re.escape(free)}][{re.escape(others)}]*"]
        branches += [re.escape(each) + after(prefix + each, others) for each in following]
        # A word may stop here, unless it is empty or one of those to leave out.
        optional = "?" if prefix and prefix not in words else ""
        return f"(?:{'|'.join(branches)}){optional}"

    return after("", first)


_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_DIGITS = "0123456789"
# No page has one of these: a WebSocket has the origin of its page, and the page of a file has null.
_NO_PAGES = ("file", "ws", "wss")
OPAQUE_CHARACTER = r"[!\"$-+.\-;=A-Z_`a-z{}~0-9]"
"""URL, "opaque-host parser": visible ASCII without forbidden host code points and the comma."""


@functools.cache
def origins(*but: str) -> Language:
    """Return every origin that a browser can send, but null, and but those of some more schemes."""
    scheme = _all_but(("http", "https", *_NO_PAGES, *but), _LETTERS, _LETTERS + _DIGITS + "+.-")
    return language(f"{_WEB}|{scheme}://(?:{OPAQUE_CHARACTER}+|{_IPV6})(?::{_PORT})?")


@functools.cache
def insecure_origins() -> Language:
    """Return the http origins of other machines than the user's own.

    Its own are 127.0.0.0/8, [::1] and localhost names (Secure Contexts, "potentially trustworthy
    origin").
    """
    last_label = _all_but(("localhost",), _LETTERS + "_", _LETTERS + _DIGITS + "_-")
    octet = _all_but(("127",), _DIGITS, _DIGITS)
    not_one = "(?:0|[2-9a-f][0-9a-f]{0,3}|1[0-9a-f]{1,3})"
    # [::1] is ":: and the piece 1"; the others have something else after ::, or before it.
    tail = f"(?:{_PIECE}(?::{_PIECE}){{1,5}}|{not_one})?"
    ipv6 = f"(?:{_LONG_IPV6}|{_PIECES}::(?:{_PIECES})?|::{tail})"
    name = rf"(?:{_LABEL}\.)*(?:{last_label}|[1-9][0-9]*[a-z_][a-z0-9_-]*)\.?"
    ipv4 = rf"{octet}(?:\.{_OCTET}){{3}}"
    # The first octet may be any number here: an origin has only real addresses.
    return language(rf"http://(?:{name}|{ipv4}|\[{ipv6}\])(?::{_PORT_BUT_80})?")


@functools.cache
def public_addresses() -> tuple[Language, ...]:
    """Return some IP addresses that are unrelated to each other, with and without ports."""
    addresses = ("192.0.2.77", "198.51.100.23", "203.0.113.5")
    return tuple(language(rf"https?://{re.escape(address)}(?::{_PORT})?") for address in addresses)


@functools.lru_cache(maxsize=64)
def language_of_entry(entry: str, *, tidy: bool = False) -> Language:
    """Return the origins that an entry of ``allow_origins`` allows.

    If ``tidy``, names that no registry gives are left out.
    """
    scheme, separator, rest = entry.partition("://")
    if not separator:
        return language(re.escape(entry))
    subdomains = rest.startswith("*.")
    host, any_port = rest.removeprefix("*."), rest.endswith(":*")
    pattern = re.escape(host.removesuffix(":*"))
    below = rf"(?:{_USUAL_LABEL if tidy else _LABEL}\.)+" if subdomains else ""
    port = _PORT_BUT_443 if scheme == "https" else _PORT_BUT_80
    return language(f"{scheme}://{below}{pattern}" + (f"(?::{port})?" if any_port else ""))


def below_suffix(suffix: str, name: str | None = None) -> Language:
    """Return the origins of names that somebody got below a suffix, and of the hosts below those.

    The suffix ``*.ck`` stands for any name directly below ``ck``. With an expression for the name,
    that name and all labels below it look tidy; without one, hyphens may be anywhere: not in
    registries, but in some services.
    """
    label = _LABEL if name is None else _TIDY_LABEL
    escaped = re.escape(suffix.removeprefix("*."))
    escaped = rf"{label}\.{escaped}" if suffix.startswith("*.") else escaped
    return language(rf"https?://(?:{label}\.)*{name or label}\.{escaped}\.?(?::{_PORT})?")


@functools.cache
def languages_of_mistakes() -> tuple[tuple[Language, str], ...]:
    """Return what people write instead of an origin, and why no browser sends it."""
    any_case = f"(?i:{_WEB})"
    return (
        (language(rf"{_WEB}/.*"), "it asks for a slash or a path after the host or port"),
        (
            language(rf"https://{_HOST}:443|http://{_HOST}:80"),
            "it asks for the default port, which browsers leave out",
        ),
        (language(any_case), "it asks for upper-case letters; browsers send hosts in lower case"),
        (language(rf"{_HOST}(?::{_PORT})?"), "it has no scheme such as https://"),
        (language(rf"\s*{_WEB}\s*"), "it asks for white space"),
        (language(rf"(?:{_WEB}[,; ]*)+"), "it asks for several origins at once; browsers send one"),
        (language(r".*\\.*"), "it asks for a backslash; in a raw string write one, not two"),
        (language(r".*[\"'].*"), "it asks for quotation marks"),
        (
            language(rf"(?:{_WEB}|{_HOST})/?.*"),
            "it asks for more than a scheme, a host and a port",
        ),
    )
