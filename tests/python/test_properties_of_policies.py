"""What holds for every policy and request, whatever the rules say in detail.

What is tried comes from `support.strategies`. A long run, of some minutes:
``CORSAC_PROPERTY_EXAMPLES=20000 pytest tests/python/test_properties*.py``.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corsac import CORSPolicy, Guard, _core
from support import reference_model as model
from support.exchange import AppResponse, Request
from support.properties import (
    comparable,
    core_answer,
    core_answers,
    examples,
    made_of,
    policy_of,
    without_warnings,
)
from support.reference_model import Answer, Options
from support.strategies import (
    app_responses,
    entries,
    hostile_requests,
    near_origins,
    options,
    page_methods,
    page_names,
    shuffled,
)

PLAIN_APP = AppResponse()
UNSAFE_VALUE = b'"' * 200  # Never safelisted, so that a preflight must allow the header's name.


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> Iterator[None]:
    with without_warnings():
        yield


def byte_lines(answer: Answer) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1")) for name, value in answer.headers]


def may_read(options: Options, origin: str, include: bool, app: AppResponse = PLAIN_APP) -> bool:
    """Whether a browser gives the answer to a request from an origin to the page."""
    answer = core_answer(made_of(options), Request("GET", [("Origin", origin)]), app)
    return _core.browser_cors_check(origin, include, byte_lines(answer)) == ""


def preflight(origin: str, method: str, names: list[str]) -> Request:
    """The preflight request that a browser sends (Fetch, "CORS-preflight fetch")."""
    lines = [("Origin", origin), ("Access-Control-Request-Method", method)]
    if names:
        sent = ",".join(sorted({name.lower() for name in names}))
        lines.append(("Access-Control-Request-Headers", sent))
    return Request("OPTIONS", lines)


def passes_preflight(
    options: Options, origin: str, include: bool, method: str, names: list[str]
) -> bool:
    answer = core_answer(made_of(options), preflight(origin, method, names), PLAIN_APP)
    reason, _ = _core.browser_preflight_check(
        origin,
        include,
        method,
        [(name.encode(), UNSAFE_VALUE) for name in names],
        answer.status,
        byte_lines(answer),
    )
    return reason == ""


@examples(300)
@given(st.data(), options(), entries() | st.sampled_from(["*", "null"]))
def test_one_more_origin_in_a_policy_never_takes_an_answer_from_another(
    data: st.DataObject, options: Options, entry: str
) -> None:
    at = data.draw(st.integers(0, len(options.allow_origins)))
    before, after = options.allow_origins[:at], options.allow_origins[at:]
    larger = replace(options, allow_origins=(*before, entry, *after), always_send=False)
    origin = data.draw(near_origins(data.draw(st.sampled_from([options, larger]))))
    include = options.allow_credentials
    # Read the other way round: without the entry nobody may read who could not with it.
    assert may_read(options, origin, include) <= may_read(larger, origin, include)


@examples(100)
@given(st.data(), options())
def test_an_answer_does_not_depend_on_the_requests_before(
    data: st.DataObject, options: Options
) -> None:
    requests = data.draw(st.lists(hostile_requests(options), min_size=2, max_size=4))
    app = AppResponse(headers=[("Vary", "Accept")])
    together = core_answers(made_of(options), requests, app)
    apart = [core_answer(made_of(options), request, app) for request in requests]
    assert [comparable(answer) for answer in together] == [comparable(each) for each in apart]


@examples(120)
@given(st.data(), options(), app_responses())
def test_a_policy_written_out_or_pickled_gives_the_same_answers(
    data: st.DataObject, options: Options, app: AppResponse
) -> None:
    policy = policy_of(options)
    request = data.draw(hostile_requests(options))
    written = eval(repr(policy), {"CORSPolicy": CORSPolicy, "Guard": Guard})  # noqa: S307
    pickled = pickle.loads(pickle.dumps(policy))  # noqa: S301
    assert written == pickled == policy
    answers = [comparable(core_answer(made_of(each), request, app)) for each in (written, pickled)]
    assert answers == [comparable(core_answer(made_of(policy), request, app))] * 2


@examples(200)
@given(st.data(), options(), app_responses())
def test_the_order_and_case_of_request_headers_do_not_matter(
    data: st.DataObject, options: Options, app: AppResponse
) -> None:
    request = data.draw(hostile_requests(options))
    other = replace(request, headers=data.draw(shuffled(request.headers)))
    answers = [comparable(core_answer(made_of(options), each, app)) for each in (request, other)]
    assert answers[0] == answers[1]


@examples(400)
@given(st.data(), options(preflight_continue=False), st.booleans())
def test_a_browser_passes_a_preflight_if_and_only_if_the_policy_lists_all_it_asks_for(
    data: st.DataObject, options: Options, include: bool
) -> None:
    origin = data.draw(near_origins(options))
    method, names = data.draw(page_methods(options)), data.draw(page_names(options))
    listed = (
        model.is_allowed(options, [origin])
        and (options.allow_credentials or not include)
        and model.covers_method(options, method)
        and all(model.covers_header(options, name) for name in names)
    )
    assert passes_preflight(options, origin, include, method, names) is listed


@examples(300)
@given(st.data(), options(app_headers="keep"), app_responses(), st.booleans())
def test_headers_of_the_application_that_are_kept_let_a_page_read_what_they_alone_let_it_read(
    data: st.DataObject, options: Options, app: AppResponse, include: bool
) -> None:
    origin = data.draw(near_origins(options))
    allowed = options.is_constant or model.is_allowed(options, [origin])
    lines = [(name.encode(), value.encode("latin-1")) for name, value in app.headers]
    alone = _core.browser_cors_check(origin, include, lines) == ""
    is_kept = not allowed and not options.always_send
    wanted = alone if is_kept else allowed and (options.allow_credentials or not include)
    assert may_read(options, origin, include, app) is wanted


@examples(300)
@given(st.data(), options(app_headers="replace"), app_responses(), st.booleans())
def test_a_browser_lets_a_page_read_an_answer_if_and_only_if_its_origin_is_allowed(
    data: st.DataObject, options: Options, app: AppResponse, include: bool
) -> None:
    origin = data.draw(near_origins(options))
    allowed = options.is_constant or model.is_allowed(options, [origin])
    wanted = allowed and (options.allow_credentials or not include)
    assert may_read(options, origin, include, app) is wanted
