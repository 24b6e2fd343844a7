"""Policies of single Django views, and what their preflight requests get."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import URLPattern, URLResolver, include, path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET

import corsac
from corsac.django import cors, cors_exempt
from corsac.django.signals import check_request_enabled
from support.django_project import CALLS
from support.exchange import Request, Response
from support.policies import ORIGIN, OTHER

Call = Callable[[Request], Response]
OWN = corsac.CORSPolicy(allow_origins=[OTHER], allow_methods=["PATCH"])


@pytest.fixture(params=sorted(CALLS))
def call(request: pytest.FixtureRequest) -> Call:
    return CALLS[request.param]


def plain(request: HttpRequest, **_: Any) -> HttpResponse:
    return HttpResponse()


@csrf_exempt
@cors(OWN)
@require_GET
def function(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@cors(allow_origins=[OTHER])
async def coroutine(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@xframe_options_exempt
@cors_exempt
def exempt(request: HttpRequest) -> HttpResponse:
    return HttpResponse(headers={"access-control-allow-origin": "https://by-hand.example"})


@cors(OWN)
class Decorated(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse()


class Child(Decorated):
    """Has the policy of the class that it comes from."""


@method_decorator(cors(OWN), name="dispatch")
class DjangoStyle(View):
    async def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse()


@cors(allow_origins=[OTHER], guard=True)
def guarded(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


inner: list[URLPattern | URLResolver] = [path("deep/", plain), path("exempt/", exempt)]
included: list[URLPattern | URLResolver] = [
    path("one/", plain),
    path("own/", cors(allow_origins=["*"])(plain)),
    path("inner/", include(inner)),
]
URLS = (
    path("plain/", plain),
    path("function/", function),
    path("coroutine/", coroutine),
    path("exempt/", exempt),
    path("decorated/", Decorated.as_view()),
    path("child/", Child.as_view()),
    path("django-style/", DjangoStyle.as_view()),
    path("guarded/", guarded),
    path("included/", cors(OWN)(include(included))),
    path("hands-off/", cors_exempt(include(included))),
)
settings = override_settings(
    ROOT_URLCONF=URLS, CORS_ALLOWED_ORIGINS=[ORIGIN], CORS_URLS_REGEX="^/(?!outside)"
)


def ask(call: Call, where: str, origin: str, method: str = "GET") -> Response:
    headers = [("Origin", origin)]
    if method == "OPTIONS":
        headers.append(("Access-Control-Request-Method", "PATCH"))
    return call(Request(method, headers, where))


@pytest.mark.parametrize(
    "where",
    [
        "/function/",
        "/coroutine/",
        "/decorated/",
        "/child/",
        "/django-style/",
        "/included/one/",
        "/included/inner/deep/",
    ],
)
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
@settings
def test_a_view_with_a_policy_of_its_own_has_that_alone(
    call: Call, where: str, method: str
) -> None:
    allowed = ask(call, where, OTHER, method)
    assert allowed.one("access-control-allow-origin") == OTHER
    assert allowed.status == (204 if method == "OPTIONS" else 200)
    refused = ask(call, where, ORIGIN, method)
    assert refused.one("access-control-allow-origin") is None
    assert refused.status == (403 if method == "OPTIONS" else 200)


@settings
def test_other_views_have_the_policy_of_the_settings(call: Call) -> None:
    for where in ("/plain/", "/missing/"):
        assert ask(call, where, ORIGIN).one("access-control-allow-origin") == ORIGIN
        assert ask(call, where, ORIGIN, "OPTIONS").status == 200
        assert ask(call, where, OTHER, "OPTIONS").status == 403


@settings
def test_an_exempt_view_is_left_alone(call: Call) -> None:
    response = ask(call, "/exempt/", OTHER)
    assert response.one("access-control-allow-origin") == "https://by-hand.example"
    assert response.all("vary") == []
    assert ask(call, "/exempt/", ORIGIN, "OPTIONS").one("access-control-max-age") is None
    assert ask(call, "/hands-off/one/", ORIGIN).all("access-control-allow-origin") == []


@settings
def test_a_decorator_inside_of_an_include_counts_more(call: Call) -> None:
    for prefix in ("/included", "/hands-off"):
        response = ask(call, f"{prefix}/own/", "https://any.example")
        assert response.one("access-control-allow-origin") == "*"
    deep = ask(call, "/included/inner/exempt/", OTHER)
    assert deep.one("access-control-allow-origin") == "https://by-hand.example"


@settings
def test_the_guard_of_a_view_refuses_before_it_runs(call: Call) -> None:
    assert ask(call, "/guarded/", ORIGIN, "POST").status == 403
    assert ask(call, "/guarded/", OTHER, "POST").status == 200
    with override_settings(CORSAC={"guard": True}):
        assert ask(call, "/plain/", OTHER, "POST").status == 403
        assert ask(call, "/exempt/", "https://evil.example", "POST").status == 200


@settings
def test_receivers_are_not_asked_about_a_view_with_its_own_policy(call: Call) -> None:
    def agree(sender: object, **_: object) -> bool:
        return True

    check_request_enabled.connect(agree)
    try:
        assert ask(call, "/function/", ORIGIN).one("access-control-allow-origin") is None
        assert ask(call, "/exempt/", ORIGIN).all("vary") == []
        assert ask(call, "/plain/", OTHER).one("access-control-allow-origin") == OTHER
    finally:
        check_request_enabled.disconnect(agree)


def test_the_original_view_is_not_changed() -> None:
    marked = cors(OWN)(plain)
    assert marked is not plain
    assert marked.__name__ == "plain"
    assert not hasattr(plain, "corsac_policy")


@pytest.mark.parametrize("wrong", [7, "api.urls", [path("x", plain)], int])
def test_what_cannot_be_decorated_is_named(wrong: Any) -> None:
    with pytest.raises(TypeError, match="view"):
        cors_exempt(wrong)


def test_a_bad_policy_is_an_error_where_it_stands() -> None:
    with pytest.raises(corsac.CORSConfigError, match=r"origin\.invalid"):
        cors(allow_origins=["app.example.com"])
    with pytest.raises(TypeError, match="policy must be a CORSPolicy"):
        cors(plain)  # type: ignore[arg-type]
