"""One TOML file with all that a middleware applies; ASGI and WSGI read the same."""

from __future__ import annotations

import copy
import gc
import logging
import os
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import corsac
import corsac.wsgi
from corsac import CORSConfigError, CORSPolicy
from support.configuration_files import WHOLE, app

CLASSES: dict[str, Any] = {"asgi": corsac.CORSMiddleware, "wsgi": corsac.wsgi.CORSMiddleware}
Load = Callable[[str], Any]


@pytest.fixture(params=sorted(CLASSES))
def load(request: pytest.FixtureRequest, tmp_path: Path) -> Load:
    """Makes a middleware of each protocol from the text of a file."""

    def make(text: str) -> Any:
        path = tmp_path / "corsac.toml"
        path.write_text(text, encoding="utf-8")
        return CLASSES[request.param].from_file(app, path)

    return make


def problems_of(load: Load, text: str) -> list[tuple[str, str]]:
    """The option and the code of each problem of a file that cannot be used."""
    with pytest.raises(CORSConfigError) as caught:
        load(text)
    return [(problem.option, problem.code) for problem in caught.value.problems]


@pytest.mark.parametrize("header", ["", "[corsac]", "[tool.corsac]"])
def test_a_file_has_all_that_a_middleware_applies(load: Load, header: str) -> None:
    text = f"{header}\n{WHOLE}"
    if header:
        name = header.strip("[]")
        text = text.replace("[[", f"[[{name}.").replace("[report", f"[{name}.report")
    middleware = load(text)
    ours = CORSPolicy(allow_origins=["https://app.example.com"])
    assert middleware.app is app
    assert middleware.policy == ours.replace(allow_credentials=True)
    assert middleware.rules == (
        ("/health", None),
        ("/public/*", CORSPolicy(allow_origins=["*"], max_age=None)),
        ("/shared/*", (ours.replace(allow_credentials=True), CORSPolicy(allow_origins=["*"]))),
    )
    assert middleware.report_only == ours
    assert middleware.report_only_rules == (("/public/*", None),)
    assert middleware.debug_header == "x-why"
    assert middleware.allowed_hosts == ("api.example.com", "localhost")
    assert middleware.report_only_hosts == ("api.example.com",)
    assert middleware.on_refusal is None


@pytest.mark.parametrize("header", ["", "[corsac]", "[tool.corsac]"])
def test_several_policies_stand_in_tables_of_one_place(load: Load, header: str) -> None:
    prefix = f"{header.strip('[]')}." if header else ""
    ours = CORSPolicy(allow_origins=["https://app.example.com"], allow_credentials=True)
    anyone = CORSPolicy(allow_origins=["*"])
    both = "".join(
        f"[[{prefix}{place}policies]]\nallow_origins = {origins}\n"
        for place in ("", "report_only.")
        for origins in ('["https://app.example.com"]\nallow_credentials = true', '["*"]')
    )
    middleware = load(both)
    assert middleware.policy == middleware.report_only == (ours, anyone)
    assert middleware.rules == ()


def test_problems_of_several_policies_have_their_places(load: Load) -> None:
    assert problems_of(
        load,
        """
        max_age = 5
        debug_header = true
        [[policies]]
        allow_origins = ["https://app.example.com/"]
        debug_header = true
        [[rules]]
        path = "/x"
        policies = []
        [[rules]]
        path = "/y"
        policy = false
        [[rules.policies]]
        allow_origins = ["*"]
        [[rules]]
        path = "/z"
        [[rules.policies]]
        allow_origins = ["*"]
        [[rules.policies]]
        rules = []
        [report_only]
        policies = 1
        """,
    ) == [
        ("policies", "option.conflict"),
        ("policies[0].debug_header", "option.unknown"),
        ("policies[0].allow_origins", "origin.invalid"),
        ("rules[1].policy", "option.conflict"),
        ("rules[2].policies[1].rules", "option.unknown"),
        ("report_only.policies", "option.wrong_type"),
        ("rules", "option.empty"),
    ]


def test_a_file_with_rules_alone_leaves_other_paths_alone(load: Load) -> None:
    middleware = load('[[rules]]\npath = "/api/*"\nallow_origins = ["https://app.example.com"]\n')
    assert middleware.policy is None
    assert [pattern for pattern, _ in middleware.rules] == ["/api/*"]


def test_an_empty_file_is_an_empty_policy(load: Load) -> None:
    assert load("").policy == CORSPolicy()


def test_a_trial_can_be_rules_alone(load: Load) -> None:
    middleware = load(
        'allow_origins = ["*"]\n[[report_only.rules]]\npath = "/x"\nallow_origins = ["*"]\n'
    )
    assert middleware.report_only is None
    assert middleware.report_only_rules == (("/x", CORSPolicy(allow_origins=["*"])),)


def test_a_trial_can_be_hosts_alone(load: Load) -> None:
    text = 'allow_origins = ["*"]\n[report_only]\nallowed_hosts = ["api.example.com"]\n'
    middleware = load(text)
    assert (middleware.report_only, middleware.report_only_hosts) == (None, ("api.example.com",))
    assert middleware.allowed_hosts is None


def test_hosts_that_cannot_be_are_errors_of_their_tables(load: Load) -> None:
    wrong = 'allowed_hosts = ["https://a.example"]\n'
    text = f'{wrong}[[rules]]\npath = "/x"\n{wrong}allow_origins = ["*"]\n[report_only]\n{wrong}'
    assert problems_of(load, text) == [
        ("rules[0].allowed_hosts", "option.unknown"),
        ("allowed_hosts", "host.invalid"),
        ("report_only.allowed_hosts", "host.invalid"),
    ]


def test_a_subclass_is_made_by_its_own_constructor(tmp_path: Path) -> None:
    class Own(corsac.CORSMiddleware):
        def __init__(self, app: Any, *arguments: Any, **options: Any) -> None:
            super().__init__(app, *arguments, **options)
            self.mark = "own"

    path = tmp_path / "corsac.toml"
    path.write_text('allow_origins = ["*"]', encoding="utf-8")
    assert Own.from_file(app, path).mark == "own"


def test_all_problems_of_a_file_are_found_at_once_by_their_places(load: Load) -> None:
    assert problems_of(
        load,
        """
        allow_origins = ["https://app.example.com/"]
        debug_header = "content-type"
        [[rules]]
        path = "api"
        allow_origins = ["HTTPS://app.example.com"]
        [[rules]]
        allow_origin = ["*"]
        [[rules]]
        path = "/x"
        policy = true
        [[rules]]
        path = "/y"
        policy = false
        allow_origins = ["*"]
        [report_only]
        max_age = -1
        allow_origins = ["*"]
        debug_header = true
        [[report_only.rules]]
        path = 5
        policy = false
        [[report_only.rules]]
        path = "*"
        policy = false
        """,
    ) == [
        ("allow_origins", "origin.invalid"),
        ("rules[0].allow_origins", "origin.invalid"),
        ("rules[1].path", "option.wrong_type"),
        ("rules[1].allow_origin", "option.unknown"),
        ("rules[2].policy", "option.wrong_type"),
        ("rules[3].policy", "option.conflict"),
        ("report_only.debug_header", "option.unknown"),
        ("report_only.max_age", "max_age.out_of_bounds"),
        ("report_only.rules[0].path", "option.wrong_type"),
        ("debug_header", "header.invalid"),
        ("report_only.rules", "rule.invalid"),
        ("rules", "rule.invalid"),
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("rules = 1", ("rules", "option.wrong_type")),
        ("rules = [1]", ("rules", "option.wrong_type")),
        ('[rules]\npath = "/x"', ("rules", "option.wrong_type")),
        ("report_only = true", ("report_only", "option.wrong_type")),
        ("[report_only]\nrules = 1", ("report_only.rules", "option.wrong_type")),
        ("debug_header = 5", ("debug_header", "option.wrong_type")),
        ("on_refusal = 'x'", ("on_refusal", "option.unknown")),
        ("allow_origins =", ("path", "source.syntax")),
        ("debug_header = true\n[corsac]\nmax_age = 5", ("debug_header", "option.misplaced")),
    ],
)
def test_each_mistake_in_a_file_is_an_error(
    load: Load, text: str, problem: tuple[str, str]
) -> None:
    assert problem in problems_of(load, text)


def test_an_unknown_key_is_answered_with_the_nearest(load: Load) -> None:
    with pytest.raises(CORSConfigError) as caught:
        load('[[rules]]\npath = "/x"\nallow_orgins = ["*"]\n')
    assert str(caught.value.problems[0]) == (
        "rules[0].allow_orgins: 'rules[0].allow_orgins': Corsac has no such option; "
        "write allow_origins [option.unknown]"
    )


@pytest.mark.parametrize(
    ("text", "option", "hint"),
    [
        ('[[rule]]\npath = "/x"', "rule", "write rules"),
        ("debug_headers = true", "debug_headers", "write debug_header"),
        ('"report-only" = true', "report-only", "write report_only"),
        ('allow_hosts = ["a"]', "allow_hosts", "write allowed_hosts"),
        ("policy = false", "policy", "several policies, each below a line [[policies]]"),
        ("isolate_reads = true", "isolate_reads", "write it below a line [guard]"),
        ('trusted_origins = ["a"]', "trusted_origins", "below a line [guard] for who may write"),
        ('on_refusal = "a:b"', "on_refusal", "give it in Python"),
        ('report_only_hosts = ["a"]', "report_only_hosts", "allowed_hosts below [report_only]"),
        ('[[rules]]\npath = "/x"\npolcy = false', "rules[0].polcy", "write policy"),
        (
            '[[rules]]\npath = "/x"\npolicy = false\npolices = 1',
            "rules[0].polices",
            "write policies",
        ),
        # What stands below a table belongs to it.
        ('[guard]\nallowed_hosts = ["a"]', "guard.allowed_hosts", "above the line [guard]"),
        ("[guard]\nmax_age = 5", "guard.max_age", "above the line [guard]"),
        ("[report_only]\ndebug_header = true", "report_only.debug_header", "move it up"),
        ('[[rules]]\npath = "/x"\nallowed_hosts = 1', "rules[0].allowed_hosts", "move it up"),
        (
            '[[rules]]\npath = "/x"\npolicy = false\nallowed_hosts = ["a"]',
            "rules[0].allowed_hosts",
            "move it up",
        ),
    ],
)
def test_an_unknown_key_is_answered_with_where_it_belongs(
    load: Load, text: str, option: str, hint: str
) -> None:
    with pytest.raises(CORSConfigError) as caught:
        load(f'allow_origins = ["https://a.example"]\n{text}')
    (problem,) = caught.value.problems
    assert (problem.code, problem.option) == ("option.unknown", option)
    assert hint in problem.hint


@pytest.mark.parametrize("value", ['"true"', "1", "[]"])
def test_a_guard_of_another_type_is_answered_in_the_words_of_the_file(
    load: Load, value: str
) -> None:
    with pytest.raises(CORSConfigError) as caught:
        load(f'allow_origins = ["https://a.example"]\nguard = {value}')
    (problem,) = caught.value.problems
    assert (problem.code, problem.option) == ("option.wrong_type", "guard")
    assert problem.hint == "write guard = true, or a table [guard]"


def test_options_beside_a_rule_that_leaves_the_path_alone_are_named(load: Load) -> None:
    with pytest.raises(CORSConfigError) as caught:
        load('[[rules]]\npath = "/x"\npolicy = false\nmax_age = 5\nguard = true')
    (problem,) = caught.value.problems
    assert (problem.code, problem.option) == ("option.conflict", "rules[0].policy")
    assert problem.message.endswith("beside it stands max_age and guard")


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CORSConfigError, match="cannot be read"):
        corsac.CORSMiddleware.from_file(app, tmp_path / "none.toml")


def test_a_bad_file_writes_nothing_to_the_log(load: Load, caplog: pytest.LogCaptureFixture) -> None:
    text = 'allow_origins = ["*", "https://a.example"]\n[[rules]]\npath = "x"\npolicy = false\n'
    problems_of(load, text)
    assert caplog.records == []


def test_warnings_of_a_file_are_logged_once_by_their_places(
    load: Load, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "corsac")
    middleware = load('[[rules]]\npath = "/x"\nallow_origins = ["*", "https://a.example"]\n')
    (warning,) = [each for each in middleware.problems if each.severity == "warning"]
    assert warning.option == "rules[0].allow_origins"
    assert [record.getMessage() for record in caplog.records] == [f"CORS: {warning}"]


@pytest.mark.parametrize("protocol", sorted(CLASSES))
def test_a_middleware_of_a_file_has_the_problems_of_rules_and_hosts(
    protocol: str, tmp_path: Path
) -> None:
    path = tmp_path / "corsac.toml"
    twice = 'allowed_hosts = ["a.example", "a.example"]\n'
    rule = '[[{}rules]]\npath = "/x"\npolicy = false\n'
    trial = f"[report_only]\n{twice}{rule.format('report_only.') * 2}"
    text = f'allow_origins = ["https://app.example.com"]\n{twice}{rule.format("") * 2}{trial}'
    path.write_text(text, encoding="utf-8")
    made = CLASSES[protocol].from_file(app, path)
    hosts, rules = ["a.example"] * 2, [("/x", None)] * 2
    same = CLASSES[protocol](
        app,
        CORSPolicy(allow_origins=["https://app.example.com"]),
        rules=rules,
        allowed_hosts=hosts,
        report_only_rules=rules,
        report_only_hosts=hosts,
    )
    assert [(each.option, each.code) for each in made.problems] == [
        ("rules", "rule.duplicate"),
        ("allowed_hosts", "host.redundant"),
        ("report_only: rules", "rule.duplicate"),
        ("report_only: allowed_hosts", "host.redundant"),
    ]
    assert made.problems == same.problems


def test_a_policy_alone_is_not_read_from_a_file_with_more(tmp_path: Path) -> None:
    path = tmp_path / "corsac.toml"
    path.write_text(WHOLE, encoding="utf-8")
    with pytest.raises(CORSConfigError) as caught:
        CORSPolicy.from_toml(path)
    found = {problem.option: problem.hint for problem in caught.value.problems}
    hint = "read the file with CORSMiddleware.from_file"
    assert found == dict.fromkeys(("rules", "report_only", "debug_header", "allowed_hosts"), hint)


# A file that is watched.


class Lines(logging.Handler):
    """Hands over each line of the log, in the order in which they were written."""

    def __init__(self) -> None:
        super().__init__()
        self.queue: queue.Queue[str] = queue.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        self.queue.put(record.getMessage())

    def next(self) -> str:
        """Wait for the next line."""
        return self.queue.get(timeout=60)


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Lines]:
    """All that Corsac logs from now on."""
    caplog.set_level(logging.INFO, "corsac")
    handler = Lines()
    logging.getLogger("corsac").addHandler(handler)
    yield handler
    logging.getLogger("corsac").removeHandler(handler)


@pytest.fixture(params=sorted(CLASSES))
def watched(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Any, Path]:
    """A middleware of each protocol that watches its file, and the file."""
    path = tmp_path / "corsac.toml"
    path.write_text(WHOLE, encoding="utf-8")
    return CLASSES[request.param].from_file(app, path, watch=True), path


def replace(path: Path, text: str) -> None:
    """Put another file in the place of one, as editors do."""
    path.with_suffix(".new").write_text(text, encoding="utf-8")
    path.with_suffix(".new").replace(path)


def test_a_watched_file_is_put_in_force_when_it_changes(
    watched: tuple[Any, Path], lines: Lines
) -> None:
    middleware, path = watched
    replace(path, 'allow_origins = ["https://other.example"]')
    assert lines.next() == f"CORS: {path} was changed and is in force"
    assert middleware.policy == CORSPolicy(allow_origins=["https://other.example"])
    assert middleware.rules == ()
    assert (middleware.report_only, middleware.report_only_rules) == (None, ())
    assert middleware.debug_header is None


def test_a_watched_file_is_followed_where_watches_are_used_up(
    watched: tuple[Any, Path], lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, path = watched

    def watch(*_: Path, **__: Any) -> Iterator[Any]:
        raise RuntimeError("OS file watch limit reached")

    monkeypatch.setattr("watchfiles.watch", watch)
    for _ in range(2):  # It does so from the second change on, at the latest.
        replace(path, 'allow_origins = ["https://other.example"]')
        assert lines.next() == f"CORS: {path} was changed and is in force"


def test_a_broken_edit_is_logged_with_all_its_problems_and_ignored(
    watched: tuple[Any, Path], lines: Lines
) -> None:
    middleware, path = watched
    before = middleware.policy, middleware.rules
    replace(path, 'allow_origins = ["https://other.example/"]\n[[rules]]\npath = "x"\nmax = 1')
    line = lines.next()
    assert line.startswith(f"CORS: {path} cannot be used, so what was in force stays: ")
    assert [problem in line for problem in ("origin.invalid", "option.unknown", "rule.invalid")]
    assert (middleware.policy, middleware.rules) == before
    path.unlink()
    assert "the file cannot be read" in lines.next()
    assert (middleware.policy, middleware.rules) == before
    replace(path, 'allow_origins = ["*"]')
    assert lines.next() == f"CORS: {path} was changed and is in force"
    assert middleware.policy == CORSPolicy(allow_origins=["*"])


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "[corsac]\n", "[tool.corsac]\n"])
def test_a_file_that_is_being_written_takes_nothing_out_of_force(
    watched: tuple[Any, Path], lines: Lines, text: str
) -> None:
    middleware, path = watched
    before = middleware.policy, middleware.allowed_hosts
    replace(path, text)
    line = lines.next()
    assert line.startswith(f"CORS: {path} cannot be used, so what was in force stays: ")
    assert "the file is empty" in line
    assert (middleware.policy, middleware.allowed_hosts) == before
    replace(path, "allow_origins = []")
    while not lines.next().endswith("was changed and is in force"):
        pass  # That nobody is allowed is a warning.
    assert middleware.policy == CORSPolicy()


def test_who_is_told_of_refusals_stays_when_a_file_changes(
    watched: tuple[Any, Path], lines: Lines
) -> None:
    middleware, path = watched
    middleware.reconfigure(middleware.policy, on_refusal=print)
    replace(path, 'allow_origins = ["*"]')
    lines.next()
    assert middleware.on_refusal is print


@pytest.mark.parametrize("odd", ["pipe", "endless"])
def test_what_is_not_a_regular_file_does_not_end_the_watching(
    watched: tuple[Any, Path], lines: Lines, odd: str
) -> None:
    middleware, path = watched
    before = middleware.policy
    other = path.with_suffix(".odd")
    if odd == "pipe":
        os.mkfifo(other)
    else:
        other.symlink_to("/dev/zero")
    other.replace(path)
    assert lines.next().endswith("stays: OSError: 'it is not a regular file'")
    assert middleware.policy == before
    replace(path, 'allow_origins = ["https://other.example"]')
    assert lines.next() == f"CORS: {path} was changed and is in force"


def test_a_middleware_that_is_gone_is_not_watched(tmp_path: Path) -> None:
    path = tmp_path / "corsac.toml"
    path.write_text(WHOLE, encoding="utf-8")
    middleware = corsac.CORSMiddleware.from_file(app, path, watch=True)
    (thread,) = [each for each in threading.enumerate() if str(path) in each.name]
    copied = copy.copy(middleware)
    assert copied.policy == middleware.policy
    del middleware
    gc.collect()
    thread.join(60)
    assert not thread.is_alive()
