"""Drop-ins for other CORS libraries: the same names, options and answers, and a word on traps."""

from __future__ import annotations

from corsac.compat.warnings import CORSConfigWarning

__all__ = ["CORSConfigWarning"]
