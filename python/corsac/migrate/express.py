"""What the options of the Node package ``cors`` mean; `corsac.options.express` reads them."""

from __future__ import annotations

from collections.abc import Mapping

from corsac.migrate.narrowing import is_entry
from corsac.migrate.reading import OriginRegex, Reading
from corsac.options.express import read_express as read_source

__all__ = ["read_express"]


def read_express(given: Mapping[str, object]) -> Reading:
    """Read the options of ``cors(...)``."""
    source = read_source(given)
    reading = Reading(
        dict(source.options), [], list(source.problems), dict(source.names), frozenset(given)
    )
    regex = reading.options.pop("allow_origin_regex", None)
    if isinstance(regex, str):
        reading.regexes.append(OriginRegex(regex, regex, "origin"))
    origins = reading.options.get("allow_origins", [])
    # To Express a pattern is text that no origin equals; it says so itself.
    reading.options["allow_origins"] = [
        entry for entry in origins if entry == "*" or "*" not in entry or not is_entry(entry)
    ]
    if reading.options.pop("preflight_continue", False):
        reading.options["preflight_continue"] = True
    return reading
