"""What an Express `origin` regex allows, and the full match that says what its author meant.

Express asks `regex.test(origin)`, which looks for the regex anywhere in the origin. Corsac asks for
a full match, so only a regex that is anchored at both ends means the same in both. Nothing here
decides about a request. A regex is read as text, far enough to see its ends; the policy checks what
RE2 makes of it.
"""

from __future__ import annotations

import re
from itertools import accumulate

from corsac.validation.regex.as_origins import as_allow_origins
from corsac.validation.regex.syntax import UnknownSyntax, read_regex

__all__ = ["ExpressRegexError", "full_match_text"]


class ExpressRegexError(Exception):
    """A regex that cannot be taken over as it is: the code of the problem, message and hint."""


def full_match_text(pattern: re.Pattern[str], *, credentials: bool) -> str:
    """Return the regex of Express as a text for `allow_origin_regex`, which is always a full match.

    Raises:
        ExpressRegexError: The regex allows more than it seems to, or has flags.
    """
    source = _INLINE_FLAGS.sub("", pattern.pattern)
    _refuse_flags(pattern, source)
    alternatives = _split_alternatives(_pieces(source))
    branches = [branch for pieces in alternatives for branch in _branches(pieces)]
    starts = all(is_tied for _, is_tied, _ in branches)
    ends = all(is_tied for *_, is_tied in branches)
    any_site = any(pattern.search(origin) for origin in _UNRELATED_ORIGINS)
    if any_site and credentials:
        raise ExpressRegexError(
            "origin.any_with_credentials",
            "the regex matches any site, and Express would let each act with the user's cookies",
            "list the origins that need credentials",
        )
    text = "|".join("".join(_bare(pieces)) for pieces in alternatives)
    if any_site:
        if starts and ends:
            return text
        raise ExpressRegexError(
            "regex.unanchored", "the regex matches any site", 'write origin: "*" if that is meant'
        )
    texts = ["".join(pieces) for pieces, *_ in branches]
    if not all(texts):
        message = "the regex, or one of its branches, is empty"
        raise ExpressRegexError("option.empty", message, "remove it")
    safe = _meant(texts, credentials=credentials)
    if not (starts and ends):
        loose = {"the beginning": starts, "the end": ends}
        examples = {"https://evil-example.com": starts, "https://example.com.evil.test": ends}
        where, look_alikes = (
            " and ".join(name for name, is_tied in each.items() if not is_tied)
            for each in (loose, examples)
        )
        message = (
            f"the regex is not tied to {where} of the origin, and Express looks for it anywhere: "
            f"a regex for example.com would so let in {look_alikes}"
        )
        raise ExpressRegexError("regex.unanchored", message, safe)
    for branch in texts:
        opens = (
            _escape_dots(branch) != branch,
            _OPEN_END.search(branch),
            _OPEN_START.search(branch),
        )
        for is_open, message in zip(opens, _LOOK_ALIKES, strict=True):
            if is_open:
                raise ExpressRegexError("regex.look_alike", message, safe)
    return text


# Two-letter names that no configuration means; short, as a hostile regex is run on them.
_UNRELATED_ORIGINS = ("https://zq.xv", "http://zq.xv")
_HARMLESS_FLAGS = re.UNICODE | re.ASCII
_INLINE_FLAGS = re.compile(r"^\(\?[a-zA-Z]+\)")


def _refuse_flags(pattern: re.Pattern[str], source: str) -> None:
    flags = pattern.flags & ~_HARMLESS_FLAGS
    scoped = _SCOPED_FLAGS.search(source)
    if not flags and not scoped:
        return
    if flags == re.IGNORECASE and not scoped:
        message = (
            "the i flag has no counterpart; browsers send origins in lower case, so a regex in "
            "lower case matches the same"
        )
        hint = f'write re.compile(r"{_in_lower_case("".join(_pieces(source)))}")'
        raise ExpressRegexError("regex.flags", message, hint)
    hint = "write the regex without flags"
    raise ExpressRegexError("regex.flags", "flags have no counterpart", hint)


_SCOPED_FLAGS = re.compile(r"(?<!\\)\(\?[a-zA-Z]*(?:-[a-zA-Z]+)?(?<!\?):")

_ESCAPED_OR_CLASS = r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]"
_PIECE = re.compile(rf"{_ESCAPED_OR_CLASS}|.", re.DOTALL)
_START_ANCHORS = {"^", r"\A"}
_END_ANCHORS = {"$", r"\z"}
# Node writes \/ inside a regex literal, and in Python the slash needs no escape. RE2 does not know
# \Z; an origin has no line breaks, so $ is the same there.
_REWRITTEN = {r"\/": "/", r"\Z": "$"}


def _pieces(source: str) -> list[str]:
    return [_REWRITTEN.get(piece, piece) for piece in _PIECE.findall(source)]


def _split_alternatives(pieces: list[str]) -> list[list[str]]:
    alternatives: list[list[str]] = [[]]
    depth = 0
    for piece in pieces:
        depth += (piece == "(") - (piece == ")")
        if piece == "|" and depth == 0:
            alternatives.append([])
        else:
            alternatives[-1].append(piece)
    return alternatives


def _bare(pieces: list[str]) -> list[str]:
    start = 1 if pieces and pieces[0] in _START_ANCHORS else 0
    end = -1 if pieces and pieces[-1] in _END_ANCHORS else None
    return pieces[start:end]


def _branches(
    pieces: list[str], starts: bool = False, ends: bool = False
) -> list[tuple[list[str], bool, bool]]:
    """Return the alternatives inside of one that is a group.

    Each comes without its anchors, and with whether it has one at its start, and at its end.
    """
    bare = _bare(pieces)
    starts = starts or bool({*pieces[:1]} & _START_ANCHORS)
    ends = ends or bool({*pieces[-1:]} & _END_ANCHORS)
    inner = _inside_of_group(bare)
    if inner is None:
        return [(bare, starts, ends)]
    parts = _split_alternatives(inner)
    return [branch for part in parts for branch in _branches(part, starts, ends)]


def _inside_of_group(pieces: list[str]) -> list[str] | None:
    """Return what is inside of the one group that the pieces are, or `None`."""
    depths = list(accumulate((piece == "(") - (piece == ")") for piece in pieces))
    if pieces[:1] != ["("] or pieces[-1] != ")" or 0 in depths[:-1]:
        return None
    if pieces[1:3] == ["?", ":"]:
        return pieces[3:-1]
    return None if pieces[1] == "?" else pieces[1:-1]


# What may stand for letters; a class of digits and dots stands for parts of an IP address.
_ANYTHING = r"(?:(?<!\\)\.|\\[wSDW]|\[(?!(?:[0-9.:-]|\\d)*\])[^\]]*\])(?:[*+]|\{[0-9,]*\})\??"
# After a colon only a port can follow, and after the host no slash: a wildcard opens nothing there.
_OPEN_END = re.compile(rf"(?<!:)(?<![^/]/){_ANYTHING}\)*\??$")
_LABEL = r"[A-Za-z0-9-]+"
_SITE = rf"{_LABEL}\\\.(?:{_LABEL}|[A-Za-z]{{2,3}}\\\.[A-Za-z]{{2}})"
_OPEN_START = re.compile(rf"{_ANYTHING}\)*\??(?={_SITE}(?:\(.*|:.*)?$)")
# An end that its author wrote for a path or a port, which can be left out.
_TAIL = re.compile(r"(?<![:\\(])\.[*+]\??$|\((?:\?:)?\.[*+]\??\)\??$")


# The dots that no quantifier follows, and what stands for no such dot.
_LONE_DOT = re.compile(rf"({_ESCAPED_OR_CLASS})|\.(?![*+?{{])", re.DOTALL)
_LOOK_ALIKES = (
    "a dot without a backslash stands for any character, so app.example.com is also "
    "app-example.com, which anyone can register",
    "the regex ends in a wildcard, so https://example.com.evil.test passes for example.com",
    "the wildcard touches the name of the site, so https://evil-example.com passes for example.com",
)
"""What is wrong with a lone dot, with an open end and with an open start."""


def _escape_dots(text: str) -> str:
    return _LONE_DOT.sub(lambda found: found[1] or r"\.", text)


def _in_lower_case(text: str) -> str:
    return re.sub(r"(\\.)|[A-Z]+", lambda found: found[1] or found[0].lower(), text)


def _meant(branches: list[str], *, credentials: bool) -> str:
    """Say what to write: origins and patterns if they say the same, or a full match."""
    cleaned = [_clean(branch) for branch in branches]
    still_open = any(_OPEN_END.search(text) or _OPEN_START.search(text) for text in cleaned)
    if still_open or any(text.endswith((r"\.", "/")) for text in cleaned):
        return "list the origins, or end the regex with the name of the site"
    cleaned = [_with_scheme(text) for text in cleaned]
    text = "|".join(cleaned)
    try:
        entries = as_allow_origins(read_regex(text))
    except UnknownSyntax:
        entries = []
    if entries:
        # What to do about http with credentials is a question of its own.
        secure = [each.removeprefix("https") for each in entries if each.startswith("https:")]
        listed = [
            f'"{entry}"'
            for entry in entries
            if not (credentials and entry.removeprefix("http") in secure)
        ]
        return "write " + " and ".join(listed)
    anchored = f"^(?:{text})$" if len(cleaned) > 1 else f"^{text}$"
    return f'write re.compile(r"{anchored}"), or for a CORSPolicy allow_origin_regex=r"{text}"'


def _clean(branch: str) -> str:
    """Escape the dots of a branch, cut its open end, and put whole labels in front."""
    text = _TAIL.sub("", _in_lower_case(_escape_dots(branch)))
    return _OPEN_START.sub(lambda start: r"(?:.*\.)?" if ")" not in start[0] else start[0], text)


def _with_scheme(text: str) -> str:
    """Begin with the scheme, which a regex for the end of an origin leaves out."""
    if text.startswith(("http", "(http", "(?:http")) or "://" in text:
        return text
    if text.startswith("localhost"):
        return f"http://{text}" if ":" in text else f"http://{text}:[0-9]+"
    if text.startswith((".", "[^")):
        return f"https://{text}"
    labels = r"[a-z0-9.-]+" if text.startswith(r"\.") else r"(?:[a-z0-9.-]+\.)?"
    return f"https://{labels}{text}"
