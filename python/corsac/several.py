"""Several policies in one place: the first whose origins cover the request's decides.

The last one answers where none does, also without an Origin header. A value here is a policy, or
a tuple of several.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeGuard, cast

from corsac import _core
from corsac._text import in_words
from corsac.errors import CORSConfigError, CORSConfigProblem
from corsac.options.types import wrong_type
from corsac.policy import CORSPolicy, CORSPolicyOptions, refuse_beside_policy, resolve_policy

if TYPE_CHECKING:
    from corsac.options.guard import Guard

__all__ = [
    "GivenPolicies",
    "Policies",
    "compile_policies",
    "is_several",
    "members_of",
    "read_policies",
    "read_several",
]

Policies = CORSPolicy | tuple[CORSPolicy, ...]
"""What decides in one place."""

GivenPolicies = CORSPolicy | Sequence[CORSPolicy]
"""What may be given for it."""


def is_several(given: object) -> TypeGuard[Sequence[object]]:
    """Tell whether something stands for several policies, whatever is in it."""
    return isinstance(given, Sequence) and not isinstance(given, (str, bytes, bytearray))


def members_of(policies: Policies | None) -> tuple[CORSPolicy, ...]:
    """Return each policy of a place, in order."""
    if policies is None:
        return ()
    return policies if isinstance(policies, tuple) else (policies,)


def read_policies(
    given: object, options: CORSPolicyOptions, problems: list[CORSConfigProblem]
) -> Policies | None:
    """Return what a middleware was given: a policy, several, or the options of one.

    Several that cannot be used are ``None``; ``problems`` gets the reasons. What cannot be used
    otherwise raises, as `resolve_policy` says.
    """
    if not is_several(given):
        return resolve_policy(cast("CORSPolicy | None", given), options)
    refuse_beside_policy(options)
    return read_several(given, "policy", problems)


def read_several(
    given: Sequence[object], option: str, problems: list[CORSConfigProblem]
) -> tuple[CORSPolicy, ...] | None:
    """Return several policies, given for an option, or ``None`` if they cannot be used."""
    if not given:
        message, hint = "nothing in the list can decide", "list at least one policy"
        problems.append(CORSConfigProblem("option.empty", "error", option, given, message, hint))
    for each in given:
        if not isinstance(each, CORSPolicy):
            message = f"each of several policies is a CORSPolicy, not {type(each).__name__}"
            hint = "options are named, as in allow_origins=[...]" if isinstance(each, str) else ""
            problems.append(wrong_type(option, each, message, hint))
    policies = tuple(each for each in given if isinstance(each, CORSPolicy))
    unreachable = dict(_unreachable(policies))
    rest = tuple(each for place, each in enumerate(policies) if place not in unreachable)
    for place, why in unreachable.items():
        problem = CORSConfigProblem(
            "policy.unreachable",
            "warning",
            option,
            policies[place],
            f"policy {place + 1} of {len(policies)} never decides about an origin: {why}",
            "remove it, or write it before the others",
            {option: rest},
        )
        problems.append(problem)
    problems += _in_vain(policies, option)
    return policies if policies and len(policies) == len(given) else None


def _unreachable(policies: tuple[CORSPolicy, ...]) -> Iterator[tuple[int, str]]:
    covered = set[str]()
    for place, policy in enumerate(policies):
        asks = policy.allow_origin_regex is not None or policy.allow_origin_func is not None
        if "*" in covered:
            yield place, "one before it covers any origin"
        elif place + 1 == len(policies) or asks or not policy.allow_origins:
            pass  # The last one answers others; one without origins says so itself.
        elif covered.issuperset(policy.allow_origins):
            yield place, "others before it cover all of its origins"
        covered.update(policy.allow_origins)


def _in_vain(policies: tuple[CORSPolicy, ...], option: str) -> Iterator[CORSConfigProblem]:
    """Yield a warning where an earlier guard refuses what the last policy lets in.

    The last one answers others. A guard judges only whom its own policy covers, and most of those
    may pass.
    """
    from corsac.options.guard import Guard  # noqa: PLC0415 - few have several policies

    given = [Guard() if each.guard is True else each.guard for each in policies]
    for place, guard in enumerate(given[:-1]):
        missing = _refused(guard) - _refused(given[-1])
        if not missing:
            continue
        yield CORSConfigProblem(
            "guard.without_effect",
            "warning",
            option,
            policies[place],
            f"the guard of policy {place + 1} of {len(policies)} judges only whom that policy "
            "covers; all others are the last one's, which does not refuse "
            f"{in_words(sorted(missing))}",
            "give the last policy such a guard too",
            _guarding_last(policies, guard, given[-1], option),
        )
        return


def _refused(guard: bool | Guard) -> set[str]:
    """Return what a guard refuses of others, in words."""
    if isinstance(guard, bool):
        return set()
    reads = {"what they embed"} if guard.isolate_reads else set()
    return {"WebSocket handshakes"} | ({"forged writes"} if guard.writes else set()) | reads


def _guarding_last(
    policies: tuple[CORSPolicy, ...], guard: bool | Guard, last: bool | Guard, option: str
) -> dict[str, object] | None:
    """Return the fix: the last policy refuses all of it; ``None`` if it cannot, or warns then."""
    assert not isinstance(guard, bool), "it refuses something"  # noqa: S101
    if not isinstance(last, bool):
        guard = last.__replace__(
            isolate_reads=guard.isolate_reads or last.isolate_reads,
            writes=guard.writes or last.writes,
        )
    try:
        mended = policies[-1].replace(guard=guard)
    except CORSConfigError:  # Whom the guard trusts needs to be tolerated.
        return None
    known = {each.code for each in policies[-1].problems}
    if any(each.severity == "warning" and each.code not in known for each in mended.problems):
        return None
    return {option: (*policies[:-1], mended)}


def compile_policies(
    policies: Policies | None, made: dict[tuple[int, ...], _core.CompiledPolicy]
) -> _core.CompiledPolicy | None:
    """Return what the core decides by; the same for the same policies, which ``made`` keeps."""
    if not isinstance(policies, tuple):
        return None if policies is None else policies._compiled
    key = tuple(map(id, policies))
    if key not in made:
        made[key] = _core.compile_several([each._compiled for each in policies])
    return made[key]
