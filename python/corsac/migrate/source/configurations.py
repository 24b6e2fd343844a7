"""One CORS configuration that was found, and what is said about it."""

from __future__ import annotations

import ast
import dataclasses
from typing import Any

from corsac.errors import CORSConfigProblem
from corsac.migrate.source.files import SourceFile
from corsac.migrate.translation import Translation, translate

__all__ = ["NOT_READ", "READS_THE_RUN", "Configuration", "not_read"]

NOT_READ = "not read"
"""The style of a place that names a library, and whose options are not read."""

READS_THE_RUN = "`corsac check module:app` reads the running application"

_OPENS = frozenset(
    {
        *("allow_origins", "allow_origin_regex", "origins", "resources"),
        *("CORS_ALLOW_ALL_ORIGINS", "CORS_ALLOWED_ORIGINS", "CORS_ALLOWED_ORIGIN_REGEXES"),
    }
)


@dataclasses.dataclass(slots=True)
class Configuration:
    """One CORS configuration.

    Attributes:
        library: Whose it is.
        style: How it is written: ``"add_middleware"``, ``"Middleware"``, ``"wrap"``, ``"CORS"``,
            ``"init_app"``, ``"cross_origin"``, ``"CORSConfig"``, ``"settings"``; or `NOT_READ`.
        file: Where it stands.
        line: The line.
        node: The call; ``None`` for settings.
        target: The application, as it is written there; ``""`` if it is not.
        options: The options that are literal.
        unread: For the others, what stands there: an expression, or ``""``.
        likely: Literal options that count in some runs: keys and settings of other files.
        problems: What is said about it.
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
        return any(problem.severity == "error" for problem in self.problems)

    def leave(self, option: str, text: str, reason: str) -> None:
        """Note an option that is not read, what stands there, and why."""
        self.unread[option] = text
        message = f"it is not read here: {reason}"
        self.problems.append(_unread(option, text or option, message, READS_THE_RUN))

    def judge(self) -> None:
        """Translate the literal options; what is said of them is kept as far as it is certain."""
        if self.style == NOT_READ:
            return
        self.translation = translate(self.library, self.options)
        problems = [
            problem
            for problem in self.translation.problems
            if problem.code != "regex.extra_missing"  # The program has an environment of its own.
        ]
        if self.unread:
            # What counts for an option that is not read is no default, and not known.
            hides_origins = "**" in self.unread or bool(_OPENS & self.unread.keys())
            problems = [
                problem
                for problem in problems
                if problem.option in self.options
                and not (hides_origins and problem.code == "origin.none")
            ]
        self.problems += problems


def _unread(option: str, value: object, message: str, hint: str) -> CORSConfigProblem:
    return CORSConfigProblem("value.unseen", "warning", option, value, message, hint)


def not_read(file: SourceFile, library: str, line: int, name: str, message: str) -> Configuration:
    """Return a place that names a library, and whose options are not read."""
    problem = _unread(name, name, message, READS_THE_RUN)
    return Configuration(library, NOT_READ, file, line, problems=[problem])
