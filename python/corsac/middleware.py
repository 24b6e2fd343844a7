"""What the ASGI and the WSGI middleware have in common for those who hold one."""

from __future__ import annotations

from corsac.rules import make_configuration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, NoReturn, SupportsIndex, Unpack

    from corsac._core import Routing
    from corsac.errors import CORSConfigProblem
    from corsac.explain import Explanation
    from corsac.explain.request import Headers
    from corsac.policy import CORSPolicy, CORSPolicyOptions
    from corsac.rules import Configuration, Rule

__all__ = ["ConfiguredMiddleware"]


class ConfiguredMiddleware:
    """A middleware with a configuration that can be looked at and replaced.

    The native middlewares, which stand beside it among the bases, hold the configuration.
    """

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def app(self) -> Any:
            """The wrapped application."""

        @property
        def _configuration(self) -> Any: ...
        def _put_in_force(self, configuration: object, routing: Routing) -> None: ...
        def _counters(self) -> dict[str, int]: ...

    @property
    def policy(self) -> CORSPolicy | None:
        """The policy in force where no rule matches; ``None`` if those paths are left alone."""
        configuration: Configuration = self._configuration
        return configuration.policy

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The path rules in force, in order."""
        configuration: Configuration = self._configuration
        return configuration.rules

    @property
    def problems(self) -> tuple[CORSConfigProblem, ...]:
        """The warnings and infos of the rules and of every policy in force, in that order."""
        configuration: Configuration = self._configuration
        return configuration.all_problems()

    def reconfigure(
        self,
        policy: CORSPolicy | None = None,
        *,
        rules: Iterable[Rule] | None = None,
        **options: Unpack[CORSPolicyOptions],
    ) -> None:
        """Put another policy in force, at once and for every request that begins from now on.

        Args:
            policy: The new policy; or give the options of one.
            rules: The new path rules, as for the class; without any, all old ones are gone.
            **options: The options of `CORSPolicy`.

        Raises:
            CORSConfigError: The options cannot be used; what was in force stays.
            TypeError: As for the class.
        """
        configuration = self._configure(policy, rules, options)
        self._put_in_force(configuration, configuration.routing)

    def counters(self) -> Mapping[str, int]:
        """How many requests there were since the middleware was made, by kind and outcome.

        Returns:
            The keys ``not_cors``, ``actual_allowed``, ``actual_refused``, ``preflight_allowed``,
            ``preflight_refused`` and ``guard_refused``.
        """
        return self._counters()

    def explain(
        self,
        method: str,
        headers: Headers,
        path: str = "/",
        *,
        credentials: bool | None = None,
    ) -> Explanation:
        """Say what becomes of one request under the configuration in force, and why.

        Args:
            method: The method of the request; ``"OPTIONS"`` for a preflight request.
            headers: Its header lines: a mapping, or pairs where a name stands several times.
            path: Its path as the rules see it: without what a mount took off, and without a query.
            credentials: Whether the page sends it with credentials; by default that is so if there
                is a Cookie header.

        Returns:
            As `CORSPolicy.explain` does, with the rule that decides about the path.

        Raises:
            TypeError: An argument has a wrong type.
            RuntimeError: As `CORSPolicy.explain` does: await `explain_async` then.
        """
        from corsac.explain.explaining import choose, explain  # noqa: PLC0415 - for tools alone

        return explain(choose(self._configuration, path), method, headers, path, credentials)

    async def explain_async(
        self,
        method: str,
        headers: Headers,
        path: str = "/",
        *,
        credentials: bool | None = None,
    ) -> Explanation:
        """The same as `explain` from a coroutine; needed for an asynchronous function alone."""
        from corsac.explain.explaining import choose, explain_async  # noqa: PLC0415

        choice = choose(self._configuration, path)
        return await explain_async(choice, method, headers, path, credentials)

    def _configure(
        self,
        policy: CORSPolicy | None,
        rules: Iterable[Rule] | None,
        options: CORSPolicyOptions,
    ) -> Configuration:
        """Validate and compile; a protocol that cannot apply all of it says so here."""
        return make_configuration(policy, rules, options)

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        """Say what cannot be done: a middleware is not copied or pickled, its policy can be."""
        message = "a CORSMiddleware belongs to its application; copy or pickle its policy instead"
        raise TypeError(message)

    def __repr__(self) -> str:
        """The middleware with its policy and application."""
        rules = f", rules={self.rules!r}" if self.rules else ""
        return f"{type(self).__name__}({self.app!r}, {self.policy!r}{rules})"
