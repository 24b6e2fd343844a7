"""The methods of policies and middlewares that explain a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from corsac.explain import Explanation
    from corsac.explain.explaining import Choice
    from corsac.explain.explanation import Headers

__all__ = ["Explainable"]


class Explainable:
    """Base of policies and middlewares. What explains is imported when it is asked for."""

    __slots__ = ()

    def _choose(self, path: str) -> Choice:
        """Return the policy that decides about a path, and why."""
        raise NotImplementedError

    def explain(
        self,
        method: str,
        headers: Headers,
        path: str = "/",
        *,
        credentials: bool | None = None,
    ) -> Explanation:
        """Say what becomes of one request under what is configured, and why.

        Args:
            method: The method of the request; ``"OPTIONS"`` for a preflight request.
            headers: Its header lines: a mapping, or pairs where a name stands several times.
            path: Its path as rules see it: without what a mount took off, and without a query.
            credentials: Whether the page sends it with credentials (Fetch, "credentials mode",
                ``"include"``); by default that is so if there is a Cookie header.

        Returns:
            The kind of the request, each check with its result, the rule that decides about the
            path, the headers of the answer, what a browser makes of them, and the smallest change
            that would let a blocked request through. Its ``str`` is for people.

        Raises:
            TypeError: An argument has a wrong type.
            RuntimeError: An asynchronous ``allow_origin_func`` has to be asked, and an event loop
                runs already: await `explain_async` there.
        """
        from corsac.explain.explaining import explain  # noqa: PLC0415 - for tools alone

        return explain(self._choose(path), method, headers, path, credentials)

    async def explain_async(
        self,
        method: str,
        headers: Headers,
        path: str = "/",
        *,
        credentials: bool | None = None,
    ) -> Explanation:
        """Do as `explain` does, from a coroutine; only an asynchronous function needs it."""
        from corsac.explain.explaining import explain_async  # noqa: PLC0415 - for tools alone

        return await explain_async(self._choose(path), method, headers, path, credentials)
