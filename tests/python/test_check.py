"""`corsac check` on files and the environment: what it prints, and every exit code."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from corsac.cli import main
from support.checking import check_json, codes, run_check, toml, use_empty_directory
from support.left_out import runs_the_command_line

GOOD = 'allow_origins = ["https://app.example.com", "https://b.example.com"]\n'
WARNED = 'allow_origins = ["https://app.example.com", "https://app.example.com"]\n'
WRONG = 'allow_origins = ["https://app.example.com/"]\nmax_age = 604800\n'


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command runs."""
    use_empty_directory(tmp_path, monkeypatch)
    return tmp_path


def test_a_good_file_is_said_to_be_good_in_plain_words(capsys: pytest.CaptureFixture[str]) -> None:
    text = GOOD + 'allow_methods = ["PUT"]\nallow_headers = ["x-a"]\nallow_credentials = true\n'
    assert main(["check", toml(text)]) == 0
    assert capsys.readouterr().out == (
        "policy.toml\n"
        "\n"
        "allows 2 origins with credentials; methods GET, HEAD, POST and PUT; request headers x-a; "
        "preflight answers are kept 600 seconds\n"
        "no problems\n"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('allow_origins = ["*"]', "allows any origin without credentials"),
        ('allow_origins = ["http://localhost:*"]', "allows 1 pattern of origins without"),
        (
            "guard = true",
            "allows pages of its own origin only; forged cross-origin writes are refused",
        ),
        (GOOD + 'allow_methods = ["*"]', "any method"),
        (GOOD + 'allow_headers = ["*", "authorization"]', "any request header"),
        (GOOD + 'expose_headers = ["*"]', "pages read any response header"),
        (GOOD + 'expose_headers = ["etag", "x-b"]', "pages read etag and x-b"),
        (GOOD + "max_age = 0", "preflight answers are never kept"),
        (GOOD + "max_age = false", "methods GET, HEAD and POST\n"),
        (GOOD + f"allow_headers = {[f'x-{n}' for n in range(9)]}", "x-6 and 2 more"),
    ],
)
def test_the_plain_words_follow_the_policy(
    text: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", toml(text)]) == 0
    assert words in capsys.readouterr().out


def test_problems_are_grouped_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    text = 'allow_origins = ["https://*.a.test", "https://x.a.test", "null"]\nmax_age = -1\n'
    assert main(["check", toml(text)]) == 1
    out = capsys.readouterr().out
    heads = [line.split()[0] for line in out.splitlines() if re.match(r"[a-z].*\]$", line)]
    assert heads == ["error", "error", "warning", "info"]
    assert "error  max_age: -1  [max_age.out_of_bounds]\n  max_age is 0 to" in out
    assert "\n  -> write 0 for never cached" in out
    assert "\n\n2 errors, 1 warning, 1 info\nmore: corsac explain-code " in out
    assert "allows" not in out.splitlines()[-2]


@pytest.mark.parametrize(
    ("text", "strict", "code"),
    [(GOOD, 0, 0), (GOOD, 1, 0), (WARNED, 0, 0), (WARNED, 1, 1), (WRONG, 0, 1), (WRONG, 1, 1)],
)
def test_the_exit_code_says_how_bad_it_is(text: str, strict: int, code: int) -> None:
    assert main(["check", toml(text), *["--strict"] * strict]) == code


def test_json_is_one_object_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = check_json(capsys, toml(WRONG))
    assert (code, found["source"], found["valid"], found["policy"]) == (
        1,
        "policy.toml",
        False,
        None,
    )
    assert [problem["value"] for problem in found["problems"]] == [
        "https://app.example.com/",
        604800,
    ]
    code, found = check_json(capsys, toml(GOOD))
    assert (code, found["valid"], found["problems"]) == (0, True, [])
    assert found["policy"].startswith("CORSPolicy(allow_origins=('https://app")


def test_values_that_json_does_not_have_become_their_repr(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = GOOD + "max_age = nan\npreflight_status = 2020-01-01\n"
    code, found = check_json(capsys, toml(text))
    assert code == 1
    assert {problem["value"] for problem in found["problems"]} == {
        "nan",
        "datetime.date(2020, 1, 1)",
    }


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"allow_origins = [",
        b'allow_origins = ["https://caf\xe9.test"]',
        b"a = " + b"[" * 100_000,
        b"max_age = " + b"9" * 5000,
    ],
)
def test_a_file_that_cannot_be_read_is_no_finding(
    content: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    source = "policy.toml" if content is None else toml(content)
    code, found = check_json(capsys, source)
    assert (code, found["valid"], found["policy"]) == (3, False, None)
    assert len(found["problems"]) == 1
    assert main(["check", source]) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("corsac check: policy.toml")
    assert len(captured.err) < 3000


def test_any_existing_file_is_read_as_toml() -> None:
    Path("a:b").write_text(WRONG, encoding="utf-8")
    assert main(["check", "a:b"]) == 1


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("policy", "give a TOML file (policy.toml), module:attribute (api:app), or --env"),
        (".", "give a TOML file"),
        ("app.py", "write app:app"),
        ("shop/app.py:app", "write shop.app:app"),
        ("https://app.example.com", "this is not module:attribute"),
        ("api:", "this is not module:attribute"),
        (":app", "this is not module:attribute"),
        (".api:app", "this is not module:attribute"),
        ("api:a..b", "this is not module:attribute"),
        ("api:make(1)", "only a call without arguments"),
        ("a\x00\x1b[2J", r"a\x00\x1b[2J: there is no such file"),
        ("a\x00.toml", r"a\x00.toml: the file cannot be read"),
    ],
)
def test_a_source_of_no_known_form_is_explained(
    source: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("app.py").touch()
    assert main(["check", source]) == 3
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["a.toml", "--env"],
        ["a.toml", "b.toml"],
        ["a.toml", "--nonsense"],
        ["--env", "a.toml"],
        ["--env="],
    ],
)
def test_a_mistake_on_the_command_line_is_not_mistaken_for_a_warning(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("corsac check: error: ")
    assert captured.err.count("\n") == 1


def test_the_environment_is_checked_under_its_own_names(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CORS_ALLOW_ORIGINS", "https://a.test, https://a.test")
    monkeypatch.setenv("CORS_MAX_AGE", "")
    code, found = check_json(capsys, "--env", "--strict")
    assert (code, found["valid"], found["source"]) == (1, True, "CORS_* in the environment")
    assert {(problem["option"], problem["code"]) for problem in found["problems"]} == {
        ("CORS_MAX_AGE", "option.empty"),
        ("CORS_ALLOW_ORIGINS", "origin.redundant"),
    }
    monkeypatch.setenv("SHOP_ALLOW_ORIGINS", "https://a.test/")
    code, found = check_json(capsys, "--env", "SHOP_")
    assert code == 1
    assert found["problems"][0]["option"] == "SHOP_ALLOW_ORIGINS"


def test_an_environment_without_any_setting_is_not_called_fine(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, found = check_json(capsys, "--env")
    assert (code, codes(found)) == (3, ["source.nothing_found"])
    assert "begins with CORS_" in found["problems"][0]["message"]


@pytest.mark.parametrize("text", ["max_age = " + "0x" + "f" * 5000, '"\\u001b[2J" = 1'])
def test_hostile_toml_is_a_finding_or_unreadable(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", toml(GOOD + text)]) in {1, 3}
    captured = capsys.readouterr()
    assert "\x1b" not in captured.out + captured.err
    assert main(["check", "--json", "policy.toml"]) in {1, 3}
    assert not json.loads(capsys.readouterr().out)["valid"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("variable", "coloured"), [("", True), ("NO_COLOR=1", False), ("TERM=dumb", False)]
)
def test_colours_are_for_terminals_that_want_them(
    variable: str, coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    if variable:
        monkeypatch.setenv(*variable.split("="))
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    assert main(["check", toml(WRONG)]) == 1
    assert ("\x1b[1;31merror\x1b[0m" in terminal.getvalue()) is coloured


@runs_the_command_line
def test_as_a_program_it_writes_each_warning_once() -> None:
    done = run_check(toml(WARNED), "--strict")
    assert done.returncode == 1
    assert done.stderr == ""
    assert done.stdout.count("[origin.redundant]") == 1
    assert "\n1 warning\nmore: corsac explain-code origin.redundant\n" in done.stdout


@runs_the_command_line
def test_as_a_program_it_finds_modules_of_the_current_directory() -> None:
    code = "import logging.config, corsac\nlogging.basicConfig()\npolicy = corsac.CORSPolicy()\n"
    Path("checked_program.py").write_text(code, encoding="utf-8")
    done = run_check("checked_program:policy", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert codes(json.loads(done.stdout)) == ["origin.none"]


@runs_the_command_line
def test_an_encoding_without_the_letters_gets_escapes() -> None:
    done = run_check(toml('allow_origins = ["https://caf\u00e9.test"]'), PYTHONIOENCODING="ascii")
    assert done.returncode == 1
    assert r"'https://caf\xe9.test'" in done.stdout


@runs_the_command_line
def test_it_needs_no_other_extra_than_the_command_lines() -> None:
    missing = ("httpx2", "starlette", "fastapi", "uvicorn")
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({missing!r})); "
        f"from corsac.cli import main; sys.exit(main(['check', {toml(GOOD)!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], timeout=60, check=False)
    assert done.returncode == 0


ONLY = "\n\nonly what has to change; everything else stays:\n"
NOTHING = "\n\nnothing to change that --fix knows\n"


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        (
            'allow_origins = ["http://Shop.example/x", "https://*.a.example"]\n'
            'allow_credentials = true\nallow_methods = ["GET, PUT", "TRACE"]\nmax_age = 90000\n',
            f'{ONLY}allow_origins = ["https://shop.example", "https://*.a.example"]\n'
            'allow_methods = ["GET", "PUT"]\nmax_age = 86400\n',
        ),
        (
            'allow_origins = ["https://A.test"]\nallow_header = ["x"]\n',
            f'{ONLY}allow_origins = ["https://a.test"]\n',
        ),
        (
            '[tool.other]\nx = 1\n[tool.corsac]\nallow_origins = ["https://A.test"]\n',
            f'{ONLY}[tool.corsac]\nallow_origins = ["https://a.test"]\n',
        ),
        (
            'allow_origins = ["*"]\nallow_origin_regex = "https://a[.]test"\n',
            f"{ONLY}# remove allow_origin_regex\n",
        ),
        ('allow_origins = ["https://a.test"]\n[[rules]]\npath = "/a"\n', NOTHING),
        ('allow_origins = ["https://a.test"]\n', NOTHING),
    ],
)
def test_of_a_file_only_the_lines_to_change_are_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, printed: str
) -> None:
    source = tmp_path / "policy.toml"
    source.write_text(text, encoding="utf-8")
    main(["check", "--fix", str(source)])
    assert capsys.readouterr().out.endswith(printed)


def test_of_variables_and_programs_only_what_has_to_change_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FIX_ALLOW_ORIGINS", "https://A.test, https://b.test")
    monkeypatch.setenv("FIX_ALLOW_METHOD", "PUT")
    monkeypatch.setenv("FIX_MAX_AGE", "60")
    assert main(["check", "--fix", "--env", "FIX_"]) == 1
    out = capsys.readouterr().out
    assert out.endswith(f"{ONLY}FIX_ALLOW_ORIGINS=https://a.test,https://b.test\n")
    (tmp_path / "fixable.py").write_text(
        "import corsac\n"
        "from corsac.compat.starlette import CORSMiddleware as DropIn\n"
        "async def app(scope, receive, send): pass\n"
        "good = corsac.CORSPolicy(max_age=60, allow_origins=['https://a.test', 'https://a.test'])\n"
        "fine = corsac.CORSPolicy(allow_origins=['https://a.test'])\n"
        "def bad(): return corsac.CORSPolicy(allow_origins=['https://A.test', 'https://B.test'])\n"
        "ruled = corsac.CORSMiddleware(app, policy=fine, rules=[('/a', good)])\n"
        "drop_in = DropIn(app, allow_origins=['https://a.test'])\n",
        encoding="utf-8",
    )
    changed = "allow_origins=['https://a.test'],\n"
    for source, printed in (
        ("good", f"{ONLY}{changed}"),
        ("fine", NOTHING),
        ("drop_in", NOTHING),
        ("ruled", f"{ONLY}# rules['/a'].allow_origins\n{changed}"),
        (
            "bad()",
            f"{ONLY}allow_origins=['https://a.test', 'https://B.test'],\n"
            "# check again after that: more of the same can be mended\n",
        ),
    ):
        main(["check", "--fix", f"fixable:{source}", "--app-dir", str(tmp_path)])
        assert capsys.readouterr().out.endswith(printed), source
