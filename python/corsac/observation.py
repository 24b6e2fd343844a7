"""What is observed beside the policy in force: options of a middleware, and no part of a policy."""

from __future__ import annotations

from corsac._values import FrozenValue
from corsac.errors import CORSConfigError, CORSConfigProblem, CORSProblemCode
from corsac.refusals import RefusalCallback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from corsac.policy import CORSPolicy
    from corsac.refusals import OnRefusal, RequestLine
    from corsac.rules import Configuration, Rule

__all__ = [
    "DEBUG_HEADER",
    "MAX_DEBUG_HEADER_LENGTH",
    "NOTHING_OBSERVED",
    "OBSERVATION_OPTIONS",
    "Observation",
    "read_observation",
]

DEBUG_HEADER = "corsac-refused"
"""The header that ``debug_header=True`` adds."""

MAX_DEBUG_HEADER_LENGTH = 64


OBSERVATION_OPTIONS = ("on_refusal", "report_only", "report_only_rules", "debug_header")
"""The options of a middleware that are read here."""


class Observation(FrozenValue):
    """Who learns of refusals beside the log, and which policies are on trial.

    Attributes:
        callback: Calls the user's ``on_refusal``, or ``None``.
        report_only: The policy on trial where no rule of it matches, or ``None``.
        report_only_rules: The path rules on trial.
        debug_header: The name of the response header with the reason, or ``None``.
        trial: What the policy and the rules on trial compile to, or ``None``.
    """

    __slots__ = ("callback", "debug_header", "report_only", "report_only_rules", "trial")
    __match_args__ = ("callback", "report_only", "report_only_rules", "debug_header", "trial")
    _fields = __match_args__

    callback: RefusalCallback | None
    report_only: CORSPolicy | None
    report_only_rules: tuple[Rule, ...]
    debug_header: str | None
    trial: Configuration | None

    def __init__(
        self,
        callback: RefusalCallback | None = None,
        report_only: CORSPolicy | None = None,
        report_only_rules: tuple[Rule, ...] = (),
        debug_header: str | None = None,
        trial: Configuration | None = None,
    ) -> None:
        self._fill(callback, report_only, report_only_rules, debug_header, trial)

    @property
    def on_refusal(self) -> OnRefusal | None:
        """The user's function, or ``None``."""
        return None if self.callback is None else self.callback.function

    @property
    def problems(self) -> tuple[CORSConfigProblem, ...]:
        """The warnings and infos of what is on trial."""
        found = () if self.trial is None else self.trial.all_problems()
        return tuple(each.replace(option=f"report_only: {each.option}") for each in found)

    def without_trial(self) -> Observation:
        """The same observers without policies on trial."""
        return Observation(self.callback, debug_header=self.debug_header)

    def options(self) -> dict[str, Any]:
        """The options of a middleware that mean this, without those left at their defaults."""
        options = {
            "on_refusal": self.on_refusal,
            "report_only": self.report_only,
            "report_only_rules": self.report_only_rules or None,
            "debug_header": self.debug_header,
        }
        return {name: value for name, value in options.items() if value is not None}


NOTHING_OBSERVED = Observation()


def read_observation(
    before: Observation,
    request_line: RequestLine,
    problems: list[CORSConfigProblem],
    given: Mapping[str, Any],
) -> Observation:
    """Read the options of a middleware that are no part of its policy.

    Args:
        before: What was in force: what is not given stays as it is there.
        request_line: Gives the method and the path of a scope or environ.
        problems: Gets what cannot be used.
        given: Some of `OBSERVATION_OPTIONS`.

    Raises:
        TypeError: ``on_refusal`` is no plain function.
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
    if not {"report_only", "report_only_rules"} & given.keys():
        return Observation(
            callback, before.report_only, before.report_only_rules, name, before.trial
        )
    policy = given.get("report_only", before.report_only)
    rules = given.get("report_only_rules", before.report_only_rules)
    trial = _read_trial(policy, rules, problems)
    if trial is None:
        return Observation(callback, None, (), name, None)
    return Observation(callback, trial.policy, trial.rules, name, trial)


def _read_trial(
    policy: object, rules: Iterable[Rule] | None, problems: list[CORSConfigProblem]
) -> Configuration | None:
    from corsac.policy import CORSPolicy  # noqa: PLC0415 - few middlewares have one
    from corsac.rules import make_configuration  # noqa: PLC0415

    if policy is not None and not isinstance(policy, CORSPolicy):
        problems.append(
            CORSConfigProblem(
                "option.wrong_type",
                "error",
                "report_only",
                policy,
                f"a CORSPolicy is wanted, not {type(policy).__name__}",
                'write report_only=CORSPolicy(allow_origins=["https://app.example.com"])',
            )
        )
        return None
    if policy is None and (rules is None or rules == ()):
        return None
    try:
        trial = make_configuration(policy, () if rules is None else rules, {})
    except CORSConfigError as error:
        problems += [
            problem.replace(option="report_only_rules") if problem.option == "rules" else problem
            for problem in error.problems
        ]
        return None
    functions = [each.allow_origin_func for each in trial.policies()]
    if any(functions):
        from corsac.options.types import is_asynchronous  # noqa: PLC0415

        problems += [
            CORSConfigProblem(
                "option.wrong_type",
                "error",
                "report_only",
                function,
                "the policy asks an asynchronous function, and no request waits for a trial",
                "write a plain function, which has to be quick",
            )
            for function in functions
            if function is not None and is_asynchronous(function)
        ]
    return trial


_TOKEN_MARKS = frozenset("!#$%&'*+-.^_`|~")


def _read_debug_header(value: object, problems: list[CORSConfigProblem]) -> str | None:
    def refuse(code: CORSProblemCode, message: str) -> None:
        hint = f"write debug_header=True for {DEBUG_HEADER!r}, or a name of your own"
        problems.append(CORSConfigProblem(code, "error", "debug_header", value, message, hint))

    if value is None or value is False:
        return None
    if value is True:
        return DEBUG_HEADER
    if not isinstance(value, str):
        refuse("option.wrong_type", f"True, False or a name is wanted, not {type(value).__name__}")
        return None
    name = str.__str__(value).lower()
    if not (name and name.isascii() and all(c.isalnum() or c in _TOKEN_MARKS for c in name)):
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
