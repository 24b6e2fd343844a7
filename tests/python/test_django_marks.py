"""Decorated methods of class-based views; views that the URLconf alone does not tell of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf.urls.i18n import i18n_patterns
from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import override_settings
from django.urls import include, path, register_converter
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

import corsac
from corsac.django import checks, cors, cors_exempt
from support.django_project import CALLS
from support.exchange import Request, Response
from support.policies import ORIGIN, OTHER

Call = Callable[[Request], Response]
THIRD = "https://third.example"
OWN = corsac.CORSPolicy(allow_origins=[OTHER], allow_methods=["PATCH"])
THIRDS = corsac.CORSPolicy(allow_origins=[THIRD], allow_methods=["PATCH"])
GUARDED = corsac.CORSPolicy(allow_origins=[OTHER], guard=True)
ran: list[str] = []


@pytest.fixture(params=sorted(CALLS))
def call(request: pytest.FixtureRequest) -> Iterator[Call]:
    del ran[:]
    yield CALLS[request.param]
    del ran[:]


def plain(request: HttpRequest, **_: Any) -> HttpResponse:
    ran.append("plain")
    return HttpResponse()


class Methods(View):
    @cors(OWN)
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    def post(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    @cors_exempt
    def delete(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(headers={"access-control-allow-origin": "by-hand"})


@cors(THIRDS)
class InMarkedClass(Methods):
    """Its methods' own policies go before that of the class."""


@method_decorator(cors(THIRDS), name="dispatch")
@method_decorator(cors(OWN), name="get")
class DjangoStyle(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    def post(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse()


class Later(View):
    @cors(OWN)
    async def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    async def post(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse()


class Fewer(Methods):
    http_method_names = ["post", "options"]  # noqa: RUF012 - as Django has it


class Guarded(View):
    @cors(GUARDED)
    def post(self, request: HttpRequest) -> HttpResponse:
        ran.append("guarded")
        return HttpResponse()


class RestView(View):
    """A view set as Django REST framework makes them: methods named by the URL."""

    @classmethod
    def as_rest_view(cls, actions: dict[str, str]) -> Callable[..., HttpResponse]:
        def view(request: HttpRequest) -> HttpResponse:
            method = (request.method or "").lower()
            handler = getattr(cls(), actions.get(method, actions["get"]))
            response: HttpResponse = handler(RestRequest(request))
            return response

        view.cls = cls  # type: ignore[attr-defined]
        view.actions = actions  # type: ignore[attr-defined]
        view.initkwargs = {}  # type: ignore[attr-defined]
        return csrf_exempt(view)

    @cors(OWN)
    def list(self, request: Any) -> HttpResponse:
        return HttpResponse()

    def retrieve(self, request: Any) -> HttpResponse:
        return HttpResponse()


class RestRequest:
    """Stands around Django's request."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request


def hiding(view: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator without `functools.wraps`."""

    def other(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs)

    return other


class HiddenMethod(View):
    @hiding
    @cors(OWN)
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse()


@cors(OWN)
def strict(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@cors(THIRDS)
def calls_another(request: HttpRequest) -> HttpResponse:
    return strict(request)


@cors(OWN)
def missing(request: HttpRequest, exception: Exception) -> HttpResponse:
    return HttpResponse(status=404)


def raises(request: HttpRequest) -> HttpResponse:
    raise Http404


@cors(OWN)
def streams(request: HttpRequest) -> StreamingHttpResponse:
    async def later() -> AsyncIterator[bytes]:
        yield b"one "
        yield b"two"

    is_asgi = isinstance(request, ASGIRequest)
    return StreamingHttpResponse(later() if is_asgi else iter([b"one ", b"two"]))


@cors(GUARDED)
def guarded(request: HttpRequest) -> HttpResponse:
    ran.append("guarded")
    return HttpResponse()


class URLs:
    """A URLconf, with an error handler of its own."""

    handler404 = staticmethod(missing)
    urlpatterns = (
        path("methods/", Methods.as_view()),
        path("in-marked/", InMarkedClass.as_view()),
        path("django-style/", DjangoStyle.as_view()),
        path("later/", Later.as_view()),
        path("fewer/", Fewer.as_view()),
        path("fewer-here/", Methods.as_view(http_method_names=["post"])),
        path("guarded/", Guarded.as_view()),
        path("list/", RestView.as_rest_view({"get": "list"})),
        path("retrieve/", RestView.as_rest_view({"get": "retrieve"})),
        path("included/", cors(THIRDS)(include([path("methods/", Methods.as_view())]))),
        path("hidden/", hiding(strict)),
        path("hidden-method/", HiddenMethod.as_view()),
        path("hidden-in/", cors(THIRDS)(include([path("x/", hiding(strict))]))),
        path("calls/", calls_another),
        path("raises/", raises),
        path("plain/", plain),
        path("streams/", streams),
    )


settings = override_settings(ROOT_URLCONF=URLs, CORS_ALLOWED_ORIGINS=[ORIGIN], DEBUG=False)


def decided(call: Call, where: str, method: str = "GET", *, preflight: bool = True) -> str | None:
    """Who decides, the same for a request and for the preflight request that announces it."""
    found = []
    for origin in (ORIGIN, OTHER, THIRD):
        response = call(Request(method, [("Origin", origin)], where))
        allowed = response.one("access-control-allow-origin")
        if preflight and allowed != "by-hand":
            headers = [("Origin", origin), ("Access-Control-Request-Method", method)]
            asked = call(Request("OPTIONS", headers, where))
            assert asked.one("access-control-allow-origin") == allowed
            assert asked.status == (403 if allowed is None else asked.status)
        if allowed is not None and allowed not in found:
            found.append(allowed)
    names = {ORIGIN: "settings", OTHER: "own", THIRD: "third", "by-hand": "exempt"}
    (one,) = found
    return names[one]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("/methods/", {"GET": "own", "HEAD": "own", "POST": "settings", "DELETE": "exempt"}),
        ("/methods/", {"PUT": "settings", "DISPATCH": "settings"}),
        ("/in-marked/", {"GET": "own", "HEAD": "own", "POST": "third", "DELETE": "exempt"}),
        ("/django-style/", {"GET": "own", "HEAD": "own", "POST": "third", "PUT": "third"}),
        ("/later/", {"GET": "own", "POST": "settings"}),
        ("/fewer/", {"GET": "settings", "POST": "settings"}),
        ("/fewer-here/", {"GET": "settings", "POST": "settings"}),
        ("/list/", {"GET": "own", "HEAD": "own", "POST": "own"}),
        ("/retrieve/", {"GET": "settings", "HEAD": "settings"}),
        ("/included/methods/", {"GET": "own", "POST": "third", "DELETE": "exempt"}),
    ],
)
@settings
def test_methods_of_a_class_decide_for_their_requests_and_preflight_requests(
    call: Call, where: str, expected: dict[str, str]
) -> None:
    if where == "/list/":
        expected = {method: who for method, who in expected.items() if method != "POST"}
    assert {method: decided(call, where, method) for method in expected} == expected


@settings
def test_the_guard_of_a_method_refuses_before_it_runs(call: Call) -> None:
    assert call(Request("POST", [("Origin", THIRD)], "/guarded/")).status == 403
    assert ran == []
    assert call(Request("POST", [("Origin", OTHER)], "/guarded/")).status == 200
    assert ran == ["guarded"]


@pytest.mark.parametrize(
    ("where", "who"),
    [("/hidden/", "own"), ("/hidden-method/", "own"), ("/hidden-in/x/", "own")],
)
@settings
def test_responses_of_a_hidden_view_have_its_policy_and_the_log_says_what_have_not(
    call: Call, where: str, who: str, caplog: pytest.LogCaptureFixture
) -> None:
    from corsac.django.views import marks  # noqa: PLC0415

    marks.told.clear()
    for _ in range(2):
        assert decided(call, where, preflight=False) == who
    assert caplog.text.count("another decorator hides cors from the URLconf") == 1


@settings
def test_a_view_that_calls_another_keeps_its_policy(call: Call) -> None:
    assert decided(call, "/calls/") == "third"


@settings
def test_a_decorated_error_handler_speaks_for_its_responses(call: Call) -> None:
    for where in ("/no-such-path/", "/raises/"):
        assert decided(call, where, preflight=False) == "own"
    assert decided(call, "/plain/") == "settings"


@settings
def test_a_decorated_view_may_stream(call: Call) -> None:
    response = call(Request("GET", [("Origin", OTHER)], "/streams/"))
    assert response.body == b"one two"
    assert response.one("access-control-allow-origin") == OTHER


def any_language(request: HttpRequest, rest: str) -> HttpResponse:
    return HttpResponse()


class LanguageURLs:
    """Paths that begin with a language, and one view for all others."""

    urlpatterns = (
        *i18n_patterns(path("own/", strict), prefix_default_language=False),
        path("<path:rest>", cors(allow_origins=["*"])(any_language)),
    )


@pytest.mark.parametrize("where", ["/de/own/", "/own/"])
def test_a_path_that_begins_with_a_language_has_its_view(call: Call, where: str) -> None:
    with override_settings(
        ROOT_URLCONF=LanguageURLs,
        MIDDLEWARE=[OURS, "django.middleware.locale.LocaleMiddleware"],
        LANGUAGE_CODE="en",
        LANGUAGES=[("en", "English"), ("de", "German")],
        CORS_ALLOWED_ORIGINS=[ORIGIN],
    ):
        assert decided(call, where) == "own"
        assert decided(call, where, "PATCH") == "own"
        other = call(Request("GET", [("Origin", THIRD)], "/fr/own/"))
        assert other.one("access-control-allow-origin") == "*"


class OtherURLs:
    """What a middleware puts in place of ROOT_URLCONF."""

    urlpatterns = (
        path("strict/", strict),
        path("exempt/", cors_exempt(plain)),
        path("plain/", plain),
        path("guarded/", guarded),
    )


class RootURLs:
    """The same paths, with wider policies."""

    urlpatterns = tuple(
        path(f"{name}/", cors(allow_origins=["*"], guard=True)(plain))
        for name in ("strict", "exempt", "plain", "guarded", "only-here")
    )


def sets_urlconf(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Middleware of both kinds."""
    if iscoroutinefunction(get_response):

        async def later(request: HttpRequest) -> Any:
            request.urlconf = OtherURLs  # type: ignore[assignment] # it may be any object
            return await get_response(request)

        return markcoroutinefunction(later)

    def at_once(request: HttpRequest) -> Any:
        request.urlconf = OtherURLs  # type: ignore[assignment] # it may be any object
        return get_response(request)

    return at_once


sets_urlconf.sync_capable = True  # type: ignore[attr-defined]
sets_urlconf.async_capable = True  # type: ignore[attr-defined]
OURS = "corsac.django.CORSMiddleware"
SETS_URLCONF = "support.sets_urlconf.sets_urlconf"


@pytest.fixture
def urlconf_is_set(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A middleware below Corsac's has the views of `OtherURLs` run."""
    import sys  # noqa: PLC0415
    import types  # noqa: PLC0415

    module = types.ModuleType("support.sets_urlconf")
    module.sets_urlconf = sets_urlconf  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with override_settings(
        ROOT_URLCONF=RootURLs, MIDDLEWARE=[OURS, SETS_URLCONF], CORS_ALLOWED_ORIGINS=[ORIGIN]
    ):
        yield


@pytest.mark.usefixtures("urlconf_is_set")
def test_the_view_that_ran_decides_also_where_a_guard_made_the_middleware_look_early(
    call: Call,
) -> None:
    assert decided(call, "/strict/", preflight=False) == "own"
    assert decided(call, "/plain/", preflight=False) == "settings"
    assert call(Request("GET", [("Origin", OTHER)], "/exempt/")).headers == [
        ("content-type", "text/html; charset=utf-8"),
    ]
    missing = call(Request("GET", [("Origin", OTHER)], "/only-here/"))
    assert (missing.status, missing.one("access-control-allow-origin")) == (404, None)
    assert missing.one("vary") == "origin"


@pytest.mark.usefixtures("urlconf_is_set")
def test_a_write_that_the_guard_of_the_view_that_ran_refuses_is_not_answered(call: Call) -> None:
    # The wider view of ROOT_URLCONF lets the write through; it has been done.
    refused = call(Request("POST", [("Origin", THIRD)], "/guarded/"))
    assert (refused.status, refused.one("access-control-allow-origin")) == (403, None)
    allowed = call(Request("POST", [("Origin", OTHER)], "/guarded/"))
    assert (allowed.status, allowed.one("access-control-allow-origin")) == (200, OTHER)


@pytest.mark.usefixtures("urlconf_is_set")
def test_a_middleware_that_sets_the_urlconf_below_is_found() -> None:
    assert [message.id for message in checks.check_middleware()] == ["corsac.W204"]
    with override_settings(MIDDLEWARE=[SETS_URLCONF, OURS]):
        assert checks.check_middleware() == []
    with override_settings(MIDDLEWARE=[OURS, "django_hosts.middleware.HostsRequestMiddleware"]):
        (message,) = checks.check_middleware()
        assert message.id == "corsac.W204"
        assert str(message.hint).startswith(f'move it above "{OURS}"')


def test_a_middleware_that_sets_the_path_below_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def sets_path(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
        def moved(request: HttpRequest) -> Any:
            request.path_info = request.path_info.removeprefix("/v1")
            return get_response(request)

        return moved

    monkeypatch.setattr("support.django_project.sets_path", sets_path, raising=False)
    below = "support.django_project.sets_path"
    with override_settings(MIDDLEWARE=[OURS, below], CORS_ALLOWED_ORIGINS=[ORIGIN]):
        (message,) = checks.check_middleware()
    assert message.id == "corsac.W204"
    assert message.msg.startswith(f"{below} sets request.path_info, and stands below {OURS}")
    with override_settings(MIDDLEWARE=[below, OURS], CORS_ALLOWED_ORIGINS=[ORIGIN]):
        assert checks.check_middleware() == []


class Odd:
    """A path converter that raises what Django does not take for "no such URL"."""

    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        raise KeyError(value)

    def to_url(self, value: str) -> str:
        return value


register_converter(Odd, "odd")


def test_an_error_of_a_path_converter_has_its_cors_headers(call: Call) -> None:
    urls = (path("own/", cors(OWN)(plain)), path("odd/<odd:value>", plain))
    with override_settings(ROOT_URLCONF=urls, CORS_ALLOWED_ORIGINS=[ORIGIN]):
        for method in ("GET", "OPTIONS"):
            response = call(Request(method, [("Origin", ORIGIN)], "/odd/x"))
            assert response.status == 500
            assert response.one("access-control-allow-origin") == ORIGIN
            assert response.one("vary") == "origin"


def test_a_decorated_method_that_answers_no_request_is_an_error_of_the_checks() -> None:
    class Listing(Methods):
        @cors(OWN)
        def get_queryset(self) -> None: ...

    with override_settings(ROOT_URLCONF=(path("a/", Listing.as_view()), path("b/", plain))):
        (message,) = checks.check_views()
    assert message.id == "corsac.E205"
    assert "Listing.get_queryset has cors" in message.msg
    with override_settings(ROOT_URLCONF=URLs):
        assert checks.check_views() == []
    with override_settings(ROOT_URLCONF="no.such.module"):
        assert checks.check_views() == []
