"""Corsac: CORS for Python web apps, by the Fetch standard."""

from __future__ import annotations

try:
    from corsac import _core as _core
except ImportError as error:
    # A module that is not there comes out of `from` as an error that names the package; one that
    # cannot be loaded is named itself.
    if error.name != "corsac":
        raise
    message = "corsac was not built: install it with `pip install .`, do not import the source tree"
    raise ImportError(message) from error

from corsac._version import __version__
from corsac.asgi import CORSMiddleware
from corsac.errors import CORSConfigError, CORSConfigProblem
from corsac.policy import CORSPolicy

__all__ = [
    "CORSConfigError",
    "CORSConfigProblem",
    "CORSMiddleware",
    "CORSPolicy",
    "__version__",
]
