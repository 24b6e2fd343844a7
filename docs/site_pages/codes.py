"""Every code of a configuration problem on its own anchor, with an example that has it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import corsac
from corsac._core import TOLERABLE_CODES
from corsac.cli.code_examples import EXAMPLES, example_problem
from corsac.codes import code_tables
from site_pages.text import GENERATED, anchor, anchored, block

HEADINGS = {
    "policies": "A policy and its rules, whatever they are written in",
    "sources": "What a configuration is written in",
    "tools": "Commands, Django's checks, and what stands around an application",
}


def page() -> str:
    """The page."""
    parts = [
        GENERATED + "# Every problem code\n",
        "A message ends with its code, such as `[origin.invalid]`; here each has an anchor of its "
        "own. [Errors you may meet](errors.md) says what problems are, and has the codes in three "
        "short tables. Codes are stable: programs may compare them.\n",
    ]
    for name, codes in code_tables().items():
        parts.append(f"## {HEADINGS[name]}\n")
        for code, (severity, meaning) in codes.items():
            tolerated = "; can be tolerated" if code in TOLERABLE_CODES else ""
            parts.append(anchored(anchor(code), f"`{code}`", 3))
            parts.append(f"**{severity.capitalize()}{tolerated}.** {meaning}\n")
            parts += _example(code) if code in EXAMPLES else []
    return "\n".join(parts)


def _example(code: str) -> Iterator[str]:
    """An example, what is said of it, and what to write instead."""
    options = EXAMPLES[code]
    found = example_problem(code)
    if found is None:
        raise AssertionError(f"{code}: {options} does not have it")
    yield block("toml", "\n".join(f"{name} = {_value(value)}" for name, value in options.items()))
    yield block("console", str(found))
    if found.fix:
        fixed = ", ".join(f"`{name} = {_value(value)}`" for name, value in found.fix.items())
        yield f"Write instead: {fixed}.\n"


def _value(value: object) -> str:
    """A value of an option as TOML has it."""
    if isinstance(value, corsac.Guard):
        return f"{{ exempt_paths = {_value(value.exempt_paths)} }}"
    if isinstance(value, str) and "\\" in value:
        return f"'{value}'"
    return json.dumps(value, ensure_ascii=False)
