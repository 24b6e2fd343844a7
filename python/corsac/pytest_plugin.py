"""The pytest plugin: `corsac.testing` as fixtures, imported when a test asks for one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from corsac.browser import FetchOutcome

__all__ = [
    "assert_cors",
    "assert_cors_async",
    "assert_cors_blocked",
    "assert_cors_blocked_async",
]

# Most test runs ask for no fixture of these, so each imports what it is.


@pytest.fixture(scope="session")
def assert_cors() -> Callable[..., FetchOutcome]:
    """`corsac.testing.assert_cors`: a page of another origin gets the response."""
    from corsac import testing  # noqa: PLC0415

    return testing.assert_cors


@pytest.fixture(scope="session")
def assert_cors_blocked() -> Callable[..., FetchOutcome]:
    """`corsac.testing.assert_cors_blocked`: it does not."""
    from corsac import testing  # noqa: PLC0415

    return testing.assert_cors_blocked


@pytest.fixture(scope="session")
def assert_cors_async() -> Callable[..., Awaitable[FetchOutcome]]:
    """`corsac.testing.assert_cors_async`, to be awaited."""
    from corsac import testing  # noqa: PLC0415

    return testing.assert_cors_async


@pytest.fixture(scope="session")
def assert_cors_blocked_async() -> Callable[..., Awaitable[FetchOutcome]]:
    """`corsac.testing.assert_cors_blocked_async`, to be awaited."""
    from corsac import testing  # noqa: PLC0415

    return testing.assert_cors_blocked_async
