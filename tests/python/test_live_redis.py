"""Origins in Redis: what one process adds, all others allow; an outage changes nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import IO, Any

import pytest
import redis

import corsac
from corsac.live import Follower, RedisSource
from support.redis_server import RedisServer, running_redis
from support.sources import allowed, wait_until

OWN = "https://app.example.com"
ONE = "https://one.example"
TWO = "https://two.example"
KEY = "corsac:origins"
CHANNEL = "corsac:origins:changed"
BASE = corsac.CORSPolicy(allow_origins=[OWN])
WAIT_SECONDS = 60.0

# A process that follows, and prints what is in force whenever that changes.
FOLLOWING = """
import json
import sys
import time

import corsac
from corsac.live import Follower, RedisSource

OWN, *OTHERS = "https://app.example.com", "https://one.example", "https://two.example"
base = corsac.CORSPolicy(allow_origins=[OWN])
middleware = corsac.CORSMiddleware(print, base)
source = RedisSource(sys.argv[1], interval=3600)

def allowed():
    explain = middleware.policy.explain
    return sorted(one for one in [OWN, *OTHERS] if explain("GET", {"Origin": one}).allowed)

seen = None
with Follower(middleware, source, base=base) as follower:
    while True:
        now = [follower.status.state, allowed()]
        if now != seen:
            print(json.dumps(now), flush=True)
            seen = now
        time.sleep(0.005)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """A Redis for all tests here."""
    with running_redis() as running:
        yield running


@pytest.fixture
def client(server: RedisServer) -> Iterator[redis.Redis]:
    """A client of an empty Redis."""
    with server.client as client:
        client.flushall()
        yield client


def policies(middleware: Any, follower: Follower) -> list[str]:
    """The origins in force, once the follower is current."""
    assert follower.ready(WAIT_SECONDS)
    return allowed(middleware.policy, OWN, ONE, TWO)


def following(url: str, **options: Any) -> tuple[Any, Follower]:
    middleware = corsac.CORSMiddleware(print, BASE)  # type: ignore[arg-type]
    return middleware, Follower(middleware, RedisSource(url, **options), base=BASE)


def test_the_whole_set_is_read(server: RedisServer, client: redis.Redis) -> None:
    client.sadd(KEY, ONE, TWO, "*", b"\xff")
    middleware, follower = following(server.url)
    with follower:
        assert policies(middleware, follower) == [OWN, ONE, TWO]
        assert follower.status.skipped == 2


def test_a_source_that_is_left_keeps_no_connection(
    server: RedisServer, client: redis.Redis
) -> None:
    client.sadd(KEY, ONE)
    before = len(client.client_list())
    source = RedisSource(server.url, interval=3600)
    assert list(source.origins()) == [ONE]
    assert len(client.client_list()) == before + 2
    stopped = threading.Event()
    stopped.set()
    source.wait(stopped)
    wait_until(lambda: len(client.client_list()) == before)


def test_another_key_and_channel_can_be_named(server: RedisServer, client: redis.Redis) -> None:
    client.sadd("ours", ONE)
    middleware, follower = following(server.url, key="ours", channel="ours:changed")
    with follower:
        assert policies(middleware, follower) == [OWN, ONE]


def test_a_message_is_waited_for_from_before_the_set_was_read(
    server: RedisServer, client: redis.Redis
) -> None:
    client.sadd(KEY, ONE)
    source = RedisSource(server.url, interval=3600)
    assert list(source.origins()) == [ONE]
    client.publish(CHANNEL, "added")  # Before anybody waits.
    client.publish(CHANNEL, "removed")
    source.wait(threading.Event())
    client.publish(CHANNEL, "added")
    source.wait(threading.Event())
    source._leave()


def test_without_a_message_the_set_is_read_after_the_interval(
    server: RedisServer, client: redis.Redis
) -> None:
    client.sadd(KEY, ONE)
    source = RedisSource(server.url, interval=0.01)
    assert list(source.origins()) == [ONE]
    source.wait(threading.Event())
    source._leave()


def test_a_source_that_is_stopped_waits_no_longer(server: RedisServer, client: redis.Redis) -> None:
    client.sadd(KEY, ONE)
    source = RedisSource(server.url, interval=3600)
    assert list(source.origins()) == [ONE]
    stopped = threading.Event()
    stopped.set()
    source.wait(stopped)
    assert source._subscription is None


def test_a_key_that_is_not_a_set_is_a_failure(server: RedisServer, client: redis.Redis) -> None:
    client.set(KEY, "x")
    source = RedisSource(server.url)
    with pytest.raises(redis.exceptions.ResponseError, match="WRONGTYPE"):
        list(source.origins())
    assert source._subscription is None


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"url": "http://127.0.0.1"}, "Redis URL must specify one of"),
        ({"url": "redis://127.0.0.1", "interval": 0}, "interval must be"),
        ({"url": "redis://127.0.0.1?foo=1"}, "the URL of Redis cannot be used: .*foo"),
        ({"url": "redis://127.0.0.1?ssl_cert_reqs=none"}, "the URL of Redis cannot be used: "),
        ({"url": "redis://127.0.0.1?max_connections=1"}, "must not set max_connections, which"),
        ({"url": "redis://127.0.0.1?encoding=utf-16"}, "must not set encoding, which"),
        ({"url": "redis://127.0.0.1/notadb"}, "is the number of a database"),
        ({"url": "unix://"}, "has no path to a socket"),
    ],
)
def test_wrong_arguments_are_errors_when_it_is_made(arguments: dict[str, Any], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        RedisSource(**arguments)
    with pytest.raises(TypeError, match="url must be a str, not NoneType"):
        RedisSource(None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("rediss://user:secret@redis.example:6380/3", "rediss://redis.example:6380/3"),
        ("redis://redis.example:6381", "redis://redis.example:6381"),
        ("redis://:se%40cret@[::1]:6379/0?password=secret", "redis://[::1]:6379/0"),
        ("redis://user:se@cret@redis.example", "redis://redis.example"),
        ("unix:///run/redis.sock?password=secret", "unix:///run/redis.sock"),
    ],
)
def test_its_name_says_which_server_and_no_password(url: str, name: str) -> None:
    assert RedisSource(url).name == f"{name} corsac:origins"


def read_state(output: IO[str], *origins: str, state: str = "current") -> None:
    """Read what a process prints until it has this state."""
    for line in output:
        if json.loads(line) == [state, sorted(origins)]:
            return
    pytest.fail(f"the process ended without {origins}")


def test_three_processes_follow_one_list_through_an_outage() -> None:
    with running_redis() as server, server.client as client:
        client.sadd(KEY, ONE)
        command = [sys.executable, "-c", FOLLOWING, server.url]
        processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
        outputs = [process.stdout for process in processes if process.stdout is not None]
        try:
            for output in outputs:
                read_state(output, OWN, ONE)
            client.sadd(KEY, TWO)
            client.publish(CHANNEL, "")
            for output in outputs:
                read_state(output, OWN, ONE, TWO)
            client.srem(KEY, ONE)
            client.publish(CHANNEL, "")
            for output in outputs:
                read_state(output, OWN, TWO)
            server.kill()
            for output in outputs:
                read_state(output, OWN, TWO, state="stale")
            server.start()
            client.sadd(KEY, ONE)
            for output in outputs:
                read_state(output, OWN, ONE)
        finally:
            for process in processes:
                process.kill()
                process.wait()
            for output in outputs:
                output.close()
