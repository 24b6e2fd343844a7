"""The numbers of problems in the ids of system checks.

An id is ``corsac.``, a letter for the severity (``E``, ``W`` or ``I``) and a number for the code:
``corsac.W115`` is ``origin.redundant``, ``corsac.E105`` is ``origin.any_with_credentials``. Numbers
below 100 are those that django-cors-headers has for the same finding, so that
``SILENCED_SYSTEM_CHECKS`` keeps its meaning. A number is never given to another code.
"""

from __future__ import annotations

import contextlib
from typing import Final
from urllib.parse import urlsplit

from corsac.errors import CORSConfigProblem

__all__ = ["NUMBERS", "problem_number"]

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

_ENTRIES: Final = ("CORS_ALLOWED_ORIGINS", "CORS_ORIGIN_WHITELIST")
"""Settings in which an entry that is not an origin has the number 13 (no scheme or host) or 14."""

_TABLE: Final = """
101 option.wrong_type   102 option.unknown   103 option.conflict   104 origin.invalid
105 origin.any_with_credentials   106 origin.default_port   107 origin.non_canonical_ip
108 origin.insecure_with_credentials   109 origin.null
110 origin.public_suffix_with_credentials   111 origin.websocket_scheme   112 origin.none
113 origin.apex_not_covered   115 origin.redundant   117 origin.rewritten
118 origin.never_matched   119 option.empty
120 method.invalid   121 method.forbidden   122 method.lowercase_patch   123 method.redundant
124 method.any_with_credentials   125 method.rewritten
130 header.invalid   131 header.forbidden_request   132 header.forbidden_response
133 header.preflight_only   134 header.expose_any_with_credentials   135 header.response_name
136 header.request_name   137 header.redundant   138 header.safelisted
139 header.authorization_not_covered
140 header.any_with_credentials   141 header.rewritten
150 max_age.out_of_bounds   151 max_age.beyond_chromium   155 status.not_ok
156 guard.without_effect   157 always_send.needs_one_origin
160 regex.invalid   161 regex.extra_missing   162 regex.never_matches   163 regex.unescaped_dot
164 regex.matches_any_site   165 regex.opens_public_suffix   166 regex.reach_unknown
167 regex.matches_null   168 regex.is_a_pattern   169 regex.unanchored
171 regex.matches_any_extension
180 rule.invalid   181 rule.duplicate   182 rule.unreachable   183 rule.open_end
190 tolerate.unknown   191 origin.random_extension_id
201 middleware.missing   202 middleware.several   203 middleware.too_low
204 middleware.sets_urlconf   205 view.policy_without_effect   206 middleware.app_headers
207 middleware.left_over
"""
_WORDS: Final = _TABLE.split()
NUMBERS: Final = {code: int(number) for number, code in zip(_WORDS[::2], _WORDS[1::2], strict=True)}
"""The number of each code."""

_OTHER: Final = 100
"""A code that has no number yet."""


def problem_number(problem: CORSConfigProblem) -> int:
    """Return the number of a problem by its code, and the setting in place of its option."""
    code, option, value = problem.code, problem.option, problem.value
    if code == "option.unknown" and option in _REMOVED:
        return _REMOVED[option]
    if (
        option in _ENTRIES
        and code in ("origin.invalid", "origin.rewritten")
        and isinstance(value, str)
    ):
        # django-cors-headers has two numbers for what is one code here.
        with contextlib.suppress(ValueError):
            url = urlsplit(value)
            if code == "origin.invalid" or url.path or url.query:
                return 14 if url.scheme and url.netloc else 13
    is_type = code in ("option.wrong_type", "max_age.out_of_bounds") or (
        code == "regex.invalid" and option == "CORS_URLS_REGEX"
    )
    if is_type and option in _OF_SETTINGS:
        return _OF_SETTINGS[option]
    return NUMBERS.get(code, _OTHER)
