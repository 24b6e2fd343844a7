"""Every code of a configuration problem on its own anchor, with an example that has it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import corsac
from corsac._core import TOLERABLE_CODES
from corsac.codes import code_tables
from site_pages.text import GENERATED, anchor, anchored, block

_CREDENTIALS = {"allow_credentials": True}
_APP = "https://app.example.com"

EXAMPLES: dict[str, Mapping[str, Any]] = {
    "option.wrong_type": {"allow_origins": _APP},
    "origin.invalid": {"allow_origins": ["https://App.Example.com/"]},
    "origin.default_port": {"allow_origins": ["https://app.example.com:443"]},
    "origin.non_canonical_ip": {"allow_origins": ["http://[0:0:0:0:0:0:0:1]:8000"]},
    "origin.any_with_credentials": {"allow_origins": ["*"], **_CREDENTIALS},
    "origin.insecure_with_credentials": {"allow_origins": ["http://shop.example"], **_CREDENTIALS},
    "origin.null": {"allow_origins": ["null"]},
    "origin.public_suffix_with_credentials": {
        "allow_origins": ["https://*.github.io"],
        **_CREDENTIALS,
    },
    "origin.websocket_scheme": {"allow_origins": ["wss://app.example.com"]},
    "origin.random_extension_id": {
        "allow_origins": ["moz-extension://3c078156-979c-498b-8990-85f7987dd929"]
    },
    "origin.none": {},
    "origin.redundant": {"allow_origins": [_APP, "https://*.example.com"]},
    "origin.apex_not_covered": {"allow_origins": ["https://*.example.com"]},
    "method.invalid": {"allow_origins": [_APP], "allow_methods": ["GET, PUT"]},
    "method.forbidden": {"allow_origins": [_APP], "allow_methods": ["TRACE"]},
    "method.lowercase_patch": {"allow_origins": [_APP], "allow_methods": ["patch"]},
    "method.redundant": {"allow_origins": [_APP], "allow_methods": ["PUT", "PUT"]},
    "header.invalid": {"allow_origins": [_APP], "allow_headers": ["x trace"]},
    "header.forbidden_request": {"allow_origins": [_APP], "allow_headers": ["cookie"]},
    "header.forbidden_response": {"allow_origins": [_APP], "expose_headers": ["set-cookie"]},
    "header.preflight_only": {
        "allow_origins": [_APP],
        "expose_headers": ["access-control-allow-methods"],
    },
    "header.expose_any_with_credentials": {
        "allow_origins": [_APP],
        "expose_headers": ["*"],
        **_CREDENTIALS,
    },
    "header.response_name": {"allow_origins": [_APP], "allow_headers": ["etag"]},
    "header.request_name": {"allow_origins": [_APP], "expose_headers": ["accept"]},
    "header.redundant": {"allow_origins": [_APP], "allow_headers": ["x-trace", "X-Trace"]},
    "header.safelisted": {"allow_origins": [_APP], "expose_headers": ["content-type"]},
    "header.authorization_not_covered": {"allow_origins": [_APP], "allow_headers": ["*"]},
    "max_age.out_of_bounds": {"allow_origins": [_APP], "max_age": 604800},
    "max_age.beyond_chromium": {"allow_origins": [_APP], "max_age": 86400},
    "status.not_ok": {"allow_origins": [_APP], "preflight_status": 302},
    "guard.without_effect": {
        "allow_origins": [_APP],
        "guard": corsac.Guard(exempt_paths=["/*"]),
    },
    "always_send.needs_one_origin": {
        "allow_origins": [_APP, "https://admin.example.com"],
        "always_send": True,
    },
    "regex.invalid": {"allow_origin_regex": r"https://(?!evil)\w+\.example\.com"},
    "regex.never_matches": {"allow_origin_regex": r"https://app\.example\.com/"},
    "regex.unescaped_dot": {"allow_origin_regex": r"https://\w+.example\.com"},
    "regex.matches_any_site": {"allow_origin_regex": r"https://.*"},
    "regex.opens_public_suffix": {"allow_origin_regex": r"https://\w+\.github\.io"},
    "regex.matches_any_extension": {
        "allow_origin_regex": r"moz-extension://[a-f0-9-]{36}",
        **_CREDENTIALS,
    },
    "regex.matches_null": {"allow_origin_regex": r"null|https://app\.example\.com"},
    "regex.is_a_pattern": {"allow_origin_regex": r"https://[a-z0-9-]+\.example\.com"},
    "tolerate.unknown": {"allow_origins": [_APP], "tolerate": ["origin.invalid"]},
}
"""Options that have the problem; the generator fails where they have not."""

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
    try:
        problems = corsac.CORSPolicy(**options).problems
    except corsac.CORSConfigError as error:
        problems = error.problems
    found = [problem for problem in problems if problem.code == code]
    if not found:
        raise AssertionError(f"{code}: {options} has {[each.code for each in problems]}")
    yield block("toml", "\n".join(f"{name} = {_value(value)}" for name, value in options.items()))
    yield block("console", str(found[0]))
    if found[0].fix:
        fixed = ", ".join(f"`{name} = {_value(value)}`" for name, value in found[0].fix.items())
        yield f"Write instead: {fixed}.\n"


def _value(value: object) -> str:
    """A value of an option as TOML has it."""
    if isinstance(value, corsac.Guard):
        return f"{{ exempt_paths = {_value(value.exempt_paths)} }}"
    if isinstance(value, str) and "\\" in value:
        return f"'{value}'"
    return json.dumps(value, ensure_ascii=False)
