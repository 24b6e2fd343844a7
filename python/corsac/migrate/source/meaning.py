"""What a configuration that was found means: all of it is judged, the certain part is written."""

from __future__ import annotations

import dataclasses
from typing import Any

from corsac.errors import CORSConfigProblem
from corsac.migrate.source.found import (
    NOT_SEEN,
    REPLACES,
    STAND_IN,
    UNSEEN_PATH,
    Found,
    Uncertain,
    is_stand_in,
)
from corsac.migrate.source.values import NOTHING, Unseen
from corsac.migrate.translation import Translation, translate

__all__ = ["judged_options", "translate_found"]

_ORIGIN_OPTIONS = {
    "starlette": "allow_origins",
    "flask-cors": "origins",
    "django-cors-headers": "CORS_ALLOWED_ORIGINS",
    "litestar": "allow_origins",
}
_OPENS = {
    "starlette": ("allow_origins", "allow_origin_regex"),
    "litestar": ("allow_origins", "allow_origin_regex"),
    "flask-cors": ("origins", "CORS_ORIGINS"),
    "django-cors-headers": (
        *("CORS_ALLOWED_ORIGINS", "CORS_ORIGIN_WHITELIST"),
        *("CORS_ALLOW_ALL_ORIGINS", "CORS_ORIGIN_ALLOW_ALL"),
        *("CORS_ALLOWED_ORIGIN_REGEXES", "CORS_ORIGIN_REGEX_WHITELIST"),
    ),
}
# The code asks for these in each run; see `_keep_credentials`.
_KEPT_IN_CODE = ("origin.any_with_credentials",)
_NAME_LISTS = ("allow_methods", "allow_headers")
# Each resource may have origins of its own, which are not seen either.
_RESOURCES = {f"{UNSEEN_PATH}/*": {"origins": [STAND_IN], "methods": [], "allow_headers": []}}
_PATHS: dict[str, object] = {
    "resources": _RESOURCES,
    "CORS_RESOURCES": _RESOURCES,
    "CORS_URLS_REGEX": f"^{UNSEEN_PATH}",
}


def translate_found(found: Found) -> None:
    """Translate what can be seen, with a stand-in for origins that cannot.

    All that can be seen is judged; the code is made of what is so in every run.
    """
    if found.style == NOT_SEEN:
        return
    judged = translate(found.library, judged_options(found))
    faulty = {
        each.option
        for each in judged.problems
        if each.severity == "error" and each.code not in _KEPT_IN_CODE
    }
    for option, value in found.unseen.items():
        found.problems.append(_unseen_problem(option, value))
        replaced = REPLACES.get(option)
        if option in faulty:
            found.certain.setdefault(option, NOTHING)
        if replaced is None or not value.code or option in faulty:
            continue
        if not judged.rules or replaced not in _options_of_resources(found):
            found.expressions[replaced] = _as_list(found, replaced, value)
    _read_what_is_certain(found)
    shown = judged
    if found.certain:
        shown = translate(found.library, _certain_options(found))
    if not shown.rules:
        _keep_origins(found, shown)
    found.translation = dataclasses.replace(
        shown,
        options=_without_stand_ins(shown.options, found),
        problems=tuple(each for each in judged.problems if not is_stand_in(each.value)),
        policy=shown.policy if judged.policy is not None else None,
    )
    if shown.rules:
        return
    for option, name in found.named.items():
        # The constant stays in use where its value may stay as it is.
        replaced = REPLACES.get(option, "")
        kept = option not in found.certain
        if replaced and kept and found.options[option] == shown.options.get(replaced):
            found.expressions.setdefault(replaced, name)
    _keep_credentials(found)


def _keep_origins(found: Found, shown: Translation) -> None:
    """Use the expression of a resource that is every path, where nothing else gives the origins."""
    origins = shown.options.get("allow_origins", ())
    text = found.stand_ins.get(origins[0], "") if len(origins) == 1 else ""
    if text:
        found.expressions.setdefault("allow_origins", text)


def judged_options(found: Found) -> dict[str, Any]:
    """All that an option may be, with a stand-in for origins that are not seen."""
    options = dict(found.options)
    name = _ORIGIN_OPTIONS[found.library]
    hidden = [each for each in found.unseen if REPLACES.get(each) == "allow_origins"]
    if "**" in found.unseen and not any(each in options for each in _OPENS[found.library]):
        hidden.append(name)
    if hidden and all(options.get(each) in (None, "", [], [""]) for each in hidden):
        # Without it the old library's default would be judged, which may be "anyone".
        text = next((found.unseen[each].code for each in hidden if each in found.unseen), "")
        for each in hidden:
            options.pop(each, None)
        options[name] = [found.stand_in(text)]
    return options


def _read_what_is_certain(found: Found) -> None:
    """Note what the code must leave out, as the old library's default would be wider."""
    for option, value in found.unseen.items():
        replaced = REPLACES.get(option)
        if option in _PATHS and option not in found.certain and option not in found.options:
            found.certain[option] = _PATHS[option]
        elif replaced in _NAME_LISTS and replaced not in found.expressions:
            found.certain[option] = []
        elif option in _OPENS[found.library] and (
            replaced not in found.expressions and option not in found.certain
        ):
            found.certain[option] = _seen_entries(value.default)
            if value.default is not NOTHING and not _has_unseen(value.default):
                where = f"it has the value {value.default!r}"[:200]
                found.uncertain.append(Uncertain(option, found.line, where, value.text))
    if "**" in found.unseen and found.library in {"flask-cors", "litestar"}:
        methods = "methods" if found.library == "flask-cors" else "allow_methods"
        for option in (methods, "allow_headers"):
            if option not in found.options:
                found.certain[option] = []


def _seen_entries(value: object) -> object:
    """The entries of a list that are seen, where others are not; else `NOTHING`."""
    if isinstance(value, list) and _has_unseen(value):
        return [each for each in value if isinstance(each, str)]
    return NOTHING


def _certain_options(found: Found) -> dict[str, Any]:
    options = judged_options(found)
    for name, value in found.certain.items():
        if value is not NOTHING:
            options[name] = value
        elif name in _PATHS:
            options[name] = _PATHS[name]
        elif REPLACES.get(name) in _NAME_LISTS:
            options[name] = []
        else:
            options.pop(name, None)
    opens = _OPENS[found.library]
    dropped = any(name in found.certain for name in opens)
    if dropped and not any(options.get(name) for name in opens):
        options[_ORIGIN_OPTIONS[found.library]] = [STAND_IN]
    return options


def _options_of_resources(found: Found) -> set[str]:
    """The options that some resource of flask-cors has for itself, by Corsac's names."""
    resources = found.options.get("resources", found.options.get("CORS_RESOURCES"))
    own = resources.values() if isinstance(resources, dict) else ()
    return {REPLACES.get(str(name), "") for each in own if isinstance(each, dict) for name in each}


def _as_list(found: Found, replaced: str, value: Unseen) -> str:
    """An expression for a list; flask-cors takes a text for a list of one."""
    is_text = found.library == "flask-cors" and replaced == "allow_origins" and value.is_text
    return f"[{value.text}]" if is_text else value.text


def _keep_credentials(found: Found) -> None:
    """Credentials that a default of ``"*"`` forbids stay allowed where something else is set."""
    names = [name for name in found.options if REPLACES.get(name) == "allow_credentials"]
    origins = found.expressions.get("allow_origins")
    visible = found.translation.options if found.translation else {}
    if (
        origins is not None
        and any(found.options[name] is True and name not in found.certain for name in names)
        and "allow_credentials" not in visible
        and "allow_credentials" not in found.expressions
        and "*" in visible.get("allow_origins", ())
    ):
        found.expressions["allow_credentials"] = f'"*" not in ({origins})'


def _without_stand_ins(options: Any, found: Found) -> dict[str, Any]:
    kept = dict(options)
    origins = [each for each in kept.get("allow_origins", ()) if not is_stand_in(each)]
    kept.pop("allow_origins", None)
    return {"allow_origins": origins, **kept} if origins else kept


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
