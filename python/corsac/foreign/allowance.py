"""Whether one policy allows anything that another does not."""

from __future__ import annotations

from corsac.policy import CORSPolicy

__all__ = ["allows_no_more"]


def allows_no_more(policy: CORSPolicy, than: CORSPolicy) -> bool:
    """Tell whether another policy surely allows all that one allows; False if nobody can tell.

    Lists are compared entry by entry: a pattern that a wider pattern covers counts as more.
    """
    if policy == than:
        return True
    if than.guard and policy.guard != than.guard:
        return False  # Which of two guards refuses more is not compared.
    if policy.allow_timing and not than.allow_timing:
        return False
    if than.app_headers == "replace" and policy.app_headers == "keep":
        return False  # The application may allow more.
    if not (policy.allow_origins or policy.allow_origin_regex or policy.allow_origin_func):
        return True
    return (
        _has_no_more_origins(policy, than)
        and policy.allow_credentials <= than.allow_credentials
        and _is_within(policy.allow_methods, than.allow_methods, than)
        and _has_no_more_headers(policy, than)
        and _is_within(policy.expose_headers, than.expose_headers, than)
        and policy.allow_private_network <= than.allow_private_network
        and policy.preflight_continue <= than.preflight_continue
    )


def _has_no_more_origins(policy: CORSPolicy, than: CORSPolicy) -> bool:
    if "*" in than.allow_origins:
        # Without credentials it covers every origin; with them it sends back each one.
        return True
    regex, function = policy.allow_origin_regex, policy.allow_origin_func
    return (
        set(policy.allow_origins) <= set(than.allow_origins)
        and (regex is None or regex == than.allow_origin_regex)
        and (function is None or function is than.allow_origin_func)
    )


def _is_within(names: tuple[str, ...], others: tuple[str, ...], than: CORSPolicy) -> bool:
    if "*" in others and not than.allow_credentials:
        return True
    return _lower(names) <= _lower(others)


def _has_no_more_headers(policy: CORSPolicy, than: CORSPolicy) -> bool:
    names = _lower(policy.allow_headers)
    others = _lower(than.allow_headers)
    if "*" not in others:
        return names <= others
    # Fetch, "CORS-preflight fetch": "*" covers authorization only with credentials.
    covered = than.allow_credentials or "authorization" in others
    asks = "authorization" in names or ("*" in names and policy.allow_credentials)
    return covered or not asks


def _lower(names: tuple[str, ...]) -> set[str]:
    return {name.lower() for name in names}
