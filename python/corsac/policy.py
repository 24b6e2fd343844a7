"""The policy: a frozen value, validated when it is made, compiled once, shared by all requests."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, TypedDict

from corsac import _core
from corsac.errors import CORSConfigError, CORSConfigProblem, from_core

__all__ = ["CORSPolicy", "CORSPolicyOptions"]

_logger = logging.getLogger("corsac")


class CORSPolicyOptions(TypedDict, total=False):
    """The options of `CORSPolicy`, for functions that hand them on."""

    allow_origins: Iterable[str]
    allow_methods: Iterable[str]
    allow_headers: Iterable[str]
    allow_credentials: bool
    expose_headers: Iterable[str]
    max_age: int | timedelta | None
    allow_private_network: bool
    preflight_status: int
    preflight_continue: bool
    guard: bool
    tolerate: Iterable[str]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class CORSPolicy:
    """Who may read responses from a page of another origin, and how (Fetch, "CORS protocol").

    A policy is a value: frozen, equal and hashed by its options, with a ``repr`` that evaluates
    back. Every option is validated when it is made; all errors are raised at once.

    Args:
        allow_origins: Origins as browsers send them (``"https://app.example.com"``); patterns
            ``"https://*.example.com"`` (one or more labels, never the apex) and
            ``"http://localhost:*"`` (any port or none); or ``"*"`` for anyone.
        allow_methods: Methods beyond GET, HEAD and POST, which Fetch always allows; ``"*"`` for
            any.
        allow_headers: Request headers that pages may set; ``"*"`` for any, which covers
            ``authorization`` only when credentials are allowed.
        allow_credentials: Whether pages may read responses to requests with cookies, client
            certificates or HTTP authentication (``Access-Control-Allow-Credentials``).
        expose_headers: Response headers that pages may read beyond the safelisted ones; ``"*"``
            for all, only without credentials.
        max_age: How long a browser may keep a preflight answer: seconds or a ``timedelta``, 0 to
            86400; ``None`` sends no header, which browsers take for 5 seconds.
        allow_private_network: Whether to answer ``Access-Control-Request-Private-Network``, an
            abandoned extension that no current browser sends.
        preflight_status: The status of a preflight answer, 200 to 299.
        preflight_continue: Whether the application answers preflights, with the headers added.
        guard: Whether unsafe cross-origin requests and WebSocket handshakes that the policy does
            not allow are refused before the application runs.
        tolerate: Codes of problems that are accepted knowingly:
            ``origin.insecure_with_credentials``, ``origin.public_suffix_with_credentials``,
            ``origin.any_with_credentials``, ``origin.null``.

    Raises:
        CORSConfigError: The options cannot work or cannot be safe; it lists every problem.
    """

    allow_origins: Iterable[str] = ()
    allow_methods: Iterable[str] = ()
    allow_headers: Iterable[str] = ()
    allow_credentials: bool = False
    expose_headers: Iterable[str] = ()
    max_age: int | timedelta | None = 600
    allow_private_network: bool = False
    preflight_status: int = 204
    preflight_continue: bool = False
    guard: bool = False
    tolerate: Iterable[str] = ()
    problems: tuple[CORSConfigProblem, ...] = dataclasses.field(init=False, compare=False)
    _compiled: _core.CompiledPolicy = dataclasses.field(init=False, compare=False)

    def __post_init__(self) -> None:
        problems: list[CORSConfigProblem] = []
        for name in _LIST_OPTIONS:
            self._set(name, _read_list(name, getattr(self, name), problems))
        for name in _BOOL_OPTIONS:
            _check_bool(name, getattr(self, name), problems)
        self._set("max_age", _read_max_age(self.max_age, problems))
        _check_number("preflight_status", self.preflight_status, "status.not_ok", problems)
        if problems:
            # The core judges values, not types; without the types there is nothing to judge.
            options = _judgeable(self, {problem.option for problem in problems})
        else:
            options = {name: getattr(self, name) for name in _OPTIONS}
        compiled, found = _core.compile_policy(**options, decide_origin=None)
        problems += (self._as_given(problem) for problem in from_core(found))
        if compiled is None or any(problem.severity == "error" for problem in problems):
            raise CORSConfigError(problems)
        self._set("problems", tuple(problems))
        self._set("_compiled", compiled)
        log_warnings(problems)

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _as_given(self, problem: CORSConfigProblem) -> CORSConfigProblem:
        """The problem with the value itself where the core knows only its text."""
        if problem.option in _LIST_OPTIONS and problem.value != "":
            return problem
        given = getattr(self, problem.option)
        value = problem.value if problem.option in _LIST_OPTIONS and "" in given else given
        return dataclasses.replace(problem, value=value)

    def __repr__(self) -> str:
        """The call that makes this policy; options left at their defaults are left out."""
        options = (f"{name}={value!r}" for name, value in _non_default_options(self).items())
        return f"CORSPolicy({', '.join(options)})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the options; the compiled part is made anew."""
        return (_make_policy, (_non_default_options(self),))


_LIST_OPTIONS = ("allow_origins", "allow_methods", "allow_headers", "expose_headers", "tolerate")
_BOOL_OPTIONS = ("allow_credentials", "allow_private_network", "preflight_continue", "guard")
_DEFAULTS = {field.name: field.default for field in dataclasses.fields(CORSPolicy) if field.init}
_OPTIONS = tuple(_DEFAULTS)


def log_warnings(problems: Iterable[CORSConfigProblem]) -> None:
    """Write the warnings among some problems to the log; a valid configuration does so once."""
    for problem in problems:
        if problem.severity == "warning":
            _logger.warning("%s", problem)


def resolve_policy(policy: CORSPolicy | None, options: CORSPolicyOptions) -> CORSPolicy:
    """The policy a middleware was given: one made already, or the options of one.

    Args:
        policy: A policy, or ``None``.
        options: The options of a new policy; empty if ``policy`` is given.

    Raises:
        TypeError: Both were given, or ``policy`` is no policy, or an option is unknown.
        CORSConfigError: The options cannot be used.
    """
    if policy is None:
        return CORSPolicy(**options)
    if not isinstance(policy, CORSPolicy):
        message = f"policy must be a CORSPolicy, not {type(policy).__name__}"
        raise TypeError(message)
    if options:
        message = f"give either a policy or its options, not both: {', '.join(options)}"
        raise TypeError(message)
    return policy


def _make_policy(options: dict[str, Any]) -> CORSPolicy:
    return CORSPolicy(**options)


def _non_default_options(policy: CORSPolicy) -> dict[str, Any]:
    return {
        name: getattr(policy, name)
        for name, default in _DEFAULTS.items()
        if getattr(policy, name) != default
    }


def _judgeable(policy: CORSPolicy, mistyped: set[str]) -> dict[str, Any]:
    """The options, with defaults for those of a wrong type, so that the rest is judged too."""
    return {
        name: _DEFAULTS[name] if name in mistyped else getattr(policy, name) for name in _OPTIONS
    }


def _read_list(name: str, value: object, problems: list[CORSConfigProblem]) -> tuple[str, ...]:
    def refuse(offender: object, message: str, hint: str) -> tuple[str, ...]:
        problems.append(
            CORSConfigProblem("option.wrong_type", "error", name, offender, message, hint)
        )
        return ()

    if isinstance(value, (str, bytes)):
        text = value if isinstance(value, str) else value.decode("latin-1")
        parts = [part.strip() for part in text.split(",")]
        return refuse(
            value,
            "a string is not a list: it would be read letter by letter",
            f"write {name}={parts!r}",
        )
    if not isinstance(value, Iterable):
        return refuse(value, "a list of strings is wanted", f'write {name}=["..."]')
    entries = tuple(value)
    for entry in entries:
        if not isinstance(entry, str):
            refuse(entry, f"an entry is a string, not {type(entry).__name__}", "write a string")
        elif not _is_encodable(entry):
            refuse(entry, "an entry is text that can be written as UTF-8", "remove the surrogates")
    return entries


def _is_encodable(entry: str) -> bool:
    try:
        entry.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_bool(name: str, value: object, problems: list[CORSConfigProblem]) -> None:
    if not isinstance(value, bool):
        message = f"True or False is wanted, not {type(value).__name__}"
        problems.append(CORSConfigProblem("option.wrong_type", "error", name, value, message))


def _check_number(name: str, value: object, code: str, problems: list[CORSConfigProblem]) -> None:
    # A bool is an int to Python, but not a status or a number of seconds to anybody.
    if not isinstance(value, int) or isinstance(value, bool):
        message = f"a whole number is wanted, not {type(value).__name__}"
        problems.append(CORSConfigProblem("option.wrong_type", "error", name, value, message))
    elif value.bit_length() > _CORE_NUMBER_BITS:
        # The core judges every number that it can hold.
        message = "the number is far out of bounds"
        problems.append(CORSConfigProblem(code, "error", name, value, message))


_CORE_NUMBER_BITS = 31


def _read_max_age(value: object, problems: list[CORSConfigProblem]) -> object:
    if value is None:
        return None
    if isinstance(value, timedelta):
        if value % timedelta(seconds=1):
            message = "Access-Control-Max-Age has whole seconds"
            problems.append(
                CORSConfigProblem("max_age.out_of_bounds", "error", "max_age", value, message)
            )
            return None
        value //= timedelta(seconds=1)
    _check_number("max_age", value, "max_age.out_of_bounds", problems)
    return value
