"""Every code of a problem with a configuration, and what it means: the one list of them.

`corsac.CORSConfigProblem.code` has no other value. Codes are stable: programs compare them, and
``tolerate`` takes four of them. The tables of ``docs/errors.md`` are made from this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

__all__ = ["MEANINGS", "CORSProblemCode", "Severity"]

Severity = Literal["error", "warning", "info"]
"""``"error"``: nothing is put in force; ``"warning"``: something does not do what it seems to;
``"info"``: worth knowing."""

CORSProblemCode = Literal[
    "always_send.needs_one_origin",
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
    "max_age.beyond_chromium",
    "max_age.out_of_bounds",
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

MEANINGS: Final[Mapping[CORSProblemCode, tuple[str, str]]] = {
    # A policy and its rules, whatever they are written in.
    "option.wrong_type": (
        "error or warning",
        "Not the type that the option has, such as a string for a list.",
    ),
    "origin.invalid": (
        "error",
        "No browser can send this: a path, a trailing slash, capitals, no scheme, a `*` in a wrong "
        "place.",
    ),
    "origin.default_port": ("error", "Browsers leave out `:443` and `:80`."),
    "origin.non_canonical_ip": ("error", "Browsers write this IP address in another way."),
    "origin.any_with_credentials": (
        "error",
        '`"*"` or an expression for any site, or for any extension (`chrome-extension://.*`), with '
        "credentials: it could act with the user's cookies.",
    ),
    "origin.insecure_with_credentials": (
        "error",
        "`http` with credentials: the network can change such a page. Loopback addresses and "
        "`localhost` are fine.",
    ),
    "origin.null": (
        "error or warning",
        "Any site can send the origin `null`, from a sandboxed frame.",
    ),
    "origin.public_suffix_with_credentials": (
        "error",
        "Anyone can get a host that the pattern or expression matches, such as below `github.io`.",
    ),
    "origin.websocket_scheme": (
        "error",
        "Pages that open WebSockets send `https://...`, never `wss://...`.",
    ),
    "origin.random_extension_id": (
        "warning",
        "Firefox and Safari make an extension's id up for each installation, so no second user has "
        "it.",
    ),
    "origin.none": ("warning", "No origin is allowed and there is no guard."),
    "origin.redundant": ("warning", 'Listed twice, or covered by `"*"` or a pattern.'),
    "origin.apex_not_covered": (
        "info",
        "`https://*.example.com` does not match `https://example.com`.",
    ),
    "method.invalid": ("error", 'Not one token, such as `"GET, PUT"`.'),
    "method.forbidden": ("error", "`CONNECT`, `TRACE` and `TRACK`: no page can send them."),
    "method.lowercase_patch": (
        "warning",
        "`patch` is not `PATCH`: browsers send it as the page writes it.",
    ),
    "method.redundant": ("info", 'Listed twice, or covered by `"*"`.'),
    "header.invalid": ("error", "Not one token."),
    "header.forbidden_request": ("error", "No page can set this header, such as `cookie`."),
    "header.forbidden_response": ("error", "No page can read this header: `set-cookie`."),
    "header.preflight_only": ("error", "Exposing this header means nothing."),
    "header.expose_any_with_credentials": ("error", 'With credentials `"*"` exposes nothing.'),
    "header.response_name": (
        "warning",
        "A header that only servers send, such as `etag`, in `allow_headers`.",
    ),
    "header.request_name": (
        "warning",
        "A header that only browsers send, such as `accept`, in `expose_headers`.",
    ),
    "header.redundant": ("info", 'Listed twice, or covered by `"*"`.'),
    "header.safelisted": ("info", "Pages can read this header anyway."),
    "header.authorization_not_covered": ("info", '`"*"` does not cover `authorization`.'),
    "max_age.out_of_bounds": ("error or warning", "Not 0 to 86400 whole seconds."),
    "max_age.beyond_chromium": ("info", "Chromium keeps a preflight answer for 2 hours at most."),
    "status.not_ok": ("error", "Not 200 to 299, so browsers would refuse it."),
    "guard.without_effect": (
        "warning",
        '`"*"` trusts every site, so the guard has nothing to refuse.',
    ),
    "always_send.needs_one_origin": (
        "error",
        "Only one exact origin can be the same on every response.",
    ),
    "regex.invalid": (
        "error",
        "Not a string, or not an expression that RE2 can run, such as one with look-arounds.",
    ),
    "regex.extra_missing": (
        "error or warning",
        "`allow_origin_regex` needs `pip install 'corsac[re2]'`; a drop-in runs it by Python's "
        "`re` until then.",
    ),
    "regex.never_matches": ("error", "No origin that a browser sends can match."),
    "regex.unescaped_dot": (
        "error or warning",
        "A dot stands for any character, so a host of somebody else matches; an error with "
        "credentials.",
    ),
    "regex.matches_any_site": (
        "warning",
        "Any site matches; with credentials that is `origin.any_with_credentials`.",
    ),
    "regex.opens_public_suffix": (
        "warning",
        "Anyone can get a name that matches; with credentials that is "
        "`origin.public_suffix_with_credentials`.",
    ),
    "regex.matches_any_extension": (
        "warning or info",
        "With credentials, any extension of a browser that makes ids up; an info if the expression "
        "is no wider than those ids.",
    ),
    "regex.reach_unknown": (
        "error",
        "What the expression reaches cannot be told, and with credentials it has to be.",
    ),
    "regex.matches_null": ("warning", "`null` is never asked about."),
    "regex.is_a_pattern": ("info", "`allow_origins` can say it without an expression."),
    "rule.invalid": (
        "error or warning",
        "A path pattern that no router's path can match, such as `api/*` or `/a*`.",
    ),
    "rule.duplicate": (
        "warning",
        "The same pattern stands there earlier, so this rule never decides.",
    ),
    "rule.unreachable": ("warning", "An earlier rule decides for all its paths."),
    "tolerate.unknown": ("error", "Not a code that can be tolerated."),
    # Where a configuration comes from: files, variables, settings, options of other libraries.
    "option.unknown": (
        "error or warning",
        "No option has this name; the hint says which one is probably meant.",
    ),
    "option.empty": ("error or warning", "A value is empty, as it is when a variable is not set."),
    "option.conflict": ("error or warning", "Two things are set of which only one can count."),
    "option.misplaced": (
        "error or warning",
        "It stands, or was set, where it has no effect, or too late for one.",
    ),
    "option.not_in_source": ("error", "A file or variable cannot say it: write it in Python."),
    "option.without_effect": ("warning or info", "The option changes nothing."),
    "origin.any_in_list": (
        "error",
        'In a list of Express `"*"` is compared with the origin, so it matches nothing.',
    ),
    "origin.callback": (
        "error",
        "A function takes the origin alone and returns its answer.",
    ),
    "origin.never_matched": (
        "error or warning",
        "The library compares this entry as it is, pattern or white space and all, so that no "
        "origin is equal to it.",
    ),
    "origin.rewritten": (
        "warning or info",
        "The library compares less of an origin than a browser sends; the origin is meant.",
    ),
    "method.any_with_credentials": (
        "warning",
        'With credentials `"*"` is only the name of a method, and allows nothing.',
    ),
    "method.never_allowed": (
        "warning",
        "The library compares it as it is, and no browser asks for it like that.",
    ),
    "method.rewritten": ("warning", "White space around a name is no part of it."),
    "method.safelisted": (
        "warning",
        "The library refuses preflight requests for GET, HEAD or POST, which Fetch always allows.",
    ),
    "header.any_with_credentials": (
        "warning",
        'With credentials `"*"` is only the name of a header, and allows nothing.',
    ),
    "header.expression": ("error", "An expression for header names."),
    "header.rewritten": ("warning", "White space around a name is no part of it."),
    "regex.flags": ("error", "Flags of an expression that RE2 has no word for."),
    "regex.look_alike": (
        "error or warning or info",
        "The library takes it for an expression that matches something else than it looks like.",
    ),
    "regex.python": (
        "warning",
        "Python's `re` runs the expression: an origin that is made for it may take for ever.",
    ),
    "regex.unanchored": (
        "error or warning",
        "An expression without an end: names of others match the library, and not Corsac.",
    ),
    "rule.left_out": (
        "error or info",
        "A later rule would allow more on paths that an earlier one leaves out: it is not there.",
    ),
    "rule.narrower": (
        "warning",
        "The rule covers less than the expression did.",
    ),
    "rule.never_matched": ("warning", "No path can match."),
    "rule.no_counterpart": (
        "error or warning",
        "An expression for paths that rules cannot say: in `corsac.flask` it stands for the routes "
        "that it matches.",
    ),
    "rule.open_end": (
        "warning",
        "Only the start of a path is compared, so longer ones match.",
    ),
    "source.unreadable": ("error", "The file cannot be read."),
    "source.syntax": ("error", "The file is not TOML."),
    "source.no_table": ("error", "The file has no table for Corsac."),
    # `corsac check`, `corsac migrate`, and the system checks of Django.
    "source.unclear": ("error", "It is not told what is to be checked."),
    "source.import_failed": ("error or warning", "The module cannot be imported."),
    "source.nothing_found": ("error", "There is no configuration where it was looked for."),
    "middleware.app_headers": (
        "warning or info",
        "Code of the application sets CORS headers itself.",
    ),
    "middleware.invalid": ("error", "The middleware cannot be made of its arguments."),
    "middleware.left_over": ("info", "The other library is installed and does nothing."),
    "middleware.missing": ("error or warning", "Settings or marks that no middleware carries out."),
    "middleware.sets_urlconf": (
        "warning",
        "A middleware inside moves requests, so preflight requests follow another path.",
    ),
    "middleware.several": (
        "error or warning",
        "Several CORS layers, of which each changes the headers of the other.",
    ),
    "middleware.too_low": ("warning", "What stands outside of it answers without CORS headers."),
    "value.unseen": ("warning", "A value of the program that cannot be seen in its source."),
    "view.policy_without_effect": ("error", "No request goes to what is decorated."),
}
