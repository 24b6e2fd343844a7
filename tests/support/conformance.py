"""Reads the conformance cases: data that knows nothing of Corsac, and what it means to Corsac."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import corsac
from corsac import _core
from support.exchange import AppResponse, Request, Response

CASES = Path(__file__).parent.parent / "conformance"

Case = dict[str, Any]

_OPTION_NAMES = {
    "origins": "allow_origins",
    "trusted_origins": "allow_origins",
    "methods": "allow_methods",
    "request_headers": "allow_headers",
    "expose_headers": "expose_headers",
    "credentials": "allow_credentials",
    "preflight_success_status": "preflight_status",
    "preflight_continue": "preflight_continue",
    "allow_private_network": "allow_private_network",
    "max_age": "max_age",
    "allow_timing": "allow_timing",
}


def read_cases(name: str) -> list[Case]:
    """The cases of one file, in order."""
    cases: list[Case] = json.loads((CASES / name).read_text())["cases"]
    return cases


def policy_options(config: Case) -> dict[str, Any]:
    """The options of the policy that a case's configuration means."""
    options: dict[str, Any] = {"max_age": None}
    for name, value in config.items():
        if name in _OPTION_NAMES:
            options[_OPTION_NAMES[name]] = value
        elif name == "origin_regexes":
            (options["allow_origin_regex"],) = value
        elif name == "predicate":
            options["allow_origin_func"] = _predicate(value)
        elif name == "allow_null_origin":
            options["allow_origins"] = [*config.get("origins", []), "null"]
            options["tolerate"] = ["origin.null"]
        elif name == "profile":
            assert value in {"cross_origin_guard", "websocket"}, value
            options["guard"] = True
        else:
            message = f"no option of Corsac for {name}"
            raise AssertionError(message)
    return options


def case_policy(config: Case) -> corsac.CORSPolicy | tuple[corsac.CORSPolicy, ...]:
    """The policy that a case's configuration means, or several."""
    if "first_of" in config:
        return tuple(corsac.CORSPolicy(**policy_options(each)) for each in config["first_of"])
    return corsac.CORSPolicy(**policy_options(config))


def _predicate(recipe: str) -> Callable[[str], bool]:
    kind, _, argument = recipe.partition(":")
    if kind == "endswith":
        return lambda origin: origin.endswith(argument)
    assert kind == "raise", recipe

    def broken(origin: str) -> bool:
        raise LookupError(origin)

    return broken


def header_text(value: Any) -> str:
    """A header's value, which a case may give as a recipe for a long one."""
    if isinstance(value, str):
        return value
    if "concat" in value:
        return "".join(text * count for text, count in value["concat"])
    sequence = value["sequence"]
    parts = (sequence["format"] % index for index in range(sequence["count"]))
    separator: str = sequence["separator"]
    return separator.join(parts)


def case_request(case: Case) -> Request:
    """The request of a case."""
    request = case["request"]
    headers = [(name, header_text(value)) for name, value in request["headers"]]
    scheme = request.get("scheme", "http")
    return Request(method=request["method"], headers=headers, scheme=scheme)


def case_app(case: Case) -> AppResponse:
    """The application of a case."""
    app = case.get("app", {})
    return AppResponse(
        status=app.get("status", 200), headers=[tuple(pair) for pair in app.get("headers", [])]
    )


def list_members(response: Response, name: str) -> list[str]:
    """The members of a list header, all lines together."""
    joined = ",".join(response.all(name))
    return [member.strip() for member in joined.split(",") if member.strip()]


def _status_class(case: Case, response: Response, wanted: str) -> bool:
    if wanted == "app":
        return response.status == case_app(case).status
    return response.status // 100 == int(wanted[0])


def _browser_lets_preflight_through(case: Case, response: Response) -> bool:
    """Fetch, "CORS-preflight fetch", for what the request's own headers ask for."""
    request = case_request(case)
    origin, method = "", ""
    names: list[str] = []
    for name, value in request.headers:
        match name.lower():
            case "origin":
                origin = value
            case "access-control-request-method":
                method = value
            case "access-control-request-headers":
                names += [part.strip() for part in value.split(",") if part.strip()]
    # A value that is never safelisted makes every name one that the preflight must allow.
    reason, _ = _core.browser_preflight_check(
        origin,
        bool(case.get("client_credentials", False)),
        method,
        [(name.encode(), b'"' * 200) for name in names],
        response.status,
        [(name.encode(), value.encode("latin-1")) for name, value in response.headers],
    )
    return reason == ""


def check_expectation(case: Case, response: Response, key: str, wanted: Any) -> bool:  # noqa: PLR0911, PLR0912
    """Whether a response is what one field of a case's ``expect`` asks for.

    Raises:
        AssertionError: The field is unknown, so that no expectation is passed over in silence.
    """
    vary = [member.lower() for member in list_members(response, "vary")]
    match key:
        case "is_preflight" | "app_called":
            return response.app_called is (wanted if key == "app_called" else not wanted)
        case "status":
            return bool(response.status == wanted)
        case "status_in":
            return response.status in wanted
        case "status_class":
            return _status_class(case, response, wanted)
        case "status_not_5xx":
            return response.status < 500
        case "blocked":
            return (response.status == 403 and not response.app_called) is wanted
        case "allow_origin":
            return bool(response.one("access-control-allow-origin") == wanted)
        case "timing_allow_origin":
            return bool(response.one("timing-allow-origin") == wanted)
        case "allow_origin_count":
            return bool(len(response.all("access-control-allow-origin")) == wanted)
        case "allow_credentials":
            value = response.one("access-control-allow-credentials")
            return value == ("true" if wanted else None)
        case "allow_private_network":
            value = response.one("access-control-allow-private-network")
            return value == ("true" if wanted else None)
        case "max_age":
            value = response.one("access-control-max-age")
            return value == (None if wanted is None else str(wanted))
        case "vary_contains":
            return all(member.lower() in vary for member in wanted)
        case "vary_excludes":
            return not any(member.lower() in vary for member in wanted)
        case "allow_methods_absent":
            return (response.all("access-control-allow-methods") == []) is wanted
        case "allow_methods_contains":
            return set(wanted) <= set(list_members(response, "access-control-allow-methods"))
        case "allow_methods_excludes":
            return not set(wanted) & set(list_members(response, "access-control-allow-methods"))
        case "expose_contains":
            exposed = [m.lower() for m in list_members(response, "access-control-expose-headers")]
            return all(member.lower() in exposed for member in wanted)
        case "max_response_header_bytes":
            size = sum(len(name) + len(value) + 4 for name, value in response.headers)
            return bool(size <= wanted)
        case "browser_preflight_ok":
            return _browser_lets_preflight_through(case, response) is wanted
        case _:
            message = f"unknown expectation {key}"
            raise AssertionError(message)


def policy_problem_codes(options: Case) -> tuple[bool, dict[str, set[str]]]:
    """Whether a configuration is accepted, and its problem codes by severity."""
    try:
        problems = corsac.CORSPolicy(**options).problems
        valid = True
    except corsac.CORSConfigError as error:
        problems = error.problems
        valid = False
    by_severity: dict[str, set[str]] = {"error": set(), "warning": set(), "info": set()}
    for problem in problems:
        by_severity[problem.severity].add(problem.code)
    return valid, by_severity
