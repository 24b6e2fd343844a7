"""All that one middleware applies: a policy, path rules, and who learns of refusals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from corsac import _core
from corsac._text import in_words
from corsac._values import FrozenValue, frozen_value
from corsac.errors import CORSConfigError, CORSConfigProblem, from_core, has_errors
from corsac.options.types import is_asynchronous, is_encodable, wrong_type
from corsac.policy import CORSPolicy, CORSPolicyOptions
from corsac.refusals import RefusalCallback
from corsac.several import (
    GivenPolicies,
    Policies,
    compile_policies,
    is_several,
    members_of,
    read_policies,
    read_several,
)
from corsac.validation import try_fixes

if TYPE_CHECKING:
    from corsac.explain.explaining import Choice
    from corsac.refusals import OnRefusal

__all__ = [
    "NOTHING_OBSERVED",
    "TRIAL_NAMES",
    "Configuration",
    "Observation",
    "ReadRule",
    "Rule",
    "choose",
    "make_configuration",
    "on_trial",
]

Rule = tuple[str, GivenPolicies | None]
"""A path pattern and its policy, or several; ``None`` leaves the paths of the pattern alone."""

ReadRule = tuple[str, Policies | None]
"""The same once it was read: several policies are a tuple."""


@frozen_value
class Observation(FrozenValue):
    """What is in force whatever the path: hosts, who learns of refusals, and what is on trial.

    Attributes:
        callback: Calls the user's ``on_refusal``, or ``None``.
        report_only: The policy on trial where no rule of it matches, or several, or ``None``.
        report_only_rules: The path rules on trial.
        debug_header: The name of the response header with the reason, or ``None``.
        trial: What is on trial compiles to this, or ``None``.
        allowed_hosts: The hosts that are served, or ``None`` for any.
        host_problems: The warnings about these.
    """

    __slots__ = _fields = __match_args__ = (
        *("callback", "report_only", "report_only_rules", "debug_header", "trial"),
        *("allowed_hosts", "host_problems"),
    )

    callback: RefusalCallback | None
    report_only: Policies | None
    report_only_rules: tuple[ReadRule, ...]
    debug_header: str | None
    trial: Configuration | None
    allowed_hosts: tuple[str, ...] | None
    host_problems: tuple[CORSConfigProblem, ...]

    def __init__(  # noqa: PLR0917 - in the order of the fields
        self,
        callback: RefusalCallback | None = None,
        report_only: Policies | None = None,
        report_only_rules: tuple[ReadRule, ...] = (),
        debug_header: str | None = None,
        trial: Configuration | None = None,
        allowed_hosts: tuple[str, ...] | None = None,
        host_problems: tuple[CORSConfigProblem, ...] = (),
    ) -> None:
        on_trial = (report_only, report_only_rules, debug_header, trial)
        self._fill(callback, *on_trial, allowed_hosts, host_problems)

    @property
    def on_refusal(self) -> OnRefusal | None:
        """The user's function, or ``None``."""
        return None if self.callback is None else self.callback.function

    @property
    def problems(self) -> tuple[CORSConfigProblem, ...]:
        """The warnings of hosts, and the warnings and infos of what is on trial, with fixes."""
        if self.trial is None:
            return self.host_problems
        own = (*self.trial.problems, *self.trial.observation.host_problems)
        found = [(each, on_trial(each).fix) for each in own]
        for policy in self.trial.policies():
            found += [(each, self.trial.fix_of(policy, each)) for each in policy.problems]
        tried = (each.replace(option=f"report_only: {each.option}", fix=fix) for each, fix in found)
        return (*self.host_problems, *tried)

    @property
    def report_only_hosts(self) -> tuple[str, ...] | None:
        """The hosts on trial, or ``None``."""
        return None if self.trial is None else self.trial.observation.allowed_hosts

    def without_trial(self) -> Observation:
        """Return the observers alone; hosts and what is on trial had their say before."""
        return Observation(self.callback, debug_header=self.debug_header)

    def options(self) -> dict[str, Any]:
        """Return the options of a middleware that mean this, without defaults."""
        options = {
            "allowed_hosts": self.allowed_hosts,
            "on_refusal": self.on_refusal,
            "report_only": self.report_only,
            "report_only_rules": self.report_only_rules or None,
            "report_only_hosts": self.report_only_hosts,
            "debug_header": self.debug_header,
        }
        return {name: value for name, value in options.items() if value is not None}


NOTHING_OBSERVED = Observation()


@frozen_value
class Configuration(FrozenValue):
    """All that one middleware applies: a policy, path rules, observers, and what they compile to.

    Attributes:
        policy: Decides where no rule matches, or a tuple of several; ``None`` leaves those paths
            alone.
        rules: The first that matches decides.
        problems: The warnings and infos of the rules.
        routing: What the core looks paths up in.
        observation: Who learns of refusals, and which policies are on trial.
    """

    __slots__ = _fields = __match_args__ = (
        *("policy", "rules", "problems", "routing", "observation"),
    )

    policy: Policies | None
    rules: tuple[ReadRule, ...]
    problems: tuple[CORSConfigProblem, ...]
    routing: _core.Routing
    observation: Observation

    def __init__(
        self,
        policy: Policies | None,
        rules: tuple[ReadRule, ...],
        problems: tuple[CORSConfigProblem, ...],
        routing: _core.Routing,
        observation: Observation = NOTHING_OBSERVED,
    ) -> None:
        self._fill(policy, rules, problems, routing, observation)

    def policies(self) -> list[CORSPolicy]:
        """Return each policy once."""
        places = (self.policy, *(rule[1] for rule in self.rules))
        policies = {id(policy): policy for each in places for policy in members_of(each)}
        return [*policies.values()]

    def problems_of_waiting(self, option: str, message: str, hint: str) -> list[CORSConfigProblem]:
        """Return an error for each asynchronous function, where nothing can await one."""
        given = (policy.allow_origin_func for policy in self.policies())
        functions = [function for function in given if function is not None]
        if not functions:
            return []
        from corsac.origin_function import OriginFunction  # noqa: PLC0415 - most have none

        return [
            wrong_type(option, function, message, hint)
            for function in functions
            if is_asynchronous(function.func if isinstance(function, OriginFunction) else function)
        ]

    def all_problems(self) -> tuple[CORSConfigProblem, ...]:
        """Return the problems of the rules, those of each policy once, and those on trial."""
        of_policies = (each for policy in self.policies() for each in policy.problems)
        return (*self.problems, *of_policies, *self.observation.problems)

    def own_problems(self) -> tuple[CORSConfigProblem, ...]:
        """Return the problems of all but policies, and of what is on trial the same."""
        trial = self.observation.trial
        tried = () if trial is None else map(on_trial, trial.own_problems())
        return (*self.problems, *self.observation.host_problems, *tried)

    def fix_of(self, policy: CORSPolicy, problem: CORSConfigProblem) -> dict[str, object] | None:
        """Return the fix of a problem that a policy on trial has, as what is on trial with it.

        There is none if the fix is in the words of a file or of variables, if the policy has its
        origins from elsewhere too, and if with it another problem of the rules would come.
        """
        if problem.fix is None or policy._followed:
            return None
        try:
            mended = policy.replace(**cast("CORSPolicyOptions", problem.fix))
            exchanged = self.exchanged(policy, mended)
            after, rules = exchanged or (self.policy, self.rules)
            came = len(make_configuration(after, rules, {}).problems) > len(self.problems)
        except (CORSConfigError, TypeError):
            return None
        places = {"report_only": (after, self.policy), "report_only_rules": (rules, self.rules)}
        fix: dict[str, object] = {name: new for name, (new, old) in places.items() if new != old}
        return None if came else fix or None

    def go_on_from(self, before: Configuration) -> None:
        """Do not repeat the log lines about the application's headers that another one wrote."""
        logs = [policy._compiled.app_headers_log for policy in before.policies()]
        for policy in self.policies():
            log = policy._compiled.app_headers_log
            if logs and logs[0] is not None and log is not None and log not in logs:
                log.go_on_from(logs[0])

    def exchanged(
        self, base: CORSPolicy, after: CORSPolicy
    ) -> tuple[Policies | None, tuple[ReadRule, ...]] | None:
        """Return policy and rules with a policy where the one is that it is made of, or ``None``.

        Not one that is equal by chance: where nobody is to be allowed there may be another policy
        without origins.
        """

        def exchange(policies: Policies | None) -> Policies | None:
            members = tuple(
                after if each is base or (each._followed and each._followed.base is base) else each
                for each in members_of(policies)
            )
            return members if isinstance(policies, tuple) else next(iter(members), None)

        policy = exchange(self.policy)
        rules = tuple((path, exchange(each)) for path, each in self.rules)
        places = (policy, *(each for _, each in rules))
        is_there = any(each is after for place in places for each in members_of(place))
        return (policy, rules) if is_there else None

    def has_policies_of(self, other: Configuration) -> bool:
        """Tell whether both have the very same policies, each in the order of its first place."""
        own, others = self.policies(), other.policies()
        return [*map(id, own)] == [*map(id, others)]

    def observed_by(self, observation: Observation) -> Configuration:
        """Return the same policy and rules with other observers."""
        routing, _ = _compile(self.policy, self.rules, observation)
        assert routing is not None, "the same rules were compiled before"  # noqa: S101
        return Configuration(self.policy, self.rules, self.problems, routing, observation)


def make_configuration(
    policy: GivenPolicies | None,
    rules: Iterable[Rule] | None,
    options: CORSPolicyOptions,
    observation: Observation = NOTHING_OBSERVED,
    problems: Iterable[CORSConfigProblem] = (),
) -> Configuration:
    """Validate and compile what a middleware was given.

    Args:
        policy: A policy, or several, or ``None``.
        rules: Path rules in order, or ``None``.
        options: The options of a new policy; empty if ``policy`` is given. With rules and neither
            policy nor options, paths that match no rule are left alone.
        observation: Who learns of refusals, and which policies are on trial.
        problems: Problems found before; an error among them is raised with all others.

    Raises:
        CORSConfigError: The options or the rules cannot be used; it lists every problem.
        TypeError: A policy and options were given, or a policy is not a policy, or an option
            is unknown.
    """
    problems = list(problems)
    fallback = None
    if policy is not None or rules is None or options:
        try:
            fallback = read_policies(policy, options, problems)
        except CORSConfigError as error:  # The rules are checked too, and all is raised at once.
            problems += error.problems
    pairs = _read_rules(() if rules is None else rules, problems)
    routing, found = _compile(fallback, pairs, observation)
    problems += _with_fixes(pairs, from_core(found))
    problems += _left_unguarded(fallback, pairs)
    if routing is None or has_errors(problems):
        raise CORSConfigError(problems)
    return Configuration(fallback, pairs, tuple(problems), routing, observation)


def _left_unguarded(
    policy: Policies | None, rules: tuple[ReadRule, ...]
) -> list[CORSConfigProblem]:
    """Return an info where a guard does not count below rules with policies of their own."""
    others = members_of(policy)
    if not (others and others[-1].guard):
        return []
    without = [path for path, each in rules if each is not None and not members_of(each)[-1].guard]
    if not without:
        return []
    message = (
        "the guard belongs to the policy for all other paths, and requests to "
        f"{in_words(without)} are not judged by it"
    )
    hint = "give the policies of these rules a guard too, if it is for the whole application"
    return [CORSConfigProblem("guard.not_in_rule", "info", "rules", without[0], message, hint)]


def _compile(
    policy: Policies | None, rules: tuple[ReadRule, ...], observation: Observation
) -> tuple[_core.Routing | None, list[tuple[str, str, str, str, str, str]]]:
    made: dict[tuple[int, ...], _core.CompiledPolicy] = {}
    return _core.compile_routing(
        fallback=compile_policies(policy, made),
        patterns=[pattern for pattern, _ in rules],
        policies=[compile_policies(rule, made) for _, rule in rules],
        on_refusal=observation.callback,
        report_only=None if observation.trial is None else observation.trial.routing,
        debug_header=observation.debug_header,
        allowed_hosts=observation.allowed_hosts,
    )


def _with_fixes(
    rules: tuple[ReadRule, ...], problems: list[CORSConfigProblem]
) -> list[CORSConfigProblem]:
    """Return the problems of path patterns with the rules to write instead."""

    def check(options: Mapping[str, Any]) -> list[CORSConfigProblem]:
        pairs = tuple((pattern, None) for pattern in options["rules"])
        return from_core(_compile(None, pairs, NOTHING_OBSERVED)[1])

    def rules_of(fix: Mapping[str, Any], value: object) -> tuple[ReadRule, ...]:
        patterns = fix["rules"]
        policies = [policy for _, policy in rules]
        if len(patterns) < len(rules):
            del policies[max(place for place, rule in enumerate(rules) if rule[0] == value)]
        return tuple(zip(patterns, policies, strict=True))

    if not problems:
        return problems
    tried = try_fixes({"rules": tuple(pattern for pattern, _ in rules)}, problems, check)
    return [
        each if each.fix is None else each.replace(fix={"rules": rules_of(each.fix, each.value)})
        for each in tried
    ]


def _read_rules(rules: object, problems: list[CORSConfigProblem]) -> tuple[ReadRule, ...]:
    way_out = 'write rules=[("/api/*", CORSPolicy(...)), ("/health", None)]'

    def refuse(value: object, message: str, hint: str = way_out) -> None:
        problems.append(wrong_type("rules", value, message, hint))

    if isinstance(rules, (str, bytes)) or not isinstance(rules, Iterable):
        refuse(rules, f"expected a list of pairs, got {type(rules).__name__}")
        return ()
    if hasattr(rules, "items"):
        refuse(rules, "the order of rules matters, so they are a list of pairs")
        return ()
    given = tuple(rules)
    pairs: list[ReadRule] = []
    for place, rule in enumerate(given):
        if not isinstance(rule, (tuple, list)) or len(rule) != 2:
            refuse(rule, "a rule is a pair of a path pattern and a policy")
            continue
        pattern, policy = rule
        if not isinstance(pattern, str):
            refuse(pattern, f"a path pattern is a string, not {type(pattern).__name__}")
        elif not is_encodable(pattern):
            refuse(pattern, "a path pattern is text that can be written as UTF-8", "")
        elif is_several(policy):
            found: list[CORSConfigProblem] = []
            pairs.append((pattern, read_several(policy, "rules", found)))
            for each in found:
                rest = each.fix and (pattern, each.fix["rules"])
                fix = rest and {"rules": (*given[:place], rest, *given[place + 1 :])}
                problems.append(each.replace(fix=fix))
        elif policy is not None and not isinstance(policy, CORSPolicy):
            refuse(policy, f"a rule's policy is a CORSPolicy or None, not {policy!r}")
        else:
            pairs.append((pattern, policy))
    return tuple(pairs)


TRIAL_NAMES = {
    "rules": "report_only_rules",
    "policy": "report_only",
    "allowed_hosts": "report_only_hosts",
}
"""The arguments of a middleware that put the same on trial."""


def on_trial(problem: CORSConfigProblem) -> CORSConfigProblem:
    """Name what is on trial as the middleware does."""
    fix = {TRIAL_NAMES.get(name, name): value for name, value in (problem.fix or {}).items()}
    option = TRIAL_NAMES.get(problem.option, problem.option)
    return problem.replace(option=option, fix=fix or None)


def choose(configuration: Configuration, path: str, routes_may_decide: bool = False) -> Choice:
    """Choose the policy that a middleware has for a path, as the rules see it.

    Args:
        configuration: What is in force.
        path: The path.
        routes_may_decide: Whether routes of the application have policies of their own.

    Raises:
        TypeError: The path is not text.
    """
    if not isinstance(path, str):
        message = f"path must be a str, not {type(path).__name__}"
        raise TypeError(message)
    from corsac.explain.explaining import Choice  # noqa: PLC0415 - for tools alone
    from corsac.explain.explanation import shown  # noqa: PLC0415

    policy, rules, routing = configuration.policy, configuration.rules, configuration.routing
    if routes_may_decide:
        text = (
            "routes of this application have policies of their own, and only a request shows which "
            "one it takes: ask the policy of the route itself, or `corsac explain`"
        )
        return Choice(None, None, None, text, CORSPolicy())
    compiled, _ = _core.select_policy(routing, path)
    index, is_ambiguous = _core.match_rule(routing, path.encode("utf-8", "surrogatepass"))
    if is_ambiguous:
        text = f"the repeated slashes of {shown(path)!r} choose one policy or another"
        return Choice(CORSPolicy(), compiled, None, text, CORSPolicy())
    if index is not None:
        pattern, chosen = rules[index]
        does = "leaves the path alone" if chosen is None else "decides"
        text = f"rules[{index}], {shown(pattern)!r}, is the first that matches and {does}"
        return Choice(chosen, compiled, pattern, text, CORSPolicy())
    if policy is None:
        text = "no rule matches, and there is no policy for all other paths: it is left alone"
    else:
        text = "no rule matches, so the policy for all other paths decides" if rules else ""
    return Choice(policy, compiled, None, text, CORSPolicy())
