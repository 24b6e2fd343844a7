"""Write the tables of codes in ``docs/reference/errors.md``, of the data that the package has.

    python docs/error_tables.py

A test holds the page to this.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from corsac._core import TOLERABLE_CODES
from corsac.codes import CORSProblemCode, code_tables

PAGE = Path(__file__).parent / "reference" / "errors.md"

HEAD = "| code | severity | what it says |\n|---|---|---|\n"
TABLE = re.compile(re.escape(HEAD) + r"(?:\|.*\n)*")


def table(codes: Mapping[CORSProblemCode, tuple[str, str]]) -> str:
    """A row for each code: its severities, whether it can be tolerated, and its meaning."""
    return HEAD + "".join(
        f"| `{code}` | {severity}{', can be tolerated' * (code in TOLERABLE_CODES)} | {meaning} |\n"
        for code, (severity, meaning) in codes.items()
    )


def with_tables(page: str) -> str:
    """The page with its tables made anew, in their order."""
    tables = map(table, code_tables().values())
    return TABLE.sub(lambda _: next(tables), page)


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text("utf-8")), "utf-8")
