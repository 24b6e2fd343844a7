"""Where origins that are followed are in force: in the places of the base, and nowhere else."""

from __future__ import annotations

import pytest

from corsac import CORSPolicy
from corsac.live import Follower
from support.following import BASE, ONE, OWN, THREE, TWO, ask_again_soon, readers
from support.refused import MakeObserved, Observed
from support.sources import WAIT_SECONDS, Handed, wait_until

OTHER = CORSPolicy(allow_origins=[THREE])
NO_PLACE = "has the base in no place any more"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask a source that fails again at once."""
    ask_again_soon(monkeypatch)


@pytest.fixture
def send(make_observed: MakeObserved) -> Observed:
    """A middleware of each protocol with the base policy."""
    return make_observed(policy=BASE)


@pytest.mark.parametrize(
    "options", [{}, {"allow_origins": [OWN], "allow_credentials": True}], ids=["none yet", "equal"]
)
def test_a_middleware_without_another_policy_has_the_base(
    make_observed: MakeObserved, options: dict[str, object]
) -> None:
    send = make_observed(**options)
    with Follower(send.middleware, Handed(ONE), base=BASE):
        assert readers(send) == [OWN, ONE]


@pytest.mark.parametrize(
    "options",
    [
        {"policy": OTHER},
        {"policy": (OTHER, CORSPolicy(allow_origins=[THREE], max_age=5))},
        {"policy": None, "rules": [("/health", None)]},
        {"policy": OTHER, "report_only": BASE},
        {"report_only": BASE},
        {"report_only_rules": [("/new/*", BASE)]},
    ],
    ids=["another", "several", "rules alone", "on trial", "on trial alone", "on trial in a rule"],
)
def test_a_middleware_that_has_the_base_in_no_place_keeps_what_it_has(
    make_observed: MakeObserved, options: dict[str, object]
) -> None:
    send = make_observed(**options)
    before = send.middleware.policy
    follower = Follower(send.middleware, Handed(ONE), base=BASE)
    with pytest.raises(RuntimeError, match="has base neither as its policy nor in a rule"):
        follower.start()
    assert send.middleware.policy == before
    assert readers(send) == ([THREE] if "policy" in options and before else [])


def test_a_policy_that_is_put_in_force_before_the_first_set_stays(send: Observed) -> None:
    source = Handed()
    source.origins_now = OSError("no database")
    with Follower(send.middleware, source, base=BASE, start_seconds=0.01, must_load=False) as it:
        send.middleware.reconfigure(OTHER)
        source.origins_now = (ONE,)
        wait_until(lambda: NO_PLACE in str(it.status.error))
        assert (readers(send), it.ready(0)) == ([THREE], False)
        send.middleware.reconfigure(rules=[("/api/*", BASE)])
        assert it.ready(WAIT_SECONDS)
        assert (readers(send), readers(send, "/api/x")) == ([], [OWN, ONE])


def test_another_follower_whose_base_has_no_place_changes_nothing(send: Observed) -> None:
    with Follower(send.middleware, Handed(ONE), base=BASE) as first:
        second = Follower(send.middleware, Handed(TWO), base=OTHER)
        with pytest.raises(RuntimeError, match="has base neither as its policy nor in a rule"):
            second.__enter__()
        assert readers(send) == [OWN, ONE]
        assert (first.status.state, first.status.origins) == ("current", 1)


def test_another_policy_that_somebody_put_in_force_stays(
    send: Observed, caplog: pytest.LogCaptureFixture
) -> None:
    source = Handed(ONE)
    with Follower(send.middleware, source, base=BASE) as follower:
        source.settle()
        send.middleware.reconfigure(OTHER)
        assert NO_PLACE in caplog.records[0].getMessage()
        assert caplog.records[0].getMessage().endswith("; the origins are not in force")
        source.hand(TWO)
        status = follower.status
        assert readers(send) == [THREE]
        assert (status.state, status.origins) == ("stale", 0)
        send.middleware.reconfigure(BASE)
        # What the source gave meanwhile, and not what it gave before.
        assert readers(send) == [OWN, TWO]
        assert (follower.status.state, follower.status.error) == ("current", None)


def test_a_follower_whose_base_has_no_place_is_stale_at_once(send: Observed) -> None:
    source = Handed(ONE)
    with Follower(send.middleware, source, base=BASE) as follower:
        source.settle()
        send.middleware.reconfigure(OTHER)
        # The source has nothing new, so it is not read.
        assert (follower.status.state, follower.status.origins) == ("stale", 0)
        assert NO_PLACE in str(follower.status.error)
        send.middleware.reconfigure(rules=[("/api/*", BASE)])
        status = follower.status
        assert (status.state, status.origins, status.error) == ("current", 1, None)
        assert readers(send, "/api/x") == [OWN, ONE]


def test_a_source_that_fails_while_the_base_has_no_place_is_stale_after_that(
    send: Observed,
) -> None:
    source = Handed(ONE)
    with Follower(send.middleware, source, base=BASE) as follower:
        source.settle()
        send.middleware.reconfigure(OTHER)
        source.origins_now = OSError("no database")
        source._changed.release()
        wait_until(lambda: "no database" in str(follower.status.error))
        assert follower.status.origins == 0
        send.middleware.reconfigure(BASE)
        assert readers(send) == [OWN, ONE]
        assert (follower.status.state, follower.status.origins) == ("stale", 1)
        source.origins_now = (TWO,)
        wait_until(lambda: follower.status.state == "current")
        assert readers(send) == [OWN, TWO]


def test_another_policy_that_is_equal_to_the_base_by_chance_stays(
    make_observed: MakeObserved,
) -> None:
    base, nobody = CORSPolicy(), CORSPolicy()
    send = make_observed(policy=base, rules=[("/intern/*", nobody)])
    with Follower(send.middleware, Handed(ONE), base=base):
        assert (readers(send), readers(send, "/intern/x")) == ([ONE], [])


def test_who_enters_it_again_waits_for_a_first_set_again(send: Observed) -> None:
    source = Handed(ONE)
    follower = Follower(send.middleware, source, base=BASE, start_seconds=WAIT_SECONDS)
    with follower:
        source.settle()
    source.origins_now = (TWO,)
    with follower:
        assert readers(send) == [OWN, TWO]
        assert follower.status.state == "current"
    source.origins_now = OSError("no database")
    follower._start_seconds = 0.01
    with pytest.raises(RuntimeError, match="the first origins of handed could not be loaded"):
        follower.__enter__()
    assert readers(send) == [OWN, TWO]


def test_followers_that_were_stopped_are_kept_by_nobody(send: Observed) -> None:
    for number in range(5):
        base = CORSPolicy(allow_origins=[f"https://{number}.example"])
        send.middleware.reconfigure(base)
        with Follower(send.middleware, Handed(ONE), base=base) as follower:
            assert send.middleware._followers == (follower,)
        assert (follower._policy, follower._origins) == (None, None)
    with follower:  # It can be started again.
        assert send.middleware._followers == (follower,)
        assert readers(send) == [ONE]
