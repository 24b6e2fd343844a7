"""Assertions about applications that are broken: neither allowed nor blocked by CORS."""

from __future__ import annotations

from typing import Any

import pytest

from corsac import CORSMiddleware
from corsac.testing import assert_cors, assert_cors_blocked

ORIGIN = "https://app.example.com"


async def broken(scope: Any, receive: Any, send: Any) -> None:
    raise RuntimeError("the database is down")


def test_an_application_that_raises_blocks_nobody() -> None:
    with pytest.raises(AssertionError, match="not because of CORS"):
        assert_cors_blocked(broken, origin=ORIGIN, interface="asgi")


async def items(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


APP = CORSMiddleware(items, allow_origins=[ORIGIN])


def test_an_opaque_response_is_nothing_that_a_script_gets() -> None:
    with pytest.raises(AssertionError, match="nothing to read: the response is opaque"):
        assert_cors(APP, origin="https://evil.example", mode="no-cors")


@pytest.mark.parametrize("wrong", [{"status": "200"}, {"readable": [b"etag"]}, {"status": True}])
def test_arguments_of_a_wrong_type_are_named(wrong: Any) -> None:
    with pytest.raises(TypeError):
        assert_cors(APP, origin=ORIGIN, **wrong)
