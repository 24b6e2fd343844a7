"""System checks: the problems of the settings, and where the middleware stands.

An id is ``corsac.``, a letter for the severity (``E``, ``W`` or ``I``) and a number for the code:
``corsac.W115`` is ``origin.redundant``, ``corsac.E105`` is ``origin.any_with_credentials``. Numbers
below 100 are those that django-cors-headers has for the same finding, so that
``SILENCED_SYSTEM_CHECKS`` keeps its meaning. A number is never given to another code.
"""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.urls import get_resolver, reverse
from django.utils.module_loading import import_string
from django.views import View

from corsac import _core
from corsac._text import printable
from corsac.django.conf import read_settings
from corsac.django.views import UNMARKED, class_of, mark_on, views_below
from corsac.errors import CORSConfigProblem, CORSProblemCode, Severity
from corsac.inspection.frameworks import django_middleware

__all__ = ["NUMBERS", "check_advice", "check_app_headers", "check_middleware"]
__all__ += ["check_notes", "check_settings", "check_views"]

_MESSAGE: Final = {"error": checks.Error, "warning": checks.Warning, "info": checks.Info}
_LETTER: Final = {"error": "E", "warning": "W", "info": "I"}
_OWN_PATH: Final = "corsac.django.CORSMiddleware"

_WHITENOISE: Final = "whitenoise.middleware.WhiteNoiseMiddleware"
_WHITENOISE_SETTING: Final = "WHITENOISE_ALLOW_ALL_ORIGINS"
# They answer or redirect on their own, or make another response of the one that they get.
_ANSWERS_ITSELF: Final = (
    "django.middleware.common.CommonMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    _WHITENOISE,
)
_FOREIGN_APP: Final = "corsheaders"
_SETS_URLCONF: Final = (
    "django_hosts.middleware.HostsRequestMiddleware",
    "django_tenants.middleware.TenantMainMiddleware",
    "django_tenants.middleware.main.TenantMainMiddleware",
    "subdomains.middleware.SubdomainURLRoutingMiddleware",
)
_ASSIGNS: Final = {
    name: re.compile(rf"""\brequest\.{name}\s*=(?!=)|\bsetattr\(\s*\w*request,\s*["']{name}["']""")
    for name in ("urlconf", "path_info")
}
_POLICY_OF: Final = {
    "urlconf": "of the view that ROOT_URLCONF has for the path",
    "path_info": "of the path as it was asked for, and responses that of the path that was set",
}
_IF_NEEDED: Final = {
    "urlconf": "the two URLconfs have views with cors",
    "path_info": "the two paths have different policies, by rules or by views with cors",
}
_SHOWN_LENGTH: Final = 200
_FOR_ANYONE: Final = ("access-control-allow-origin", "*")

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
124 method.any_with_credentials   125 method.rewritten   126 option.misplaced
130 header.invalid   131 header.forbidden_request   132 header.forbidden_response
133 header.preflight_only   134 header.expose_any_with_credentials   135 header.response_name
136 header.request_name   137 header.redundant   138 header.safelisted
139 header.authorization_not_covered
140 header.any_with_credentials   141 header.rewritten
150 max_age.out_of_bounds   151 max_age.beyond_chromium   155 status.not_ok
156 guard.without_effect   157 always_send.needs_one_origin
158 guard.not_in_rule
160 regex.invalid   161 regex.extra_missing   162 regex.never_matches   163 regex.unescaped_dot
164 regex.matches_any_site   165 regex.opens_public_suffix   166 regex.reach_unknown
167 regex.matches_null   168 regex.is_a_pattern   169 regex.unanchored
171 regex.matches_any_extension
180 rule.invalid   181 rule.duplicate   182 rule.unreachable   183 rule.open_end
184 policy.unreachable
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


def check_settings(**_: Any) -> list[checks.CheckMessage]:
    """Return the errors of the settings: with one of them the middleware does not start."""
    return _messages(read_settings()[1], "error")


def check_advice(**_: Any) -> list[checks.CheckMessage]:
    """Return the warnings of the settings: something does not do what it seems to."""
    return _messages(read_settings()[1], "warning")


def check_notes(**_: Any) -> list[checks.CheckMessage]:
    """Return what is worth knowing about the settings."""
    return _messages([*read_settings()[1], *_problems_of_app_headers()], "info")


def check_middleware(**_: Any) -> list[checks.CheckMessage]:
    """Whether the middleware is there once, and above all that answers on its own."""
    entries = [*django_middleware()]
    names = [name for name, _ in entries]
    places = [place for place, (_, kind) in enumerate(entries) if kind == "corsac"]
    if not places:
        message = "no middleware applies the CORS settings"
        hint = f'put "{_OWN_PATH}" at the top of MIDDLEWARE'
        return [_warning("middleware.missing", message, hint)]
    found = []
    others = any(kind == "cors" for _, kind in entries)
    if len(places) > 1 or others:
        message = "there are several CORS middleware, and each overwrites headers of the other"
        hint = f'keep "{_OWN_PATH}" and remove the others'
        found.append(_warning("middleware.several", message, hint))
    if not others and apps.is_installed(_FOREIGN_APP):
        message = (
            "its middleware is not in use, so all that it does is to check the settings once more, "
            "by its own rules"
        )
        hint = "remove it; receivers of its signal are asked without it"
        rest = ("INSTALLED_APPS", _FOREIGN_APP, message, hint)
        found.append(_message(CORSConfigProblem("middleware.left_over", "info", *rest)))
    above = list(_ANSWERS_ITSELF)
    if getattr(settings, "SECURE_SSL_REDIRECT", False):
        above.append("django.middleware.security.SecurityMiddleware")  # Else it never redirects.
    found += [
        _warning(
            "middleware.too_low",
            f"{name} stands above {names[places[0]]}, so what it answers has no CORS headers",
            f'move "{names[places[0]]}" above it',
        )
        for name in names[: places[0]]
        if name in above
    ]
    found += [
        _warning(
            "middleware.sets_urlconf",
            f"{name} sets request.{attribute}, and stands below {names[places[0]]}: preflight "
            f"requests and guard have the policy {_POLICY_OF[attribute]}",
            f'move it above "{names[places[0]]}", if {_IF_NEEDED[attribute]}',
        )
        for name in names[places[0] + 1 :]
        for attribute in _ASSIGNS
        if _sets(name, attribute)
    ]
    return found


def check_views(**_: Any) -> list[checks.CheckMessage]:
    """Whether every decorated method of a class-based view is one that answers requests."""
    try:
        views = list(views_below(get_resolver()))
    except Exception:  # Django's own checks say what is wrong with the URLconf.
        return []
    # A view set of Django REST framework has methods of any name, by the URL.
    classes = [class_of(view) for _, view in views if getattr(view, "actions", None) is None]
    return [
        _message(
            CORSConfigProblem(
                "view.policy_without_effect",
                "error",
                f"{view_class.__module__}.{view_class.__qualname__}.{name}",
                None,
                f"{view_class.__qualname__}.{name} has cors or cors_exempt, and no request goes to "
                "it by itself",
                "decorate the class, or a method that is named like an HTTP method",
            )
        )
        for view_class in dict.fromkeys(classes)
        if view_class is not None
        for name in dir(view_class)
        if name not in (*View.http_method_names, *view_class.http_method_names, "dispatch")
        and mark_on(inspect.getattr_static(view_class, name, None)) is not UNMARKED
    ]


def check_app_headers(**_: Any) -> list[checks.CheckMessage]:
    """Whether another application lets anyone read what the policy then takes back."""
    return _messages(_problems_of_app_headers(), "warning")


def _problems_of_app_headers() -> Iterator[CORSConfigProblem]:
    configuration, _ = read_settings()
    entries = [*django_middleware()]
    kinds = [kind for _, kind in entries]
    if configuration is None or "corsac" not in kinds:
        return
    below = [name for name, _ in entries[kinds.index("corsac") + 1 :]]
    found = []
    if _WHITENOISE in below and getattr(settings, _WHITENOISE_SETTING, True):
        path = f"{urlsplit(getattr(settings, 'STATIC_URL', None) or '').path}x"
        silencer = f"{_WHITENOISE_SETTING} = False"
        found.append(("MIDDLEWARE", "WhiteNoise", "static files", path, silencer))
    if "oauth2_provider" in settings.INSTALLED_APPS:
        discovery = "its discovery documents and keys"
        found.append(("INSTALLED_APPS", "oauth2_provider", discovery, _discovery_path(), ""))
    for option, name, what, path, silencer in found:
        compiled, _ = _core.select_policy(configuration.in_force.routing, path)
        if compiled is None or not configuration.covers(path):
            continue
        log = compiled.app_headers_log
        outcome = _core.decide_request(compiled, "GET", {})
        is_for_anyone = isinstance(outcome, tuple) and _FOR_ANYONE in outcome[1]
        if log is None or is_for_anyone:
            continue  # Nothing of it is lost.
        severity: Severity = "info"
        message = f"{name} sends Access-Control-Allow-Origin: * with {what}, which "
        if log.keeps:
            message += "lets anyone read them, whatever the policy says"
            hint = f"write {silencer} if nobody is to read them" if silencer else ""
        else:
            severity = "warning"
            message += "is removed for origins that the policy does not allow"
            hint = (
                'write CORSAC["app_headers"] = "keep" to leave it, or a rule: '
                f'("{path.rpartition("/")[0]}/*", {{"allow_origins": ["*"]}})'
            )
        yield CORSConfigProblem("middleware.app_headers", severity, option, None, message, hint)


def _discovery_path() -> str:
    """Return the path of oauth2_provider's discovery document, or what it usually is."""
    for name in ("oauth2_provider:oidc-connect-discovery-info", "oauth2_provider:jwks-info"):
        with contextlib.suppress(Exception):  # The URLconf is not there, or wrong.
            return reverse(name)
    return "/o/.well-known/openid-configuration"


def _sets(name: str, attribute: str) -> bool:
    """Whether a middleware is known to set what decides about the view, or its source seems to."""
    if attribute == "urlconf" and name in _SETS_URLCONF:
        return True
    try:
        source = inspect.getsource(import_string(name))
    except Exception:  # There is no such thing, which Django says, or no source.
        return False
    return _ASSIGNS[attribute].search(source) is not None


def _warning(code: CORSProblemCode, message: str, hint: str) -> checks.CheckMessage:
    return _message(CORSConfigProblem(code, "warning", "MIDDLEWARE", None, message, hint))


def _messages(
    problems: Iterable[CORSConfigProblem], severity: Severity
) -> list[checks.CheckMessage]:
    return [_message(problem) for problem in problems if problem.severity == severity]


def _message(problem: CORSConfigProblem) -> checks.CheckMessage:
    if problem.value is None:
        text = problem.message
    elif problem.value == problem.option:
        text = f"{problem.option}: {problem.message}"
    elif problem.message.startswith("should be"):
        text = f"{problem.option} {problem.message}"
    else:
        shown = printable(repr(problem.value), _SHOWN_LENGTH)
        text = f"{shown} in {problem.option}: {problem.message}"
    return _MESSAGE[problem.severity](
        f"{text} [{problem.code}]",
        hint=problem.hint or None,
        id=f"corsac.{_LETTER[problem.severity]}{_number_of(problem):03}",
    )


def _number_of(problem: CORSConfigProblem) -> int:
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
