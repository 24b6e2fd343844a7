"""A real HTTP cache before a server: no answer for one origin reaches another."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from support.cached_app import FIRST, ONE, PATHS, SECOND
from support.servers import Answer, Lines, RunningServer, running_server
from support.varnish import varnish_before

ORIGINS = (FIRST, SECOND, ONE, "https://evil.example", "null", None)
METADATA: tuple[Lines, ...] = (
    (),
    (("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "image")),
    (("Sec-Fetch-Site", "same-site"), ("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Dest", "empty")),
)
PREFLIGHTS: tuple[Lines, ...] = (
    (("Access-Control-Request-Method", "PUT"),),
    (("Access-Control-Request-Method", "DELETE"), ("Access-Control-Request-Headers", "x-a,x-b")),
    (("Access-Control-Request-Method", "PUT"), ("Access-Control-Request-Headers", "x-wanted")),
    (
        ("Access-Control-Request-Method", "PUT"),
        ("Access-Control-Request-Private-Network", "true"),
    ),
)


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    """The application, asked directly."""
    with running_server("uvicorn", "support.cached_app:application") as running:
        yield running


@pytest.fixture
def cache(server: RunningServer) -> Iterator[RunningServer]:
    """An empty cache before it."""
    with varnish_before(server) as running:
        yield running


def drawn(seed: int) -> Iterator[tuple[str, str, Lines]]:
    """Yield requests: path, method and lines; the same requests come again and again."""
    draw = random.Random(seed)  # noqa: S311 - nothing secret
    for _ in range(400):
        method = draw.choice(("GET", "GET", "HEAD", "OPTIONS"))
        # Answers to OPTIONS may not be kept (RFC 9110, section 9.3.7), but some caches are told
        # to keep those to preflight requests. A policy for anyone does not tell them from other
        # answers to OPTIONS.
        origin = draw.choice(ORIGINS[:-1] if method == "OPTIONS" else ORIGINS)
        lines: list[tuple[str, str | bytes]] = [] if origin is None else [("Origin", origin)]
        if method == "OPTIONS":
            lines += draw.choice(PREFLIGHTS)
        else:
            lines += draw.choice(METADATA)
            lines += draw.choice(((), (("If-None-Match", '"1"'),), (("Cookie", "session=1"),)))
        yield draw.choice(PATHS), method, lines


def was_kept(answer: Answer) -> bool:
    """Say whether an answer came out of the cache."""
    return b"X-Cache: hit" in answer.lines


@pytest.mark.parametrize("seed", range(3))
def test_every_answer_of_a_cache_has_the_headers_that_the_server_would_have_sent(
    server: RunningServer, cache: RunningServer, seed: int
) -> None:
    kept = {"GET": 0, "HEAD": 0, "OPTIONS": 0}
    for path, method, lines in drawn(seed):
        through, direct = (asked.ask(path, method=method, lines=lines) for asked in (cache, server))
        assert (through.status, through.cors_lines) == (direct.status, direct.cors_lines), (
            path,
            method,
            lines,
        )
        kept[method] += was_kept(through)
    # Otherwise nothing was tried.
    assert all(count > 10 for count in kept.values()), kept


def test_the_cache_does_mix_up_answers_that_do_not_say_what_they_depend_on(
    cache: RunningServer,
) -> None:
    answers = [cache.ask("/by-hand", lines=[("Origin", origin)]) for origin in (FIRST, SECOND)]
    assert was_kept(answers[1])
    assert answers[1].cors_lines == [b"access-control-allow-origin: " + FIRST.encode()]


def test_a_policy_for_anyone_is_kept_once_for_everybody(cache: RunningServer) -> None:
    answers = [cache.ask("/any", lines=[("Origin", origin)]) for origin in (FIRST, SECOND)]
    assert [was_kept(answer) for answer in answers] == [False, True]
    assert answers[1].cors_lines == [b"access-control-allow-origin: *"]
