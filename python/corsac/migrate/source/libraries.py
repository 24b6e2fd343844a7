"""The classes, functions and signals of CORS libraries that a program's source may name."""

from __future__ import annotations

__all__ = [
    "DJANGO_MIDDLEWARE",
    "DJANGO_SIGNAL",
    "FLASK_CLASSES",
    "FLASK_DECORATORS",
    "LIBRARY_OF",
    "LITESTAR_CLASSES",
    "MIDDLEWARE_CLASSES",
    "MODULES",
    "PARTIAL",
    "STARLETTE_CLASSES",
]

STARLETTE_CLASSES = frozenset(
    {
        "starlette.middleware.cors.CORSMiddleware",
        "fastapi.middleware.cors.CORSMiddleware",
    }
)
MIDDLEWARE_CLASSES = frozenset({"starlette.middleware.Middleware", "fastapi.middleware.Middleware"})
PARTIAL = frozenset({"functools.partial"})
FLASK_CLASSES = frozenset({"flask_cors.CORS", "flask_cors.extension.CORS", "flask.ext.cors.CORS"})
FLASK_DECORATORS = frozenset({"flask_cors.cross_origin", "flask_cors.decorator.cross_origin"})
LITESTAR_CLASSES = frozenset(
    {"litestar.config.cors.CORSConfig", "litestar.config.CORSConfig", "litestar.CORSConfig"}
)
DJANGO_MIDDLEWARE = "corsheaders.middleware.CorsMiddleware"
DJANGO_SIGNAL = "corsheaders.signals.check_request_enabled"

LIBRARY_OF = {
    **dict.fromkeys(STARLETTE_CLASSES, "starlette"),
    **dict.fromkeys(FLASK_CLASSES | FLASK_DECORATORS, "flask-cors"),
    **dict.fromkeys(LITESTAR_CLASSES, "litestar"),
    **dict.fromkeys((DJANGO_MIDDLEWARE, DJANGO_SIGNAL), "django-cors-headers"),
}
"""All that configures CORS, with the library that it belongs to."""

MODULES = {
    **{name.rpartition(".")[0]: library for name, library in LIBRARY_OF.items()},
    "flask.ext.cors": "flask-cors",
}
MODULES = {name: library for name, library in MODULES.items() if "cors" in name}
"""The modules that define it. Such a module as a whole may be handed around, too."""
