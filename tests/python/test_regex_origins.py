"""Origins that a regular expression allows: matched as a whole, in linear time, explained."""

from __future__ import annotations

import re
import subprocess
import sys
import types

import pytest

from corsac import CORSConfigProblem, _core
from corsac.origins.regex import (
    MAX_SHOWN_ERROR_LENGTH,
    REGEX_MEMORY_BYTES,
    RegexOrigins,
    compile_origin_regex,
)


def compiled(pattern: str) -> RegexOrigins:
    origins = compile_origin_regex(pattern)
    assert isinstance(origins, RegexOrigins), origins
    return origins


def problem_of(pattern: object) -> CORSConfigProblem:
    problem = compile_origin_regex(pattern)
    assert isinstance(problem, CORSConfigProblem), problem
    assert (problem.severity, problem.option) == ("error", "allow_origin_regex")
    assert problem.value is pattern
    return problem


@pytest.mark.parametrize(
    ("pattern", "origin"),
    [
        (r"https://.*\.example\.com", b"https://a.example.com"),
        (r"https://.*\.example\.com", b"https://a.b.example.com"),
        (r"^https://.*\.example\.com$", b"https://a.example.com"),
        (r"\Ahttps://a\.test\z", b"https://a.test"),
        (r"https?://(localhost|127\.0\.0\.1)(:\d+)?", b"http://localhost:3000"),
        (r"https?://(localhost|127\.0\.0\.1)(:\d+)?", b"https://127.0.0.1"),
        (r"http://\[::1\]:\d+", b"http://[::1]:8080"),
        (r"(?i)HTTPS://A\.TEST", b"https://a.test"),
        (r"https://a|https://a\.test", b"https://a.test"),
        (r"https://a.*?", b"https://a.test"),
        (r"chrome-extension://[a-p]{32}", b"chrome-extension://" + b"abcdefghijklmnop" * 2),
        (r"(?P<scheme>https)://(?P<host>a\.test)", b"https://a.test"),
        (r".*", b"https://" + b".".join([b"a" * 63] * 4)),
        (r".*", b"http://" + b"a" * 64 + b".localhost:3000"),
        # No resolver looks these up, but a URL parser takes them, and decides.
        (r"https://.*\.example\.com", b"https://.example.com"),
        (r"https://.*\.example\.com", b"https://a..example.com"),
        (r"https://[a-z]+-\.github\.io", b"https://user-.github.io"),
        *((r".*", f"{app}://{host}".encode()) for app in ("app", "x") for host in "-.A%;"),
        (r"capacitor-electron://-", b"capacitor-electron://-"),
        (r"safari-web-extension://[0-9A-F-]+", b"safari-web-extension://E8CF0E9A-1B2C"),
    ],
)
def test_an_origin_that_matches_as_a_whole_is_allowed(pattern: str, origin: bytes) -> None:
    assert compiled(pattern)(origin) is True


@pytest.mark.parametrize(
    ("pattern", "origin"),
    [
        (r"https://.*\.example\.com", b"https://evil.com/.example.com"),
        (r"https://.*\.example\.com", b"https://evil.com?.example.com"),
        (r"https://.*\.example\.com", b"https://evil.com#.example.com"),
        (r"https://.*\.example\.com", b"https://evil.com\\.example.com"),
        (r"https://.*\.example\.com", b"https://evil.com@.example.com"),
        (r"https://.*\.example\.com", b"https://user@a.example.com"),
        (r"https://.*\.example\.com", b"https://evil.com:80.example.com"),
        (r"https://.*\.example\.com", b"https://evil.com,https://a.example.com"),
        (r"https://.*\.example\.com", b"https://a.example.com.evil.com"),
        (r"https://.*\.example\.com", b"xhttps://a.example.com"),
        (r"https://.*\.example\.com", b"https://A.example.com"),
        (r"https://.*\.example\.com", b"https://a.example.com\n"),
        (r"https://.*\.example\.com$", b"https://a.example.com\n"),
        (r"(?m)^https://a\.test$", b"https://evil.test\nhttps://a.test"),
        (r"(?s)https://.*a\.test", b"https://evil.test\nhttps://a.test"),
        (r"(?m)^https://a\.test$", b"https://a.test\nhttps://evil.test"),
        (r"https://a\.test", b"https://a.test\x00"),
        (r"https://a\.test|https://b\.test", b"https://a.test.evil.com"),
        (r"^https://a\.test|https://b\.test$", b"https://evil.com.https://b.test"),
        (r"https://a\.test", b"https://a.test."),
        (r"https://a\.test", b"HTTPS://a.test"),
        (r"HTTPS://A\.TEST", b"https://a.test"),
        (r"(?i).*", b"https://A.test"),
        (r".*", b"null"),
        (r".*", b""),
        (r".*", b"https://b\xc3\xbccher.example"),
        (r".*", b"https://\xff"),
        (r".*", b"https://a.test:0"),
        (r".*", b"https://a.test:443"),
        (r".*", b"https://a.test:65536"),
        (r".*", b"http://[::1"),
        (r".*", b"https://a.test, https://b.test"),
        (r".*", b"https://a.test https://b.test"),
        (r".*", b"https://a.test,"),
        (r".*", b"app://-,app://."),
        (r".*", b"app://"),
        (r".*", b"app://a/b"),
        (r".*", b"file://"),
        (r".*", b"https://127.1"),
        (r".*", b"https://%61.test"),
        (r".*", b"https://" + b"a" * 319),
        (r".*", b"https://" + b"a" * (1 << 20)),
    ],
)
def test_what_is_no_origin_or_matches_in_part_is_refused(pattern: str, origin: bytes) -> None:
    assert compiled(pattern)(origin) is False


def test_an_origin_has_at_most_326_bytes() -> None:
    host = b".".join([b"a" * 63] * 3 + [b"a" * 61]) + b"."
    longest = b"s" * 64 + b"://" + host + b":65535"
    assert len(longest) == 327
    assert not _core.is_serialized_origin(longest)
    assert _core.is_serialized_origin(longest.replace(b".:", b":"))


def test_an_expression_that_backtracks_for_ever_elsewhere_is_just_matched() -> None:
    origins = compiled(r"https://([a-z]+)+\.(a|aa)+\.test")
    assert origins(b"https://" + b"a" * 60 + b"." + b"a" * 60 + b".test")
    assert not origins(b"https://" + b"a" * 60 + b"." + b"a" * 60 + b".tesx")


def test_the_same_answer_comes_every_time() -> None:
    origins = compiled(r"https://a\.test")
    assert [origins(b"https://a.test") for _ in range(4)] == [True] * 4
    assert [origins(b"https://b.test") for _ in range(4)] == [False] * 4


def test_results_are_kept_up_to_a_bound() -> None:
    origins = compiled(r"https://[0-9]+\.test")
    for number in range(20 * _core.MAX_ORIGIN_VERDICTS):
        assert origins(f"https://{number}.test".encode())
        assert origins.verdicts.find(f"https://{number}.test".encode()) is True
        assert not origins(f"https://x{number}.test".encode())
        assert origins.verdicts.find(f"https://x{number}.test".encode()) is False
    assert len(origins.verdicts) == _core.MAX_ORIGIN_VERDICTS


def test_what_is_no_origin_never_becomes_a_key() -> None:
    origins = compiled(r".*")
    for length in (0, 327, 1 << 20):
        assert not origins(b"https://" + b"/" * length)
    assert len(origins.verdicts) == 0


@pytest.mark.parametrize(
    ("pattern", "said", "way_out"),
    [
        ("https://(?!evil).*", "look-arounds, which cannot be run in linear time: (?!...)", "func"),
        ("https://(?=a).*", "look-arounds, which cannot be run in linear time: (?=...)", "func"),
        (r"https://.*(?<=a)\.test", "(?<=...)", "instead of what may not"),
        (r"https://.*(?<!a)\.test", "(?<!...)", "instead of what may not"),
        (r"https://(a)\1", r"back-references, which cannot be run in linear time: \1", "func"),
        (r"https://(?P<n>a)(?P=n)", "back-references", "write the group out again"),
        (r"https://(?P<n>a)\g<n>", r"back-references, which cannot be run in linear time: \g", ""),
        (r"https://(?>a)", "atomic groups", "never backtracks"),
        (r"https://a++", "possessive repetitions: ++", "never backtracks"),
        (r"https://a{2}+b", "possessive repetitions", "never backtracks"),
        (r"https://(a)?(?(1)b|c)", "conditional groups: (?(...)", "separated by |"),
        (r"https://a(?#note)", "comments", "leave it out"),
        (r"(?x) https://a", "flags", "leave it out"),
        (r"(?a)https://a", "flags", "leave it out"),
        (r"https://a\Z", r"this escape: \Z", "the whole origin has to match anyway"),
        ("https://a{1001}", "at most 1000 times, nested repetitions multiplied: {1001}", "smaller"),
        ("https://(a{100}){100}", "at most 1000 times", "smaller"),
        ("https://(", "RE2 cannot read it: missing ): https://(", "google/re2/wiki/Syntax"),
        ("*.example.com", "no argument for repetition operator: *", "google/re2/wiki/Syntax"),
        ("https://[b-a]", "invalid character class range: b-a", "google/re2/wiki/Syntax"),
        ("https://a**", "bad repetition operator: **", "google/re2/wiki/Syntax"),
        ("https://(?R)", "RE2 cannot read it: unknown operator: (?R", "google/re2/wiki/Syntax"),
        ("https://(?P>n)", "RE2 cannot read it: unknown operator: (?P", "google/re2/wiki/Syntax"),
        ("", "an empty expression matches no origin", "write None"),
        ("https://b\u00fccher", "an origin is ASCII", "xn--"),
        ("https://\ud800", "an origin is ASCII", "xn--"),
    ],
)
def test_what_re2_cannot_run_is_explained_with_the_way_out(
    pattern: str, said: str, way_out: str, capfd: pytest.CaptureFixture[str]
) -> None:
    problem = problem_of(pattern)
    assert problem.code == "regex.invalid"
    assert said in problem.message
    assert way_out in problem.hint
    assert "perl" not in str(problem)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("value", "said", "way_out"),
    [
        (re.compile(r"https://a\.test"), "compiled by the module re", r"='https://a\\.test'"),
        (re.compile("https://A", re.I), "may take exponential time", "='(?i)https://A'"),
        (re.compile(rb"https://a"), "compiled by the module re", "='https://a'"),
        (["https://a", "https://b"], "got a list", "join them with |"),
        (b"https://a", "got bytes", "write an expression or None"),
        (None, "got NoneType", "write an expression or None"),
        (7, "got int", "write an expression or None"),
    ],
)
def test_only_a_string_is_an_expression(value: object, said: str, way_out: str) -> None:
    problem = problem_of(value)
    assert problem.code == "regex.invalid"
    assert said in problem.message
    assert way_out in problem.hint


def test_an_expression_may_take_so_much_memory_and_no_more() -> None:
    # A literal character takes 12 bytes; the margin is for what RE2 puts around them.
    fits = REGEX_MEMORY_BYTES // 12 - 200
    assert isinstance(compile_origin_regex("a" * fits), RegexOrigins)
    problem = problem_of("a" * (REGEX_MEMORY_BYTES // 12 + 200))
    assert problem.code == "regex.invalid"
    assert f"more than {REGEX_MEMORY_BYTES} bytes of memory (max_mem)" in problem.message
    assert "allow_origins" in problem.hint


@pytest.mark.parametrize("excess", [0, 1])
def test_what_re2_says_is_cut_and_escaped(excess: int) -> None:
    said = "missing ): "
    filling = MAX_SHOWN_ERROR_LENGTH - len(said) - 1 + excess
    message = problem_of("(" + "x" * filling).message
    assert message.count("x") == filling - excess
    assert message.endswith("..." if excess else "x")
    assert problem_of("(\x1b[31m\n").message.isprintable()


def test_without_google_re2_the_problem_says_how_to_get_it_and_how_to_do_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)
    problem = problem_of(r"https://.*\.example\.com")
    assert problem.code == "regex.extra_missing"
    for text in ("pip install 'corsac[re2]'", "https://*.example.com", "http://localhost:*"):
        assert text in problem.hint
    assert problem_of(b"x").code == "regex.invalid"


def test_another_module_named_re2_is_not_taken_for_google_re2(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "re2", types.ModuleType("re2"))
    problem = problem_of("https://a")
    assert problem.code == "regex.extra_missing"
    assert problem.message.endswith("cannot be loaded here (the module re2 is not google-re2's)")


def test_its_repr_is_the_call_that_makes_it() -> None:
    assert repr(compiled("https://a")) == "RegexOrigins('https://a')"


def test_importing_it_imports_neither_re2_nor_an_event_loop() -> None:
    script = "import sys, corsac.origins; print(*{'re2', 'asyncio', 'trio'} & {*sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, text=True
    )
    assert done.stdout.strip() == ""
