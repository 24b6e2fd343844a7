"""The policy: a frozen value, validated when it is made, compiled once, shared by all requests."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypedDict, Unpack

import corsac
from corsac import _core, validation
from corsac._explainable import Explainable
from corsac._types import Followed, OriginCallable
from corsac._values import FrozenValue, frozen_value
from corsac.errors import CORSConfigError, CORSConfigProblem, has_errors
from corsac.option_checks import check_options, problems_of_guard

if TYPE_CHECKING:
    from corsac.explain.explaining import Choice
    from corsac.options.files import SourceReading

__all__ = ["CORSPolicy", "CORSPolicyOptions"]


# A call, whose types are evaluated at once. In a class they would be text here, which Python
# compiles when the class is made; whoever imports Corsac would wait for that. Two are text, here as
# in all annotations: their classes are loaded by those who use them.
CORSPolicyOptions = TypedDict(  # noqa: UP013
    "CORSPolicyOptions",
    {
        "allow_origins": Iterable[str],
        "allow_origin_regex": str | None,
        "allow_origin_func": "OriginCallable | corsac.OriginFunction | None",
        "allow_methods": Iterable[str],
        "allow_headers": Iterable[str],
        "allow_credentials": bool,
        "expose_headers": Iterable[str],
        "max_age": int | timedelta | None,
        "allow_private_network": bool,
        "preflight_status": int,
        "preflight_continue": bool,
        "guard": "bool | corsac.Guard",
        "allow_timing": bool,
        "always_send": bool,
        "app_headers": Literal["replace", "keep"],
        "tolerate": Iterable[str],
    },
    total=False,
)
"""The options of `CORSPolicy`, for functions that hand them on."""


class _OptionsByName(FrozenValue):
    """Report an unknown option together with the name that was probably meant.

    It is a base class because `inspect.signature` would show a ``__new__`` of `CORSPolicy` itself.
    """

    __slots__ = ()

    if not TYPE_CHECKING:

        def __new__(cls, *args: object, **options: object) -> CORSPolicy:
            unknown = [name for name in options if name not in _DEFAULTS]
            # A subclass may have options of its own.
            if unknown and cls.__init__ is CORSPolicy.__init__:
                raise TypeError(_explain_unknown(unknown))
            return object.__new__(cls)


@frozen_value
class CORSPolicy(_OptionsByName, Explainable):
    """Who may read responses from a page of another origin, and how (Fetch, "CORS protocol").

    A policy is a value: frozen, equal and hashed by its options, with a ``repr`` that evaluates
    back. Every option is validated when it is made; all errors are raised at once. Warnings are in
    ``problems``; whatever puts the policy in force, such as a middleware, writes them to the log.

    Args:
        allow_origins: Origins as browsers send them (``"https://app.example.com"``); patterns
            ``"https://*.example.com"`` (one or more labels, never the apex) and
            ``"http://localhost:*"`` (any port or none); or ``"*"`` for anyone.
        allow_origin_regex: A regular expression that allows the origins it matches as a whole, in
            RE2's syntax and in linear time; needs the extra ``re2``. It is asked only about
            well-formed origins, never about ``null``.
        allow_origin_func: Called with an origin that is not listed, ``"https://a.example"``, never
            with ``null``. Only ``True``, returned or awaited, allows it; an exception, a time-out
            (5 seconds) and any other value refuse. Answers are kept for a minute.
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
            not allow are refused before the application runs; a `corsac.Guard` says more.
        allow_timing: Whether pages of allowed origins see how long responses took
            (``Timing-Allow-Origin``).
        always_send: Whether ``Access-Control-Allow-Origin`` is sent on every response, also without
            an ``Origin`` header that a cache or proxy took away; with exactly one exact origin. A
            browser compares it with the page's, so that nobody else is allowed.
        app_headers: What becomes of CORS headers that the application itself sets on responses to
            which the policy sets none: ``"replace"``, they are removed, or ``"keep"``. Where the
            policy allows the origin its headers alone are sent. The log says so once for each path.
        tolerate: Codes of problems that are accepted knowingly:
            ``origin.insecure_with_credentials``, ``origin.public_suffix_with_credentials``,
            ``origin.any_with_credentials``, ``origin.null``.

    Raises:
        CORSConfigError: The options cannot work or cannot be safe; it lists every problem.
    """

    allow_origins: tuple[str, ...]
    allow_origin_regex: str | None
    allow_origin_func: OriginCallable | corsac.OriginFunction | None
    allow_methods: tuple[str, ...]
    allow_headers: tuple[str, ...]
    allow_credentials: bool
    expose_headers: tuple[str, ...]
    max_age: int | None
    allow_private_network: bool
    preflight_status: int
    preflight_continue: bool
    guard: bool | corsac.Guard
    allow_timing: bool
    always_send: bool
    app_headers: Literal["replace", "keep"]
    tolerate: tuple[str, ...]
    problems: tuple[CORSConfigProblem, ...]
    _compiled: _core.CompiledPolicy
    _followed: Followed | None

    def __init__(
        self,
        *,
        allow_origins: Iterable[str] = (),
        allow_origin_regex: str | None = None,
        allow_origin_func: OriginCallable | corsac.OriginFunction | None = None,
        allow_methods: Iterable[str] = (),
        allow_headers: Iterable[str] = (),
        allow_credentials: bool = False,
        expose_headers: Iterable[str] = (),
        max_age: int | timedelta | None = 600,
        allow_private_network: bool = False,
        preflight_status: int = 204,
        preflight_continue: bool = False,
        guard: bool | corsac.Guard = False,
        allow_timing: bool = False,
        always_send: bool = False,
        app_headers: Literal["replace", "keep"] = "replace",
        tolerate: Iterable[str] = (),
    ) -> None:
        given = locals()
        options = {name: given[name] for name in _OPTIONS}
        values, compiled, problems = check_options(options, _DEFAULTS)
        if problems:
            problems = validation.try_fixes(
                values, problems, lambda options: check_options(options, _DEFAULTS)[2]
            )
        problems += problems_of_guard(values)
        if compiled is None or has_errors(problems):
            raise CORSConfigError(problems)
        self._fill(*values.values())
        self._set("problems", tuple(problems))
        self._set("_compiled", compiled)
        self._set("_followed", None)

    _defaults: ClassVar[dict[str, Any]] = __init__.__kwdefaults__ or {}
    _fields = tuple(_defaults)
    __slots__ = (*_fields, "_compiled", "_followed", "problems")

    @classmethod
    def from_express(cls, options: Mapping[str, object]) -> CORSPolicy:
        """Make the policy that options of the Node package ``cors`` mean.

        Args:
            options: ``origin``, ``methods``, ``allowedHeaders``, ``exposedHeaders``,
                ``credentials``, ``maxAge``, ``preflightContinue``, ``optionsSuccessStatus``; an
                absent one has that package's default.

        Raises:
            CORSConfigError: The options are unsafe, or do not mean what they seem to; each problem
                says what the package would have done.
        """
        from corsac.options.express import read_express  # noqa: PLC0415

        return cls._of_source(read_express(options))

    @classmethod
    def from_toml(cls, path: str | os.PathLike[str]) -> CORSPolicy:
        """Read a TOML file: its table ``corsac`` or ``tool.corsac``, or the whole file.

        Args:
            path: The file. Its keys are the options; ``max_age = false`` is ``None``.

        Raises:
            CORSConfigError: The file cannot be read, is not TOML, or has an invalid policy.
        """
        from corsac.options.files import read_toml  # noqa: PLC0415

        return cls._of_source(read_toml(path))

    @classmethod
    def from_env(cls, prefix: str = "CORS_") -> CORSPolicy:
        """Read environment variables such as ``CORS_ALLOW_ORIGINS``; lists have commas.

        Args:
            prefix: The start of the variables' names.

        Raises:
            CORSConfigError: A variable has an invalid value or an unknown name.
        """
        from corsac.options.files import read_environment  # noqa: PLC0415

        return cls._of_source(read_environment(os.environ, prefix))

    @classmethod
    def _of_source(cls, reading: SourceReading) -> CORSPolicy:
        """Make the policy that a source means; its problems include those of the source."""
        policy = reading.policy(cls)
        policy._set("problems", reading.all_problems(policy.problems))
        return policy

    def replace(self, **changes: Unpack[CORSPolicyOptions]) -> Self:
        """Make another policy with some options changed and all others kept.

        Args:
            **changes: The options of the class.

        Raises:
            CORSConfigError: The options together cannot be used.
            TypeError: An option is unknown.
        """
        return self.__replace__(**changes)

    def _choose(self, path: str) -> Choice:
        from corsac.explain.explaining import Choice  # noqa: PLC0415 - for tools alone

        return Choice(self, self._compiled)

    def _changed(self, changes: Mapping[str, Any]) -> CORSPolicy:
        """Make a changed policy, a plain one: a subclass may take other arguments."""
        made = CORSPolicy(**{**self._all_fields(), **changes})
        return made if self._followed is None else made._with_followed(self._followed)

    def _listed(self, limit: int) -> tuple[str, ...]:
        """Return the origins and patterns that it allows, those of a source too; so many at most.

        There is no limit to those that it lists itself.
        """
        if self._followed is None:
            return self.allow_origins
        more = self._followed.origins.entries(max(0, limit - len(self.allow_origins)))
        return (*self.allow_origins, *more)

    def _with_followed(self, followed: Followed) -> Self:
        """Make a policy that allows the origins of a source, too.

        They are none of its options: what is done with options is done with all of them at once,
        and a million origins would stop every other thread meanwhile.
        """
        made = object.__new__(type(self))
        made._fill(*self._all_fields().values())
        made._set("problems", tuple(each for each in self.problems if each.code != "origin.none"))
        made._set("_compiled", _core.with_live_origins(self._compiled, followed.origins))
        made._set("_followed", followed)
        return made

    def __eq__(self, other: object) -> bool:
        """Whether the options are equal, and no source is followed, or the same origins of it."""
        equal = super().__eq__(other)
        if not isinstance(other, CORSPolicy) or equal is not True or self is other:
            return equal
        own, others = self._followed, other._followed
        return (own and own.origins) is (others and others.origins)

    def __hash__(self) -> int:
        """By the options."""
        return super().__hash__()

    def __repr__(self) -> str:
        """The call that makes an equal policy; where a source is followed that is said instead."""
        call = super().__repr__()
        if call.startswith("<") or self._followed is None:
            return call
        count, source = len(self._followed.origins), self._followed.source
        return f"<{call} with {count} origins of {source}>"

    def _arguments(self) -> dict[str, Any]:
        """Return the options that are not left at their defaults."""
        fields = self._all_fields()
        return {name: value for name, value in fields.items() if value != _DEFAULTS[name]}


PolicyRule = tuple[str, CORSPolicy | None]
"""A path pattern and its one policy, as configurations of other libraries have it."""

_DEFAULTS = CORSPolicy._defaults
_OPTIONS = CORSPolicy._fields


def problems_of(options: Mapping[str, Any]) -> tuple[CORSConfigProblem, ...]:
    """Return the problems that `CORSPolicy` finds in some options; raise nothing."""
    try:
        return CORSPolicy(**options).problems
    except CORSConfigError as error:
        return error.problems


def resolve_policy(policy: CORSPolicy | None, options: CORSPolicyOptions) -> CORSPolicy:
    """Return the policy that a middleware was given: one made already, or the options of one.

    Raises:
        TypeError: Both were given, or ``policy`` is not a policy, or an option is unknown.
        CORSConfigError: The options cannot be used.
    """
    if policy is None:
        return CORSPolicy(**options)
    if not isinstance(policy, CORSPolicy):
        message = (
            f"policy must be a CORSPolicy, not {type(policy).__name__}; "
            "options are named, as in allow_origins=[...]"
        )
        raise TypeError(message)
    refuse_beside_policy(options)
    return policy


def refuse_beside_policy(options: CORSPolicyOptions) -> None:
    """Raise `TypeError` if options stand beside a policy."""
    if options:
        message = f"give either a policy or its options, not both: {', '.join(options)}"
        raise TypeError(message)


def _explain_unknown(names: list[str]) -> str:
    from corsac.options.names import foreign_option_hint  # noqa: PLC0415

    hints = ((name, foreign_option_hint(name)) for name in names)
    return "; ".join(
        f"unknown option {name!r}" + (f": {hint}" if hint else "") for name, hint in hints
    )
