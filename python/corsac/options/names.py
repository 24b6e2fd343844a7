"""The names of the options, and the options that foreign and misspelt names stand for."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

__all__ = [
    "MIDDLEWARE_KEYS",
    "OPTION_NAMES",
    "corsac_option",
    "foreign_option_hint",
    "key_hint",
    "nearest_name",
    "option_hint",
]

OPTION_NAMES = (
    "allow_origins",
    "allow_origin_regex",
    "allow_origin_func",
    "allow_methods",
    "allow_headers",
    "allow_credentials",
    "expose_headers",
    "max_age",
    "allow_private_network",
    "preflight_status",
    "preflight_continue",
    "guard",
    "allow_timing",
    "always_send",
    "app_headers",
    "tolerate",
)

MIDDLEWARE_KEYS = frozenset({"allowed_hosts", "debug_header", "policies", "report_only", "rules"})
"""What a file may have beside the options of a policy."""

# Spelt as `_canonical` spells them: flask-cors, django-cors-headers, Starlette, litestar,
# quart-cors, asgi-cors, falcon, Express `cors`, rs/cors, Spring, and the headers themselves.
_FOREIGN_NAMES = {
    "allow_origins": (
        "access_control_allow_origin allow_origin allowed_origin allowed_origins domains hosts "
        "origin origin_whitelist origins urls whitelist allow_origin_patterns "
        "allowed_origin_patterns host_wildcards"
    ),
    "allow_origin_regex": (
        "allow_origin_regexes allow_origins_regex allowed_origin_regex allowed_origin_regexes "
        "origin_regex origin_regex_whitelist origin_regexes regex"
    ),
    "allow_origin_func": (
        "allow_origin_callback allow_origin_function allow_origin_predicate "
        "allow_origin_request_func allow_origin_vary_request_func callback is_allowed_origin "
        "is_origin_allowed origin_callback origin_func predicate"
    ),
    "allow_methods": (
        "access_control_allow_methods access_control_request_method allow_method allowed_method "
        "allowed_methods method methods"
    ),
    "allow_headers": (
        "access_control_allow_headers access_control_request_headers allow_header allowed_header "
        "allowed_headers header headers request_headers"
    ),
    "allow_credentials": (
        "access_control_allow_credentials allow_credential allowed_credentials credential "
        "credentials support_credentials supports_credentials with_credentials"
    ),
    "expose_headers": (
        "access_control_expose_headers expose expose_header exposed_header exposed_headers "
        "response_headers"
    ),
    "max_age": (
        "access_control_max_age maxage max_age_in_seconds max_age_seconds preflight_max_age "
        "preflight_maxage"
    ),
    "allow_private_network": (
        "access_control_allow_private_network allow_local_network_access "
        "allow_private_network_access private_network private_network_access"
    ),
    "preflight_status": (
        "options_status options_success_status preflight_success_status preflight_status_code "
        "success_status"
    ),
    "allow_timing": "timing timing_allow_origin timing_origins",
    "preflight_continue": "options_pass_through options_passthrough preflight_passthrough",
}
_OPTION_OF = {
    foreign: option for option, names in _FOREIGN_NAMES.items() for foreign in names.split()
}

_ANYONE = 'write allow_origins=["*"]'
_HOSTS = "give the middleware allowed_hosts=[...]"
_TRUSTED = (
    "write allow_origins for who may read, guard=Guard(trusted_origins=[...]) for who may write"
)
_PER_PATH = "give the middleware rules=[(path, policy)]"
_VARY = "remove it: Vary is always sent where the answer depends on the request"
_WILDCARD = "remove it: a * is sent wherever it is correct"
_OPTIONS_METHOD = "remove it: the middleware answers every preflight itself"
_LOGGING = 'remove it: refusals are logged by the logger "corsac"'

# Names that are more, or less, than another spelling of one option.
_HINTS = {
    "allow_all": _ANYONE,
    "allowed_host": _HOSTS,
    "allowed_hosts": _HOSTS,
    "trusted_hosts": _HOSTS,
    "csrf_trusted_origins": _TRUSTED,
    "trusted_origins": _TRUSTED,
    "allow_all_headers": 'write allow_headers=["*"]',
    "allow_all_methods": 'write allow_methods=["*"]',
    "allow_all_origins": _ANYONE,
    "allow_any_header": 'write allow_headers=["*"]',
    "allow_any_method": 'write allow_methods=["*"]',
    "allow_any_origin": _ANYONE,
    "origin_allow_all": _ANYONE,
    "automatic_options": _OPTIONS_METHOD,
    "provide_automatic_options": _OPTIONS_METHOD,
    "intercept_exceptions": "remove it: responses to errors have the headers too",
    "allow_wildcard": "remove it: allow_origins has patterns such as https://*.example.com",
    "debug": _LOGGING,
    "logger": _LOGGING,
    "model": "remove it: read the origins first, or write allow_origin_func",
    "path": _PER_PATH,
    "paths": _PER_PATH,
    "resources": _PER_PATH,
    "routes": _PER_PATH,
    "urls_regex": _PER_PATH,
    "replace_https_referer": "remove it: guard refuses forged writes by Sec-Fetch-Site and Origin",
    "send_origin_wildcard": _WILDCARD,
    "send_wildcard": _WILDCARD,
    "vary": _VARY,
    "vary_header": _VARY,
}
_ONE_OPTION_HINTS = {
    _ANYONE: "allow_origins",
    _HINTS["allow_all_headers"]: "allow_headers",
    _HINTS["allow_all_methods"]: "allow_methods",
}

_CLOSE_ENOUGH = 0.8


def foreign_option_hint(name: str) -> str | None:
    """Say what to do about an option that `CORSPolicy` does not have, as a clause of a message.

    The name is misspelt or another library's, in any of its spellings: ``"origins"``,
    ``"allowedHeaders"``, ``"CORS_ALLOWED_ORIGINS"``. A clause is ``"write allow_origins"`` or
    ``"remove it: ..."``; ``None`` if the name resembles nothing.
    """
    hint = _HINTS.get(_canonical(name))
    if hint is not None:
        return hint
    option = corsac_option(name)
    return None if option is None else f"write {option}"


def key_hint(name: str, beside: Collection[str]) -> str | None:
    """Say what to do about an unknown key of a file; as `foreign_option_hint`, in its words.

    Args:
        name: The key.
        beside: What may stand in its table beside the options of a policy.
    """
    canonical = _canonical(name)
    if canonical in beside:
        return f"write {canonical}"
    if canonical in _ELSEWHERE:
        return _ELSEWHERE[canonical]
    if canonical in MIDDLEWARE_KEYS:  # Here it may not stand, or it would be known.
        return _ABOVE
    nearest = nearest_name(canonical, beside)
    if nearest is not None:
        return f"write {nearest}"
    hint = foreign_option_hint(name)
    return _IN_FILES.get(hint or "", hint)


_ABOVE = (
    "move it up to the options of all paths: all below a line in brackets belongs to that table"
)
_ELSEWHERE = {
    "$schema": "begin the file with a line #:schema and the path",
    "hosts": "write allowed_hosts for names of the server, allow_origins for those of pages",
    "policy": "write its options here, or several policies, each below a line [[policies]]",
    "on_refusal": "give it in Python, where functions are: middleware.reconfigure(...)",
    "report_only_hosts": "write allowed_hosts below [report_only]",
    "report_only_rules": "write [[report_only.rules]]",
    "watch": "give it in Python: CORSMiddleware.from_file(app, path, watch=True)",
    **dict.fromkeys(("exempt_paths", "isolate_reads", "writes"), "write it below a line [guard]"),
}
_IN_FILES = {
    _HOSTS: "write allowed_hosts beside the options of all paths",
    _PER_PATH: "write a table [[rules]] for each path",
    _TRUSTED: "write it below a line [guard] for who may write, allow_origins for who may read",
}


def option_hint(name: str) -> str:
    """Say what to do about an unknown option: as `foreign_option_hint`, or all that there are."""
    return foreign_option_hint(name) or f"the options are {', '.join(OPTION_NAMES)}"


def corsac_option(name: str) -> str | None:
    """Return the option that a misspelt or foreign name stands for, or ``None``."""
    canonical = _canonical(name)
    if canonical in OPTION_NAMES:
        return canonical
    hint = _HINTS.get(canonical)
    if hint is not None:
        return _ONE_OPTION_HINTS.get(hint)
    nearest = nearest_name(canonical, (*OPTION_NAMES, *_OPTION_OF))
    return None if nearest is None else _OPTION_OF.get(nearest, nearest)


def nearest_name(name: str, names: Iterable[str]) -> str | None:
    """Return the name most like the given one, or ``None`` if none is much like it."""
    import difflib  # noqa: PLC0415 - mistakes alone need it

    matches = difflib.get_close_matches(name, tuple(names), n=1, cutoff=_CLOSE_ENOUGH)
    return matches[0] if matches else None


_CAMEL_BORDER = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PREFIX = re.compile(r"^(?:(?:quart|flask)_)?cors_")


def _canonical(name: str) -> str:
    """Return the name in snake case, without the prefix of settings files."""
    snake = _CAMEL_BORDER.sub("_", name.strip()).replace("-", "_").lower()
    return _PREFIX.sub("", snake)
