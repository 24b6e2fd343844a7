"""Compare the core with the reference model on millions of policies and requests drawn by lot.

    python tests/model.py --count 10000000      so many answers, in two processes
    python tests/model.py --seed 7 --batch 312  one batch of a run, once more

A batch has one policy (or several, or path rules, or hosts), some requests that it nearly allows,
and some responses of an application. Each request is answered over ASGI and over WSGI, and each
answer is compared as a whole with that of `support.reference_model`. The seed and the number of a
batch say all that is drawn. Exit status 1: the core and the model differ.
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import logging
import multiprocessing
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from corsac import CORSPolicy
from support import reference_model as model
from support.exchange import AppResponse, Request
from support.properties import (
    comparable,
    core_answers,
    joined,
    made_of,
    made_of_several,
    with_rules,
    wsgi_answers,
)
from support.quick_strategies import draw
from support.quick_strategies import strategies as lot_of
from support.reference_model import Answer, Options

REQUESTS = 50
APPS = 2
PROCESSES = 2
BATCHES_AT_ONCE = 20
SECONDS_BETWEEN_LINES = 10.0

HOSTS = ("api.example.com", "*.example.com", "*.b.example.com:81", "localhost:80", "[::1]:9")
HOST_NAMES = ("api.example.com", "a.b.example.com", "API.example.com.", "localhost", "[::1]", "a b")
HOST_ENDS = ("", "", ":80", ":81", ":x", ":", ".", ",a", "@a", ":65536")
FEW_POLICIES = (
    None,
    Options(allow_origins=("*",)),
    Options(allow_origins=("https://app.example.com",)),
    Options(allow_origins=("https://app.example.com",), allow_credentials=True, guard=True),
)


@dataclass(frozen=True)
class Batch:
    """What is compared at once.

    Attributes:
        what: The configuration, for people.
        make: Makes a middleware with it.
        wanted: What the model answers.
        requests: The requests.
        root_path: What a mount takes off their paths.
    """

    what: object
    make: Callable[[Any, Any], Any]
    wanted: Callable[[Request, AppResponse], Answer]
    requests: list[Request]
    root_path: str = ""


def _one_policy(lot: Random) -> Batch:
    options = draw(lot_of.options(), lot)
    strategy = lot_of.hostile_requests(options)
    requests = [draw(strategy, lot) for _ in range(REQUESTS)]
    return Batch(options, made_of(options), _answer(options), requests)


def _answer(options: Options | None) -> Callable[[Request, AppResponse], Answer]:
    return lambda request, app: model.answer(options, request, app)


def _limits(lot: Random) -> Batch:
    options = Options(
        allow_origins=("*",),
        allow_methods=("*",),
        allow_headers=("*",),
        allow_credentials=True,
        tolerate=lot_of.TOLERATED,
    )
    requests = [draw(lot_of.preflights_at_limits(), lot) for _ in range(REQUESTS)]
    return Batch(options, made_of(options), _answer(options), requests)


def _several(lot: Random) -> Batch:
    several = [draw(lot_of.options(), lot) for _ in range(lot.randint(2, 3))]
    strategies = [lot_of.hostile_requests(options) for options in several]
    requests = [draw(lot.choice(strategies), lot) for _ in range(REQUESTS)]

    def wanted(request: Request, app: AppResponse) -> Answer:
        return model.answer(model.chosen_of(several, request)[1], request, app)

    return Batch(several, made_of_several(several), wanted, requests)


def _rules(lot: Random) -> Batch:
    few = [*FEW_POLICIES, draw(lot_of.options(preflight_continue=False), lot)]
    names = lot.sample(lot_of.PATTERNS, lot.randint(0, 4))
    rules = [(pattern, lot.choice(few)) for pattern in names]
    fallback, root_path = lot.choice(few), draw(lot_of.root_paths, lot)
    path = lot_of.paths(names, root_path)
    origins = ["https://app.example.com", "https://evil.example"]
    requests = []
    for _ in range(REQUESTS):
        lines = [("origin", lot.choice(origins)), ("access-control-request-method", "PUT")]
        method = lot.choice(["GET", "OPTIONS", "POST"])
        requests.append(Request(method, lines, draw(path, lot)))

    def wanted(request: Request, app: AppResponse) -> Answer:
        return model.answer_under_rules(rules, fallback, root_path, request, app)

    return Batch((rules, fallback), with_rules(rules, fallback), wanted, requests, root_path)


def _hosts(lot: Random) -> Batch:
    options = draw(lot_of.options(), lot)
    policy = CORSPolicy(**options.keywords)
    hosts = lot.sample(HOSTS, lot.randint(1, len(HOSTS)))
    strategy = lot_of.hostile_requests(options)
    requests = []
    for _ in range(REQUESTS):
        request = draw(strategy, lot)
        count = lot.choice([1, 1, 1, 1, 0, 2])
        lines = [("Host", lot.choice(HOST_NAMES) + lot.choice(HOST_ENDS)) for _ in range(count)]
        lines += [line for line in request.headers if line[0].lower() != "host"]
        requests.append(Request(request.method, lines))

    def make(middleware: Any, application: Any) -> Any:
        return middleware(application, policy, allowed_hosts=hosts)

    def wanted(request: Request, app: AppResponse) -> Answer:
        return model.answer_under_hosts(hosts, options, request, app)

    return Batch((hosts, options), make, wanted, requests)


KINDS = {
    "one policy": (_one_policy, 10),
    "limits": (_limits, 1),
    "several policies": (_several, 3),
    "rules": (_rules, 4),
    "hosts": (_hosts, 2),
}


def drawn(seed: int, number: int) -> tuple[str, Batch, list[AppResponse]]:
    """A batch: its kind, itself, and the responses of the application."""
    lot = Random(f"{seed}:{number}")  # noqa: S311 - it is to be drawn again.
    weights = [weight for _, weight in KINDS.values()]
    (kind,) = lot.choices(list(KINDS), weights)
    apps = [draw(lot_of.app_responses(), lot) for _ in range(APPS)]
    return kind, KINDS[kind][0](lot), apps


def differences(batch: Batch, apps: Sequence[AppResponse]) -> Iterator[str]:
    """Where the core and the model differ; nothing where they do not."""
    over_wsgi = [joined(request) for request in batch.requests]
    for app in apps:
        for protocol, requests, answers in (
            ("ASGI", batch.requests, core_answers),
            ("WSGI", over_wsgi, wsgi_answers),
        ):
            given = answers(batch.make, requests, app, batch.root_path)
            for request, answer in zip(requests, given, strict=True):
                wanted = batch.wanted(request, app)
                if answer == wanted or comparable(answer) == comparable(wanted):
                    continue
                yield "\n  ".join(
                    (
                        f"{protocol}: {batch.what}",
                        f"{request}",
                        f"{app}",
                        f"the core:  {answer}",
                        f"the model: {wanted}",
                    )
                )


def compare(seed: int, numbers: range) -> tuple[dict[str, int], list[str]]:
    """How many answers of each kind were compared, and what differs."""
    compared: collections.Counter[str] = collections.Counter()
    found = []
    for number in numbers:
        kind, batch, apps = drawn(seed, number)
        for difference in differences(batch, apps):
            found.append(f"--seed {seed} --batch {number}, {kind}\n  {difference}")
        compared[kind] += len(batch.requests) * len(apps) * 2
    return compared, found


def run(seed: int, count: int, processes: int) -> int:
    """Compare so many answers and print what came of it; gives the exit status."""
    print(f"seed {seed}", flush=True)
    compared: collections.Counter[str] = collections.Counter()
    begun, next_line, number = time.monotonic(), 0.0, 0
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(
        processes, mp_context=context, initializer=_be_quiet
    ) as pool:
        waiting: set[concurrent.futures.Future[tuple[dict[str, int], list[str]]]] = set()
        while compared.total() < count:
            while len(waiting) < 2 * processes:
                numbers = range(number, number + BATCHES_AT_ONCE)
                waiting.add(pool.submit(compare, seed, numbers))
                number = numbers.stop
            done, waiting = concurrent.futures.wait(waiting, return_when="FIRST_COMPLETED")
            for each in done:
                more, found = each.result()
                if found:
                    print("\n".join(found))
                    pool.shutdown(cancel_futures=True)
                    return 1
                compared.update(more)
            seconds = time.monotonic() - begun
            if seconds >= next_line:
                print(f"{compared.total()} answers, {seconds:.0f} s", flush=True)
                next_line = seconds + SECONDS_BETWEEN_LINES
        pool.shutdown(cancel_futures=True)
    kinds = ", ".join(f"{kind} {some}" for kind, some in compared.items())
    print(f"{compared.total()} answers of {number} configurations, none differs ({kinds})")
    return 0


def _be_quiet() -> None:
    logging.getLogger("corsac").setLevel(logging.CRITICAL)


def _answers(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"this is how many answers are compared, not {text!r}")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; gives its exit status."""
    parser = argparse.ArgumentParser(description="Compare the core with the reference model.")
    parser.add_argument("--count", type=_answers, default=100_000, help="answers to compare")
    parser.add_argument("--processes", type=int, default=PROCESSES)
    parser.add_argument("--seed", type=int, help="of all that is drawn; else a new one")
    parser.add_argument("--batch", type=int, help="compare this batch alone")
    given = parser.parse_args(arguments)
    seed = secrets.randbits(32) if given.seed is None else given.seed
    _be_quiet()
    if given.batch is None:
        return run(seed, given.count, given.processes)
    _, found = compare(seed, range(given.batch, given.batch + 1))
    print("\n".join(found) or "the core and the model do not differ")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
