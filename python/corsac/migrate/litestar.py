"""What the options of litestar's ``CORSConfig`` mean (2.25).

They are Starlette's with other defaults: any origin, any of seven methods, any header. A ``*``
inside an entry stands for anything, dots included. The expression and the entries are matched as a
whole. With credentials and any origin the two answers contradict each other: preflight requests
get ``*``, which browsers refuse, and requests with a cookie get their origin back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from corsac.migrate.narrowing import is_entry
from corsac.migrate.prefix_regex import pattern_samples
from corsac.migrate.reading import OriginRegex, Reading
from corsac.migrate.starlette import StarletteReader
from corsac.origins.regex import RegexOrigins, compile_origin_regex

__all__ = ["POSITIONAL", "read_litestar"]

POSITIONAL = (
    "allow_origins",
    "allow_methods",
    "allow_headers",
    "allow_credentials",
    "allow_origin_regex",
    "expose_headers",
    "max_age",
)
"""The arguments of ``CORSConfig``, in order."""


def read_litestar(given: Mapping[str, object]) -> Reading:
    """Read the arguments of litestar's ``CORSConfig``, by name."""
    return _LitestarReader(given).read()


class _LitestarReader(StarletteReader):
    library = "litestar"
    options: tuple[str, ...] = POSITIONAL
    default_origins = ("*",)
    default_methods = ("*",)
    default_headers = ("*",)
    any_method = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
    has_private_network = False

    def is_alive(self, entry: str) -> bool:
        """Whether an entry stays in the list; one with ``*`` may become an expression."""
        if "*" not in entry:
            return True
        text = ".*".join(map(re.escape, entry.split("*")))
        compiled = compile_origin_regex(text)
        samples = tuple(pattern_samples(entry)) if is_entry(entry) else ()
        if not isinstance(compiled, RegexOrigins):
            return bool(samples) and not entry.endswith(":*")
        if samples and all(compiled(sample.encode()) for sample in samples):
            return True
        self.reading.regexes.append(OriginRegex(text, entry, "allow_origins"))
        return False

    def read_origin_string(self, text: str) -> list[str]:
        """The origins of a string where a list is meant: none, as each letter is one."""
        if "*" in text:
            return super().read_origin_string(text)
        self.report(
            "option.wrong_type",
            "error",
            "allow_origins",
            text,
            "litestar takes it letter by letter, so it matches nothing",
            f"write allow_origins={text.replace(',', ' ').split()!r}",
        )
        return []
