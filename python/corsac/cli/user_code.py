"""Import objects of the user's own modules by name, and say clearly why one cannot be had."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import inspect
import os
import re
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import corsac
from corsac._text import printable
from corsac.cli.ending import CommandError
from corsac.errors import CORSConfigError, CORSProblemCode

__all__ = ["SourceError", "importable_from", "load_object", "place_of"]

ResultT = TypeVar("ResultT")


class SourceError(CommandError):
    """There is nothing to check: what was looked at, what is wrong there, and the way out."""

    def __init__(
        self, code: CORSProblemCode, message: str, hint: str = "", trace: Sequence[str] = ()
    ) -> None:
        text = f"{message}; {hint}" if hint else message
        super().__init__(printable(text, 2_000), lines=trace)
        self.code = code
        self.message = message
        self.hint = hint


# Import takes more names than Python's grammar does, such as `my-app`; no dot at an end.
_MODULE = re.compile(r"[^\s./\\:]+(\.[^\s./\\:]+)*")
_ABSENT = object()


@contextlib.contextmanager
def importable_from(directory: str) -> Iterator[None]:
    """Put a directory first on ``sys.path`` for a while, as servers do.

    What the user's code prints goes to stderr meanwhile, so that stdout has the report alone.
    """
    path = os.path.abspath(directory)
    if not os.path.isdir(path):
        raise SourceError("source.unreadable", f"--app-dir {directory}: there is no such directory")
    sys.path.insert(0, path)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(path)


def load_object(name: str) -> object:
    """Import what ``module:attribute`` names; with ``()`` at its end, call it.

    `SourceError` says why that failed; what the user's code raises as `CORSConfigError`, a policy
    or middleware that is not valid, passes.
    """
    module, _, attributes = name.partition(":")
    path = attributes.removesuffix("()")
    message = hint = ""
    if module.endswith(".py"):
        dotted = module.removesuffix(".py").removeprefix("./").replace("/", ".")
        message, hint = "a module is written as in an import statement", f"{dotted}:{attributes}"
    elif "(" in path:
        message = "only a call without arguments can be written"
        hint = f"{module}:{path.partition('(')[0]}"
    elif not _MODULE.fullmatch(module) or not all(map(str.isidentifier, path.split("."))):
        message, hint = "this is not module:attribute", "it as in api:app or shop.api:app"
    if message:
        raise SourceError("source.unclear", f"{name}: {message}", f"write {hint}")
    found: object = _run(f"import {module}", importlib.import_module, module)
    seen, mark = module, ":"
    for attribute in path.split("."):
        owner = found
        found = _run(f"{seen}: {attribute}", getattr, owner, attribute, _ABSENT)
        if found is _ABSENT:
            near = difflib.get_close_matches(attribute, _run(f"dir({seen})", dir, owner), 1)
            hint = f"did you mean {near[0]}?" if near else ""
            message = f"{seen} was found, but it has no attribute {attribute}"
            raise SourceError("source.nothing_found", message, hint)
        seen, mark = f"{seen}{mark}{attribute}", "."
    if path == attributes:
        return found
    if not callable(found):
        message = f"{seen} cannot be called: it is an object of the type {type(found).__name__}"
        raise SourceError("source.nothing_found", message, f"write {seen} without parentheses")
    made = _run(f"{seen}()", found)
    if inspect.iscoroutine(made):
        made.close()
    if inspect.isawaitable(made):
        message = f"{seen}() must be awaited; only a plain function can be called here"
        raise SourceError("source.nothing_found", message)
    return made


def _run(what: str, code: Callable[..., ResultT], *arguments: object) -> ResultT:
    """Run code of the user's, and turn what it raises into a `SourceError`."""
    try:
        return code(*arguments)
    except CORSConfigError:
        raise
    except SystemExit as error:
        summary = f"{what} ended the program, with exit code {error.code!r}"
        raise SourceError("source.import_failed", summary, trace=_trace(error)) from None
    except Exception as error:
        summary = printable(traceback.format_exception_only(error)[-1].strip(), _MAX_TRACE_WIDTH)
        trace, hint = _trace(error), ""
        if isinstance(error, ModuleNotFoundError) and not trace:
            hint = f"modules are looked for in {sys.path[0]} (--app-dir) and where Python has them"
        message = f"{what} failed: {summary}"
        raise SourceError("source.import_failed", message, hint, trace) from None


_MAX_TRACE_LINES = 40
_MAX_TRACE_WIDTH = 300
_OURS = (
    "<",  # <frozen importlib._bootstrap>, and <string> of generated code: no files to look into.
    *(f"{directory}{os.sep}" for directory in (*corsac.__path__, *importlib.__path__)),
)
_INSTALLED = tuple(f"{sysconfig.get_path(name)}{os.sep}" for name in ("purelib", "platlib"))


def place_of(error: BaseException) -> str:
    """Give the place in the user's code that an error came from, or an empty text.

    It is the module of Django's settings, or the innermost line that is not of a library.
    """
    every = traceback.extract_tb(error.__traceback__)
    if any(f"{os.sep}corsac{os.sep}django{os.sep}" in frame.filename for frame in every):
        module = getattr(sys.modules["django.conf"].settings, "SETTINGS_MODULE", None)
        if module is not None:
            return f"the settings {module}"
    frames = _without(_OURS, every)
    frames = _without(_INSTALLED, frames) or frames
    return f"{os.path.relpath(frames[-1].filename)}, line {frames[-1].lineno}" if frames else ""


def _without(
    directories: tuple[str, ...], frames: Sequence[traceback.FrameSummary]
) -> list[traceback.FrameSummary]:
    return [frame for frame in frames if not frame.filename.startswith(directories)]


def _trace(error: BaseException) -> list[str]:
    """Give the traceback without the frames of this program and of the import system."""
    told = traceback.TracebackException.from_exception(error)
    if not isinstance(error, SyntaxError | SystemExit) and not _without(_OURS, told.stack):
        return []
    part: traceback.TracebackException | None = told
    while part is not None:
        part.stack = traceback.StackSummary.from_list(_without(_OURS, part.stack))
        part = part.__cause__ or part.__context__
    lines = "".join(told.format()).expandtabs().splitlines()
    shown = [printable(line, _MAX_TRACE_WIDTH) for line in lines[-_MAX_TRACE_LINES:]]
    return shown if len(lines) <= _MAX_TRACE_LINES else ["...", *shown]
