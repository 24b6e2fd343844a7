"""CORS configurations that were found, and what is set apart from their calls.

Keys of Flask's ``app.config`` count for the call of flask-cors; Django has nothing but settings.
"""

from __future__ import annotations

import ast
import dataclasses
import os
import re
from collections.abc import Iterable, Iterator
from typing import Any

from corsac.errors import CORSConfigProblem, has_errors
from corsac.foreign.django_cors_headers import SETTINGS
from corsac.foreign.flask_cors import CONFIG_KEYS
from corsac.migrate.source.files import SourceFile, dotted, shown
from corsac.migrate.source.literal import Literals, NotLiteralError
from corsac.migrate.source.places import Place
from corsac.migrate.translation import Translation, translate

__all__ = ["NOT_READ", "READS_THE_RUN", "Configuration"]
__all__ += ["find_settings", "flask_keys", "not_read", "read_flask_keys"]

NOT_READ = "not read"  # The style of a place whose options are not read.
READS_THE_RUN = "`corsac check module:app` reads the running application"

_MAX_PLACES = 5
_FILLS_THE_CONFIG = re.compile(r"\.config\.from_\w*$")
_OPENS = (
    *("**", "allow_origins", "allow_origin_regex", "origins", "resources"),
    *("CORS_ALLOW_ALL_ORIGINS", "CORS_ALLOWED_ORIGINS", "CORS_ALLOWED_ORIGIN_REGEXES"),
)


@dataclasses.dataclass(slots=True)
class Configuration:
    """One CORS configuration.

    Attributes:
        style: How it is written: ``"add_middleware"``, ``"Middleware"``, ``"wrap"``, ``"CORS"``,
            ``"init_app"``, ``"cross_origin"``, ``"CORSConfig"``, ``"settings"``; or `NOT_READ`.
        node: The call; ``None`` for settings.
        target: The application, as it is written there; ``""`` if it is not.
        options: The options that are literal.
        unread: For the others, what stands there: an expression, or ``""``.
        likely: Literal options that count in some runs: keys and settings of other files.
        translation: What the literal options mean; those that are not read have defaults in it.
    """

    library: str
    style: str
    file: SourceFile
    line: int
    node: ast.Call | None = None
    target: str = ""
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    unread: dict[str, str] = dataclasses.field(default_factory=dict)
    likely: dict[str, Any] = dataclasses.field(default_factory=dict)
    problems: list[CORSConfigProblem] = dataclasses.field(default_factory=list)
    translation: Translation | None = None

    @property
    def has_errors(self) -> bool:
        """Tell whether somebody has to decide something."""
        return has_errors(self.problems)

    def leave(self, option: str, text: str, reason: str) -> None:
        """Note an option that is not read, what stands there, and why."""
        self.unread[option] = text
        self.problems.append(_unread(option, text or option, f"it is not read here: {reason}"))

    def translate(self) -> None:
        """Translate the literal options; what is said of them is kept as far as it is certain."""
        if self.style == NOT_READ:
            return
        self.translation = translate(self.library, self.options)
        # What counts for an option that is not read is no default, and not known.
        is_known = self.unread.keys().isdisjoint(_OPENS)
        self.problems += [
            problem
            for problem in self.translation.problems
            if not self.unread
            or (problem.option in self.options and (problem.code != "origin.none" or is_known))
        ]


def _unread(option: str, value: object, message: str) -> CORSConfigProblem:
    return CORSConfigProblem("value.unseen", "warning", option, value, message, READS_THE_RUN)


def not_read(file: SourceFile, library: str, line: int, name: str, message: str) -> Configuration:
    """Return a place that names a library, and whose options are not read."""
    problems = [_unread(name, name, message)]
    return Configuration(library, NOT_READ, file, line, problems=problems)


@dataclasses.dataclass(frozen=True, slots=True)
class FlaskKey:
    """A ``CORS_...`` key of the configuration of some Flask application."""

    file: SourceFile
    line: int
    name: str
    owner: str
    value: ast.expr
    block: int


def flask_keys(file: SourceFile) -> Iterator[FlaskKey]:
    """Find the keys that a file sets in an ``app.config``, or in a class of settings."""
    for node in file.nodes:
        owner = ""
        pairs: list[tuple[object, ast.expr]] = []
        match node:
            case ast.Assign(
                targets=[ast.Subscript(value=config, slice=ast.Constant(value=str() as key))],
                value=value,
            ):
                owner, pairs = dotted(config), [(key, value)]
            case (
                ast.Assign(targets=[ast.Name(id=key)], value=value)
                | ast.AnnAssign(target=ast.Name(id=key), value=ast.expr() as value)
                | ast.Call(
                    func=ast.Attribute(attr="setdefault"),
                    args=[ast.Constant(value=str() as key), value],
                )
            ):
                pairs = [(key, value)]
            case ast.Call(keywords=keywords):
                pairs = [(each.arg, each.value) for each in keywords]
            case ast.Dict(keys=keys, values=values):
                names = [key.value if isinstance(key, ast.Constant) else None for key in keys]
                pairs = [*zip(names, values, strict=True)]
        for name, value in pairs:
            if isinstance(name, str) and name in CONFIG_KEYS:
                yield FlaskKey(file, value.lineno, name, owner, value, file.block(node))


def read_flask_keys(found: Configuration, keys: Iterable[FlaskKey]) -> None:
    """Read the keys that are set right before the call, and say where others are."""
    keys = [key for key in keys if CONFIG_KEYS[key.name] not in found.options]
    assert found.node is not None  # noqa: S101 - only settings have none
    block = found.file.block(found.node)
    others: list[FlaskKey] = []
    for key in keys:
        is_near = key.file is found.file and key.block == block and found.style != "init_app"
        is_sure = is_near and key.owner == f"{found.target}.config" and key.line < found.line
        others += [] if is_sure else [key]
        try:
            value = Literals(key.file).value(key.value)
        except NotLiteralError as error:
            if is_sure:
                found.leave(key.name, shown(key.value), str(error))
        else:
            (found.options if is_sure else found.likely)[key.name] = value
    if others:
        shown_keys = [f"{each.name} in {each.file.path}:{each.line}" for each in others]
        text = ", ".join(shown_keys[:_MAX_PLACES])
        text += " and more" if len(others) > _MAX_PLACES else ""
        found.leave("app.config", "", f"it has keys that count, too: {text}")
    elif not {"origins", "resources", "CORS_ORIGINS", "CORS_RESOURCES"} & found.options.keys():
        for node in found.file.nodes:
            if isinstance(node, ast.Call) and _FILLS_THE_CONFIG.search(dotted(node.func)):
                found.leave("app.config", "", f"it is filled in line {node.lineno}")
                break


def find_settings(files: Iterable[SourceFile], places: Iterable[Place]) -> Iterator[Configuration]:
    """Return the settings of each file that has some."""
    found = [each for file in files if (each := _settings(file)) is not None]
    for each in found if len(found) > 1 else ():
        others = [f"{other.file.path}:{other.line}" for other in found if other is not each]
        listed = ", ".join(others[:_MAX_PLACES])
        each.leave("settings", "", f"other files have settings as well: {listed}")
        for module, _ in each.file.wildcards:
            name = f"{module.rpartition('.')[2]}.py"
            bases = [other for other in found if os.path.basename(other.file.path) == name]
            if len(bases) == 1 and bases[0] is not each:
                each.likely |= bases[0].options
    yield from found
    named = next((place for place in places if place.is_middleware), None)
    if named is not None and not found:
        message = "the middleware is named here, and its settings are in none of the files"
        yield not_read(named.file, named.library, named.line, "settings", message)


def _settings(file: SourceFile) -> Configuration | None:
    """Return the settings of a file; each that is assigned once, as a literal, is read."""
    literals = Literals(file)
    names = {name for name in literals.bindings if name.startswith("CORS_")}
    lines = {
        node.id if isinstance(node, ast.Name) else str(node.value): node.lineno
        for node in reversed(file.nodes)
        if (isinstance(node, ast.Name) and node.id in names | SETTINGS)
        or (isinstance(node, ast.Constant) and node.value in SETTINGS)
    }
    if not SETTINGS & lines.keys():
        return None
    found = Configuration("django-cors-headers", "settings", file, min(lines.values()))
    for name in sorted(lines, key=lambda each: lines[each]):
        try:
            found.options[name] = literals.setting(name)
        except NotLiteralError as error:
            if name in SETTINGS:
                found.leave(name, literals.text(name), str(error))
    for module, number in file.wildcards:
        if not module.startswith("corsheaders."):
            text = f"from {module} import *"
            found.leave(text, text, f"line {number} adds the settings of that module")
    return found
