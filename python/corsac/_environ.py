"""Reading an environ (PEP 3333)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["method_and_path"]


def method_and_path(environ: Mapping[str, Any]) -> tuple[object, str]:
    """Return the method and the whole path of a request, decoded."""
    path = str(environ.get("SCRIPT_NAME", "")) + str(environ.get("PATH_INFO", ""))
    text = path.encode("latin-1", "replace").decode("utf-8", "replace")
    return environ.get("REQUEST_METHOD"), text
