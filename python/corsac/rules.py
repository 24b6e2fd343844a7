"""Path rules: which policy decides for which path."""

from __future__ import annotations

from corsac import _core
from corsac._values import FrozenValue
from corsac.errors import CORSConfigError, CORSConfigProblem, from_core
from corsac.observation import NOTHING_OBSERVED, Observation
from corsac.options.types import is_encodable, is_iterable
from corsac.policy import CORSPolicy, resolve_policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from corsac.policy import CORSPolicyOptions

__all__ = ["Configuration", "Rule", "make_configuration"]

Rule = tuple[str, CORSPolicy | None]
"""A path pattern and its policy; ``None`` leaves the paths of the pattern alone."""


class Configuration(FrozenValue):
    """All that one middleware applies: a policy, path rules, observers, and what they compile to.

    Attributes:
        policy: Decides where no rule matches; ``None`` leaves those paths alone.
        rules: The first that matches decides.
        problems: The warnings and infos of the rules.
        routing: What the core looks paths up in.
        observation: Who learns of refusals, and which policies are on trial.
    """

    __slots__ = ("observation", "policy", "problems", "routing", "rules")
    __match_args__ = ("policy", "rules", "problems", "routing", "observation")
    _fields = __match_args__

    policy: CORSPolicy | None
    rules: tuple[Rule, ...]
    problems: tuple[CORSConfigProblem, ...]
    routing: _core.Routing
    observation: Observation

    def __init__(
        self,
        policy: CORSPolicy | None,
        rules: tuple[Rule, ...],
        problems: tuple[CORSConfigProblem, ...],
        routing: _core.Routing,
        observation: Observation = NOTHING_OBSERVED,
    ) -> None:
        self._fill(policy, rules, problems, routing, observation)

    def policies(self) -> list[CORSPolicy]:
        """Each policy once."""
        policies = {
            id(policy): policy for policy in (self.policy, *(rule[1] for rule in self.rules))
        }
        return [policy for policy in policies.values() if policy is not None]

    def all_problems(self) -> tuple[CORSConfigProblem, ...]:
        """The problems of the rules and those of each policy, which a policy has once."""
        found = list(self.problems)
        for policy in self.policies():
            found += policy.problems
        return tuple(found)

    def go_on_from(self, before: Configuration) -> None:
        """Say nothing again about headers of the application that was said under another one.

        Args:
            before: What is in force until now.
        """
        logs = [policy._compiled.app_headers_log for policy in before.policies()]
        for policy in self.policies():
            log = policy._compiled.app_headers_log
            if logs and logs[0] is not None and log is not None and log not in logs:
                log.go_on_from(logs[0])

    def observed_by(self, observation: Observation) -> Configuration:
        """The same policy and rules, observed by others.

        Args:
            observation: The new observers.
        """
        routing, _ = _compile(self.policy, self.rules, observation)
        assert routing is not None, "the same rules were compiled before"  # noqa: S101
        return Configuration(self.policy, self.rules, self.problems, routing, observation)


def make_configuration(
    policy: CORSPolicy | None,
    rules: Iterable[Rule] | None,
    options: CORSPolicyOptions,
    observation: Observation = NOTHING_OBSERVED,
    problems: Iterable[CORSConfigProblem] = (),
) -> Configuration:
    """Validate and compile what a middleware was given.

    Args:
        policy: A policy, or ``None``.
        rules: Path rules in order, or ``None``.
        options: The options of a new policy; empty if ``policy`` is given. With rules and neither
            policy nor options, paths that match no rule are left alone.
        observation: Who learns of refusals, and which policies are on trial.
        problems: What was found already; an error among it is raised with all others.

    Raises:
        CORSConfigError: The options or the rules cannot be used; it lists every problem.
        TypeError: A policy and options were given, or a policy is no policy, or an option is
            unknown.
    """
    problems = list(problems)
    fallback = None
    if policy is not None or rules is None or options:
        try:
            fallback = resolve_policy(policy, options)
        except CORSConfigError as error:  # The rules are judged too, and all is raised at once.
            problems += error.problems
    pairs = _read_rules(() if rules is None else rules, problems)
    routing, found = _compile(fallback, pairs, observation)
    problems += from_core(found)
    if routing is None or any(problem.severity == "error" for problem in problems):
        raise CORSConfigError(problems)
    return Configuration(fallback, pairs, tuple(problems), routing, observation)


def _compile(
    policy: CORSPolicy | None, rules: tuple[Rule, ...], observation: Observation
) -> tuple[_core.Routing | None, list[tuple[str, str, str, str, str, str]]]:
    return _core.compile_routing(
        fallback=None if policy is None else policy._compiled,
        patterns=[pattern for pattern, _ in rules],
        policies=[None if rule is None else rule._compiled for _, rule in rules],
        on_refusal=observation.callback,
        report_only=None if observation.trial is None else observation.trial.routing,
        debug_header=observation.debug_header,
    )


def _read_rules(rules: object, problems: list[CORSConfigProblem]) -> tuple[Rule, ...]:
    def refuse(value: object, message: str, hint: str) -> None:
        problems.append(
            CORSConfigProblem("option.wrong_type", "error", "rules", value, message, hint)
        )

    way_out = 'write rules=[("/api/*", CORSPolicy(...)), ("/health", None)]'
    if isinstance(rules, (str, bytes)) or not is_iterable(rules):
        refuse(rules, f"a list of pairs is wanted, not {type(rules).__name__}", way_out)
        return ()
    if hasattr(rules, "items"):
        refuse(rules, "the order of rules matters, so they are a list of pairs", way_out)
        return ()
    pairs: list[Rule] = []
    for rule in rules:
        if not isinstance(rule, (tuple, list)) or len(rule) != 2:
            refuse(rule, "a rule is a pair of a path pattern and a policy", way_out)
            continue
        pattern, policy = rule
        if not isinstance(pattern, str):
            refuse(pattern, f"a path pattern is a string, not {type(pattern).__name__}", way_out)
        elif not is_encodable(pattern):
            refuse(pattern, "a path pattern is text that can be written as UTF-8", "")
        elif policy is not None and not isinstance(policy, CORSPolicy):
            refuse(policy, f"a rule's policy is a CORSPolicy or None, not {policy!r}", way_out)
        else:
            pairs.append((pattern, policy))
    return tuple(pairs)
