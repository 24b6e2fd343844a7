"""What a resource of flask-cors gives up, being a path rule here, goes to no wider one."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Any

import flask
import pytest

import corsac
from corsac.flask import CORS, install
from corsac.foreign.allowance import allows_no_more
from corsac.foreign.flask_cors import looks_like_a_regex
from corsac.migrate import translate
from corsac.several import members_of
from corsac.wsgi import CORSMiddleware
from support.flask_apps import (
    ALLOWED,
    OTHER,
    SECOND,
    cors_headers,
    make_app,
    preflight,
    shared_with,
)

ADMIN = {"origins": SECOND}
ANYONE = {"origins": "*"}


@pytest.mark.parametrize(
    ("pattern", "given_up"),
    [
        ("/admin/*", ["/admin-users", "/admin2", "/admin-7"]),
        ("/admin.*", ["/admin-users", "/admin2", "/admin-7"]),
        ("/admin*", ["/admin-7"]),
        ("/admin[-0-9]", ["/admin-7"]),
        ("^/adm.n", ["/adm-n", "/adm-n/x"]),
        ("^/adm.n$", ["/adm-n"]),
        ("/admin-(?=[7])", ["/admin-7", "/admin-8"]),
        (re.compile("/ADMIN/.*", re.IGNORECASE), ["/Admin/x"]),
    ],
)
def test_a_path_that_only_the_expression_covers_is_not_given_to_a_wider_resource(
    pattern: str | re.Pattern[str], given_up: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app("/admin/a", "/admin-users", "/admin2", "/adm-n", "/<path:rest>")
    CORS(app, resources={pattern: ADMIN, "/*": ANYONE})
    for path in given_up:
        assert OTHER not in shared_with(app, path), path
    assert shared_with(app, "/other") == [ALLOWED, SECOND, OTHER]
    assert "rule.narrower" in caplog.text


def test_such_a_path_allows_nobody_and_answers_no_preflight_request() -> None:
    app = make_app("/admin-users", "/<path:rest>")
    CORS(app, resources={"/admin/*": ADMIN, "/*": ANYONE})
    for path in ("/admin-users", "/admin-7"):
        assert cors_headers(app, path, origin=SECOND) == {"vary": "Origin"}
        assert preflight(app, path, origin=SECOND) == (403, {})


def test_such_a_path_keeps_the_guard() -> None:
    app = flask.Flask("guarded")
    app.add_url_rule("/<path:rest>", view_func=lambda rest: rest, methods=["POST"])
    CORS(app, resources={"/admin/*": {**ADMIN, "guard": True}, "/*": ANYONE})
    foreign = {"Origin": OTHER, "Sec-Fetch-Site": "cross-site"}
    client = app.test_client()
    assert client.post("/admin-users", headers=foreign).status_code == 403
    assert client.post("/other", headers=foreign).status_code == 200


def test_the_warning_names_the_routes(caplog: pytest.LogCaptureFixture) -> None:
    app = make_app("/admin/a", "/admin-users", "/other")
    CORS(app, resources={"/admin/*": ADMIN, "/*": ANYONE})
    cors_headers(app, "/other")
    assert "and so to /admin-users: they allow nobody" in caplog.text
    assert ("/admin-users", SECOND) not in [
        (path, origin)
        for path, policy in install(app).rules
        for each in members_of(policy)
        for origin in each.allow_origins
    ]


@pytest.mark.parametrize("narrow_first", [False, True])
def test_nothing_changes_where_the_later_resource_allows_no_more(
    narrow_first: bool, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app("/apix", "/api/x")
    first = {"origins": [ALLOWED, SECOND]}
    later = {"origins": ALLOWED} if narrow_first else first
    CORS(app, resources={"/api/*": first, "/*": later})
    assert ALLOWED in shared_with(app, "/apix")
    assert "rule.narrower" not in caplog.text


def test_a_blueprint_gives_up_nothing_to_the_application() -> None:
    app = flask.Flask("with blueprint")
    blueprint = flask.Blueprint("admin", "admin")
    for path in ("/admin/a", "/admin-users", "/admin-<x>/y", "/else"):
        blueprint.add_url_rule(path, path.replace(".", ""), lambda **_: "hello")
    CORS(blueprint, resources={"/admin/*": ADMIN})
    app.register_blueprint(blueprint)
    CORS(app, origins="*")
    assert shared_with(app, "/admin/a") == [SECOND]
    assert shared_with(app, "/admin-users") == shared_with(app, "/admin-7/y") == []
    assert shared_with(app, "/else") == [ALLOWED, SECOND, OTHER]


def test_a_policy_given_besides_gets_none_of_it() -> None:
    app = make_app("/admin-users", "/other")
    CORS(app, policy=corsac.CORSPolicy(allow_origins=["*"]))
    CORS(app, resources={"/admin/*": ADMIN})
    assert shared_with(app, "/admin-users") == []
    assert shared_with(app, "/other") == [ALLOWED, SECOND, OTHER]


@pytest.mark.parametrize(("pattern", "is_meant"), [("./*", True), ("./a*", False), ("a/b*", False)])
def test_an_expression_that_begins_with_no_slash_stops_no_request(
    pattern: str, is_meant: bool
) -> None:
    app = make_app("/a/b", "/<path:rest>")
    CORS(app, resources={pattern: ADMIN, "/*": ANYONE})
    everyone = [ALLOWED, SECOND, OTHER]
    assert shared_with(app, "/a/b") == ([SECOND] if is_meant else everyone)


@pytest.mark.parametrize("pattern", ["^/api/.*$", "^/.*$", "^/api/x$"])
def test_a_line_feed_in_a_path_ends_what_an_expression_says(pattern: str) -> None:
    app = make_app("/<path:rest>")
    CORS(app, resources={pattern: {"origins": ALLOWED}})
    assert cors_headers(app, "/api/x%0Ay") == {"vary": "Origin"}
    assert shared_with(app, "/api/x") == [ALLOWED]


@pytest.mark.parametrize(
    ("pattern", "covered", "not_covered"),
    [("/api/?$", ["/api"], ["/api/x", "/apix"]), ("^/.+", ["/x"], ["/"])],
)
def test_an_end_of_the_path_is_kept(
    pattern: str, covered: list[str], not_covered: list[str]
) -> None:
    app = make_app("/", "/x", "/api", "/api/x", "/apix")
    CORS(app, resources={pattern: {"origins": ALLOWED}})
    assert [shared_with(app, path) for path in covered] == [[ALLOWED]] * len(covered)
    assert [shared_with(app, path) for path in not_covered] == [[]] * len(not_covered)


@pytest.mark.parametrize(
    ("options", "than", "no_more"),
    [
        ({"allow_origins": [ALLOWED]}, {"allow_origins": ["*"]}, True),
        ({"allow_origins": ["*"]}, {"allow_origins": [ALLOWED]}, False),
        ({"guard": True}, {"allow_origins": [ALLOWED]}, True),
        ({"guard": True}, {"allow_origins": [ALLOWED], "guard": True}, True),
        ({"allow_origins": [ALLOWED]}, {"allow_origins": [ALLOWED], "guard": True}, False),
        (
            {"allow_origins": [ALLOWED], "allow_credentials": True},
            {"allow_origins": [ALLOWED]},
            False,
        ),
        (
            {"allow_origins": [ALLOWED], "allow_methods": ["PUT"]},
            {"allow_origins": [ALLOWED], "allow_methods": ["*"]},
            True,
        ),
        (
            {"allow_origins": [ALLOWED], "allow_headers": ["authorization"]},
            {"allow_origins": [ALLOWED], "allow_headers": ["*"]},
            False,
        ),
        (
            {"allow_origins": [ALLOWED], "expose_headers": ["x-a"]},
            {"allow_origins": [ALLOWED], "expose_headers": ["X-A", "X-B"]},
            True,
        ),
        (
            {"allow_origins": [ALLOWED], "allow_private_network": True},
            {"allow_origins": [ALLOWED]},
            False,
        ),
        ({"allow_origins": [ALLOWED], "app_headers": "keep"}, {"allow_origins": [ALLOWED]}, False),
        ({"allow_origins": [ALLOWED]}, {"allow_origins": [ALLOWED], "app_headers": "keep"}, True),
    ],
)
def test_whether_a_policy_allows_more(
    options: dict[str, Any], than: dict[str, Any], no_more: bool
) -> None:
    assert allows_no_more(corsac.CORSPolicy(**options), corsac.CORSPolicy(**than)) is no_more


PIECES = ("/", "a", "b", "/a", "/api", "/*", "*", ".*", "/.*", "+", ".", "/.+", "?", "$", "^", "-x")
GROUPS = ("(a|b)", "[ab]", "(/|-)", "\\.", "/?", r"\d", "(?=a)")
WHOLE = ("/*", "/api/*", "/api.*", "/api*", "/api/.+", "^/a.i/*", "/(api|a)/*", "/api/?$", "^/api$")
ROUTES = ("/", "/a", "/api", "/api/x", "/apix", "/api-x", "/a-i/x", "/b/<x>", "/api-<x>")
ASKED = (*ROUTES[:7], "/b/7", "/api-7", "/A", "/api/x/y", "/aa", "/api/", "/API/x", "/a/b")
ORIGINS = (ALLOWED, SECOND, OTHER)


def random_resources(chance: random.Random) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for _ in range(chance.choice((2, 2, 3))):
        pattern = chance.choice(WHOLE)
        if chance.random() < 0.4:
            parts = chance.choices((*PIECES, *GROUPS), k=chance.randint(1, 4))
            pattern = "/" * chance.choice((0, 1, 1)) + "".join(parts)
        origins = chance.choice(([ALLOWED], [SECOND], [ALLOWED, SECOND], "*"))
        credentials = origins != "*" and chance.random() < 0.3
        found[pattern] = {"origins": origins, "supports_credentials": credentials}
    return found


def of_flask_cors(resources: Mapping[str, dict[str, Any]], path: str) -> dict[str, Any]:
    """The options that flask-cors 6 finds for a path."""
    resources = {".*" if key == "*" else key: each for key, each in resources.items()}

    def priority(pattern: str) -> tuple[bool, int, int]:
        return looks_like_a_regex(pattern), -pattern.count("/"), -len(pattern)

    for pattern in sorted(resources, key=priority):
        try:
            fits = bool(re.match(pattern, path)) if looks_like_a_regex(pattern) else False
        except re.error:
            fits = False
        if fits or pattern == path:
            return resources[pattern]
    return {"origins": [], "supports_credentials": False}


@pytest.mark.parametrize("seed", range(12))
def test_no_answer_is_wider_than_that_of_flask_cors(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    compared = 0
    for _ in range(12):
        resources = random_resources(chance)
        catches_all = ("/<path:rest>",) if chance.random() < 0.5 else ()
        drop_in, translated = make_app(*ROUTES, *catches_all), make_app(*ROUTES, *catches_all)
        apps = [translated]
        try:
            CORS(drop_in, resources=resources)
            apps.append(drop_in)
        except corsac.CORSConfigError as error:
            assert {problem.code for problem in error.problems} & {"regex.invalid"}  # noqa: PT017
        translation = translate("flask-cors", {"resources": resources})
        rules = translation.rules or None
        middleware = CORSMiddleware(translated.wsgi_app, rules=rules, **translation.options)
        translated.wsgi_app = middleware  # type: ignore[method-assign]
        for path in chance.sample(ASKED, 8):
            old = of_flask_cors(resources, path)
            readers = ORIGINS if old["origins"] == "*" else tuple(old["origins"])
            origin = chance.choice(ORIGINS)
            for app in apps:
                headers = cors_headers(app, path, origin=origin)
                if headers.get("access-control-allow-origin") in ("*", origin):
                    assert origin in readers, (resources, path, origin, headers)
                    if "access-control-allow-credentials" in headers:
                        assert old["supports_credentials"], (resources, path, headers)
                compared += 1
    assert compared > 12 * 8
