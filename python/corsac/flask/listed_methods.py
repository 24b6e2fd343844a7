"""Methods that options of flask-cors do not list, and that a page may send all the same.

A page may send GET, HEAD and POST whatever a policy lists, and with them the headers that the
answer to a preflight request allows. flask-cors allows none there for a method not listed: so
``methods=["GET"]`` keeps pages from sending JSON by POST.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from wsgiref.types import WSGIApplication, WSGIEnvironment

from corsac import _core
from corsac.configuration import Configuration
from corsac.policy import CORSPolicy
from corsac.several import Policies
from corsac.wsgi import CORSMiddleware

__all__ = ["bare_middlewares", "choose_for_method", "policy_for"]

SAFELISTED_METHODS = frozenset({"GET", "HEAD", "POST"})
"""What a page may send whatever a policy lists (Fetch, "CORS-safelisted method")."""


def bare_middlewares(
    wsgi_app: WSGIApplication, policies: Iterable[CORSPolicy]
) -> dict[CORSPolicy, CORSMiddleware]:
    """Return the middlewares that answer as some policies do, but allow no headers."""
    return {
        policy: CORSMiddleware._part(wsgi_app, policy.replace(allow_headers=()))
        for policy in policies
        if not SAFELISTED_METHODS.issubset(policy.allow_methods)
    }


def choose_for_method(
    bare: Mapping[CORSPolicy, CORSMiddleware], environ: WSGIEnvironment, chosen: CORSMiddleware
) -> CORSMiddleware:
    """Return the middleware that allows no headers if a request asks for a method not listed."""
    method = environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD")
    if (
        method not in SAFELISTED_METHODS
        or "HTTP_ACCESS_CONTROL_REQUEST_HEADERS" not in environ
        or environ["REQUEST_METHOD"] != "OPTIONS"
    ):
        return chosen
    policy = policy_for(chosen._configuration, environ)
    if not isinstance(policy, CORSPolicy) or method in policy.allow_methods:
        return chosen  # Several are in no other library's words.
    return bare.get(policy, chosen)


def policy_for(configuration: Configuration, environ: WSGIEnvironment) -> Policies | None:
    """Return the policy of a configuration for the path of a request, or several."""
    path = environ.get("PATH_INFO", "").encode("latin-1", "replace")
    index, _ = _core.match_rule(configuration.routing, path)
    return configuration.policy if index is None else configuration.rules[index][1]
