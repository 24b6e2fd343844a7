"""The options of `corsac probe` and `corsac explain` that describe a page's request."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, Literal, get_args
from urllib.parse import parse_qsl

import typer

from corsac import _core
from corsac._local_network import PERMISSIONS
from corsac._text import printable
from corsac.browser import FetchRequest, FormData, ReadableStream, URLSearchParams
from corsac.browser.request import Body
from corsac.cli.ending import USAGE, CommandError

__all__ = ["CREDENTIALS", "Page", "checked", "with_page_options"]

Page = Callable[[str], tuple[FetchRequest, str]]
"""Gives the page's request for a URL, and the profile of the browser."""

_Credentials = Literal["omit", "same-origin", "include"]
CREDENTIALS: tuple[str, ...] = get_args(_Credentials)

_EXAMPLE_VALUES = {"content-type": "application/json", "authorization": "Bearer corsac"}
"""Values for headers that are named without one; any other header gets 1."""


def checked(is_right: Callable[[Any], object], message: str) -> Callable[[Any], Any]:
    """Make the parser of an argument that takes it as it is, or says what is wrong with it."""

    def check(value: Any) -> Any:
        if is_right(value):
            return value
        raise typer.BadParameter(message.format(value))

    return check


_method = checked(
    _core.is_token, "{!r:.100} is not a method: write one such as PUT, without spaces"
)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    name = name.strip(" \t")
    if not _core.is_token(name):
        raise typer.BadParameter(f"{text!r:.100} is not a header: write NAME or NAME:VALUE")
    return name, value.strip(" \t") if colon else _EXAMPLE_VALUES.get(name.lower(), "1")


_permission = checked(
    lambda name: name in {"none", *PERMISSIONS},
    "{!r:.100} is not a permission: write none, loopback-network or local-network",
)

_option = functools.partial(typer.Option, rich_help_panel="The page's request, as fetch() has it")


def _page_request(
    url: str,
    *,
    origin: Annotated[
        str,
        _option(
            metavar="ORIGIN",
            help="The page's origin, as in https://app.example.com; null for a sandboxed page.",
        ),
    ],
    method: Annotated[str, _option(callback=_method, metavar="METHOD", help="The method.")] = "GET",
    header: Annotated[
        list[Any] | None,
        _option(
            parser=_header,
            metavar="NAME[:VALUE]",
            show_default=False,
            help="A header that the script sets, with an example value if none is given; may be "
            "repeated.",
        ),
    ] = None,
    credentials: Annotated[
        _Credentials,
        _option(
            metavar="MODE",
            help="The credentials mode: omit, same-origin or include; --credentials alone is "
            "include.",
        ),
    ] = "same-origin",
    mode: Annotated[
        Literal["cors", "no-cors", "same-origin"],
        _option(metavar="MODE", help="The mode: cors, no-cors or same-origin."),
    ] = "cors",
    redirect: Annotated[
        Literal["follow", "error", "manual"],
        _option(metavar="MODE", help="The redirect mode: follow, error or manual."),
    ] = "follow",
    body: Annotated[
        str | None,
        _option(
            "--body",
            "--data",
            metavar="TEXT",
            show_default=False,
            help="The body; --body-type decides its Content-Type.",
        ),
    ] = None,
    body_type: Annotated[
        Literal["text", "form", "multipart", "bytes", "stream"],
        _option(
            metavar="TYPE",
            help="What the script gives as the body: text (a string), form (URLSearchParams), "
            "multipart (FormData), bytes (an ArrayBuffer) or stream (a ReadableStream).",
        ),
    ] = "text",
    permission: Annotated[
        list[Any] | None,
        _option(
            parser=_permission,
            metavar="NAME",
            show_default=False,
            help="What the user has granted the page of Local Network Access: loopback-network, "
            "local-network or none; may be repeated. By default all that is needed. It counts with "
            "--profile chromium and firefox.",
        ),
    ] = None,
    page_address_space: Annotated[
        Literal["", "public", "local", "loopback"],
        _option(
            metavar="SPACE",
            show_default=False,
            help="Where the page was loaded from: public, local or loopback. By default what the "
            "name in its origin says.",
        ),
    ] = "",
    target_address_space: Annotated[
        Literal["", "public", "local", "loopback"],
        _option(
            metavar="SPACE",
            show_default=False,
            help="The targetAddressSpace that the script gives to fetch().",
        ),
    ] = "",
    profile: Annotated[
        Literal["standard", "chromium", "firefox", "webkit"],
        _option(
            metavar="BROWSER",
            help="The Fetch standard to the letter (standard), or with the departures of "
            "chromium, firefox or webkit.",
        ),
    ] = "standard",
) -> tuple[FetchRequest, str]:
    """Make the request that a page asks for; a part that is invalid is a `CommandError`."""
    made: Body = body
    if body is not None and body_type in {"form", "multipart"}:
        fields = parse_qsl(body, keep_blank_values=True)
        made = URLSearchParams(fields) if body_type == "form" else FormData(fields)
    elif body is not None and body_type != "text":
        data = body.encode("utf-8", "surrogateescape")
        made = data if body_type == "bytes" else ReadableStream(data)
    granted = None if permission is None else [name for name in permission if name != "none"]
    try:
        request = FetchRequest(
            url,
            origin,
            method,
            header or (),
            credentials,
            mode,
            redirect,
            made,
            target_address_space=target_address_space,
            page_address_space=page_address_space,
            permissions=granted,
        )
    except ValueError as error:
        raise CommandError(printable(str(error), 500), USAGE) from None
    return request, profile


def with_page_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of `_page_request`, and itself their `Page` as ``page``."""
    _, *options = inspect.signature(_page_request, eval_str=True).parameters.values()
    signature = inspect.signature(command, eval_str=True)
    own = [parameter for name, parameter in signature.parameters.items() if name != "page"]

    @functools.wraps(command)
    def with_page(**given: Any) -> Any:
        asked = {option.name: given.pop(option.name) for option in options}
        return command(page=functools.partial(_page_request, **asked), **given)

    # What Typer reads the options of.
    with_page.__signature__ = signature.replace(parameters=[*own, *options])  # type: ignore[attr-defined]
    return with_page
