"""Write the JSON Schema of the TOML file that `CORSMiddleware.from_file` reads.

    python docs/configuration_schema.py

The names and types are those that the reader has, the descriptions those of `corsac.CORSPolicy`.
Draft 4 is what editors complete TOML by (Taplo, Even Better TOML). A test holds the file to this.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from corsac import CORSPolicy, Guard
from corsac.options.names import OPTION_NAMES
from corsac.options.types import BOOL_OPTIONS, LIST_OPTIONS

FILE = Path(__file__).parent.parent / "python/corsac/corsac.schema.json"

Schema = dict[str, Any]
STRINGS: Schema = {"type": "array", "items": {"type": "string"}}
BOOLEAN: Schema = {"type": "boolean"}
TYPES: dict[str, Schema] = {
    "allow_origin_regex": {"type": "string"},
    "max_age": {
        "anyOf": [{"type": "integer", "minimum": 0, "maximum": 86400}, {"enum": [False, "none"]}]
    },
    "preflight_status": {"type": "integer", "minimum": 200, "maximum": 299},
    "app_headers": {"enum": ["replace", "keep"]},
}


def described(documented: object) -> dict[str, str]:
    """What a Google docstring says about each argument, as plain text."""
    arguments = (inspect.getdoc(documented) or "").partition("\nArgs:\n")[2].partition("\n\n")[0]
    texts = re.split(r"\n {4}\**(\w+): ", "\n" + arguments)[1:]
    return {
        name: " ".join(text.split()).replace("``", "`")
        for name, text in zip(texts[::2], texts[1::2], strict=True)
    }


def table(properties: dict[str, Schema], **more: object) -> Schema:
    """A table that has these keys and no others."""
    return {"type": "object", "properties": properties, "additionalProperties": False, **more}


def guard() -> Schema:
    """Yes or no, or a table of what it refuses."""
    types = dict.fromkeys(("trusted_origins", "exempt_paths"), STRINGS)
    texts = described(Guard)
    arguments = {
        name: {"description": texts[name], **types.get(name, BOOLEAN)} for name in Guard._fields
    }
    return {"anyOf": [BOOLEAN, table(arguments)]}


def options() -> dict[str, Schema]:
    """The options of a policy that a file can have."""
    texts = described(CORSPolicy)
    types = TYPES | dict.fromkeys(LIST_OPTIONS, STRINGS)
    types |= dict.fromkeys(BOOL_OPTIONS, BOOLEAN) | {"guard": guard()}
    return {
        name: {"description": texts[name], **types[name]}
        for name in OPTION_NAMES
        if name != "allow_origin_func"
    }


def make_schema() -> Schema:
    """The schema of the whole file."""
    definitions = options()
    definitions["policies"] = {
        "description": "Several policies: the first whose origins cover the request's decides.",
        "type": "array",
        "items": table(references(options())),
    }
    definitions["rule"] = table(
        {
            "path": {
                "description": "An exact path, or /api/* for it and all below it.",
                "type": "string",
                "pattern": "^/",
            },
            "policy": {"description": "false leaves the path alone.", "enum": [False]},
            **references([*options(), "policies"]),
        },
        required=["path"],
    )
    definitions["rules"] = {
        "description": "The first rule that matches decides.",
        "type": "array",
        "items": reference("rule"),
    }
    definitions["allowed_hosts"] = {
        "description": "The server's own names: api.example.com, *.example.com, localhost.",
        **STRINGS,
    }
    definitions["report_only"] = {
        "description": "What is tried on the same requests and changes nothing.",
        **table(references(options()) | references(["allowed_hosts", "policies", "rules"])),
    }
    definitions["debug_header"] = {
        "description": "Name the reason of a refusal in this header; true: corsac-refused.",
        "type": ["boolean", "string"],
    }
    whole = references(definitions.keys() - {"rule"})
    definitions["configuration"] = table(whole)
    tool = {"type": "object", "properties": references(["corsac"], "configuration")}
    return {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "title": "corsac.toml",
        "description": "What CORSMiddleware.from_file of Corsac reads.",
        "definitions": definitions,
        **table(whole | references(["corsac"], "configuration") | {"tool": tool}),
    }


def reference(name: str) -> Schema:
    """What is defined below another name."""
    return {"$ref": f"#/definitions/{name}"}


def references(names: Iterable[str], target: str = "") -> dict[str, Schema]:
    """Keys of which each is what is defined below its own name, or all below one."""
    return {name: reference(target or name) for name in sorted(names)}


if __name__ == "__main__":
    FILE.write_text(json.dumps(make_schema(), indent=1) + "\n", encoding="utf-8")
