"""What a page asks for, as options of a command line: `corsac probe` and `corsac explain`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args
from urllib.parse import parse_qsl

import typer

from corsac import _core
from corsac.browser import FetchRequest, FormData, ReadableStream, URLSearchParams
from corsac.browser.request import Body

__all__ = ["CREDENTIALS", "PageRequest"]
__all__ += ["BodyOption", "BodyTypeOption", "CredentialsOption", "HeadersOption", "MethodOption"]
__all__ += ["ModeOption", "OriginOption", "ProfileOption", "RedirectOption"]

_Credentials = Literal["omit", "same-origin", "include"]
CREDENTIALS: tuple[str, ...] = get_args(_Credentials)

_EXAMPLE_VALUES = {"content-type": "application/json", "authorization": "Bearer corsac"}
"""Values of headers named without one; of any other, one that is not CORS-safelisted is 1."""

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
        help="A header that the script sets, with some value if none is given; may be repeated.",
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
        help="What to do about redirects: follow, error or manual.",
    ),
]
BodyOption = Annotated[
    str | None,
    _option(
        "--body",
        "--data",
        metavar="TEXT",
        show_default=False,
        help="A body; its Content-Type follows.",
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


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What a page asks for, whatever its URL; the attributes are those of the options."""

    origin: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    credentials: str = "same-origin"
    mode: str = "cors"
    redirect: str = "follow"
    body: str | None = None
    body_type: str = "text"
    profile: str = "standard"

    def to(self, url: str) -> FetchRequest:
        """Make the request for a URL."""
        return FetchRequest(
            url,
            self.origin,
            self.method,
            self.headers,
            self.credentials,
            self.mode,
            self.redirect,
            self._body(),
        )

    def _body(self) -> Body:
        text = self.body
        if text is None:
            return None
        match self.body_type:
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
