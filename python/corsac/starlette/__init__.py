"""Corsac in Starlette and FastAPI: outside of everything, with policies of single routes.

Example:
    >>> from starlette.applications import Starlette
    >>> import corsac.starlette
    >>> app = Starlette()
    >>> middleware = corsac.starlette.install(app, allow_origins=["https://app.example.com"])
"""

from __future__ import annotations

try:
    import starlette.applications as _starlette
except ImportError as error:
    message = "corsac.starlette needs Starlette: pip install 'starlette>=0.40'"
    raise ImportError(message) from error

from corsac.starlette.installation import InstalledCORSMiddleware, install, installed
from corsac.starlette.marks import cors, cors_exempt

__all__ = ["InstalledCORSMiddleware", "cors", "cors_exempt", "install", "installed"]

del _starlette
