"""From which source an origin is allowed: in explanations, and in what `corsac check` says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from corsac import CORSPolicy
from corsac.cli import main
from corsac.live import Follower, PollSource
from support.checking import check_json, run_check, use_empty_directory, write_module
from support.left_out import runs_the_command_line
from support.refused import MakeObserved, Observed

OWN, ONE, TWO = "https://app.example.com", "https://one.example", "https://two.example"
BASE = CORSPolicy(allow_origins=[OWN])


@pytest.fixture
def send(make_observed: MakeObserved) -> Observed:
    return make_observed(policy=BASE)


def domains() -> list[str]:
    return [ONE, "https://*.shop.example"]


def origin_step(send: Observed, origin: str) -> str:
    explanation = send.middleware.explain("GET", {"Origin": origin})
    (step,) = [step for step in explanation.steps if step.check == "origin"]
    return str(step.text)


def test_an_explanation_names_the_source_of_an_origin(send: Observed) -> None:
    with Follower(send.middleware, PollSource(domains), base=BASE):
        assert origin_step(send, OWN) == f"{OWN} is in allow_origins"
        assert origin_step(send, ONE) == f"{ONE} is in the origins of domains (current)"
        assert origin_step(send, "https://a.shop.example") == (
            "https://a.shop.example is allowed by the entry 'https://*.shop.example' of the "
            "origins of domains (current)"
        )
        refused = "https://nobody.test is not allowed; domains is followed (current)"
        assert origin_step(send, "https://nobody.test") == refused


def test_an_explanation_says_why_a_source_is_stale(send: Observed) -> None:
    answers = iter([[ONE]])

    def fetch() -> list[str]:
        return next(answers)

    follower = Follower(send.middleware, PollSource(fetch, interval=0.001), base=BASE)
    with follower:
        while follower.status.error is None:
            follower.ready(0)
        assert "(stale: StopIteration)" in origin_step(send, ONE)


APPLICATION = """
from corsac.live import Follower, PollSource
async def bare(scope, receive, send): ...
def domains():
    return {answer}
base = corsac.CORSPolicy(allow_origins=["https://app.example.com"])
app = corsac.CORSMiddleware(bare, base)
follower = Follower(app, PollSource(domains), base=base, start_seconds=60)
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_empty_directory(tmp_path, monkeypatch)


def test_check_reads_what_is_followed(capsys: pytest.CaptureFixture[str]) -> None:
    answer = '["https://one.example", "https://two.example", "*"]'
    name = write_module(APPLICATION.format(answer=answer))
    assert main(["check", f"{name}:app"]) == 0
    printed = capsys.readouterr().out
    assert "follows domains: 2 origins (1 entry skipped), current" in printed
    assert "allows 3 origins" in printed
    assert main(["explain", f"{name}:app", "--origin", ONE]) == 0
    assert f"{ONE} is in the origins of domains (current)" in capsys.readouterr().out.replace(
        "\n", " "
    )


def test_check_says_which_base_is_followed_twice(capsys: pytest.CaptureFixture[str]) -> None:
    name = write_module(
        APPLICATION.format(answer='["https://one.example"]')
        + """
follower.start()
second = Follower(app, PollSource(domains, name="others"), base=base)
"""
    )
    code, found = check_json(capsys, f"{name}:app")
    assert code == 0
    assert [(each["code"], each["value"]) for each in found["problems"]] == [
        ("source.unreadable", "others")
    ]
    assert "domains is followed with the same base" in json.dumps(found)


DJANGO = """
from django.conf import settings
from corsac.live import PollSource
def domains():
    return {answer}
settings.configure(
    SECRET_KEY="x", LOGGING_CONFIG=None, MIDDLEWARE=["corsac.django.CORSMiddleware"],
    CORSAC={{"allow_origins": ["https://app.example.com"]}},
    CORSAC_FOLLOW=PollSource(domains), CORSAC_FOLLOW_MUST_LOAD={must_load},
)
from django.core.wsgi import get_wsgi_application
app = get_wsgi_application()
"""


@pytest.mark.parametrize(
    ("answer", "must_load", "code", "said"),
    [
        ('["https://one.example", "*"]', True, 0, "follows domains: 1 origin (1 entry skipped)"),
        ('["*"]', False, 0, "source.unreadable"),
        ('["*"]', True, 3, "could not be loaded"),
    ],
)
@runs_the_command_line
def test_check_reads_what_the_settings_of_django_name(
    answer: str, must_load: bool, code: int, said: str
) -> None:
    # A process of its own: Django is configured once in each.
    done = run_check(f"{write_module(DJANGO.format(answer=answer, must_load=must_load))}:app")
    assert done.returncode == code
    assert said in (done.stdout + done.stderr).replace("\n", " ")


def test_check_says_what_cannot_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    name = write_module(APPLICATION.format(answer="1 / 0"))
    code, found = check_json(capsys, f"{name}:app")
    assert code == 0
    assert [(each["code"], each["severity"]) for each in found["problems"]] == [
        ("source.unreadable", "warning")
    ]
    assert "ZeroDivisionError" in json.dumps(found)
    assert main(["check", "--strict", f"{name}:app"]) == 1
    assert "follows domains: 0 origins, loading" in capsys.readouterr().out
