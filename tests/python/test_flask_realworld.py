"""flask-cors configurations of public projects, as they are, through `corsac.flask`.

The conformance data says what flask-cors answered. The same answer, a narrower one or an error are
right; a wider one never is.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import flask
import pytest

import corsac
from corsac.flask import CORS, cross_origin
from support.flask_apps import cors_headers
from support.realworld import Configuration, read_configurations

ANY_ORIGIN = "https://any-site.example"

WITH_CREDENTIALS = {
    "any_https_origin": "any_https_origin_with_credentials",
    "null_origin": "null_with_credentials",
}

EXPECTED = {
    "same": 40,
    "narrower": 1,  # Two calls of CORS(app), of which the last decides.
    "error origin.any_with_credentials": 4,
    "error origin.public_suffix_with_credentials": 2,
    "error origin.insecure_with_credentials": 1,
    "error option.unknown": 1,
    "error regex.invalid": 1,  # flask-cors refuses it as well.
}


def test_no_configuration_lets_in_more_than_it_did() -> None:
    pytest.importorskip("re2")
    rows = [row for row in read_configurations() if row["library"] == "flask-cors"]
    assert Counter(outcome_of(row) for row in rows) == EXPECTED


def outcome_of(row: Configuration) -> str:
    observed = row["observed"]
    try:
        app, path = app_of(row)
    except corsac.CORSConfigError as error:
        codes = {problem.code for problem in error.problems if problem.severity == "error"}
        return f"error {', '.join(sorted(codes))}"
    assert "error" not in observed, f"{row['id']}: flask-cors refuses it"
    found = {}
    for name, origin in (("any_https_origin", ANY_ORIGIN), ("null_origin", "null")):
        headers = cors_headers(app, path, origin=origin)
        found[name] = headers.get("access-control-allow-origin") in (origin, "*")
        with_credentials = headers.get("access-control-allow-credentials") == "true"
        found[WITH_CREDENTIALS[name]] = found[name] and with_credentials
    for _, look_alike, _ in observed.get("pattern_suffix_attack", ()):
        headers = cors_headers(app, path, origin=look_alike)
        assert "access-control-allow-origin" not in headers, (row["id"], look_alike)
    wider = [name for name in found if found[name] and not observed[name]]
    assert not wider, (row["id"], wider)
    return "same" if all(found[name] == observed[name] for name in found) else "narrower"


def app_of(row: Configuration) -> tuple[flask.Flask, str]:
    """An application with the configuration, and a path that it is meant for."""
    options = with_expressions(row["options"])
    app = flask.Flask("tested")
    app.config.update({key: options.pop(key) for key in [*options] if key.startswith("CORS_")})
    view = view_of_a_path
    if row["style"] == "decorator":
        view = cross_origin(**options)(view)
    else:
        CORS(app, **options)
    app.add_url_rule("/", "root", view)
    app.add_url_rule("/<path:name>", "any", view)
    resources = [*options.get("resources", ["/*"])]
    covers_all = not {"*", "/*", ".*", "/.*"}.isdisjoint(resources)
    return app, "/" if covers_all else re.sub(r"[*.^$]", "", resources[0]).rstrip("/") + "/x"


def view_of_a_path(**_: object) -> str:
    return "view"


def with_expressions(value: Any) -> Any:
    """The value with `re.Pattern` objects, for which the data has mappings."""
    if isinstance(value, dict):
        if set(value) == {"regex_object"}:
            return re.compile(value["regex_object"])
        return {key: with_expressions(each) for key, each in value.items()}
    return [with_expressions(each) for each in value] if isinstance(value, list) else value
