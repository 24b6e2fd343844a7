"""What stands outside of Corsac in an application, and answers without CORS headers."""

from __future__ import annotations

from collections.abc import Iterator

from corsac._classes import attribute_of
from corsac._text import in_words
from corsac.asgi import CORSMiddleware
from corsac.cli.cors_layers import MAX_DEPTH, full_name, is_named_cors
from corsac.middleware import ConfiguredMiddleware

__all__ = ["outside_of_corsac"]


def outside_of_corsac(found: object) -> Iterator[str]:
    """What is to know about responses that are made outside of Corsac; nothing if it is not there.

    Wrappers are followed as `find_layers` does. Whether one of them ever answers itself cannot be
    seen, so that this is no problem of the configuration.

    Args:
        found: What was given to `find_layers`.
    """
    passed: list[str] = []
    current = found
    for _ in range(MAX_DEPTH):
        is_installed = attribute_of(current, "_corsac_middleware") is not None
        if is_installed or isinstance(current, ConfiguredMiddleware):
            yield from _about(passed)
            return
        entries = attribute_of(current, "user_middleware")
        for entry in entries if isinstance(entries, (list, tuple)) else ():
            cls = attribute_of(entry, "cls")
            if isinstance(cls, type) and issubclass(cls, CORSMiddleware):
                yield from _about(passed)
                yield (
                    "Starlette answers unhandled exceptions outside of all that add_middleware "
                    "adds, so those 500s have no CORS headers; write "
                    "corsac.starlette.install(app, ...) in place of add_middleware"
                )
                return
            if not is_named_cors(cls):  # Another CORS layer is a problem, and said as one.
                passed.append(full_name(cls))
        inner = (attribute_of(current, name) for name in ("app", "wsgi_app", "asgi_app"))
        wrapped = next((each for each in inner if each is not None), None)
        if wrapped is None:
            return
        # What has its layers in `wsgi_app` is an application itself.
        if attribute_of(current, "app") is wrapped and not is_named_cors(type(current)):
            passed.append(full_name(type(current)))
        current = wrapped


def _about(passed: list[str]) -> Iterator[str]:
    if passed:
        yield (
            f"{in_words(passed)} stand{'s' if len(passed) == 1 else ''} outside of Corsac and "
            f"answer{'s' if len(passed) == 1 else ''} without CORS headers, preflight requests "
            "too; with add_middleware what is added last is outermost"
        )
