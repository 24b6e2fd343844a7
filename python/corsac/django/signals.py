"""The signals by which code decides about a request that the settings do not allow."""

from __future__ import annotations

import sys
from typing import Final

from django.dispatch import Signal

__all__ = ["check_request_enabled", "signals_with_receivers"]

check_request_enabled = Signal()
"""Sent with ``request``, at most once for each, when ``CORS_URLS_REGEX`` does not match its path or
its origin is not allowed. If a receiver returns something true, the policy covers the path and the
origin is allowed, unless it is ``null`` or malformed. A receiver that raises has no say.

A view with a policy of its own (`corsac.django.cors`) or with none (`corsac.django.cors_exempt`) is
not asked about. Under ASGI receivers that are not asynchronous run in a thread, as they may use the
database.

Receivers of ``corsheaders.signals.check_request_enabled`` are asked in the same way and with the
same arguments, where that module is loaded: other packages of a project connect theirs there.
"""

_FOREIGN_MODULE: Final = "corsheaders.signals"


def signals_with_receivers() -> list[Signal]:
    """Return the signals that somebody listens to: Corsac's, and that of django-cors-headers."""
    # Never imported: who has connected a receiver to it has done so already. Before a module is
    # executed its names are not there yet.
    foreign = getattr(sys.modules.get(_FOREIGN_MODULE), "check_request_enabled", None)
    signals = [check_request_enabled, *([foreign] if isinstance(foreign, Signal) else [])]
    return [signal for signal in signals if signal.receivers]
