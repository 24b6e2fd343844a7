"""A configuration that was found in a program's source, and what it means."""

from __future__ import annotations

import ast
import dataclasses
from typing import Any

from corsac.errors import CORSConfigProblem
from corsac.migrate.source_values import NOTHING, Names, Unseen
from corsac.migrate.translation import Translation, translate

__all__ = ["STAND_IN", "Found", "SourceFile", "report_layers", "translate_found"]

STAND_IN = "https://stand-in.invalid"
"""Stands for origins that cannot be seen; nobody can have it."""

_ORIGIN_OPTIONS = {
    "starlette": "allow_origins",
    "flask-cors": "origins",
    "django-cors-headers": "CORS_ALLOWED_ORIGINS",
    "litestar": "allow_origins",
}
_REPLACES = {
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
}


@dataclasses.dataclass(frozen=True, slots=True)
class SourceFile:
    """One file that was read.

    Attributes:
        path: Its name, as it is shown.
        text: What it holds, with its line ends.
        tree: What that means.
        names: What its names stand for.
    """

    path: str
    text: str
    tree: ast.Module
    names: Names


@dataclasses.dataclass(slots=True)
class Found:
    """One CORS configuration.

    Attributes:
        library: Whose it is.
        style: How it is written: ``"add_middleware"``, ``"Middleware"``, ``"wrap"``,
            ``"CORS"``, ``"cross_origin"``, ``"CORSConfig"``, ``"settings"``.
        file: Where it stands.
        line: The line.
        node: The call; ``None`` for settings.
        target: The application, as it is written there; ``""`` if it is not.
        options: The options that can be seen.
        unseen: For other options, what stands there.
        problems: What was found while reading.
        translation: What all that means.
        expressions: For options of Corsac, the expression that gives the value.
        named: For options, the name of the constant that they are set to.
    """

    library: str
    style: str
    file: SourceFile
    line: int
    node: ast.Call | None = None
    target: str = ""
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    unseen: dict[str, Unseen] = dataclasses.field(default_factory=dict)
    problems: list[CORSConfigProblem] = dataclasses.field(default_factory=list)
    translation: Translation | None = None
    expressions: dict[str, str] = dataclasses.field(default_factory=dict)
    named: dict[str, str] = dataclasses.field(default_factory=dict)

    def all_problems(self) -> list[CORSConfigProblem]:
        """What was found while reading, and while translating."""
        return [*self.problems, *(self.translation.problems if self.translation else ())]


def report_layers(found: list[Found]) -> None:
    """Say where one application has several layers."""
    groups: dict[tuple[str, str], list[Found]] = {}
    for each in found:
        if each.target and each.style != "cross_origin":
            groups.setdefault((each.library, each.target), []).append(each)
    for (library, target), layers in groups.items():
        if len(layers) < 2:
            continue
        lines = ", ".join(str(each.line) for each in layers)
        several = translate(library, [{}, {}]).problems[0]
        layers[-1].problems.append(
            several.replace(
                option=target,
                value=f"lines {lines}",
                message=several.message.replace("there are 2", f"there are {len(layers)}").replace(
                    "; only the last one is translated", ""
                ),
            )
        )


def translate_found(found: Found) -> None:
    """Translate what can be seen, with a stand-in for origins that cannot."""
    options = dict(found.options)
    name = _ORIGIN_OPTIONS[found.library]
    hidden = [each for each in found.unseen if _REPLACES.get(each) == "allow_origins"]
    if hidden and all(found.options.get(each) in (None, "", [], [""]) for each in hidden):
        # Without it the old library's default would be judged, which may be "anyone".
        for each in hidden:
            options.pop(each, None)
        options[name] = [STAND_IN]
    translation = translate(found.library, options)
    found.translation = dataclasses.replace(
        translation,
        options=_without_stand_in(translation.options),
        problems=tuple(each for each in translation.problems if each.value != STAND_IN),
    )
    for option, value in found.unseen.items():
        found.problems.append(_unseen_problem(option, value))
        replaced = _REPLACES.get(option)
        if replaced is not None and not translation.rules and value.text != option:
            found.expressions[replaced] = value.text
    if translation.rules:
        return
    for option, name in found.named.items():
        # The constant stays in use where its value may stay as it is.
        replaced = _REPLACES.get(option, "")
        if replaced and found.options[option] == translation.options.get(replaced):
            found.expressions.setdefault(replaced, name)
    _keep_credentials(found)


def _keep_credentials(found: Found) -> None:
    """Credentials that a default of ``"*"`` forbids stay allowed where something else is set."""
    names = [name for name in found.options if _REPLACES.get(name) == "allow_credentials"]
    origins = found.expressions.get("allow_origins")
    visible = found.translation.options if found.translation else {}
    if (
        origins is not None
        and any(found.options[name] is True for name in names)
        and "allow_credentials" not in visible
        and "allow_credentials" not in found.expressions
        and "*" in visible.get("allow_origins", ())
    ):
        found.expressions["allow_credentials"] = f'"*" not in ({origins})'


def _without_stand_in(options: Any) -> dict[str, Any]:
    found = dict(options)
    origins = [each for each in found.get("allow_origins", ()) if each != STAND_IN]
    found.pop("allow_origins", None)
    return {"allow_origins": origins, **found} if origins else found


def _unseen_problem(option: str, value: Unseen) -> CORSConfigProblem:
    default = ""
    if value.default is not NOTHING and not _has_unseen(value.default):
        default = f"; what is judged here is {value.default!r}"
    return CORSConfigProblem(
        "value.unseen",
        "warning",
        option,
        value.text,
        f"the value cannot be seen: {value.reason}{default}",
        "CORSPolicy checks it when the program starts; run `corsac check module:app` where the "
        "program's environment is set",
    )


def _has_unseen(value: object) -> bool:
    return isinstance(value, (list, tuple, dict)) and "Unseen(" in repr(value)
