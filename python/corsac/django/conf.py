"""Reads Django's settings: Corsac's own ``CORSAC``, and those of django-cors-headers.

A setting of django-cors-headers has its meaning and default there, save where that is unsafe: then
the safe thing is done, and a problem says what to write.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from django.conf import settings
from django.utils.module_loading import import_string

from corsac import _core
from corsac.configuration import (
    NOTHING_OBSERVED,
    Configuration,
    Observation,
    Rule,
    make_configuration,
    read_observation,
)
from corsac.django.drop_in import DropInReading, present_settings, read_drop_in, setting_value
from corsac.django.signals import signals_with_receivers
from corsac.errors import CORSConfigError, CORSConfigProblem, log_warnings
from corsac.options.names import OPTION_NAMES, foreign_option_hint
from corsac.policy import CORSPolicy

if TYPE_CHECKING:
    from corsac.policy import CORSPolicyOptions

__all__ = ["DjangoConfiguration", "conf", "judge", "load"]

OWN_SETTING: Final = "CORSAC"
ON_REFUSAL_SETTING: Final = "CORSAC_ON_REFUSAL"
REPORT_ONLY_SETTING: Final = "CORSAC_REPORT_ONLY"
DEBUG_HEADER_SETTING: Final = "CORSAC_DEBUG_HEADER"

_ORIGIN_OPTIONS: Final = ("allow_origins", "allow_origin_regex", "allow_origin_func", "rules")
# Entries that do nothing in a browser: what they name, no page can send or read.
_WITHOUT_EFFECT: Final = (
    "header.expose_any_with_credentials",
    "header.forbidden_request",
    "header.forbidden_response",
    "header.preflight_only",
    "method.forbidden",
)


class _Conf:
    """The settings of django-cors-headers as they are now, with their aliases and defaults."""

    def __getattr__(self, name: str) -> Any:
        try:
            return setting_value(name)
        except KeyError:
            raise AttributeError(name) from None


conf: Final = _Conf()


@dataclasses.dataclass(frozen=True, slots=True)
class DjangoConfiguration:
    """All that the middleware applies.

    Attributes:
        policy: The policy where no rule matches.
        rules: The path rules.
        routing: Both, compiled.
        path_regex: What a path has to begin with a match of, or ``None`` for all paths.
        guard: Whether any policy has the option.
        has_small_vary: Whether ``Vary: origin`` is written as django-cors-headers writes it.
        problems: The warnings and infos.
        has_rules: Whether the policy depends on the path.
        observation: Who learns of refusals, and which policies are on trial.
        names: What the options are called in the settings, unless they are those of a rule.
        trial_names: The same for the policy on trial.
    """

    policy: CORSPolicy | None
    rules: tuple[Rule, ...]
    routing: _core.Routing
    path_regex: Callable[[str], object] | None
    guard: bool
    has_small_vary: bool
    problems: tuple[CORSConfigProblem, ...]
    has_rules: bool = False
    observation: Observation = NOTHING_OBSERVED
    names: Mapping[str, str] = dataclasses.field(default_factory=dict)
    trial_names: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def covers(self, path: str) -> bool:
        """Whether the settings say anything about a path."""
        return self.path_regex is None or self.path_regex(path) is not None

    def spell_vary(self, value: str) -> str:
        """A value of ``Vary`` in the spelling of the library that the settings are for."""
        return value.lower() if self.has_small_vary else value


def load() -> DjangoConfiguration:
    """The configuration that the settings mean.

    Warnings go to the log.

    Raises:
        CORSConfigError: The settings cannot be used; it lists every problem.
    """
    configuration, problems = judge()
    if configuration is None:
        raise CORSConfigError(problems)
    log_warnings((*problems, *configuration.observation.problems))
    return configuration


def judge() -> tuple[DjangoConfiguration | None, list[CORSConfigProblem]]:
    """The configuration that the settings mean, or ``None``, and every problem of it."""
    problems: list[CORSConfigProblem] = []
    observation = _read_observation(problems)
    configuration, found = _judge()
    if configuration is None or problems:
        return None, found + problems
    trial_names: dict[str, str] = {}
    if isinstance(getattr(settings, REPORT_ONLY_SETTING, None), Mapping):
        trial_names = {option: f'{REPORT_ONLY_SETTING}["{option}"]' for option in OPTION_NAMES}
    made = dataclasses.replace(configuration, observation=observation, trial_names=trial_names)
    return made, found


def _read_observation(problems: list[CORSConfigProblem]) -> Observation:
    function = getattr(settings, ON_REFUSAL_SETTING, None)
    given = getattr(settings, REPORT_ONLY_SETTING, None)
    found: list[CORSConfigProblem] = []
    names = {"report_only": REPORT_ONLY_SETTING, "report_only_rules": REPORT_ONLY_SETTING}
    names |= {"rules": REPORT_ONLY_SETTING, "debug_header": DEBUG_HEADER_SETTING}
    observation = NOTHING_OBSERVED
    try:
        if isinstance(function, str):
            function = import_string(function)
        policy, rules = _read_report_only(given, found)
        observation = read_observation(
            NOTHING_OBSERVED,
            _request_line,
            found,
            {
                "on_refusal": function,
                "report_only": policy,
                "report_only_rules": rules,
                "debug_header": getattr(settings, DEBUG_HEADER_SETTING, False),
            },
        )
    except (ImportError, TypeError) as error:  # Only the function is read by what raises these.
        found.append(
            CORSConfigProblem(
                "option.wrong_type", "error", ON_REFUSAL_SETTING, function, str(error)
            )
        )
    problems += [
        problem.replace(option=names.get(problem.option, problem.option)) for problem in found
    ]
    return observation


def _read_report_only(
    given: object, problems: list[CORSConfigProblem]
) -> tuple[CORSPolicy | None, object]:
    """The policy and the rules on trial; like `CORSAC`, a policy or a dictionary of options."""
    if not isinstance(given, Mapping):
        return cast("CORSPolicy | None", given), None
    options = {str(name): value for name, value in given.items()}
    rules = _read_rules(options.pop("rules", None), problems)
    if not options and rules is not None:
        return None, rules
    try:
        return CORSPolicy(**options), rules
    except CORSConfigError as error:
        found = [
            problem.replace(option=f'{REPORT_ONLY_SETTING}["{problem.option}"]')
            for problem in error.problems
        ]
    except TypeError as error:
        found = [
            CORSConfigProblem("option.unknown", "error", REPORT_ONLY_SETTING, given, str(error))
        ]
    problems += found
    return None, None


def _request_line(request: Mapping[str, Any]) -> tuple[object, object]:
    return request["method"], request["path"]


def _judge() -> tuple[DjangoConfiguration | None, list[CORSConfigProblem]]:
    given = getattr(settings, OWN_SETTING, None)
    problems: list[CORSConfigProblem] = []
    if isinstance(given, CORSPolicy):
        present = present_settings()
        if hasattr(settings, "CORS_URLS_REGEX"):
            present.append("CORS_URLS_REGEX")
        if present:
            problems.append(_conflict(OWN_SETTING, f"{', '.join(present)}: they have no effect"))
        return _make(given, {}, DropInReading(), problems, is_drop_in=False)
    own = _read_own(given, problems)
    names_origins = any(option in own for option in _ORIGIN_OPTIONS)
    is_drop_in = not names_origins or bool(present_settings())
    tolerate = own.get("tolerate", ())
    reading = read_drop_in(tolerate if isinstance(tolerate, (list, tuple)) else (), is_drop_in)
    for option in own:
        setting = reading.names.get(option)
        if setting is not None and setting in present_settings():
            problems.append(_conflict(_own_name(option), setting))
    return _make(None, own, reading, problems, is_drop_in=is_drop_in)


def _own_name(option: str) -> str:
    return f'{OWN_SETTING}["{option}"]'


def _conflict(name: str, other: str) -> CORSConfigProblem:
    return CORSConfigProblem(
        "option.conflict",
        "error",
        name,
        other,
        "both are set, and only one of them can count",
        "remove one of them",
    )


def _read_own(given: object, problems: list[CORSConfigProblem]) -> dict[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        problems.append(
            CORSConfigProblem(
                "option.wrong_type",
                "error",
                OWN_SETTING,
                given,
                f"a dictionary of options or a CORSPolicy is wanted, not {type(given).__name__}",
                'write CORSAC = {"allow_origins": ["https://app.example.com"]}',
            )
        )
        return {}
    own: dict[str, Any] = {}
    for name, value in given.items():
        if name in OPTION_NAMES or name == "rules":
            own[name] = value
        else:
            hint = foreign_option_hint(str(name)) or f"the options are {', '.join(OPTION_NAMES)}"
            problems.append(
                CORSConfigProblem(
                    "option.unknown",
                    "error",
                    OWN_SETTING,
                    name,
                    "Corsac has no such option",
                    hint,
                )
            )
    function = own.get("allow_origin_func")
    if isinstance(function, str):
        try:
            own["allow_origin_func"] = import_string(function)
        except ImportError as error:
            del own["allow_origin_func"]
            name = _own_name("allow_origin_func")
            problems.append(
                CORSConfigProblem("option.wrong_type", "error", name, function, str(error))
            )
    if "rules" in own:
        own["rules"] = _read_rules(own["rules"], problems)
    return own


def _read_rules(rules: object, problems: list[CORSConfigProblem]) -> object:
    """The rules with policies where dictionaries of options stood; all else is judged later."""
    if not isinstance(rules, (list, tuple)):
        return rules
    read = []
    for rule in rules:
        if isinstance(rule, (list, tuple)) and len(rule) == 2 and isinstance(rule[1], Mapping):
            try:
                read.append((rule[0], CORSPolicy(**rule[1])))
            except CORSConfigError as error:
                name = f"{_own_name('rules')} for {rule[0]!r}"
                problems += [
                    problem.replace(option=f"{name}, {problem.option}")
                    for problem in error.problems
                ]
            except TypeError as error:
                problems.append(
                    CORSConfigProblem(
                        "option.unknown", "error", _own_name("rules"), rule[0], str(error)
                    )
                )
        else:
            read.append(rule)
    return read


def _make(
    policy: CORSPolicy | None,
    own: dict[str, Any],
    reading: DropInReading,
    problems: list[CORSConfigProblem],
    *,
    is_drop_in: bool,
) -> tuple[DjangoConfiguration | None, list[CORSConfigProblem]]:
    problems += reading.problems
    options: dict[str, Any] = {**reading.options, **own}
    rules = options.pop("rules", None)
    names = {option: name for option, name in reading.names.items() if option not in own}
    names |= {option: _own_name(option) for option in own}
    present = (*present_settings(), _own_name("max_age"))
    configuration: Configuration | None = None
    try:
        configuration = _configuration(policy, rules, options)
    except CORSConfigError as error:
        without = _without_effect(error.problems, reading, own)
        for problem in without:
            options[problem.option] = [e for e in options[problem.option] if e != problem.value]
            problems.append(_renamed(problem.replace(severity="warning"), names))
        found = error.problems
        if without:
            try:
                configuration = _configuration(policy, rules, options)
            except CORSConfigError as second:
                found = second.problems
    if configuration is not None:
        found = configuration.all_problems()
    has_errors = any(problem.severity == "error" for problem in problems)
    for problem in found:
        # Nobody is allowed because what allows somebody could not be read, or is a receiver.
        if problem.code == "origin.none" and (has_errors or signals_with_receivers()):
            continue
        if problem.code == "max_age.beyond_chromium" and names.get("max_age") not in present:
            continue  # It is the default of django-cors-headers, and nobody's choice.
        problems.append(_renamed(problem, names))
    if configuration is None or has_errors:
        return None, problems
    finished = _finished(configuration, reading, tuple(problems), is_drop_in)
    if policy is None:
        names = {option: _own_name(option) for option in OPTION_NAMES} | names
        finished = dataclasses.replace(finished, names=names)
    return finished, problems


def _configuration(policy: CORSPolicy | None, rules: Any, options: dict[str, Any]) -> Configuration:
    return make_configuration(policy, rules, cast("CORSPolicyOptions", options))


def _finished(
    configuration: Configuration,
    reading: DropInReading,
    problems: tuple[CORSConfigProblem, ...],
    is_drop_in: bool,
) -> DjangoConfiguration:
    policies = (configuration.policy, *(rule[1] for rule in configuration.rules))
    return DjangoConfiguration(
        policy=configuration.policy,
        rules=configuration.rules,
        routing=configuration.routing,
        path_regex=None if reading.path_regex is None else _matcher(reading.path_regex),
        guard=any(policy is not None and policy.guard for policy in policies),
        has_small_vary=is_drop_in,
        problems=problems,
        has_rules=bool(configuration.rules),
    )


def _matcher(pattern: re.Pattern[str]) -> Callable[[str], object]:
    return pattern.match


def _without_effect(
    problems: tuple[CORSConfigProblem, ...], reading: DropInReading, own: Mapping[str, Any]
) -> list[CORSConfigProblem]:
    """Errors about entries of django-cors-headers' settings that can be left out unseen."""
    return [
        problem
        for problem in problems
        if problem.severity == "error"
        and problem.code in _WITHOUT_EFFECT
        and problem.option in reading.names
        and problem.option not in own
    ]


def _renamed(problem: CORSConfigProblem, names: Mapping[str, str]) -> CORSConfigProblem:
    """The problem in the words of the settings."""
    hint = _TOLERATE.sub(rf'{OWN_SETTING} = {{"tolerate": [\1]}}', problem.hint)
    for option, name in names.items():
        if name.startswith("CORS_"):
            hint = re.sub(rf"\b{option}=", f"{name} = ", hint)
    return problem.replace(option=names.get(problem.option, problem.option), hint=hint)


_TOLERATE: Final = re.compile(r"tolerate=\[([^\]]*)\]")
