"""Types for annotations that need `typing`, which takes longer to load than all of Corsac.

`corsac.errors` and `corsac.policy` load this module when one of them is asked for by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Literal, TypedDict

from corsac.origins import OriginFunction

__all__ = ["CORSPolicyOptions", "Severity"]

Severity = Literal["error", "warning", "info"]


class CORSPolicyOptions(TypedDict, total=False):
    """The options of `CORSPolicy`, for functions that hand them on."""

    allow_origins: Iterable[str]
    allow_origin_regex: str | None
    allow_origin_func: OriginFunction | None
    allow_methods: Iterable[str]
    allow_headers: Iterable[str]
    allow_credentials: bool
    expose_headers: Iterable[str]
    max_age: int | timedelta | None
    allow_private_network: bool
    preflight_status: int
    preflight_continue: bool
    guard: bool
    always_send: bool
    app_headers: Literal["replace", "keep"]
    tolerate: Iterable[str]
