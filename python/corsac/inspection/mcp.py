"""What the policy of an MCP server lacks for pages; its SDK (`mcp`) is not imported."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from corsac import _core
from corsac._classes import attribute_of
from corsac._text import in_words
from corsac.codes import Severity
from corsac.configuration import make_configuration
from corsac.errors import CORSConfigError, CORSConfigProblem
from corsac.inspection.layers import MAX_LISTED, Applied, MCPEndpoint, Search
from corsac.policy import CORSPolicy
from corsac.several import members_of
from corsac.validation.fixes import keep_fixes_that_hold

__all__ = ["DISCOVERY", "endpoint_of", "problems_of_endpoints"]

DISCOVERY = "/.well-known/oauth-"
"""What the paths of OAuth's metadata begin with (RFC 8414, RFC 9728)."""


def endpoint_of(found: object, path: str, outside: Iterable[object]) -> MCPEndpoint | None:
    """Recognise an endpoint of the SDK by the names of its classes; ``None`` for anything else.

    Args:
        found: An application.
        path: Its path.
        outside: What wraps it.
    """
    kind, holder = _kind(found), found
    if kind == "SseServerTransport":
        security = attribute_of(attribute_of(found, "_security"), "settings")
    elif kind in {"StreamableHTTPASGIApp", "StreamableHTTPSessionManager"}:
        if kind == "StreamableHTTPASGIApp":
            holder = attribute_of(found, "session_manager")
        security = attribute_of(holder, "security_settings")
    else:
        return None
    if attribute_of(security, "enable_dns_rebinding_protection") is not True:
        security = None
    return MCPEndpoint(
        path or "/",
        is_streamable=kind != "SseServerTransport",
        is_stateless=attribute_of(holder, "stateless") is True,
        has_sign_in=any(_kind(each) == "RequireAuthMiddleware" for each in outside),
        security=security,
    )


_problem = functools.partial(CORSConfigProblem, "mcp.incomplete")


def _kind(found: object) -> str:
    cls = type(found)
    return cls.__name__ if cls.__module__.partition(".")[0] in {"mcp", "fastmcp"} else ""


def problems_of_endpoints(search: Search, applied: Applied) -> Iterator[CORSConfigProblem]:
    """Yield what a layer of Corsac's lacks for the endpoints of the SDK inside of it.

    Args:
        search: What was found in the application.
        applied: What the layer applies, without errors.
    """
    for endpoint in search.mcp:
        place, policies = _policies_at(endpoint.path, applied)
        for policy in policies:
            yield from _with_fixes(endpoint, place, policy)
        if endpoint.security is None and applied.allowed_hosts is None:
            yield _problem(
                "warning",
                "allowed_hosts",
                None,
                f"MCP at {endpoint.path}: a page that had its name point to this server is of the "
                "same origin for the browser, and may call every tool (DNS rebinding)",
                "list the server's own names; corsac.LOOPBACK_HOSTS are those of this machine",
            )
        yield from _hosts_of_sdk(endpoint, applied.allowed_hosts or ())
    paths = search.discovery if search.mcp else []
    hidden = [path for path in paths if not _is_for_anyone(_policies_at(path, applied)[1])]
    if hidden:
        yield _problem(
            "warning",
            "rules",
            hidden[0],
            "a client asks where to sign in before it has a token, from any page",
            'leave this to the SDK, which lets anyone read it: ("/.well-known/*", None) as the '
            "first rule",
            {"rules": (("/.well-known/*", None), *applied.rules)},
        )


def _policies_at(path: str, applied: Applied) -> tuple[str, tuple[CORSPolicy, ...]]:
    """Return the policies that decide for a path, and what to write before their options."""
    marked = dict(applied.routes)
    if path in marked:
        return f"route {path!r}.", members_of(marked[path])
    routing = make_configuration(applied.policy, applied.rules, {}).routing
    index, _ = _core.match_rule(routing, path.encode())
    if index is None:
        return "", members_of(applied.policy)
    pattern, policies = applied.rules[index]
    return f"rules[{pattern!r}].", members_of(policies)


def _is_for_anyone(policies: Sequence[CORSPolicy]) -> bool:
    """Whether every page may read what some policies decide about; none leave it alone."""
    return not policies or any("*" in policy.allow_origins for policy in policies)


def _with_fixes(endpoint: MCPEndpoint, place: str, policy: CORSPolicy) -> list[CORSConfigProblem]:
    """Return what one policy lacks, with the fixes that bring no other problem."""

    def check(fix: Mapping[str, object]) -> list[CORSConfigProblem]:
        try:
            changed = policy._changed(fix)
        except CORSConfigError as error:
            return [*error.problems]
        return [*_of_policy(endpoint, place, changed), *changed.problems]

    found = [*_of_policy(endpoint, place, policy)]
    return keep_fixes_that_hold([*found, *policy.problems], check)[: len(found)]


def _of_policy(
    endpoint: MCPEndpoint, place: str, policy: CORSPolicy
) -> Iterator[CORSConfigProblem]:
    """Yield what one policy lacks; one that allows no origin is for no page."""
    listed = policy._listed(MAX_LISTED)
    if not (listed or policy.allow_origin_regex or policy.allow_origin_func):
        return
    at = f"MCP at {endpoint.path}"
    lists = _missing_from_lists(endpoint, policy)
    for severity, option, entries, why in lists:
        given = getattr(policy, option)
        fixed = entries if "*" in entries else (*given, *entries)
        hint = f"write {option}={[*fixed]!r}"
        yield _problem(severity, f"{place}{option}", given, f"{at}: {why}", hint, {option: fixed})
    if not policy.guard:
        yield _problem(
            "info",
            f"{place}guard",
            policy.guard,
            f"{at}: a page of any other site can send it a POST whose answer it may not read, and "
            "what it asked for has run by then",
            "write guard=True",
            {"guard": True},
        )
    sdk = attribute_of(endpoint.security, "allowed_origins")
    origins = _refused_by_sdk(listed, sdk)
    if origins:
        yield _problem(
            "warning",
            f"{place}allow_origins",
            policy.allow_origins,
            f"{at}: the SDK answers 403 to {in_words(origins)}, whatever the policy says: its own "
            "allowed_origins do not have them",
            _LET_CORSAC_CHECK,
        )


def _missing_from_lists(
    endpoint: MCPEndpoint, policy: CORSPolicy
) -> Iterator[tuple[Severity, str, tuple[str, ...], str]]:
    """Yield each list that lacks something: how bad that is, the entries, and why."""
    has_sessions = endpoint.is_streamable and not endpoint.is_stateless
    if has_sessions and not {"*", "DELETE"} & {*policy.allow_methods}:
        yield "info", "allow_methods", ("DELETE",), "a page cannot end its session without DELETE"
    headers = {name.lower() for name in policy.allow_headers}
    needed = {"content-type", "mcp-protocol-version"}
    if endpoint.is_streamable:
        needed |= {"mcp-method", "mcp-name"}
    if has_sessions:
        needed |= {"mcp-session-id", "last-event-id"}
    if endpoint.has_sign_in:
        needed.add("authorization")
    if "*" in headers:
        needed &= set() if policy.allow_credentials else {"authorization"}
    missing = sorted(needed - headers)
    any_header = ("*", "authorization")
    if missing:
        why = f"clients send {in_words(missing)} too, and the browser refuses their requests"
        yield "warning", "allow_headers", any_header, why
    elif "*" not in headers and endpoint.is_streamable:
        why = "tools name headers of their own (Mcp-Param-...), so that no list is complete"
        yield "info", "allow_headers", any_header, why
    exposed = {name.lower() for name in policy.expose_headers}
    if "*" in exposed and not policy.allow_credentials:
        return
    needs = {"mcp-session-id": has_sessions, "www-authenticate": endpoint.has_sign_in}
    hidden = tuple(name for name, is_needed in needs.items() if is_needed and name not in exposed)
    if hidden:
        why = " and ".join(_UNREAD[name] for name in hidden)
        yield "warning", "expose_headers", hidden, f"a page that cannot read it {why}"


_UNREAD = {
    "mcp-session-id": "has no session after its first request (mcp-session-id)",
    "www-authenticate": "does not learn where to sign in (www-authenticate)",
}


def _hosts_of_sdk(endpoint: MCPEndpoint, hosts: Sequence[str]) -> Iterator[CORSConfigProblem]:
    """Yield which hosts only the SDK refuses, some port of them at least."""
    sdk = attribute_of(endpoint.security, "allowed_hosts")
    with_ports = [each if re.search(r":\d+\Z", each) else f"{each}:*" for each in hosts]
    refused = _refused_by_sdk(with_ports, sdk)
    if refused:
        message = f"MCP at {endpoint.path}: the SDK answers 421 to {in_words(refused)}: its own "
        message += "allowed_hosts do not have them"
        yield _problem("warning", "allowed_hosts", hosts, message, _LET_CORSAC_CHECK)


_LET_CORSAC_CHECK = (
    "let Corsac alone check: TransportSecuritySettings(enable_dns_rebinding_protection=False), and "
    "allowed_hosts for the middleware"
)


def _refused_by_sdk(names: Iterable[str], allowed: object) -> list[str]:
    """Return the origins or hosts of a policy that the SDK's own check does not let pass."""
    if not isinstance(allowed, list):
        return []
    bases = tuple(each[:-1] for each in allowed if each.endswith(":*"))
    return [each for each in names if each not in allowed and not each.startswith(bases or "\n")]
