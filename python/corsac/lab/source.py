"""A configuration that the lab is started with, for the origins of the lab's pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from corsac._text import in_words
from corsac.configuration import Rule
from corsac.inspection import Applied
from corsac.lab.cases import Places
from corsac.options.guard import Guard
from corsac.policy import CORSPolicy
from corsac.several import Policies, members_of

__all__ = ["NO_SOURCE", "Source", "moved_to_pages"]

_PAGES = ("app", "admin", "port")
"""The pages that stand for the first exact origins of a configuration."""

_WITHOUT_FIELD = ("app_headers", "allow_origin_func")


@dataclass(frozen=True, slots=True)
class Source:
    """What a configuration says.

    Attributes:
        name: Where it stands.
        form: The options of the policy for all other paths, which the page edits.
        kept: Options of it for which the page has no field; and the guard, of which the page only
            says whether there is one.
        others: The policies behind it, if there are several in its place.
        rules: The path rules.
        observed: The options of a middleware that are on trial.
        notes: What is different from the configuration.
    """

    name: str = ""
    form: dict[str, Any] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)
    others: tuple[CORSPolicy, ...] = ()
    rules: tuple[Rule, ...] = ()
    observed: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


NO_SOURCE = Source()


def moved_to_pages(name: str, applied: Applied, places: Places) -> Source:
    """Put the lab's pages in the place of a configuration's first exact origins.

    Args:
        name: Where the configuration stands.
        applied: What it says, without errors.
        places: The origins of the lab.
    """
    trial = applied.trial or Applied()
    places_of = [
        policies
        for layer in (applied, trial)
        for policies in (layer.policy, *(each for _, each in layer.rules))
    ]
    found = [policy for policies in places_of for policy in members_of(policies)]
    listed = [origin for policy in found for origin in policy.allow_origins]
    listed += (origin for policy in found for origin in _trusted(policy))
    origins = dict.fromkeys(each for each in listed if "*" not in each and each != "null")
    moves = dict(zip(origins, (places.pages[page] for page in _PAGES), strict=False))

    def move(policy: CORSPolicy) -> CORSPolicy:
        changes: dict[str, object] = {
            "allow_origins": [moves.get(each, each) for each in policy.allow_origins]
        }
        if isinstance(policy.guard, Guard):
            moved = [moves.get(each, each) for each in policy.guard.trusted_origins]
            changes["guard"] = policy.guard.__replace__(trusted_origins=moved)
        return policy._changed(changes)

    def move_all(policies: Policies | None) -> Policies | None:
        if isinstance(policies, tuple):
            return tuple(map(move, policies))
        return None if policies is None else move(policies)

    def rules_of(layer: Applied) -> tuple[Rule, ...]:
        return tuple((pattern, move_all(policies)) for pattern, policies in layer.rules)

    def notes() -> Iterator[str]:
        for origin, page in moves.items():
            yield f"{page} stands for {origin} of {name}"
        if applied.rules:
            yield f"the rules of {name} come first, whatever policy is edited here"
        hosts = applied.allowed_hosts or trial.allowed_hosts
        if hosts is not None:
            yield f"allowed_hosts ({in_words(hosts)}) are left out: the lab has names of its own"
        if applied.routes:
            yield "decorated routes are left out"

    members = [*map(move, members_of(applied.policy))]
    options = members[0]._arguments() if members else {}
    return Source(
        name,
        _form(options) if members else {"hands_off": ["/*"]},
        {key: value for key, value in options.items() if key in (*_WITHOUT_FIELD, "guard")},
        tuple(members[1:]),
        rules_of(applied),
        {"report_only": move_all(trial.policy), "report_only_rules": rules_of(trial)},
        tuple(notes()),
    )


def _trusted(policy: CORSPolicy) -> tuple[str, ...]:
    """Return the origins that a policy's guard lets write."""
    return policy.guard.trusted_origins if isinstance(policy.guard, Guard) else ()


def _form(options: dict[str, Any]) -> dict[str, Any]:
    """Give options as the page has them."""
    form = {
        key: [*value] if isinstance(value, tuple) else value
        for key, value in options.items()
        if key not in _WITHOUT_FIELD
    }
    return form | {"guard": True} if "guard" in form else form
