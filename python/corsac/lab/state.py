"""What the page sends: a policy's options and a request, each value bounded and of its type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from corsac.browser import FetchRequest
from corsac.lab.places import Places

__all__ = ["InputError", "read_options", "read_request", "read_rules"]

MAX_ENTRIES = 64
MAX_TEXT = 512
MAX_REGEX = 128
"""Automata find out what an expression reaches; longer ones could keep them busy."""

LISTS = ("allow_origins", "allow_methods", "allow_headers", "expose_headers", "tolerate")
SWITCHES = ("allow_credentials", "allow_private_network", "preflight_continue", "guard")
NUMBERS = ("max_age", "preflight_status")
RESPONSES = ("200", "404", "500", "redirect", "redirect-307", "redirect-other")


class InputError(ValueError):
    """Something that the page sent cannot be used.

    Attributes:
        field: The name of the form's field that it is about.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def read_options(state: object) -> dict[str, Any]:
    """Read the options of a policy.

    Args:
        state: A JSON object; what is absent or ``null`` has its default, but for ``max_age``.

    Raises:
        InputError: A value is of the wrong type or too long, or there is no such option.
    """
    given = _object("policy", state)
    known = {*LISTS, *SWITCHES, *NUMBERS, "allow_origin_regex", "hands_off"}
    for name in given:
        if name not in known:
            raise InputError("policy", f"the lab has no option {name[:40]!r}")
    options: dict[str, Any] = {}
    for name, value in given.items():
        if name in LISTS:
            options[name] = _texts(name, value)
        elif name in SWITCHES:
            if not isinstance(value, bool):
                raise InputError(name, "expected true or false")
            options[name] = value
        elif name in NUMBERS and value is not None:
            if isinstance(value, bool) or not isinstance(value, int) or abs(value) > 10**9:
                raise InputError(name, "expected a whole number")
            options[name] = value
        elif name == "max_age":
            options[name] = None
        elif name == "allow_origin_regex" and value:
            options[name] = _text(name, value, MAX_REGEX)
    return options


def read_rules(state: object) -> list[tuple[str, None]]:
    """Read the path patterns that Corsac leaves alone, as rules.

    Raises:
        InputError: They are not a list of text, or too many.
    """
    patterns = _object("policy", state).get("hands_off") or []
    return [(pattern, None) for pattern in _texts("hands_off", patterns)]


def read_request(state: object, places: Places, case: str) -> tuple[FetchRequest, str]:
    """Read the request, and how the application responds to it.

    Args:
        state: A JSON object.
        places: Where pages and API are.
        case: The name of this case, which the URL carries.

    Raises:
        InputError: A value cannot be used.
    """
    given = _object("request", state)
    page = _text("page", given.get("page", "app"))
    if page not in places.pages:
        raise InputError("page", "there is no such page")
    path = _text("path", given.get("path", "/"))
    if not path.startswith("/") or "#" in path or "?" in path or "\\" in path:
        raise InputError("path", "a path begins with a slash and has no ?, # or backslash")
    response = _text("response", given.get("response", "200"))
    if response not in RESPONSES:
        raise InputError("response", "there is no such response")
    lines = given.get("headers", [])
    if not isinstance(lines, list) or len(lines) > MAX_ENTRIES:
        raise InputError("headers", f"expected a list of at most {MAX_ENTRIES} headers")
    headers = []
    for line in lines:
        if not isinstance(line, list) or len(line) != 2:
            raise InputError("headers", "each header is a name and a value")
        headers.append((_text("headers", line[0]), _text("headers", line[1])))
    method = _text("method", given.get("method", "GET"))
    try:
        url = f"{places.api}{path}?case={case}"
        request = FetchRequest(
            url,
            places.pages[page],
            method,
            headers,
            credentials=_text("credentials", given.get("credentials", "same-origin")),
            mode=_text("mode", given.get("mode", "cors")),
            redirect=_text("redirect", given.get("redirect", "follow")),
        )
    except InputError:
        raise
    except (TypeError, ValueError) as error:
        raise InputError("request", str(error)) from error
    return request, response


def _object(field: str, value: object) -> Mapping[str, Any]:
    if isinstance(value, dict):
        return value
    raise InputError(field, "expected a JSON object")


def _texts(field: str, value: object) -> list[str]:
    if not isinstance(value, list) or len(value) > MAX_ENTRIES:
        raise InputError(field, f"expected a list of at most {MAX_ENTRIES} texts")
    return [_text(field, entry) for entry in value]


def _text(field: str, value: object, limit: int = MAX_TEXT) -> str:
    if not isinstance(value, str):
        raise InputError(field, "expected a text")
    if len(value) > limit:
        raise InputError(field, f"it is longer than {limit} characters")
    return value
