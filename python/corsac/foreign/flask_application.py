"""The ``resources`` of a Flask application: what each means, and the rules that all of them are.

What a resource of flask-cors covers and its rules do not would go to the next one: ``/admin/*``
covers ``/admin-users``. Where the next one allows more, such a path goes to nobody.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from corsac.errors import CORSConfigProblem
from corsac.foreign.allowance import allows_no_more
from corsac.foreign.flask_cors import (
    CONFIG_KEYS,
    EXTENSION_OPTIONS,
    configured_options,
    looks_like_a_regex,
    read_flask_cors,
    unknown_keys,
)
from corsac.foreign.paths import Pattern, Resource, problem_of_paths, read_pattern, text_of
from corsac.foreign.reading import Reading
from corsac.policy import CORSPolicy, PolicyRule

__all__ = ["ResourcePolicies", "ResourcePolicy", "nobody", "read_application"]
__all__ += ["read_flask_application", "read_resources"]


@dataclass(frozen=True, slots=True)
class ReadResource:
    """One of the ``resources``: what its pattern means, what its options mean, and its name.

    The name is for messages, and empty if there are no options of its own. Nothing is meant by a
    pattern that no path can match.
    """

    resources: tuple[Resource, ...]
    reading: Reading
    where: str


def read_application(
    options: Mapping[str, Any],
    problems: list[CORSConfigProblem],
    keys: Mapping[str, str] | None = None,
) -> list[ReadResource]:
    """Return the resources of an application in the order of flask-cors; add what is wrong.

    The options include those of the configuration, and ``keys`` has the key of each of these.
    """
    shared = {name: value for name, value in options.items() if name not in EXTENSION_OPTIONS}
    made: list[tuple[Mapping[str, Any], Reading]] = []
    found = []
    for pattern, own in read_resources(options.get("resources", "/*"), problems):
        values = {**shared, **own}
        reading = next((each for known, each in made if known == values), None)
        if reading is None:
            reading = read_flask_cors(values, keys)
            if own:
                reading = _with_fixes_of_resources(reading, own, options.get("resources"))
            made.append((values, reading))
        where = f"resources[{pattern!r}]" if own else ""
        found.append(ReadResource(tuple(read_pattern(pattern, problems)), reading, where))
    return found


def read_resources(
    resources: object, problems: list[CORSConfigProblem]
) -> list[tuple[Pattern, Mapping[str, Any]]]:
    """Return the patterns with the options of each, in the order in which flask-cors tries them."""
    if isinstance(resources, (str, re.Pattern)):
        return [(resources, {})]

    def refuse(value: object, message: str) -> None:
        problems.append(problem_of_paths("option.wrong_type", "error", value, message))

    pairs: list[tuple[Pattern, Mapping[str, Any]]] = []
    if not isinstance(resources, Iterable) or isinstance(resources, bytes):
        refuse(resources, "expected a path, a list of paths or a mapping")
        return pairs
    given = list(
        resources.items() if isinstance(resources, Mapping) else ((r, {}) for r in resources)
    )
    for pattern, options in given:
        text = pattern.pattern if isinstance(pattern, re.Pattern) else pattern
        if not isinstance(text, str):
            refuse(pattern, "a path is a string or a compiled expression")
        elif not isinstance(options, Mapping):
            refuse(options, f"the options of {pattern!r} are a mapping")
        else:
            pairs.append((pattern, options))
    if not given:
        message = "there is no path in it: all other options are for nothing, and nobody is allowed"
        problems.append(problem_of_paths("rule.invalid", "warning", resources, message))
    if isinstance(resources, Mapping):
        pairs.sort(key=_order_in_a_mapping)
    return pairs


def _order_in_a_mapping(pair: tuple[Pattern, object]) -> tuple[int, int, int]:
    """Sort literal paths, compiled expressions, others; in each group the longest first."""
    pattern = pair[0]
    text = ".*" if pattern == "*" else text_of(pattern)
    group = 1 if isinstance(pattern, re.Pattern) else 2 if looks_like_a_regex(text) else 0
    return group, -text.count("/"), -len(text)


def _with_fixes_of_resources(
    reading: Reading, own: Mapping[str, Any], resources: object
) -> Reading:
    """The reading of resources with options of their own: a fix is one of ``resources``."""
    problems = []
    for each in reading.problems:
        fix: dict[str, object] | None = None
        if each.fix is not None and isinstance(resources, dict) and each.fix.keys() <= own.keys():
            fixed = {**own, **each.fix}
            fix = {"resources": {p: fixed if it == own else it for p, it in resources.items()}}
        problems.append(each.replace(fix=fix))
    return dataclasses.replace(reading, problems=tuple(problems))


def read_flask_application(given: Mapping[str, Any]) -> Reading:
    """Read arguments of ``CORS`` or ``cross_origin``, and ``CORS_...`` keys beside them.

    The rules are those of the paths that are known without an application's routes; a later
    resource that allows more than an earlier one gives up is left out.
    """
    config = {key: value for key, value in given.items() if str(key).startswith("CORS_")}
    arguments = {key: value for key, value in given.items() if key not in config}
    options = {**configured_options(config), **arguments}
    keys = {name: key for key, name in CONFIG_KEYS.items() if key in config}
    keys = {name: key for name, key in keys.items() if name not in arguments}
    problems = unknown_keys({str(key): value for key, value in config.items()})
    read = read_application(options, problems, keys)
    entries = [
        (ResourcePolicy(resource, CORSPolicy(**each.reading.options)), each.reading)
        for each in read
        for resource in each.resources
    ]
    kept = _without_heirs([entry for entry, _ in entries], problems)
    rules, rest = ResourcePolicies(kept).rules()
    readings = {entry.policy: reading for entry, reading in entries}
    nothing = Reading("flask-cors", {"allow_origins": []})
    ruled = [
        (pattern, None if policy is None else readings.get(policy, nothing))
        for pattern, policy in rules
    ]
    if rest is not None:
        result = readings[rest]
    else:
        ruled.append(("/*", None))
        result = next((reading for _, reading in ruled if reading is not None), nothing)
    used = {id(result), *(id(reading) for _, reading in ruled)}
    for each in read:  # What no rule has left is checked all the same.
        problems += () if id(each.reading) in used else each.reading.problems
    return dataclasses.replace(result, problems=(*problems, *result.problems), rules=tuple(ruled))


def _without_heirs(
    entries: list[ResourcePolicy], problems: list[CORSConfigProblem]
) -> list[ResourcePolicy]:
    """Return the resources that get no path which an earlier one gives up, and allows less."""
    kept: list[ResourcePolicy] = []
    with_heirs: set[int] = set()
    for entry in entries:
        before = {
            id(each)
            for each in kept
            if each.resource.leaves_paths_to(entry.resource)
            and not allows_no_more(entry.policy, each.policy)
        }
        with_heirs |= before
        kept += [] if before else [entry]
    for entry in kept:
        # Of the others it is said that rules leave their paths out.
        if entry.resource.kind not in ("start", "regex"):
            has_heir = id(entry) in with_heirs
            if has_heir or entry.resource.is_open_ended:
                problems.append(_narrower(entry.resource, has_heir=has_heir))
    return kept


def _narrower(resource: Resource, *, has_heir: bool) -> CORSConfigProblem:
    path = resource.path or "/"
    covered = f"{path}x is covered as well" if resource.is_open_ended else "it covers more paths"
    message = f"flask-cors matches paths from the start only, so {covered}; "
    text = text_of(resource.given)
    if has_heir:
        message += (
            "no rule can say so, and a later resource, which allows more, would decide for those "
            "paths, so the later one is left out"
        )
        hint = (
            "write the rules by hand: first one for each path that this one covers, then the later "
            "resource"
        )
        return problem_of_paths("rule.left_out", "error", text, message, hint)
    message += f"the rule {path}/* covers {path} and all below it"
    hint = f'add a rule for "{path}x" if there is such a path'
    return problem_of_paths("rule.narrower", "warning", text, message, hint)


@functools.cache
def nobody(guard: bool = False) -> CORSPolicy:
    """Return a policy that allows nobody."""
    return CORSPolicy(guard=guard)


@dataclass(frozen=True, slots=True)
class ResourcePolicy:
    """A resource and the policy of its paths."""

    resource: Resource
    policy: CORSPolicy
    is_native: bool = False
    """Whether it was given as a policy, not in the options of flask-cors."""


class ResourcePolicies:
    """Resources in the order in which flask-cors tries them, as path rules.

    After them come further resources, or policies of which any may be in force.
    """

    def __init__(
        self,
        resources: Iterable[ResourcePolicy] = (),
        after: ResourcePolicies | Iterable[CORSPolicy] = (),
    ) -> None:
        self.resources = tuple(resources)
        self._chain = self.resources
        self._fallbacks: tuple[CORSPolicy, ...] = ()
        if isinstance(after, ResourcePolicies):
            self._chain += after._chain
            self._fallbacks = after._fallbacks
        else:
            self._fallbacks = tuple(after)
        self._looks_at_line_feeds = any(entry.resource.ends_with_the_path for entry in self._chain)
        self.narrowed = tuple(self._narrowed())
        """The resources whose paths must not go to what comes after them."""
        self._heads = tuple({entry.resource.head for entry in self.narrowed})

    @property
    def may_deny(self) -> bool:
        """Whether `denial` has to be asked at all."""
        return bool(self.narrowed) or self._looks_at_line_feeds

    def denial(self, path: str) -> CORSPolicy | None:
        """Return the policy for nobody, if the rules would give a path to a wider policy."""
        if self._looks_at_line_feeds and "\n" in path:
            # Where `.` and `$` stop is not said by any rule.
            return nobody(any(entry.policy.guard for entry in self._chain))
        if not self._heads or not path.startswith(self._heads):
            return None
        given_up: list[CORSPolicy] = []
        for entry in self._chain:
            if entry.resource.has_rule_for(path):
                return _denied(given_up, (entry.policy,))
            if entry.resource.gives_up(path):
                given_up.append(entry.policy)
        return _denied(given_up, self._fallbacks)

    def denial_by_decoding(self, decoded: str, path: str) -> CORSPolicy | None:
        """Return the policy that allows nobody, if a path has another one when decoded once more.

        flask-cors does that, and the router does not.
        """
        if self.policy_of(path) == self.policy_of(decoded):
            return None
        return nobody(any(entry.policy.guard for entry in self._chain))

    def policy_of(self, path: str) -> CORSPolicy | None:
        """Return the policy of a path of the application's own."""
        given_up: list[CORSPolicy] = []
        for entry in self.resources:
            if entry.resource.matches(path):
                return _denied(given_up, (entry.policy,)) or entry.policy
            if entry.resource.kind in ("exact", "prefix") and entry.resource.gives_up(path):
                given_up.append(entry.policy)
        return self.denial(path) if given_up else None

    def _narrowed(self) -> Iterable[ResourcePolicy]:
        for position, entry in enumerate(self._chain):
            after = (*(later.policy for later in self._chain[position + 1 :]), *self._fallbacks)
            if entry.resource.is_expression and _denied([entry.policy], after):
                yield entry

    def needs_a_rule_of_its_own(self, path: str) -> bool:
        """Tell whether only an exact rule can give a path its policy."""
        resources = (entry.resource for entry in self.resources)
        found = next((each for each in resources if each.matches(path)), None)
        is_found = found is not None and found.kind in ("start", "regex")
        return is_found or self.denial(path) is not None

    def policy_below(self, start: str) -> CORSPolicy | None:
        """Return the one policy of all paths that start with a text, if no rule says it."""
        for entry in self.resources:
            if entry.resource.covers(start):
                spoken_for = entry.resource.kind not in ("start", "regex")
                return None if spoken_for else entry.policy
            if entry.resource.may_match_below(start):
                return None
        return None

    def unreached_below(self, start: str) -> list[Pattern]:
        """Return patterns that may be meant for paths that start so, and cannot be applied."""
        if self.policy_below(start) is not None:
            return []
        return [
            entry.resource.given
            for entry in self.resources
            if entry.resource.kind in ("start", "regex") and entry.resource.may_match_below(start)
        ]

    def rules(self) -> tuple[list[PolicyRule], CORSPolicy | None]:
        """Return path rules in order, and the policy of the paths for which there is none."""
        rules: dict[str, CORSPolicy | None] = {}
        for entry in self.resources:
            if entry.resource.kind == "any":
                return list(rules.items()), entry.policy
            for pattern, is_meant in entry.resource.rules():
                if pattern not in rules:
                    rules[pattern] = entry.policy if is_meant else self.policy_of(pattern)
        return list(rules.items()), None


def _denied(given_up: Iterable[CORSPolicy], then: Iterable[CORSPolicy]) -> CORSPolicy | None:
    """Return the policy for nobody, if any allows more than one whose path it would get."""
    given_up, then = tuple(given_up), tuple(then)
    if all(allows_no_more(policy, kept) for policy in then for kept in given_up):
        return None
    return nobody(any(policy.guard for policy in (*given_up, *then)))
