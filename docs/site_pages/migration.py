"""Each option of another library: what it becomes, and what is said of it, by the translation."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from corsac import CORSPolicy
from corsac.errors import CORSConfigProblem
from corsac.migrate import Translation, translate
from site_pages.text import GENERATED, anchor, plain

ORIGIN = "https://app.example.com"
NAMES = {
    "starlette": "Starlette and FastAPI",
    "flask-cors": "flask-cors",
    "django-cors-headers": "django-cors-headers",
    "litestar": "Litestar",
    "express": "Express",
}
Options = Mapping[str, Any]

BASE: dict[str, Options] = {
    "starlette": {"allow_origins": [ORIGIN]},
    "flask-cors": {"origins": [ORIGIN]},
    "django-cors-headers": {"CORS_ALLOWED_ORIGINS": [ORIGIN]},
    "litestar": {"allow_origins": [ORIGIN]},
    "express": {"origin": ORIGIN},
}
"""What a configuration of each has besides."""


def is_ours(origin: str) -> bool:
    """Stand for a function of the page's example."""
    return origin == ORIGIN


SAMPLES: dict[str, Sequence[Options]] = {
    "starlette": [
        {"allow_origins": [ORIGIN]},
        {"allow_origins": ["*"]},
        {"allow_origins": ["*"], "allow_credentials": True},
        {"allow_origins": ORIGIN},
        {"allow_origins": ["https://*.example.com"]},
        {"allow_origins": [f"{ORIGIN}/"]},
        {"allow_origin_regex": r"https://.*\.example\.com"},
        {"allow_origin_regex": r"https://.*.example.com"},
        {"allow_methods": ["GET"]},
        {"allow_methods": ["*"]},
        {"allow_headers": ["*"]},
        {"allow_headers": ["authorization"]},
        {"allow_credentials": True},
        {"expose_headers": ["etag"]},
        {"expose_headers": ["*"], "allow_credentials": True},
        {"max_age": 86400},
        {"allow_private_network": True},
    ],
    "flask-cors": [
        {},
        {"origins": [ORIGIN]},
        {"origins": "*", "supports_credentials": True},
        {"origins": r"https://.*\.example\.com"},
        {"origins": "https://*.example.com"},
        {"origins": [f"{ORIGIN}/"]},
        {"methods": ["GET", "PUT"]},
        {"allow_headers": ["content-type"]},
        {"expose_headers": ["etag"]},
        {"supports_credentials": True},
        {"max_age": 3600},
        {"send_wildcard": True},
        {"vary_header": False},
        {"always_send": True},
        {"automatic_options": False},
        {"intercept_exceptions": False},
        {"allow_private_network": True},
        {"resources": {"/api/*": {"origins": [ORIGIN]}}},
    ],
    "django-cors-headers": [
        {"CORS_ALLOWED_ORIGINS": [ORIGIN]},
        {"CORS_ALLOW_ALL_ORIGINS": True},
        {"CORS_ALLOW_ALL_ORIGINS": True, "CORS_ALLOW_CREDENTIALS": True},
        {"CORS_ALLOWED_ORIGINS": [f"{ORIGIN}/"]},
        {"CORS_ALLOWED_ORIGINS": ["https://*.example.com"]},
        {"CORS_ALLOWED_ORIGIN_REGEXES": [r"^https://\w+\.example\.com$"]},
        {"CORS_ALLOWED_ORIGIN_REGEXES": [r"^https://\w+\.example\.com"]},
        {"CORS_ALLOW_METHODS": ["GET", "PUT"]},
        {"CORS_ALLOW_HEADERS": ["content-type", "x-csrftoken"]},
        {"CORS_ALLOW_CREDENTIALS": True},
        {"CORS_EXPOSE_HEADERS": ["etag"]},
        {"CORS_PREFLIGHT_MAX_AGE": 600},
        {"CORS_PREFLIGHT_MAX_AGE": 0},
        {"CORS_ALLOW_PRIVATE_NETWORK": True},
        {"CORS_URLS_REGEX": r"^/api/.*$"},
    ],
    "litestar": [
        {"allow_origins": [ORIGIN]},
        {"allow_origins": ["*"], "allow_credentials": True},
        {"allow_origin_regex": r"https://.*\.example\.com"},
        {"allow_methods": ["GET", "PUT"]},
        {"allow_headers": ["content-type"]},
        {"allow_credentials": True},
        {"expose_headers": ["etag"]},
        {"max_age": 3600},
    ],
    "express": [
        {},
        {"origin": ORIGIN},
        {"origin": True},
        {"origin": True, "credentials": True},
        {"origin": re.compile(r"https://.*\.example\.com")},
        {"origin": re.compile(r"^https://\w+\.example\.com$")},
        {"origin": is_ours},
        {"origin": ["*"]},
        {"origin": False},
        {"methods": ["GET", "PUT"]},
        {"methods": "GET,PUT"},
        {"allowedHeaders": ["content-type"]},
        {"exposedHeaders": ["etag"]},
        {"credentials": True},
        {"maxAge": 3600},
        {"preflightContinue": True},
        {"optionsSuccessStatus": 200},
    ],
}
"""Examples of each option, dangerous ones among them."""


def pages() -> dict[str, str]:
    """The page of each library by its path below `docs`."""
    return {f"migrate/{library}-options.md": _page(library) for library in SAMPLES}


def _page(library: str) -> str:
    parts = [
        GENERATED + f"# {NAMES[library]}, option by option\n",
        f"What `corsac.migrate.translate({library!r}, ...)` makes of each option, given together "
        f"with `{_written(BASE[library])}`, and what it says of it. What that alone becomes, and "
        "what is said of that, stands at its own entry, and is not repeated at the others. "
        f"[How to move]({library}.md).\n",
        "## Each option\n",
    ]
    for sample in SAMPLES[library]:
        parts += _entry(library, sample)
    return "\n".join(parts)


def _entry(library: str, sample: Options) -> Iterator[str]:
    base = translate(library, BASE[library])
    given = {**BASE[library], **sample} if _needs_base(sample) else sample
    made = translate(library, given)
    is_whole = not sample or sample == BASE[library]
    known = {(each.option, each.code) for each in base.problems}
    yield f"### `{_written(sample)}`\n" if sample else "### Nothing set\n"
    yield f"In Corsac: {_made(base, made, is_whole=is_whole)}.\n"
    for problem in made.problems:
        if is_whole or (problem.option, problem.code) not in known:
            yield _said(problem)


def _needs_base(sample: Options) -> bool:
    """Whether an example says nothing of origins itself."""
    return bool(sample) and not sample.keys() & {"resources", "CORS_ALLOW_ALL_ORIGINS"}


def _made(base: Translation, made: Translation, *, is_whole: bool) -> str:
    """The options, or those that differ from the base's, and the rules."""
    changed = {
        name: value
        for name, value in made.options.items()
        if is_whole or base.options.get(name) != value
    }
    defaults = inspect.signature(CORSPolicy).parameters
    gone = {n: defaults[n].default for n in base.options if n not in made.options}
    written = [f"`{name}={_value(value)}`" for name, value in {**changed, **gone}.items()]
    written += [f"a rule for `{pattern}`" for pattern, _ in made.rules if pattern != "/*"]
    return ", ".join(written) or f"what `{_written(BASE[base.library])}` alone becomes"


def _said(problem: CORSConfigProblem) -> str:
    code = f"[`{problem.code}`](../reference/codes.md#{anchor(problem.code)})"
    words = "; ".join(each for each in (problem.message, problem.hint) if each)
    return f"- **{problem.severity}** {code}: {plain(words)}\n"


def _written(options: Options) -> str:
    return ", ".join(f"{name}={_value(value)}" for name, value in options.items())


def _value(value: object) -> str:
    """A value as the page has it: a function by its name."""
    return value.__name__ if inspect.isfunction(value) else repr(value)
