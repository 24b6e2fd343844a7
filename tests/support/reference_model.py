"""What Corsac answers, written a second time: slowly, literally, and with no code of Corsac.

The property tests compare the core with it. "Rule n" is a decided behaviour of the design; "item n"
is a requirement of the Fetch checklist, with the section of the standard where there is one. Text
stands for bytes as latin-1 does. Nothing here looks for mistakes in a configuration: the options
are taken to be ones that `corsac.CORSPolicy` accepts.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

from corsac import Guard
from support.exchange import AppResponse, Pairs, Request

__all__ = ["Answer", "Options", "Rules", "answer", "is_allowed", "reduced_path", "rule_options"]
__all__ += [
    "answer_under_hosts",
    "answer_under_rules",
    "chosen_of",
    "covers_header",
    "covers_method",
    "host_refusal",
    "websocket_is_refused",
]

MAX_ORIGIN_BYTES = 326  # Rule 6: scheme 64, "://", host 253, ":65535".
MAX_REQUEST_METHOD_BYTES = 256
MAX_ECHOED_METHOD_BYTES = 64
MAX_REQUEST_HEADERS_LINES = 8
MAX_REQUEST_HEADERS_BYTES = 8192
MAX_EMPTY_MEMBERS = 16
MAX_ECHOED_HEADERS_BYTES = 4096
MAX_TIMING_ORIGINS = 8
MAX_HOST_HEADER_BYTES = 260  # A name of 253, a dot, a colon, five digits.

TOKEN = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+")  # Item 1.
LABEL = r"[a-z0-9_-]{1,63}"  # As browsers open them: hyphens anywhere.
OWS = " \t"  # Item 2.
# RFC 9110, 7.2, without the comma, with which servers join two lines; a port may be empty.
HOST = re.compile(
    r"(?P<name>\[[^\]]*\]|(?:[-._~!$&'()*+;=0-9A-Za-z]|%[0-9A-Fa-f]{2})+)(?::(?P<port>[0-9]*))?"
)
# Item 59, "HTTP responses": the first are for actual responses, these are for preflights.
OWNED = (
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "access-control-expose-headers",
)
TIMING = "timing-allow-origin"  # Under `allow_timing`, on what answers no preflight.
OWNED_ON_PREFLIGHTS = (
    *OWNED,
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-max-age",
    "access-control-allow-private-network",
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of a policy, with the documented defaults."""

    allow_origins: tuple[str, ...] = ()
    allow_methods: tuple[str, ...] = ()
    allow_headers: tuple[str, ...] = ()
    allow_credentials: bool = False
    expose_headers: tuple[str, ...] = ()
    max_age: int | None = 600
    allow_private_network: bool = False
    preflight_status: int = 204
    preflight_continue: bool = False
    guard: bool = False
    trusted_origins: tuple[str, ...] = ()  # These four are the guard's.
    exempt_paths: tuple[str, ...] = ()
    isolate_reads: bool = False
    writes: bool = True
    allow_timing: bool = False
    always_send: bool = False
    app_headers: str = "replace"
    tolerate: tuple[str, ...] = ()

    reason: ClassVar[str] = "origin-not-allowed"
    is_one_of_several: ClassVar[bool] = False

    @property
    def keywords(self) -> dict[str, Any]:
        """The arguments of a policy with these options."""
        options = asdict(self)
        own = ("trusted_origins", "exempt_paths", "isolate_reads", "writes")
        guard = Guard(**{name: options.pop(name) for name in own})
        return options | {"guard": guard if self.guard else False}

    @property
    def is_constant(self) -> bool:
        """Whether everybody gets the same answer (rule 5; item 70): anyone, no credentials."""
        return "*" in self.allow_origins and not self.allow_credentials

    @property
    def constant_origin(self) -> str | None:
        """The origin that is sent on every actual response (rule 5): anyone, or the only one."""
        if self.is_constant:
            return "*"
        return self.allow_origins[0] if self.always_send else None


@dataclass(frozen=True)
class Answer:
    """What leaves the server."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    app_called: bool


Rules = Sequence[tuple[str, Options | None]]


@dataclass(frozen=True, kw_only=True)
class OneOfSeveral(Options):
    """The options of a policy that the request's Origin has chosen among several."""

    is_one_of_several: ClassVar[bool] = True


def chosen_of(several: Sequence[Options], request: Request) -> tuple[int, Options]:
    """The first policy that allows the origin, or the last; malformed ones choose nothing."""
    origins = values(request.headers, "origin")
    allowing = (place for place, each in enumerate(several) if is_allowed(each, origins))
    place = next(allowing, len(several) - 1)
    return place, OneOfSeveral(**asdict(several[place]))


# Origins


def is_well_formed(origins: Sequence[str]) -> bool:
    """Whether the Origin lines are one line that can be one origin (rule 6; item 30)."""
    if len(origins) != 1:
        return False
    (origin,) = origins
    if not 1 <= len(origin) <= MAX_ORIGIN_BYTES or origin == "*":
        return False  # Item 8: "*" is a word of responses. Item 44: credentials never go with it.
    return all(0x21 <= ord(byte) <= 0x7E and byte != "," for byte in origin)


def is_allowed(options: Options, origins: Sequence[str]) -> bool:
    """Whether the policy allows what the Origin lines say (rule 7; items 31, 33, 36)."""
    if not is_well_formed(origins):
        return False
    (origin,) = origins
    return any(entry_matches(entry, origin, options) for entry in options.allow_origins)


def entry_matches(entry: str, origin: str, options: Options) -> bool:
    """Whether one entry of `allow_origins` stands for this origin."""
    if entry == "*":
        if not options.allow_credentials:
            return True
        return origin != "null"  # Item 36: opted in to by name only.
    scheme, separator, rest = entry.partition("://")
    if not separator or not (rest.startswith("*.") or rest.endswith(":*")):
        return entry == origin
    return pattern_matches(scheme, rest, origin)


def pattern_matches(scheme: str, rest: str, origin: str) -> bool:
    """Whether ``scheme://*.host``, ``scheme://host:*`` or both at once match (item 33)."""
    host, port = rest, ""
    any_port = host.endswith(":*")
    if any_port:
        host = host.removesuffix(":*")
    elif found := re.fullmatch(r"(.*)(:[0-9]+)", host):
        host, port = found.groups()
    start = f"{scheme}://"
    if not origin.startswith(start):
        return False
    text = origin[len(start) :]
    if any_port:
        found = re.fullmatch(r"(\[.*\]|[^:]*)(?::(.*))?", text, re.DOTALL)
        if found is None or not (found[2] is None or is_sendable_port(scheme, found[2])):
            return False
        text = found[1]
    elif port:
        if not text.endswith(port):
            return False
        text = text.removesuffix(port)
    if not host.startswith("*."):
        return text == host
    apex = host.removeprefix("*.")
    found = re.fullmatch(f"(?:{LABEL}[.])+{re.escape(apex)}", text)
    return found is not None and len(text.removesuffix(".")) <= 253


def is_sendable_port(scheme: str, port: str) -> bool:
    """Whether a browser writes this port: decimal, 1 to 65535, not the default (item 14)."""
    if not re.fullmatch(r"[1-9][0-9]{0,4}", port) or int(port) > 65535:
        return False
    return port != {"http": "80", "https": "443"}.get(scheme)


# Requests


def values(headers: Pairs, name: str) -> list[str]:
    """The values of every line of a header; names are compared ASCII-case-insensitively."""
    return [value for key, value in headers if lower(key) == name]


@functools.lru_cache(10_000)
def lower(text: str) -> str:
    """ASCII lower case, and nothing else (item 3)."""
    return re.sub("[A-Z]", lambda found: found[0].lower(), text)


def is_preflight(request: Request) -> bool:
    """Rule 1; items 25 to 27: all three."""
    return (
        request.method == "OPTIONS"
        and bool(values(request.headers, "origin"))
        and bool(values(request.headers, "access-control-request-method"))
    )


def answer(options: Options | None, request: Request, app: AppResponse) -> Answer:
    """The whole answer to a request under a policy; without one, hands off."""
    if options is None:
        return Answer(app.status, list(app.headers), app.body, True)
    if is_preflight(request):
        return preflight_answer(options, request, app)
    if options.guard and not is_exempt(options, request.path):
        return guarded_answer(options, request, app)
    return actual_answer(options, request, app)


def guarded_answer(options: Options, request: Request, app: AppResponse) -> Answer:
    """The answer where the guard judges."""
    if options.isolate_reads and request.method in {"GET", "HEAD"}:
        vary = [*vary_of_actual(options), *FETCH_METADATA]
        if is_embedded_elsewhere(request.headers):
            return refusal("cross-origin-read", vary)
        return actual_answer(options, request, app, vary)
    unsafe = request.method not in {"GET", "HEAD", "OPTIONS"}
    if options.writes and unsafe and is_forged(options, request.headers):
        # With the Vary of a refused preflight: more than it depends on, at no cost, since no cache
        # stores the answer to an unsafe method.
        return refusal("cross-origin-request", vary_of_preflight(options))
    return actual_answer(options, request, app)


# Preflights


def preflight_answer(options: Options, request: Request, app: AppResponse) -> Answer:
    """Rules 2 and 3; items 50 to 58."""
    reason = preflight_refusal(options, request)
    added = [] if reason else preflight_headers(options, request)
    vary = vary_of_preflight(options)
    if options.preflight_continue:
        return with_headers(options, app, OWNED_ON_PREFLIGHTS, added, vary)
    if reason:
        return refusal(reason, vary)
    if vary:
        added.append(("vary", ", ".join(vary)))
    if options.preflight_status != 204:
        added.append(("content-length", "0"))  # Item 50.
    return Answer(options.preflight_status, added, b"", False)


def preflight_refusal(options: Options, request: Request) -> str | None:
    """Why a preflight is refused: malformed before not allowed (rule 3; item 8)."""
    origins = values(request.headers, "origin")
    if not is_well_formed(origins):
        return "origin-malformed"
    methods = values(request.headers, "access-control-request-method")
    if len(methods) != 1 or not TOKEN.fullmatch(methods[0]):
        return "request-method-malformed"
    if len(methods[0]) > MAX_REQUEST_METHOD_BYTES:
        return "request-method-malformed"
    return None if is_allowed(options, origins) else options.reason


def preflight_headers(options: Options, request: Request) -> list[tuple[str, str]]:
    """The headers of an allowed preflight but Vary."""
    headers = allow_origin(options, request)
    if methods := allow_methods(options, request):
        headers.append(("access-control-allow-methods", methods))
    if names := allow_headers(options, request):
        headers.append(("access-control-allow-headers", names))
    if options.max_age is not None:
        headers.append(("access-control-max-age", str(options.max_age)))  # Item 58.
    # Item 74: only for exactly "true".
    asked = values(request.headers, "access-control-request-private-network")
    if options.allow_private_network and asked == ["true"]:
        headers.append(("access-control-allow-private-network", "true"))
    return headers


def allow_origin(options: Options, request: Request) -> list[tuple[str, str]]:
    """The headers of every allowed response (items 37, 44, 70)."""
    if options.is_constant:
        return [("access-control-allow-origin", "*")]
    if is_preflight(request) or not options.constant_origin:
        (origin,) = values(request.headers, "origin")
    else:
        origin = options.constant_origin  # For the browser to compare (items 41, 44).
    headers = [("access-control-allow-origin", origin)]
    if options.allow_credentials:
        headers.append(("access-control-allow-credentials", "true"))
    return headers


def normalised(method: str) -> str:
    """The method as browsers send it ("Methods", normalize; item 10)."""
    usual = {"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"}
    return method.upper() if method.isascii() and method.upper() in usual else method


def allow_methods(options: Options, request: Request) -> str:
    """The whole list, ``*``, or with credentials an echo (rule 2; items 48, 52, 53)."""
    if "*" not in options.allow_methods:
        return ", ".join(dict.fromkeys(map(normalised, options.allow_methods)))
    if not options.allow_credentials:
        return "*"
    (method,) = values(request.headers, "access-control-request-method")
    # Item 12: a method that no page can send is nothing to echo.
    if len(method) > MAX_ECHOED_METHOD_BYTES or method.upper() in {"CONNECT", "TRACE", "TRACK"}:
        return ""
    return method


def allow_headers(options: Options, request: Request) -> str:
    """The whole list, ``*``, or with credentials an echo (rule 2; items 48, 54 to 57)."""
    listed = without_duplicates(options.allow_headers)
    if "*" not in listed:
        return ", ".join(listed)
    if options.allow_credentials:
        lines = values(request.headers, "access-control-request-headers")
        return ", ".join(requested_names(lines))
    # Item 55: "*" does not cover authorization.
    named = any(lower(name) == "authorization" for name in listed)
    return "*, authorization" if named else "*"


def requested_names(lines: Sequence[str]) -> list[str]:
    """The members of Access-Control-Request-Headers; none beyond a bound (rule 9; item 56)."""
    if len(lines) > MAX_REQUEST_HEADERS_LINES:
        return []
    if sum(map(len, lines)) > MAX_REQUEST_HEADERS_BYTES:
        return []
    # Item 6. A comma at the end ends the last member, so nothing is no empty member either.
    texts = [line.removesuffix(",").split(",") if line else [] for line in lines]
    members = [member.strip(OWS) for text in texts for member in text]
    names = [member for member in members if member]
    if len(members) - len(names) > MAX_EMPTY_MEMBERS:
        return []
    if not all(TOKEN.fullmatch(name) for name in names):
        return []
    return names if len(", ".join(names)) <= MAX_ECHOED_HEADERS_BYTES else []


def without_duplicates(names: Iterable[str]) -> list[str]:
    """Header names, each in its first spelling."""
    found: list[str] = []
    for name in names:
        if lower(name) not in map(lower, found):
            found.append(name)
    return found


def vary_of_preflight(options: Options) -> list[str]:
    """What a preflight's answer can depend on (rule 5; items 68, 72)."""
    # With a constant origin another one's preflight is refused.
    members = [] if options.is_constant and not options.is_one_of_several else ["Origin"]
    if "*" in options.allow_methods and options.allow_credentials:
        members.append("Access-Control-Request-Method")
    if "*" in options.allow_headers and options.allow_credentials:
        members.append("Access-Control-Request-Headers")
    if options.allow_private_network:
        members.append("Access-Control-Request-Private-Network")
    return members


def refusal(reason: str, vary: Sequence[str]) -> Answer:
    """Rule 3: 403 with the reason code as text and no CORS header but Vary."""
    headers = [
        ("content-type", "text/plain; charset=utf-8"),
        ("content-length", str(len(reason))),
    ]
    if vary:
        headers.append(("vary", ", ".join(vary)))
    return Answer(403, headers, reason.encode(), False)


# Actual requests


def actual_answer(
    options: Options, request: Request, app: AppResponse, vary: Sequence[str] | None = None
) -> Answer:
    """Rule 4; items 38 to 43: whatever the status."""
    added: list[tuple[str, str]] = []
    if options.constant_origin or is_allowed(options, values(request.headers, "origin")):
        added += allow_origin(options, request)
        if exposed := without_duplicates(options.expose_headers):
            # Item 62: "*" alone says everything.
            names = "*" if "*" in exposed else ", ".join(exposed)
            added.append(("access-control-expose-headers", names))
    owned = (*OWNED, TIMING) if options.allow_timing else OWNED
    timing = timing_origins(options, request) if options.allow_timing else ""
    if timing:
        added.append((TIMING, timing))
    return with_headers(options, app, owned, added, vary or vary_of_actual(options))


def timing_origins(options: Options, request: Request) -> str:
    """For whom Timing-Allow-Origin is ("TAO check"): a list where it is short, else the origin."""
    if options.is_constant:
        return "*"
    origins = options.allow_origins
    listed = [entry for entry in origins if entry != "null"]
    is_short = len(origins) <= MAX_TIMING_ORIGINS and not any("*" in entry for entry in origins)
    if listed and is_short:
        return ", ".join(listed)
    asking = values(request.headers, "origin")
    # Opaque origins of any site are null.
    return asking[0] if is_allowed(options, asking) and asking != ["null"] else ""


def vary_of_actual(options: Options) -> list[str]:
    """Rule 5; items 68, 70: on every response, unless the answer is a constant."""
    return [] if options.constant_origin and not options.is_one_of_several else ["Origin"]


def with_headers(
    options: Options,
    app: AppResponse,
    owned: Sequence[str],
    added: list[tuple[str, str]],
    vary: Sequence[str],
) -> Answer:
    """The app's response, with the owned headers replaced and Vary merged (rules 4, 5).

    With ``app_headers="keep"`` they stay where nothing is set; never with two allowed origins.
    """
    own = values(app.headers, "access-control-allow-origin")
    allowed = values(added, "access-control-allow-origin")
    keeps = options.app_headers == "keep" and not allowed and len(own) < 2
    set_here = {name for name, _ in added}
    headers = [
        pair
        for pair in app.headers
        if lower(pair[0]) not in owned or (keeps and lower(pair[0]) not in set_here)
    ]
    return Answer(app.status, merge_vary(headers, vary) + added, app.body, True)


def merge_vary(headers: list[tuple[str, str]], vary: Sequence[str]) -> list[tuple[str, str]]:
    """Item 71: nothing twice, ``*`` stays alone, and what the app wrote stays as it wrote it."""
    lines = values(headers, "vary")
    present = [lower(member.strip(OWS)) for line in lines for member in line.split(",")]
    missing = [member for member in vary if lower(member) not in present]
    if not missing or "*" in present:
        return headers
    kept = [pair for pair in headers if lower(pair[0]) != "vary"]
    written = [line.strip(OWS) for line in lines if line.strip(OWS)]
    return [*kept, ("vary", ", ".join([*written, *missing]))]


# The guard


FETCH_METADATA = ("Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest")


def is_exempt(options: Options, path: str) -> bool:
    """Whether the guard leaves a path alone, and where merging slashes leads too."""
    rules = [(pattern, options) for pattern in options.exempt_paths]
    pattern, found = deciding_rule(rules, None, path)
    merged = deciding_rule(rules, None, re.sub("/+", "/", path))[1]
    return found is not None and ("//" in pattern or merged is not None)


def is_embedded_elsewhere(headers: Pairs) -> bool:
    """Whether another site makes the user's browser read what its page may not (isolation)."""
    sites = values(headers, "sec-fetch-site")
    if sites in ([], [""], ["same-origin"], ["same-site"], ["none"]):
        return False
    modes = [mode for mode in values(headers, "sec-fetch-mode") if mode]
    if modes == ["cors"]:
        return False
    return modes != ["navigate"] or values(headers, "sec-fetch-dest") != ["document"]


def may_write(options: Options, headers: Pairs) -> bool:
    """Whether the guard trusts the origin; who is allowed without credentials has no cookies."""
    origins = values(headers, "origin")
    if is_allowed(replace(options, allow_origins=options.trusted_origins), origins):
        return True
    has_cookies = bool(values(headers, "cookie"))
    return is_allowed(options, origins) and (options.allow_credentials or not has_cookies)


def is_forged(options: Options, headers: Pairs) -> bool:
    """Whether an unsafe request is one the guard refuses (item 66)."""
    origins = values(headers, "origin")
    if may_write(options, headers):
        return False
    if origins and not is_well_formed(origins):
        return True  # Rule 6.
    sites = values(headers, "sec-fetch-site")
    if sites not in ([], [""]):  # An empty value says nothing, as if the line were not there.
        return sites not in (["same-origin"], ["none"])
    return bool(origins) and not is_same_host(origins[0], values(headers, "host"))


def is_same_host(origin: str, hosts: Sequence[str]) -> bool:
    """Whether an origin of HTTP and the Host line name one host and port.

    The server believes that it was asked by plain HTTP, as every server behind a proxy does that
    ends TLS: so it does not know that ``https`` is not its own.
    """
    if len(hosts) != 1 or not origin.startswith(("http://", "https://")):
        return False
    scheme, separator, authority = origin.partition("://")
    default_port = {"http": ":80", "https": ":443"}.get(scheme, "no port")
    host = lower(hosts[0]).removesuffix(default_port)
    return bool(separator) and host != "" and lower(authority) == host


def websocket_is_refused(options: Options | None, headers: Pairs) -> bool:
    """Whether a handshake is refused: only by the guard, for CORS knows no WebSocket (item 23)."""
    if options is None or not options.guard:
        return False
    origins = values(headers, "origin")
    if may_write(options, headers):
        return False
    if origins and not is_well_formed(origins):
        return True
    # Chromium sends no Sec-Fetch-Site here: what is there can only refuse more.
    sites = values(headers, "sec-fetch-site")
    if sites not in ([], [""], ["same-origin"], ["none"]):
        return True
    return bool(origins) and not is_same_host(origins[0], values(headers, "host"))


# Hosts


def host_refusal(allowed_hosts: Sequence[str], hosts: Sequence[str]) -> str | None:
    """Why a request is refused for its Host lines before all else, if it is (RFC 9112, 3.2)."""
    if len(hosts) != 1 or len(hosts[0]) > MAX_HOST_HEADER_BYTES:
        return "host-malformed"
    found = HOST.fullmatch(hosts[0])
    if found is None or int(found["port"] or "0") > 65535:
        return "host-malformed"
    name, port = lower(found["name"]), found["port"] or ""
    if name.startswith("[") and not is_ipv6(name[1:-1]):
        return "host-malformed"
    served = any(is_served(entry, name, port) for entry in allowed_hosts)
    return None if served else "host-not-allowed"


def is_served(entry: str, name: str, port: str) -> bool:
    """Whether one entry stands for a name and a port, which is empty if there is none."""
    found = re.fullmatch(r"(\[.*\]|[^:]*)(?::([0-9]+))?", entry)
    assert found is not None, entry
    listed, listed_port = found.groups()
    if listed_port and port and int(port) != int(listed_port):
        return False
    if listed_port and not port and listed_port not in {"80", "443"}:
        return False
    if not listed.startswith("*."):
        return name == listed
    below = re.fullmatch(f"(?:{LABEL}[.])+{re.escape(listed[2:])}", name)
    return below is not None and len(name.removesuffix(".")) <= 253


def is_ipv6(text: str) -> bool:
    """Whether a text is an address without a zone, by Python's own reading."""
    try:
        return ipaddress.IPv6Address(text).scope_id is None
    except ValueError:
        return False


def answer_under_hosts(
    allowed_hosts: Sequence[str], options: Options | None, request: Request, app: AppResponse
) -> Answer:
    """The whole answer of a middleware with hosts."""
    reason = host_refusal(allowed_hosts, values(request.headers, "host"))
    if reason is None:
        return answer(options, request, app)
    status = 400 if reason == "host-malformed" else 403
    refused = refusal(reason, [])
    body = b"" if request.method == "HEAD" else refused.body
    return Answer(status, refused.headers, body, False)


# Path rules


def reduced_path(path: str, root_path: str) -> str:
    """The path without what a mount took off, at a segment border."""
    if path == root_path or path.startswith(root_path + "/"):
        return path[len(root_path) :]
    return path


@dataclass(frozen=True, kw_only=True)
class ForAmbiguousPaths(Options):
    """The options of the policy that stands where two readings of a path differ."""

    reason: ClassVar[str] = "path-ambiguous"


def deciding_rule(rules: Rules, fallback: Options | None, path: str) -> tuple[str, Options | None]:
    """The first rule that matches: exact, or a prefix at a segment border."""
    for pattern, options in rules:
        prefix = pattern.removesuffix("/*")
        if path == pattern and prefix == pattern:
            return pattern, options
        if prefix != pattern and (path == prefix or path.startswith(prefix + "/")):
            return pattern, options
    return "", fallback


def rule_options(rules: Rules, fallback: Options | None, path: str) -> Options | None:
    """The options for a path; where merging slashes leads elsewhere, those that allow nobody."""
    pattern, options = deciding_rule(rules, fallback, path)
    merged = re.sub("/+", "/", path)
    if "//" in pattern or deciding_rule(rules, fallback, merged)[1] == options:
        return options
    everybody = [fallback, *(rule for _, rule in rules)]
    guarded = [each for each in everybody if each is not None and each.guard]
    return ForAmbiguousPaths(
        guard=bool(guarded),
        isolate_reads=any(each.isolate_reads for each in guarded),
        writes=any(each.writes for each in guarded),
    )


def answer_under_rules(
    rules: Rules, fallback: Options | None, root_path: str, request: Request, app: AppResponse
) -> Answer:
    """The whole answer of a middleware with path rules."""
    path = reduced_path(request.path, root_path)
    return answer(rule_options(rules, fallback, path), replace(request, path=path), app)


# What a policy says to a page


def covers_method(options: Options, method: str) -> bool:
    """Whether a page of an allowed origin may use a method (items 11, 52, 53)."""
    listed = {normalised(each) for each in options.allow_methods}
    if method in {"GET", "HEAD", "POST"} or method in listed:
        return True
    if not options.allow_credentials:
        return "*" in listed
    return "*" in listed and len(method) <= MAX_ECHOED_METHOD_BYTES


def covers_header(options: Options, name: str) -> bool:
    """Whether a page of an allowed origin may set a header (items 54, 55)."""
    listed = [lower(each) for each in options.allow_headers]
    if lower(name) in listed:
        return True
    return "*" in listed and (options.allow_credentials or lower(name) != "authorization")
