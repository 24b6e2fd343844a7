"""What the log says about options of a Flask application is in its problems, and in the check."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import flask
import pytest

from corsac.cli import main
from corsac.flask import CORS, cross_origin, install
from support.checking import use_empty_directory, write_module

if TYPE_CHECKING:
    from corsac.flask.options import CrossOriginOptions

LEFT_OUT: CrossOriginOptions = {
    "origins": ["https://A.example/", "https://b.example"],
    "supports_credentials": True,
}


def by_options(app: flask.Flask) -> None:
    CORS(app, **LEFT_OUT)


def by_resources(app: flask.Flask) -> None:
    CORS(app, resources={"/api/*": LEFT_OUT})


def by_configuration(app: flask.Flask) -> None:
    app.config["CORS_ORIGINS"] = LEFT_OUT["origins"]
    CORS(app)


def by_unknown_key(app: flask.Flask) -> None:
    app.config["CORS_ORIGIN"] = "https://a.example"
    CORS(app, origins=["https://b.example"])


def by_blueprint(app: flask.Flask) -> None:
    blueprint = flask.Blueprint("blue", "blue")
    CORS(blueprint, **LEFT_OUT)
    app.register_blueprint(blueprint)


def by_view(app: flask.Flask) -> None:
    app.add_url_rule("/x/<name>", "x", cross_origin(**LEFT_OUT)(lambda name: "ok"))
    install(app)


def by_two_calls(app: flask.Flask) -> None:
    CORS(app, origins=["https://a.example"])
    CORS(app, origins=["https://b.example"])


WAYS = [
    by_options,
    by_resources,
    by_configuration,
    by_unknown_key,
    by_blueprint,
    by_view,
    by_two_calls,
]


@pytest.mark.parametrize("give", WAYS)
def test_every_warning_of_the_log_is_a_problem_once(
    give: Callable[[flask.Flask], None], caplog: pytest.LogCaptureFixture
) -> None:
    app = flask.Flask("made")
    give(app)
    middleware = install(app)
    middleware.prepare()
    logged = {record.message.removeprefix("CORS: ") for record in caplog.records}
    assert logged
    for found in (middleware.problems, middleware._applied().problems):
        said = [str(each).removeprefix("CORS: ") for each in found if each.severity == "warning"]
        assert sorted(said) == sorted(logged)


@pytest.mark.parametrize("give", [by_options, by_resources, by_unknown_key, by_two_calls])
def test_what_is_said_about_replaced_options_goes_with_them(
    give: Callable[[flask.Flask], None],
) -> None:
    app = flask.Flask("made")
    give(app)
    middleware = install(app)
    middleware.reconfigure(allow_origins=["https://b.example"])
    assert middleware.problems == ()


def test_a_strict_check_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use_empty_directory(tmp_path, monkeypatch)
    name = write_module(
        "import flask\nfrom corsac.flask import CORS\napp = flask.Flask('made')\n"
        f"CORS(app, **{LEFT_OUT!r})\n"
    )
    assert main(["check", f"{name}:app", "--strict"]) == 1
    shown = capsys.readouterr().out
    assert "no problems" not in shown
    assert "here it is left out" in shown
