"""Corsac: CORS for Python web apps, by the Fetch standard."""

from __future__ import annotations

import sys

if sys.version_info < (3, 12):
    import _xxsubinterpreters as _interpreters

    if _interpreters.get_current() != _interpreters.get_main():
        # Loading the extension would wait for ever: pybind11 asks for the main interpreter's lock.
        message = "corsac needs Python 3.12 or newer in a sub-interpreter"
        raise ImportError(message)

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
from corsac.hosts import LOOPBACK_HOSTS
from corsac.options.guard import Guard
from corsac.origin_function import OriginFunction, OriginRequest
from corsac.policy import CORSPolicy
from corsac.refusals import Refusal

__all__ = [
    "LOOPBACK_HOSTS",
    "CORSConfigError",
    "CORSConfigProblem",
    "CORSMiddleware",
    "CORSPolicy",
    "Guard",
    "OriginFunction",
    "OriginRequest",
    "Refusal",
    "__version__",
]
