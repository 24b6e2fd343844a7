"""What the options of the Node package ``cors`` mean; `corsac.options.express` reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from corsac.foreign.reader import OriginRegex, Reader, is_entry
from corsac.foreign.reading import Reading
from corsac.options.express import read_express as read_source

__all__ = ["read_express"]


def read_express(given: Mapping[str, Any]) -> Reading:
    """Read the options of ``cors(...)``."""
    source = read_source(given)
    reader = Reader(given, source.names)
    reader.library = "express"
    reader.options = dict(source.options)
    reader.problems = list(source.problems)
    regex = reader.options.pop("allow_origin_regex", None)
    if isinstance(regex, str):
        reader.regexes.append(OriginRegex(regex, regex, "origin"))
    # To Express a pattern is text that no origin equals; it says so itself.
    reader.options["allow_origins"] = [
        entry
        for entry in reader.options.get("allow_origins", [])
        if entry == "*" or "*" not in entry or not is_entry(entry)
    ]
    return reader.finish()
