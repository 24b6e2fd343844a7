"""Read a state of the page, each value bounded and of its type, and find all that is shown."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from starlette.exceptions import HTTPException

from corsac._local_network import INSTEAD_OF_PRIVATE_NETWORK
from corsac.browser import OBSERVED, PROFILES, FetchOutcome, FetchRequest, Request
from corsac.browser.urls import routed_path
from corsac.configuration import Rule
from corsac.console.printing import printed
from corsac.counts import said_on_trial
from corsac.errors import CORSConfigError
from corsac.explain import Explanation
from corsac.lab.cases import Case, CaseStore, Places
from corsac.lab.source import NO_SOURCE, Source
from corsac.options.guard import Guard, refused_by
from corsac.options.names import OPTION_NAMES
from corsac.policy import CORSPolicy

__all__ = ["InputError", "compare", "evaluate"]

MAX_EXPLAINED = 4
"""Requests of one fetch that are explained: two before a redirect, and two after it."""
MAX_ENTRIES = 64
MAX_TEXT = 512
MAX_REGEX = 128
"""Automata find out what an expression reaches; longer ones could keep them busy."""

RESPONSES = ("200", "404", "500", "redirect", "redirect-307", "redirect-other")

# Whether the page is taken for one of the internet, and what the user said then.
_NETWORK: dict[str, dict[str, Any]] = {
    "": {},
    "denied": {"page_address_space": "public", "permissions": []},
    "granted": {"page_address_space": "public", "permissions": ["loopback-network"]},
}
NOT_ASKED = "this browser loads the page from this machine, and so asks nobody"

_OPTIONS = {*OPTION_NAMES, "hands_off"} - {"allow_origin_func"}
_REQUEST = {
    "page": "app",
    "path": "/",
    "method": "GET",
    "credentials": "same-origin",
    "mode": "cors",
    "redirect": "follow",
    "response": "200",
    "network": "",
}
"""What the page says of the request beside its headers, with the defaults."""


class InputError(ValueError):
    """Something that the page sent cannot be used."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def evaluate(
    state: object, places: Places, cases: CaseStore, source: Source = NO_SOURCE
) -> dict[str, Any]:
    """Check a policy, and run a request against it in every simulated browser.

    The case is kept for a real browser. ``valid`` says whether there is a policy; `InputError` is
    raised for a state that cannot be read.
    """
    given = _object("state", state)
    options = _read_options(given.get("policy"))
    # The path patterns that Corsac leaves alone.
    hands_off = _texts("hands_off", options.pop("hands_off", []))
    rules = [*source.rules, *((pattern, None) for pattern in hands_off)]
    name = secrets.token_urlsafe(12)  # Nobody can guess it.
    request, response = _read_request(given.get("request"), places, name)
    try:
        if options.get("guard") is True:
            options["guard"] = source.kept.get("guard", True)
        policy = CORSPolicy(**source.kept | {"guard": False} | options)
        policies = [policy, *source.others] if source.others else policy
        case = Case(policies, rules, request, response, places, **source.observed)
    except CORSConfigError as error:
        for problem in error.problems:
            if problem.code == "option.wrong_type":
                raise InputError(problem.option, problem.message) from None
        return {"valid": False, "problems": [it.as_dict() for it in error.problems]}
    cases.add(name, case)
    outcomes = {"standard": case.simulate("standard")}
    notes = [*source.notes, *said_on_trial(case.middleware)]
    if isinstance(policy.guard, Guard):  # Of which the page has no more than a switch.
        notes.append(f"the guard of {source.name}: {'; '.join(refused_by(policy.guard))}")
    notes += [NOT_ASKED] if request.page_address_space else []
    notes += [INSTEAD_OF_PRIVATE_NETWORK] if policy.allow_private_network else []
    outcomes |= {profile: case.simulate(profile) for profile in PROFILES if profile != "standard"}
    return {
        "valid": True,
        "problems": [it.as_dict() for it in policy.problems],
        "notes": notes,
        "code": _code(policy, rules),
        "case": name,
        "fetch": {
            "url": request.url,
            "options": {
                **{name: getattr(request, name) for name in _FETCH_OPTIONS},
                "headers": [list(line) for line in request.headers],
            },
        },
        "outcomes": {
            profile: _outcome(outcome)
            | {"console": list(printed(outcome, request))}
            | {"guarded": _is_guarded(case, outcome), "observed": OBSERVED[profile]}
            for profile, outcome in outcomes.items()
        },
        "explanations": [
            _explain(case, sent).as_dict() | {"url": sent.url.partition("?")[0]}
            for sent in outcomes["standard"].sent[:MAX_EXPLAINED]
        ],
    }


_FETCH_OPTIONS = ("method", "credentials", "mode", "redirect")


def _code(policy: CORSPolicy, rules: Iterable[Rule]) -> str:
    """Write the middleware as a user would."""
    given = policy._arguments()
    lines = [f"    {name}={_source(value)},\n" for name, value in given.items()]
    if rules:
        pairs = ", ".join(f"({_source(pattern)}, {each!r})" for pattern, each in rules)
        lines.append(f"    rules=[{pairs.replace('CORSPolicy(', 'corsac.CORSPolicy(')}],\n")
    return f"app = corsac.CORSMiddleware(\n    app,\n{''.join(lines)})"


def _source(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_source, value))}]"
    text = f"corsac.{value!r}" if isinstance(value, Guard) else repr(value)
    is_plain = isinstance(value, str) and '"' not in text and "\\" not in text
    return f'"{text[1:-1]}"' if is_plain else text


def _outcome(outcome: FetchOutcome) -> dict[str, Any]:
    return {
        "ok": outcome.ok,
        "reason": outcome.reason,
        "explanation": outcome.explanation,
        "type": outcome.response_type,
        "status": outcome.status,
        "readable": list(outcome.readable_headers),
        "steps": [step.text for step in outcome.steps],
        "notes": [step.text for step in outcome.steps if step.kind == "note"],
        "sent": [_sent(request.as_dict()) for request in outcome.sent],
    }


def _sent(request: dict[str, Any]) -> dict[str, Any]:
    """Give what CORS is about in a request, in the same form for simulated and real ones."""
    values = {name.lower(): value for name, value in request["headers"]}
    return {
        "kind": "preflight" if request["is_preflight"] else "request",
        "method": request["method"],
        "url": request["url"].partition("?")[0],
        "origin": values.get("origin"),
        "request_method": values.get("access-control-request-method"),
        "request_headers": values.get("access-control-request-headers"),
    }


def _explain(case: Case, request: Request) -> Explanation:
    include, path = case.request.credentials == "include", routed_path(request.url)
    return case.middleware.explain(request.method, request.headers, path, credentials=include)


def _is_guarded(case: Case, outcome: FetchOutcome) -> bool:
    """Say whether the last request was sent, and refused before the application ran."""
    reason = _explain(case, outcome.sent[-1]).reason if outcome.sent else None
    return (reason or "").startswith("cross-origin-")


def compare(state: object, cases: CaseStore) -> dict[str, Any]:
    """Compare what a real browser's script got with what the simulation of a profile says.

    ``guarded``: the last request was sent, and refused before the application ran.
    """
    given: dict[str, Any] = state if isinstance(state, dict) else {}
    case, profile, result = (
        cases.get(str(given.get("case"))),
        given.get("profile"),
        given.get("result"),
    )
    if case is None:
        raise HTTPException(404, "there is no such case any more")
    if not isinstance(profile, str) or profile not in PROFILES:
        raise InputError("profile", "there is no such browser")
    if not isinstance(result, dict) or not isinstance(result.get("ok"), bool):
        raise InputError("result", "expected an object with ok, type, status and readable")
    simulated = _outcome(case.simulate(profile, from_here=True))
    seen = [exchange | {"cors": _sent(exchange)} for exchange in case.seen]
    differences = []
    if simulated["ok"] is not result["ok"]:
        words = {True: "lets the script have it", False: "blocks it"}
        said, did = words[simulated["ok"]], words[result["ok"]]
        differences.append(f"the simulation {said}, this browser {did}")
    elif result["ok"]:
        for key, what in _COMPARED.items():
            if simulated[key] != result.get(key):
                differences.append(f"{what}: simulated {simulated[key]}, here {result.get(key)}")
    if simulated["sent"] != [exchange["cors"] for exchange in seen]:
        differences.append("other requests were sent than the simulation says")
    last = seen[-1] if seen else {"is_preflight": True}
    guarded = not (last["is_preflight"] or last["application_ran"]) and last["status"] == 403
    agrees = not differences
    return {"agrees": agrees, "differences": differences, "seen": seen, "guarded": guarded}


_COMPARED = {"type": "response type", "status": "status", "readable": "readable headers"}


# What the page sends


def _read_options(state: object) -> dict[str, Any]:
    """Bound the options of a policy; ``null`` stands for the default, except of ``max_age``."""
    options: dict[str, Any] = {}
    for name, value in _object("policy", state).items():
        if name not in _OPTIONS:
            raise InputError("policy", f"unknown option {name[:40]!r}")
        if isinstance(value, list):
            _texts(name, value)
        elif isinstance(value, str):
            _text(name, value, MAX_REGEX if name == "allow_origin_regex" else MAX_TEXT)
        if value not in (None, "") or name == "max_age":
            options[name] = value
    return options


def _read_request(state: object, places: Places, case: str) -> tuple[FetchRequest, str]:
    """Read the request, and how the application responds to it."""
    given = _object("request", state)
    texts: dict[str, Any] = {
        name: _text(name, given.get(name, value)) for name, value in _REQUEST.items()
    }
    page, path, response = texts.pop("page"), texts.pop("path"), texts.pop("response")
    network = texts.pop("network")
    if network not in _NETWORK:
        raise InputError("network", "there is no such choice")
    if page not in places.pages:
        raise InputError("page", "there is no such page")
    if not path.startswith("/") or "#" in path or "?" in path or "\\" in path:
        raise InputError("path", "a path begins with a slash and has no ?, # or backslash")
    if response not in RESPONSES:
        raise InputError("response", "there is no such response")
    headers = [_texts("headers", line) for line in _list("headers", given.get("headers", []))]
    if any(len(line) != 2 for line in headers):
        raise InputError("headers", "each header is a name and a value")
    lines = [(name, value) for name, value in headers]
    url = f"{places.api}{path}?case={case}"
    try:
        return FetchRequest(
            url, places.pages[page], headers=lines, **texts, **_NETWORK[network]
        ), response
    except (TypeError, ValueError) as error:
        raise InputError("request", str(error)) from error


def _object(field: str, value: object) -> Mapping[str, Any]:
    if isinstance(value, dict):
        return value
    raise InputError(field, "expected a JSON object")


def _texts(field: str, value: object) -> list[str]:
    return [_text(field, entry) for entry in _list(field, value)]


def _list(field: str, value: object) -> list[Any]:
    if not isinstance(value, list) or len(value) > MAX_ENTRIES:
        raise InputError(field, f"expected a list of at most {MAX_ENTRIES} entries")
    return value


def _text(field: str, value: object, limit: int = MAX_TEXT) -> str:
    if not isinstance(value, str):
        raise InputError(field, "expected a text")
    if len(value) > limit:
        raise InputError(field, f"it is longer than {limit} characters")
    return value
