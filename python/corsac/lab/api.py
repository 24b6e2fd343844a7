"""The server that is asked: the case's policy, and its application; and one page that asks."""

from __future__ import annotations

from urllib.parse import parse_qs

from corsac._types import ASGIApp, Receive, Scope, Send
from corsac.lab.cases import CaseStore
from corsac.lab.pages import Pages, answer, host_of
from corsac.lab.places import Places

__all__ = ["SIGN_IN_PATH", "make_api"]

SIGN_IN_PATH = "/-/sign-in"
_COOKIE = (b"set-cookie", b"corsac_lab=signed-in; Path=/; HttpOnly; SameSite=Lax")


def make_api(places: Places, cases: CaseStore) -> ASGIApp:
    """Make the API's server.

    Args:
        places: Where everything is.
        cases: What it serves: the case that the query names.

    Returns:
        An ASGI application. Requests for other hosts are refused (DNS rebinding).
    """
    pages = Pages(places)
    page_host = places.pages["port"].partition("://")[2]

    async def api(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        host = host_of(scope)
        if host not in places.api_hosts:
            await answer(send, 421, b"this host is none of the lab's\n")
        elif host == page_host:
            await pages.frame(scope, send)
        elif scope["path"] == SIGN_IN_PATH:
            await answer(send, 204, b"", [_COOKIE])
        else:
            case = cases.get(_name_of_case(scope["query_string"].decode("latin-1")))
            if case is None:
                await answer(send, 404, b"there is no such case any more\n")
            else:
                await case.respond(scope, receive, send)

    return api


def _name_of_case(query: str) -> str:
    try:
        return parse_qs(query, max_num_fields=_MAX_QUERY_FIELDS).get("case", [""])[0]
    except ValueError:
        return ""


_MAX_QUERY_FIELDS = 8
