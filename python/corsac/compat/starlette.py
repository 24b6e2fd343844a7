"""A drop-in for Starlette's `CORSMiddleware`: one import changes, and no answer does.

It is Starlette's own class with two things added. What is a trap is said, by the logger ``corsac``
and as a Python warning, and so is a layer inside that allows an origin which is refused here. And
an expression is run by RE2, in linear time, if it can be and if the extra ``re2`` is installed; it
then matches no Origin beyond printable ASCII: no browser sends one.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

try:
    from starlette.datastructures import Headers
    from starlette.middleware import Middleware, cors
except ImportError as error:
    message = "corsac.compat.starlette needs Starlette: pip install 'starlette>=0.40'"
    raise ImportError(message) from error

from corsac._types import Message, Receive, Scope, Send
from corsac.app_headers import OWNED, AppHeadersLog, bare_name
from corsac.compat import CORSConfigWarning, warn_about
from corsac.errors import CORSConfigProblem, CORSProblemCode
from corsac.foreign.starlette import STARLETTE_OPTIONS, read_starlette
from corsac.inspection.layers import Applied
from corsac.origins.regex import import_re2, why_no_re2
from corsac.policy import CORSPolicy

__all__ = ["ALL_METHODS", "SAFELISTED_HEADERS", "CORSConfigWarning", "CORSMiddleware"]

ALL_METHODS = cors.ALL_METHODS
"""What ``allow_methods=["*"]`` stands for."""

SAFELISTED_HEADERS = cors.SAFELISTED_HEADERS
"""What is in every Access-Control-Allow-Headers."""

MIN_INDEXED = 16
"""Shorter lists are searched from the start, which takes no longer."""

PATTERN_CACHE_ENTRIES = 256
"""Compiled expressions that are kept; a program has a handful."""

# What both can read and RE2 understands in another way: counted repetitions without a minimum, a
# bracket inside of brackets, which RE2 takes for a class of characters, numbers after a backslash,
# and flags.
_READ_DIFFERENTLY = re.compile(r"\{,|\[[^\]]*\[|\[\]|\\[1-9]|\(\?[A-Za-z]*[aLmsux-]")

_SIGNATURE = inspect.signature(cors.CORSMiddleware)


class CORSMiddleware(cors.CORSMiddleware):
    """Starlette's `CORSMiddleware`, with warnings where it does not do what it seems to do.

    It takes the arguments of the installed Starlette's class, of which it is a subclass. Whatever
    can be changed or overridden there can be here. Libraries that stand aside where an application
    has that very class among its middleware, as Gradio does, stand aside for this one: see
    `_Entry`.

    Attributes:
        problems: What was said about the options, with what is merely worth knowing.

    Example:
        >>> from corsac.compat.starlette import CORSMiddleware
        >>> app = CORSMiddleware(app, allow_origins=["https://app.example.com"])
    """

    problems: tuple[CORSConfigProblem, ...]
    _app_headers_log: AppHeadersLog
    _is_introduced = False
    _live_origins: LiveOrigins
    _read_options: Mapping[str, Any]

    if not TYPE_CHECKING:  # Type checkers see the signature of Starlette's.

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            given = _SIGNATURE.bind(*args, **options)
            given.apply_defaults()
            read = read_starlette({name: given.arguments[name] for name in STARLETTE_OPTIONS})
            found = read.problems_for("drop-in")
            self.problems = problems = (*found, *problems_of_python(self.allow_origin_regex))
            self._read_options = read.options
            self._live_origins = LiveOrigins()
            self._app_headers_log = AppHeadersLog(True, "corsac.CORSMiddleware removes them")
            warn_about(problems, ("starlette", "fastapi"))

    def _applied(self) -> Applied:
        return Applied(CORSPolicy(**self._read_options), problems=self.problems)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request as Starlette's class does."""
        if not self._is_introduced:
            self._is_introduced = True
            _introduce(scope.get("app"))
        await super().__call__(scope, receive, send)

    async def simple_response(
        self, scope: Scope, receive: Receive, send: Send, request_headers: Headers
    ) -> None:
        """Run the application, as Starlette's class does; headers of others inside are told."""
        origin = request_headers.get("origin")
        deliver = send
        if origin is not None and not self.allow_all_origins:

            def send(message: Message) -> Awaitable[None]:
                if message["type"] == "http.response.start":
                    lines = [pair for pair in message["headers"] if bare_name(pair[0]) in OWNED]
                    allows = any(bare_name(name) == OWNED[0] for name, _ in lines)
                    if allows and not self.is_allowed_origin(origin=origin):
                        self._app_headers_log(scope, "kept", lines)
                return deliver(message)

        await super().simple_response(scope, receive, send, request_headers=request_headers)

    def is_allowed_origin(self, origin: str) -> bool:
        """Whether a page of an origin may read responses; a subclass may decide otherwise."""
        pattern = self.allow_origin_regex
        if self.allow_all_origins or (pattern is not None and fullmatch_of(pattern)(origin)):
            return True
        return self._live_origins.contains(self.allow_origins, origin)


@functools.lru_cache(PATTERN_CACHE_ENTRIES)
def fullmatch_of(pattern: re.Pattern[str]) -> Callable[[str], object]:
    """Return what says whether a text matches as a whole: truthy, or not."""
    if why_python_runs_it(pattern) is not None:
        return pattern.fullmatch
    matches = _compile(pattern).fullmatch

    def fullmatch(text: str) -> object:
        # Classes such as \w and \s mean other characters to RE2 there, and no origin has any.
        return text.isascii() and text.isprintable() and matches(text)

    return fullmatch


@functools.lru_cache(PATTERN_CACHE_ENTRIES)
def why_python_runs_it(pattern: re.Pattern[str]) -> str | None:
    """Say in a clause why Python's `re` has to run an expression; ``None`` if RE2 runs it."""
    try:
        if not pattern.pattern.isascii() or _READ_DIFFERENTLY.search(pattern.pattern):
            return "RE2 would read it differently"
        if pattern.flags & ~re.UNICODE & ~re.IGNORECASE:
            return "it has flags that RE2 does not have"
        _compile(pattern)
    except ImportError:
        return why_no_re2()
    except Exception:  # RE2's own error type is only known once it is imported.
        return "RE2 cannot read it"
    return None


def problems_of_python(pattern: re.Pattern[str] | None) -> Iterator[CORSConfigProblem]:
    """Report that Python's `re` runs an expression of ``allow_origin_regex``, if it does."""
    why = None if pattern is None else why_python_runs_it(pattern)
    if pattern is None or why is None:
        return
    code: CORSProblemCode = "regex.python"
    hint = "write it without look-arounds, back-references and flags"
    if why == why_no_re2():
        code, hint = "regex.extra_missing", "pip install 'corsac[re2]'"
    message = f"Python's re runs it, since {why}: an Origin that is made for it may take for ever"
    yield CORSConfigProblem(code, "warning", "allow_origin_regex", pattern.pattern, message, hint)


def _compile(pattern: re.Pattern[str]) -> re.Pattern[str]:
    re2 = import_re2()
    options = re2.Options()
    options.log_errors = False  # RE2 would write to stderr.
    options.case_sensitive = not pattern.flags & re.IGNORECASE
    compiled: re.Pattern[str] = re2.compile(pattern.pattern, options)
    return compiled


class LiveOrigins:
    """Remembers where in a list each origin stood, and looks there first.

    An origin that is still there is found in the same time however long the list is; for any other
    the whole list is searched, as it is now.
    """

    def __init__(self) -> None:
        self._indexed: tuple[list[str], int, dict[str, int]] | None = None

    def contains(self, origins: Collection[str], origin: str) -> bool:
        """Whether ``origin in origins``, now; of anything but a list ``in`` alone is asked."""
        if not isinstance(origins, list) or len(origins) < MIN_INDEXED:
            return origin in origins
        known = self._indexed
        if known is None or known[0] is not origins or known[1] != len(origins):
            places = {entry: place for place, entry in enumerate(origins)}
            known = self._indexed = (origins, len(origins), places)
        place = known[2].get(origin)
        # A slice, since the list may have become shorter in another thread.
        is_there = place is not None and origins[place : place + 1] == [origin]
        return is_there or origin in origins


class _Entry(Middleware):
    """The drop-in's entry in an application's ``user_middleware``: shows Starlette's class.

    Some libraries compare ``entry.cls`` with Starlette's class by identity, and add CORS headers
    of their own, for any origin, where they do not find it. Starlette and FastAPI make what the
    entry unpacks to.
    """

    stands_for: type[CORSMiddleware]

    def __iter__(self) -> Iterator[Any]:
        _, *rest = super().__iter__()
        return iter((self.stands_for, *rest))


def _introduce(app: object) -> None:
    """Make the entries of the drop-in in an application look like those of Starlette's class."""
    for entry in getattr(app, "user_middleware", ()):
        cls = getattr(entry, "cls", None)
        if type(entry) is Middleware and isinstance(cls, type) and issubclass(cls, CORSMiddleware):
            entry.__class__ = _Entry
            vars(entry).update(stands_for=cls, cls=cors.CORSMiddleware)
