"""Reads Django's settings: Corsac's own ``CORSAC``, and those of django-cors-headers.

A setting of django-cors-headers has its meaning and default there, save where that is unsafe: then
the safe thing is done, and a problem says what to write.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, cast

from django.conf import settings
from django.utils.module_loading import import_string

from corsac import _core
from corsac.configuration import NOTHING_OBSERVED, Configuration, Observation, make_configuration
from corsac.django.signals import signals_with_receivers
from corsac.errors import (
    CORSConfigError,
    CORSConfigProblem,
    CORSProblemCode,
    has_errors,
    log_warnings,
)
from corsac.foreign.django_cors_headers import (
    DEFAULTS,
    OLDER_NAMES,
    OPTIONS,
    SETTINGS,
    read_django_cors_headers,
)
from corsac.foreign.reading import DROP_IN_OPTIONS, Reading, in_words_of
from corsac.observers import read_observation
from corsac.options.names import OPTION_NAMES, option_hint
from corsac.policy import CORSPolicy
from corsac.several import is_several, members_of

if TYPE_CHECKING:
    from corsac.live import OriginSource

__all__ = ["DjangoConfiguration", "conf", "load", "read_settings"]

OWN_SETTING: Final = "CORSAC"
ON_REFUSAL_SETTING: Final = "CORSAC_ON_REFUSAL"
REPORT_ONLY_SETTING: Final = "CORSAC_REPORT_ONLY"
DEBUG_HEADER_SETTING: Final = "CORSAC_DEBUG_HEADER"
FOLLOW_SETTING: Final = "CORSAC_FOLLOW"
MUST_LOAD_SETTING: Final = "CORSAC_FOLLOW_MUST_LOAD"

_LIBRARY: Final = "django-cors-headers"
_HOSTS: Final = ("allowed_hosts", "report_only_hosts")
_ORIGIN_OPTIONS: Final = ("allow_origins", "allow_origin_regex", "allow_origin_func")


class _Conf:
    """The settings of django-cors-headers as they are now, with their aliases and defaults."""

    def __getattr__(self, name: str) -> Any:
        if name not in DEFAULTS:
            raise AttributeError(name)
        present = (each for each in (name, OLDER_NAMES.get(name, name)) if hasattr(settings, each))
        return getattr(settings, next(present, name), DEFAULTS[name])


conf: Final = _Conf()


@dataclass(frozen=True, slots=True)
class DjangoConfiguration:
    """All that the middleware applies.

    Attributes:
        path_regex: What a path has to begin with a match of, or ``None`` for all paths.
        is_drop_in: Whether settings of django-cors-headers are the policy.
        guard: Whether any policy has the option.
        names: What the options are called in the settings, unless they are those of a rule.
        trial_names: The same for the report-only policy.
        source: What has more origins for the policy, if it is followed.
        must_load: Whether the middleware is not made without its first origins.
        of_all_paths: What decides about every request to a view without a decorator, at once: one
            policy without a guard, which asks no function; else ``None``.
    """

    in_force: Configuration
    path_regex: re.Pattern[str] | None
    is_drop_in: bool
    guard: bool
    names: Mapping[str, str]
    trial_names: Mapping[str, str]
    source: OriginSource | None = None
    must_load: bool = True
    of_all_paths: _core.CompiledPolicy | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Read what is asked for each request out of the configuration."""
        policy = self.in_force.policy
        if isinstance(policy, CORSPolicy) and not (self.in_force.rules or policy.guard):
            of_all_paths = policy._compiled if policy.allow_origin_func is None else None
            object.__setattr__(self, "of_all_paths", of_all_paths)

    def covers(self, path: str) -> bool:
        """Whether the settings say anything about a path."""
        return self.path_regex is None or self.path_regex.match(path) is not None

    def spell_vary(self, value: str) -> str:
        """Return a value of ``Vary`` in the spelling of the library that the settings are for."""
        return value.lower() if self.is_drop_in else value


def load() -> DjangoConfiguration:
    """Return the configuration that the settings mean; warnings go to the log.

    Raises:
        CORSConfigError: The settings cannot be used; it lists every problem.
    """
    configuration, problems = read_settings()
    if configuration is None:
        raise CORSConfigError(problems)
    log_warnings((*problems, *configuration.in_force.observation.problems))
    return configuration


def read_settings() -> tuple[DjangoConfiguration | None, list[CORSConfigProblem]]:
    """Return the configuration that the settings mean, or ``None``, and every problem of it."""
    of_observers: list[CORSConfigProblem] = []
    observation = _read_observation(of_observers)
    given = getattr(settings, OWN_SETTING, None)
    problems: list[CORSConfigProblem] = []
    foreign = {name: getattr(settings, name) for name in dir(settings) if name.startswith("CORS_")}
    present = [name for name in foreign if name in SETTINGS]
    policy, rules, options, reading = None, None, {}, Reading(_LIBRARY)
    if isinstance(given, CORSPolicy) or is_several(given):
        policy = _read_several(given, OWN_SETTING, problems) if is_several(given) else given
        if present:
            problems.append(_conflict(OWN_SETTING, f"{', '.join(present)}: they have no effect"))
    else:
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
        options = {**DROP_IN_OPTIONS, **reading.options} if makes_policy else own
    problems += reading.problems_for("drop-in")
    names = {option: _own_name(option) for option in options} | dict(reading.names)
    if rules is not None:
        names["rules"] = _own_name("rules")
    in_force, found = _compile(policy, rules, options, observation, bool(reading.options))
    problems += (
        in_words_of(_LIBRARY, each.replace(option=names.get(each.option, each.option)), names)
        for each in found
    )
    if policy is None:
        takes_own = not any(name != "CORS_URLS_REGEX" for name in present)
        problems = [_with_fix_in_settings(each, given if takes_own else None) for each in problems]
    source = _read_source(in_force, problems)
    is_invalid = has_errors(problems)
    # Nobody is allowed because what allows somebody could not be read, or is a receiver.
    if is_invalid or signals_with_receivers():
        problems = [problem for problem in problems if problem.code != "origin.none"]
    if in_force is None or is_invalid or of_observers:
        return None, problems + of_observers
    names = {option: _own_name(option) for option in OPTION_NAMES} | names if policy is None else {}
    trial_names: dict[str, str] = {}
    if isinstance(getattr(settings, REPORT_ONLY_SETTING, None), Mapping):
        trial_names = {option: f'{REPORT_ONLY_SETTING}["{option}"]' for option in OPTION_NAMES}
    guard = any(each.guard for each in in_force.policies())
    must_load = getattr(settings, MUST_LOAD_SETTING, True)
    made = DjangoConfiguration(
        in_force,
        reading.path_regex,
        bool(reading.options),
        guard,
        names,
        trial_names,
        source,
        must_load,
    )
    return made, problems


def _compile(
    policy: Any,
    rules: Any,
    options: Any,
    observation: Observation,
    is_drop_in: bool,
) -> tuple[Configuration | None, list[CORSConfigProblem]]:
    try:
        configuration = make_configuration(policy, rules, options, observation)
    except CORSConfigError as error:
        return None, list(error.problems)
    found = list(configuration.problems)
    own = [*map(id, members_of(configuration.policy))]
    for each in configuration.policies():
        # What the settings mean is checked already.
        if id(each) in own:
            found += () if is_drop_in else each.problems
        else:  # A fix is one of the rule's own options, and not of those for all other paths.
            found += (problem.replace(fix=None) for problem in each.problems)
    return configuration, found


def _with_fix_in_settings(problem: CORSConfigProblem, own: object) -> CORSConfigProblem:
    """Return the problem with a fix of settings: for an own option that is the whole ``CORSAC``."""
    fix = {
        name.removeprefix(f'{OWN_SETTING}["').removesuffix('"]'): value
        for name, value in (problem.fix or {}).items()
    }
    if fix.keys() <= SETTINGS:
        return problem
    is_known = isinstance(own, Mapping) and fix.keys() <= {*OPTION_NAMES}
    whole = {OWN_SETTING: {**cast("Mapping[str, Any]", own), **fix}} if is_known else None
    return problem.replace(fix=whole)


def _read_observation(problems: list[CORSConfigProblem]) -> Observation:
    function = getattr(settings, ON_REFUSAL_SETTING, None)
    found: list[CORSConfigProblem] = []
    observation = NOTHING_OBSERVED
    try:
        if isinstance(function, str):
            function = import_string(function)
        policy, rules = _read_report_only(getattr(settings, REPORT_ONLY_SETTING, None), found)
        given = {
            "on_refusal": function,
            "report_only": policy,
            "report_only_rules": rules,
            "debug_header": getattr(settings, DEBUG_HEADER_SETTING, False),
        }
        observation = read_observation(NOTHING_OBSERVED, itemgetter("method", "path"), found, given)
    except (ImportError, TypeError) as error:  # Only the function is read by what raises these.
        found.append(_error("option.wrong_type", ON_REFUSAL_SETTING, function, error))
    names = dict.fromkeys(("report_only", "report_only_rules", "rules"), REPORT_ONLY_SETTING)
    names["debug_header"] = DEBUG_HEADER_SETTING
    problems += [
        problem.replace(
            option=names.get(problem.option, problem.option),
            fix=problem.fix if REPORT_ONLY_SETTING in (problem.fix or {}) else None,
        )
        for problem in found
    ]
    return observation


def _read_source(
    in_force: Configuration | None, problems: list[CORSConfigProblem]
) -> OriginSource | None:
    """Return the source that ``CORSAC_FOLLOW`` names; errors go to ``problems``."""
    given = getattr(settings, FOLLOW_SETTING, None)
    must_load = getattr(settings, MUST_LOAD_SETTING, True)
    if not isinstance(must_load, bool):
        message = f"expected True or False, got {type(must_load).__name__}"
        problems.append(_error("option.wrong_type", MUST_LOAD_SETTING, must_load, message))
    if given is None:
        return None
    from corsac.live.follower import check_base  # noqa: PLC0415 - few follow
    from corsac.live.sources import check_source  # noqa: PLC0415

    hint = "write a source of corsac.live, or its dotted path"
    try:
        source = import_string(given) if isinstance(given, str) else given
        check_source(source)
        if in_force is not None:
            hint = f"give {OWN_SETTING} one policy for all paths, to which the origins are added"
            check_base(in_force.policy)
    except Exception as error:  # Whatever the module raises that has the source.
        problems.append(_error("option.wrong_type", FOLLOW_SETTING, given, error, hint))
        return None
    return cast("OriginSource", source)


def _read_report_only(given: object, problems: list[CORSConfigProblem]) -> tuple[object, object]:
    """Return the report-only policy and rules; like `CORSAC`, a policy or a dictionary."""
    if is_several(given):
        return _read_several(given, REPORT_ONLY_SETTING, problems), None
    if not isinstance(given, Mapping):
        return cast("CORSPolicy | None", given), None
    options = {str(name): value for name, value in given.items()}
    name = REPORT_ONLY_SETTING + '["{}"]'
    rules = _read_rules(options.pop("rules", None), name.format("rules"), problems)
    if not options and rules is not None:
        return None, rules
    return _make_policy(options, REPORT_ONLY_SETTING, given, name, problems), rules


def _read_several(
    given: Sequence[object], setting: str, problems: list[CORSConfigProblem]
) -> list[object]:
    """Return several policies, with policies for dictionaries; the rest is checked later."""
    name = setting.replace("{", "{{").replace("}", "}}")
    return [
        # What cannot be made is reported; in its place stands what adds nothing to that.
        _make_policy(each, setting, None, f"{name}[{place}], {{}}", problems) or CORSPolicy()
        if isinstance(each, Mapping)
        else each
        for place, each in enumerate(given)
    ]


def _make_policy(
    options: Mapping[str, Any],
    setting: str,
    value: object,
    name: str,
    problems: list[CORSConfigProblem],
) -> CORSPolicy | None:
    """Make a policy of a dictionary; ``name`` is what problems call an option of it."""
    hosts = [option for option in options if option in _HOSTS]
    problems += (_misplaced_hosts(name.format(each), options[each]) for each in hosts)
    try:
        return CORSPolicy(**{key: value for key, value in options.items() if key not in hosts})
    except CORSConfigError as error:
        problems += [
            each.replace(
                option=name.format(each.option),
                # A rule is one of a list, whose other entries are not known here.
                fix={setting: {**value, **each.fix}}
                if each.fix is not None and isinstance(value, Mapping)
                else None,
            )
            for each in error.problems
        ]
    except TypeError as error:
        problems.append(_error("option.unknown", setting, value, error))
    return None


def _error(
    code: CORSProblemCode, setting: str, value: object, message: object, hint: str = ""
) -> CORSConfigProblem:
    return CORSConfigProblem(code, "error", setting, value, str(message), hint)


def _misplaced_hosts(name: str, value: object) -> CORSConfigProblem:
    message = "Django's own ALLOWED_HOSTS does this, so that there is one list"
    return _error("option.misplaced", name, value, message, "move it to the setting ALLOWED_HOSTS")


def _own_name(option: str) -> str:
    return f'{OWN_SETTING}["{option}"]'


def _conflict(name: str, other: str) -> CORSConfigProblem:
    message = "both are set, and only one of them can count"
    return _error("option.conflict", name, other, message, "remove one of them")


def _read_own(given: object, problems: list[CORSConfigProblem]) -> dict[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        message = f"expected a dictionary of options or a CORSPolicy, got {type(given).__name__}"
        hint = 'write CORSAC = {"allow_origins": ["https://app.example.com"]}'
        problems.append(_error("option.wrong_type", OWN_SETTING, given, message, hint))
        return {}
    own: dict[str, Any] = {}
    for name, value in given.items():
        if name in OPTION_NAMES or name == "rules":
            own[name] = value
        elif name in _HOSTS:
            problems.append(_misplaced_hosts(_own_name(name), value))
        else:
            problem = _error("option.unknown", OWN_SETTING, name, "Corsac has no such option")
            problems.append(problem.replace(hint=option_hint(str(name))))
    function = own.get("allow_origin_func")
    if isinstance(function, str):
        try:
            own["allow_origin_func"] = import_string(function)
        except ImportError as error:
            del own["allow_origin_func"]
            name = _own_name("allow_origin_func")
            problems.append(_error("option.wrong_type", name, function, error))
    if "rules" in own:
        own["rules"] = _read_rules(own["rules"], _own_name("rules"), problems)
    return own


def _read_rules(rules: object, setting: str, problems: list[CORSConfigProblem]) -> object:
    """Return the rules with policies where dictionaries stood; all else is checked later."""
    if not isinstance(rules, (list, tuple)):
        return rules
    read: list[object] = []
    for rule in rules:
        is_pair = isinstance(rule, (list, tuple)) and len(rule) == 2
        if is_pair and is_several(rule[1]):
            several = _read_several(rule[1], f"{setting} for {rule[0]!r}", problems)
            rule = (rule[0], several)  # noqa: PLW2901
        elif is_pair and isinstance(rule[1], Mapping):
            pattern = f"{rule[0]!r}".replace("{", "{{").replace("}", "}}")
            name = f"{setting} for {pattern}, {{}}"
            # Also without a policy, so that the pattern is checked at once.
            rule = (rule[0], _make_policy(rule[1], setting, rule[0], name, problems))  # noqa: PLW2901
        read.append(rule)
    return read
