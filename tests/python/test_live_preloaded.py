"""gunicorn with `--preload`: the application is there before the workers, which are forked."""

from __future__ import annotations

import contextlib
import functools
import json
from pathlib import Path

from support.servers import Answer, RunningServer, running_server
from support.sources import wait_until

OWN, ONE, TWO = "https://app.example.com", "https://one.example", "https://two.example"
WORKERS = 3


def ask_at_once(server: RunningServer, origin: str) -> list[Answer]:
    """Ask several times at once: a worker that waits for nothing would take all of them."""
    with contextlib.ExitStack() as stack:
        begin = functools.partial(server.begin, "/", lines=[("Origin", origin)])
        begun = [stack.enter_context(begin()) for _ in range(4 * WORKERS)]
        return [each.finish() for each in begun]


def is_allowed(server: RunningServer, origin: str) -> bool:
    """Whether an origin may read; every answer is wholly one or the other."""
    lines = server.ask("/", lines=[("Origin", origin)]).cors_lines
    if lines == [b"vary: Origin"]:
        return False
    assert lines == [
        b"access-control-allow-credentials: true",
        f"access-control-allow-origin: {origin}".encode(),
        b"vary: Origin",
    ]
    return True


def test_each_worker_follows_anew(tmp_path: Path) -> None:
    path = tmp_path / "origins.txt"
    path.write_text(ONE)
    options = ["--preload", "--workers", str(WORKERS)]
    app = "support.preloaded_app:application"
    with running_server("gunicorn", app, *options, ORIGINS=str(path)) as server:
        for origin, other in ((ONE, TWO), (TWO, ONE)):
            path.with_suffix(".new").write_text(origin)
            path.with_suffix(".new").replace(path)
            seen: set[int] = set()

            def all_follow(origin: str = origin, seen: set[int] = seen) -> bool:
                for answer in ask_at_once(server, origin):
                    process, state, threads = json.loads(answer.body)
                    assert threads.count("corsac-follower") == 1
                    if state == "current" and len(answer.cors_lines) == 3:
                        seen.add(process)
                return len(seen) == WORKERS

            wait_until(all_follow)
            assert is_allowed(server, OWN)
            assert not is_allowed(server, other)
        assert "Traceback" not in server.output
