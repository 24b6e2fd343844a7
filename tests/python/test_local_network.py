"""What browsers ask beside CORS where a public page reaches for this machine or network."""

from __future__ import annotations

from typing import Any

import pytest

from corsac import CORSMiddleware, CORSPolicy
from corsac._local_network import address_space, beside_cors
from corsac.browser import FetchRequest, Request, Response, simulate
from corsac.cli import main
from support.checking import toml, use_empty_directory
from support.probed import APP, server
from support.raw_server import serving_raw

ASKED = (
    "Beside CORS: Local Network Access: since Chrome 142 and Firefox 153 the user is asked before "
    "a page of a public site reaches the `loopback` address space; until then nothing is sent, and "
    'where the user says no, Chrome\'s console says "blocked by CORS policy". fetch() can say '
    "targetAddressSpace: "
    '"loopback"; an iframe needs allow="local-network-access; loopback-network"'
)


@pytest.mark.parametrize(
    ("host", "space"),
    [
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("0.0.0.0", "loopback"),  # noqa: S104 - nobody listens
        ("198.18.0.1", "loopback"),
        ("[::1]", "loopback"),
        ("[::]", "loopback"),
        ("[::ffff:7f00:1]", "loopback"),
        ("localhost", "loopback"),
        ("app.LOCALHOST.", "loopback"),
        ("10.1.2.3", "local"),
        ("100.64.0.1", "local"),
        ("172.16.0.1", "local"),
        ("192.168.1.1", "local"),
        ("169.254.1.1", "local"),
        ("0.1.2.3", "local"),
        ("printer.local", "local"),
        ("[fd00::1]", "local"),
        ("[fe80::1]", "local"),
        ("[::ffff:c0a8:101]", "local"),
        ("172.32.0.1", "public"),
        ("100.128.0.1", "public"),
        ("8.8.8.8", "public"),
        ("[2606::1]", "public"),
        ("example.com", "public"),
        ("notlocalhost", "public"),
        ("local", "public"),
        ("", "public"),
        ("127.0.0.1.example", "public"),
    ],
)
def test_a_host_has_the_address_space_of_the_draft(host: str, space: str) -> None:
    assert address_space(host) == space


@pytest.mark.parametrize(
    ("origin", "host", "is_asked"),
    [
        (APP, "127.0.0.1:8000", True),
        (APP, "[::1]:8000", True),
        (APP, "[::1]", True),
        (APP, "192.168.0.2", True),
        ("http://example.com:8080", "localhost", True),
        (APP, "api.example.com", False),
        ("http://localhost:5173", "127.0.0.1:8000", False),
        ("http://192.168.0.3", "127.0.0.1", False),
        ("http://[::1]:1", "127.0.0.1", False),
        ("null", "127.0.0.1", False),
        ("chrome-extension://abc", "127.0.0.1", False),
        ("", "", False),
        ("https://[", "[", False),
    ],
)
def test_only_a_public_page_is_asked_about(origin: str, host: str, is_asked: bool) -> None:
    assert bool(beside_cors(origin, host)) is is_asked


def test_a_page_without_https_is_refused_by_chrome_and_asked_about_by_firefox() -> None:
    assert beside_cors("http://example.com", "10.0.0.1") == (
        "Beside CORS: Local Network Access: since Chrome 142 no page without https reaches the "
        '`local` address space, and its console says "blocked by CORS policy"; Firefox 153 asks '
        "the user"
    )


def answer(request: Request) -> Response:
    return Response(200, {"Access-Control-Allow-Origin": "*"})


@pytest.mark.parametrize("mode", ["cors", "no-cors"])
@pytest.mark.parametrize("profile", ["standard", "chromium", "firefox", "webkit"])
def test_the_simulated_browser_says_so(mode: str, profile: str) -> None:
    request = FetchRequest("http://127.0.0.1:8000/x", APP, mode=mode)
    outcome = simulate(request, answer, profile=profile)
    assert outcome.ok
    assert [step.text for step in outcome.steps if step.kind == "note"] == [ASKED]


def test_an_https_page_may_ask_a_local_address_over_http_where_this_is_known() -> None:
    outcome = simulate(FetchRequest("http://192.168.0.2/", APP), answer)
    notes = [step.text for step in outcome.steps if step.kind == "note"]
    assert "`local` address space" in notes[0]
    assert notes[1] == (
        "Beside CORS: browsers without Local Network Access block http requests of https pages"
    )


def test_a_redirect_to_this_machine_is_noticed() -> None:
    def redirect(request: Request) -> Response:
        headers = {"Access-Control-Allow-Origin": "*", "Location": "http://localhost:8000/"}
        return Response(302 if "example" in request.url else 200, headers)

    outcome = simulate(FetchRequest("https://api.example.com/", APP), redirect)
    assert [step.kind for step in outcome.steps if step.text == ASKED] == ["note"]


def test_a_page_of_this_machine_is_told_nothing() -> None:
    outcome = simulate(FetchRequest("http://127.0.0.1:8000/", "http://localhost:5173"), answer)
    assert [step for step in outcome.steps if step.kind == "note"] == []


async def nothing(scope: object, receive: object, send: object) -> None: ...


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_an_explanation_says_so_where_the_host_is_known(method: str) -> None:
    policy = CORSPolicy(allow_origins=[APP])
    headers = {"Origin": APP, "Access-Control-Request-Method": "GET", "Host": "localhost:8000"}
    for owner in (policy, CORSMiddleware(nothing, policy)):
        last = owner.explain(method, headers).steps[-1]
        assert (last.check, last.passed, last.text) == ("local-network", None, ASKED)
        headers_of_others = {**headers, "Host": "api.example.com"}
        checks = [step.check for step in owner.explain(method, headers_of_others).steps]
        assert "local-network" not in checks


def test_a_probe_says_so_below_its_verdict(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serving_raw(server()) as running:
        assert main(["probe", running.url, "--origin", APP, "--no-lint"]) == 0
        verdict = capsys.readouterr().out.partition("\nALLOWED  ")[2]
        assert " ".join(verdict.split()).endswith(f" note {ASKED}")
        assert main(["probe", running.url, "--origin", "http://localhost:1", "--no-lint"]) == 1
        assert "Beside CORS" not in capsys.readouterr().out


def test_the_command_line_says_what_is_asked_and_what_the_user_has_granted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    policy = toml(f'allow_origins = ["{APP}"]\n')

    def explain(*arguments: str) -> tuple[int, str]:
        code = main(["explain", policy, "--origin", APP, "--host", "127.0.0.1:80", *arguments])
        return code, " ".join(capsys.readouterr().out.split())

    for profile in ("standard", "webkit"):
        code, printed = explain("--permission", "none", "--profile", profile)
        assert (code, f"note {ASKED}" in printed) == (0, True)
    for profile in ("chromium", "firefox"):
        for granted in ((), ("--permission", "loopback-network", "--permission", "local-network")):
            code, printed = explain("--profile", profile, *granted)
            assert (code, f"note {ASKED}" in printed) == (0, True)
        for denied in ("none", "local-network"):
            code, printed = explain("--profile", profile, "--permission", denied)
            assert (code, "[local-network-denied]" in printed) == (1, True)
            assert "Request sent" not in printed
    declared = ("--target-address-space", "local")
    code, printed = explain("--profile", "chromium", *declared)
    assert (code, "[local-network-mismatch]" in printed) == (1, True)
    local = ("--page-address-space", "local", "--permission", "none")
    assert explain("--profile", "chromium", *local)[0] == 0
    assert explain("--permission", "camera")[0] == 2


def test_a_probe_sends_nothing_where_the_user_has_granted_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serving_raw(server()) as running:
        given = ["--no-lint", "--profile", "chromium", "--permission", "none"]
        assert main(["probe", running.url, "--origin", APP, *given]) == 1
    printed = capsys.readouterr().out
    assert "[local-network-denied]" in printed
    assert "Request sent" not in printed


def test_the_option_that_browsers_no_longer_ask_for_is_explained(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    use_empty_directory(tmp_path_factory.mktemp("here"), monkeypatch)
    for line, is_said in (("allow_private_network = true", True), ("", False)):
        policy = toml(f'allow_origins = ["{APP}"]\n{line}\n')
        assert main(["explain", policy, "--origin", APP]) == 0
        assert ("Beside CORS: Local Network Access" in capsys.readouterr().out) is is_said


HTTPS, HTTP = "https://app.example.com", "http://app.example.com"
ANSWER = Response(200, [("Access-Control-Allow-Origin", "*")])
LOOPBACK, LAN = "http://127.0.0.1:8080/", "http://192.168.1.10/"
DENIED, INSECURE, MISMATCH = (f"local-network-{it}" for it in ("denied", "insecure", "mismatch"))


@pytest.mark.parametrize(
    ("origin", "url", "options", "chromium", "firefox"),
    [
        # Nothing is said of permissions: whatever is needed was granted.
        (HTTPS, LOOPBACK, {}, None, None),
        (HTTPS, LOOPBACK, {"permissions": []}, DENIED, DENIED),
        (HTTPS, LOOPBACK, {"permissions": ["local-network"]}, DENIED, DENIED),
        (HTTPS, LOOPBACK, {"permissions": ["local-network-access"]}, DENIED, DENIED),
        (HTTPS, LOOPBACK, {"permissions": ["loopback-network"]}, None, None),
        (HTTPS, LAN, {"permissions": ["loopback-network"]}, DENIED, DENIED),
        (HTTPS, LAN, {"permissions": ["local-network"]}, None, None),
        (HTTPS, "https://api.example.com", {"permissions": []}, None, None),
        # A page without https gets no question in Chromium.
        (HTTP, LAN, {"permissions": ["local-network"]}, INSECURE, None),
        (HTTP, LAN, {}, INSECURE, None),
        # A page that is near itself is not asked about.
        ("http://localhost:3000", LOOPBACK, {"permissions": []}, None, None),
        ("http://192.168.1.2", LOOPBACK, {"permissions": []}, None, None),
        ("null", LOOPBACK, {"permissions": []}, None, None),
        (HTTPS, LOOPBACK, {"permissions": [], "page_address_space": "loopback"}, None, None),
        ("null", LOOPBACK, {"permissions": [], "page_address_space": "public"}, INSECURE, DENIED),
        # What fetch() says has to be true, where the address is known.
        (HTTPS, LOOPBACK, {"target_address_space": "local"}, MISMATCH, None),
        (HTTPS, LOOPBACK, {"target_address_space": "loopback"}, None, None),
        (HTTPS, "https://192.0.2.1", {"target_address_space": "local"}, MISMATCH, None),
        (
            *(HTTPS, "https://nas.example.com"),
            {"target_address_space": "local", "permissions": []},
            *(DENIED, None),
        ),
    ],
)
def test_a_permission_is_needed_where_engines_ask_for_one(
    origin: str, url: str, options: dict[str, Any], chromium: str | None, firefox: str | None
) -> None:
    request = FetchRequest(url, origin, **options)
    expected = {"standard": None, "webkit": None, "chromium": chromium, "firefox": firefox}
    for profile, reason in expected.items():
        outcome = simulate(request, lambda _: ANSWER, profile=profile)
        assert outcome.reason == reason, profile
        # Nothing is sent before the user has agreed.
        assert len(outcome.sent) == (reason is None)


def test_a_preflight_is_not_sent_either_and_a_redirect_is_asked_about() -> None:
    request = FetchRequest(LOOPBACK, HTTPS, "PUT", permissions=[])
    outcome = simulate(request, lambda _: ANSWER, profile="chromium")
    assert (outcome.reason, outcome.sent) == (DENIED, ())
    assert outcome.explanation == (
        "the user has not granted the page loopback-network (Local Network Access)"
    )
    headers = [("Location", LOOPBACK), ("Access-Control-Allow-Origin", "*")]
    request = FetchRequest("https://api.example.com/", HTTPS, permissions=[])
    outcome = simulate(request, lambda _: Response(302, headers), profile="chromium")
    assert (outcome.reason, len(outcome.sent)) == (DENIED, 1)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"permissions": "loopback-network"}, TypeError),
        ({"permissions": 1}, TypeError),
        ({"permissions": ["camera"]}, ValueError),
        ({"target_address_space": "private"}, ValueError),
        ({"page_address_space": None}, TypeError),
    ],
)
def test_what_is_not_a_space_or_a_permission_is_an_error(
    options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error, match=next(iter(options))):
        FetchRequest(LOOPBACK, HTTPS, **options)
