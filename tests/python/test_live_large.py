"""A million origins that are followed: no step of a reload keeps other threads waiting for long."""

from __future__ import annotations

import gc
import pickle
import sys
import threading
from collections.abc import Iterable
from typing import Any

import pytest

from corsac import CORSPolicy, _core
from corsac._types import Followed
from corsac.live import Follower, PollSource
from corsac.live.entries import MAX_NAMED_ENTRIES, SourceError, changes_of, collect
from support.exchange import Request
from support.refused import MakeObserved, Observed
from support.sources import Handed, allowed

OWN, ONE, TWO = "https://app.example.com", "https://one.example", "https://two.example"
BASE = CORSPolicy(allow_origins=[OWN], allow_credentials=True)
NEVER = threading.Event()
COUNT = 20_000


def keys_of(entries: list[str]) -> Any:
    """The keys of a mapping."""
    return dict.fromkeys(entries).keys()


def numbered(count: int = COUNT) -> list[str]:
    return [f"https://tenant-{number}.example" for number in range(count)]


@pytest.fixture
def send(make_observed: MakeObserved) -> Observed:
    """A middleware of each protocol with the base policy."""
    return make_observed(policy=BASE)


# What a source gives is read in parts, and let go in parts.


@pytest.mark.parametrize("kind", [list, set, tuple, iter, frozenset, keys_of])
def test_every_entry_of_whatever_can_be_iterated_is_read(kind: Any) -> None:
    found = collect(BASE, [kind([*numbered(), "*", *numbered()])], NEVER)
    assert (len(found.origins), found.skipped) == (COUNT, 1)
    assert set(found.origins.entries(sys.maxsize)) == set(numbered())


@pytest.mark.parametrize("kind", [list, set])
def test_what_nobody_else_has_is_used_up_on_the_way(kind: Any) -> None:
    given: list[Any] = [kind(numbered())]
    collect(BASE, given, NEVER)
    assert len(given[0]) == 0


@pytest.mark.parametrize("kind", [list, set])
def test_what_somebody_keeps_stays_as_it_is(kind: Any) -> None:
    kept = kind(numbered())
    for _ in range(2):
        assert len(collect(BASE, [kept], NEVER).origins) == COUNT
        assert kept == kind(numbered())


def test_a_source_may_give_what_it_keeps_again_and_again(send: Observed) -> None:
    kept = numbered(2000)

    class Keeping(Handed):
        def origins(self) -> Any:
            super().origins()
            return kept

    source = Keeping()
    with Follower(send.middleware, source, base=BASE) as follower:
        source.settle()
        for _ in range(2):
            source.hand()
            assert (follower.status.origins, len(kept)) == (2000, 2000)


def test_between_two_parts_it_is_looked_whether_to_stop() -> None:
    stopped = threading.Event()

    def entries() -> Iterable[str]:
        for number, entry in enumerate(numbered()):
            if number == 1000:
                stopped.set()
            yield entry

    assert len(collect(BASE, [entries()], stopped).origins) <= 1000


def test_a_source_without_an_end_fails_at_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corsac.live.entries.MAX_ENTRIES", 1000)
    assert len(collect(BASE, [iter(numbered(1000))], NEVER).origins) == 1000
    with pytest.raises(SourceError, match="it has more than 1000 entries"):
        collect(BASE, [iter(numbered(1001))], NEVER)


@pytest.mark.parametrize("entry", ["https://\udcff.example", "https://\xff.example", "\ud800", ""])
def test_text_that_is_no_origin_at_all_is_skipped_alone(entry: str) -> None:
    found = collect(BASE, [[ONE, entry, TWO]], NEVER)
    assert (found.origins.entries(9), found.skipped, len(found.named)) == ([ONE, TWO], 1, 1)


class Unwritable:
    """An entry that cannot be written into a log."""

    def __repr__(self) -> str:
        raise RuntimeError


class Unhashable(str):
    """Text that cannot be in a set."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"origin": ONE}, "\"{'origin': 'https://one.example'}\": an origin is text, not dict"),
        ([ONE], "\"['https://one.example']\": an origin is text, not list"),
        (Unwritable(), ": an origin is text, not Unwritable"),
        (10**5000, ": an origin is text, not int"),
        (Unhashable("*"), "'*': a source cannot allow any page"),
        (Unhashable("one.example"), "'one.example': an origin starts with its scheme"),
    ],
    ids=["dict", "list", "unwritable", "many digits", "unhashable star", "unhashable text"],
)
def test_an_entry_of_an_odd_type_is_skipped_alone(entry: object, said: str) -> None:
    found = collect(BASE, [[ONE, entry, TWO]], NEVER)
    assert (found.origins.entries(9), found.skipped) == ([ONE, TWO], 1)
    assert said in found.named[0]


def test_what_is_not_text_is_shown_in_part() -> None:
    found = collect(BASE, [[ONE, [ONE] * COUNT]], NEVER)
    assert found.skipped == 1
    assert len(found.named[0]) < 300


@pytest.mark.parametrize("kind", ["https://{}", "https://*.{}", "{}", "https://{}.example"])
def test_an_entry_that_is_longer_than_any_origin_is_skipped_unread(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("corsac.live.entries._reasons", pytest.fail)
    entry = kind.format("a." * 1_000_000 + "a")
    found = collect(BASE, [[ONE, entry, TWO]], NEVER)
    assert (found.origins.entries(9), found.skipped) == ([ONE, TWO], 1)
    assert found.named[0].endswith(f": it has {len(entry)} characters, more than any origin")


def test_of_very_many_that_are_invalid_some_are_named(send: Observed) -> None:
    wrong = [f"http://{number}.example" for number in range(COUNT)]
    found = collect(BASE, [[*numbered(), *wrong]], NEVER)
    assert (len(found.origins), found.skipped) == (COUNT, COUNT)
    assert len(found.named) == MAX_NAMED_ENTRIES
    assert all("the network can change" in each for each in found.named)


def test_insecure_origins_are_fine_where_the_base_accepts_them() -> None:
    for base in (
        CORSPolicy(allow_origins=[OWN]),
        BASE.replace(tolerate=["origin.insecure_with_credentials"]),
    ):
        assert collect(base, [["http://a.example"]], NEVER).origins.entries(9) == [
            "http://a.example"
        ]


def test_what_came_and_went_is_told_in_parts() -> None:
    before = collect(BASE, [numbered()], NEVER).origins
    after = collect(BASE, [[*numbered()[:-1], ONE, "https://*.two.example"]], NEVER).origins
    assert changes_of(before, after) == ([ONE, "https://*.two.example"], [numbered()[-1]])
    assert changes_of(before, collect(BASE, [{*numbered()}], NEVER).origins) == ([], [])
    first = changes_of(None, before)
    assert (len(first.added), first.removed) == (MAX_NAMED_ENTRIES, [])


# What is in force is a policy whose options are those of the base.


def test_the_policy_in_force_says_how_many_origins_of_which_source_it_has(send: Observed) -> None:
    with Follower(send.middleware, PollSource(numbered, interval=3600), base=BASE):
        policy = send.middleware.policy
        assert repr(policy) == f"<{BASE!r} with {COUNT} origins of numbered>"
        assert policy.allow_origins == (OWN,)
        assert policy != BASE
        assert policy == policy._changed({})
        assert hash(policy) == hash(BASE)
        assert pickle.loads(pickle.dumps(policy)) == BASE  # noqa: S301 - what we have just made
        assert policy.replace(max_age=5) == BASE.replace(max_age=5)


def test_a_base_that_allows_nobody_has_no_warning_once_a_source_has_origins(
    make_observed: MakeObserved,
) -> None:
    base = CORSPolicy()
    send = make_observed(policy=base)
    assert [problem.code for problem in base.problems] == ["origin.none"]
    with Follower(send.middleware, Handed(ONE), base=base):
        assert send.middleware.problems == ()
        assert allowed(send.middleware.policy, OWN, ONE) == [ONE]


def test_a_near_miss_of_an_origin_of_a_source_is_explained(send: Observed) -> None:
    with Follower(send.middleware, Handed(ONE), base=BASE):
        text = str(send.middleware.explain("GET", {"Origin": f"{ONE}:8443"}))
        assert f"{ONE} is listed: the port is another one" in text
        found = send.middleware.explain("GET", {"Origin": TWO}).change
        assert found.options == {"allow_origins": (OWN, TWO)}


def test_timing_is_for_each_origin_that_asks_also_of_the_source(
    make_observed: MakeObserved,
) -> None:
    base = CORSPolicy(allow_origins=[OWN], allow_timing=True)
    send = make_observed(policy=base)
    with Follower(send.middleware, Handed(ONE), base=base):
        for origin, lines in ((ONE, [ONE]), (OWN, [OWN]), (TWO, [])):
            headers = send(Request(headers=[("origin", origin)])).headers
            assert [v for name, v in headers if name == "timing-allow-origin"] == lines


def test_functions_and_what_they_answered_outlive_a_reload(make_observed: MakeObserved) -> None:
    asked: list[str] = []

    def decide(origin: str) -> bool:
        asked.append(origin)
        return True

    base = CORSPolicy(allow_origin_func=decide)
    send = make_observed(policy=base)
    source = Handed(ONE)
    with Follower(send.middleware, source, base=base):
        source.settle()
        for origins in ((ONE, OWN), (ONE,)):
            source.hand(*origins)
            for origin in (ONE, TWO):
                headers = send(Request(headers=[("origin", origin)])).headers
                assert ("access-control-allow-origin", origin) in headers
    assert asked == [TWO]


# The core's part.


def test_origins_that_a_policy_has_do_not_change() -> None:
    live = collect(BASE, [[ONE]], NEVER).origins
    BASE._with_followed(Followed(BASE, "x", str, live))
    for change in (lambda: live.add((TWO,)), lambda: live.add_checked([TWO])):
        with pytest.raises(ValueError, match="a policy has these origins already"):
            change()
    assert live.entries(9) == [ONE]


def test_several_policies_cannot_have_live_origins() -> None:
    live = collect(BASE, [[ONE]], NEVER).origins
    several = _core.compile_several([BASE._compiled, BASE._compiled])
    with pytest.raises(TypeError, match="one policy is wanted"):
        _core.with_live_origins(several, live)


def test_no_object_of_python_is_kept_for_an_origin(send: Observed) -> None:
    with Follower(send.middleware, PollSource(numbered, interval=3600), base=BASE):
        gc.collect()
        # Not isinstance: it asks objects of other tests for their class, and lazy ones of Django
        # set themselves up for that.
        kept = [one for one in gc.get_objects() if type(one) in {list, tuple, set, dict}]
        assert [one for one in kept if len(one) >= COUNT and f"{numbered()[7]}" in one] == []
