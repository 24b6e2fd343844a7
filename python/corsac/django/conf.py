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
from corsac.django.signals import signals_with_receivers
from corsac.errors import CORSConfigError, CORSConfigProblem, log_warnings
from corsac.foreign.django_cors_headers import (
    DEFAULTS,
    OLDER_NAMES,
    OPTIONS,
    SETTINGS,
    read_django_cors_headers,
)
from corsac.foreign.reading import Reading, in_words_of
from corsac.options.names import OPTION_NAMES, foreign_option_hint
from corsac.policy import CORSPolicy

if TYPE_CHECKING:
    from corsac.policy import CORSPolicyOptions

__all__ = ["DjangoConfiguration", "conf", "judge", "load"]

OWN_SETTING: Final = "CORSAC"
ON_REFUSAL_SETTING: Final = "CORSAC_ON_REFUSAL"
REPORT_ONLY_SETTING: Final = "CORSAC_REPORT_ONLY"
DEBUG_HEADER_SETTING: Final = "CORSAC_DEBUG_HEADER"

_LIBRARY: Final = "django-cors-headers"
_ORIGIN_OPTIONS: Final = ("allow_origins", "allow_origin_regex", "allow_origin_func")
# django-cors-headers answers preflight requests so, and leaves a response alone whose origin it
# does not allow.
_DROP_IN_OPTIONS: Final = {"preflight_status": 200, "app_headers": "keep"}


class _Conf:
    """The settings of django-cors-headers as they are now, with their aliases and defaults."""

    def __getattr__(self, name: str) -> Any:
        if name not in DEFAULTS:
            raise AttributeError(name)
        older = OLDER_NAMES.get(name)
        is_older = older is not None and not hasattr(settings, name)
        default = getattr(settings, older, DEFAULTS[name]) if is_older and older else DEFAULTS[name]
        return getattr(settings, name, default)


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
    foreign = {name: getattr(settings, name) for name in dir(settings) if name.startswith("CORS_")}
    present = [name for name in foreign if name in SETTINGS]
    if isinstance(given, CORSPolicy):
        if present:
            problems.append(_conflict(OWN_SETTING, f"{', '.join(present)}: they have no effect"))
        return _make(Reading(_LIBRARY), given, {}, problems)
    own = _read_own(given, problems)
    rules = own.pop("rules", None)
    names_origins = rules is not None or any(option in own for option in _ORIGIN_OPTIONS)
    makes_policy = not names_origins or any(name != "CORS_URLS_REGEX" for name in present)
    own_names = {option: _own_name(option) for option in own}
    reading = read_django_cors_headers(foreign, own, own_names, makes_policy=makes_policy)
    for option, setting in OPTIONS.items():
        taken = [name for name in (setting, OLDER_NAMES.get(setting)) if name in present]
        if option in own and taken:
            problems.append(_conflict(_own_name(option), taken[0]))
    options = {**_DROP_IN_OPTIONS, **reading.options} if makes_policy else own
    return _make(reading, None, options, problems, rules)


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
    reading: Reading,
    policy: CORSPolicy | None,
    options: Mapping[str, Any],
    problems: list[CORSConfigProblem],
    rules: object = None,
) -> tuple[DjangoConfiguration | None, list[CORSConfigProblem]]:
    is_drop_in = bool(reading.options)
    problems += reading.problems_for("drop-in")
    names = {option: _own_name(option) for option in options} | dict(reading.names)
    if rules is not None:
        names["rules"] = _own_name("rules")
    configuration: Configuration | None = None
    try:
        configuration = make_configuration(
            policy, cast("Any", rules), cast("CORSPolicyOptions", options)
        )
        found = list(configuration.problems)
        for each in configuration.policies():
            # What the settings mean is judged already.
            found += () if is_drop_in and each is configuration.policy else each.problems
    except CORSConfigError as error:
        found = list(error.problems)
    problems += (
        in_words_of(_LIBRARY, each.replace(option=names.get(each.option, each.option)), names)
        for each in found
    )
    has_errors = any(problem.severity == "error" for problem in problems)
    # Nobody is allowed because what allows somebody could not be read, or is a receiver.
    if has_errors or signals_with_receivers():
        problems = [problem for problem in problems if problem.code != "origin.none"]
    if configuration is None or has_errors:
        return None, problems
    finished = _finished(configuration, reading, tuple(problems), is_drop_in)
    if policy is None:
        names = {option: _own_name(option) for option in OPTION_NAMES} | names
        finished = dataclasses.replace(finished, names=names)
    return finished, problems


def _finished(
    configuration: Configuration,
    reading: Reading,
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
