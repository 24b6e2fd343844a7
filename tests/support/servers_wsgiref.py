"""The standard library's WSGI server: ``python -m support.servers_wsgiref HOST PORT APP``."""

from __future__ import annotations

import importlib
import signal
import sys
from types import FrameType
from wsgiref.simple_server import make_server


def _end(signum: int, frame: FrameType | None) -> None:
    sys.exit(0)


def main(host: str, port: str, app: str) -> None:
    """Serve an application until the process is asked to end."""
    signal.signal(signal.SIGTERM, _end)
    module, _, name = app.partition(":")
    with make_server(host, int(port), getattr(importlib.import_module(module), name)) as server:
        server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
