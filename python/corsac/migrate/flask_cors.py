r"""What the options of flask-cors mean (6.0).

- Any origin, the usual seven methods and any header if nothing is said; unknown names are ignored.
- A string with any of ``*\]?$^[()`` is an expression, for origins, headers and paths. It is matched
  from the start only; origins without regard to case.
- Options of a resource go before arguments, and those before ``CORS_...`` keys of the app's
  configuration. Literal paths come first, then expressions, longest first; a list stays in order.
- ``"*"`` means nothing for methods. A method is looked for in the joined text of all methods.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta

from corsac.foreign.flask_cors_options import (
    CONFIG_KEYS,
    DEFAULT_METHODS,
    EXTENSION_OPTIONS,
    FLASK_CORS_OPTIONS,
    is_one_exact_origin,
    looks_like_a_regex,
)
from corsac.migrate.flask_resources import rules_of_resources
from corsac.migrate.narrowing import judge
from corsac.migrate.paths import covers
from corsac.migrate.prefix_regex import in_lower_case, read_glob, read_prefix_regex
from corsac.migrate.reading import Reader, Reading, split_names
from corsac.options.names import corsac_option

__all__ = ["read_flask_cors"]

_OPTIONS = (*FLASK_CORS_OPTIONS, *EXTENSION_OPTIONS)
_NAMES = {
    "allow_origins": "origins",
    "allow_origin_regex": "origins",
    "allow_methods": "methods",
    "allow_headers": "allow_headers",
    "allow_credentials": "supports_credentials",
    "expose_headers": "expose_headers",
    "max_age": "max_age",
    "allow_private_network": "allow_private_network",
}


def read_flask_cors(given: Mapping[str, object]) -> Reading:
    """Read arguments of ``CORS`` or ``cross_origin``, and ``CORS_...`` keys beside them."""
    arguments = {key: value for key, value in given.items() if not str(key).startswith("CORS_")}
    settings = {key: value for key, value in given.items() if str(key).startswith("CORS_")}
    merged: dict[str, object] = {
        CONFIG_KEYS[key]: value
        for key, value in settings.items()
        if key in CONFIG_KEYS and value is not None
    }
    keys = {
        CONFIG_KEYS[key]: key
        for key in settings
        if key in CONFIG_KEYS and CONFIG_KEYS[key] not in arguments
    }
    merged |= arguments
    whole = _FlaskCorsReader(merged, keys)
    for key in settings:
        if key not in CONFIG_KEYS:
            whole.report_ignored(str(key))
    resources = merged.pop("resources", "/*")
    pairs = whole.read_resources(resources)
    if pairs is None:
        return whole.read()
    return _with_rules(whole, merged, keys, pairs)


_Resource = tuple[str | re.Pattern[str], Mapping[str, object]]


def _with_rules(
    whole: _FlaskCorsReader,
    merged: Mapping[str, object],
    keys: Mapping[str, str],
    pairs: list[_Resource],
) -> Reading:
    """One reading for the paths of each resource; the first one's is that of the whole."""
    paths = rules_of_resources(
        [
            (written, _FlaskCorsReader({**merged, **options}, keys).read())
            for written, options in pairs
        ]
    )
    ruled = paths.rules
    everything = next((reading for rule, reading in ruled if rule.is_everything), None)
    rules: list[tuple[str, Reading | None]] = []
    for position, (rule, reading) in enumerate(ruled):
        if rule.is_everything:
            break
        for path in rule.leaves_out:
            after = ruled[position + 1 :]
            other = next((found for next_, found in after if covers(next_, path)), None)
            if other is not reading:
                rules.append((path, other))
        rules.append((rule.pattern, reading))
    if everything is None:
        rules.append(("/*", None))
    result = everything or (ruled[0][1] if ruled else Reading({"allow_origins": []}))
    problems = [*whole.reading.problems, *paths.problems, *result.problems]
    for left_out in paths.left_out:
        problems += judge(left_out).problems
    return Reading(
        result.options,
        result.regexes,
        problems,
        result.names,
        result.given,
        rules,
    )


class _FlaskCorsReader(Reader):
    library = "flask-cors"
    options = _OPTIONS

    def __init__(self, given: Mapping[str, object], keys: Mapping[str, str]) -> None:
        super().__init__(given, {name: keys.get(old, old) for name, old in _NAMES.items()})
        self.reading.given |= frozenset(keys.values())
        self._keys = keys

    def name(self, option: str) -> str:
        """The name by which the configuration sets an option."""
        return self._keys.get(option, option)

    def report_ignored(self, name: str) -> None:
        """Say that an unknown name is ignored, and what stands in its place."""
        meant = corsac_option(name)
        if meant is not None and meant.startswith("allow_origin"):
            message = "flask-cors ignores the name, so that any origin is allowed if nothing else"
            message += " lists them"
            hint = f"write {'CORS_ORIGINS' if name.startswith('CORS_') else 'origins'}"
            self.report("option.unknown", "error", name, name, message, hint)
        else:
            self.report_unknown(name, "warning", "flask-cors has no such option, and ignores it")

    def read(self) -> Reading:
        """Read all options but the resources."""
        for name in self.given:
            if name not in _OPTIONS:
                self.report_ignored(str(name))
        options = self.reading.options
        credentials = self.truth("supports_credentials")
        options["allow_credentials"] = credentials
        self._read_origins(credentials)
        options["allow_methods"] = self._read_methods()
        options["allow_headers"] = self._read_headers(credentials)
        options["expose_headers"] = self._read_exposed()
        self._read_max_age()
        options["allow_private_network"] = self.truth("allow_private_network")
        self._report_without_counterpart()
        only_listed = not self.reading.regexes and is_one_exact_origin(options["allow_origins"])
        if self.given.get("always_send") and only_listed:
            options["always_send"] = True
        return self.reading

    def _listed(self, option: str, default: object) -> list[object]:
        value = self.given.get(option, default)
        if isinstance(value, (set, frozenset)):
            return sorted(value, key=str)
        if isinstance(value, str) or not isinstance(value, Iterable):
            return [value]
        return list(value)

    # Origins

    def _read_origins(self, credentials: bool) -> None:
        origins: list[str] = self.reading.options.setdefault("allow_origins", [])
        option = self.name("origins")
        entries = self._listed("origins", "*")
        if any(entry in {"*", ".*"} for entry in entries if isinstance(entry, str)):
            if credentials and self.truth("send_wildcard"):
                self.report(
                    "option.conflict",
                    "error",
                    "send_wildcard",
                    True,
                    'flask-cors raises ValueError for "*" with credentials and send_wildcard',
                    "list the origins that need credentials",
                )
            # The other entries are never asked; the policy says so of those that are origins.
            others = (each for each in entries if isinstance(each, str))
            origins += ["*", *(each for each in others if not looks_like_a_regex(each))]
            return
        for entry in entries:
            self._read_origin(option, entry, origins)

    def _read_origin(self, option: str, entry: object, origins: list[str]) -> None:
        if isinstance(entry, re.Pattern):
            text = str(entry.pattern)
            if entry.flags & re.VERBOSE:
                message = "an expression with comments has no counterpart"
                self.report("regex.flags", "error", option, text, message, "write it without re.X")
                return
            text = in_lower_case(text) if entry.flags & re.IGNORECASE else text
            read_prefix_regex(self.reading, text, entry.pattern, option, self.library)
        elif not isinstance(entry, str):
            self.texts(option, [entry])
        elif looks_like_a_regex(entry):
            if not read_glob(self.reading, entry, option, self.library):
                lower = in_lower_case(entry)
                read_prefix_regex(self.reading, lower, entry, option, self.library)
        elif entry != entry.lower() and entry.isascii():
            self.report(
                "origin.rewritten",
                "info",
                option,
                entry,
                "flask-cors ignores case; Corsac compares, and browsers send lower case",
                f'write "{entry.lower()}"',
            )
            origins.append(entry.lower())
        else:
            origins.append(entry)

    # Lists of names

    def _read_methods(self) -> list[str]:
        names = [
            name.upper()
            for entry in self.texts(self.name("methods"), self._listed("methods", DEFAULT_METHODS))
            for name in split_names(entry)
        ]
        if "*" in names:
            self.report(
                "method.never_allowed",
                "warning",
                self.name("methods"),
                "*",
                '"*" is no method, and flask-cors does not take it for any of them, so it allows '
                "nothing and is left out",
                "list the methods that pages use",
            )
            names = [name for name in names if name != "*"]
        self.report_safelisted(self.name("methods"), names)
        if "methods" not in self.given:
            return [name for name in names if name in {"PUT", "PATCH", "DELETE"}]
        return self.drop_options_method(self.name("methods"), names)

    def _read_headers(self, credentials: bool) -> list[str]:
        option = self.name("allow_headers")
        entries = self._listed("allow_headers", "*")
        if any(entry in {"*", ".*"} for entry in entries if isinstance(entry, str)):
            return ["*"] if credentials else ["*", "authorization"]
        names = []
        for entry in entries:
            if isinstance(entry, re.Pattern) or (
                isinstance(entry, str) and looks_like_a_regex(entry)
            ):
                self.report(
                    "header.expression",
                    "error",
                    option,
                    entry.pattern if isinstance(entry, re.Pattern) else entry,
                    "expressions for header names have no counterpart",
                    'list the names, or write "*"',
                )
            else:
                names += self.texts(option, [entry])
        return names

    def _read_exposed(self) -> list[str]:
        if self.given.get("expose_headers") is None:
            return []
        option = self.name("expose_headers")
        entries = self.texts(option, self._listed("expose_headers", ()))
        return [name for entry in entries for name in split_names(entry)]

    def _read_max_age(self) -> None:
        value = self.given.get("max_age")
        if isinstance(value, timedelta):
            value = str(int(value.total_seconds()))
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,9}", value, re.ASCII):
            self.reading.options["max_age"] = int(value)
        elif isinstance(value, int) and not isinstance(value, bool):
            # flask-cors leaves out a header whose value is false, and 0 is.
            self.reading.options["max_age"] = value or None
        else:
            self.reading.options["max_age"] = None
            if value:
                message = "flask-cors sends it as it is, and browsers ignore it"
                hint = "write whole seconds"
                self.report(
                    "option.wrong_type", "warning", self.name("max_age"), value, message, hint
                )

    def _report_without_counterpart(self) -> None:
        for name, effect in _WITHOUT_COUNTERPART.items():
            if name in self.given and bool(self.given[name]) is not effect[0]:
                self.report(
                    "option.no_counterpart", "info", self.name(name), self.given[name], effect[1]
                )

    # Resources

    def read_resources(self, value: object) -> list[_Resource] | None:
        """The resources in the order in which flask-cors asks them; ``None`` for every path."""
        pairs: list[_Resource]
        if isinstance(value, Mapping):
            pairs = []
            for written, options in value.items():
                if isinstance(options, Mapping) and isinstance(written, (str, re.Pattern)):
                    pairs.append((written, options))
                else:
                    message = "a path with a dictionary of options is wanted"
                    self.report("option.wrong_type", "error", "resources", options, message)
            pairs.sort(key=_priority)
        elif isinstance(value, (str, re.Pattern)):
            pairs = [(value, {})]
        elif isinstance(value, Iterable):
            pairs = []
            for written in value:
                if isinstance(written, (str, re.Pattern)):
                    pairs.append((written, {}))
                else:
                    self.texts("resources", [written])
        else:
            message = "flask-cors raises ValueError for it"
            hint = "write a path, a list of paths or a dictionary"
            self.report("option.wrong_type", "error", "resources", value, message, hint)
            pairs = []
        first = pairs[0] if pairs else None
        if first is not None and not first[1] and len(pairs) == 1:
            alone = rules_of_resources([(first[0], Reading({"allow_origins": []}))]).rules
            if alone and alone[0][0].is_everything:
                return None
        return pairs


_WITHOUT_COUNTERPART = {
    "vary_header": (True, "Vary is always sent where the answer depends on the origin"),
    "automatic_options": (True, "preflight requests are always answered by the middleware"),
    "always_send": (True, "without Origin nothing is sent that depends on one"),
}


def _priority(pair: _Resource) -> tuple[int, int, int, int]:
    written = pair[0]
    if isinstance(written, re.Pattern):
        text, kind = str(written.pattern), (1, 0)
    else:
        text, kind = written, (0, 0) if not looks_like_a_regex(written) else (1, 1)
    return (*kind, -text.count("/"), -len(text))
