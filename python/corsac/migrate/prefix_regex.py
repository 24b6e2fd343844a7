"""Expressions that an old library matches from the start only, or without regard to case.

Corsac matches a whole origin. An expression without an end so becomes narrower, which is the
point: ``https://.*[.]example[.]com`` no longer lets in ``https://a.example.com.evil.example``. What
is lost is found by RE2, in linear time, and said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from corsac import _core
from corsac.migrate.narrowing import is_entry
from corsac.migrate.reading import OriginRegex, Reading
from corsac.origins.regex import RegexOrigins, compile_origin_regex
from corsac.validation.regex.language import language_of_tree
from corsac.validation.regex.origin_languages import origins
from corsac.validation.regex.syntax import Alternatives, Node, UnknownSyntax, read_regex

__all__ = ["in_lower_case", "matches_from_the_start", "pattern_samples", "read_prefix_regex"]

MAX_LENGTH = 1_000
"""Characters of an expression that is looked into."""

_ANY_SITE = ("https://zq.xv", "http://zq.xv")
_LOOK_ALIKE_ENDS = (".evil.example", "evil.example", "-evil.example", ":8443")

_PIECE = re.compile(r"\\.|[^\\]+", re.DOTALL)
_INLINE_CASE = re.compile(r"^\(\?i\)")


def in_lower_case(text: str) -> str:
    """An expression in lower case, which matches the same origins without regard to case."""
    text = _INLINE_CASE.sub("", text)
    return "".join(
        piece if piece.startswith("\\") else piece.lower() for piece in _PIECE.findall(text)
    )


def _matcher(text: str) -> RegexOrigins | None:
    compiled = compile_origin_regex(text)
    return compiled if isinstance(compiled, RegexOrigins) else None


def matches_from_the_start(text: str) -> RegexOrigins | None:
    """What tells whether an expression matches the beginning of an origin; ``None`` without RE2."""
    return _matcher(f"(?:{text})(?:.*)") if len(text) <= MAX_LENGTH else None


def pattern_samples(entry: str) -> Iterator[str]:
    """Origins of every kind that a pattern of ``allow_origins`` matches."""
    hosts = ("a.", "a.b.", "x-1.") if "://*." in entry else ("",)
    ports = ("", ":3000", ":65535") if entry.endswith(":*") else ("",)
    plain = entry.removesuffix(":*").replace("://*.", "://", 1)
    for host in hosts:
        for port in ports:
            yield plain.replace("://", f"://{host}", 1) + port


def read_prefix_regex(reading: Reading, text: str, written: object, option: str, who: str) -> None:
    """Note an expression that is matched from the start, and what a full match changes.

    Args:
        reading: Where to note it.
        text: The expression, in lower case if case does not matter.
        written: What stands in the configuration.
        option: The option that it stands in.
        who: The old library.
    """
    if text.endswith(r"\Z"):
        text = f"{text[:-2]}$"
    whole, start = _matcher(text), matches_from_the_start(text)
    if whole is None or start is None:
        # The policy says why.
        reading.regexes.append(OriginRegex(text, written, option))
        return
    examples = _examples(text)
    opens = any(start(each.encode()) for each in _ANY_SITE)
    if (opens and not any(whole(each.encode()) for each in _ANY_SITE)) or (
        not examples and "://" in text
    ):
        # As a whole it matches nothing, or not what it is there for: what follows was meant too.
        text = f"(?:{text}).*"
        whole = start
    reading.regexes.append(OriginRegex(text, written, option))
    lost = [
        origin
        for example in examples
        for end in _LOOK_ALIKE_ENDS
        if _core.is_serialized_origin((origin := f"{example}{end}").encode())
        and start(origin.encode())
        and not whole(origin.encode())
    ]
    if lost:
        foreign = not lost[0].endswith(":8443")
        reading.problem(
            "regex.unanchored",
            "warning",
            option,
            written,
            f"{who} matches expressions from the start only, so it lets in {lost[0]}"
            + (" too, a name that anyone may register" if foreign else " too")
            + "; Corsac matches the whole origin",
            'end it with "$" until then'
            if foreign
            else 'add "(:[0-9]+)?" if pages are served from other ports',
        )


def read_glob(reading: Reading, entry: str, option: str, who: str) -> bool:
    """Note an entry that looks like a pattern with ``*`` and is an expression to the library.

    Returns:
        Whether it was noted. If not, it has to be read as the expression that it is.
    """
    if "*" not in entry or not is_entry(entry):
        return False
    start = matches_from_the_start(in_lower_case(entry))
    if start is None:
        return False
    if all(start(sample.encode()) for sample in pattern_samples(entry)):
        reading.options.setdefault("allow_origins", []).append(entry)
        look_alike = f"{entry.removesuffix(':*')}.evil.example"
        if start(look_alike.encode()):
            reading.problem(
                "regex.unanchored",
                "warning",
                option,
                entry,
                f"{who} takes it for a regular expression and matches it from the start only, so "
                f"it lets in {look_alike} too; here it is a pattern",
                "nothing needs to be done",
            )
        return True
    reading.problem(
        "origin.never_matched",
        "warning",
        option,
        entry,
        f"{who} takes it for a regular expression, which matches none of the origins that it "
        "looks like, so it is left out",
        "add it to allow_origins, where it is a pattern and does what it looks like",
    )
    return True


def _examples(text: str) -> list[str]:
    """An origin for each branch of an expression; none if it matches none or is not understood."""
    try:
        tree = read_regex(text)
        branches = _branches(tree)
        found = [language_of_tree(branch).common(origins()) for branch in branches]
    except UnknownSyntax:
        return [sample for sample in _GUESSES if (ask := _matcher(text)) and ask(sample.encode())]
    return [example for example in found if example is not None]


_GUESSES = ("https://app.example.com", "http://localhost:3000", "http://localhost")


def _branches(tree: Node) -> tuple[Node, ...]:
    return tuple(tree.items) if isinstance(tree, Alternatives) else (tree,)
