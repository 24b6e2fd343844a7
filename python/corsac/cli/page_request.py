"""What a page asks for, as options of a command line: `corsac probe` and `corsac explain`.

Nothing but argparse is imported until a request is made of the options.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from corsac.browser import FetchRequest
    from corsac.browser.bodies import Body

__all__ = ["CREDENTIALS", "add_request_options", "fetch_request", "spell_out_credentials"]

CREDENTIALS = ("omit", "same-origin", "include")
_PROFILES = ("standard", "chromium", "firefox", "webkit")
_MODES = ("cors", "no-cors", "same-origin")
_REDIRECTS = ("follow", "error", "manual")
_BODY_TYPES = ("text", "form", "multipart", "bytes", "stream")

_EXAMPLE_VALUES = {"content-type": "application/json", "authorization": "Bearer corsac"}
"""Values of headers named without one; of any other, one that is not CORS-safelisted is 1."""


def add_request_options(parser: argparse.ArgumentParser) -> None:
    """Give a command the options that say what the page asks for."""
    page = parser.add_argument_group("the page's request, as fetch() has it")
    page.add_argument(
        "--origin",
        required=True,
        metavar="ORIGIN",
        help="the page's origin, as in https://app.example.com; null for a sandboxed page",
    )
    page.add_argument("--method", default="GET", help="the method (default: GET)")
    page.add_argument(
        "--header",
        action="append",
        default=[],
        type=_header,
        dest="headers",
        metavar="NAME[:VALUE]",
        help="a header that the script sets, with some value if none is given; may be repeated",
    )
    page.add_argument(
        "--credentials",
        default="same-origin",
        choices=CREDENTIALS,
        metavar="MODE",
        help="omit, same-origin (default) or include; --credentials alone is include",
    )
    page.add_argument("--mode", default="cors", choices=_MODES, help="the mode (default: cors)")
    page.add_argument(
        "--redirect", default="follow", choices=_REDIRECTS, help="what to do (default: follow)"
    )
    page.add_argument("--body", "--data", metavar="TEXT", help="a body; its Content-Type follows")
    page.add_argument(
        "--body-type",
        default="text",
        choices=_BODY_TYPES,
        help="what the script makes of it: a string, URLSearchParams, FormData, an ArrayBuffer or "
        "a ReadableStream (default: text)",
    )
    page.add_argument(
        "--profile",
        default="standard",
        choices=_PROFILES,
        help="the Fetch standard to the letter, or one browser's departures (default: standard)",
    )


def spell_out_credentials(argv: Sequence[str]) -> list[str]:
    """Make ``--credentials`` without a mode ``--credentials=include``.

    argparse would take the next argument for the mode, be it the URL.
    """
    spelled: list[str] = []
    for number, argument in enumerate(argv):
        if argument == "--":
            return [*spelled, *argv[number:]]
        has_mode = number + 1 < len(argv) and argv[number + 1] in CREDENTIALS
        is_bare = argument == "--credentials" and not has_mode
        spelled.append("--credentials=include" if is_bare else argument)
    return spelled


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    name = name.strip(" \t")
    if not re.fullmatch(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", name):
        message = f"{text!r:.100} is no header: write NAME or NAME:VALUE"
        raise argparse.ArgumentTypeError(message)
    if not colon:
        return name, _EXAMPLE_VALUES.get(name.lower(), "1")
    return name, value.strip(" \t")


def fetch_request(arguments: argparse.Namespace, url: str) -> FetchRequest:
    """What the page asks for.

    Args:
        arguments: What `add_request_options` read.
        url: Where it goes.

    Raises:
        ValueError: The origin is none; the message says how one is written.
    """
    from corsac.browser import FetchRequest  # noqa: PLC0415

    return FetchRequest(
        url,
        arguments.origin,
        arguments.method,
        arguments.headers,
        arguments.credentials,
        arguments.mode,
        arguments.redirect,
        _body(arguments.body, arguments.body_type),
    )


def _body(text: str | None, body_type: str) -> Body:
    from urllib.parse import parse_qsl  # noqa: PLC0415

    from corsac.browser import FormData, ReadableStream, URLSearchParams  # noqa: PLC0415

    if text is None:
        return None
    match body_type:
        case "form":
            return URLSearchParams(parse_qsl(text, keep_blank_values=True))
        case "multipart":
            return FormData(parse_qsl(text, keep_blank_values=True))
        case "bytes":
            return text.encode("utf-8", "surrogateescape")
        case "stream":
            return ReadableStream(text.encode("utf-8", "surrogateescape"))
        case _:
            return text
