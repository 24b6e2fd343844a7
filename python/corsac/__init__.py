"""Corsac: CORS for Python web apps, by the Fetch standard."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

if sys.version_info < (3, 12):
    import _signal  # type: ignore[import-not-found]

    try:
        # Where it is called is looked at first, then the number, which no signal has. It is there
        # already; the module that tells interpreters apart has to be loaded.
        _signal.signal(0, _signal.SIG_DFL)
    except ValueError as error:
        if "main thread" in str(error):
            import _xxsubinterpreters as _interpreters

            if _interpreters.get_current() != _interpreters.get_main():
                # Loading the extension would wait for ever: pybind11 asks for the main
                # interpreter's lock.
                message = "corsac needs Python 3.12 or newer in a sub-interpreter"
                raise ImportError(message) from None

try:
    from corsac import _core as _core
except ImportError as error:
    # A module that is not there comes out of `from` as an error that names the package; one that
    # cannot be loaded is named itself.
    if error.name != "corsac":
        raise
    message = "corsac was not built: install it with `pip install .`, do not import the source tree"
    raise ImportError(message) from error

from corsac.asgi import CORSMiddleware
from corsac.errors import CORSConfigError, CORSConfigProblem
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

if TYPE_CHECKING:
    from corsac import codes as codes
    from corsac._origin_request import OriginRequest
    from corsac._version import __version__
    from corsac.hosts import LOOPBACK_HOSTS
    from corsac.options.guard import Guard
    from corsac.origin_function import OriginFunction
else:
    # What most applications do not use is loaded when it is (PEP 562): whoever imports Corsac would
    # wait for it. Type checkers must not see this function; they would accept any name.
    _LOADED_WHEN_USED = {
        "Guard": "corsac.options.guard",
        "LOOPBACK_HOSTS": "corsac.hosts",
        "OriginFunction": "corsac.origin_function",
        "OriginRequest": "corsac._origin_request",
        "__version__": "corsac._version",
        "codes": "corsac.codes",
    }

    def __getattr__(name: str) -> Any:
        """Load a public name or module, once."""
        path = _LOADED_WHEN_USED.get(name)
        if path is None:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message, name=name, obj=sys.modules[__name__])
        module = importlib.import_module(path)
        value = globals()[name] = getattr(module, name, module)
        return value

    def __dir__() -> list[str]:
        """List the public names also before they are loaded."""
        return sorted({*globals(), *__all__})
