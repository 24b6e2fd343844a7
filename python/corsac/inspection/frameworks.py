"""What the objects of frameworks tell of themselves; no framework is imported."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from typing import Any

from corsac._classes import attribute_of, inside_of
from corsac.asgi import CORSMiddleware

__all__ = ["MIDDLEWARE_LISTS", "django_middleware", "full_name", "has_flask_cors"]
__all__ += ["is_class_of_corsac", "is_named_cors", "wrapped_by"]

MIDDLEWARE_LISTS = {
    "user_middleware": "starlette",  # FastAPI too.
    "middleware": "litestar",
    "_unprepared_middleware": "falcon",
}
"""Attributes with the middleware that an application was given, outermost first; whose they are."""

_NAMED_CORS = re.compile(r"CORS|Cors(?![a-z])|(?:\A|_)cors(?:_|\Z)")


def is_named_cors(layer: object) -> bool:
    """Whether an application, or a class or function that makes one, is named like a CORS layer."""
    return _NAMED_CORS.search(full_name(layer).rpartition(".")[2]) is not None


def full_name(named: object) -> str:
    """Give the full name of a class or function, or of an object's class."""
    name = attribute_of(named, "__qualname__")
    if not isinstance(name, str):
        named = type(named)
        name = named.__qualname__
    return f"{attribute_of(named, '__module__')}.{name}"


def wrapped_by(current: object) -> object:
    """Return the application that another one calls, or ``None``.

    A framework's function that calls an endpoint is followed no further.
    """
    module = str(attribute_of(current, "__module__"))
    if inspect.isroutine(current) and module.partition(".")[0] in {"starlette", "fastapi"}:
        return None
    if isinstance(attribute_of(current, "routes"), list):
        stack = attribute_of(attribute_of(current, "router") or current, "middleware_stack")
        if stack is not None:
            return None if inspect.ismethod(stack) else stack
    return inside_of(current)


def is_class_of_corsac(cls: object) -> bool:
    """Whether an object is an ASGI middleware class of Corsac's, or derives from one."""
    return isinstance(cls, type) and any(
        each is CORSMiddleware
        or (each.__module__, each.__qualname__) == ("corsac.compat.starlette", "CORSMiddleware")
        for each in cls.__mro__
    )


def has_flask_cors(app: object) -> bool:
    """Whether flask-cors has a function that runs after the requests of a Flask application."""
    functions: Any = attribute_of(app, "after_request_funcs")
    return isinstance(functions, dict) and any(
        str(attribute_of(function, "__module__")).partition(".")[0] == "flask_cors"
        for each in functions.values()
        for function in each
    )


def django_middleware() -> Iterator[tuple[str, str]]:
    """Say what each entry of Django's ``MIDDLEWARE`` is, from the top.

    That is ``"corsac"``, ``"cors"`` (of another library) or ``"other"``; ``""`` if it never answers
    itself, or cannot be imported.
    """
    conf: Any = sys.modules["django.conf"]
    loading: Any = sys.modules["django.utils.module_loading"]
    for name in conf.settings.MIDDLEWARE:
        try:
            cls = loading.import_string(name)
        except Exception:  # Django says so itself when it loads the middleware.
            yield str(name), ""
            continue
        classes = {(each.__module__, each.__qualname__) for each in getattr(cls, "__mro__", ())}
        if ("corsac.django.middleware", "CORSMiddleware") in classes:
            yield name, "corsac"
        elif is_named_cors(cls) or ("corsheaders.middleware", "CorsMiddleware") in classes:
            yield name, "cors"
        elif ("django.middleware.security", "SecurityMiddleware") in classes:
            yield name, "other" if getattr(conf.settings, "SECURE_SSL_REDIRECT", False) else ""
        else:
            yield name, "other"
