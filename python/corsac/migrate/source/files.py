"""The files of a project that mention CORS, and where things stand in them."""

from __future__ import annotations

import ast
import dataclasses
import io
import os
import stat
import tokenize
import warnings
from collections.abc import Iterator
from functools import cached_property
from itertools import accumulate

__all__ = ["Project", "SourceFile", "UnreadableError", "dotted", "read_project", "shown"]

MAX_FILE_BYTES = 2_000_000  # Nobody writes a larger file by hand.
MAX_PARTS = 50  # Of a dotted name.
MAX_SHOWN = 400  # Characters of an expression.

# Directories of other people's code; those whose name begins with a dot are skipped as well.
SKIPPED_DIRECTORIES = frozenset(
    {"__pycache__", "build", "dist", "node_modules", "site-packages", "venv", "env"}
)


class UnreadableError(Exception):
    """A file that cannot be read, with the reason."""


class SourceFile:
    """One file that was read.

    Attributes:
        text: What it holds, with its line ends.
        nodes: Everything in its tree.
        imports: Names that are imported, with the full name of what they are. Of two imports of a
            name, as in ``try`` and ``except``, the first counts.
        wildcards: Modules of which all is imported, with the lines.

    Raises:
        SyntaxError: It is not Python.
    """

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Of the other program's doubtful escapes.
            self.tree = ast.parse(text.removeprefix("\ufeff"), filename="<source>")
        self.nodes = list(ast.walk(self.tree))
        self.imports: dict[str, str] = {}
        self.wildcards: list[tuple[str, int]] = []
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    name = alias.asname or alias.name.partition(".")[0]
                    self.imports.setdefault(name, alias.name if alias.asname else name)
            elif isinstance(node, ast.ImportFrom):
                module = f"{'.' * node.level}{node.module or ''}"
                for alias in node.names:
                    if alias.name == "*":
                        self.wildcards.append((module, node.lineno))
                    else:
                        name = alias.asname or alias.name
                        self.imports.setdefault(name, f"{module}.{alias.name}")
        # As Python counts lines: form feeds and the like end none.
        self._lines = list(io.StringIO(text, newline=""))
        self._starts = list(accumulate(map(len, self._lines), initial=0))

    @cached_property
    def parents(self) -> dict[int, ast.AST]:
        """Return for the identity of a node the node around it."""
        return {id(inner): node for node in self.nodes for inner in ast.iter_child_nodes(node)}

    def around(self, node: ast.AST) -> Iterator[ast.AST]:
        """Return what stands around a node, innermost first."""
        while (outer := self.parents.get(id(node))) is not None:
            yield outer
            node = outer

    def block(self, node: ast.AST) -> int:
        """Return the identity of the list of statements that a node stands in."""
        for outer in self.around(node):
            for name in ("body", "orelse", "finalbody"):
                block = getattr(outer, name, None)
                if isinstance(block, list) and any(each is node for each in block):
                    return id(block)
            node = outer
        return 0

    def full_name(self, node: ast.AST) -> str:
        """Return the dotted name of an expression with its import in front, or ``""``."""
        name = dotted(node)
        first, _, rest = name.partition(".")
        if first not in self.imports:
            return name
        return f"{self.imports[first]}.{rest}" if rest else self.imports[first]

    def span(self, node: ast.expr | ast.stmt | ast.alias) -> tuple[int, int]:
        """Say where a node begins and ends in the text."""
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
        return self._offset(node.lineno, node.col_offset), self._offset(end_line, end_column)

    def _offset(self, line: int, column: int) -> int:
        """Return the place of a line and a column in bytes, as `ast` gives them."""
        text = self._lines[line - 1]
        mark = "\ufeff" if line == 1 and text.startswith("\ufeff") else ""
        before = text[len(mark) :].encode("utf-8", "surrogatepass")[:column]
        return self._starts[line - 1] + len(mark) + len(before.decode("utf-8", "replace"))


@dataclasses.dataclass(slots=True)
class Project:
    """The files that mention CORS below the named paths, and what could not be read and why.

    ``repositories`` are directories that were passed over, since they have a ``.git`` of their own:
    clones, such as Corsac's where it was installed from one, and submodules. They are other
    projects, and a patch of this one cannot reach them.
    """

    paths: tuple[str, ...] = ()
    files: list[SourceFile] = dataclasses.field(default_factory=list)
    unreadable: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    repositories: list[str] = dataclasses.field(default_factory=list)
    looked_at: int = 0

    @property
    def is_whole(self) -> bool:
        """Tell whether directories were read, and no single files."""
        return all(map(os.path.isdir, self.paths))

    @property
    def directory(self) -> str:
        """The directory to apply a patch in: the current one if all files are below it.

        Else it is what was named, or what holds all that was named.
        """
        here = os.path.realpath(".")
        named = [
            path if os.path.isdir(path) else os.path.dirname(path)
            for path in map(os.path.realpath, self.paths)
        ]
        is_below = os.path.commonpath([here, *named]) == here
        return here if is_below else os.path.commonpath(named)


def dotted(node: ast.AST) -> str:
    """Return the text of a name with attributes, such as ``self.cors``, or ``""``."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute) and len(parts) < MAX_PARTS:
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def shown(node: ast.AST) -> str:
    """Return an expression on one line, or ``""`` if nobody would read it."""
    try:
        text = ast.unparse(node)
    except (RecursionError, ValueError):
        return ""
    return text if len(text) <= MAX_SHOWN else ""


def read_project(*paths: str) -> Project:
    """Read files and directories; nothing of them is run."""
    project = Project(paths)
    seen: set[str] = set()
    for path in paths:
        for name in _python_files(path, project):
            real = os.path.realpath(name)
            if real in seen:
                continue
            seen.add(real)
            project.looked_at += 1
            try:
                if file := _read_file(name):
                    project.files.append(file)
            except UnreadableError as error:
                project.unreadable.append((name, str(error)))
    return project


def _python_files(path: str, project: Project) -> Iterator[str]:
    """Find the files to read, by name; links to directories are not followed."""
    if not os.path.isdir(path):
        yield path
        return

    def note(error: OSError) -> None:
        reason = error.strerror or type(error).__name__
        project.unreadable.append((str(error.filename), f"the directory cannot be read: {reason}"))

    for directory, inner, files in os.walk(path, onerror=note):
        if directory != path and os.path.lexists(os.path.join(directory, ".git")):
            project.repositories.append(os.path.relpath(directory) if path == "." else directory)
            inner.clear()
            continue
        inner[:] = sorted(
            name for name in inner if name not in SKIPPED_DIRECTORIES and name[:1] != "."
        )
        for name in sorted(files):
            full = os.path.join(directory, name)
            if name.endswith(".py") and os.path.isfile(full):
                yield os.path.relpath(full) if path == "." else full


def _read_file(path: str) -> SourceFile | None:
    """Read one file; ``None`` if it does not mention CORS.

    Raises:
        UnreadableError: It cannot be read, or is not Python.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise UnreadableError("it is not a file")
        with open(path, "rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise UnreadableError(f"it has more than {MAX_FILE_BYTES} bytes")
    except (OSError, ValueError) as error:  # A path that holds a NUL is a ValueError.
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise UnreadableError(f"it cannot be read: {reason}") from None
    if b"cors" not in content.lower():
        return None
    try:
        return SourceFile(path, _decode(content))
    except SyntaxError as error:
        raise UnreadableError(f"line {error.lineno or 1}: {error.msg}") from None
    except ValueError as error:
        raise UnreadableError(f"it is not Python: {error}") from None
    except (RecursionError, MemoryError):
        raise UnreadableError("its expressions are nested too deeply") from None


def _decode(content: bytes) -> str:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        # "utf-8-sig" would drop the mark, and a patch has to keep it.
        return content.decode("utf-8" if encoding == "utf-8-sig" else encoding)
    except SyntaxError as error:
        raise UnreadableError(f"line 1: {error.msg}") from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnreadableError(f"line {line}: it is not {error.encoding}") from None
    except (LookupError, ValueError) as error:  # A codec that gives no text, or refuses all.
        raise UnreadableError(f"line 1: {error}") from None
