"""The CORS layers of a live application: `install`, `check` and `explain` see the same ones."""

from __future__ import annotations

import functools
import json
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import falcon.asgi
import flask
import flask_cors
import litestar
import pytest
import quart
from fastapi import APIRouter, FastAPI
from litestar.config.cors import CORSConfig
from litestar.middleware import DefineMiddleware
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware as StarletteCORSMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Host, Mount, Route, Router
from starlette.testclient import TestClient

import corsac
import corsac.compat.starlette
import corsac.flask
import corsac.wsgi
from corsac.cli import main
from corsac.inspection import Layer, find_layers, finder
from corsac.starlette import cors_exempt, install
from support.checking import check_json, codes, run_check, use_empty_directory, write_module

ORIGIN, OTHER = "https://a.test", "https://b.test"
POLICY = corsac.CORSPolicy(allow_origins=[ORIGIN])
STARLETTE = "starlette.middleware.cors.CORSMiddleware"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where commands run."""
    use_empty_directory(tmp_path, monkeypatch)
    return tmp_path


def names(found: object) -> list[str]:
    return [layer.name for layer in find_layers(found).layers]


def with_layer() -> Starlette:
    """An application of somebody else's, with a layer of its own."""
    app = Starlette(routes=[Route("/x", lambda _: PlainTextResponse("x"))])
    app.add_middleware(StarletteCORSMiddleware, allow_origins=["*"])
    return app


class Hidden:
    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._app(scope, receive, send)


# Two layers of one application.


LAYER = Middleware(StarletteCORSMiddleware, allow_origins=["*"])
INCLUDED = APIRouter()
INCLUDED.mount("/sub", with_layer())


def included() -> FastAPI:
    app = FastAPI()
    app.include_router(INCLUDED, prefix="/v1")
    return app


def with_flask() -> Starlette:
    inner = flask.Flask("inner")
    flask_cors.CORS(inner)
    return Starlette(routes=[Mount("/old", Hidden(inner))])  # As adapters for WSGI do.


def added() -> Starlette:
    return with_layer()


EVERY_APPLICATION: list[tuple[Callable[[], Starlette], str, str]] = [
    (added, "was added to the application", "rules=[(path, policy)]"),
    (
        lambda: Starlette(routes=[Mount("/sub", with_layer())]),
        "is inside of '/sub'",
        'rules=[("/sub/*", None), ...]',
    ),
    (
        lambda: Starlette(routes=[Mount("/a", routes=[Mount("/b", with_layer())])]),
        "is inside of '/a/b'",
        'rules=[("/a/b/*", None), ...]',
    ),
    (lambda: Starlette(routes=[Mount("/", with_layer())]), "is inside of '/'", "cors_exempt"),
    (
        lambda: Starlette(routes=[Mount("/of/{tenant}", with_layer())]),
        "is inside of '/of/{tenant}'",
        "cors_exempt",
    ),
    (lambda: Starlette(routes=[Host("b.test", with_layer())]), "is inside of '/'", "cors_exempt"),
    (
        lambda: Starlette(routes=[Route("/one", lambda _: None, middleware=[LAYER])]),
        "is inside of '/one'",
        'rules=[("/one/*", None), ...]',
    ),
    (
        lambda: Starlette(routes=[Mount("/sub", Router(middleware=[LAYER]))]),
        "is inside of '/sub'",
        'rules=[("/sub/*", None), ...]',
    ),
    (included, "is inside of '/v1/sub'", 'rules=[("/v1/sub/*", None), ...]'),
    (with_flask, "is inside of '/old'", 'rules=[("/old/*", None), ...]'),
]


@pytest.mark.parametrize(("make", "where", "hint"), EVERY_APPLICATION)
@pytest.mark.parametrize("outer", ["installed", "wrapped", "added"])
def test_every_command_finds_the_same_second_layer(
    make: Callable[[], Starlette],
    where: str,
    hint: str,
    outer: str,
    request: pytest.FixtureRequest,
) -> None:
    app: Any = make()
    said: list[Any] = []
    if outer == "installed":
        said = [*install(app, POLICY).problems]
    elif outer == "wrapped":
        app = corsac.CORSMiddleware(app, POLICY)
    else:
        app.add_middleware(corsac.CORSMiddleware, policy=POLICY)
    (problem,) = find_layers(app).problems()
    assert (problem.code, problem.severity) == ("middleware.several", "warning")
    assert where in problem.message
    assert hint in problem.hint
    assert said in ([], [problem])
    capsys = request.getfixturevalue("capsys")
    monkeypatch = request.getfixturevalue("monkeypatch")
    module: Any = types.ModuleType("made_here")
    module.app = app
    monkeypatch.setitem(sys.modules, "made_here", module)
    code, found = check_json(capsys, "--strict", "made_here:app")
    assert (code, codes(found)) == (1, ["middleware.several"])
    told = found["problems"][0]
    assert [told[key] for key in ("value", "message", "hint")] == [
        problem.value,
        problem.message,
        problem.hint,
    ]
    assert main(["explain", "--json", "made_here:app", "--origin", ORIGIN]) == 0
    assert "more than one CORS layer" in json.loads(capsys.readouterr().out)["notes"][0]


@pytest.mark.parametrize("path", ["/", "/of/{tenant}"])
def test_a_layer_that_no_rule_covers_can_be_left_its_route(path: str) -> None:
    route = Mount(path, with_layer())
    app = Starlette(routes=[route])
    (problem,) = install(app, POLICY).problems
    assert problem.hint.endswith("leave the route alone: corsac.starlette.cors_exempt(route)")
    # What the hint says.
    route = cors_exempt(Mount(path, with_layer()))
    app = Starlette(routes=[Route("/own", lambda _: PlainTextResponse("own")), route])
    assert install(app, POLICY).problems == ()
    client = TestClient(app)
    inner = client.get(path.format(tenant="t") + "/x", headers={"Origin": OTHER})
    assert inner.headers.get("access-control-allow-origin") == "*"
    own = client.get("/own", headers={"Origin": ORIGIN})
    assert own.headers["access-control-allow-origin"] == ORIGIN


def test_without_install_the_hint_says_what_carries_it_out() -> None:
    app = corsac.CORSMiddleware(Starlette(routes=[Mount("/", with_layer())]), POLICY)
    (problem,) = find_layers(app).problems()
    assert "corsac.starlette.install(app, ...) in place of the middleware" in problem.hint


@pytest.mark.parametrize("marked", ["route", "application"])
def test_what_is_exempt_is_not_a_second_layer(marked: str) -> None:
    inner = with_layer()
    route = Mount("/sub", inner)
    cors_exempt(route if marked == "route" else inner)
    assert install(Starlette(routes=[route]), POLICY).problems == ()


def test_rules_of_a_middleware_that_was_only_added_count_too() -> None:
    app = Starlette(routes=[Mount("/sub", with_layer())])
    rules = [("/sub/*", None)]
    app.add_middleware(corsac.CORSMiddleware, policy=POLICY, rules=rules)
    assert [*find_layers(app).problems()] == []


def test_where_the_outermost_is_not_corsac_that_one_has_to_go() -> None:
    app = Starlette()
    app.add_middleware(corsac.CORSMiddleware, policy=POLICY)
    app.add_middleware(StarletteCORSMiddleware)
    (problem,) = find_layers(app).problems()
    assert (problem.value, problem.hint) == (
        "corsac.asgi.CORSMiddleware",
        f"remove {STARLETTE}, and let Corsac be the outermost",
    )


def test_a_layer_of_corsac_below_a_mount_is_checked_with_its_place(
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = write_module(
        "from starlette.applications import Starlette\nfrom starlette.routing import Mount\n"
        "inner = Starlette()\ninner.add_middleware(corsac.CORSMiddleware, max_age=-1)\n"
        "app = Starlette(routes=[Mount('/sub', inner)])\n"
        "app.add_middleware(corsac.CORSMiddleware, allow_origins=['https://a.test'])\n"
    )
    code, found = check_json(capsys, f"{name}:app")
    assert code == 1
    assert [(each["code"], each["option"]) for each in found["problems"]] == [
        ("middleware.several", "middleware"),
        ("origin.none", "inside of '/sub': allow_origins"),
        ("max_age.out_of_bounds", "inside of '/sub': max_age"),
    ]


# Wrappers that hold their application in other ways.


def closed_over(app: Any) -> Any:
    async def traced(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    return traced


@pytest.mark.parametrize(
    "wrap",
    [Hidden, closed_over, functools.partial(functools.partial), lambda app: Hidden(app).__call__],
)
def test_hidden_wrappers_are_looked_through(wrap: Callable[[Any], Any]) -> None:
    inner = corsac.CORSMiddleware(Hidden(with_layer()), POLICY)
    found = find_layers(wrap(inner))
    assert [layer.name for layer in found.layers] == ["corsac.asgi.CORSMiddleware", STARLETTE]


def test_endpoints_are_not_layers_whatever_they_close_over() -> None:
    async def cors(request: Any) -> PlainTextResponse:
        return PlainTextResponse("settings")

    app = FastAPI(routes=[Route("/cors", cors)])
    app.get("/cors_settings")(cors)
    assert install(app, POLICY).problems == ()


@pytest.mark.parametrize(("mounts", "found"), [(0, True), (1, False)])
def test_mounted_applications_are_looked_at_to_a_bound(
    mounts: int, found: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finder, "MAX_MOUNTED", 8)
    inner = with_layer()
    for _ in range(7 + mounts):  # Each twice below the next: 2 ** 8 ways in.
        inner = Starlette(routes=[Mount("/a", inner), Mount("/b", inner)])
    search = find_layers(corsac.CORSMiddleware(inner, POLICY))
    assert ("/a" * 7 in [layer.path for layer in search.layers]) is found
    assert "no more than 8 mounted applications" in search.looked_at


# Other frameworks.


async def bare(scope: Any, receive: Any, send: Any) -> None: ...


def litestar_app(**options: Any) -> Any:
    return litestar.Litestar(**options)


def falcon_app() -> Any:
    return falcon.asgi.App(cors_enable=True)


def quart_app() -> Any:
    app: Any = quart.Quart("app")
    app.asgi_app = corsac.CORSMiddleware(app.asgi_app, POLICY)
    return app


ADDED = DefineMiddleware(corsac.CORSMiddleware, policy=POLICY)  # type: ignore[arg-type]


def flask_app() -> Any:
    app = flask.Flask("app")
    flask_cors.CORS(app)
    corsac.flask.CORS(app, origins=[ORIGIN])
    return app


def flask_app_by_hand() -> Any:
    app: Any = flask.Flask("app")
    app.wsgi_app = corsac.wsgi.CORSMiddleware(app.wsgi_app, POLICY)
    return app


@pytest.mark.parametrize(
    ("app", "expected"),
    [
        (
            corsac.CORSMiddleware(litestar_app(cors_config=CORSConfig()), POLICY),
            ["corsac.asgi.CORSMiddleware", "litestar.config.cors.CORSConfig"],
        ),
        (
            litestar_app(middleware=[ADDED]),
            ["corsac.asgi.CORSMiddleware"],
        ),
        (
            corsac.CORSMiddleware(falcon_app(), POLICY),
            ["corsac.asgi.CORSMiddleware", "falcon.middleware.CORSMiddleware"],
        ),
        (quart_app(), ["corsac.asgi.CORSMiddleware"]),
        (flask_app(), ["corsac.flask.middleware._RoutingMiddleware", "flask_cors.CORS"]),
        (flask_app_by_hand(), ["corsac.wsgi.CORSMiddleware"]),
    ],
)
def test_layers_of_other_frameworks_are_found(app: Any, expected: list[str]) -> None:
    assert names(app) == expected
    first = find_layers(app).layers[0]
    assert first.read is not None
    assert first.read().problems == ()


def test_what_was_put_around_the_extension_of_flask_stands_outside() -> None:
    class Tracer:
        def __init__(self, app: Any) -> None:
            self.app = app

    app: Any = flask_app()
    app.wsgi_app = Tracer(app.wsgi_app)
    found = find_layers(app)
    (note,) = found.notes()
    assert ".Tracer stands outside of Corsac and answers without CORS headers" in note
    assert note.endswith("what wraps the application last is outermost")
    assert len(found.layers) == 2


def test_what_litestar_answers_outside_of_its_middleware_is_said() -> None:
    app = litestar_app(middleware=[ADDED])
    (note,) = find_layers(app).notes()
    assert note.startswith("Litestar answers 404 and 405 outside of the middleware")
    # As it is.
    headers = {"Origin": ORIGIN}
    with TestClient(app) as client:
        assert "access-control-allow-origin" not in client.get("/nothing", headers=headers).headers
    with TestClient(corsac.CORSMiddleware(app, POLICY)) as client:  # What the note says.
        allowed = client.get("/nothing", headers=headers).headers["access-control-allow-origin"]
        assert allowed == ORIGIN


# The drop-in for Starlette's class.


@pytest.mark.parametrize(
    "made",
    [
        "app = CORSMiddleware(Starlette(), allow_origins=['https://a.test'])",
        "app = Starlette(); app.add_middleware(CORSMiddleware, allow_origins=['https://a.test'])",
        "app = FastAPI(); app.add_middleware(CORSMiddleware, allow_origins=['https://a.test'])",
        "app = Starlette(); app.add_middleware(CORSMiddleware, allow_origins=['https://a.test']); "
        "from starlette.testclient import TestClient; TestClient(app).get('/')",
    ],
)
def test_an_application_with_the_drop_in_is_checked_and_explained(
    made: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name = write_module(
        "from starlette.applications import Starlette\nfrom fastapi import FastAPI\n"
        f"from corsac.compat.starlette import CORSMiddleware\n{made}\n"
    )
    code, found = check_json(capsys, f"{name}:app")
    assert (code, found["problems"]) == (0, [])
    origins = "allow_origins=('https://a.test',), allow_methods=('GET',)"
    expected = f"CORSPolicy({origins}, allow_headers=('content-type',))"
    assert found["policy"] == expected
    for origin, verdict in ((ORIGIN, 0), (OTHER, 1)):
        assert main(["explain", f"{name}:app", "--origin", origin]) == verdict


def test_the_traps_of_the_drop_in_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    name = write_module(
        "from starlette.applications import Starlette\n"
        "from corsac.compat.starlette import CORSMiddleware\napp = Starlette()\n"
        "app.add_middleware(CORSMiddleware, allow_origins=['https://*.a.test'])\n"
    )
    code, found = check_json(capsys, "--strict", f"{name}:app")
    assert (code, codes(found)) == (1, ["origin.never_matched"])
    assert main(["explain", f"{name}:app", "--origin", "https://x.a.test"]) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_every_option_of_the_middleware_can_be_added(capsys: pytest.CaptureFixture[str]) -> None:
    name = write_module(
        "from starlette.applications import Starlette\napp = Starlette()\n"
        "policy = corsac.CORSPolicy(allow_origins=['https://a.test'])\n"
        "app.add_middleware(corsac.CORSMiddleware, policy=policy, on_refusal=print,\n"
        "    report_only=policy, report_only_rules=[('/x', None)], debug_header=True)\n"
    )
    code, found = check_json(capsys, "--strict", f"{name}:app")
    assert (code, found["problems"]) == (0, [])


def test_a_middleware_in_a_partial_is_made(capsys: pytest.CaptureFixture[str]) -> None:
    name = write_module(
        "import functools\nfrom starlette.applications import Starlette\napp = Starlette()\n"
        "made = functools.partial(corsac.CORSMiddleware, allow_origins=['https://a.test'])\n"
        "app.add_middleware(made, max_age=60)\n"
    )
    code, found = check_json(capsys, f"{name}:app")
    assert (code, codes(found)) == (0, [])
    assert found["policy"] == "CORSPolicy(allow_origins=('https://a.test',), max_age=60)"


DJANGO = """
from django.conf import settings
settings.configure(
    ROOT_URLCONF=__name__, SECRET_KEY="x", LOGGING_CONFIG=None, INSTALLED_APPS=["corsac.django"],
    MIDDLEWARE=[MIDDLEWARE], CORSAC={"allow_origins": ["https://a.test"]}, DEBUG=False,
)
from django.core.wsgi import get_wsgi_application
app = get_wsgi_application()
urlpatterns = []
"""
OURS, THEIRS = "corsac.django.CORSMiddleware", "corsheaders.middleware.CorsMiddleware"
SECURITY, COMMON = (
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
)


@pytest.mark.parametrize(
    ("middleware", "said"),
    [
        ([SECURITY, OURS, COMMON], []),
        ([COMMON, OURS], [f"{COMMON} stands outside of Corsac and answers without CORS headers"]),
        ([OURS, THEIRS], [f"inside of {OURS}", "[middleware.several]"]),
        ([THEIRS, OURS], [f"remove {THEIRS}, and let Corsac be the outermost"]),
    ],
)
def test_the_middleware_of_django_is_looked_at(middleware: list[str], said: list[str]) -> None:
    # A process of its own: Django is configured once in each.
    name = write_module(DJANGO.replace("[MIDDLEWARE]", repr(middleware)))
    done = run_check(f"{name}:app")
    assert (done.returncode, done.stderr) == (0, "")
    assert all(each in done.stdout for each in said), done.stdout
    assert ("outside of Corsac" in done.stdout) == ("outside" in "".join(said))


def test_a_layer_of_another_library_cannot_be_read() -> None:
    assert not Layer("other.CORS").is_corsac
