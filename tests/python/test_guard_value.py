"""`corsac.Guard`: a frozen value, validated when it is made, inside of a policy and outside."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

import corsac
from corsac import CORSConfigError, CORSPolicy, Guard
from corsac.options.files import in_toml

FULL: dict[str, Any] = {
    "trusted_origins": ("https://pay.example", "https://*.partner.example", "http://localhost:*"),
    "exempt_paths": ("/callbacks/*", "/health"),
    "isolate_reads": True,
    "writes": False,
}


def problems_of(**arguments: Any) -> list[tuple[str, str, object]]:
    with pytest.raises(CORSConfigError) as caught:
        Guard(**arguments)
    return [(each.code, each.option, each.value) for each in caught.value.problems]


def test_a_guard_is_a_value() -> None:
    guard = Guard(**FULL)
    assert guard == Guard(**FULL)
    assert guard != Guard()
    assert len({guard, Guard(**FULL), Guard(), Guard()}) == 2
    assert eval(repr(guard), {"Guard": Guard}) == guard  # noqa: S307
    assert repr(Guard()) == "Guard()"
    assert repr(Guard(isolate_reads=True)) == "Guard(isolate_reads=True)"
    assert pickle.loads(pickle.dumps(guard)) == guard  # noqa: S301
    assert copy.deepcopy(guard) is guard
    with pytest.raises(AttributeError, match="a Guard is frozen"):
        guard.writes = True  # type: ignore[misc]


@pytest.mark.parametrize("guard", [Guard(**FULL), Guard(isolate_reads=True), True, False])
def test_a_policy_with_a_guard_is_a_value_too(guard: bool | Guard) -> None:
    policy = CORSPolicy(allow_origins=["https://a.test"], guard=guard, allow_timing=True)
    names = {"CORSPolicy": CORSPolicy, "Guard": Guard}
    assert eval(repr(policy), names) == policy  # noqa: S307
    again = pickle.loads(pickle.dumps(policy))  # noqa: S301
    assert (again, hash(again), again.guard) == (policy, hash(policy), guard)
    assert policy.replace(max_age=1) == CORSPolicy(
        allow_origins=["https://a.test"], guard=guard, allow_timing=True, max_age=1
    )
    assert policy != policy.replace(guard=Guard(exempt_paths=["/other"]))


def test_a_guard_without_arguments_is_true() -> None:
    assert CORSPolicy(guard=Guard()) == CORSPolicy(guard=True)
    assert CORSPolicy(guard=Guard()).guard is True


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ({"trusted_origins": ["*"]}, [("origin.invalid", "trusted_origins", "*")]),
        (
            {"trusted_origins": ["https://a.test/"], "exempt_paths": ["pay", "/a?b"]},
            [
                ("origin.invalid", "trusted_origins", "https://a.test/"),
                ("rule.invalid", "exempt_paths", "pay"),
                ("rule.invalid", "exempt_paths", "/a?b"),
            ],
        ),
        (
            {"trusted_origins": "https://a.test", "exempt_paths": {"/a": 1}, "writes": 1},
            [
                ("option.wrong_type", "trusted_origins", "https://a.test"),
                ("option.wrong_type", "exempt_paths", {"/a": 1}),
                ("option.wrong_type", "writes", 1),
            ],
        ),
        (
            {"trusted_origins": ["wss://a.test"], "isolate_reads": None},
            [
                ("option.wrong_type", "isolate_reads", None),
                ("origin.websocket_scheme", "trusted_origins", "wss://a.test"),
            ],
        ),
    ],
)
def test_every_mistake_is_found_at_once(
    arguments: dict[str, Any], found: list[tuple[str, str, object]]
) -> None:
    assert problems_of(**arguments) == found


@pytest.mark.parametrize(
    ("arguments", "fix"),
    [
        ({"trusted_origins": ["*"]}, {"trusted_origins": ()}),
        ({"trusted_origins": ["https://A.test/x"]}, {"trusted_origins": ("https://a.test",)}),
        ({"exempt_paths": ["pay/*", "/b"]}, {"exempt_paths": ("/pay/*", "/b")}),
        ({"trusted_origins": ["wss://a.test"]}, {"trusted_origins": ("https://a.test",)}),
    ],
)
def test_a_mistake_has_a_fix_that_can_be_applied(
    arguments: dict[str, Any], fix: dict[str, Any]
) -> None:
    with pytest.raises(CORSConfigError) as caught:
        Guard(**arguments)
    assert [each.fix for each in caught.value.problems] == [fix]
    Guard(**{**arguments, **fix})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("trusted_origin", "unknown argument 'trusted_origin' of Guard: write trusted_origins"),
        ("isolated_reads", "unknown argument 'isolated_reads' of Guard: write isolate_reads"),
        (
            "x",
            "unknown argument 'x' of Guard: there are trusted_origins, exempt_paths, "
            "isolate_reads, writes",
        ),
    ],
)
def test_an_unknown_argument_is_told_the_nearest(name: str, text: str) -> None:
    with pytest.raises(TypeError, match=f"^{text}$"):
        Guard(**dict[str, Any]({name: True}))


def test_what_a_policy_may_tolerate_is_the_policys_to_judge() -> None:
    guard = Guard(trusted_origins=["http://a.test", "https://*.github.io", "null"])
    with pytest.raises(CORSConfigError) as caught:
        CORSPolicy(guard=guard)
    found = [each for each in caught.value.problems if each.severity == "error"]
    codes = [
        "origin.insecure_with_credentials",
        "origin.null",
        "origin.public_suffix_with_credentials",
    ]
    assert [each.code for each in found] == codes
    assert {each.option for each in caught.value.problems} == {"guard.trusted_origins"}
    (first, *_) = caught.value.problems
    assert first.fix == {
        "guard": Guard(trusted_origins=["https://a.test", "https://*.github.io", "null"])
    }
    policy = CORSPolicy(guard=guard, tolerate=codes)
    assert {each.severity for each in policy.problems} == {"info"}


def test_what_has_no_effect_is_a_warning_with_a_fix() -> None:
    guard = Guard(trusted_origins=["https://a.test", "https://b.test"], exempt_paths=["/*", "/a"])
    policy = CORSPolicy(allow_origins=["https://a.test"], allow_credentials=True, guard=guard)
    found = [(each.code, each.option, each.value) for each in policy.problems]
    assert sorted(found, key=str) == [
        ("guard.without_effect", "guard.exempt_paths", "/*"),
        ("origin.redundant", "guard", guard),
        ("rule.unreachable", "guard.exempt_paths", "/a"),
    ]
    for own in guard.problems:
        (problem,) = [each for each in policy.problems if each.code == own.code]
        assert problem.fix is not None
        fixed = policy.replace(**dict[str, Any](problem.fix))
        assert problem.code not in {each.code for each in fixed.problems}
    # Without credentials it may not write with cookies, and a trusted one may.
    assert not CORSPolicy(
        allow_origins=["https://a.test"], guard=Guard(trusted_origins=["https://a.test"])
    ).problems


def test_anyone_with_credentials_makes_a_guard_void() -> None:
    tolerate = ["origin.any_with_credentials"]
    policy = CORSPolicy(
        allow_origins=["*"], allow_credentials=True, guard=Guard(**FULL), tolerate=tolerate
    )
    (problem,) = [each for each in policy.problems if each.code == "guard.without_effect"]
    assert problem.fix == {"guard": False}
    assert not CORSPolicy(allow_origins=["*"], guard=True).problems


@pytest.mark.parametrize("value", [None, 1, "on", {"writes": True}])
def test_an_option_that_is_neither_is_told_what_it_may_be(value: object) -> None:
    with pytest.raises(CORSConfigError, match="expected True, False or a Guard"):
        CORSPolicy(guard=value)  # type: ignore[arg-type]


def toml(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "corsac.toml"
    path.write_text(text)
    return path


def test_a_file_has_a_table_for_a_guard(tmp_path: Path) -> None:
    table = """
        allow_origins = ["https://a.test"]
        allow_timing = true
        [guard]
        trusted_origins = ["https://pay.example"]
        exempt_paths = ["/hook"]
        isolate_reads = true
    """
    guard = Guard(
        trusted_origins=["https://pay.example"], exempt_paths=["/hook"], isolate_reads=True
    )
    wanted = CORSPolicy(allow_origins=["https://a.test"], allow_timing=True, guard=guard)
    assert CORSPolicy.from_toml(toml(tmp_path, table)) == wanted
    assert CORSPolicy.from_toml(toml(tmp_path, "guard = true")) == CORSPolicy(guard=True)
    nested = "[corsac]\nguard = {writes = false}"
    assert CORSPolicy.from_toml(toml(tmp_path, nested)).guard == Guard(writes=False)


def test_mistakes_of_a_table_are_found_with_all_others(tmp_path: Path) -> None:
    text = """
        allow_origins = ["https://a.test/"]
        [guard]
        trusted_origin = ["https://pay.example"]
        trusted_origins = ["https://b.test/"]
        writes = 1
    """
    with pytest.raises(CORSConfigError) as caught:
        CORSPolicy.from_toml(toml(tmp_path, text))
    found = [(each.code, each.option, each.hint) for each in caught.value.problems]
    assert [each[:2] for each in found] == [
        ("option.unknown", "guard.trusted_origin"),
        ("option.wrong_type", "guard.writes"),
        ("origin.invalid", "guard.trusted_origins"),
        ("origin.invalid", "allow_origins"),
    ]
    assert found[0][2] == "write trusted_origins"


def test_a_fix_of_a_table_is_a_table(tmp_path: Path) -> None:
    text = 'guard = {trusted_origins = ["https://b.test/"], isolate_reads = true}'
    with pytest.raises(CORSConfigError) as caught:
        CORSPolicy.from_toml(toml(tmp_path, text))
    fixes = [each.fix for each in caught.value.problems]
    table: dict[str, Any] = {"trusted_origins": ("https://b.test",), "isolate_reads": True}
    assert fixes == [{"guard": table}]
    line = '{trusted_origins = ["https://b.test"], isolate_reads = true}'
    assert in_toml(table) == line
    assert CORSPolicy.from_toml(toml(tmp_path, f"guard = {line}")).guard == Guard(**table)
    warned = CORSPolicy.from_toml(toml(tmp_path, 'guard = {exempt_paths = ["/*"]}'))
    assert [each.fix for each in warned.problems] == [{"guard": {}}]


def test_a_variable_is_true_or_false_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUARDED_GUARD", "on")
    monkeypatch.setenv("GUARDED_ALLOW_TIMING", "true")
    policy = CORSPolicy.from_env("GUARDED_")
    assert (policy.guard, policy.allow_timing) == (True, True)
    monkeypatch.setenv("GUARDED_GUARD", "isolate_reads")
    with pytest.raises(CORSConfigError, match="expected true or false"):
        CORSPolicy.from_env("GUARDED_")


def test_an_explanation_names_what_lets_a_request_through() -> None:
    policy = CORSPolicy(allow_origins=["https://a.test"], guard=Guard(isolate_reads=True))
    headers = {"Origin": "https://a.test", "Cookie": "sid=1", "Sec-Fetch-Site": "cross-site"}
    write = policy.explain("POST", headers)
    assert (write.reason, write.app_runs) == ("cross-origin-request", False)
    texts = [step.text for step in write.steps if step.check == "guard"]
    assert texts[0].endswith("allowed without credentials, and so passes without cookies only")
    assert write.change is not None
    trusted = Guard(isolate_reads=True, trusted_origins=["https://a.test"])
    assert write.change.options["guard"] == trusted
    assert json.loads(json.dumps(write.as_dict()))["change"]["options"] == {
        "guard": {"trusted_origins": ["https://a.test"], "isolate_reads": True},
        "allow_credentials": True,
    }

    read = policy.explain("GET", {"Sec-Fetch-Site": "cross-site"}, "/badge.svg")
    assert read.reason == "cross-origin-read"
    assert read.change is not None
    exempt = Guard(isolate_reads=True, exempt_paths=["/badge.svg"])
    assert read.change.options == {"guard": exempt}
    assert "may change things, with the user's cookies" in read.change.caution
    passed = policy.replace(guard=exempt).explain(
        "GET", {"Sec-Fetch-Site": "cross-site"}, "/badge.svg"
    )
    texts = [step.text for step in passed.steps if step.check == "guard"]
    assert texts == ["'/badge.svg' is one of exempt_paths, where nothing is refused"]
    own = policy.replace(guard=exempt).explain("GET", {"Sec-Fetch-Site": "same-origin"}, "/other")
    texts = [step.text for step in own.steps if step.check == "guard"]
    assert texts == ["not a forged cross-origin request"]


def test_it_is_part_of_the_package() -> None:
    assert "Guard" in corsac.__all__
