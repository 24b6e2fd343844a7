"""Which Python objects a middleware adds to one actual request: `python -m benchmarks.objects`.

While the start of the response is on its way to the server, everything that was made for the
request and is still needed is alive. So that is when it is counted: all objects that the garbage
collector tracks, and what they refer to, less what was alive before the request began. What a
middleware adds is that count less the bare app's. What was freed again before the response starts
is not in it. Corsac is counted twice: once with an application that makes its message and header
list for the call, and once with one that keeps them. Since Python 3.14 only what is kept is copied;
before, and in free-threaded builds, every message is, so that both columns have the copies.
"""

from __future__ import annotations

import array
import contextlib
import gc
from collections import Counter
from collections.abc import Iterator
from typing import Any

from benchmarks import peers, tables
from benchmarks.exchange import (
    ASGIApp,
    Message,
    Receive,
    Scope,
    Send,
    receive,
    run_to_end,
    scope_maker,
)
from benchmarks.scenarios import HeaderLines, Scenario, all_scenarios

MESSAGE_KEPT = f"{peers.CORSAC}, message kept"
COMPARED = (peers.CORSAC, MESSAGE_KEPT, peers.EMPTY, peers.STARLETTE, "asgi-cors")

# Why Corsac makes each, for an actual request from an allowed origin.
_REASONS = {
    "_Send": "the `send` that the application is given, one for each request",
    "dict": "a copy of a message that the application may keep, and send to others too; "
    "only Python 3.14 and later can tell that it does not",
    "list": "a copy of its header list, for the same reason",
}


def _alive() -> dict[int, Any]:
    """Every object that can be found, by id: the tracked ones, and what they refer to."""
    waiting = gc.get_objects()
    found = {id(thing): thing for thing in waiting}
    while waiting:
        for referred in gc.get_referents(waiting.pop()):
            if id(referred) not in found:
                found[id(referred)] = referred
                waiting.append(referred)
    return found


@contextlib.contextmanager
def _without_collections() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _alive_for_one_request(app: ASGIApp, scenario: Scenario) -> Counter[str]:
    new_scope = scope_maker(scenario)
    counted: Counter[str] = Counter()
    # Numbers that are no objects, since these would be counted too; and the objects that they stand
    # for, so that none of the numbers is given to another object.
    before = array.array("Q")
    held: list[Any] = []

    # Constants that C++ alone refers to are found through the messages of earlier requests.
    kept: list[Message] = []

    async def send(message: Message) -> None:
        kept.append(message)
        if message["type"] == "http.response.start" and before:
            now = _alive()
            known = set(before)
            counted.update(type(now[key]).__name__ for key in now if key not in known)

    async def serve(scope: Any) -> None:
        await app(scope, receive, send)

    # The first requests fill what is filled only once.
    for _ in range(10):
        run_to_end(serve(new_scope()))
    with _without_collections():
        work = serve(new_scope())
        found = _alive()
        before.extend(found)
        held.extend(found.values())
        del found
        run_to_end(work)
    return counted


def _app_that_keeps_its_message(headers: HeaderLines) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": [*headers]}
        await send(start)
        await send({"type": "http.response.body", "body": peers.BODY})
        start.clear()

    return app


def measure() -> list[dict[str, Any]]:
    """For each type, how many objects of it each middleware adds to an actual request."""
    scenario = next(item for item in all_scenarios() if item.name == "actual, allowed")
    headers = scenario.app_headers
    variants = {variant.name: variant for variant in peers.VARIANTS}

    def count(name: str, app: ASGIApp) -> Counter[str]:
        wrapped = variants[name].build(scenario.wanted, headers, app)
        return Counter() if wrapped is None else _alive_for_one_request(wrapped, scenario)

    usual, keeping = peers.bare_app(headers), _app_that_keeps_its_message(headers)
    bare = count(peers.BARE, usual)
    added = {name: count(name, usual) - bare for name in COMPARED if name != MESSAGE_KEPT}
    added[MESSAGE_KEPT] = count(peers.CORSAC, keeping) - count(peers.BARE, keeping)
    types = sorted({name for counted in added.values() for name in counted})
    return [
        {
            "type": kind,
            "added": {name: added[name][kind] for name in COMPARED},
            "why": _REASONS.get(kind, "not explained") if added[MESSAGE_KEPT][kind] else "",
        }
        for kind in types
    ]


def print_table(rows: list[dict[str, Any]]) -> None:
    """Print what `measure` found."""
    print("\nPython objects that one actual request adds, alive when the response starts\n")
    lines = [
        [row["type"], *(str(row["added"][name]) for name in COMPARED), row["why"]] for row in rows
    ]
    total = [str(sum(row["added"][name] for row in rows)) for name in COMPARED]
    header = ["type", *COMPARED, "why Corsac makes it"]
    print(tables.text(header, [*lines, ["all", *total, ""]]))


if __name__ == "__main__":
    print_table(measure())
