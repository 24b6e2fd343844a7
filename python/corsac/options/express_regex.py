"""What an Express `origin` regex allows, and the full match that says what its author meant.

Express asks `regex.test(origin)`, which looks for the regex anywhere in the origin. Corsac asks for
a full match, so only a regex that is anchored at both ends means the same in both. Nothing here
decides about a request: these are judgements of a configuration, for error messages. A regex is
read as text, far enough to see its ends; what RE2 makes of it is the policy's business.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from corsac.errors import CORSProblemCode

__all__ = ["ExpressRegexError", "full_match_text"]


class ExpressRegexError(Exception):
    """A regex that cannot be taken over as it is.

    Attributes:
        code: The code of the problem.
        message: What is wrong and what Express does with it.
        hint: What to write instead.
    """

    def __init__(self, code: CORSProblemCode, message: str, hint: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


def full_match_text(pattern: re.Pattern[str], *, credentials: bool) -> str:
    """The regex as a text for `allow_origin_regex`, which is always a full match.

    Args:
        pattern: The regex as Express has it.
        credentials: Whether the configuration allows credentials.

    Raises:
        ExpressRegexError: The regex allows more than it seems to, or has flags.
    """
    source = _without_inline_flags(pattern.pattern)
    _refuse_flags(pattern, source)
    alternatives = _split_alternatives(_pieces(source))
    anchored = all(_is_anchored(pieces) for pieces in alternatives)
    any_site = any(pattern.search(origin) for origin in _UNRELATED_ORIGINS)
    if any_site and credentials:
        raise ExpressRegexError(
            "origin.any_with_credentials",
            "the regex matches any site, and Express would let each act with the user's cookies",
            "list the origins that need credentials",
        )
    text = "|".join("".join(_bare(pieces)) for pieces in alternatives)
    if any_site:
        if anchored:
            return text
        raise ExpressRegexError(
            "regex.unanchored", "the regex matches any site", 'write origin: "*" if that is meant'
        )
    branches = [branch for pieces in alternatives for branch in _branches(pieces)]
    if not all(branches):
        raise ExpressRegexError(
            "option.empty", "the regex, or one of its branches, is empty", "remove it"
        )
    safe = _meant(branches, credentials=credentials)
    if not anchored:
        raise ExpressRegexError("regex.unanchored", _unanchored_message(alternatives), safe)
    for branch in branches:
        _refuse_look_alikes(branch, safe)
    return text


def _unanchored_message(alternatives: list[list[str]]) -> str:
    ends, look_alikes = [], []
    if not all(_starts(pieces) for pieces in alternatives):
        ends.append("the beginning")
        look_alikes.append("https://evil-example.com")
    if not all(_ends(pieces) for pieces in alternatives):
        ends.append("the end")
        look_alikes.append("https://example.com.evil.test")
    return (
        f"the regex is not tied to {' and '.join(ends)} of the origin, and Express looks for it "
        f"anywhere: a regex for example.com would so let in {' and '.join(look_alikes)}"
    )


# Two-letter names that no configuration means; short, as a hostile regex is run on them.
_UNRELATED_ORIGINS = ("https://zq.xv", "http://zq.xv")
_HARMLESS_FLAGS = re.UNICODE | re.ASCII
_INLINE_FLAGS = re.compile(r"^\(\?[a-zA-Z]+\)")


def _without_inline_flags(source: str) -> str:
    return _INLINE_FLAGS.sub("", source)


def _refuse_flags(pattern: re.Pattern[str], source: str) -> None:
    flags = pattern.flags & ~_HARMLESS_FLAGS
    scoped = _SCOPED_FLAGS.search(source)
    if not flags and not scoped:
        return
    if flags == re.IGNORECASE and not scoped:
        lower = "".join(
            piece if piece.startswith("\\") else piece.lower() for piece in _pieces(source)
        )
        raise ExpressRegexError(
            "regex.flags",
            "the i flag has no counterpart; browsers send origins in lower case, so a regex in "
            "lower case matches the same",
            f'write re.compile(r"{lower}")',
        )
    raise ExpressRegexError(
        "regex.flags", "flags have no counterpart", "write the regex without flags"
    )


_SCOPED_FLAGS = re.compile(r"(?<!\\)\(\?[a-zA-Z]*(?:-[a-zA-Z]+)?(?<!\?):")

# An escaped character, a class, or one character.
_PIECE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", re.DOTALL)
_START_ANCHORS = ("^", r"\A")
_END_ANCHORS = ("$", r"\Z", r"\z")
_QUANTIFIERS = ("*", "+", "?", "{")


def _pieces(source: str) -> list[str]:
    # Node writes \/ inside a regex literal; in Python the slash needs no escape.
    return ["/" if piece == r"\/" else piece for piece in _PIECE.findall(source)]


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


def _starts(pieces: list[str]) -> bool:
    inner = _inside_of_group(pieces)
    if inner is not None:
        return all(_starts(alternative) for alternative in _split_alternatives(inner))
    return bool(pieces) and pieces[0] in _START_ANCHORS


def _ends(pieces: list[str]) -> bool:
    inner = _inside_of_group(pieces)
    if inner is not None:
        return all(_ends(alternative) for alternative in _split_alternatives(inner))
    return bool(pieces) and pieces[-1] in _END_ANCHORS


def _is_anchored(pieces: list[str]) -> bool:
    return _starts(pieces) and _ends(pieces)


def _inside_of_group(pieces: list[str]) -> list[str] | None:
    """What is inside of the one group that the pieces are, or `None`."""
    if len(pieces) < 2 or pieces[0] != "(":
        return None
    depth = 0
    for piece in pieces[:-1]:
        depth += (piece == "(") - (piece == ")")
        if depth == 0:
            return None
    if pieces[-1] != ")":
        return None
    if pieces[1:3] == ["?", ":"]:
        return pieces[3:-1]
    return None if pieces[1] == "?" else pieces[1:-1]


def _bare(pieces: list[str]) -> list[str]:
    start = 1 if pieces and pieces[0] in _START_ANCHORS else 0
    end = -1 if pieces and pieces[-1] in _END_ANCHORS else None
    return pieces[start:end]


def _branches(pieces: list[str]) -> list[list[str]]:
    """The alternatives inside of an alternative that is one group, each without its anchors."""
    bare = _bare(pieces)
    inner = _inside_of_group(bare)
    if inner is None:
        return [bare]
    return [branch for part in _split_alternatives(inner) for branch in _branches(part)]


def _refuse_look_alikes(branch: list[str], safe: str) -> None:
    text = "".join(branch)
    if _escape_dots(branch) != branch:
        raise ExpressRegexError(
            "regex.look_alike",
            "a dot without a backslash stands for any character, so app.example.com is also "
            "app-example.com, which anyone can register",
            safe,
        )
    if _OPEN_END.search(text):
        raise ExpressRegexError(
            "regex.look_alike",
            "the regex ends in a wildcard, so https://example.com.evil.test passes for example.com",
            safe,
        )
    if _OPEN_START.search(text):
        raise ExpressRegexError(
            "regex.look_alike",
            "the wildcard touches the name of the site, so https://evil-example.com passes for "
            "example.com",
            safe,
        )


# What may stand for letters; a class of digits and dots stands for parts of an IP address.
_ANYTHING = r"(?:(?<!\\)\.|\\[wSDW]|\[(?!(?:[0-9.:-]|\\d)*\])[^\]]*\])(?:[*+]|\{[0-9,]*\})\??"
# After a colon only a port can follow, and after the host no slash: a wildcard opens nothing there.
_OPEN_END = re.compile(rf"(?<!:)(?<![^/]/){_ANYTHING}\)*\??$")
_LABEL = r"[A-Za-z0-9-]+"
_SITE = rf"{_LABEL}\\\.(?:{_LABEL}|[A-Za-z]{{2,3}}\\\.[A-Za-z]{{2}})"
_OPEN_START = re.compile(rf"{_ANYTHING}\)*\??(?={_SITE}(?:\(.*|:.*)?$)")
# An end that its author wrote for a path or a port, which can be left out.
_TAIL = re.compile(r"(?<![:\\(])\.[*+]\??$|\((?:\?:)?\.[*+]\??\)\??$")


def _escape_dots(pieces: list[str]) -> list[str]:
    following = [*pieces[1:], ""]
    return [
        r"\." if piece == "." and after not in _QUANTIFIERS else piece
        for piece, after in zip(pieces, following, strict=False)
    ]


_SHAPE = re.compile(
    r"""
    (?P<scheme> https\?:// | https:// | http:// | \((?:\?:)?https\?://\)\?? )?
    (?: (?P<subdomain> \.[*+]\??\\\. )
      | (?P<maybe> \((?:\?:)?\.[*+]\??\\\.\)[?*] )
      | (?P<dot> (?:\.[*+]\??)?\\\. )
    )?
    (?P<host> [A-Za-z0-9-]+ (?:\\\.[A-Za-z0-9-]+)* )
    (?: :(?P<port>[0-9]+) | (?P<any_port> :\\d[+*] | :\.[*+] | \((?:\?:)?:(?:\\d|\.)[+*]\)\? ) )?
    """,
    re.VERBOSE,
)


@dataclass(frozen=True)
class _Shape:
    """What an alternative is, if it is a plain origin with wildcards."""

    schemes: tuple[str, ...]
    subdomains: bool
    apex: bool
    rest: str

    def patterns(self) -> list[str]:
        hosts = ([""] if self.apex else []) + (["*."] if self.subdomains else [])
        return [f"{scheme}://{host}{self.rest}" for scheme in self.schemes for host in hosts]


def _shape_of(text: str, *, credentials: bool) -> _Shape | None:
    match = _SHAPE.fullmatch(text.replace(r"\-", "-"))
    if match is None:
        return None
    scheme = match["scheme"]
    host = match["host"].replace("\\", "").lower()
    port = f":{match['port']}" if match["port"] else ":*" if match["any_port"] else ""
    if scheme is None and "." not in host:
        if host != "localhost":
            return None
        return _Shape(("http",), subdomains=False, apex=True, rest=f"localhost{port or ':*'}")
    if scheme == "http://":
        schemes: tuple[str, ...] = ("http",)
    elif scheme is None or scheme == "https://" or credentials:
        # What to do about http with credentials is a question of its own.
        schemes = ("https",)
    else:
        schemes = ("https", "http")
    subdomains = bool(match["subdomain"] or match["dot"] or match["maybe"]) or scheme is None
    return _Shape(
        schemes=schemes,
        subdomains=subdomains,
        apex=not (match["subdomain"] or match["dot"]),
        rest=f"{host}{port}",
    )


def _meant(branches: list[list[str]], *, credentials: bool) -> str:
    """What to write: patterns if the regex is only a wildcard subdomain, or a full match."""
    cleaned = [_clean(branch) for branch in branches]
    still_open = any(_OPEN_END.search(text) or _OPEN_START.search(text) for text in cleaned)
    if still_open or any(text.endswith((r"\.", "/")) for text in cleaned):
        return "list the origins, or end the regex with the name of the site"
    shapes = [_shape_of(text, credentials=credentials) for text in cleaned]
    patterns = [pattern for shape in shapes if shape for pattern in shape.patterns()]
    if all(shapes):
        return "write " + " and ".join(f'"{pattern}"' for pattern in dict.fromkeys(patterns))
    text = "|".join(_with_scheme(text) for text in cleaned)
    anchored = f"^(?:{text})$" if len(cleaned) > 1 else f"^{text}$"
    return f'write re.compile(r"{anchored}"), or for a CORSPolicy allow_origin_regex=r"{text}"'


def _clean(branch: list[str]) -> str:
    """The branch with its dots escaped, without an open end, and with whole labels in front."""
    text = _TAIL.sub("", "".join(_escape_dots(branch)))
    return _OPEN_START.sub(lambda start: r"(?:.*\.)?" if ")" not in start[0] else start[0], text)


def _with_scheme(text: str) -> str:
    """A full match begins with the scheme, which a regex for the end of an origin leaves out."""
    if text.startswith(("http", "(http", "(?:http")) or "://" in text:
        return text
    labels = r"https://(?:[a-z0-9-]+\.)"
    if text.startswith(r"\."):
        return f"{labels}+{text[2:]}"
    return f"{labels}*{text}"
