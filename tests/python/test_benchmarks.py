"""The benchmarks: what is timed is right, pairs stay pairs, pages say what the results say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks import answers, report
from benchmarks.exchange import PROTOCOLS
from benchmarks.measured import Results, alternate
from benchmarks.scenarios import Scenario, all_scenarios

from support.exchange import Response

ACTUAL = next(one for one in all_scenarios() if one.name == "actual, allowed")
REFUSED = next(one for one in all_scenarios() if one.name == "actual, refused")
PREFLIGHT = next(one for one in all_scenarios() if one.name == "preflight, allowed")


def right_answer(scenario: Scenario, *more: tuple[str, str]) -> Response:
    status, headers = answers.whole(scenario)
    return Response(status, [*headers, *more], b"", True)


def test_the_pages_say_what_the_results_say() -> None:
    results = report.read_all()
    assert set(next(iter(results.values()))) <= set(report.TABLES)
    for path, found in report.blocks(results).items():
        assert report.written(path.read_text(), found) == path.read_text(), path.name


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_corsac_gives_every_scenario_its_whole_answer(protocol: str) -> None:
    pytest.importorskip("asgi_cors", reason="the extra bench has what is compared")
    from benchmarks import names, peers  # noqa: PLC0415 - not without the extra.

    corsac = next(one for one in peers.VARIANTS[protocol] if one.name == names.CORSAC)
    bare_app = {"asgi": peers.bare_app, "wsgi": peers.bare_wsgi_app}[protocol]
    for scenario in all_scenarios():
        if scenario.wsgi or protocol == "asgi":
            app = corsac.build(scenario.wanted, scenario.app_headers, bare_app(scenario))
            response = PROTOCOLS[protocol].ask(app, scenario)
            assert answers.not_whole(scenario, response) is None, scenario.name


@pytest.mark.parametrize("name", ["Starlette", "Flask", "Flask, other middleware inside"])
def test_corsac_answers_rightly_inside_the_frameworks_that_are_timed(name: str) -> None:
    pytest.importorskip("flask_cors", reason="the extra bench has what is compared")
    from benchmarks import frameworks, names  # noqa: PLC0415 - not without the extra.

    group = next(one for one in frameworks.GROUPS if one.name == name)
    scenarios = [one for one in all_scenarios() if one.name in frameworks.KINDS]
    ours = [one for one in group.variants if one.name.startswith(names.CORSAC)]
    assert ours
    assert len(scenarios) == len(frameworks.KINDS)
    for scenario in scenarios:
        for variant in ours:
            app = variant.build(scenario.wanted, scenario.app_headers, None)
            response = PROTOCOLS[group.protocol].ask(app, scenario)
            assert answers.wrong(scenario, response) is None, (variant.name, scenario.name)


def test_the_goals_have_a_column_for_each_python() -> None:
    results = report.read_all()
    main, parts = next(iter(results.items()))
    table = report.goals({main: parts, "9.99t": {}}).splitlines()
    assert table[0].endswith(f"| Python {main} | Python 9.99t |")
    assert all(line.endswith("| not measured |") for line in table[2:])


@pytest.mark.parametrize("scenario", [ACTUAL, REFUSED, PREFLIGHT], ids=lambda one: one.name)
def test_the_right_answer_is_found_right(scenario: Scenario) -> None:
    response = right_answer(scenario)
    assert answers.not_whole(scenario, response) is None
    assert answers.wrong(scenario, response) is None
    assert answers.remarks(scenario, response) == ""


def test_a_header_too_much_is_not_the_whole_answer() -> None:
    response = right_answer(ACTUAL, ("access-control-max-age", "600"))
    assert "access-control-max-age" in str(answers.not_whole(ACTUAL, response))
    assert answers.wrong(ACTUAL, response) is None


def test_an_answer_that_lets_the_wrong_origin_read_is_wrong() -> None:
    response = right_answer(REFUSED, ("access-control-allow-origin", "*"))
    assert answers.wrong(REFUSED, response) == "allows what it must refuse"


def test_an_answer_that_refuses_the_right_origin_is_wrong() -> None:
    refusing = Response(200, [("vary", "Origin")], b"", True)
    assert str(answers.wrong(ACTUAL, refusing)).startswith("refuses what it must allow")
    assert str(answers.wrong(PREFLIGHT, refusing)).startswith("refuses what it must allow")


def test_credentials_need_their_own_header() -> None:
    with_credentials = replace(ACTUAL, wanted=replace(ACTUAL.wanted, credentials=True))
    assert answers.wrong(with_credentials, right_answer(ACTUAL)) is not None
    assert answers.wrong(with_credentials, right_answer(with_credentials)) is None


def test_every_round_begins_with_another_timer() -> None:
    order: list[int] = []

    def timer(number: int) -> float:
        order.append(number)
        return float(len(order))

    found = alternate([lambda: timer(0), lambda: timer(1)], rounds=2, first=1)
    assert order == [1, 0, 0, 1]
    assert found == [[2.0, 3.0], [1.0, 4.0]]


def paired() -> Results:
    """The first round of each process is ten times as slow as the others, for both."""
    results = Results({"date": "today"})
    for process in range(3):
        slow = [10.0, 1.0, 1.0, 1.0, 1.0]
        results.add(("a", "r", "base"), [100 * value for value in slow])
        results.add(("a", "r", "one"), [(100 + 3) * value for value in slow], baseline="base")
        two = [(100 + 2) * value for value in slow]
        results.add(("a", "r", "two"), two, baseline="base", remark=f"of process {process}")
    results.add(("a", "r", "three"), [], baseline="base", remark="has no such thing")
    return results


def test_a_ratio_is_of_the_same_rounds() -> None:
    ratio = paired().ratio(("a", "r", "one"), ("a", "r", "two"))
    assert ratio is not None
    assert (ratio.lower, ratio.median, ratio.upper) == (1.5, 1.5, 1.5)


def test_what_is_not_told_from_nothing_has_no_ratio() -> None:
    results = paired()
    results.add(("a", "r", "zero"), [99.0, 101.0, 100.0, 99.0, 101.0])
    results.subjects["a", "r", "zero"].runs *= 3
    results.subjects["a", "r", "zero"].baseline = "base"
    assert results.ratio(("a", "r", "zero"), ("a", "r", "two")) is None


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    results = paired()
    results.save(tmp_path / "results.json")
    assert Results.load(tmp_path / "results.json") == results


def test_a_ratio_to_what_is_not_told_from_nothing_has_a_bound() -> None:
    results = paired()
    results.add(("a", "r", "zero"), [99.0, 101.0, 100.0, 99.0, 101.0])
    results.subjects["a", "r", "zero"].runs *= 3
    results.subjects["a", "r", "zero"].baseline = "base"
    bound = results.ratio_bound(("a", "r", "two"), ("a", "r", "zero"))
    assert bound == (">=", 2.0)
    assert results.ratio_bound(("a", "r", "zero"), ("a", "r", "two")) == ("<=", 0.5)
    assert results.ratio_bound(("a", "r", "one"), ("a", "r", "two")) is None


@pytest.mark.parametrize(
    ("bound", "limit", "said"),
    [
        ((">=", 30.0), ">= 20", ">= 30.0x"),
        ((">=", 10.0), ">= 20", "~ >= 10.0x"),
        ((">=", 30.0), "<= 20", "**>= 30.0x**"),
        (("<=", 10.0), "<= 20", "<= 10.0x"),
        (("<=", 10.0), ">= 20", "**<= 10.0x**"),
    ],
)
def test_a_goal_is_reached_missed_or_open_by_its_bound(
    bound: tuple[str, float], limit: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Results, "ratio", lambda *_: None)
    monkeypatch.setattr(Results, "ratio_bound", lambda *_: bound)
    monkeypatch.setattr(report, "_GOALS", f"what\n    asgi: r: one / two {limit} x")
    results = paired()
    assert report.goals({"3.99": {"asgi": results}}).endswith(f"| {said} |")


def test_workers_and_threads_are_said_in_requests_a_second() -> None:
    results = Results({})
    results.add(("workers", "app", "1 worker"), [0.5, 0.25, 0.125])
    assert "| 4.00 (3.00 to 6.00) |" in report.table("scale", results)
