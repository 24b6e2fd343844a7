"""The Python interface by autodoc, and the keys of the TOML file by its schema."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from site_pages.text import GENERATED, block, table

MODULES = {
    "corsac": "the middleware for ASGI, the policy, its errors",
    "corsac.wsgi": "the middleware for WSGI",
    "corsac.starlette": "Starlette and FastAPI",
    "corsac.flask": "Flask",
    "corsac.compat.starlette": "the drop-in for Starlette's class",
    "corsac.live": "origins that change",
    "corsac.testing": "assertions for tests",
    "corsac.browser": "a browser's side of the protocol",
    "corsac.migrate": "options of other libraries",
    "corsac.codes": "the codes of problems",
    "corsac.prometheus": "metrics",
    "corsac.opentelemetry": "metrics and spans",
}
"""What is public. `corsac.django` needs Django's settings, and is on its own page."""


def page() -> str:
    """The page for autodoc."""
    parts = [
        GENERATED + "# Python interface\n",
        "For Django see [its page](../how-to/django.md).\n",
    ]
    for module, text in MODULES.items():
        directive = f".. automodule:: {module}\n   :members:\n   :imported-members:"
        parts += [f"## `{module}`: {text}\n", block("{eval-rst}", directive)]
    return "\n".join(parts)


def toml() -> str:
    """The page of the TOML file."""
    schema: dict[str, Any] = json.loads(
        (resources.files("corsac") / "corsac.schema.json").read_text("utf-8")
    )
    definitions = schema["definitions"]
    keys = schema["definitions"]["configuration"]["properties"]
    rows = [
        (f"`{name}`", _type(definitions[name]), definitions[name].get("description", ""))
        for name in sorted(keys, key=lambda name: (_is_table(definitions[name]), name))
    ]
    guard = next(each for each in definitions["guard"]["anyOf"] if "properties" in each)
    return "\n".join(
        [
            GENERATED + "# Every key of the TOML file\n",
            "`CORSMiddleware.from_file`, `corsac check` and `corsac explain` read it; the keys "
            "stand at the top, or in a table `[corsac]` or `[tool.corsac]`. An example: "
            "[One TOML file](options.md#one-toml-file). For editors: `corsac check --schema`.\n",
            table(["key", "type", "meaning"], rows),
            "## Keys of `[guard]`\n",
            table(
                ["key", "type", "meaning"],
                [(f"`{n}`", _type(k), k["description"]) for n, k in guard["properties"].items()],
            ),
            "## Keys of `[[rules]]`\n",
            "`path`, and then the keys of a policy or `policy = false`:\n",
            table(
                ["key", "type", "meaning"],
                [
                    (f"`{n}`", _type(k), k["description"])
                    for n, k in definitions["rule"]["properties"].items()
                    if "description" in k
                ],
            ),
        ]
    )


def _is_table(key: dict[str, Any]) -> bool:
    """Whether a key is a table of the file, or several: those come last."""
    return "object" in (key.get("type"), key.get("items", {"type": ""}).get("type", "object"))


def _type(key: dict[str, Any]) -> str:
    """A type in words."""
    if "anyOf" in key:
        return " or ".join(_type(each) for each in key["anyOf"])
    if "enum" in key:
        return " or ".join(f"`{json.dumps(each)}`" for each in key["enum"])
    kind = key.get("type", "")
    if kind == "array":
        return "strings" if key["items"].get("type") == "string" else "tables"
    if "minimum" in key:
        return f"{key['minimum']} to {key['maximum']}"
    return " or ".join(kind) if isinstance(kind, list) else {"object": "table"}.get(kind, kind)
