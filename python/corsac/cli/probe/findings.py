"""What a probe finds: codes, severities, sentences, and what to do."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["FINDINGS", "Finding", "finding"]


class Finding(NamedTuple):
    """One thing that is wrong with a server, or worth knowing."""

    code: str
    severity: str
    message: str
    hint: str
    evidence: str = ""


def finding(code: str, evidence: str = "", **values: str) -> Finding:
    """Make a finding of its code."""
    severity, message, hint = FINDINGS[code]
    return Finding(code, severity, message.format(**values), hint.format(**values), evidence)


_EXACT = "compare the whole Origin with a list of whole origins, byte for byte"

FINDINGS: dict[str, tuple[str, str, str]] = {
    "origin.reflected_with_credentials": (
        "error",
        "{who}, and in the name of your users: any Origin is echoed, and credentials are allowed",
        "list the origins that may do that; no other is echoed",
    ),
    "origin.reflected": (
        "warning",
        "{who}: any Origin is echoed",
        "list the origins, or if the data is public send the constant *, which caches can keep",
    ),
    "origin.null_with_credentials": (
        "error",
        "The origin null is allowed, with credentials: any website gets it with a sandboxed frame",
        "refuse null; give the page a real origin",
    ),
    "origin.null": (
        "warning",
        "The origin null is allowed: any website gets it with a sandboxed frame",
        "refuse null, or if the data is public send *",
    ),
    "origin.prefix_match": (
        "error",
        "An origin is allowed that only begins like the allowed one: anybody can register it",
        f"{_EXACT}; an expression needs $ or \\Z at its end",
    ),
    "origin.suffix_match": (
        "error",
        "An origin is allowed that only ends like the allowed one",
        f"{_EXACT}; compare ends only after a dot",
    ),
    "origin.unescaped_dot": (
        "error",
        "An origin is allowed that has another character where the allowed one has a dot: anybody "
        "can register it",
        f"{_EXACT}; in an expression write \\. for a dot",
    ),
    "origin.any_subdomain": (
        "info",
        "Origins of the whole domain are allowed, not this one alone: every subdomain has to be "
        "as safe as this server",
        "name the subdomains where that is possible",
    ),
    "origin.insecure": (
        "warning",
        "The same host is allowed without https: who controls a network becomes that page",
        "allow the https origin alone",
    ),
    "origin.any_port": (
        "warning",
        "Another port of the same host is allowed, which is another origin",
        f"{_EXACT}, port included",
    ),
    "origin.several": (
        "error",
        "Access-Control-Allow-Origin has more than one value, which no browser takes",
        "send the one origin that asked, and Vary: Origin",
    ),
    "origin.trailing_slash": (
        "error",
        "Access-Control-Allow-Origin ends with a slash, which no origin does",
        "take the slash away: {value}",
    ),
    "origin.invalid": (
        "error",
        "Access-Control-Allow-Origin is not an origin, so nobody is allowed",
        "send scheme, host and perhaps port, as in https://app.example.com",
    ),
    "header.duplicate": (
        "error",
        "{name} stands in the {what} several times: two layers add it, and browsers read them as "
        "one list",
        "let one layer send it: the server, the proxy or the framework",
    ),
    "vary.missing": (
        "warning",
        "The {what} depends on the Origin, and Vary does not say so: a cache hands the answer for "
        "one website to another",
        "send Vary: Origin with every answer, errors included",
    ),
    "vary.missing_without_origin": (
        "warning",
        "Vary: Origin is left out when a request has no Origin: an image or link puts that answer "
        "into the cache, and the page's request is then blocked",
        "send Vary: Origin with every answer, also without an Origin",
    ),
    "vary.missing_on_refused": (
        "warning",
        "Vary: Origin is left out for origins that are refused: a cache hands their answer to the "
        "allowed ones",
        "send Vary: Origin with every answer, also to those who are refused",
    ),
    "vary.missing_on_preflight": (
        "info",
        "The preflight answer depends on the Origin, and Vary does not say so: browsers do not "
        "mind, caches in between that keep OPTIONS do",
        "send Vary: Origin with preflight answers too",
    ),
    "conditional.lost": (
        "warning",
        "The answer 304 leaves out {name}, which the 200 has: browsers then use the stored one, "
        "perhaps that of another origin",
        "send the same CORS headers and Vary with 304 as with 200",
    ),
    "conditional.changed": (
        "error",
        "The answer 304 has another {name} than the 200, and browsers take the new one",
        "send the same CORS headers and Vary with 304 as with 200",
    ),
    "error.headers_lost": (
        "warning",
        "Answers with an error have no Access-Control-Allow-Origin: a page cannot tell a 404 or "
        "500 from a dead network",
        "add the headers to answers of every status (nginx: add_header ... always)",
    ),
    "credentials.with_any_origin": (
        "warning",
        "Access-Control-Allow-Origin is * and Access-Control-Allow-Credentials is sent: browsers "
        "refuse the two together for requests with credentials",
        "send the origin that asked, from a list; or leave the credentials out",
    ),
    "credentials.not_true": (
        "warning",
        "Access-Control-Allow-Credentials is something else than true, which counts as absent",
        "send true, in lower case, or no such header",
    ),
    "wildcard.with_credentials": (
        "warning",
        "{name} is *, which with credentials is an ordinary name and stands for nothing",
        "list the names",
    ),
    "wildcard.authorization": (
        "info",
        "Access-Control-Allow-Headers is *, which does not cover Authorization",
        "if pages send it, name it too: *, authorization",
    ),
    "preflight.redirected": (
        "error",
        "The preflight is answered with a redirect, which browsers do not follow",
        "let OPTIONS be answered where it is asked: look for a missing or extra slash at the end, "
        "for http to https, and for a login page",
    ),
    "preflight.status": (
        "error",
        "The preflight is answered with {value}, and only 200 to 299 passes",
        "answer OPTIONS before authentication and routing, with 204",
    ),
    "max_age.invalid": (
        "warning",
        "Access-Control-Max-Age is not a number of seconds: browsers forget in 5 seconds, or at "
        "once",
        "send digits alone, as in 600",
    ),
    "max_age.capped": (
        "info",
        "Access-Control-Max-Age is more than browsers keep: Chromium 7200 seconds, Firefox 86400, "
        "Safari 600",
        "send 7200 at most, and do not rely on more",
    ),
    "max_age.missing": (
        "info",
        "There is no Access-Control-Max-Age: browsers ask again after 5 seconds",
        "send one, as in 600",
    ),
}
"""Severity, message and hint by code."""
