"""`corsac lab` with a configuration, and with pages that are taken for public ones."""

from __future__ import annotations

import http.client
import json
import re
from pathlib import Path
from typing import Any

import pytest

from corsac import CORSPolicy
from corsac.cli import main
from corsac.cli.check import check_valid
from corsac.lab import serving_lab
from corsac.lab.cases import CaseStore, Places
from corsac.lab.evaluating import NOT_ASKED, InputError, compare, evaluate
from corsac.lab.source import Source, moved_to_pages
from support.checking import toml, use_empty_directory

PLACES = Places(8010, 8011)
APP, ADMIN = PLACES.pages["app"], PLACES.pages["admin"]
FILE = """
allow_origins = ["https://app.example.com", "https://*.example.com"]
allow_methods = ["PUT"]
app_headers = "keep"
max_age = false

[[rules]]
path = "/health"
policy = false

[[rules]]
path = "/admin/*"
allow_origins = ["https://admin.example.com"]
allow_credentials = true

[report_only]
allow_origins = ["https://admin.example.com"]
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_empty_directory(tmp_path, monkeypatch)


def source_of(text: str) -> Source:
    report = check_valid(toml(text), None, "")
    return moved_to_pages(report.source, report.outermost, PLACES)


def try_it(source: Source, **request: Any) -> dict[str, Any]:
    """Evaluate what the page sends when it begins with a configuration."""
    state = {"policy": source.form, "request": request}
    return evaluate(state, PLACES, CaseStore(), source)


def test_the_pages_stand_for_the_first_origins_of_the_file() -> None:
    source = source_of(FILE)
    assert source.form == {
        "allow_origins": [APP, "https://*.example.com"],
        "allow_methods": ["PUT"],
        "max_age": None,
    }
    assert source.kept == {"app_headers": "keep"}
    assert source.rules == (
        ("/health", None),
        ("/admin/*", CORSPolicy(allow_origins=[ADMIN], allow_credentials=True)),
    )
    assert source.observed == {
        "report_only": CORSPolicy(allow_origins=[ADMIN]),
        "report_only_rules": (),
    }
    assert source.notes == (
        f"{APP} stands for https://app.example.com of policy.toml",
        f"{ADMIN} stands for https://admin.example.com of policy.toml",
        "the rules of policy.toml come first, whatever policy is edited here",
    )


@pytest.mark.parametrize(
    ("request_", "ok", "rule"),
    [
        ({"page": "app"}, True, None),
        ({"page": "admin"}, False, None),
        ({"page": "admin", "path": "/admin/x", "credentials": "include"}, True, "/admin/*"),
        ({"page": "app", "path": "/admin/x"}, False, "/admin/*"),
        ({"page": "app", "path": "/health"}, False, "/health"),
    ],
)
def test_every_request_is_under_the_whole_file(
    request_: dict[str, Any], ok: bool, rule: str | None
) -> None:
    result = try_it(source_of(FILE), **request_)
    assert result["valid"]
    assert {outcome["ok"] for outcome in result["outcomes"].values()} == {ok}
    assert [each["rule"] for each in result["explanations"]] == [rule]


@pytest.mark.parametrize(("checked", "code"), [(True, "guard=corsac.Guard("), (False, "")])
def test_the_page_says_whether_there_is_a_guard_and_the_file_which(
    checked: bool, code: str
) -> None:
    source = source_of('allow_origins = ["*"]\nguard = {writes = false}\n')
    assert source.form == {"allow_origins": ["*"], "guard": True}
    state = {"policy": source.form | {"guard": checked}, "request": {}}
    result = evaluate(state, PLACES, CaseStore(), source)
    assert ("guard=" in result["code"]) is checked
    assert code in result["code"]


def test_the_pages_stand_for_origins_that_may_write_and_the_guard_is_told() -> None:
    guard = (
        'guard = {trusted_origins = ["https://pay.example"], exempt_paths = ["/hook/*"], '
        "isolate_reads = true}\n"
    )
    source = source_of(f'allow_origins = ["https://app.example.com"]\n{guard}')
    found = try_it(source, page="admin", method="POST", mode="no-cors", path="/items")
    assert found["outcomes"]["standard"]["guarded"] is False
    assert found["notes"] == [
        f"{APP} stands for https://app.example.com of {source.name}",
        f"{ADMIN} stands for https://pay.example of {source.name}",
        f"the guard of {source.name}: forged cross-origin writes and what other sites embed are "
        f"refused, but at /hook/*; {ADMIN} may write with cookies",
    ]
    forged: dict[str, Any] = {"page": "port", "method": "POST", "mode": "no-cors"}
    for path, is_guarded in (("/items", True), ("/hook/paid", False)):
        found = try_it(source, **forged, path=path)
        assert found["outcomes"]["standard"]["guarded"] is is_guarded
    image = try_it(source, page="stranger", method="GET", mode="no-cors", path="/items")
    assert image["explanations"][-1]["reason"] == "cross-origin-read"


def test_hosts_are_left_out_by_name() -> None:
    source = source_of('allow_origins = ["*"]\nallowed_hosts = ["api.example.com", "localhost"]\n')
    assert source.notes == (
        "allowed_hosts (api.example.com and localhost) are left out: the lab has names of its own",
    )


def test_what_is_on_trial_is_said() -> None:
    source = source_of(FILE)
    trial = "what is on trial (report_only) would "
    assert try_it(source, page="app")["notes"][-1] == f"{trial}refuse this: origin-not-allowed"
    assert try_it(source, page="admin")["notes"][-1] == f"{trial}allow this"
    assert try_it(source, page="stranger")["notes"][-1] == f"{trial}change nothing here"


def test_the_code_has_the_rules_and_can_be_written_so() -> None:
    code = try_it(source_of(FILE))["code"]
    assert "rules=[" in code
    assert ", corsac.CORSPolicy(allow_origins=" in code
    compile(code, "app.py", "exec")


def test_a_file_with_rules_alone_leaves_all_else_alone() -> None:
    source = source_of('[[rules]]\npath = "/x"\nallow_origins = ["https://a.example"]\n')
    assert source.form == {"hands_off": ["/*"]}
    assert try_it(source, path="/x")["outcomes"]["standard"]["ok"]
    assert not try_it(source, path="/y")["outcomes"]["standard"]["ok"]


def test_of_several_policies_the_first_is_edited_and_the_others_follow() -> None:
    ours, anyone = '["https://a.example"]\nallow_credentials = true', '["*"]'
    source = source_of("".join(f"[[policies]]\nallow_origins = {it}\n" for it in (ours, anyone)))
    assert source.form == {"allow_origins": [APP], "allow_credentials": True}
    assert source.others == (CORSPolicy(allow_origins=["*"]),)
    for page, credentials, ok in (
        ("app", "include", True),
        ("stranger", "same-origin", True),
        ("stranger", "include", False),
    ):
        result = try_it(source, page=page, credentials=credentials)
        assert result["outcomes"]["standard"]["ok"] is ok


def test_the_page_is_told_of_it() -> None:
    report = check_valid(toml(FILE), None, "")
    with serving_lab(port=0, configuration=(report.source, report.outermost)) as lab:
        connection = http.client.HTTPConnection("127.0.0.1", lab.places.page_port, timeout=60)
        connection.request("GET", "/", headers={"Host": lab.places.host(lab.places.control)})
        page = connection.getresponse().read().decode()
        connection.close()
    config = re.search(r'id="config">(.*?)</script>', page)
    assert config is not None
    source = json.loads(config[1])["source"]
    assert source["name"] == "policy.toml"
    assert source["policy"]["allow_origins"][0] == lab.places.pages["app"]


def test_a_file_that_cannot_be_used_starts_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", toml('allow_origins = ["https://a.example/"]'), "--no-open"]) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "policy.toml is invalid" in captured.err
    assert "[origin.invalid]" in captured.err


@pytest.mark.parametrize(
    ("network", "refusing"),
    [("", set()), ("granted", set()), ("denied", {"chromium", "firefox"})],
)
def test_a_page_can_be_taken_for_a_public_one(network: str, refusing: set[str]) -> None:
    state = {"policy": {"allow_origins": [APP]}, "request": {"network": network}}
    cases = CaseStore()
    result = evaluate(state, PLACES, cases)
    outcomes = result["outcomes"]
    assert {name for name in outcomes if not outcomes[name]["ok"]} == refusing
    assert {outcomes[name]["reason"] for name in refusing} <= {"local-network-denied"}
    assert (NOT_ASKED in result["notes"]) is bool(network)
    # The real browser has the page from this machine.
    readable = outcomes["standard"]["readable"]
    real = {"ok": True, "type": "cors", "status": 200, "readable": readable}
    compared = compare({"case": result["case"], "profile": "chromium", "result": real}, cases)
    assert compared["differences"] == ["other requests were sent than the simulation says"]


def test_there_is_no_other_choice() -> None:
    state = {"policy": {"allow_origins": [APP]}, "request": {"network": "x"}}
    with pytest.raises(InputError, match="no such choice"):
        evaluate(state, PLACES, CaseStore())
