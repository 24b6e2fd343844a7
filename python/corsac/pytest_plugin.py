"""The pytest plugin: `corsac.testing` as fixtures, imported when a test asks for one."""

from __future__ import annotations

from typing import Any

import pytest

__all__ = [
    "assert_cors",
    "assert_cors_async",
    "assert_cors_blocked",
    "assert_cors_blocked_async",
]


def _fixture(name: str, text: str) -> Any:
    """Make a fixture that is one of the assertions."""

    def assertion() -> Any:
        from corsac import testing  # noqa: PLC0415 - most test runs ask for none

        return getattr(testing, name)

    assertion.__doc__ = f"`corsac.testing.{name}`{text}."
    return pytest.fixture(assertion, scope="session", name=name)


assert_cors = _fixture("assert_cors", ": a page of another origin gets the response")
assert_cors_blocked = _fixture("assert_cors_blocked", ": it does not")
assert_cors_async = _fixture("assert_cors_async", ", to be awaited")
assert_cors_blocked_async = _fixture("assert_cors_blocked_async", ", to be awaited")
