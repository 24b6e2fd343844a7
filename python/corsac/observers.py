"""Reading the options of a middleware that are not its policies: hosts, observers, the trial."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypedDict

from corsac import _core
from corsac.configuration import Configuration, Observation, Rule, make_configuration, on_trial
from corsac.errors import CORSConfigError, CORSConfigProblem
from corsac.options.types import wrong_type
from corsac.policy import CORSPolicy
from corsac.refusals import OnRefusal, RefusalCallback
from corsac.several import GivenPolicies, is_several

if TYPE_CHECKING:
    from corsac.codes import CORSProblemCode
    from corsac.refusals import RequestLine

__all__ = ["DEBUG_HEADER", "MAX_DEBUG_HEADER_LENGTH", "OBSERVATION_OPTIONS", "ObservationOptions"]
__all__ += ["read_observation"]

DEBUG_HEADER = "corsac-refused"
"""The header that ``debug_header=True`` adds."""

MAX_DEBUG_HEADER_LENGTH = 64

ObservationOptions = TypedDict(  # noqa: UP013 - a call: see `corsac.policy`
    "ObservationOptions",
    {
        "allowed_hosts": Iterable[str] | None,
        "on_refusal": OnRefusal | None,
        "report_only": GivenPolicies | None,
        "report_only_rules": Iterable[Rule] | None,
        "report_only_hosts": Iterable[str] | None,
        "debug_header": bool | str,
    },
    total=False,
)
"""The options of a middleware that are read here, and their types."""

OBSERVATION_OPTIONS = tuple(ObservationOptions.__annotations__)
"""Their names."""


def read_observation(
    before: Observation,
    request_line: RequestLine,
    problems: list[CORSConfigProblem],
    given: Mapping[str, Any],
) -> Observation:
    """Read the options of a middleware that are not part of its policy.

    An option that is not given stays as it was before; errors go to ``problems``.

    Raises:
        TypeError: ``on_refusal`` is not a plain function.
    """
    callback = before.callback
    function = given.get("on_refusal", before.on_refusal)
    if function is None:
        callback = None
    elif function is not before.on_refusal:
        errors = 0 if callback is None else callback.errors
        callback = RefusalCallback(function, request_line, errors=errors)
    name = before.debug_header
    if "debug_header" in given:
        name = _read_debug_header(given["debug_header"], problems)
    changes: dict[str, Any] = {"callback": callback, "debug_header": name}
    if "allowed_hosts" in given:
        hosts, of_hosts = _read_hosts(given["allowed_hosts"], problems)
        changes |= {"allowed_hosts": hosts, "host_problems": of_hosts}
    if {"report_only", "report_only_rules", "report_only_hosts"} & given.keys():
        policy = given.get("report_only", before.report_only)
        rules = given.get("report_only_rules", before.report_only_rules)
        trial_hosts = given.get("report_only_hosts", before.report_only_hosts)
        trial = _read_trial(policy, rules, trial_hosts, problems)
        changes["trial"] = trial
        changes["report_only"] = None if trial is None else trial.policy
        changes["report_only_rules"] = () if trial is None else trial.rules
    return before.__replace__(**changes)


def _read_trial(
    policy: Any,
    rules: Iterable[Rule] | None,
    hosts: object,
    problems: list[CORSConfigProblem],
) -> Configuration | None:
    if not (policy is None or isinstance(policy, CORSPolicy) or is_several(policy)):
        message = f"expected a CORSPolicy, got {type(policy).__name__}"
        hint = 'write report_only=CORSPolicy(allow_origins=["https://app.example.com"])'
        problems.append(wrong_type("report_only", policy, message, hint))
        return None
    if policy is None and (rules is None or rules == ()) and hosts is None:
        return None
    found: list[CORSConfigProblem] = []
    read, warnings = _read_hosts(hosts, found)
    observation = Observation(allowed_hosts=read, host_problems=warnings)
    try:
        given: Any = policy
        trial = make_configuration(given, () if rules is None else rules, {}, observation, found)
    except CORSConfigError as error:
        problems += map(on_trial, error.problems)
        return None
    problems += trial.problems_of_waiting(
        "report_only",
        "the policy asks an asynchronous function, and no request waits for a trial",
        "write a plain function, which has to be quick",
    )
    return trial


def _read_hosts(
    value: object, problems: list[CORSConfigProblem]
) -> tuple[tuple[str, ...] | None, tuple[CORSConfigProblem, ...]]:
    if value is None:
        return None, ()
    from corsac.hosts import read_hosts  # noqa: PLC0415 - most serve any host

    return read_hosts(value, problems)


def _read_debug_header(value: object, problems: list[CORSConfigProblem]) -> str | None:
    def refuse(code: CORSProblemCode, message: str) -> None:
        hint = f"write debug_header=True for {DEBUG_HEADER!r}, or a name of your own"
        problems.append(CORSConfigProblem(code, "error", "debug_header", value, message, hint))

    if value is None or value is False:
        return None
    if value is True:
        return DEBUG_HEADER
    if not isinstance(value, str):
        refuse("option.wrong_type", f"expected True, False or a name, got {type(value).__name__}")
        return None
    name = str.__str__(value).lower()
    if not _core.is_token(name):
        refuse("header.invalid", "a header's name is a token (RFC 9110 section 5.6.2)")
    elif len(name) > MAX_DEBUG_HEADER_LENGTH:
        refuse("header.invalid", f"the name is longer than {MAX_DEBUG_HEADER_LENGTH} characters")
    elif not name.startswith(("x-", "corsac-")):
        refuse(
            "header.invalid", "the header may mean something else; write a name with x- in front"
        )
    else:
        return name
    return None
