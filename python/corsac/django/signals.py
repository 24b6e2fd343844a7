"""The signal by which code decides about a request that the settings do not allow."""

from __future__ import annotations

from django.dispatch import Signal

__all__ = ["check_request_enabled"]

check_request_enabled = Signal()
"""Sent with ``request``, at most once for each, when ``CORS_URLS_REGEX`` does not match its path or
its origin is not allowed. If a receiver returns something true, the policy covers the path and the
origin is allowed, unless it is ``null`` or malformed. A receiver that raises has no say.

A view with a policy of its own (`corsac.django.cors`) or with none (`corsac.django.cors_exempt`) is
not asked about. Under ASGI receivers that are not asynchronous run in a thread, as they may use the
database.
"""
