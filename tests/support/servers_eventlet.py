"""Eventlet's own WSGI server: ``python -m support.servers_eventlet HOST PORT APP``."""

from __future__ import annotations

import os
import warnings

os.environ["EVENTLET_NO_GREENDNS"] = "yes"  # What that imports does not bear the change.
with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
    import eventlet  # It is no longer developed, and says so.

    eventlet.monkey_patch()

import importlib
import sys

import eventlet.wsgi


def main(host: str, port: str, app: str) -> None:
    """Serve an application until the process is asked to end."""
    module, _, name = app.partition(":")
    application = getattr(importlib.import_module(module), name)
    eventlet.wsgi.server(
        eventlet.listen((host, int(port)), backlog=1024), application, max_size=2000
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
