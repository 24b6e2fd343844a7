"""Origins that a regular expression allows: RE2, so that no origin can make a match slow."""

from __future__ import annotations

import importlib
import re
from typing import Any

from corsac import _core
from corsac._text import printable
from corsac.errors import CORSConfigProblem

__all__ = ["PythonExpression", "RegexOrigins", "compile_origin_regex", "import_re2", "why_no_re2"]

REGEX_MEMORY_BYTES = 1 << 20
"""What RE2 may take for one expression (its ``max_mem``): room for 87 000 characters or 15 000
names. RE2 allows eight times that, but a match takes time in proportion to what is compiled."""

MAX_SHOWN_ERROR_LENGTH = 100
"""How much of RE2's own error text is shown; it may quote the whole expression."""


class PythonExpression(str):
    """An expression that Python's `re` may run where google-re2 is not installed.

    The readers of other libraries' options make it: those libraries run expressions by `re`, and a
    configuration has to mean the same wherever it is read.
    """

    __slots__ = ()


class RegexOrigins:
    """Allows the origins that an expression matches from the first byte to the last.

    An origin is looked at only if it is the serialization of one, ``scheme://host[:port]``, so
    that ``https://.*[.]example[.]com`` cannot match ``https://evil.example/.example.com``. RE2
    takes time linear in the origin's length, whatever the expression.

    What it said about the last origins is kept in the core, which asks about others alone.

    `compile_origin_regex` makes them, and explains invalid expressions.

    Args:
        pattern: An expression in RE2's syntax. It is always matched as a whole: ``^`` and ``$``
            are welcome and change nothing. It is case-sensitive, as origins are.

    Raises:
        ImportError: google-re2 is not installed.
        re2.error: RE2 cannot compile the pattern.
    """

    refusals_are_final = True
    """Whether nobody else is asked about an origin that it does not match."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.verdicts = _core.make_origin_verdicts()
        self._fullmatch = _compile(pattern).fullmatch

    def __call__(self, origin: bytes) -> bool:
        """Tell whether the expression matches the whole value of one Origin line; any bytes."""
        known = self.verdicts.find(origin)
        if known is not None:
            return known
        if not _core.is_serialized_origin(origin):
            return False
        matches = self._fullmatch(origin) is not None
        self.verdicts.put(origin, matches)
        return matches

    def __repr__(self) -> str:
        """Return the call that makes it."""
        return f"RegexOrigins({self.pattern!r})"


def compile_origin_regex(pattern: object) -> RegexOrigins | CORSConfigProblem:
    """Compile ``allow_origin_regex``, or return the problem; raise nothing.

    The code is ``regex.invalid`` if the value is not an expression that RE2 can run, and
    ``regex.extra_missing`` if google-re2 is not installed, or cannot be loaded.
    """
    if not isinstance(pattern, str):
        return _invalid(pattern, *_explain_type(pattern))
    if not pattern:
        return _invalid(pattern, "an empty expression matches no origin", "write None")
    if not pattern.isascii():
        return _invalid(
            pattern,
            "an origin is ASCII, so no other character can match",
            "write host names in other scripts as browsers send them (xn--...)",
        )
    try:
        return RegexOrigins(pattern)
    except ImportError:
        return CORSConfigProblem(
            "regex.extra_missing",
            "error",
            _OPTION,
            pattern,
            f"expressions are run by RE2, in linear time, and {why_no_re2()}",
            "pip install 'corsac[re2]', or use the patterns of allow_origins, which need nothing: "
            "https://*.example.com (every subdomain) and http://localhost:* (any port or none)",
        )
    except Exception as error:  # RE2's own error type is only known once it is imported.
        return _invalid(pattern, *_explain_error(error, pattern))


def why_no_re2() -> str | None:
    """Say in a clause why google-re2 cannot be used; ``None`` if it can."""
    try:
        import_re2()
    except ModuleNotFoundError:
        return "google-re2 is not installed"
    except ImportError as error:  # A sub-interpreter with a lock of its own, or a strange build.
        return f"google-re2 cannot be loaded here ({error})"
    return None


def import_re2() -> Any:
    """Import google-re2; raise `ImportError` if it is not installed."""
    # By name and only when needed: google-re2 is an extra, and slow to load.
    re2 = importlib.import_module("re2")
    if not hasattr(re2, "Options"):
        message = "the module re2 is not google-re2's"
        raise ImportError(message)
    return re2


def _compile(pattern: str) -> Any:
    if isinstance(pattern, PythonExpression) and why_no_re2() is not None:
        return _compile_by_python(pattern)
    re2 = import_re2()
    options = re2.Options()
    options.log_errors = False  # RE2 would write to stderr.
    options.never_capture = True  # Groups cost time, and nobody asks what they held.
    options.max_mem = REGEX_MEMORY_BYTES
    return re2.compile(pattern, options)


_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?(?:<?[=!]|P=|>|\()|[*+?}]\+|.", re.DOTALL)


def _compile_by_python(pattern: str) -> re.Pattern[bytes]:
    """Compile what RE2 can run too; raise what RE2 would say about the rest."""
    for token in _TOKEN.findall(pattern):
        if token.startswith("(?"):
            raise re.error(f"invalid perl operator: {token.replace('P=', 'P')}")
        if token[0] == "\\" and token[1] in "123456789Z":
            raise re.error(f"invalid escape sequence: {token}")
        if len(token) == 2 and token[1] == "+" and token[0] in "*+?}":
            raise re.error(f"bad repetition operator: {token}")
    return re.compile(pattern.encode())


_OPTION = "allow_origin_regex"
_SYNTAX = "the syntax is at https://github.com/google/re2/wiki/Syntax"


def _invalid(value: object, message: str, hint: str) -> CORSConfigProblem:
    return CORSConfigProblem("regex.invalid", "error", _OPTION, value, message, hint)


def _explain_type(value: object) -> tuple[str, str]:
    if isinstance(value, re.Pattern):
        text = value.pattern if isinstance(value.pattern, str) else value.pattern.decode("latin-1")
        # Of its flags only this one could matter, and origins are in lower case already.
        flags = "(?i)" if value.flags & re.IGNORECASE else ""
        return (
            "an expression compiled by the module re is run by that module, which may take "
            "exponential time",
            f"write the text of it, its .pattern: {_OPTION}={flags + text!r}",
        )
    if isinstance(value, (list, tuple, set, frozenset)):
        return "expected one expression, got a list", "join them with | into one string"
    return f"expected a string, got {type(value).__name__}", "write an expression or None"


_EXPLANATIONS = (
    (
        r"invalid perl operator: \(\?<?[=!]",
        "RE2 has no look-arounds, which cannot be run in linear time: {}...)",
        "say what may match instead of what may not, or decide in allow_origin_func",
    ),
    (
        r"invalid perl operator: \(\?P\Z|invalid escape sequence: \\[1-9gk]",
        "RE2 has no back-references, which cannot be run in linear time: {}",
        "write the group out again where it is referred to, or decide in allow_origin_func",
    ),
    (
        r"invalid perl operator: \(\?>|bad repetition operator: .*\+\Z",
        "RE2 has no atomic groups and no possessive repetitions: {}",
        "write a plain group or repetition: RE2 never backtracks, so there is nothing to prevent",
    ),
    (
        r"invalid perl operator: \(\?\(",
        "RE2 has no conditional groups: {}...)",
        "write the alternatives out, separated by |",
    ),
    (
        r"invalid perl operator: \(\?[aLux#]",
        "RE2 has no comments and no flags but i, m, s and U: {}",
        "leave it out; an origin is ASCII",
    ),
    (
        r"invalid escape sequence: \\Z",
        "RE2 does not know this escape: {}",
        "leave it out: the whole origin has to match anyway",
    ),
    (
        r"invalid repetition size",
        "RE2 repeats at most 1000 times, nested repetitions multiplied: {}",
        "write a smaller number, * or +",
    ),
    (
        r"pattern too large",
        f"it takes RE2 more than {REGEX_MEMORY_BYTES} bytes of memory (max_mem)",
        "list the origins in allow_origins, which costs a request the same however many they are",
    ),
)
"""RE2's error text, what it means (with what it is about, which RE2 names), and the way out."""


def _explain_error(error: Exception, pattern: str) -> tuple[str, str]:
    # google-re2 hands the text over as bytes.
    text = error.args[0] if error.args else ""
    text = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    about = printable(text.partition(": ")[2], MAX_SHOWN_ERROR_LENGTH)
    for start, message, hint in _EXPLANATIONS:
        # RE2 says "(?P" of a back-reference by name, and of a group whose name it cannot read.
        if re.match(start, text) and (about != "(?P" or "(?P=" in pattern):
            return message.format(about), hint
    said = printable(text.replace("invalid perl", "unknown"), MAX_SHOWN_ERROR_LENGTH)
    return f"RE2 cannot read it: {said}", _SYNTAX
