"""Policies and requests for property tests: right parts, often in a slightly wrong place.

Nearly everything is derived from the policy at hand, because a random text is refused for reasons
that no mistake would hide.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hypothesis import strategies as st

from support.exchange import AppResponse, Request
from support.reference_model import OWNED_ON_PREFLIGHTS, TIMING, Options

__all__ = [
    "TOLERATED",
    "app_responses",
    "entries",
    "fetch_metadata",
    "hostile_requests",
    "near_origins",
]
__all__ += ["options", "padded", "page_methods", "page_names", "paths", "preflight_lines"]
__all__ += ["preflights_at_limits", "root_paths", "rules", "shuffled"]

TOLERATED = (
    "origin.any_with_credentials",
    "origin.insecure_with_credentials",
    "origin.null",
    "origin.public_suffix_with_credentials",
)
NAMES = ["example.com", "app.example.com", "a.b.example.com", "localhost", "example.com."]
NAMES += [
    "a_b.example.com",
    "xn--bcher-kva.example",
    "user-.example",
    "-a.-b",
    "com",
    "example.co",
    ("a" * 49 + ".") * 5 + "b",
]
OPAQUE_HOSTS = ["-", ".", "..", "Main", "127.1", "%C3%A9", "a;b=c", "$", "E8CF0E9A-1B2C"]
ADDRESSES = ["127.0.0.1", "10.0.0.1", "[::1]", "[2001:db8::1]", "[::ffff:102:304]"]
APP_SCHEMES = ["capacitor", "app", "capacitor-electron", "chrome-extension", "s" * 64]
SCHEMES = ["https", "http", *APP_SCHEMES]
PORTS = ["", ":8443", ":3000", ":1", ":65535", ":80", ":443", ":*"]
ANY_PORTS = ["", ":", ":0", ":1", ":80", ":443", ":080", ":08443", ":8443", ":3000", ":65535"]
ANY_PORTS += [":65536", ":99999", ":100000", ":1:2", ":+1", ":-1", ":a", ":8443a", ": 1", ":*"]
LABELS = ["a", "b", "www", "evil", "x_y", "a-b", "0", "127", "xn--a", "a" * 63, "a-", "-a", "--"]
ODD_LABELS = ["", "_", "-", "A", "*", "a$", "a;b", "a@b", "a/", "a%2eb", "\xe9", "a" * 64, "a\n"]
SPELLINGS_OF_ADDRESSES = ["[0:0:0:0:0:0:0:1]", "[::0001]", "[2001:DB8::1]", "[2001:db8:0::1]"]
SPELLINGS_OF_ADDRESSES += ["::1", "[::1", "[::1%25eth0]", "[::ffff:1.2.3.4]", "0x7f.1", "127.1"]
ODD_BYTES = "a.:/@*[]-_ \t,\\?#%0\n\x00\x7f\x80\xff"
METHODS = ["GET", "HEAD", "POST", "PUT", "put", "DELETE", "delete", "PATCH", "patch", "OPTIONS"]
METHODS += ["QUERY", "PROPFIND", "M-SEARCH", "*x"]
ODD_METHODS = ["", " ", "PUT ", " PUT", "A B", "PUT,PATCH", "P\xdcT", "PUT\x00", "(", '"PUT"']
ODD_METHODS += ["TRACE", "trace", "Connect", "TRACK", "X" * 64, "X" * 65, "X" * 256, "X" * 257, "*"]
HEADER_NAMES = ["X-A", "x-a", "X-b", "Content-Type", "content-type", "Accept", "Authorization"]
HEADER_NAMES += ["AUTHORIZATION", "X-Request-ID", "!x", "x_y", "1"]
RESPONSE_NAMES = ["ETag", "etag", "X-Request-ID", "x-request-id", "Content-Length", "Link"]
ODD_NAMES = ["x y", "x/y", "\xe9", "x:", "(x)", '"x"', "x\x00", "x;q=1", "*", "cookie"]
STATUSES = [200, 201, 204, 206, 299, 301, 304, 401, 404, 422, 500, 503]


def listed(choices: Sequence[str], most: int = 4) -> st.SearchStrategy[tuple[str, ...]]:
    """A few of some texts, in any order, some of them twice."""
    return st.lists(st.sampled_from(choices), max_size=most).map(tuple)


# Policies


@st.composite
def entries(draw: st.DrawFn) -> str:
    """An entry of `allow_origins` that is no error, but for "*" and null."""
    host = draw(st.sampled_from(NAMES) | st.sampled_from(NAMES + ADDRESSES))
    scheme, port = draw(st.sampled_from(SCHEMES)), draw(st.sampled_from(PORTS))
    if scheme in APP_SCHEMES and draw(st.booleans()):
        return f"{scheme}://{draw(st.sampled_from(OPAQUE_HOSTS))}{port}"
    if host in NAMES and len(host) < 200 and draw(st.booleans()):
        host = f"*.{host}"
    if (scheme, port) in {("http", ":80"), ("https", ":443")}:
        port = ""
    return f"{scheme}://{host}{port}"


@st.composite
def options(draw: st.DrawFn, /, **fixed: object) -> Options:
    """The options of a policy that `CORSPolicy` accepts."""
    credentials = draw(st.booleans())
    few_entries = st.lists(entries() | st.sampled_from(["*", "null"]), max_size=3)
    exposed = RESPONSE_NAMES if credentials else [*RESPONSE_NAMES, "*"]
    few_any = [("*",), ("*", "Authorization"), ("x-a", "*")]
    origins = tuple(draw(few_entries))
    drawn = {
        "allow_origins": origins,
        "allow_methods": draw(listed([*METHODS, "*"]) | st.just(("*",))),
        "allow_headers": draw(listed([*HEADER_NAMES, "*"]) | st.sampled_from(few_any)),
        "allow_credentials": credentials,
        "expose_headers": draw(listed(exposed)),
        "max_age": draw(st.sampled_from([600, None, 0, 1, 86400])),
        "allow_private_network": draw(st.booleans()),
        "preflight_status": draw(st.sampled_from([204, 200, 205, 299])),
        "preflight_continue": draw(st.sampled_from([False, False, False, True])),
        "guard": draw(st.booleans()),
        "trusted_origins": tuple(draw(st.lists(entries(), max_size=2))),
        "exempt_paths": draw(listed([*PATTERNS, "/"], most=2)),
        "isolate_reads": draw(st.booleans()),
        "writes": draw(st.sampled_from([True, True, False])),
        "allow_timing": draw(st.booleans()),
        "app_headers": draw(st.sampled_from(["replace", "replace", "keep"])),
        "tolerate": TOLERATED,
    }
    if len(origins) == 1 and "*" not in origins[0] and origins[0] != "null":
        drawn["always_send"] = draw(st.booleans())
    return Options(**(drawn | fixed))  # type: ignore[arg-type]


# Origins


@st.composite
def origins_of(draw: st.DrawFn, entry: str) -> str:
    """An origin that an entry allows, or nearly: the wildcards are filled in."""
    if entry == "*":
        return draw(entries().flatmap(origins_of) | st.sampled_from(["*", "null", "x"]))
    scheme, separator, rest = entry.partition("://")
    if rest.startswith("*."):
        wild = st.sampled_from(LABELS) | st.sampled_from(LABELS + ODD_LABELS)
        labels = draw(st.lists(wild, max_size=3))
        rest = ".".join([*labels, rest.removeprefix("*.")])
    if rest.endswith(":*"):
        rest = rest.removesuffix(":*") + draw(st.sampled_from(ANY_PORTS))
    return scheme + separator + rest


@st.composite
def near_origins(draw: st.DrawFn, options: Options) -> str:
    """An origin that a policy allows, or one that is a step or two away from it."""
    entry = draw(st.sampled_from(options.allow_origins or ("https://app.example.com",)))
    origin = draw(origins_of(entry))
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 1, 2]))):
        origin = draw(spoilt(origin))
    return origin


@st.composite
def spoilt(draw: st.DrawFn, origin: str) -> str:
    """An origin with one thing wrong, or so one would think."""
    scheme, separator, rest = origin.partition("://")
    host, colon, port = rest.rpartition(":") if ":" in rest and rest[-1] != "]" else (rest, "", "")
    start, tail = scheme + separator, colon + port
    first, dot, others = host.partition(".")

    def one_of(*choices: str) -> str:
        return draw(st.sampled_from(choices))

    at = draw(st.integers(0, max(len(origin) - 1, 0)))
    before, byte, after = origin[:at], origin[at : at + 1], origin[at + 1 :]
    variants: dict[str, Callable[[], str]] = {
        "scheme": lambda: one_of(*SCHEMES, "HTTPS", "httpss", "ws", "") + separator + rest,
        "no scheme": lambda: rest,
        "port": lambda: start + host + one_of(*ANY_PORTS),
        "extra label": lambda: f"{start}{one_of(*LABELS)}.{rest}",
        "odd label": lambda: f"{start}{one_of(*ODD_LABELS)}.{rest}",
        "removed label": lambda: start + (others or first) + tail,
        "glued": lambda: f"{start}{one_of(*LABELS)}{rest}",
        "glued to the next": lambda: f"{start}{first}{one_of(*LABELS)}{dot}{others}{tail}",
        "suffix": lambda: f"{start}{host}.evil.example{tail}",
        "suffix after the port": lambda: f"{start}{rest}.evil.example",
        "upper case": lambda: one_of(upper(origin), upper(start) + rest, start + upper(rest)),
        "one letter": lambda: before + upper(byte) + after,
        "trailing dot": lambda: f"{start}{host}.{tail}",
        "end": lambda: origin + one_of("/", "/path", "?", "?q", "#", "\\", "%00", ";", "."),
        "userinfo": lambda: f"{start}{one_of('u@', 'u:p@', '@', rest + '@')}{rest}",
        "percent": lambda: origin.replace(".", "%2e", 1),
        "list": lambda: origin + one_of(",", ", ", " ", "\t", ";") + origin,
        "white space": lambda: one_of(f" {origin}", f"{origin} ", f"{origin}\t"),
        "twice": lambda: origin + origin,
        "address": lambda: start + one_of(*SPELLINGS_OF_ADDRESSES, *ADDRESSES) + tail,
        "byte in": lambda: (
            before + one_of(*"a.:/@*[]-_ \t,\\?#%0\n\x00\x7f\x80\xff") + byte + after
        ),
        "byte out": lambda: before + after,
        "other": lambda: one_of("null", "", "NULL", "*", "https://", "://", "file://"),
        "long": lambda: start + padded(rest, draw(st.integers(325, 328)) - len(start)),
        "long host": lambda: start + padded(host, draw(st.integers(252, 255))) + tail,
        "dot": lambda: start + one_of("x", "-", "_").join(rest.rsplit(".", 1)),
    }
    return variants[one_of(*variants)]()


def upper(text: str) -> str:
    """ASCII upper case; anything else would not fit into a header."""
    return text.encode("latin-1").upper().decode("latin-1")


def padded(host: str, length: int) -> str:
    """A host with labels before it, so that it has so many bytes if that can be."""
    while (missing := length - len(host)) >= 2:
        # Nothing is left over that would be too short for a label and its dot.
        label = missing - 1 if missing <= 41 else 30
        host = f"{'a' * label}.{host}"
    return host


# Requests


def joined(draw: st.DrawFn, members: Sequence[str]) -> str:
    """Members of a list header with odd but legal space and empty members between them."""
    glue = draw(st.sampled_from([",", ", ", " ,\t", ",,", ",\t,"]))
    around = draw(st.sampled_from(["", "", " ", ","]))
    return around + glue.join(members) + around


@st.composite
def request_headers_lines(draw: st.DrawFn, options: Options) -> list[str]:
    """The lines of Access-Control-Request-Headers: none, usual, odd, or at a limit."""
    names = [*options.allow_headers, *HEADER_NAMES]
    match draw(st.sampled_from(["none", "usual", "usual", "odd", "limit"])):
        case "none":
            return draw(st.sampled_from([[], [""], [","], [" \t"]]))
        case "limit":
            return draw(request_headers_at_limits())
        case "odd":
            names += ODD_NAMES
    some = st.lists(st.sampled_from(names), max_size=4)
    return [joined(draw, draw(some)) for _ in range(draw(st.integers(1, 3)))]


@st.composite
def request_headers_at_limits(draw: st.DrawFn) -> list[str]:
    """Lines of Access-Control-Request-Headers that are just not or just too much."""
    match draw(st.sampled_from(["lines", "bytes", "empty members", "echo"])):
        case "lines":
            return ["x-a"] * draw(st.integers(8, 9))
        case "bytes":
            length, first = draw(st.integers(8192, 8193)), draw(st.sampled_from([0, 4000]))
            lines = ["x-a".ljust(first)] if first else []
            return [*lines, "x-b," + " " * (length - first - 7) + "x-c"]
        case "empty members":
            line = "x-a" + "," * draw(st.integers(15, 18))
            return [line, *[""] * draw(st.integers(0, 2))]
        case _:
            several = ["x" * 99] * draw(st.integers(1, 40))
            used = len(", ".join(several)) + 2
            return [",".join([*several, "y" * (draw(st.integers(4096, 4097)) - used)])]


@st.composite
def preflights_at_limits(draw: st.DrawFn) -> Request:
    """A preflight request with one thing that is just not or just too long."""
    origin, method, names = "https://app.example.com", "PUT", ["x-a"]
    match draw(st.sampled_from(["origin", "method", "names", "names"])):
        case "origin":
            origin = "https://" + padded("example.com", draw(st.integers(318, 319)))
        case "method":
            method = draw(st.sampled_from(ODD_METHODS))
        case _:
            names = draw(request_headers_at_limits())
    lines = [("origin", origin), ("access-control-request-method", method)]
    lines += [("access-control-request-headers", name) for name in names]
    return Request("OPTIONS", draw(shuffled(lines)))


def one_of_usually(usual: Sequence[str], odd: Sequence[str]) -> st.SearchStrategy[str]:
    return st.sampled_from(usual) | st.sampled_from([*usual, *odd])


@st.composite
def preflight_lines(draw: st.DrawFn, options: Options) -> list[tuple[str, str]]:
    """What a preflight request asks for: usual, odd, twice or not at all."""
    asked = one_of_usually([*options.allow_methods, *METHODS], ODD_METHODS)
    count = draw(st.sampled_from([1] * 8 + [0, 2]))
    lines = [("access-control-request-method", draw(asked)) for _ in range(count)]
    names = draw(request_headers_lines(options))
    lines += [("access-control-request-headers", name) for name in names]
    private = draw(st.sampled_from([[], [], ["true"], ["TRUE"], [" true"], ["true", "true"]]))
    return lines + [("access-control-request-private-network", value) for value in private]


@st.composite
def hostile_requests(draw: st.DrawFn, options: Options) -> Request:
    """A request that is, or nearly is, a preflight or one that the guard looks at."""
    origins = draw(st.lists(near_origins(options), min_size=1, max_size=1) | st.just([]))
    if origins and draw(st.integers(0, 9)) == 0:
        origins += draw(st.just(origins) | st.lists(near_origins(options), min_size=1, max_size=1))
    lines = [("origin", origin) for origin in origins]
    usual = ["OPTIONS"] * 12 + ["options"] + ["GET", "POST", "PUT"] * 2
    method = draw(one_of_usually(usual, [*METHODS, "Options", "", "TRACE"]))
    if upper(method) == "OPTIONS" or draw(st.integers(0, 4)) == 0:
        lines += draw(preflight_lines(options))
    else:
        lines += draw(fetch_metadata(origins))
    return Request(method, draw(shuffled(lines)), "/")


@st.composite
def fetch_metadata(draw: st.DrawFn, origins: Sequence[str]) -> list[tuple[str, str]]:
    """What the guard reads: Sec-Fetch-Site, and a Host like the origin's or nearly."""
    sites = ["same-origin", "none", "same-site", "cross-site", "Same-Origin", "none ", "x", ""]
    few = st.sampled_from([[]] * 8 + [*([site] for site in sites), ["none", "none"]])
    lines = [("sec-fetch-site", site) for site in draw(few)]
    modes = st.sampled_from(["navigate", "cors", "no-cors", "", "x y"])
    lines += [("sec-fetch-mode", mode) for mode in draw(st.lists(modes, max_size=2))]
    destinations = st.sampled_from(["document", "document", "iframe", "image", ""])
    lines += [("sec-fetch-dest", each) for each in draw(st.lists(destinations, max_size=2))]
    lines += [("cookie", "sid=1")] * draw(st.sampled_from([0, 0, 1]))
    authority = origins[0].partition("://")[2] if origins else "app.example.com"
    hosts = [authority, authority, f"{authority}:80", f"{authority}:443", f"{authority}:"]
    hosts += [upper(authority), f"{authority}.", f"x{authority}", authority[1:], "", "null"]
    hosts += [f"{authority} ", authority.rpartition(":")[0], f"{authority}, {authority}"]
    host = draw(st.sampled_from(hosts))
    return lines + [("host", host)] * draw(st.sampled_from([1, 1, 1, 0, 2]))


@st.composite
def shuffled(draw: st.DrawFn, lines: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The same header lines in another order and case; those of one name keep their order."""
    names = draw(st.permutations(sorted({name.lower() for name, _ in lines})))
    cases = draw(
        st.lists(st.sampled_from([str.lower, str.upper, str.title]), min_size=1, max_size=3)
    )
    mixed = [line for name in names for line in lines if line[0].lower() == name]
    return [(cases[at % len(cases)](name), value) for at, (name, value) in enumerate(mixed)]


# Responses of the app


VARY = ["Origin", "origin", "ORIGIN", "Accept", "accept-encoding, Cookie", "*", "a, *", "", " , ,"]
VARY += ["Accept,,", "\tOrigin\t", "X-Origin, Origin-X", "Accept , oRigin", '"a, origin"', "x;*"]
VARY += ["Access-Control-Request-Method", "origin, ACCESS-CONTROL-REQUEST-HEADERS", "Origin\x0b"]


@st.composite
def app_responses(draw: st.DrawFn) -> AppResponse:
    """A response that sets CORS headers of its own, and an odd Vary."""
    own_names = [
        *OWNED_ON_PREFLIGHTS,
        TIMING,
        "access-control-allow-origin-x",
        "x-vary",
        "set-cookie",
    ]
    values = ["*", "https://evil.example", "true", "null", "", "PUT, x-a", "\xff"]
    own = st.tuples(st.sampled_from(own_names), st.sampled_from(values))
    vary = st.tuples(st.just("vary"), st.sampled_from(VARY))
    lines = draw(st.lists(own, max_size=3)) + draw(st.lists(vary, max_size=3))
    status = draw(st.sampled_from(STATUSES))
    return AppResponse(status, draw(shuffled(lines)), draw(st.sampled_from([b"", b"from the app"])))


# Paths


PATTERNS = ["/api/*", "/api", "/api/", "/api/x", "/api/v1/*", "/", "/*", "/health", "/API/*"]
PATTERNS += ["/api//*", "/b\xfccher/*", "/a;b", "/api/v1/x/*"]
ENDINGS = ["", "", "/", "/x", "x", "//", "/x/", "/../api/x", "%2Fx", ";x", "?", ".", "/*", "*"]
ENDINGS += ["\x00"]


def rules(
    of: st.SearchStrategy[Options | None],
) -> st.SearchStrategy[list[tuple[str, Options | None]]]:
    """Path rules, some of which can never decide."""
    return st.lists(st.tuples(st.sampled_from(PATTERNS), of), max_size=4)


root_paths = st.sampled_from(["", "", "", "/v1", "/api", "/v1/", "/", "v1"])


@st.composite
def paths(draw: st.DrawFn, patterns: Sequence[str], root_path: str) -> str:
    """A path that one of the patterns matches, or nearly."""
    pattern = draw(st.sampled_from([*patterns, "/other"]))
    path = pattern.removesuffix("*").removesuffix("/") + draw(st.sampled_from(ENDINGS))
    match draw(st.sampled_from(["as is"] * 6 + ["upper", "slash", "cut", "percent"])):
        case "upper":
            path = path.upper()
        case "slash":
            path = "/" + path
        case "cut":
            path = path[:-1]
        case "percent":
            path = path.replace("a", "%61", 1)
    return draw(st.sampled_from([root_path, root_path, "", "/v1", "/v1x"])) + path


# Pages


def page_methods(options: Options) -> st.SearchStrategy[str]:
    """A method as a browser sends it, often one that the policy lists."""
    usual = [*options.allow_methods, "GET", "POST", "PUT", "PATCH", "patch", "QUERY", "X" * 64]
    sendable = [method for method in usual if method.upper() not in {"PUT", "DELETE", "GET"}]
    return st.sampled_from([*sendable, "GET", "PUT", "DELETE", "X" * 65, "M-SEARCH"])


def page_names(options: Options) -> st.SearchStrategy[list[str]]:
    """Header names that a page may set, often ones that the policy lists."""
    return st.lists(
        st.sampled_from([*options.allow_headers, *HEADER_NAMES, "x-unlisted"]), max_size=5
    )
