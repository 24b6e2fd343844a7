"""Drop-in and translation read the options of another library alike, because one reader does.

More sets than the tests draw: ``CORSAC_FOREIGN_SETS=2000 pytest
tests/python/test_foreign_agreement.py``.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import pytest

from corsac.foreign.reading import SEVERITIES
from corsac.migrate import translate
from support.conformance import CASES
from support.foreign_lot import DROP_INS, disagreements, draw_options
from support.migrated import with_patterns

SETS = int(os.environ.get("CORSAC_FOREIGN_SETS", "0")) or 60
ROWS = [
    row
    for row in json.loads((CASES / "realworld.json").read_text())
    if row["library"] in DROP_INS and not row["dynamic"]
]

each_library = pytest.mark.parametrize("library", DROP_INS)


@pytest.mark.filterwarnings("ignore:Possible nested set:FutureWarning")
@each_library
def test_no_drawn_options_are_read_in_two_ways(library: str) -> None:
    found = {}
    for seed in range(SETS):
        options = draw_options(library, seed)
        if differences := disagreements(library, options):
            found[seed] = (options, differences)
    assert found == {}


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
def test_the_options_of_public_projects_are_read_in_one_way(row: dict[str, Any]) -> None:
    assert disagreements(row["library"], with_patterns(row["options"])) == []


@pytest.mark.parametrize(
    ("library", "options"),
    [
        ("flask-cors", {"origins": ["https://a.example", "https://b.example/", None]}),
        ("flask-cors", {"origins": "http://[::1]:3000"}),
        ("flask-cors", {"origins": "https://*.Example.com"}),
        ("flask-cors", {"methods": ["PUT, PATCH"]}),
        ("flask-cors", {"methods": None, "allow_headers": None}),
        ("flask-cors", {"max_age": "soon"}),
        ("flask-cors", {"max_age": 604_800, "expose_headers": ["Set-Cookie"]}),
        ("flask-cors", {"allow_headers": "X-A, X-B"}),
        ("flask-cors", {"preflight_status": 204}),
        ("flask-cors", {"resources": {"/admin/*": {}, "/.*": {}}, "origins": r"^https?://"}),
        ("django-cors-headers", {"CORS_ALLOWED_ORIGINS": ["https://a.example/x", " "]}),
        ("django-cors-headers", {"CORS_ALLOWED_ORIGIN_REGEXES": ["^https?://", "a"]}),
        ("django-cors-headers", {"CORS_PREFLIGHT_MAX_AGE": "600"}),
        ("django-cors-headers", {"CORS_ALLOW_ALL_ORIGINS": 1}),
        ("django-cors-headers", {"CORS_MODEL": "x"}),
        ("starlette", {"allow_origins": "https://a.example", "allow_methods": "GET"}),
        ("starlette", {"allow_origins": {"https://a.example"}, "expose_headers": "X-A"}),
    ],
)
def test_what_two_readers_took_in_two_ways_is_one(library: str, options: dict[str, Any]) -> None:
    assert disagreements(library, options) == []


@pytest.mark.parametrize("library", [*DROP_INS, "litestar", "express"])
def test_a_translation_does_not_depend_on_what_is_installed(
    library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    regex = r"^https://\w+\.a\.example$"
    given: dict[str, list[dict[str, Any]]] = {
        "starlette": [{"allow_origin_regex": each} for each in (regex, r"https://(?!a)b\.test")],
        "litestar": [{"allow_origins": ["https://a*.example"], "allow_origin_regex": regex}],
        "flask-cors": [{"origins": [each]} for each in (regex, r"https://(\w)\1\.test$", r"a++")],
        "django-cors-headers": [{"CORS_ALLOWED_ORIGIN_REGEXES": [regex, r"^(?=h)https://a\.b"]}],
        "express": [{"origin": "https://a.example"}],
    }
    with_re2 = [translate(library, options) for options in given[library]]
    monkeypatch.setitem(sys.modules, "re2", None)
    assert [translate(library, options) for options in given[library]] == with_re2


def test_only_an_entry_without_effect_is_milder_in_a_drop_in() -> None:
    dangerous = ("origin.any", "origin.insecure", "origin.null", "origin.public", "option.")
    for library in ("flask-cors", "django-cors-headers"):
        for code, (here, there) in SEVERITIES[library].items():
            assert here != "error" or there == "error", code
            assert not code.startswith(dangerous), code
