"""What the ASGI and the WSGI middleware have in common for those who hold one."""

from __future__ import annotations

import copyreg
import os
import threading
from collections.abc import Iterable, Mapping
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Generic,
    Self,
    SupportsIndex,
    TypeVar,
    Unpack,
)

from corsac._core import Routing
from corsac._explainable import Explainable
from corsac._locks import at_fork
from corsac.configuration import (
    NOTHING_OBSERVED,
    Configuration,
    Observation,
    ReadRule,
    Rule,
    choose,
    make_configuration,
)
from corsac.counts import Counting
from corsac.errors import CORSConfigProblem, log_warnings
from corsac.observers import OBSERVATION_OPTIONS, ObservationOptions, read_observation
from corsac.policy import CORSPolicy, CORSPolicyOptions
from corsac.refusals import OnRefusal
from corsac.refusals.log import RefusalLog, TrialLog
from corsac.several import GivenPolicies, Policies

if TYPE_CHECKING:
    from corsac.explain.explaining import Choice

__all__ = ["ConfiguredMiddleware", "MiddlewareOptions", "putting"]

App = TypeVar("App")

putting = threading.RLock()
"""Held for the moment in which a configuration takes the place of the one that it was made of."""

# A process that is forked meanwhile has no thread that would let go of it.
at_fork(before=putting.acquire, after_in_parent=putting.release, after_in_child=putting.release)


class MiddlewareOptions(CORSPolicyOptions, ObservationOptions, total=False):
    """The options of a middleware, but rules, and those of its policy."""


class ConfiguredMiddleware(Explainable, Counting, Generic[App]):
    """A middleware with a configuration that can be looked at and replaced.

    The native middlewares, which stand beside it among the bases, hold the configuration.
    """

    __slots__ = ()
    _kind_of_app: ClassVar[str]
    _has_policies_of_routes: ClassVar[bool] = False
    _followers: tuple[Any, ...] = ()  # Those of `corsac.live` that put policies in force here.

    def _start(
        self,
        app: App,
        policy: GivenPolicies | None,
        rules: Iterable[Rule] | None,
        options: CORSPolicyOptions,
        **observed: Any,
    ) -> None:
        """Do what `__init__` does, which each protocol has with its own type of application."""
        if not callable(app):
            message = f"app must be {self._kind_of_app}, not {type(app).__name__}"
            raise TypeError(message)
        self._begin(app, self._configure(policy, rules, options, observed))
        log_warnings(self._problems_to_log())

    if TYPE_CHECKING:

        def __init__(self, app: App, policy: GivenPolicies | None = None, **options: Any) -> None:
            """See `_start`."""

        @property
        def app(self) -> App:
            """The wrapped application."""

        @property
        def _configuration(self) -> Any: ...
        def _put_in_force(self, configuration: object, routing: Routing) -> None: ...
        def _begin(self, app: App, configuration: Configuration, *logs: Any) -> None: ...

        _logs: tuple[RefusalLog, TrialLog]

    @property
    def policy(self) -> Policies | None:
        """The policy in force where no rule matches; a tuple where several stand in one place.

        It is ``None`` if those paths are left alone.
        """
        return self._current.policy

    @property
    def rules(self) -> tuple[ReadRule, ...]:
        """The path rules in force, in order; several policies of one rule are a tuple."""
        return self._current.rules

    @property
    def problems(self) -> tuple[CORSConfigProblem, ...]:
        """The warnings and infos of the rules, of each policy in force, and of those on trial."""
        return self._current.all_problems()

    @property
    def allowed_hosts(self) -> tuple[str, ...] | None:
        """The hosts that are served, whatever the path; ``None``: any."""
        return self._current.observation.allowed_hosts

    @property
    def on_refusal(self) -> OnRefusal | None:
        """The function that is told about each refusal, or ``None``."""
        return self._current.observation.on_refusal

    @property
    def report_only(self) -> Policies | None:
        """The policy on trial where no rule on trial matches, or a tuple, or ``None``."""
        return self._current.observation.report_only

    @property
    def report_only_rules(self) -> tuple[ReadRule, ...]:
        """The path rules on trial, in order."""
        return self._current.observation.report_only_rules

    @property
    def report_only_hosts(self) -> tuple[str, ...] | None:
        """The hosts on trial, or ``None``."""
        return self._current.observation.report_only_hosts

    @property
    def debug_header(self) -> str | None:
        """The name of the response header with the reason of a refusal, or ``None``."""
        return self._current.observation.debug_header

    @property
    def on_refusal_errors(self) -> int:
        """How often ``on_refusal`` raised, or gave something to be awaited."""
        callback = self._current.observation.callback
        return 0 if callback is None else callback.errors

    @property
    def _current(self) -> Configuration:
        configuration: Configuration | None = self._configuration
        if configuration is None:
            message = f"{type(self).__name__}.__init__ was not called"
            raise RuntimeError(message)
        return configuration

    @property
    def _observation(self) -> Observation:
        configuration: Configuration | None = self._configuration
        return NOTHING_OBSERVED if configuration is None else configuration.observation

    def reconfigure(
        self,
        policy: GivenPolicies | None = None,
        *,
        rules: Iterable[Rule] | None = None,
        **options: Unpack[MiddlewareOptions],
    ) -> None:
        """Put another policy in force, at once and for every request that begins from now on.

        It takes what the class takes. The hosts that are served, who learns of refusals, and what
        is on trial stay what they are unless they are given: ``on_refusal=None`` ends it. Counters
        go on. Of two calls at the same time the last one is in force, whole.

        Args:
            policy: The new policy, or several; or give the options of one.
            rules: The new path rules; without any, all old ones are gone.
            **options: As for the class: ``allowed_hosts``, ``on_refusal``, ``report_only``,
                ``report_only_rules``, ``report_only_hosts`` and ``debug_header``, and the options
                of `CORSPolicy`.

        Raises:
            CORSConfigError: The options cannot be used; what was in force stays.
            TypeError: As for the class.
        """
        self._reconfigure(policy, rules, {**options})
        self._tell_followers()

    def _reconfigure(
        self, policy: GivenPolicies | None, rules: Iterable[Rule] | None, given: Any
    ) -> None:
        observed = {name: given.pop(name) for name in OBSERVATION_OPTIONS if name in given}
        before: Configuration | None = self._configuration
        known = () if before is None else self._problems_to_log()
        configuration = self._configure(policy, rules, given, observed)
        configuration = self._with_followed(configuration, observed)
        if before is not None:
            configuration.go_on_from(before)
        with putting:
            self._put_in_force(configuration, configuration.routing)
        self._was_observed()
        log_warnings(self._problems_to_log(), known)

    def _with_followed(
        self, configuration: Configuration, observed: Mapping[str, Any]
    ) -> Configuration:
        """Have the policies that are followed in the place of their bases."""
        for follower in self._followers:
            found = follower.exchanged(configuration)
            if found is not None:
                policy, rules = found
                configuration = self._configure(policy, rules, {}, observed)
        return configuration

    def _tell_followers(self) -> None:
        """Do the same with those that came while a configuration was made."""
        for follower in self._followers:
            follower.put_again()

    def _exchange(self, base: CORSPolicy, after: CORSPolicy) -> bool:
        """Put a policy that is followed in the place of its base, or of the one before it.

        Nothing else changes, also not what is put in force at the same time.

        Args:
            base: What the policy was made of.
            after: The policy.

        Returns:
            Whether it is in force somewhere.
        """
        while True:
            before = self._current
            found = before.exchanged(base, after)
            if found is None:
                return False
            configuration = self._configure(*found, {}, {})
            if configuration.has_policies_of(before) or self._put_followed(before, configuration):
                return True

    def _put_followed(self, before: Configuration, configuration: Configuration) -> bool:
        """Put a configuration in force, with the counters, unless another was put meanwhile."""
        configuration.go_on_from(before)
        is_put = self._put_after(before, configuration)
        if is_put:
            self._was_observed()
        return is_put

    def _have_base(self, base: CORSPolicy) -> None:
        """Have a place for what is made of a policy that is to be followed.

        A middleware that has only a policy with the same options, or none yet, has it there.

        Raises:
            RuntimeError: There is no place for it.
        """
        before = self._places_of_bases()
        if before.exchanged(base, base) is not None:
            return
        observation = before.observation
        others = (before.rules, observation.report_only, observation.report_only_rules)
        is_plain = not (self._has_policies_of_routes or any(others))
        if not (is_plain and before.policy in (base, CORSPolicy())):
            message = (
                "the middleware has base neither as its policy nor in a rule: give it base, or "
                "rules=[(path, base)]; what marks, decorators and blueprints have, or is on trial, "
                "is not followed"
            )
            raise RuntimeError(message)
        if not self._put_followed(before, self._configure(base, (), {}, {})):
            self._have_base(base)

    def _places_of_bases(self) -> Configuration:
        """Return the configuration in which policies that are followed have their places."""
        return self._current

    def _put_after(self, before: Configuration, configuration: Configuration) -> bool:
        """Put a configuration in force, unless another one than that before was put meanwhile."""
        with putting:
            if self._configuration is not before:
                return False
            self._put_in_force(configuration, configuration.routing)
            return True

    @classmethod
    def from_file(cls, app: App, path: str | os.PathLike[str], *, watch: bool = False) -> Self:
        """Make a middleware of what one TOML file says.

        Args:
            app: The application.
            path: The file; see `corsac.configuration_file.load_file` for what stands in it.
            watch: Whether to put the file in force again whenever it changes, also after a fork. A
                file that cannot be used is logged with all its problems, and what was in force
                stays. Needs the extra ``watch``.

        Raises:
            CORSConfigError: The file cannot be read, or the configuration in it cannot be used; it
                lists every problem, with options named as the file does.
            ImportError: ``watch`` is given and watchfiles is not installed.
        """
        from corsac.configuration_file import FileWatch, load_file  # noqa: PLC0415 - few have one

        file = FileWatch(path, cls.__new__(cls)._configure) if watch else None
        given = load_file(path, cls.__new__(cls)._configure) if file is None else file.load()
        made = cls(app, given.pop("policy"), **given)
        if file is not None:
            file.follow(made)
        return made

    @classmethod
    def _made_of(cls, app: App, configuration: Configuration, *logs: Any) -> Self:
        """Make a part of another middleware, which has logged the problems of the configuration.

        The logs are for refusals, and for those of a policy on trial; without any it has its own.
        """
        made = cls.__new__(cls)
        made._begin(app, configuration, *logs)
        return made

    @classmethod
    def _part(
        cls, app: App, policy: GivenPolicies | None, rules: Iterable[Rule] | None = None
    ) -> Self:
        """Make a part as `_made_of` does, of arguments as the class takes and refuses them."""
        return cls._made_of(app, cls.__new__(cls)._configure(policy, rules, {}, {}))

    def _problems_to_log(self) -> tuple[CORSConfigProblem, ...]:
        """Return the problems of what is in force; its warnings are logged once."""
        return self._current.all_problems()

    def _observe_as(self, observation: Observation) -> None:
        before = self._current
        while not self._put_after(before, before.observed_by(observation)):
            before = self._current

    def _follow_observers_of(self, whole: ConfiguredMiddleware[App]) -> None:
        """Be observed as another middleware is, also if that changes meanwhile."""
        while self._observation is not (observation := whole._observation):
            self._observe_as(observation)

    def _log_as_part_of(self, whole: ConfiguredMiddleware[App]) -> None:
        """Write into the logs of another middleware: what is bounded there is bounded once."""
        for own, others in zip(self._logs, whole._logs, strict=True):
            own.write_into(others)

    def _was_observed(self) -> None:
        """Do what has to be done when the observers may have changed."""

    def _choose(self, path: str) -> Choice:
        # Asking may read routes, and what they say is part of the configuration.
        routes_may_decide = self._routes_may_decide()
        choice = choose(self._current, self._route_path(path), routes_may_decide)
        return choice._replace(hosts=None if self.allowed_hosts is None else self._current.routing)

    def _route_path(self, path: str) -> str:
        """Return what the rules see of a path; an application may take a part off it itself."""
        return path

    def _routes_may_decide(self) -> bool:
        """Tell whether routes have policies that the configuration does not have."""
        return False

    def _configure(
        self,
        policy: GivenPolicies | None,
        rules: Iterable[Rule] | None,
        options: CORSPolicyOptions,
        changes: Mapping[str, Any],
    ) -> Configuration:
        """Validate and compile; a protocol that cannot apply all of it says so here."""
        problems: list[CORSConfigProblem] = []
        observation = read_observation(self._observation, self._request_line, problems, changes)
        return make_configuration(policy, rules, options, observation, problems)

    @staticmethod
    def _request_line(request: Mapping[str, Any]) -> tuple[object, object]:
        """Return the method and the path of a request; here those of an ASGI scope."""
        return request.get("method"), request.get("path")

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        """Travel with the application: by the policies, rules and observers.

        All else is made anew at the destination, where nothing is counted yet.
        """
        make = copyreg.__newobj__  # type: ignore[attr-defined]
        return (make, (type(self),), self.__getstate__())

    def __getstate__(self) -> tuple[Any, ...]:
        """Return the application, the policy, other options, and attributes of a subclass."""
        return self.app, self.policy, self._options(), self._own_attributes()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Take what `__getstate__` gave."""
        app, policy, options, attributes = state
        rules = options.pop("rules", ())
        self._begin(app, self._configure(policy, rules, {}, options))
        vars(self).update(attributes)

    def _options(self) -> dict[str, Any]:
        """Return the options beside the policy that make an equal middleware."""
        options = {"rules": self.rules} if self.rules else {}
        return options | self._observation.options()

    def _own_attributes(self) -> dict[str, Any]:
        """Return the attributes of a copy that `_begin` does not make."""
        made_by_begin = {"__call__", "_followers", "_logs"}
        return {name: value for name, value in vars(self).items() if name not in made_by_begin}

    def __repr__(self) -> str:
        """The middleware with its policy and application."""
        if self._configuration is None:
            return f"<{type(self).__name__}, whose __init__ was not called>"
        named = "".join(f", {name}={value!r}" for name, value in self._options().items())
        return f"{type(self).__name__}({self.app!r}, {self.policy!r}{named})"
