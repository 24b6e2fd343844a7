"""The numbers of problems in the ids of system checks.

An id is ``corsac.``, a letter for the severity (``E``, ``W`` or ``I``) and a number for the code:
``corsac.W115`` is ``origin.redundant``, ``corsac.E105`` is ``origin.any_with_credentials``. Numbers
below 100 are those that django-cors-headers has for the same finding, so that
``SILENCED_SYSTEM_CHECKS`` keeps its meaning. A number is never given to another code.
"""

from __future__ import annotations

from typing import Final

__all__ = ["ENTRY_PROBLEMS", "NUMBERS", "problem_number"]

# A value of a wrong type, by the setting.
_OF_SETTINGS: Final = {
    "CORS_ALLOW_HEADERS": 1,
    "CORS_ALLOW_METHODS": 2,
    "CORS_ALLOW_CREDENTIALS": 3,
    "CORS_PREFLIGHT_MAX_AGE": 4,
    "CORS_ALLOW_ALL_ORIGINS": 5,
    "CORS_ORIGIN_ALLOW_ALL": 5,
    "CORS_ALLOWED_ORIGINS": 6,
    "CORS_ORIGIN_WHITELIST": 6,
    "CORS_ALLOWED_ORIGIN_REGEXES": 7,
    "CORS_ORIGIN_REGEX_WHITELIST": 7,
    "CORS_EXPOSE_HEADERS": 8,
    "CORS_URLS_REGEX": 9,
    "CORS_ALLOW_PRIVATE_NETWORK": 15,
}
# Settings that are gone.
_REMOVED: Final = {"CORS_MODEL": 12, "CORS_REPLACE_HTTPS_REFERER": 13}

ENTRY_PROBLEMS: Final = ("CORS_ALLOWED_ORIGINS", "CORS_ORIGIN_WHITELIST")
"""Settings in which an entry that is not an origin has the number 13 (no scheme or host) or 14."""

NUMBERS: Final = {
    "option.wrong_type": 101,
    "option.unknown": 102,
    "option.conflict": 103,
    "option.empty": 119,
    "origin.invalid": 104,
    "origin.any_with_credentials": 105,
    "origin.default_port": 106,
    "origin.non_canonical_ip": 107,
    "origin.insecure_with_credentials": 108,
    "origin.null": 109,
    "origin.public_suffix_with_credentials": 110,
    "origin.websocket_scheme": 111,
    "origin.none": 112,
    "origin.apex_not_covered": 113,
    "origin.redundant": 115,
    "origin.rewritten": 117,
    "origin.never_matched": 118,
    "method.invalid": 120,
    "method.forbidden": 121,
    "method.lowercase_patch": 122,
    "method.redundant": 123,
    "method.any_with_credentials": 124,
    "method.rewritten": 125,
    "header.invalid": 130,
    "header.forbidden_request": 131,
    "header.forbidden_response": 132,
    "header.preflight_only": 133,
    "header.expose_any_with_credentials": 134,
    "header.response_name": 135,
    "header.request_name": 136,
    "header.redundant": 137,
    "header.safelisted": 138,
    "header.authorization_not_covered": 139,
    "header.any_with_credentials": 140,
    "header.rewritten": 141,
    "max_age.out_of_bounds": 150,
    "max_age.beyond_chromium": 151,
    "status.not_ok": 155,
    "guard.without_effect": 156,
    "always_send.needs_one_origin": 157,
    "regex.invalid": 160,
    "regex.extra_missing": 161,
    "regex.never_matches": 162,
    "regex.unescaped_dot": 163,
    "regex.matches_any_site": 164,
    "regex.opens_public_suffix": 165,
    "regex.reach_unknown": 166,
    "regex.matches_null": 167,
    "regex.is_a_pattern": 168,
    "regex.unanchored": 169,
    "regex.matches_any_extension": 171,
    "rule.invalid": 180,
    "rule.duplicate": 181,
    "rule.unreachable": 182,
    "rule.open_end": 183,
    "tolerate.unknown": 190,
    "origin.random_extension_id": 191,
    "middleware.missing": 201,
    "middleware.several": 202,
    "middleware.too_low": 203,
    "middleware.sets_urlconf": 204,
    "view.policy_without_effect": 205,
    "middleware.app_headers": 206,
    "middleware.left_over": 207,
}

_OTHER: Final = 100
"""A code that has no number yet."""


def problem_number(code: str, option: str) -> int:
    """Return the number of a problem by its code, and its option or the setting in its place."""
    if code == "option.unknown" and option in _REMOVED:
        return _REMOVED[option]
    is_type = code in ("option.wrong_type", "max_age.out_of_bounds") or (
        code == "regex.invalid" and option == "CORS_URLS_REGEX"
    )
    if is_type and option in _OF_SETTINGS:
        return _OF_SETTINGS[option]
    return NUMBERS.get(code, _OTHER)
