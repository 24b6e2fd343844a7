r"""Reads the configurations of public projects, and what each means as options of a policy.

A configuration is read by its meaning in its own library, unknown names and defaults included; an
entry stays as it was written, so that what is wrong with it is there to be found.

- Starlette has the same names. Its one expression is matched as a whole, as here.
- flask-cors takes one string for a list of one, reads an entry with any of ``*\]?$^[()`` as an
  expression, matches it from the start only (so ``.*`` is added here), and lets in any origin if
  ``origins`` is missing. It ignores names that it does not know. Options of a resource go before
  those of the app. There is no default for ``max_age``.
- django-cors-headers sends its lists literally, but its allow-all is ``"*"``; the old setting names
  (``CORS_ORIGIN_...``) count if the new ones are missing. Expressions match from the start too.
- litestar lets in any origin and any method by default; its other names are Starlette's.

What only concerns paths (``resources``, ``CORS_URLS_REGEX``) or how an answer looks
(``send_wildcard``, ``vary_header``) is left out.

``python -m support.realworld`` in ``tests`` writes the table of outcomes anew, to be reviewed as a
difference.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import corsac
from support.conformance import CASES

OUTCOMES = Path(__file__).parent.parent / "python" / "realworld_outcomes.json"

Configuration = dict[str, Any]

_FLASK_METHODS = ["GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"]
_DJANGO_METHODS = ["DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT"]
_DJANGO_HEADERS = [
    "accept",
    "authorization",
    "content-type",
    "user-agent",
    "x-csrftoken",
    "x-requested-with",
]
_FLASK_EXPRESSION_BYTES = set("*\\]?$^[()")


def read_configurations() -> list[Configuration]:
    """Those whose options are all literal, in order."""
    rows: list[Configuration] = json.loads((CASES / "realworld.json").read_text())
    return [row for row in rows if not row["dynamic"]]


def policy_options(row: Configuration) -> dict[str, Any]:
    """The options of the policy that a configuration means."""
    read = {
        "starlette": _from_starlette,
        "flask-cors": _from_flask_cors,
        "django-cors-headers": _from_django_cors_headers,
        "litestar": _from_litestar,
    }
    return read[row["library"]](row["options"])


def _from_starlette(options: Configuration) -> dict[str, Any]:
    return {"allow_methods": ["GET"]} | options


def _from_litestar(options: Configuration) -> dict[str, Any]:
    return {"allow_origins": ["*"], "allow_methods": ["*"]} | options


def _from_flask_cors(options: Configuration) -> dict[str, Any]:
    flat = {name.removeprefix("CORS_").lower(): value for name, value in options.items()}
    for of_resource in flat.pop("resources", {}).values():
        flat |= of_resource
    origins, expressions = [], []
    for entry in _listed(flat.get("origins", "*")):
        if isinstance(entry, dict):
            expressions.append(entry["regex_object"])
        elif entry != "*" and _FLASK_EXPRESSION_BYTES & set(entry):
            expressions.append(entry)
        else:
            origins.append(entry)
    return {
        "allow_origins": origins,
        "allow_credentials": flat.get("supports_credentials", False),
        "allow_methods": _listed(flat.get("methods", _FLASK_METHODS)),
        "allow_headers": _listed(flat.get("allow_headers", "*")),
        "expose_headers": _listed(flat.get("expose_headers", [])),
        "max_age": flat.get("max_age"),
    } | _matched_from_the_start(expressions)


def _from_django_cors_headers(options: Configuration) -> dict[str, Any]:
    def either(new: str, old: str, default: Any) -> Any:
        return options.get(new, options.get(old, default))

    origins = either("CORS_ALLOWED_ORIGINS", "CORS_ORIGIN_WHITELIST", [])
    if either("CORS_ALLOW_ALL_ORIGINS", "CORS_ORIGIN_ALLOW_ALL", False):
        origins = ["*", *origins]
    expressions = either("CORS_ALLOWED_ORIGIN_REGEXES", "CORS_ORIGIN_REGEX_WHITELIST", [])
    return {
        "allow_origins": origins,
        "allow_credentials": options.get("CORS_ALLOW_CREDENTIALS", False),
        "allow_methods": options.get("CORS_ALLOW_METHODS", _DJANGO_METHODS),
        "allow_headers": options.get("CORS_ALLOW_HEADERS", _DJANGO_HEADERS),
        "expose_headers": options.get("CORS_EXPOSE_HEADERS", []),
        "max_age": options.get("CORS_PREFLIGHT_MAX_AGE", 86400),
    } | _matched_from_the_start(expressions)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _matched_from_the_start(expressions: list[str]) -> dict[str, str]:
    joined = "|".join(f"(?:{expression}).*" for expression in expressions)
    return {"allow_origin_regex": joined} if joined else {}


def problems_of(row: Configuration) -> tuple[bool, tuple[corsac.CORSConfigProblem, ...]]:
    """Whether a configuration is accepted, and what is said about it."""
    options = policy_options(row)
    try:
        return True, corsac.CORSPolicy(**options).problems
    except corsac.CORSConfigError as error:
        return False, error.problems


def outcome_of(row: Configuration) -> dict[str, Any]:
    """What the table says about a configuration: accepted or not, and the codes by severity."""
    accepted, problems = problems_of(row)
    outcome: dict[str, Any] = {"accepted": accepted}
    for severity in ("error", "warning", "info"):
        codes = sorted({each.code for each in problems if each.severity == severity})
        if codes:
            outcome[severity] = codes
    return outcome


def read_outcomes() -> dict[str, Any]:
    """The table, by the configurations' ids."""
    outcomes: dict[str, Any] = json.loads(OUTCOMES.read_text())
    return outcomes


_LOOPBACK = re.compile(r"http://(?:[a-z0-9.-]*\.)?(?:localhost|127(?:\.\d+){3}|\[::1\])(?::.*)?")


def unsound_because(row: Configuration) -> Iterator[str]:
    """Why a configuration needs to be changed, from what its own library was seen to do.

    The data says what was let in, what never matched and which preflights failed; types, joined
    strings and insecure origins can be seen from the options.
    """
    observed = row["observed"]
    options = policy_options(row)
    if observed.get("error"):
        yield "its own library refuses it"
    if observed.get("any_https_origin_with_credentials"):
        yield "any site with credentials"
    if observed.get("null_with_credentials"):
        yield "null with credentials"
    if observed.get("dead_entries"):
        yield "entries that never match"
    if observed.get("pattern_suffix_attack"):
        yield "a look-alike host gets in"
    if not any(observed.get("preflight_methods", {"": True}).values()):
        yield "no preflight succeeds"
    lists = ("allow_origins", "allow_methods", "allow_headers", "expose_headers")
    values = [options.get(name, []) for name in lists]
    if not all(isinstance(value, list) for value in values):
        yield "a string where a list is meant"
    elif any("," in entry for value in values for entry in value):
        yield "several entries in one string"
    if not isinstance(options.get("allow_credentials", False), bool):
        yield "a string where True or False is meant"
    if options.get("allow_credentials") and any(
        entry.startswith("http:") and not _LOOPBACK.fullmatch(entry)
        for entry in _listed(options.get("allow_origins", []))
    ):
        yield "an insecure origin with credentials"


def _write_outcomes() -> None:
    lines = [
        f"  {json.dumps(row['id'])}: {json.dumps(outcome_of(row))}" for row in read_configurations()
    ]
    OUTCOMES.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    _write_outcomes()
