"""Methods that options of flask-cors do not list, and that a page may send all the same.

A page may send GET, HEAD and POST whatever a policy lists, and with them the headers that the
answer to a preflight request allows. flask-cors allows none there for a method not listed: so
``methods=["GET"]`` keeps pages from sending JSON by POST.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from corsac import _core
from corsac.wsgi import CORSMiddleware

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication, WSGIEnvironment

    from corsac.foreign.flask_application import ResourcePolicy
    from corsac.policy import CORSPolicy

__all__ = ["BareMiddlewares", "policies_in_old_words"]

SAFELISTED_METHODS = frozenset({"GET", "HEAD", "POST"})
"""What a page may send whatever a policy lists (Fetch, "CORS-safelisted method")."""


def policies_in_old_words(said: Iterable[Iterable[ResourcePolicy]]) -> Iterator[CORSPolicy]:
    """Yield the policies that options of flask-cors made.

    Args:
        said: The resources of an application and its blueprints.
    """
    for resources in said:
        yield from (entry.policy for entry in resources if not entry.is_native)


class BareMiddlewares:
    """The middlewares that answer as a policy does, but allow no headers.

    Args:
        wsgi_app: What they are put around.
        policies: The policies that options of flask-cors made.
    """

    def __init__(
        self, wsgi_app: WSGIApplication | None = None, policies: Iterable[CORSPolicy] = ()
    ) -> None:
        self._by_policy = {
            policy: CORSMiddleware._part(wsgi_app, policy.replace(allow_headers=()))
            for policy in policies
            if wsgi_app is not None and not SAFELISTED_METHODS.issubset(policy.allow_methods)
        }

    def __bool__(self) -> bool:
        return bool(self._by_policy)

    def __iter__(self) -> Iterator[CORSMiddleware]:
        return iter(self._by_policy.values())

    def choose(self, environ: WSGIEnvironment, chosen: CORSMiddleware) -> CORSMiddleware:
        """Return the middleware that allows no headers if the request asks for a method not listed.

        Args:
            environ: The request.
            chosen: What decides about it otherwise.
        """
        method = environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD")
        if (
            method not in SAFELISTED_METHODS
            or "HTTP_ACCESS_CONTROL_REQUEST_HEADERS" not in environ
            or environ["REQUEST_METHOD"] != "OPTIONS"
        ):
            return chosen
        configuration = chosen._configuration
        path = environ.get("PATH_INFO", "").encode("latin-1", "replace")
        index, _ = _core.match_rule(configuration.routing, path)
        policy = configuration.policy if index is None else configuration.rules[index][1]
        if policy is None or method in policy.allow_methods:
            return chosen
        return self._by_policy.get(policy, chosen)
