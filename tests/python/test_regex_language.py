"""The automaton of an expression matches what RE2 matches, and answers for all of it."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest

from corsac import CORSConfigError, CORSPolicy
from corsac.migrate import translate
from corsac.validation.regex import language as automata
from corsac.validation.regex.language import MAX_STATES, MAX_TRANSITIONS, language
from corsac.validation.regex.origin_languages import insecure_origins, origins
from corsac.validation.regex.syntax import UnknownSyntax, read_regex

# Together they have every construct; random pieces of them make the expressions below.
PIECES = [
    *("a", "b", "-", r"\.", ".", "[ab]", "[^a]", r"\d", r"[\w-]", "[a-c1]", "[[:digit:]]", r"\x61"),
    *(
        "(a|b)",
        "(?:ab)",
        "(?P<n>a)",
        "(?i:B)",
        "(a|)",
        "()",
        r"\Qa.b\E",
        r"[]a]",
        r"[^\S]",
        r"\141",
    ),
    *("^", "$", r"\A", r"\z", r"\W", r"\-", "[b-]", r"[\]-]", "[[:^alpha:]a]", "(?i)", "(?-i)"),
]
REPEATS = ["", "", "", "*", "+", "?", "{2}", "{0,2}", "{1,}", "*?", "{2}?", "{,2}"]


def random_regex(choice: random.Random, depth: int = 2) -> str:
    branches = []
    for _ in range(choice.choice([1, 1, 2])):
        items = ""
        for _ in range(choice.randint(1, 4)):
            piece = choice.choice(PIECES)
            if depth and choice.random() < 0.3:
                piece = f"({random_regex(choice, depth - 1)})"
            items += piece + ("" if piece.startswith("(?") else choice.choice(REPEATS))
        branches.append(items)
    return "|".join(branches)


def fullmatch_of(re2: Any, pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options).fullmatch


def test_it_matches_what_re2_matches() -> None:
    re2 = pytest.importorskip("re2")
    choice = random.Random(6454)  # noqa: S311 - the same expressions in every run
    compared = 0
    for _ in range(1500):
        pattern = random_regex(choice)
        try:
            fullmatch = fullmatch_of(re2, pattern)
            known = language(pattern)
        except (re2.error, UnknownSyntax):
            continue
        for _ in range(12):
            text = "".join(choice.choice("aabbB-.1\n") for _ in range(choice.randint(1, 6)))
            assert (text in known) is (fullmatch(text) is not None), (pattern, text)
            compared += 1
    assert compared > 10_000


@pytest.mark.parametrize(
    "pattern",
    [r"\bapp", r"\B", r"\pL", r"\p{Greek}", "[[:nope:]]", r"\Qab\E+", "(" * 50 + ")" * 50],
)
def test_what_it_does_not_know_it_does_not_guess(pattern: str) -> None:
    with pytest.raises(UnknownSyntax):
        read_regex(pattern)


@pytest.mark.parametrize(
    ("one", "other", "shortest"),
    [
        ("a+b", "a{3,}b*", "aaab"),
        ("a*", "b*", None),
        ("[ab]c", ".[cd]", "ac"),
        ("(ab)*c", "a.*c", "abc"),
        ("é", ".", None),
        ("a^b", ".*", None),
        ("a$b", ".*", None),
    ],
)
def test_the_shortest_common_string_is_found_if_there_is_one(
    one: str, other: str, shortest: str | None
) -> None:
    assert language(one).common(language(other)) == shortest


def test_an_automaton_has_at_most_so_many_states() -> None:
    length = MAX_STATES
    language("a" * length)
    with pytest.raises(UnknownSyntax, match="too many states"):
        language("a" * (length + 1))


DENSE = [
    r"https?://(?:(?:[a-z]?[0-9]?-?\.?){230})com",
    "https://(?:[a-z0-9.-]?){950}",
    r"https://(?:\w?){900}\.example\.com",
    f"https://(?:{'|'.join(['[a-m]', '[n-z]'] * 70)})+" * 6,
    "https://(?:(?:[a-z]?){400})*",
]
EMPTY = [
    r"^(?:(?:(?:)){700}){700}https://a\.example\.com$",
    r"(?:(?:(?:(?:|)){100}){100}){100}https://a\.example\.com",
    r"(?:(?:^{900}){900})https://a\.example\.com",
]


def steps_of(pattern: str) -> int:
    builder = automata._Builder(MAX_STATES)
    builder.add(read_regex(pattern))
    return MAX_TRANSITIONS - builder.steps_left


@pytest.mark.parametrize("pattern", ["(?:a?){9}", "(?:a|b|c)*", "(?:(?:(?:)){7}){7}a", "(?:a+)+$"])
def test_an_automaton_is_made_in_at_most_so_many_steps(
    pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = steps_of(pattern)
    monkeypatch.setattr(automata, "MAX_TRANSITIONS", steps)
    made = language(pattern)
    assert sum(then.bit_count() for then in made.then) <= steps + len(made.reads)
    monkeypatch.setattr(automata, "MAX_TRANSITIONS", steps - 1)
    with pytest.raises(UnknownSyntax, match="too many states"):
        language(pattern)


@pytest.mark.parametrize("pattern", DENSE + EMPTY)
def test_an_automaton_that_would_be_too_dense_or_have_too_many_parts_is_not_made(
    pattern: str,
) -> None:
    builder = automata._Builder(MAX_STATES)
    with pytest.raises(UnknownSyntax, match="too many states"):
        builder.add(read_regex(pattern))
    assert sum(then.bit_count() for then in builder.then) <= MAX_TRANSITIONS


def test_a_search_for_a_common_string_follows_at_most_so_many_transitions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Four states lead to 10 others in all, the ones behind each.
    one, other = language("(?:a?){4}b"), language("a*c")
    looks = 10
    monkeypatch.setattr(automata, "MAX_LOOKS", looks)
    assert one.common(other) is None
    monkeypatch.setattr(automata, "MAX_LOOKS", looks - 1)
    with pytest.raises(UnknownSyntax, match="too many states"):
        one.common(other)


def test_a_search_that_is_too_long_is_given_up() -> None:
    with pytest.raises(UnknownSyntax, match="too many states"):
        language(r".*://(?:.?){300}example\.com").common(insecure_origins())


def test_how_far_a_dense_expression_reaches_cannot_be_told() -> None:
    with pytest.raises(CORSConfigError) as caught:
        CORSPolicy(allow_origin_regex=DENSE[2], allow_credentials=True)
    (problem,) = caught.value.problems
    assert problem.code == "regex.reach_unknown"
    assert problem.message.endswith("too many states")


def test_a_translated_expression_of_empty_parts_is_refused_as_it_is_by_re2() -> None:
    problems = translate("flask-cors", {"origins": [EMPTY[0]]}).problems
    assert "regex.invalid" in [each.code for each in problems]


def test_a_question_looks_at_each_pair_of_states_once() -> None:
    one, other = language("https://(?:[a-z0-9.-]?){200}X"), origins()
    looked: list[int] = []

    class Counted(list[int]):
        def __getitem__(self, index: Any) -> Any:
            looked.append(index)
            return super().__getitem__(index)

    other.then, then = Counted(other.then), other.then
    try:
        assert one.common(other) is None
    finally:
        other.then = then
    # Not once for each pair of transitions, of which there are 24 millions.
    assert len(looked) < 20 * len(one.reads) * len(other.reads)


ORIGINS = [
    *("https://a.test", "http://a.test:8080", "https://x_y.a-b.test.", "http://localhost"),
    *("https://1.2.3.4", "http://255.255.255.255:1", "https://[::1]:65535", "http://[::]"),
    *("https://[2001:db8::1]", "https://[1:2:3:4:5:6:7:8]", "chrome-extension://abcdef"),
    *("https://a.test:80", "http://a.test:443", "https://a.test:4430", "http://a.test:8"),
    *("https://user-.github.io", "https://-a.-"),
    *(
        "app://-",
        "app://.",
        "x://A",
        "x://%41",
        "x://a;b",
        "x://[::1]:8",
        "x://1.2",
        "ftp://a.test",
    ),
    *("capacitor://localhost", "https://1a.test", "https://a.1b", "http-x://a", "httpss://a"),
]
NOT_ORIGINS = [
    *("", "null", "a.test", "https://", "https://a.test/", "https://A.test", "https://a..test"),
    *("https://a.test:443", "http://a.test:80", "https://a.test:", "https://a.test:0"),
    *(
        "https://a.test:08",
        "https://a.test:65536",
        "https://a.0x",
        "https://a.0xff",
        "https://a.08",
    ),
    *("wss://a.test", "file://a", "x://", "x://a,b", "x://a b", "x://a|b", "x://a@b", "x://a:0"),
    *("https://1.2.3", "https://1.2.3.256", "https://a.1", "https://u@a.test", "https://a.test,"),
    *("https://[::1", "https://[1:2]", "1x://a", "HTTPS://a.test", "https://a test", "https://.a"),
]


@pytest.mark.parametrize("text", ORIGINS)
def test_an_origin_is_one(text: str) -> None:
    assert text in origins()


@pytest.mark.parametrize("text", NOT_ORIGINS)
def test_what_no_browser_sends_is_no_origin(text: str) -> None:
    assert text not in origins()


def test_a_port_is_anything_but_the_default_one() -> None:
    for port in range(65_600):
        for scheme, default in (("https", 443), ("http", 80)):
            if port % 97 == 0 or abs(port - default) < 50 or port > 65_400:
                is_one = 0 < port <= 65_535 and port != default
                assert (f"{scheme}://a.test:{port}" in origins()) is is_one


@pytest.mark.parametrize(
    "origin",
    [
        *("http://localhost", "http://localhost:3000", "http://a.localhost", "http://localhost."),
        *("http://127.0.0.1", "http://127.9.9.9:8000", "http://[::1]", "https://a.test", "x://a"),
    ],
)
def test_the_own_machine_is_secure(origin: str) -> None:
    assert origin not in insecure_origins()


@pytest.mark.parametrize(
    "origin",
    [
        *("http://a.test", "http://localhost.a.test:8", "http://localhosts", "http://localhos"),
        *("http://128.0.0.1", "http://12.0.0.1", "http://1.2.7.0", "http://[::2]", "http://[::]"),
        *(
            "http://[::11]",
            "http://[1::1]",
            "http://[::1:1]",
            "http://0.0.0.0",
            "http://xlocalhost",
        ),
    ],
)
def test_another_machine_is_not(origin: str) -> None:
    assert origin in insecure_origins()
    assert origin in origins()
    assert not re.match("https:", origin)
