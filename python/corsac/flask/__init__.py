"""Flask: an extension and a decorator with the names of flask-cors, around one WSGI middleware.

``from flask_cors import CORS, cross_origin`` becomes ``from corsac.flask import CORS,
cross_origin``. The options mean what they mean there; what is unsafe there is narrower here, with
a warning or an error that says what to write.
"""

from __future__ import annotations

try:
    import flask as _flask  # noqa: F401
except ImportError as error:
    if error.name != "flask":
        raise
    message = "corsac.flask needs Flask: pip install 'corsac[flask]'"
    raise ImportError(message) from error

from corsac.flask.extension import CORS, cross_origin, install
from corsac.flask.middleware import FlaskMiddleware

__all__ = ["CORS", "FlaskMiddleware", "cross_origin", "install"]
