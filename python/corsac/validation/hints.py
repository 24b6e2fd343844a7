"""Better hints for the core's errors, from what people usually write."""

from __future__ import annotations

import re
from collections.abc import Iterable

from corsac import _core
from corsac.errors import CORSConfigProblem
from corsac.validation.hosts import a_label

__all__ = ["improve_hints", "without_outer_white_space"]


def improve_hints(problems: Iterable[CORSConfigProblem]) -> list[CORSConfigProblem]:
    """Put the text to write instead into problems of the core, where it can be worked out.

    Codes, severities, options and values never change.
    """
    return [_improve(problem) for problem in problems]


def _improve(problem: CORSConfigProblem) -> CORSConfigProblem:
    if not isinstance(problem.value, str):
        return problem
    match problem.code:
        case "origin.invalid":
            found = _for_origin(problem.value)
        case "method.invalid":
            parts = _SEPARATORS.split(without_outer_white_space(problem.value))
            names = [part.strip("\"'[]()").upper() for part in parts if part]
            found = _for_names(problem.option, names)
        case "header.invalid":
            found = _for_header(problem.option, problem.value)
        case _:
            return problem
    message, hint = found or ("", problem.hint)
    message = message or _about_white_space(problem.value) or problem.message
    return problem.replace(message=message, hint=hint)


def without_outer_white_space(text: str) -> str:
    """Remove the white space and invisible characters around a text."""
    return _OUTER_WHITE_SPACE.sub("", text)


_INVISIBLE = r"[\s\x00-\x1f\u00ad\u200b-\u200f\u2060\ufeff]+"
_OUTER_WHITE_SPACE = re.compile(rf"\A{_INVISIBLE}|{_INVISIBLE}\Z")
_NAMES_OF_CHARACTERS = {" ": "a space", "\t": "a tab", "\n": "a line feed", "\r": "a line end"}


def _about_white_space(entry: str) -> str:
    """Return the message about white space around an entry; an empty text if it has none."""
    text = without_outer_white_space(entry)
    if not text or text == entry:
        return ""
    starts = entry[0] != text[0]
    character = entry[0] if starts else entry[-1]
    name = _NAMES_OF_CHARACTERS.get(character, f"the invisible character U+{ord(character):04X}")
    return f"it {'begins' if starts else 'ends'} with {name}; white space around an entry counts"


_Improvement = tuple[str, str]
"""A message, or an empty one to keep the core's, and a hint."""

_EMPTY: _Improvement = (
    "the entry is empty, as it is when a variable is not set",
    'leave it out: [entry for entry in text.split(",") if entry]',
)

_SEPARATORS = re.compile(r"[\s,;]+")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_AT_A_SCHEME = re.compile(r"(?=https?://)")
_LOOPBACK = re.compile(r"(?:localhost|127(?:\.\d+){3}|\[::1\])(?::.*)?")
_LOOKS_LIKE_A_REGEX = re.compile(r"\\|^\^|\$$|\[[^\]:]*-|[^(]\(|\||://\.[*+]")
_PARTIAL_LABEL = re.compile(r"(https?://)([a-z0-9.*-]*\*[a-z0-9.*-]*\.[a-z0-9-]+)(:\d+)?")


def _for_origin(entry: str) -> _Improvement | None:
    text = without_outer_white_space(entry).strip(" \t\r\n\f\v\"',;")
    if not text:
        return _EMPTY
    return (
        _for_regex(text)
        or _for_several_origins(text)
        or _for_unusual_wildcard(text)
        or _for_one_origin(entry, text)
    )


def _for_several_origins(text: str) -> _Improvement | None:
    bare = text.strip("[]()") if text[0] in "[(" and not text.startswith("[:") else text
    pieces = [
        piece.strip("\"' /")
        for part in _SEPARATORS.split(bare)
        for piece in _AT_A_SCHEME.split(part)
        if piece.strip("\"' /")
    ]
    # White space alone may also be a slip inside one origin.
    is_list = re.search("[,;]", bare) is not None or all(map(_SCHEME.match, pieces))
    origins = [origin for piece in pieces if (origin := _as_origin(piece)) is not None]
    if len(pieces) < 2 or not is_list or len(origins) < len(pieces):
        return None
    how = (
        "two strings without a comma between them are one"
        if not _SEPARATORS.search(bare)
        else "one entry is one origin"
    )
    return f"several origins are joined in one string; {how}", f"write {_as_list(origins)}"


def _for_regex(text: str) -> _Improvement | None:
    if not _LOOKS_LIKE_A_REGEX.search(text):
        return None
    from corsac.validation.regex.as_origins import as_allow_origins  # noqa: PLC0415
    from corsac.validation.regex.syntax import UnknownSyntax, read_regex  # noqa: PLC0415

    try:
        entries = as_allow_origins(read_regex(text)) if len(text) < _LONGEST_GUESS else []
    except UnknownSyntax:
        entries = []
    hint = f"write {_as_list(entries)}" if entries else f'write allow_origin_regex=r"{text}"'
    return "this is a regular expression; an entry is an origin or a pattern with *", hint


_LONGEST_GUESS = 1000


def _for_unusual_wildcard(text: str) -> _Improvement | None:
    scheme, separator, rest = text.partition("://")
    if separator and rest in {"*", "*:*"}:
        if scheme in {"http", "https"}:
            return "", 'write "*" if any site is meant'
        from corsac.validation.regex.extensions import any_id_regex  # noqa: PLC0415 - seldom

        expression = any_id_regex(scheme)
        if expression is not None:
            return "", f'write allow_origin_regex=r"{expression}"'
        return "", f'write the one that is meant, such as "{scheme}://" and its id'
    match = _PARTIAL_LABEL.fullmatch(text)
    if match is None or _core.is_origin_entry(text):
        return None
    if re.fullmatch(r"\*[a-z0-9-]+\.[a-z0-9-]+", match[2]):
        # As an expression it would match a name that anyone may register: evilexample.com.
        return "", f'did you mean "{match[1]}*.{match[2][1:]}{match[3] or ""}"?'
    host = match[2].replace(".", r"\.").replace("*", "[a-z0-9-]+")
    return "", f'write allow_origin_regex=r"{match[1]}{host}{match[3] or ""}"'


def _for_one_origin(entry: str, text: str) -> _Improvement | None:
    suggestion = _as_origin(text)
    if suggestion is None or suggestion == entry:
        return None
    if _SCHEME.match(text) is None:
        return "an origin starts with its scheme", f'did you mean "{suggestion}"?'
    return "", f'did you mean "{suggestion}"?'


def _as_origin(text: str) -> str | None:
    """Return what one entry probably means, or ``None``; https is guessed, but for localhost."""
    text = re.sub(r"^(https?)\??(?::/*|/{2,})", r"\1://", text, flags=re.IGNORECASE)
    if _SCHEME.match(text) is None:
        bare = text.lstrip("/")
        is_loopback = _LOOPBACK.fullmatch(bare) is not None
        if not is_loopback and ("." not in bare or "@" in bare):
            return None
        text = f"{'http' if is_loopback else 'https'}://{bare}"
    scheme, _, rest = text.partition("://")
    authority = re.split(r"[/?#\\]", rest, maxsplit=1)[0].rpartition("@")[2]
    host, colon, port = authority.partition(":") if "[" not in authority else (authority, "", "")
    scheme = scheme.lower()
    # Outside of the web a host is its bytes, in whatever case.
    if scheme in {"http", "https"}:
        host = ".".join(map(a_label, re.split("[.\u3002\uff0e\uff61]", host))).lower()
    port = port.lstrip("0") or port[:1]
    if (scheme, port) in {("http", "80"), ("https", "443")} or not port:
        colon = port = ""
    origin = f"{scheme}://{host}{colon}{port}"
    # A hint has to work when it is pasted.
    return origin if _core.is_origin_entry(origin) else None


def _as_list(entries: Iterable[str]) -> str:
    return "[" + ", ".join(f'"{entry}"' for entry in entries) + "]"


_MIME_TYPE = re.compile(
    r"(?:application|audio|font|image|message|model|multipart|text|video|\*)/[\w.+*-]*(?:;.*)?"
)
# Names without a hyphen that stand in lists, so that "Accept Authorization" is two of them.
_ONE_WORD_NAMES = frozenset({"accept", "authorization", "origin", "range", "etag", "location"})


def _for_names(option: str, names: list[str]) -> _Improvement | None:
    if not names:
        return _EMPTY
    names = [name for name in names if name]
    if not all(map(_core.is_token, names)):
        return None
    return "", f"write {option}={_as_list(names)}"


def _for_header(option: str, value: str) -> _Improvement | None:
    text = without_outer_white_space(value)
    if not text:
        return _EMPTY
    if _MIME_TYPE.fullmatch(text.lower()):
        return (
            "this is a media type, which is a value of the header content-type, not a header",
            'write "content-type"',
        )
    name, colon, _ = text.partition(":")
    if colon and _core.is_token(name.strip()):
        return "this has a value; only the name is listed", f'write "{name.strip()}"'
    parts = [part.strip("\"'[]()") for part in _SEPARATORS.split(text) if part]
    if not re.search("[,;]", text) and not _are_names(parts):
        joined = re.sub(r"-+", "-", "-".join(parts))
        is_name = _core.is_token(joined)
        return ("", f'did you mean "{joined}"?') if is_name and joined != value else None
    return _for_names(option, parts)


def _are_names(parts: list[str]) -> bool:
    """Tell whether each part of a text looks like a header name, not like half of one."""
    return all(
        part.lower() in _ONE_WORD_NAMES or ("-" in part and part.strip("-") == part)
        for part in parts
    )
