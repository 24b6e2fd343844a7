"""The resources of flask-cors as path rules, of which none gets what an earlier one gives up.

flask-cors compares the beginning of a path with an expression, so ``/admin/*`` covers
``/admin-users``. The rule ``/admin/*`` does not. A later resource would get that path; if it allows
more, it is left out, and there is an error.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable

from corsac.errors import CORSConfigProblem
from corsac.foreign.allowance import allows_no_more
from corsac.foreign.flask_cors_options import looks_like_a_regex
from corsac.migrate.narrowing import judge
from corsac.migrate.paths import PathRule, exact_rule, rules_of_regex
from corsac.migrate.reading import Reading
from corsac.policy import CORSPolicy

__all__ = ["GIVES_UP", "RuledPaths", "rules_of_resources"]

GIVES_UP = ("rule.narrower", "rule.no_counterpart")
"""The codes that are errors where only somebody who knows the routes can write the rules."""


@dataclasses.dataclass(slots=True)
class RuledPaths:
    """What became of the resources.

    Attributes:
        rules: Path rules in order, each with what is meant for its paths.
        left_out: What was meant for the paths of later resources that would get too much.
        problems: What the rules do not say.
    """

    rules: list[tuple[PathRule, Reading]] = dataclasses.field(default_factory=list)
    left_out: list[Reading] = dataclasses.field(default_factory=list)
    problems: list[CORSConfigProblem] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(slots=True)
class _GivenUp:
    """Paths that a resource of flask-cors covers and its rules do not.

    Attributes:
        head: The text that they begin with.
        rule: The rule, or ``None`` if there is none.
        policy: What is meant for them.
        has_heir: Whether a later resource would get them, and allows more.
    """

    head: str
    rule: PathRule | None
    policy: CORSPolicy
    has_heir: bool = False

    def may_go_to(self, rule: PathRule) -> bool:
        """Whether a later rule covers some of them."""
        own = self.rule
        if own is not None and own.below and self.head == own.path:
            inside = rule.path == own.path or rule.path.startswith(f"{own.path}/")
            if inside:
                return False  # It is shadowed by the rule before it.
        if rule.below:
            below = f"{rule.path}/"
            return below.startswith(self.head) or self.head.startswith(below)
        return rule.path.startswith(self.head)


def rules_of_resources(
    resources: Iterable[tuple[str | re.Pattern[str], Reading]],
) -> RuledPaths:
    """The path rules of resources.

    Args:
        resources: The paths of each as they are written, and what is meant for them, in the order
            in which flask-cors asks them.
    """
    result = RuledPaths()
    given_up: list[_GivenUp] = []
    noted: list[tuple[str, _GivenUp]] = []
    policies: dict[int, CORSPolicy] = {}
    for written, reading in resources:
        policy = policies.setdefault(id(reading), _policy_of(reading))
        rules = _path_rules(written)
        text = written.pattern if isinstance(written, re.Pattern) else written
        for rule in rules or ():
            heirs = [each for each in given_up if each.may_go_to(rule)]
            heirs = [each for each in heirs if not allows_no_more(policy, each.policy)]
            for each in heirs:
                each.has_heir = True
            if heirs:
                result.left_out.append(reading)
            else:
                result.rules.append((rule, reading))
        own = list(_given_up(written, rules, policy))
        noted += ((text, each) for each in own)
        given_up += own
        if rules == []:
            result.problems.append(_never_matched(text))
    result.problems += (problem for text, each in noted if (problem := _problem(text, each)))
    return result


def _policy_of(reading: Reading) -> CORSPolicy:
    options = judge(reading).options
    return CORSPolicy(**options)


def _given_up(
    written: str | re.Pattern[str], rules: list[PathRule] | None, policy: CORSPolicy
) -> Iterable[_GivenUp]:
    if rules is None:
        yield _GivenUp("", None, policy)
        return
    if isinstance(written, re.Pattern) and written.flags & re.IGNORECASE and rules:
        yield _GivenUp("", rules[0], policy)
        return
    for rule in rules:
        if rule.gives_up is not None:
            yield _GivenUp(rule.gives_up, rule, policy)


def _problem(text: str, given_up: _GivenUp) -> CORSConfigProblem | None:
    rule = given_up.rule
    if rule is None:
        return CORSConfigProblem(
            "rule.no_counterpart",
            "error",
            "resources",
            text,
            "a rule is a path, or a path and all below it; this expression says something else, so "
            "its paths are left out, and so is every later resource that allows more",
            'write rules such as ("/api/*", policy)',
        )
    covered = f"{rule.path}x is covered as well" if rule.loses else "it covers more paths"
    message = f"flask-cors matches paths from the start only, so {covered}; "
    if given_up.has_heir:
        return CORSConfigProblem(
            "rule.narrower",
            "error",
            "resources",
            text,
            f"{message}{rule.pattern} does not say so, and a later resource that allows more would "
            "get what it leaves out, so that one is left out",
            "write the rules by hand: first one for each path that this one covers, then the later "
            "resource",
        )
    if not rule.loses:
        return None
    return CORSConfigProblem(
        "rule.narrower",
        "warning",
        "resources",
        text,
        f"{message}{rule.pattern} covers {rule.path} and all below it",
        f'add a rule for "{rule.path}x" if there is such a path',
    )


def _never_matched(text: str) -> CORSConfigProblem:
    message = "no path begins with this, so it has no effect"
    return CORSConfigProblem(
        "rule.never_matched", "warning", "resources", text, message, "write a slash"
    )


def _path_rules(written: str | re.Pattern[str]) -> list[PathRule] | None:
    if isinstance(written, re.Pattern):
        if written.flags & (re.VERBOSE | re.MULTILINE):
            return None
        return rules_of_regex(str(written.pattern))
    if written == "*":
        return [PathRule("", below=True)]
    return exact_rule(written) if not looks_like_a_regex(written) else rules_of_regex(written)
