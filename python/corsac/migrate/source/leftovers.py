"""Places that name a CORS library and belong to no configuration that was found.

Whatever is handed around, derived from or named in a text may configure CORS in a way that only a
run shows. Such a place is told, so that nobody takes silence for "there is nothing".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from corsac.errors import CORSConfigProblem
from corsac.foreign.django_cors_headers import SETTINGS
from corsac.migrate.source.found import NOT_SEEN, Found, SourceFile
from corsac.migrate.source.libraries import (
    DJANGO_MIDDLEWARE,
    DJANGO_SIGNAL,
    LIBRARY_OF,
    MODULES,
)

__all__ = ["find_leftovers", "place_not_seen"]

_LOADERS = frozenset({"__import__", "import_module", "import_string", "locate", "load_object"})
_ASKING = frozenset({"isinstance", "issubclass", "type"})
_HARMLESS = frozenset({"core", "decorator", "extension", "version"})
_HINTS = {
    "starlette": "see what it does there, and put corsac.CORSMiddleware in its place by hand",
    "litestar": "see what it does there, and put corsac.CORSMiddleware around the application",
    "flask-cors": "see what it does there; corsac.flask has CORS and cross_origin with the same "
    "options",
    "django-cors-headers": "see what it does there; corsac.django.CORSMiddleware takes the same "
    "settings",
}
_SIGNAL_HINT = "connect it to corsac.django.signals.check_request_enabled, which is sent likewise"


def place_not_seen(  # noqa: PLR0917
    file: SourceFile, library: str, line: int, name: str, message: str, hint: str = ""
) -> Found:
    """A place whose configuration cannot be seen.

    Args:
        file: The file.
        library: Whose name stands there.
        line: Where.
        name: What stands there.
        message: What about it.
        hint: What to do.
    """
    problem = CORSConfigProblem(
        "value.unseen", "warning", name, name, message, hint or _HINTS[library]
    )
    return Found(library, NOT_SEEN, file, line, problems=[problem])


def find_leftovers(
    file: SourceFile, nodes: list[ast.AST], consumed: set[int], libraries: set[str]
) -> Iterator[Found]:
    """The places of one file that no configuration accounts for.

    Args:
        file: The file.
        nodes: Its nodes.
        consumed: The expressions that are part of a configuration.
        libraries: The libraries of the configurations that were found in the file.
    """
    told: set[tuple[int, str]] = set()
    for each in _places(file, nodes, consumed):
        if (each.line, each.library) not in told:
            told.add((each.line, each.library))
            yield each
    for name, line in file.names.exported.items():
        full = file.names.imports.get(name, "")
        library = LIBRARY_OF.get(full) or MODULES.get(full)
        # Beside a configuration it is a name that is left over; alone, the file hands it on.
        if library is not None and library not in libraries:
            message = "it is imported here and not used; whoever takes it from here is not seen"
            hint = "remove the import if nothing does"
            yield place_not_seen(file, library, line, name, message, hint)


def _places(file: SourceFile, nodes: list[ast.AST], consumed: set[int]) -> Iterator[Found]:
    passed_over = _without_effect(file, nodes)
    for node in nodes:
        if id(node) in consumed or id(node) in passed_over:
            continue
        if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
            yield from _of_reference(file, node)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            if node.attr in SETTINGS and _is_of_django(file):
                yield _set_in_a_run(file, node.lineno, node.attr)
        elif isinstance(node, ast.Call):
            yield from _of_loader(file, node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            name = node.value.replace(":", ".")
            known = LIBRARY_OF.get(name)
            if known is not None and name != DJANGO_MIDDLEWARE:
                message = "the class is named in a text, and what it is given cannot be seen"
                yield place_not_seen(file, known, node.lineno, name, message)


def _of_reference(file: SourceFile, node: ast.Name | ast.Attribute) -> Iterator[Found]:
    full = file.names.full_name(node)
    library = LIBRARY_OF.get(full)
    if full == DJANGO_SIGNAL:
        message = "a receiver of this signal may allow any request, and what it allows is not seen"
        yield place_not_seen(file, "django-cors-headers", node.lineno, full, message, _SIGNAL_HINT)
    elif library is not None:
        message = "it is used in a way that cannot be followed, so what it allows is not seen"
        yield place_not_seen(file, library, node.lineno, full, message)
    elif _inner_name(full):
        message = "a part of the library is used by itself, and what it does there is not seen"
        yield place_not_seen(file, _inner_name(full), node.lineno, full, message)
    elif full in MODULES:
        message = "the module is handed around as a whole, and what is made of it is not seen"
        yield place_not_seen(file, MODULES[full], node.lineno, full, message)


def _inner_name(full: str) -> str:
    """The library of a function or class inside of it, or ``""``; constants do nothing."""
    module, _, name = full.rpartition(".")
    inside = next((known for known in MODULES if f"{module}.".startswith(f"{known}.")), "")
    if not inside or name.isupper() or name.startswith("_") or name in _HARMLESS:
        return ""
    return MODULES[inside]


def _of_loader(file: SourceFile, node: ast.Call) -> Iterator[Found]:
    """Modules that are imported by a text."""
    function = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if isinstance(node.func, ast.Name):
        function = node.func.id
    match node:
        case ast.Call(func=ast.Name(id="setattr"), args=[_, ast.Constant(value=str() as name), _]):
            if name in SETTINGS and _is_of_django(file):
                yield _set_in_a_run(file, node.lineno, name)
    if function not in _LOADERS or not node.args or not isinstance(node.args[0], ast.Constant):
        return
    module = str(node.args[0].value)
    library = MODULES.get(module)
    if library is not None:
        message = "the module is imported by its name, and what is made of it is not seen"
        yield place_not_seen(file, library, node.lineno, module, message)


def _is_of_django(file: SourceFile) -> bool:
    return any(name.startswith("django.") for name in file.names.imports.values())


def _set_in_a_run(file: SourceFile, line: int, name: str) -> Found:
    message = "the setting is changed while the program runs, and its value is not seen"
    hint = "set it in the settings, or write a receiver of check_request_enabled"
    return place_not_seen(file, "django-cors-headers", line, name, message, hint)


def _without_effect(file: SourceFile, nodes: list[ast.AST]) -> set[int]:
    """Expressions that configure nothing: annotations, questions, and parts of longer names."""
    found: set[int] = set()
    for node in nodes:
        given: list[ast.AST | None] = []
        match node:
            case ast.AnnAssign(annotation=annotation) | ast.arg(annotation=annotation):
                given = [annotation]
            case ast.FunctionDef(returns=annotation) | ast.AsyncFunctionDef(returns=annotation):
                given = [annotation]
            case ast.Compare(left=left, comparators=others):
                given = [left, *others]
            case ast.Call(func=ast.Name(id=name), args=arguments) if name in _ASKING:
                given = [*arguments]
            case ast.Attribute(value=ast.Name() | ast.Attribute() as owner):
                # `flask_cors.CORS` is one name, and not a module that is handed around.
                full = file.names.full_name(owner)
                if full in MODULES or (
                    full.rpartition(".")[0] in MODULES and full not in LIBRARY_OF
                ):
                    found.add(id(owner))
        for each in given:
            if each is not None:
                found |= {id(inner) for inner in ast.walk(each)}
    return found
