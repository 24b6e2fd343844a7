"""What policies and problems promise as values: frozen, equal by their fields, copied by them."""

from __future__ import annotations

import copy
import inspect
import pickle
import subprocess
import sys
import types
import typing
from collections.abc import Callable
from typing import Any

import pytest

import corsac.errors
import corsac.middleware
import corsac.policy
import corsac.wsgi
from corsac import CORSConfigError, CORSConfigProblem, CORSPolicy, Guard
from corsac.configuration import Configuration, make_configuration


class OwnPolicy(CORSPolicy):
    """A policy with a default of its own."""

    def __init__(self, *, max_age: int | None = None, **options: Any) -> None:
        super().__init__(max_age=max_age, **options)


def problem(**changes: Any) -> CORSConfigProblem:
    fields = {"code": "c", "severity": "info", "option": "o", "value": ["v"], "message": "m"}
    return CORSConfigProblem(**{**fields, **changes})


def policy(**changes: Any) -> CORSPolicy:
    return CORSPolicy(**{"allow_origins": ["https://a.test"], **changes})


def own_policy(**changes: Any) -> OwnPolicy:
    return OwnPolicy(**{"allow_origins": ["https://a.test"], **changes})


def configuration() -> Configuration:
    return make_configuration(policy(), [("/a", None)], {})


VALUES: list[Callable[..., Any]] = [policy, own_policy, problem]
COPIES: list[Callable[[Any], Any]] = [
    *(
        lambda value, protocol=protocol: pickle.loads(pickle.dumps(value, protocol))  # noqa: S301
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    ),
    lambda value: eval(repr(value), globals()),  # noqa: S307
    lambda value: value.replace(),
    lambda value: value.__replace__(),
]


@pytest.mark.parametrize("make", VALUES)
@pytest.mark.parametrize("name", ["guard", "code", "problems", "_compiled", "unknown", "__dict__"])
def test_it_is_frozen_and_says_so_whatever_the_name(make: Callable[..., Any], name: str) -> None:
    value = make()
    with pytest.raises(AttributeError, match=f"{type(value).__name__} is frozen: '{name}' cannot"):
        setattr(value, name, True)
    with pytest.raises(AttributeError, match=f"{type(value).__name__} is frozen: '{name}' cannot"):
        delattr(value, name)
    assert value == make()


@pytest.mark.parametrize("make", VALUES)
@pytest.mark.parametrize("made_again", COPIES)
def test_a_copy_is_equal_and_of_the_same_type(
    make: Callable[..., Any], made_again: Callable[[Any], Any]
) -> None:
    value = make()
    again = made_again(value)
    assert again == value
    assert type(again) is type(value)


@pytest.mark.parametrize("make", [policy, own_policy])
def test_a_policy_made_again_has_what_was_found_about_it(make: Callable[..., Any]) -> None:
    value = make(allow_headers=["X-A", "x-a"])
    assert value.problems != ()
    assert pickle.loads(pickle.dumps(value)).problems == value.problems  # noqa: S301


@pytest.mark.parametrize("make", [*VALUES, configuration])
def test_what_never_changes_is_its_own_copy(
    make: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    value = make()
    assert copy.copy(value) is value
    assert copy.deepcopy([value])[0] is value
    warned = policy(allow_headers=["X-A", "x-a"])
    caplog.clear()
    assert copy.deepcopy(warned) is warned
    assert caplog.records == []


def test_a_subclass_is_called_as_the_class_is_and_may_have_options_of_its_own() -> None:
    class Same(CORSPolicy): ...

    class Team(CORSPolicy):
        def __init__(self, *, team: str) -> None:
            super().__init__(allow_origins=[f"https://{team}.test"])

    # The checker of types reads this too.
    origins: tuple[str, ...] = Team(team="a").allow_origins
    assert origins == Same(allow_origins=["https://a.test"]).allow_origins == ("https://a.test",)
    with pytest.raises(TypeError, match=r"'allow_origin': .*allow_origins"):
        Same(allow_origin=["https://a.test"])  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="'teem'"):
        Team(teem="a")  # type: ignore[call-arg]


def test_values_are_equal_by_their_fields_and_their_type() -> None:
    assert policy() != policy(guard=True)
    assert policy(max_age=None) != own_policy()
    assert problem() != problem(hint="h")
    assert policy() != "CORSPolicy"
    assert hash(problem(value="v")) == hash(problem(value="v"))
    assert hash(own_policy()) == hash(own_policy())
    with pytest.raises(TypeError, match="unhashable"):
        hash(problem(value=["v"]))


def test_a_configuration_is_a_value_too() -> None:
    made = make_configuration(policy(), None, {})
    assert made == Configuration(policy(), (), (), made.routing)
    with pytest.raises(AttributeError, match="a Configuration is frozen"):
        made.policy = None  # type: ignore[misc]


def test_a_problem_can_be_matched_and_printed() -> None:
    match problem():
        case CORSConfigProblem(code, severity, option, value, message, hint):
            assert (code, severity, option) == ("c", "info", "o")
            assert (value, message, hint) == (["v"], "m", "")
    assert repr(problem()).endswith("option='o', value=['v'], message='m', hint='')")


def test_replacing_keeps_all_else() -> None:
    assert problem(value=1).replace(hint="h") == problem(value=1, hint="h")
    assert own_policy().replace(guard=True) == own_policy(guard=True)
    assert own_policy(max_age=600).replace(guard=True) == own_policy(max_age=600, guard=True)
    with pytest.raises(TypeError, match=r"'allow_origin': .*allow_origins"):
        policy().replace(allow_origin=["https://b.test"])  # type: ignore[call-arg]
    with pytest.raises(CORSConfigError, match="preflight_status"):
        policy().replace(preflight_status=404)


@pytest.mark.skipif(sys.version_info < (3, 13), reason="copy.replace came with Python 3.13")
def test_the_standard_library_replaces_too() -> None:
    replace: Any = copy.replace  # type: ignore[attr-defined, unused-ignore]
    assert replace(own_policy(), guard=True) == own_policy(guard=True)
    assert replace(problem(), hint="h") == problem(hint="h")


def test_the_signatures_name_every_argument_with_its_type_and_default() -> None:
    options = inspect.signature(CORSPolicy).parameters
    assert {option.kind for option in options.values()} == {inspect.Parameter.KEYWORD_ONLY}
    assert (options["max_age"].default, options["max_age"].annotation) == (
        600,
        "int | timedelta | None",
    )
    assert list(options) == list(corsac.policy.CORSPolicyOptions.__annotations__)
    assert str(inspect.signature(CORSConfigProblem)).endswith(
        "hint: 'str' = '', fix: 'Mapping[str, object] | None' = None) -> 'None'"
    )
    with pytest.raises(TypeError, match="positional"):
        CORSPolicy(["https://a.test"])  # type: ignore[call-arg]


def test_the_types_of_annotations_are_there_at_run_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hints = typing.get_type_hints(corsac.policy.CORSPolicyOptions)
    assert hints["guard"] == bool | Guard
    of_middleware = typing.get_type_hints(corsac.middleware.MiddlewareOptions)
    assert of_middleware.items() > hints.items()
    assert of_middleware["debug_header"] == bool | str
    # What a program makes of them is evaluated in its own module, which need not know `corsac`.
    program = types.ModuleType("knows_no_names")
    monkeypatch.setitem(sys.modules, program.__name__, program)
    made = types.new_class("Options", (corsac.policy.CORSPolicyOptions,))
    made.__module__ = program.__name__
    assert typing.get_type_hints(made) == hints
    assert typing.get_args(corsac.errors.Severity) == ("error", "warning", "info")
    assert typing.get_type_hints(CORSConfigProblem)["severity"] == corsac.errors.Severity
    of_a_call = inspect.signature(CORSConfigProblem, eval_str=True).parameters
    assert of_a_call["severity"].annotation == corsac.errors.Severity
    for module in (corsac.policy, corsac.errors):
        assert all(hasattr(module, name) for name in module.__all__)


def test_what_few_use_is_loaded_when_it_is_used() -> None:
    program = """
import sys, corsac
before = sorted(set(corsac.__all__) - set(dir(corsac)))
corsac.CORSMiddleware(print, allow_origins=["https://a.test"])
late = ["_classes", "_environ", "_failure_log", "_origin_request", "_root_path", "_version"]
late += ["codes", "hosts", "options.guard", "origin_function"]
loaded = [name for name in late if f"corsac.{name}" in sys.modules]
from corsac import *
print(before, loaded, Guard(), OriginFunction(print).func is print, LOOPBACK_HOSTS[0])
try:
    corsac.Gaurd
except AttributeError as error:
    print(error, error.name, error.obj is corsac)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines() == [
        "[] [] Guard() True localhost",
        "module 'corsac' has no attribute 'Gaurd' Gaurd True",
    ]


def test_annotations_name_what_is_loaded_late() -> None:
    hints = typing.get_type_hints(CORSPolicy.__init__)
    assert hints["guard"] == bool | Guard
    assert corsac.OriginFunction in typing.get_args(hints["allow_origin_func"])


HALF_MADE: list[Any] = [
    corsac.CORSPolicy,
    corsac.CORSConfigProblem,
    corsac.Refusal,
    corsac.CORSMiddleware,
    corsac.wsgi.CORSMiddleware,
]


@pytest.mark.parametrize("kind", HALF_MADE)
def test_what_was_made_without_init_has_a_repr_that_says_so(kind: Any) -> None:
    assert repr(kind.__new__(kind)) == f"<{kind.__name__}, whose __init__ was not called>"


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (corsac.CORSPolicy, "allow_origins problems explain"),
        (corsac.CORSConfigProblem, "code"),
        (
            corsac.CORSMiddleware,
            "policy rules problems on_refusal on_refusal_errors report_only report_only_rules "
            "debug_header explain",
        ),
        (corsac.wsgi.CORSMiddleware, "policy problems explain"),
    ],
)
def test_what_was_made_without_init_has_no_attributes_but_says_why(kind: Any, names: str) -> None:
    half_made = kind.__new__(kind)
    for name in names.split():
        with pytest.raises(RuntimeError, match=r"\A\w+\.__init__ was not called\Z"):
            _ = getattr(half_made, name)("GET", {})
    with pytest.raises(AttributeError):
        _ = half_made.nothing
    assert not hasattr(half_made, "nothing")
