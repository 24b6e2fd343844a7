"""What the files of a project say about each other's configurations."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Sequence

from corsac.foreign.flask_cors import CONFIG_KEYS
from corsac.migrate.source.django import names_middleware
from corsac.migrate.source.flask import FlaskSearch, config_keys
from corsac.migrate.source.found import NOT_SEEN, OTHER_FILES, Found, SourceFile
from corsac.migrate.source.leftovers import place_not_seen
from corsac.migrate.source.libraries import DJANGO_MIDDLEWARE
from corsac.migrate.source.meaning import translate_found
from corsac.migrate.source.values import NOTHING

__all__ = ["finish"]

MAX_KEYS = 1_000
"""Keys of configurations in all files of which is known where they are."""

MAX_MODULES = 20
"""Modules of settings that import each other which are followed."""

MAX_PLACES = 5
"""Places of other files that are named in one message."""


def finish(files: Sequence[SourceFile], found: Sequence[Found]) -> list[Found]:
    """Translate all configurations, each with what other files may add to it.

    Args:
        files: The files that mention CORS.
        found: What was found in them.

    Returns:
        The configurations in the order of files and lines, with further places that are not seen.
    """
    results = list(found)
    if any(each.library == "flask-cors" for each in found):
        keys = [(file, *place) for file in files for place in _flask_keys(file)][:MAX_KEYS]
        for each in found:
            if each.library == "flask-cors" and each.style != NOT_SEEN:
                _note_keys(each, keys)
    if not any(each.style == "settings" for each in found):
        for file in files:
            line = names_middleware(file.tree)
            if line:
                message = "the middleware is used, and its settings are in none of the files"
                library, name = "django-cors-headers", DJANGO_MIDDLEWARE
                hint = "name the files that set CORS_ALLOWED_ORIGINS and the like as well"
                results.append(place_not_seen(file, library, line, name, message, hint))
    settings = [each for each in results if each.style == "settings"]
    for each in settings:
        _inherit(each, settings, {id(each)})
    for each in results:
        translate_found(each)
    order = {id(file): number for number, file in enumerate(files)}
    return sorted(results, key=lambda each: (order.get(id(each.file), 0), each.line))


def _inherit(found: Found, settings: Sequence[Found], seen: set[int]) -> None:
    """Add the settings of modules of the project that `import *` brings in before.

    Args:
        found: The settings of one file.
        settings: Those of all files.
        seen: The settings that are being read, as modules may import each other.
    """
    for text, value in list(found.unseen.items()):
        module = text.removeprefix("from ").removesuffix(" import *")
        if module == text or value.default is not NOTHING:
            continue
        bases = [each for each in settings if _is_module(each.file, module, found.file)]
        if len(bases) != 1 or id(bases[0]) in seen or len(seen) > MAX_MODULES:
            continue
        base = bases[0]
        _inherit(base, settings, {*seen, id(base)})
        own = found.options.keys() | found.unseen.keys() | found.certain.keys()
        is_before = base.file.path != found.file.path and _imported_before(found, module)
        if not is_before:
            continue
        del found.unseen[text]
        found.options = {**base.options, **found.options}
        added = [name for name in base.certain if name not in own]
        found.certain |= {name: base.certain[name] for name in added}
        found.uncertain += (each for each in base.uncertain if each.option not in own)
        found.unseen |= {name: each for name, each in base.unseen.items() if name not in own}


def _is_module(file: SourceFile, module: str, importer: SourceFile) -> bool:
    """Whether a file is what a module imports by a name."""
    folder = os.path.dirname(os.path.abspath(importer.path))
    level = len(module) - len(module.lstrip("."))
    for _ in range(level - 1):
        folder = os.path.dirname(folder)
    names = [each for each in module.split(".") if each]
    own = os.path.abspath(file.path).removesuffix(".py").removesuffix(f"{os.sep}__init__")
    inside = os.sep.join(names)
    return own == os.path.join(folder, inside) if level else own.endswith(f"{os.sep}{inside}")


def _imported_before(found: Found, module: str) -> bool:
    """Whether all of a module is imported before the settings of a file, in every run."""
    for node in ast.walk(found.file.tree):
        if isinstance(node, ast.ImportFrom) and f"{'.' * node.level}{node.module or ''}" == module:
            place = found.file.scopes.of(node)
            return node.lineno < found.line and not place.conditions and not place.function
    return False


def _flask_keys(file: SourceFile) -> Iterator[tuple[str, int]]:
    """The keys that a file sets in some ``app.config``, or assigns as a class of settings does."""
    for node in ast.walk(file.tree):
        for _, name, value in config_keys(node):
            yield name, value.lineno
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name) and target.id in CONFIG_KEYS:
                    yield target.id, node.lineno


def _note_keys(found: Found, keys: Sequence[tuple[SourceFile, str, int]]) -> None:
    """Say which keys other files set, which may be those of this application."""
    if found.keeps_call.startswith("a blueprint"):
        return
    others = [(file, name, line) for file, name, line in keys if file is not found.file]
    given = {name.upper() for name in found.options}
    others = [each for each in others if each[1].removeprefix("CORS_") not in given]
    if not others:
        return
    places = ", ".join(f"{name} in {file.path}:{line}" for file, name, line in others[:MAX_PLACES])
    more = len(others) - MAX_PLACES
    places += f" and {more} more" if more > 0 else ""
    for name in ("CORS_ORIGINS", "app.config"):
        if name in found.unseen and name not in found.options:
            del found.unseen[name]  # This reason says more.
    FlaskSearch.hide_config(found, f"{OTHER_FILES}: {places}")
