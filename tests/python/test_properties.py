"""The core against a slow model of the rules, over policies and requests that nearly match.

The model is `support.reference_model`; what is tried comes from `support.strategies`. A long run,
of some minutes: ``CORSAC_PROPERTY_EXAMPLES=20000 pytest tests/python/test_properties*.py``.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import reference_model as model
from support.exchange import AppResponse, Request
from support.properties import (
    comparable,
    core_answer,
    examples,
    handshake_is_refused,
    joined,
    made_of,
    made_of_several,
    policy_of,
    with_rules,
    without_warnings,
    wsgi_answer,
)
from support.reference_model import Options
from support.strategies import (
    TOLERATED,
    app_responses,
    entries,
    fetch_metadata,
    hostile_requests,
    near_origins,
    options,
    padded,
    paths,
    preflight_lines,
    preflights_at_limits,
    root_paths,
    rules,
    shuffled,
)

HANDS_OFF = None
FEW_POLICIES = [
    HANDS_OFF,
    Options(allow_origins=("*",)),
    Options(allow_origins=("https://app.example.com",)),
    Options(allow_origins=("https://app.example.com",), allow_credentials=True, max_age=1),
]


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> Iterator[None]:
    with without_warnings():
        yield


def check(options: Options, request: Request, app: AppResponse) -> None:
    """Compare with the model on both protocols; WSGI servers join the lines of one header."""
    answer = core_answer(made_of(options), request, app)
    assert comparable(answer) == comparable(model.answer(options, request, app))
    answer = wsgi_answer(made_of(options), request, app)
    assert comparable(answer) == comparable(model.answer(options, joined(request), app))


@examples(550)
@given(st.data(), options(), app_responses())
def test_every_answer_is_the_one_of_the_model(
    data: st.DataObject, options: Options, app: AppResponse
) -> None:
    request = data.draw(hostile_requests(options))
    check(options, request, app)


@examples(350)
@given(st.data(), options(allow_origins=("https://app.example.com",)), app_responses())
def test_a_preflight_of_an_allowed_origin_is_answered_as_by_the_model(
    data: st.DataObject, options: Options, app: AppResponse
) -> None:
    lines = [("origin", "https://app.example.com"), *data.draw(preflight_lines(options))]
    method = data.draw(st.sampled_from(["OPTIONS"] * 9 + ["options"]))
    request = Request(method, data.draw(shuffled(lines)))
    check(options, request, app)


@examples(400)
@given(st.data(), st.lists(options(), min_size=1, max_size=3), app_responses())
def test_several_policies_answer_as_the_one_that_the_model_chooses(
    data: st.DataObject, several: list[Options], app: AppResponse
) -> None:
    request = data.draw(hostile_requests(data.draw(st.sampled_from(several))))
    made = made_of_several(several)
    _, chosen = model.chosen_of(several, request)
    answer = core_answer(made, request, app)
    assert comparable(answer) == comparable(model.answer(chosen, request, app))
    _, chosen = model.chosen_of(several, joined(request))
    answer = wsgi_answer(made, request, app)
    assert comparable(answer) == comparable(model.answer(chosen, joined(request), app))


@examples(300)
@given(preflights_at_limits())
def test_every_limit_is_where_the_model_has_it(request: Request) -> None:
    echo = Options(
        allow_origins=("*",),
        allow_methods=("*",),
        allow_headers=("*",),
        allow_credentials=True,
        tolerate=TOLERATED,
    )
    check(echo, request, AppResponse())


@examples(1200)
@given(st.data(), st.lists(entries() | st.just("*"), min_size=1, max_size=2), st.booleans())
def test_an_origin_is_allowed_if_and_only_if_the_model_allows_it(
    data: st.DataObject, origins: list[str], credentials: bool
) -> None:
    options = Options(
        allow_origins=tuple(origins), allow_credentials=credentials, tolerate=TOLERATED
    )
    check(options, Request("GET", [("origin", data.draw(near_origins(options)))]), AppResponse())


SOME_ORIGINS = [
    "https://a.test",
    "https://A.test",
    "http://a.test",
    "https://a.test:8443",
    "http://[::1]",
    "null",
]


@examples(350)
@given(st.data(), options(guard=True, allow_origins=("https://trusted.test",)))
def test_the_guard_refuses_what_the_model_refuses(data: st.DataObject, options: Options) -> None:
    origin = st.sampled_from(SOME_ORIGINS) | near_origins(options)
    origins = data.draw(st.lists(origin, min_size=1, max_size=1) | st.lists(origin, max_size=2))
    lines = [("origin", origin) for origin in origins] + data.draw(fetch_metadata(origins))
    method = data.draw(st.sampled_from(["POST", "GET", "HEAD"]))
    path = data.draw(paths(options.exempt_paths, ""))
    request = Request(method, data.draw(shuffled(lines)), path)
    refused = handshake_is_refused(policy_of(options), request)
    is_exempt = model.is_exempt(options, path)
    assert refused is (not is_exempt and model.websocket_is_refused(options, request.headers))
    check(options, request, AppResponse())


@examples(500)
@given(st.data(), rules(st.sampled_from(FEW_POLICIES)), st.sampled_from(FEW_POLICIES), root_paths)
def test_a_path_is_decided_by_the_rule_of_the_model(
    data: st.DataObject,
    rules: list[tuple[str, Options | None]],
    fallback: Options | None,
    root_path: str,
) -> None:
    path = data.draw(paths([pattern for pattern, _ in rules], root_path))
    method = data.draw(st.sampled_from(["GET", "OPTIONS"]))
    lines = [("origin", "https://app.example.com"), ("access-control-request-method", "PUT")]
    request, app = Request(method, lines, path), AppResponse()
    answer = core_answer(with_rules(rules, fallback), request, app, root_path)
    wanted = model.answer_under_rules(rules, fallback, root_path, request, app)
    assert comparable(answer) == comparable(wanted)
    answer = wsgi_answer(with_rules(rules, fallback), request, app, root_path)
    assert comparable(answer) == comparable(wanted)


@pytest.mark.parametrize(("length", "allowed"), [(253, True), (254, False)])
@pytest.mark.parametrize("end", ["", "."])
def test_the_dot_after_a_host_is_none_of_its_length(length: int, allowed: bool, end: str) -> None:
    options = Options(allow_origins=(f"https://*.example.com{end}",))
    request = Request("GET", [("origin", f"https://{padded('example.com', length)}{end}")])
    check(options, request, AppResponse())
    headers = dict(core_answer(made_of(options), request, AppResponse()).headers)
    assert ("access-control-allow-origin" in headers) is allowed
