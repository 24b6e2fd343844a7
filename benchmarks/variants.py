"""One thing that is timed, and how a policy is written for it."""

from __future__ import annotations

import functools
import importlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks import names
from benchmarks.scenarios import HeaderLines, Wanted

BODY = os.environ.get("SMALL_APP_TOKEN", "hello").encode()  # What starts a server looks for it.


class NotOfferedError(Exception):
    """A library has nothing for a policy, or is not there; the text says what is missing."""


@dataclass(frozen=True)
class Variant:
    """One of the things that are timed.

    It is built of the policy, the response headers, and the bare app that sends them, where a
    framework can have it. With more than `most_origins` setting it up takes minutes.
    """

    name: str
    build: Callable[[Wanted, HeaderLines, Any], Any]
    baseline: str = names.BARE
    does_cors: bool = True
    most_origins: int = 1_000_000


def alone(name: str, build: Any, **more: Any) -> Variant:
    """What is there to be subtracted."""
    return Variant(name, build, baseline="", does_cors=False, **more)


def inside(
    framework: str, build: Any, subjects: dict[str, Any], **more: Any
) -> tuple[Variant, ...]:
    """A framework alone, and with each of the things that do CORS inside it."""
    bare = alone(f"{framework} alone", functools.partial(build, None), **more)
    made = {name: functools.partial(build, what) for name, what in subjects.items()}
    return bare, *(Variant(name, one, bare.name, **more) for name, one in made.items())


def loaded(module: str) -> Any:
    """A module of what is compared, which some Pythons have no wheel of."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise NotOfferedError(f"{error.name or module} is not installed") from None


def options(wanted: Wanted, *, patterns: bool = False) -> dict[str, Any]:
    """The options that several libraries have under the same names."""
    pattern = [f"https://*.{wanted.pattern}"] if patterns and wanted.pattern else []
    return {
        "allow_origins": [*wanted.origins, *pattern],
        "allow_methods": [*wanted.methods],
        "allow_headers": [*wanted.request_headers],
        "allow_credentials": wanted.credentials,
        "expose_headers": [*wanted.expose_headers],
        "max_age": wanted.max_age,
    }


def expressions(wanted: Wanted) -> list[str]:
    """For libraries that match expressions from the start only, so that the end is written."""
    if wanted.pattern:
        return [rf"^https://.*\.{re.escape(wanted.pattern)}$"]
    return [f"^{wanted.regex}$"] if wanted.regex else []


def text(headers: HeaderLines) -> list[tuple[str, str]]:
    """Header lines as WSGI has them."""
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]


def own_headers(headers: HeaderLines) -> list[tuple[str, str]]:
    """The lines without those that a framework makes of the body itself."""
    return [line for line in text(headers) if line[0] not in {"content-type", "content-length"}]
