"""Path rules: which policy decides for which path."""

from __future__ import annotations

from corsac import _core
from corsac._values import FrozenValue
from corsac.errors import CORSConfigError, CORSConfigProblem, from_core
from corsac.option_types import is_encodable, is_iterable
from corsac.policy import CORSPolicy, log_warnings, resolve_policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from corsac.policy import CORSPolicyOptions

__all__ = ["Configuration", "Rule", "make_configuration"]

Rule = tuple[str, CORSPolicy | None]
"""A path pattern and its policy; ``None`` leaves the paths of the pattern alone."""


class Configuration(FrozenValue):
    """All that one middleware applies: a policy, path rules, and what they compile to.

    Attributes:
        policy: Decides where no rule matches; ``None`` leaves those paths alone.
        rules: The first that matches decides.
        problems: The warnings and infos of the rules.
        routing: What the core looks paths up in.
    """

    __slots__ = ("policy", "problems", "routing", "rules")
    __match_args__ = ("policy", "rules", "problems", "routing")
    _fields = __match_args__

    policy: CORSPolicy | None
    rules: tuple[Rule, ...]
    problems: tuple[CORSConfigProblem, ...]
    routing: _core.Routing

    def __init__(
        self,
        policy: CORSPolicy | None,
        rules: tuple[Rule, ...],
        problems: tuple[CORSConfigProblem, ...],
        routing: _core.Routing,
    ) -> None:
        self._fill(policy, rules, problems, routing)

    def all_problems(self) -> tuple[CORSConfigProblem, ...]:
        """The problems of the rules and those of each policy, which a policy has once."""
        policies = {
            id(policy): policy for policy in (self.policy, *(rule[1] for rule in self.rules))
        }
        found = list(self.problems)
        for policy in policies.values():
            found += () if policy is None else policy.problems
        return tuple(found)


def make_configuration(
    policy: CORSPolicy | None, rules: Iterable[Rule] | None, options: CORSPolicyOptions
) -> Configuration:
    """Validate and compile what a middleware was given.

    Args:
        policy: A policy, or ``None``.
        rules: Path rules in order, or ``None``.
        options: The options of a new policy; empty if ``policy`` is given. With rules and neither
            policy nor options, paths that match no rule are left alone.

    Raises:
        CORSConfigError: The options or the rules cannot be used; it lists every problem.
        TypeError: A policy and options were given, or a policy is no policy, or an option is
            unknown.
    """
    problems: list[CORSConfigProblem] = []
    fallback = None
    if policy is not None or rules is None or options:
        try:
            fallback = resolve_policy(policy, options)
        except CORSConfigError as error:  # The rules are judged too, and all is raised at once.
            problems += error.problems
    pairs = _read_rules(() if rules is None else rules, problems)
    routing, found = _core.compile_routing(
        fallback=None if fallback is None else fallback._compiled,
        patterns=[pattern for pattern, _ in pairs],
        policies=[None if rule is None else rule._compiled for _, rule in pairs],
    )
    problems += from_core(found)
    if routing is None or any(problem.severity == "error" for problem in problems):
        raise CORSConfigError(problems)
    log_warnings(problems)
    return Configuration(fallback, pairs, tuple(problems), routing)


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
