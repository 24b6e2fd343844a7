"""The guard of a policy: what is refused before the application runs, as a frozen value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Never

from corsac import _core, validation
from corsac._text import in_words
from corsac._values import FrozenValue, frozen_value
from corsac.errors import CORSConfigError, CORSConfigProblem, from_core
from corsac.options.types import check_bool, read_list, wrong_type

__all__ = ["Guard", "in_words_of_policy", "read_guard", "refused_by", "unknown_argument_hint"]


@frozen_value
class Guard(FrozenValue):
    """What a policy refuses with 403 before the application runs.

    ``guard=True`` is ``Guard()``: WebSocket handshakes of other origins, by Origin against scheme
    and Host; and their requests with unsafe methods, by Sec-Fetch-Site, then as those. Origins that
    the policy allows pass: with ``allow_credentials`` always, else without a Cookie header only,
    since who may read what everybody can read may not act in the user's name.

    Args:
        trusted_origins: Origins and patterns, as in ``allow_origins``, that may write and open
            WebSockets, with cookies, though they may not read.
        exempt_paths: Path patterns, as in rules, where nothing is refused, such as the callbacks
            of a payment provider. Their CORS headers stay.
        isolate_reads: Whether GET and HEAD requests of other sites are refused too, unless their
            mode is ``cors`` or the user navigates to them (Fetch Metadata).
        writes: Whether unsafe methods are judged; ``False`` leaves WebSockets, and reads.

    Attributes:
        problems: What a policy with this guard says of it, if it does not tolerate it.

    Raises:
        CORSConfigError: The arguments cannot work; it lists every problem.
        TypeError: An argument is unknown.
    """

    _fields = ("trusted_origins", "exempt_paths", "isolate_reads", "writes")
    __slots__ = (*_fields, "problems")

    trusted_origins: tuple[str, ...]
    exempt_paths: tuple[str, ...]
    isolate_reads: bool
    writes: bool
    problems: tuple[CORSConfigProblem, ...]

    def __init__(
        self,
        *,
        trusted_origins: Iterable[str] = (),
        exempt_paths: Iterable[str] = (),
        isolate_reads: bool = False,
        writes: bool = True,
        **unknown: Never,
    ) -> None:
        for name in unknown:
            message = f"unknown argument {name!r} of Guard: {unknown_argument_hint(name)}"
            raise TypeError(message)
        given = (trusted_origins, exempt_paths, isolate_reads, writes)
        values, problems = _check(dict(zip(self._fields, given, strict=True)))
        if problems:
            problems = validation.try_fixes(values, problems, lambda options: _check(options)[1])
        # What a policy may tolerate is for the policy to say.
        if any(p.severity == "error" and p.code not in _core.TOLERABLE_CODES for p in problems):
            raise CORSConfigError(problems)
        self._fill(*values.values())
        self._set("problems", tuple(problems))

    def _arguments(self) -> dict[str, Any]:
        """The arguments that are not left at their defaults."""
        defaults = Guard.__init__.__kwdefaults__ or {}
        fields = self._all_fields()
        return {name: value for name, value in fields.items() if value != defaults[name]}


def unknown_argument_hint(name: str) -> str:
    """What to write in the place of an argument that there is not."""
    from corsac.options.names import nearest_name  # noqa: PLC0415 - mistakes alone need it

    nearest = nearest_name(name, Guard._fields)
    return f"write {nearest}" if nearest else f"there are {', '.join(Guard._fields)}"


def _check(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[CORSConfigProblem]]:
    """The arguments as a guard keeps them, and all that is wrong with them."""
    problems: list[CORSConfigProblem] = []
    lists = [read_list(name, given[name], problems) for name in Guard._fields[:2]]
    flags = [given[name] for name in Guard._fields[2:]]
    for name, flag in zip(Guard._fields[2:], flags, strict=True):
        check_bool(name, flag, problems)
    mistyped = {problem.option for problem in problems}
    origins, paths = ((), ()) if mistyped & {*Guard._fields[:2]} else lists
    problems += validation.improve_hints(
        from_core(_core.guard_problems((origins, paths, False, True)))
    )
    # Whoever is trusted uses the user's cookies.
    found = validation.check_lists({"allow_origins": origins})
    found += validation.check_public_suffixes(origins, True)
    problems += (problem.replace(option="trusted_origins") for problem in found)
    return dict(zip(Guard._fields, (*lists, *flags), strict=True)), problems


def read_guard(value: object, problems: list[CORSConfigProblem]) -> bool | Guard:
    """The option ``guard``, not a bool: ``Guard()`` is ``True``; reports what is not a guard."""
    if isinstance(value, Guard):
        return value if value._arguments() else True
    message = f"expected True, False or a Guard, got {type(value).__name__}"
    problems.append(wrong_type("guard", value, message, "write guard=True, or guard=Guard(...)"))
    return False


def in_words_of_policy(
    problems: Iterable[CORSConfigProblem],
    whole: Callable[[Mapping[str, object]], object],
    where: str = "",
) -> list[CORSConfigProblem]:
    """Problems of a guard as those of a policy, whose fixes are whole guards.

    Args:
        problems: The problems.
        whole: Makes the guard, as it is written, of the arguments that a fix changes.
        where: What stands before the names of options.
    """
    return [
        problem.replace(
            option=f"{where}guard.{problem.option}",
            fix=None if problem.fix is None else {f"{where}guard": whole(problem.fix)},
        )
        for problem in problems
    ]


def refused_by(guard: bool | Guard) -> Iterator[str]:
    """Say what a guard refuses, and whom and where not, in plain words; nothing without one."""
    if guard is False:
        return
    given = Guard() if guard is True else guard
    what = "forged cross-origin writes" if given.writes else "WebSocket handshakes of other origins"
    embedded = " and what other sites embed" if given.isolate_reads else ""
    paths = f", but at {in_words(given.exempt_paths)}" if given.exempt_paths else ""
    yield f"{what}{embedded} are refused{paths}"
    if given.trusted_origins:
        yield f"{in_words(given.trusted_origins)} may write with cookies"
