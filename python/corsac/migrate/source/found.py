"""A configuration that was found in a program's source, and what it means."""

from __future__ import annotations

import ast
import dataclasses
from typing import Any, NamedTuple

from corsac.errors import CORSConfigProblem
from corsac.migrate.source.names import Names
from corsac.migrate.source.scopes import Condition, Place, Scopes
from corsac.migrate.source.values import TOO_LONG, Unseen
from corsac.migrate.translation import Translation, translate

__all__ = [
    "NOT_SEEN",
    "OTHER_FILES",
    "REPLACES",
    "STAND_IN",
    "UNSEEN_PATH",
    "WIDE",
    "Found",
    "SourceFile",
    "Uncertain",
    "is_stand_in",
    "report_layers",
    "without_stand_ins",
]

STAND_IN = "https://stand-in.invalid"
"""Stands for origins that cannot be seen; nobody can have it."""

OTHER_FILES = "other files set keys of app.config"
"""Why keys of the application's configuration are not seen, where the project has them."""

UNSEEN_PATH = "/not-seen"
"""Stands for paths that cannot be seen, which need not be all."""

NOT_SEEN = "not seen"
"""The style of a place that names a library, and whose configuration cannot be seen."""

WIDE = ("CORS_ALLOW_ALL_ORIGINS", "CORS_ORIGIN_ALLOW_ALL")
"""The settings that allow any origin."""

REPLACES = {
    "allow_origins": "allow_origins",
    "origins": "allow_origins",
    "CORS_ORIGINS": "allow_origins",
    "CORS_ALLOWED_ORIGINS": "allow_origins",
    "CORS_ORIGIN_WHITELIST": "allow_origins",
    "allow_origin_regex": "allow_origin_regex",
    "allow_methods": "allow_methods",
    "methods": "allow_methods",
    "CORS_METHODS": "allow_methods",
    "CORS_ALLOW_METHODS": "allow_methods",
    "allow_headers": "allow_headers",
    "CORS_ALLOW_HEADERS": "allow_headers",
    "allow_credentials": "allow_credentials",
    "supports_credentials": "allow_credentials",
    "CORS_SUPPORTS_CREDENTIALS": "allow_credentials",
    "CORS_ALLOW_CREDENTIALS": "allow_credentials",
    "expose_headers": "expose_headers",
    "CORS_EXPOSE_HEADERS": "expose_headers",
    "max_age": "max_age",
    "CORS_MAX_AGE": "max_age",
    "CORS_PREFLIGHT_MAX_AGE": "max_age",
    "allow_private_network": "allow_private_network",
    "CORS_ALLOW_PRIVATE_NETWORK": "allow_private_network",
}
"""For options of the old libraries, the option of Corsac that takes their place."""


@dataclasses.dataclass(frozen=True, slots=True)
class SourceFile:
    """One file that was read.

    Attributes:
        path: Its name, as it is shown.
        text: What it holds, with its line ends.
        tree: What that means.
        names: What its names stand for.
        scopes: Where its calls and statements stand.
    """

    path: str
    text: str
    tree: ast.Module
    names: Names
    scopes: Scopes


class Uncertain(NamedTuple):
    """A value that counts in some runs only.

    Attributes:
        option: The option.
        line: Where it is set.
        when: In which runs.
        code: What stands there.
    """

    option: str
    line: int
    when: str
    code: str

    def written(self, library: str) -> str:
        """What to do with Corsac in those runs."""
        name = "allow_origins" if self.option in WIDE else REPLACES.get(self.option)
        if name is None or self.code == TOO_LONG:
            return f"there is {self.option} = {self.code}"
        code = f"[{self.code}]" if self.code[:1] in "'\"" else self.code
        if self.option in WIDE:
            code = 'no "*"' if code == "False" else '["*"]'
        if library == "django-cors-headers":
            return f'write "{name}": {code}'
        return f"write {name}={code}"


@dataclasses.dataclass(slots=True)
class Found:
    """One CORS configuration.

    Attributes:
        library: Whose it is.
        style: How it is written: ``"add_middleware"``, ``"Middleware"``, ``"wrap"``, ``"partial"``,
            ``"subclass"``, ``"CORS"``, ``"init_app"``, ``"cross_origin"``, ``"CORSConfig"``,
            ``"settings"``; or `NOT_SEEN`.
        file: Where it stands.
        line: The line.
        node: The call; ``None`` for settings.
        target: The application, as it is written there; ``""`` if it is not.
        options: The options that can be seen, those of some runs included: these are judged.
        certain: For options that differ between runs, what is so in all of them, or `NOTHING`; it
            is in the code to paste.
        uncertain: The other values of those options.
        unseen: For other options, what stands there.
        problems: What was found while reading.
        translation: What all that means.
        expressions: For options of Corsac, the expression that gives the value.
        named: For options, the name of the constant that they are set to.
        stand_ins: For origins that stand for something unseen, the expression, or ``""``.
        place: Under which conditions it stands.
        keeps_call: Why only a call of the same shape says the same, or ``""``.
    """

    library: str
    style: str
    file: SourceFile
    line: int
    node: ast.Call | None = None
    target: str = ""
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    certain: dict[str, Any] = dataclasses.field(default_factory=dict)
    uncertain: list[Uncertain] = dataclasses.field(default_factory=list)
    unseen: dict[str, Unseen] = dataclasses.field(default_factory=dict)
    problems: list[CORSConfigProblem] = dataclasses.field(default_factory=list)
    translation: Translation | None = None
    expressions: dict[str, str] = dataclasses.field(default_factory=dict)
    named: dict[str, str] = dataclasses.field(default_factory=dict)
    stand_ins: dict[str, str] = dataclasses.field(default_factory=dict)
    place: Place = dataclasses.field(default_factory=Place)
    keeps_call: str = ""

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What has to hold for it to be in force, outermost first."""
        return self.place.conditions

    def stand_in(self, text: str) -> str:
        """An origin that nobody has, for an expression whose value is not seen."""
        number = len(self.stand_ins)
        origin = STAND_IN.replace("//", f"//n{number}.") if number else STAND_IN
        self.stand_ins[origin] = "" if text == TOO_LONG else text
        return origin

    def all_problems(self) -> list[CORSConfigProblem]:
        """What was found while reading, and while translating."""
        return [*self.problems, *(self.translation.problems if self.translation else ())]


def without_stand_ins(value: Any) -> Any:
    """Options without the origins that stand for something."""
    if isinstance(value, dict):
        return {name: without_stand_ins(each) for name, each in value.items()}
    if isinstance(value, list):
        return [without_stand_ins(each) for each in value if not is_stand_in(each)]
    return value


def is_stand_in(value: object) -> bool:
    """Whether a value stands for origins that cannot be seen."""
    return isinstance(value, str) and value.endswith(STAND_IN.removeprefix("https://"))


def report_layers(found: list[Found]) -> None:
    """Say where one application has several layers at once."""
    groups: dict[tuple[str, str, int], list[Found]] = {}
    for each in found:
        if each.target and each.style not in {"cross_origin", NOT_SEEN}:
            # A name that is assigned once is one application, in whatever functions it is used.
            same = each.file.names.made(each.target) or each.file.names.is_imported(each.target)
            key = (each.library, each.target, 0 if same else each.place.function)
            groups.setdefault(key, []).append(each)
    for (library, target, _), layers in groups.items():
        together = [
            each
            for each in layers
            if any(each is not other and not each.place.excludes(other.place) for other in layers)
        ]
        if len(together) < 2:
            continue
        lines = ", ".join(str(each.line) for each in together)
        several = translate(library, [{}, {}]).problems[0]
        together[-1].problems.append(
            several.replace(
                option=target,
                value=f"lines {lines}",
                message=several.message.replace("are 2", f"are {len(together)}").replace(
                    "; only the last one is translated", ""
                ),
            )
        )
