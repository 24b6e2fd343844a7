"""The translation of one configuration, and the table of libraries."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from corsac.errors import CORSConfigProblem, has_errors
from corsac.foreign.django_cors_headers import read_django_cors_headers
from corsac.foreign.flask_application import read_flask_application
from corsac.foreign.reader import SAFELISTED_METHODS, OriginRegex, Reader, is_entry
from corsac.foreign.reading import Reading, once
from corsac.foreign.starlette import read_litestar, read_starlette
from corsac.options.express import read_express
from corsac.policy import CORSPolicy, PolicyRule

__all__ = ["LIBRARIES", "READERS", "Translation", "translate"]


def _read_express(given: Mapping[str, Any]) -> Reading:
    """Read the options of ``cors(...)``."""
    source = read_express(given)
    reader = Reader(given, source.names)
    reader.library = "express"
    reader.options = dict(source.options)
    reader.problems = list(source.problems)
    regex = reader.options.pop("allow_origin_regex", None)
    if isinstance(regex, str):
        reader.regexes.append(OriginRegex(regex, regex, "origin"))
    # To Express a pattern is text that no origin equals; it says so itself.
    reader.options["allow_origins"] = [
        entry
        for entry in reader.options.get("allow_origins", [])
        if entry == "*" or "*" not in entry or not is_entry(entry)
    ]
    return reader.finish()


READERS: dict[str, Callable[[Mapping[str, Any]], Reading]] = {
    "starlette": read_starlette,
    "flask-cors": read_flask_application,
    "django-cors-headers": read_django_cors_headers,
    "litestar": read_litestar,
    "express": _read_express,
}
"""What reads the options of each library."""

LIBRARIES = tuple(READERS)
"""The names of the libraries that `translate` knows."""

_SEVERITIES = ("error", "warning", "info")


@dataclasses.dataclass(frozen=True)
class Translation:
    """An old configuration in Corsac's terms.

    Options and rules belong together: ``CORSMiddleware(app, rules=translation.rules or None,
    **translation.options)``. Where the old library left other paths alone, the last rule is
    ``("/*", None)``, and the options are those of the first rule's paths.

    Attributes:
        library: Whose configuration it was.
        options: Options that `corsac.CORSPolicy` accepts. Its answers are those of the old
            configuration, or less where an error says so; defaults are left out.
        rules: Path rules in order, as the middleware takes them; empty if one policy is for all.
        problems: What is unsafe, without effect or silently ignored in the old configuration, and
            where the translation differs, by the old names; errors first.
        policy: The policy of the options; ``None`` while there are errors, which only somebody
            who knows what was wanted can resolve.
    """

    library: str
    options: Mapping[str, Any]
    rules: tuple[PolicyRule, ...]
    problems: tuple[CORSConfigProblem, ...]
    policy: CORSPolicy | None

    @property
    def has_errors(self) -> bool:
        """Tell whether somebody has to decide something."""
        return has_errors(self.problems)


def translate(
    library: str, options: Mapping[str, object] | Iterable[Mapping[str, object]]
) -> Translation:
    """Say in Corsac's terms what a configuration of another library means.

    Nothing is raised for what stands in the options, and nothing is written to the log.

    Args:
        library: One of `LIBRARIES`: ``"starlette"`` (FastAPI too), ``"flask-cors"``,
            ``"django-cors-headers"``, ``"litestar"``, ``"express"``.
        options: The arguments or settings by their old names. For flask-cors, ``CORS_...`` keys
            of the app's configuration may stand beside arguments. Several mappings are several
            layers of one application, in the order in which they were added.

    Raises:
        ValueError: The library is unknown.
        TypeError: The options are no mapping.

    Example:
        >>> translate("starlette", {"allow_origins": ["https://a.example/"]}).problems[0].code
        'origin.invalid'
    """
    read = READERS.get(library)
    if read is None:
        message = f"unknown library {library!r}; the libraries are {', '.join(LIBRARIES)}"
        raise ValueError(message)
    given: object = options
    if isinstance(given, Mapping):
        given = [given]
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        message = f"options are a mapping, not {type(given).__name__}"
        raise TypeError(message)
    layers = []
    for layer in list(given) or [{}]:
        if not isinstance(layer, Mapping):
            message = f"a layer's options are a mapping, not {type(layer).__name__}"
            raise TypeError(message)
        layers.append(_translate(library, read(layer)))
    return layers[0] if len(layers) == 1 else _of_layers(library, layers)


def _translate(library: str, reading: Reading) -> Translation:
    readings = {id(each): each for each in (reading, *(it for _, it in reading.rules)) if each}
    policies = {key: CORSPolicy(**_tidy(each.options)) for key, each in readings.items()}
    rules = tuple((pattern, policies.get(id(ruled))) for pattern, ruled in reading.rules)
    problems = once(
        problem for each in readings.values() for problem in each.problems_for("translation")
    )
    problems.sort(key=lambda problem: _SEVERITIES.index(problem.severity))
    policy = policies[id(reading)]
    valid = not has_errors(problems)
    options = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in policy._arguments().items()
    }
    return Translation(library, options, rules, tuple(problems), policy if valid else None)


def _tidy(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options without repetitions, and without methods that need no listing."""
    tidy = {
        name: list(dict.fromkeys(value)) if isinstance(value, list) else value
        for name, value in options.items()
    }
    methods = tidy.get("allow_methods", ())
    tidy["allow_methods"] = [each for each in methods if each not in SAFELISTED_METHODS]
    return tidy


_WHICH_ANSWERS = {
    "starlette": "the last one added is the outermost and answers every preflight request, while "
    "each adds its headers to other responses",
    "flask-cors": "the last one that allows an origin sets the headers, so what any of them allows "
    "is allowed",
}


def _of_layers(library: str, layers: list[Translation]) -> Translation:
    """Return the last layer, which is the one that answers, and the problems of all."""
    which = _WHICH_ANSWERS.get(library, "which of them decides depends on their order")
    several = CORSConfigProblem(
        "middleware.several",
        "error",
        "layers",
        len(layers),
        f"there are {len(layers)} CORS layers: {which}; only the last one is translated",
        "keep one; for other policies on other paths give it rules=[(path, policy)]",
    )
    problems = [several]
    for number, layer in enumerate(layers, 1):
        problems += (
            problem.replace(option=f"layer {number}: {problem.option}")
            for problem in layer.problems
        )
    return dataclasses.replace(layers[-1], problems=tuple(problems), policy=None)
