"""Settings of public Django projects, read here, against what django-cors-headers does with them.

What is refused at the start is refused with errors that name a setting. What starts lets nobody in
whom django-cors-headers keeps out, and where it keeps out more a problem says so.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from django.test import override_settings

from corsac.django.conf import read_settings
from support.django_project import call_wsgi
from support.exchange import Request, Response

ROWS: list[dict[str, Any]] = [
    row
    for row in json.loads(
        (Path(__file__).parents[1] / "conformance" / "realworld.json").read_text()
    )
    if row["library"] == "django-cors-headers" and row["observed"].get("evaluated")
]
STRANGER = "https://evil.example"


def ask(origin: str, method: str | None = None, header: str | None = None) -> Response:
    headers = [("Origin", origin), ("Cookie", "a=b")]
    if method is not None:
        headers.append(("Access-Control-Request-Method", method))
    if header is not None:
        headers.append(("Access-Control-Request-Headers", header))
    return call_wsgi(Request("GET" if method is None else "OPTIONS", headers, "/api/x"))


def answers(origin: str | None, like: dict[str, Any]) -> dict[Any, Any]:
    """What a probe found, in the words of the observations."""
    found: dict[Any, Any] = {}
    for name, who in (("any_https_origin", STRANGER), ("null_origin", "null")):
        response = ask(who)
        found[name] = response.one("access-control-allow-origin") in ("*", who)
        credentials = "null_with_credentials" if who == "null" else f"{name}_with_credentials"
        found[credentials] = (
            response.one("access-control-allow-origin") == who
            and response.one("access-control-allow-credentials") == "true"
        )
    if origin is not None:
        preflight = ask(origin, "PUT", "x-probe")
        methods = (preflight.one("access-control-allow-methods") or "").split(", ")
        headers = (preflight.one("access-control-allow-headers") or "").lower().split(", ")
        credentials_sent = preflight.one("access-control-allow-credentials") == "true"
        anything = "*" in headers and not credentials_sent
        for name in like.get("preflight_methods", ()):
            simple = name in ("GET", "HEAD", "POST")
            star = "*" in methods and not credentials_sent
            found["method", name] = simple or star or name in methods
        for name in like.get("preflight_headers", ()):
            found["header", name] = name in headers or (anything and name != "authorization")
    return found


def observed_answers(row: dict[str, Any], found: dict[Any, Any]) -> dict[Any, Any]:
    observed = row["observed"]
    wanted: dict[Any, Any] = {}
    for key in found:
        if isinstance(key, tuple):
            kind, name = key
            wanted[key] = observed[f"preflight_{kind}s"][name]
        else:
            wanted[key] = bool(observed.get(key))
    return wanted


def an_origin(settings: dict[str, Any]) -> str | None:
    for name in ("CORS_ALLOWED_ORIGINS", "CORS_ORIGIN_WHITELIST"):
        for entry in settings.get(name, ()):
            if entry.startswith("http") and "*" not in entry:
                return str(entry)
    allow_all = settings.get("CORS_ALLOW_ALL_ORIGINS", settings.get("CORS_ORIGIN_ALLOW_ALL"))
    return STRANGER if allow_all is True else None


def outcome_of(row: dict[str, Any]) -> str:
    settings = {name: value for name, value in row["options"].items() if name.startswith("CORS_")}
    with override_settings(**settings):
        configuration, problems = read_settings()
        if configuration is None:
            errors = [problem for problem in problems if problem.severity == "error"]
            assert all(problem.option.startswith("CORS") for problem in errors)
            return f"refused: {', '.join(sorted({problem.code for problem in errors}))}"
        found = answers(an_origin(settings), row["observed"])
    wanted = observed_answers(row, found)
    wider = [key for key in found if found[key] and not wanted[key]]
    assert not wider, f"{row['id']}: more than django-cors-headers allows: {wider}"
    if found == wanted:
        return "the same answers"
    assert any(problem.severity == "warning" for problem in problems), (row["id"], found, wanted)
    return "narrower, with a warning"


def test_settings_of_public_projects_are_read_as_the_table_says() -> None:
    counts = Counter(outcome_of(row) for row in ROWS)
    assert counts == {
        "the same answers": 31,
        "refused: origin.any_with_credentials": 10,
        "refused: header.invalid, origin.any_with_credentials": 1,
        "refused: origin.insecure_with_credentials": 1,
        "refused: origin.invalid": 2,
    }
