"""Asks a translated configuration what the configurations of public projects were asked.

A row's ``observed`` answers come from the library that it was written for. The same questions are
put to the middleware that the translation makes, and the browser's half of the protocol says what
its answers mean.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import corsac
from corsac import _core
from corsac.migrate import Translation, translate
from support.conformance import CASES
from support.exchange import Request, Response, asgi_exchange, wire_pairs

Row = dict[str, Any]


def pattern_samples(entry: str) -> Iterator[str]:
    """Origins of every kind that a pattern of ``allow_origins`` matches."""
    hosts = ("a.", "a.b.", "x-1.") if "://*." in entry else ("",)
    ports = ("", ":3000", ":65535") if entry.endswith(":*") else ("",)
    plain = entry.removesuffix(":*").replace("://*.", "://", 1)
    for host in hosts:
        for port in ports:
            yield plain.replace("://", f"://{host}", 1) + port


ANYBODY = "https://evil.example"
GUESSES = (
    "http://localhost:3000",
    "http://localhost",
    "http://127.0.0.1:8000",
    "https://a.vercel.app",
    "https://a.b.vercel.app",
    "https://a.herokuapp.com",
)


@dataclass(frozen=True)
class Difference:
    """One question that the translation answers otherwise.

    Attributes:
        probe: The question.
        topic: What it is about: ``origins``, ``methods`` or ``headers``.
        before: What the old library let a page do.
        now: What the translation lets it do.
    """

    probe: str
    topic: str
    before: bool
    now: bool


def read_rows() -> list[Row]:
    """The rows with answers."""
    rows: list[Row] = json.loads((CASES / "realworld.json").read_text())
    return [row for row in rows if row["observed"].get("evaluated")]


def translation_of(row: Row) -> Translation:
    """The translation of a row; a dynamic option has the default that was observed."""
    options = json.loads(json.dumps(row["options"]))
    if row["observed"]["with_default"]:
        for each in row["dynamic"]:
            if "default" in each:
                _set(options, each["option"], each["default"])
    return translate(row["library"], with_patterns(options))


def _set(options: dict[str, Any], path: str, value: Any) -> None:
    *outer, last = path.split(".")
    for name in outer:
        options = options.setdefault(name, {})
    if last in options and isinstance(value, list) and isinstance(options[last], list):
        value = [*options[last], *value]
    options[last] = value


def with_patterns(value: Any) -> Any:
    """The data with compiled expressions where it says that there are some."""
    if isinstance(value, dict):
        if set(value) == {"regex_object"}:
            return re.compile(value["regex_object"])
        return {key: with_patterns(each) for key, each in value.items()}
    return [with_patterns(each) for each in value] if isinstance(value, list) else value


def differences(row: Row, translation: Translation) -> list[Difference]:
    """Every observed question that the translation answers otherwise."""
    return [each for each in _ask(row["observed"], translation) if each.before is not each.now]


def _ask(observed: dict[str, Any], translation: Translation) -> Iterator[Difference]:
    policy = corsac.CORSPolicy(**translation.options)
    path = "/"
    if translation.rules:
        path, ruled = next((rule for rule in translation.rules if rule[1]), ("/none", None))
        path = path.replace("/*", "/probe")
        policy = ruled or policy

    def answer(method: str, *headers: tuple[str, str]) -> Response:
        return asgi_exchange(policy, Request(method, headers, path))

    def may_read(origin: str, *, credentials: bool) -> bool:
        response = answer("GET", ("Origin", origin), ("Cookie", "a=b"))
        return not _core.browser_cors_check(origin, credentials, wire_pairs(response.headers))

    for key, origin, credentials in (
        ("any_https_origin", ANYBODY, False),
        ("any_https_origin_with_credentials", ANYBODY, True),
        ("null_origin", "null", False),
        ("null_with_credentials", "null", True),
    ):
        if key in observed:
            now = may_read(origin, credentials=credentials)
            yield Difference(key, "origins", observed[key], now)
    for entry in observed.get("dead_entries", ()):
        for sample in [entry, *pattern_samples(entry)] if "*" in entry else [entry]:
            now = may_read(sample, credentials=False)
            yield Difference(f"dead {sample}", "origins", False, now)
    for _, look_alike, _ in observed.get("pattern_suffix_attack", ()):
        if not _core.is_serialized_origin(look_alike.encode()):
            continue  # A host name where the port is: no browser sends that.
        now = may_read(look_alike, credentials=False)
        yield Difference(f"look-alike {look_alike}", "origins", True, now)
    allowed = _allowed_origins(policy)
    readable = [each for each in allowed if may_read(each, credentials=False)]
    asker = readable[0] if readable else ANYBODY
    methods, headers = ("methods", "headers") if readable else ("origins", "origins")

    def passes(method: str, *names: str) -> bool:
        asked = [("Access-Control-Request-Headers", name) for name in names]
        response = answer(
            "OPTIONS",
            ("Origin", asker),
            ("Access-Control-Request-Method", method),
            *asked,
        )
        pairs = wire_pairs(response.headers)
        lines = [(name.encode(), b"x") for name in names]
        credentials = policy.allow_credentials
        reason, _ = _core.browser_preflight_check(
            asker, credentials, method, lines, response.status, pairs
        )
        return not reason

    for method, before in observed.get("preflight_methods", {}).items():
        yield Difference(f"method {method}", methods, before, passes(method))
    for name, before in observed.get("preflight_headers", {}).items():
        yield Difference(f"header {name}", headers, before, passes("GET", name))


def _allowed_origins(policy: corsac.CORSPolicy) -> Iterator[str]:
    for entry in policy.allow_origins:
        yield from pattern_samples(entry) if entry != "*" else (ANYBODY,)
    yield from (ANYBODY, *GUESSES)


# What may say that a difference in one topic exists.
_CODES = {
    "origins": ("origin.", "regex.", "rule.", "option."),
    "methods": ("method.", "option."),
    # Where the old library refuses every preflight request, no header passes either.
    "headers": ("header.", "option.", "method.safelisted"),
}


def is_reported(difference: Difference, translation: Translation) -> bool:
    """Whether a problem says that a question is answered otherwise."""
    return any(
        problem.severity != "info" and problem.code.startswith(_CODES[difference.topic])
        for problem in translation.problems
    )
