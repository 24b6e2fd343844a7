"""The names of CORS libraries that a program's source may have, and where each moves to."""

from __future__ import annotations

import re

__all__ = [
    "DJANGO_MIDDLEWARE",
    "FLASK_CLASSES",
    "FLASK_DECORATORS",
    "LITESTAR_CLASSES",
    "MOVED_MODULES",
    "MOVED_TEXTS",
    "STARLETTE_CLASSES",
    "library_of",
    "named_in",
]

STARLETTE_CLASSES = frozenset(
    {"starlette.middleware.cors.CORSMiddleware", "fastapi.middleware.cors.CORSMiddleware"}
)
FLASK_CLASSES = frozenset({"flask_cors.CORS", "flask_cors.extension.CORS"})
FLASK_DECORATORS = frozenset({"flask_cors.cross_origin", "flask_cors.decorator.cross_origin"})
LITESTAR_CLASSES = frozenset(
    {"litestar.config.cors.CORSConfig", "litestar.config.CORSConfig", "litestar.CORSConfig"}
)
DJANGO_MIDDLEWARE = "corsheaders.middleware.CorsMiddleware"

MOVED_MODULES: dict[str, tuple[str, frozenset[str]]] = {
    "starlette.middleware.cors": (
        "corsac.compat.starlette",
        frozenset({"CORSMiddleware", "ALL_METHODS", "SAFELISTED_HEADERS"}),
    ),
    "fastapi.middleware.cors": ("corsac.compat.starlette", frozenset({"CORSMiddleware"})),
    "flask_cors": ("corsac.flask", frozenset({"CORS", "cross_origin"})),
    "flask_cors.extension": ("corsac.flask", frozenset({"CORS"})),
    "flask_cors.decorator": ("corsac.flask", frozenset({"cross_origin"})),
    "corsheaders.signals": ("corsac.django.signals", frozenset({"check_request_enabled"})),
    "corsheaders.defaults": (
        "corsac.django.defaults",
        frozenset({"default_headers", "default_methods"}),
    ),
}
"""For modules of the libraries, the module of Corsac that has some of their names, and which."""

MOVED_TEXTS = {
    "corsheaders": "corsac.django",
    "corsheaders.apps.CorsHeadersAppConfig": "corsac.django",
    DJANGO_MIDDLEWARE: "corsac.django.CORSMiddleware",
}
"""What Django's settings name in lists."""

_ROOTS = {
    "starlette.middleware.cors": "starlette",
    "fastapi.middleware.cors": "starlette",
    "flask_cors": "flask-cors",
    "flask.ext.cors": "flask-cors",
    "corsheaders": "django-cors-headers",
    **dict.fromkeys((*LITESTAR_CLASSES, "litestar.config.cors"), "litestar"),
}
_NAMED = re.compile(rf"(?<![\w.])(?:{'|'.join(map(re.escape, _ROOTS))})(?!\w)")


def library_of(name: str) -> str:
    """Return the library that a dotted name belongs to, or ``""``."""
    return next(
        (library for root, library in _ROOTS.items() if f"{name}.".startswith(f"{root}.")), ""
    )


def named_in(text: str) -> str:
    """Return the library that a text names, alone or in a list without white space; or ``""``.

    Sentences, such as messages and templates, are passed over.
    """
    found = _NAMED.search(text) if not re.search(r"\s", text) else None
    return library_of(found[0]) if found else ""
