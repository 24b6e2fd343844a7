"""Every code of a problem with a configuration, and what it means.

`corsac.CORSConfigProblem.code` has no other value. Codes are stable: programs compare them, and
``tolerate`` takes four of them. The tables of ``docs/reference/errors.md`` are made of
`code_tables`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Literal

__all__ = ["CORSProblemCode", "Severity", "code_tables", "meaning", "where_to_read"]

Severity = Literal["error", "warning", "info"]
"""``"error"``: nothing is put in force; ``"warning"``: something does not do what it seems to;
``"info"``: worth knowing."""

CORSProblemCode = Literal[
    "always_send.needs_one_origin",
    "guard.not_in_rule",
    "guard.without_effect",
    "header.any_with_credentials",
    "header.authorization_not_covered",
    "header.expose_any_with_credentials",
    "header.expression",
    "header.forbidden_request",
    "header.forbidden_response",
    "header.invalid",
    "header.preflight_only",
    "header.redundant",
    "header.request_name",
    "header.response_name",
    "header.rewritten",
    "header.safelisted",
    "host.invalid",
    "host.non_canonical_ip",
    "host.public_suffix",
    "host.redundant",
    "host.unchecked",
    "max_age.beyond_chromium",
    "max_age.out_of_bounds",
    "mcp.incomplete",
    "method.any_with_credentials",
    "method.forbidden",
    "method.invalid",
    "method.lowercase_patch",
    "method.never_allowed",
    "method.redundant",
    "method.rewritten",
    "method.safelisted",
    "middleware.app_headers",
    "middleware.invalid",
    "middleware.left_over",
    "middleware.missing",
    "middleware.sets_urlconf",
    "middleware.several",
    "middleware.too_low",
    "option.conflict",
    "option.empty",
    "option.misplaced",
    "option.not_in_source",
    "option.unknown",
    "option.without_effect",
    "option.wrong_type",
    "origin.any_in_list",
    "origin.any_with_credentials",
    "origin.apex_not_covered",
    "origin.callback",
    "origin.default_port",
    "origin.insecure_with_credentials",
    "origin.invalid",
    "origin.never_matched",
    "origin.non_canonical_ip",
    "origin.none",
    "origin.null",
    "origin.public_suffix_with_credentials",
    "origin.random_extension_id",
    "origin.redundant",
    "origin.rewritten",
    "origin.websocket_scheme",
    "policy.unreachable",
    "regex.extra_missing",
    "regex.flags",
    "regex.invalid",
    "regex.is_a_pattern",
    "regex.look_alike",
    "regex.matches_any_extension",
    "regex.matches_any_site",
    "regex.matches_null",
    "regex.never_matches",
    "regex.opens_public_suffix",
    "regex.python",
    "regex.reach_unknown",
    "regex.unanchored",
    "regex.unescaped_dot",
    "rule.duplicate",
    "rule.invalid",
    "rule.left_out",
    "rule.narrower",
    "rule.never_matched",
    "rule.no_counterpart",
    "rule.open_end",
    "rule.unreachable",
    "source.import_failed",
    "source.no_table",
    "source.nothing_found",
    "source.syntax",
    "source.unclear",
    "source.unreadable",
    "status.not_ok",
    "tolerate.unknown",
    "value.unseen",
    "view.policy_without_effect",
]


def where_to_read(code: str) -> str:
    """Name the command that says what a code means, of a problem, a refusal or a browser.

    Texts for people end with it, once: it prints an example, what to write instead, and the page
    of the documentation.
    """
    return f"more: corsac explain-code {code}"


def meaning(code: CORSProblemCode) -> str:
    """Say in one sentence what a code means.

    Args:
        code: The code of a problem.

    Returns:
        Plain English with Markdown's marks for code, as in ``docs/reference/errors.md``.

    Raises:
        KeyError: No problem has such a code.

    Example:
        >>> meaning("origin.default_port")
        'Browsers leave out `:443` and `:80`.'
    """
    tables = code_tables().values()
    return {each: text for table in tables for each, (_, text) in table.items()}[code]


@cache
def code_tables() -> Mapping[str, Mapping[CORSProblemCode, tuple[str, str]]]:
    """Return the severities that each code can have, ``"error or warning"``, and its meaning.

    There are three tables, by what such problems are found in: ``"policies"``, ``"sources"`` of
    configurations, and ``"tools"``, which are commands and what stands around an application.
    """
    # Only those who ask for a meaning read the file.
    import tomllib  # noqa: PLC0415
    from importlib import resources  # noqa: PLC0415

    text = (resources.files("corsac") / "codes.toml").read_text("utf-8")
    return {
        name: {code: (severity, meaning) for code, (severity, meaning) in table.items()}
        for name, table in tomllib.loads(text).items()
    }
