"""The drop-in for Flask beside flask-cors itself, on applications drawn by lot.

Never wider than the library that is replaced, and never narrower without a word. More applications
than the test draws, with what differed: ``CORSAC_FLASK_APPS=5000 pytest -s
tests/python/test_flask_drawn.py``.
"""

from __future__ import annotations

import collections
import dataclasses
import logging
import os
import random
import re
from typing import TYPE_CHECKING, Final

import flask
import flask_cors
import pytest

pytest.importorskip("re2", reason="some applications have an expression")

from werkzeug.exceptions import HTTPException
from werkzeug.test import Client

import corsac.flask
from corsac import CORSConfigError
from corsac.flask import CORS
from support.flask_apps import ALLOWED, OTHER, make_app, preflight
from support.flask_lot import EVIL, Drawn, Sent, draw_application, draw_requests

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

APPLICATIONS = int(os.environ.get("CORSAC_FLASK_APPS", "0")) or 200
REQUESTS = 12

DIFFERENCES: Final = {
    "answered before routing": "a preflight request to a path or a method that no view has, or "
    "that a view answers by an error, has the answer of the policy; the request itself meets the "
    "same error as ever",
    "another view": "a preflight request has the policy of the view that the method will reach, "
    "also where another view of the path answers OPTIONS",
    "hidden": "the first preflight requests to a view whose decorator another one hides have the "
    "application's policy; a warning says so when it has run",
    "errors": "errors and redirects of a route have the policy of the route; in flask-cors they "
    "have the application's, or none",
    "own headers": "where a view or after_request sets Access-Control-Allow-Origin itself, "
    "flask-cors adds a second or stops; a line in the log says what became of it, and that a "
    "preflight request is refused",
    "said": "narrower, and a warning of the configuration says so",
}
"""What differs, in answers that are not the same to a browser."""

SAFELISTED: Final = frozenset({"GET", "HEAD", "POST"})


@dataclasses.dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: bytes
    headers: dict[str, list[str]]

    def values(self, name: str) -> frozenset[str]:
        lines = self.headers.get(name, [])
        return frozenset(part.strip() for part in ",".join(lines).split(",")) - {""}


def ask(served: WSGIApplication, sent: Sent) -> Answer:
    method, path, headers = sent
    response = Client(served).open(path, method=method, headers=headers)
    found: dict[str, list[str]] = {}
    for name, value in response.headers:
        found.setdefault(name.lower(), []).append(value)
    return Answer(response.status_code, response.data, found)


def is_preflight(sent: Sent) -> bool:
    return sent[0] == "OPTIONS" and {"Origin", "Access-Control-Request-Method"} <= {*sent[2]}


def allows(sent: Sent, answer: Answer, *, with_credentials: bool) -> bool:
    """Fetch, "CORS check" and what of "CORS-preflight fetch" looks at headers."""
    origin = sent[2].get("Origin")
    allowed = answer.headers.get("access-control-allow-origin", [])
    if origin is None or allowed not in ([origin], ["*"]):
        return False
    credentials = answer.headers.get("access-control-allow-credentials")
    if with_credentials and (allowed != [origin] or credentials != ["true"]):
        return False
    if not is_preflight(sent):
        return True
    method = sent[2]["Access-Control-Request-Method"]
    methods = answer.values("access-control-allow-methods")
    if method not in methods | SAFELISTED and (with_credentials or "*" not in methods):
        return False
    names = {name.lower() for name in answer.values("access-control-allow-headers")}
    asked = sent[2].get("Access-Control-Request-Headers", "")
    wanted = {name.strip() for name in asked.split(",")} - {""}
    if "*" in names and not with_credentials:
        wanted &= {"authorization"}
    return wanted <= names


class Told(logging.Handler):
    """What Corsac says about one application."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())

    def warned(self) -> bool:
        """Whether there was a warning about the configuration that gives less than asked for."""
        codes = ("rule.", "option.conflict", "option.misplaced", "regex.", "origin.invalid")
        return any(f"[{code}" in line for line in self.lines for code in codes)


def reached(app: flask.Flask, sent: Sent, method: str) -> str:
    """The endpoint that a method reaches, or the name of the error."""
    try:
        path = sent[1].removeprefix("/sub") or "/"
        endpoint, _ = app.url_map.bind("localhost").match(path, method)
    except HTTPException as error:
        return type(error).__name__
    return str(endpoint)


def explain(app: flask.Flask, sent: Sent, theirs: Answer, told: Told, *, wider: bool) -> str | None:
    """Which of the differences one is, or ``None``."""
    own = theirs.headers.get("access-control-allow-origin", [])
    is_own = len(own) > 1 or own != [sent[2].get("Origin")]
    if EVIL in own and (is_own or (is_preflight(sent) and not wider)):
        return "own headers"
    if not is_preflight(sent):
        if theirs.status >= 300:
            return "errors"
    elif theirs.status >= 300:
        return "answered before routing"
    else:
        method = sent[2]["Access-Control-Request-Method"]
        endpoint = reached(app, sent, method)
        if endpoint != reached(app, sent, "OPTIONS"):
            return "another view"
        if getattr(app.view_functions.get(endpoint), "hides", False):
            return "hidden"
    return "said" if not wider and told.warned() else None


def compare(drawn: Drawn, told: Told) -> collections.Counter[str]:
    """Ask both; what differed, by name.

    Raises:
        AssertionError: A difference has no explanation.
    """
    found: collections.Counter[str] = collections.Counter()
    try:
        _, theirs = drawn.make(flask_cors)
    except ValueError:
        return found  # flask-cors refuses it itself.
    try:
        app, ours = drawn.make(corsac.flask)
    except CORSConfigError:
        return collections.Counter({"configurations that are errors": 1})
    lot = random.Random(drawn.seed)  # noqa: S311 - no secret
    for sent in draw_requests(lot, REQUESTS, [rule.rule for rule in app.url_map.iter_rules()]):
        old, new = ask(theirs, sent), ask(ours, sent)
        shown = "\n".join(
            (f"seed {drawn.seed}", str(sent), str(old), str(new), *drawn.told, *told.lines)
        )
        found["requests"] += 1
        if not is_preflight(sent):
            assert (new.status, new.body) == (old.status, old.body), shown
        for with_credentials in (False, True):
            before = allows(sent, old, with_credentials=with_credentials)
            after = allows(sent, new, with_credentials=with_credentials)
            if before == after:
                continue
            name = explain(app, sent, old, told, wider=after)
            assert name in DIFFERENCES, f"{'wider' if after else 'narrower'}: {shown}"
            found[f"{name}: {'wider' if after else 'narrower'}"] += 1
    return found


def test_the_drop_in_is_flask_cors_or_narrower_with_a_word() -> None:
    told = Told()
    logger = logging.getLogger("corsac")
    silent = [logging.getLogger(name) for name in ("flask_cors", "drawn")]
    found: collections.Counter[str] = collections.Counter()
    logger.addHandler(told)
    for other in silent:
        other.disabled = True
    try:
        for seed in range(APPLICATIONS):
            told.lines.clear()
            found += compare(draw_application(seed), told)
    finally:
        logger.removeHandler(told)
        for other in silent:
            other.disabled = False
    print(*(f"{number:7} {name}" for name, number in sorted(found.items())), sep="\n")
    assert found["requests"] > APPLICATIONS * REQUESTS * 0.8


def test_a_method_that_is_not_listed_gets_no_headers_by_a_preflight_request() -> None:
    app = make_app("/", "/all")
    CORS(app, resources={"/": {"methods": ["GET"]}, "/all": {}}, origins=ALLOWED)
    _, answer = preflight(app, "/", method="POST", names="content-type")
    assert "access-control-allow-headers" not in answer
    for path, method in (("/", "GET"), ("/all", "POST")):
        _, answer = preflight(app, path, method=method, names="content-type")
        assert answer["access-control-allow-headers"] == "*, authorization"


def test_a_path_that_is_another_one_when_decoded_again_allows_nobody() -> None:
    app = make_app("/<path:path>")
    CORS(app, resources={"/admin/*": {"origins": ALLOWED}, "/*": {"origins": "*"}})
    for origin in (ALLOWED, OTHER):
        assert preflight(app, "/%2561dmin/x", origin=origin)[0] == 403
    assert preflight(app, "/%61dmin/x", origin=OTHER)[0] == 403
    assert preflight(app, "/%61dmin/x")[0] == 200
    assert preflight(app, "/a%2520b", origin=OTHER)[0] == 200


def test_a_view_that_flask_answers_for_leaves_preflight_requests_to_the_application() -> None:
    app = flask.Flask("tested")
    decorate = corsac.flask.cross_origin(origins=OTHER, automatic_options=False)
    app.add_url_rule("/<name>", "view", decorate(lambda name: "hello"), methods=["GET", "PUT"])
    CORS(app, origins=ALLOWED)
    assert preflight(app, "/x", origin=OTHER)[0] == 403
    assert preflight(app, "/x")[0] == 200


def test_a_blueprint_that_keeps_the_application_from_its_routes_is_told_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = flask.Flask("tested")
    part = flask.Blueprint("part", "tested")
    part.add_url_rule("/part", "view", lambda: "hello")
    CORS(part, origins=ALLOWED)
    CORS(app, origins="*")
    app.register_blueprint(part)
    with caplog.at_level(logging.WARNING, "corsac"):
        assert preflight(app, "/part", origin=OTHER)[0] == 403
    assert re.search("asks CORS.app. where CORS.blueprint. refuses.*/part", caplog.text)


def test_an_origin_that_was_sent_to_everybody_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "corsac"):
        CORS(make_app("/"), origins=ALLOWED)
        CORS(make_app("/"), origins="*", always_send=True)
        CORS(make_app("/"), origins=ALLOWED, always_send=True)
    assert "always_send" not in caplog.text
    with caplog.at_level(logging.WARNING, "corsac"):
        CORS(make_app("/"), origins=[OTHER, ALLOWED], always_send=True)
    assert re.search(f'always_send: True: flask-cors sends "{ALLOWED}".*takes Origin', caplog.text)
