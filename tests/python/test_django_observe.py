"""The callback, the policy on trial and the debug header in Django's settings."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import override_settings

from corsac import CORSConfigError, CORSPolicy, Refusal
from support.django_project import CALLS
from support.exchange import Request, Response
from support.policies import ORIGIN, OTHER

Call = Callable[[Request], Response]
EVIL = "https://evil.example"
CORSAC = {"allow_origins": [ORIGIN, OTHER], "rules": [("/api/*", {"allow_origins": [OTHER]})]}
TOLD: list[Refusal] = []


def tell(refusal: Refusal) -> None:
    TOLD.append(refusal)


@pytest.fixture(params=sorted(CALLS))
def call(request: pytest.FixtureRequest) -> Call:
    return CALLS[request.param]


@pytest.fixture(autouse=True)
def nothing_told() -> Iterator[None]:
    TOLD.clear()
    yield
    TOLD.clear()


def get(origin: str, path: str = "/x") -> Request:
    return Request(headers=[("Origin", origin)], path=path)


@pytest.mark.parametrize("given", [tell, "support.refused.told_to_nobody"])
def test_refusals_are_told(call: Call, given: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("support.refused.told_to_nobody", tell)
    with override_settings(CORSAC=CORSAC, CORSAC_ON_REFUSAL=given):
        call(get(EVIL))
        call(get(ORIGIN, "/api/1"))
        call(get(ORIGIN))
    assert [
        Refusal("origin-not-allowed", EVIL, "GET", "/x", "default", "actual"),
        Refusal("origin-not-allowed", ORIGIN, "GET", "/api/1", "/api/*", "actual"),
    ] == TOLD


def test_a_policy_is_on_trial(call: Call, caplog: pytest.LogCaptureFixture) -> None:
    trial = {"allow_origins": [ORIGIN]}
    with override_settings(CORSAC=CORSAC, CORSAC_REPORT_ONLY=trial, CORSAC_ON_REFUSAL=tell):
        caplog.clear()
        with caplog.at_level(logging.INFO, logger="corsac"):
            response = call(get(OTHER))
            call(get(EVIL))
            call(get(ORIGIN))
    assert response.one("access-control-allow-origin") == OTHER
    assert [
        Refusal("origin-not-allowed", OTHER, "GET", "/x", "default", "actual", True),
        Refusal("origin-not-allowed", EVIL, "GET", "/x", "default", "actual", False),
    ] == TOLD
    assert [record.getMessage().partition(": origin")[0] for record in caplog.records] == [
        "CORS: report-only: would refuse origin-not-allowed",
        "CORS: refused origin-not-allowed",
    ]


def test_preflights_on_trial_are_judged_as_a_browser_does(call: Call) -> None:
    policy = CORSPolicy(allow_origins=[ORIGIN], allow_methods=["PUT", "DELETE"])
    request = Request(
        "OPTIONS", [("Origin", ORIGIN), ("Access-Control-Request-Method", "DELETE")], "/x"
    )
    tight = policy.replace(allow_methods=["PUT"])
    with override_settings(CORSAC=policy, CORSAC_REPORT_ONLY=tight, CORSAC_ON_REFUSAL=tell):
        assert call(request).status == 204
    assert [(each.reason, each.kind, each.report_only) for each in TOLD] == [
        ("method-not-allowed", "preflight", True)
    ]


def test_refusals_say_why_in_a_header(call: Call) -> None:
    with override_settings(CORSAC=CORSAC, CORSAC_DEBUG_HEADER=True):
        assert call(get(EVIL)).one("corsac-refused") == "origin-not-allowed"
        assert call(get(ORIGIN)).one("corsac-refused") is None
        preflight = [("Origin", EVIL), ("Access-Control-Request-Method", "PUT")]
        answer = call(Request("OPTIONS", preflight, "/x"))
    assert answer.status == 403
    assert answer.one("corsac-refused") == "origin-not-allowed"


def test_a_preflight_that_the_browser_refuses_says_why_in_a_header_too(call: Call) -> None:
    lines = [("Origin", ORIGIN), ("Access-Control-Request-Method", "DELETE")]
    with override_settings(CORSAC=CORSAC, CORSAC_DEBUG_HEADER=True):
        answer = call(Request("OPTIONS", lines, "/x"))
    assert (answer.status, answer.header_set) == (
        204,
        {
            "access-control-allow-origin": ORIGIN,
            "access-control-max-age": "600",
            "corsac-refused": "method-not-allowed",
            "vary": "Origin",
        },
    )


def test_a_reason_is_for_one_origin_also_where_all_else_is_for_everybody(call: Call) -> None:
    policy = CORSPolicy(allow_origins=[ORIGIN], always_send=True)
    with override_settings(CORSAC=policy, CORSAC_DEBUG_HEADER=True):
        refused, allowed = call(get(EVIL)), call(get(ORIGIN))
    assert (refused.one("corsac-refused"), refused.one("vary")) == ("origin-not-allowed", "Origin")
    assert (allowed.one("corsac-refused"), allowed.one("vary")) == (None, None)


def test_a_refusal_names_the_policy_of_several_that_decided(call: Call) -> None:
    several = [CORSPolicy(allow_origins=[OTHER]), CORSPolicy(allow_origins=[ORIGIN])]
    with override_settings(CORSAC=several, CORSAC_ON_REFUSAL=tell):
        call(get(EVIL))
        call(Request("OPTIONS", [("Origin", OTHER), ("Access-Control-Request-Method", "PUT")]))
    assert [(each.reason, each.policy, each.report_only) for each in TOLD] == [
        ("origin-not-allowed", 2, False),
        ("method-not-allowed", 1, False),
    ]
    TOLD.clear()
    tight = [several[1], several[1]]
    with override_settings(CORSAC=several[0], CORSAC_REPORT_ONLY=tight, CORSAC_ON_REFUSAL=tell):
        call(get(OTHER))
    assert [(each.reason, each.policy, each.report_only) for each in TOLD] == [
        ("origin-not-allowed", 2, True)
    ]


def test_a_rule_may_have_several_policies_or_dictionaries(
    call: Call, caplog: pytest.LogCaptureFixture
) -> None:
    ours = {"allow_origins": [ORIGIN], "allow_credentials": True}
    for several in (
        [ours, {"allow_origins": ["*"]}],
        (CORSPolicy(**ours), CORSPolicy(allow_origins=["*"])),  # type: ignore[arg-type]
        [ours, CORSPolicy(allow_origins=["*"])],
    ):
        caplog.clear()
        rules = [("/x", several), ("/y", {"allow_origins": [OTHER]})]
        with override_settings(CORSAC=ours | {"rules": rules}):
            assert call(get(ORIGIN)).one("access-control-allow-credentials") == "true"
            assert call(get(EVIL)).one("access-control-allow-origin") == "*"
            assert call(get(EVIL, "/y")).one("access-control-allow-origin") is None
        assert not [line for line in caplog.messages if "rule.duplicate" in line]
        with override_settings(CORSAC=ours, CORSAC_REPORT_ONLY=ours | {"rules": rules}):
            call(get(ORIGIN))
        assert not [line for line in caplog.messages if "rule.duplicate" in line]
    bad = [("/x", [ours, {"allow_origins": ["nonsense"]}])]
    with override_settings(CORSAC=ours | {"rules": bad}), pytest.raises(CORSConfigError) as caught:
        call(get(ORIGIN))
    (problem,) = caught.value.problems
    assert (problem.code, problem.option) == (
        "origin.invalid",
        "CORSAC[\"rules\"] for '/x'[1], allow_origins",
    )


async def _asynchronous(refusal: Refusal) -> None: ...


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CORSAC_ON_REFUSAL", "nowhere.at_all"),
        ("CORSAC_ON_REFUSAL", 5),
        ("CORSAC_ON_REFUSAL", _asynchronous),
        ("CORSAC_REPORT_ONLY", {"allow_origins": ["nonsense"]}),
        ("CORSAC_REPORT_ONLY", {"unknown": 1}),
        ("CORSAC_REPORT_ONLY", 5),
        ("CORSAC_DEBUG_HEADER", "two words"),
    ],
)
def test_a_mistake_names_the_setting(call: Call, name: str, value: Any) -> None:
    with (
        override_settings(CORSAC=CORSPolicy(allow_origins=[ORIGIN]), **{name: value}),
        pytest.raises(CORSConfigError, match=name),
    ):
        call(get(ORIGIN))


def asked_for(path: str = "/x") -> Request:
    lines = [("Origin", ORIGIN), ("Access-Control-Request-Method", "PROPFIND")]
    return Request("OPTIONS", [*lines, ("Access-Control-Request-Headers", "x-y")], path)


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        (
            {"CORS_ALLOWED_ORIGINS": [ORIGIN]},
            "CORS_ALLOW_METHODS = [..., 'PROPFIND'] and CORS_ALLOW_HEADERS = [..., 'x-y']",
        ),
        (
            {"CORS_ALLOWED_ORIGINS": [ORIGIN], "CORSAC": {"allow_methods": ["PUT"]}},
            "CORSAC[\"allow_methods\"] = [..., 'PROPFIND'] and CORS_ALLOW_HEADERS = [..., 'x-y']",
        ),
        (
            {"CORSAC": {"allow_origins": [ORIGIN]}},
            "CORSAC[\"allow_methods\"] = [..., 'PROPFIND'] and "
            "CORSAC[\"allow_headers\"] = [..., 'x-y']",
        ),
        (
            {"CORSAC": {"allow_origins": [OTHER], "rules": [("/*", {"allow_origins": [ORIGIN]})]}},
            "allow_methods=[..., 'PROPFIND'] and allow_headers=[..., 'x-y']",
        ),
        (
            {
                "CORSAC": CORSPolicy(
                    allow_origins=[ORIGIN], allow_methods=["PROPFIND"], allow_headers=["x-y"]
                ),
                "CORSAC_REPORT_ONLY": {"allow_origins": [ORIGIN]},
            },
            "CORSAC_REPORT_ONLY[\"allow_methods\"] = [..., 'PROPFIND'] and "
            "CORSAC_REPORT_ONLY[\"allow_headers\"] = [..., 'x-y']",
        ),
        (
            {"CORSAC": CORSPolicy(allow_origins=[ORIGIN])},
            "allow_methods=[..., 'PROPFIND'] and allow_headers=[..., 'x-y']",
        ),
    ],
)
def test_what_is_missing_is_called_as_the_settings_call_it(
    call: Call, caplog: pytest.LogCaptureFixture, settings: dict[str, Any], advice: str
) -> None:
    with override_settings(**settings):
        call(asked_for())
    assert f"; write {advice} to allow it; more" in caplog.text
