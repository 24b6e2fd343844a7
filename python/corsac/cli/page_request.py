"""The options of `corsac probe` and `corsac explain` that describe a page's request."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args
from urllib.parse import parse_qsl

import typer

from corsac import _core
from corsac._text import printable
from corsac.browser import FetchRequest, FormData, ReadableStream, URLSearchParams
from corsac.browser.request import Body
from corsac.cli.ending import USAGE, CommandError

__all__ = ["CREDENTIALS", "page_request"]
__all__ += ["BodyOption", "BodyTypeOption", "CredentialsOption", "HeadersOption", "MethodOption"]
__all__ += ["ModeOption", "OriginOption", "ProfileOption", "RedirectOption"]

_Credentials = Literal["omit", "same-origin", "include"]
CREDENTIALS: tuple[str, ...] = get_args(_Credentials)

_EXAMPLE_VALUES = {"content-type": "application/json", "authorization": "Bearer corsac"}
"""Values for headers that are named without one; any other header gets 1."""

_PANEL = "The page's request, as fetch() has it"


def _method(text: str) -> str:
    if _core.is_token(text):
        return text
    message = f"{text!r:.100} is not a method: write one such as PUT, without spaces"
    raise typer.BadParameter(message)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    name = name.strip(" \t")
    if not _core.is_token(name):
        message = f"{text!r:.100} is not a header: write NAME or NAME:VALUE"
        raise typer.BadParameter(message)
    if not colon:
        return name, _EXAMPLE_VALUES.get(name.lower(), "1")
    return name, value.strip(" \t")


def _option(*names: str, **settings: Any) -> Any:
    return typer.Option(*names, rich_help_panel=_PANEL, **settings)


OriginOption = Annotated[
    str,
    _option(
        "--origin",
        metavar="ORIGIN",
        help="The page's origin, as in https://app.example.com; null for a sandboxed page.",
    ),
]
MethodOption = Annotated[
    str, _option("--method", callback=_method, metavar="METHOD", help="The method.")
]
HeadersOption = Annotated[
    list[Any] | None,
    _option(
        "--header",
        parser=_header,
        metavar="NAME[:VALUE]",
        show_default=False,
        help="A header that the script sets, with an example value if none is given; may be "
        "repeated.",
    ),
]
CredentialsOption = Annotated[
    _Credentials,
    _option(
        "--credentials",
        metavar="MODE",
        help="The credentials mode: omit, same-origin or include, which --credentials alone is.",
    ),
]
ModeOption = Annotated[
    Literal["cors", "no-cors", "same-origin"],
    _option("--mode", metavar="MODE", help="The mode: cors, no-cors or same-origin."),
]
RedirectOption = Annotated[
    Literal["follow", "error", "manual"],
    _option(
        "--redirect",
        metavar="MODE",
        help="The redirect mode: follow, error or manual.",
    ),
]
BodyOption = Annotated[
    str | None,
    _option(
        "--body",
        "--data",
        metavar="TEXT",
        show_default=False,
        help="The body; --body-type decides its Content-Type.",
    ),
]
BodyTypeOption = Annotated[
    Literal["text", "form", "multipart", "bytes", "stream"],
    _option(
        "--body-type",
        metavar="TYPE",
        help="What the script makes of it: text (a string), form (URLSearchParams), multipart "
        "(FormData), bytes (an ArrayBuffer) or stream (a ReadableStream).",
    ),
]
ProfileOption = Annotated[
    Literal["standard", "chromium", "firefox", "webkit"],
    _option(
        "--profile",
        metavar="BROWSER",
        help="The Fetch standard to the letter (standard), or with the departures of chromium, "
        "firefox or webkit.",
    ),
]


def page_request(  # noqa: PLR0917 - options are arguments for Typer
    url: str,
    origin: str,
    method: str,
    headers: list[Any] | None,
    credentials: str,
    mode: str,
    redirect: str,
    body: str | None,
    body_type: str,
) -> FetchRequest:
    """Make the request that a page asks for; a part that is invalid is a `CommandError`."""
    made: Body = body
    if body is not None and body_type in {"form", "multipart"}:
        fields = parse_qsl(body, keep_blank_values=True)
        made = URLSearchParams(fields) if body_type == "form" else FormData(fields)
    elif body is not None and body_type != "text":
        data = body.encode("utf-8", "surrogateescape")
        made = data if body_type == "bytes" else ReadableStream(data)
    try:
        return FetchRequest(url, origin, method, headers or (), credentials, mode, redirect, made)
    except ValueError as error:
        raise CommandError(printable(str(error), 500), USAGE) from None
