"""Expressions for origins that a library matches from the start only.

Corsac matches a whole origin. An expression without an end so becomes narrower, which is the
point: ``https://.*[.]example[.]com`` no longer lets in ``https://a.example.com.evil.example``. What
is lost is found by automata, and said; no expression is run here.
"""

from __future__ import annotations

import functools
import re

from corsac import _core
from corsac.foreign.reader import OriginRegex, Reader, is_entry
from corsac.origins.regex import PythonExpression
from corsac.policy import problems_of
from corsac.validation.regex.as_origins import as_allow_origins
from corsac.validation.regex.language import Language, language
from corsac.validation.regex.origin_languages import language_of_entry, origins
from corsac.validation.regex.syntax import Alternatives, UnknownSyntax, read_regex

__all__ = ["read_glob", "read_prefix_regex"]

_ANY_SITE = ("https://zq.xv", "http://zq.xv")
_LOOK_ALIKE_ENDS = (".evil.example", "evil.example", "-evil.example", ":8443")
_INLINE_FLAGS = ((re.IGNORECASE, "i"), (re.DOTALL, "s"))
_END = re.compile(r"(?<!\\)((?:\\\\)*)\\[Zz]")


def read_prefix_regex(
    reader: Reader, entry: str | re.Pattern[str], option: str, *, ignores_case: bool = False
) -> None:
    """Note an expression that is matched from the start, and what a full match changes."""
    text = _text_of(reader, entry, option, ignores_case)
    if text is None:
        return
    written = entry if isinstance(entry, str) else entry.pattern
    try:
        start = _from_the_start(text)
        whole = language(text)
        tree = read_regex(text)
        branches = tree.items if isinstance(tree, Alternatives) else (tree,)
        # An origin for each branch of the expression.
        examples = list(filter(None, (language(each).common(origins()) for each in branches)))
        opens = any(each in start for each in _ANY_SITE)
        if (opens and not any(each in whole for each in _ANY_SITE)) or (
            not examples and start.common(language("https?://[!-~]+")) is not None
        ):
            # As a whole it matches nothing, or not what it is there for: what follows was meant.
            text, whole = f"(?:{text}).*", start
        entries = as_allow_origins(read_regex(text))
        if all(language_of_entry(each).beyond(start) is None for each in entries):
            reader.options["allow_origins"] += [
                each for each in entries if each not in reader.options["allow_origins"]
            ]
        else:
            entries = []
        lost = next(
            (
                origin
                for example in examples
                for end in _LOOK_ALIKE_ENDS
                if _core.is_serialized_origin((origin := f"{example}{end}").encode())
                and origin in start
                and origin not in whole
            ),
            None,
        )
    except UnknownSyntax:
        entries = []
        cannot_be_run = problems_of({"allow_origin_regex": PythonExpression(text)})
        lost = None if text.endswith("$") or cannot_be_run else "what begins so"
    if not entries:
        reader.regexes.append(OriginRegex(text, written, option))
    if lost is not None:
        foreign = not lost.endswith(":8443")
        whole_text = f"(?:{written})$" if "|" in written else f"{written}$"
        ended = whole_text if isinstance(entry, str) else re.compile(whole_text, entry.flags)
        message = (
            f"{reader.who} compares the start of an origin only, so it lets in {lost} too"
            + (", a name that anyone may register" if foreign else "")
            + "; here the whole origin has to match"
        )
        hint, fix = 'add "(:[0-9]+)?" if pages are served from other ports', None
        if foreign:
            hint, fix = (
                f"end it with $ to say so: {whole_text!r}",
                reader.instead(option, entry, ended),
            )
        reader.report("regex.unanchored", "warning", option, written, message, hint, fix)


def _text_of(
    reader: Reader, entry: str | re.Pattern[str], option: str, ignores_case: bool
) -> str | None:
    """Return the text of an expression for RE2, or ``None`` if there is none."""
    message, hint = "", "correct the expression, or list the origins"
    written = entry if isinstance(entry, str) else entry.pattern
    try:
        pattern = re.compile(entry) if isinstance(entry, str) else entry
    except (re.error, RecursionError, OverflowError) as error:
        message = f"it is taken for a regular expression, and Python cannot read it: {error}"
    else:
        if not isinstance(written, str):
            message = "an expression of bytes matches no origin"
        elif pattern.flags & re.VERBOSE:
            message = "an expression with the flag re.VERBOSE cannot be run in linear time by RE2"
            hint = "write it without white space and comments"
    if message:
        reader.report("regex.invalid", "error", option, written, message, hint)
        return None
    # RE2 does not know \Z; the whole origin has to match anyway.
    text = _END.sub(r"\1$", pattern.pattern)
    if isinstance(entry, str):
        flags = "i" if ignores_case and text != text.lower() else ""
    else:  # The flags of the text itself are in the text.
        flags = "".join(letter for flag, letter in _INLINE_FLAGS if pattern.flags & flag)
    if "i" in flags and text.startswith("(?i)"):
        text = text.removeprefix("(?i)")
    return f"(?{flags}:{text})" if flags and text != text.lower() else text


@functools.lru_cache(maxsize=64)
def _from_the_start(text: str) -> Language:
    return language(f"(?:{text})[ -~]*")


def read_glob(reader: Reader, entry: str, option: str) -> bool:
    """Note an entry that looks like a pattern, if the library reads an expression; tell whether."""
    if not is_entry(entry.lower()):
        return False
    try:
        start = _from_the_start(entry.lower())
        is_matched = language_of_entry(entry.lower()).beyond(start) is None
    except UnknownSyntax:
        return False
    message = f"{reader.who} takes this for a regular expression, which matches "
    if is_matched:
        reader.options["allow_origins"].append(entry.lower())
        message += "more; here it is what it looks like"
        hint = f'remove it if "{entry.lower()}" is not to be allowed'
    else:
        message += (
            "other origins than it looks like; so it is not a pattern here either, and is left out"
        )
        hint = (
            "to mean it, give a policy in place of options: "
            f'CORSPolicy(allow_origins=["{entry.lower()}"])'
        )
    reader.warn("regex.look_alike", option, entry, message, hint)
    return True
