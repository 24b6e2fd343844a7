"""Writes the seed corpus of the fuzz targets from the conformance cases.

Run it again after the cases changed: python tests/fuzz/make_seeds.py. Seeds whose names begin with
`extra-` are written by hand and left alone.
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
CASES = HERE.parent / "conformance"
TARGETS = ("origin", "pattern", "origin_set", "origin_verdicts", "request_headers", "exchange")
LONGEST_REPEAT = 9_999
PATTERNS = (
    "https://*.example.com:*",
    "https://*.dot.test.",
    "http://*.dot.test.:*",
    "https://*.a_b.test:8443",
    "http://*.test:443",
    "https://*.test:80",
    "http://[::1]:*",
    "https://[2001:db8::1]:*",
    "http://127.0.0.1:*",
    "app://*.local",
    "chrome-extension://*.x:*",
    "ws://*.example.com:*",
    "https://*." + "a" * 63 + ".test",
    "https://*." + "a." * 124 + "abc",
    "https://*." + "a." * 123 + "abcd.",
    "https://*.xn--bcher-kva.test",
    "https://*.*.test",
    "https://*.127.0.0.1",
    "app://-:*",
    "https://*.-a-.test",
)
ORIGINS = (
    "https://user-.github.io",
    "https://-.test",
    "https://a--b._.test.",
    "https://" + "a" * 64 + ".test",
    "https://a..test",
    "https://.",
    "https://a$.test",
    "https://127.1",
    "https://0x7f.0.0.1",
    "https://1.2.3.4.",
    "http://[::ffff:1.2.3.4]",
    "app://-",
    "app://.",
    "app://*",
    "app://-:*",
    "app://a;b",
    "app://127.1",
    "app://[::1]:80",
    "app://*.-a.local:8",
    "capacitor-electron://-",
    "safari-web-extension://E8CF0E9A-1B2C-4D5E-8F90-A1B2C3D4E5F6",
    "web+app://%C3%A9",
    "ftp://a.test:21",
    "file://host",
)
ACRH = "access-control-request-headers"

Case = dict[str, Any]


def cases(name: str) -> list[Case]:
    found: list[Case] = json.loads((CASES / name).read_text())["cases"]
    return found


def folded(value: Any) -> str:
    """A value as the targets read it: `@12 text` is the text twelve times."""
    if isinstance(value, str):
        return value.replace("\n", "\\n")
    if "sequence" in value:
        sequence = value["sequence"]
        text, count = sequence["format"] % 7 + sequence["separator"], sequence["count"]
    else:
        # Only one repetition fits into a line: the long one.
        text, count = max(value["concat"], key=lambda part: len(part[0]) * part[1])
    return f"@{min(count, LONGEST_REPEAT)} {text}"


def origins_of(config: Case) -> list[str]:
    listed: Any = config.get("origins", config.get("trusted_origins", []))
    entries = [listed] if isinstance(listed, str) else list(listed)
    return entries + (["null"] if config.get("allow_null_origin") else [])


def request_lines(case: Case) -> Iterator[tuple[str, str]]:
    for name, value in case["request"]["headers"]:
        yield name, folded(value)


def values(case: Case, name: str) -> list[str]:
    return [value for line, value in request_lines(case) if line.lower() == name]


def option_lines(config: Case) -> Iterator[str]:
    words = {"methods": "method", "request_headers": "header", "expose_headers": "expose"}
    for entry in origins_of(config):
        yield f"origin {entry}"
    for option, word in words.items():
        listed: Any = config.get(option, [])
        for entry in [listed] if isinstance(listed, str) else listed:
            yield f"{word} {entry}"
    for code in ("any_with_credentials", "insecure_with_credentials", "null"):
        yield f"tolerate origin.{code}"
    if config.get("credentials"):
        yield "credentials"
    if config.get("allow_private_network"):
        yield "private_network"
    if config.get("preflight_continue"):
        yield "continue"
    if config.get("always_send"):
        yield "always_send"
    if config.get("allow_timing"):
        yield "timing"
    if config.get("profile") in {"cross_origin_guard", "websocket"}:
        yield "guard"
    if "predicate" in config or "origin_regexes" in config:
        yield "asks"
    yield f"max_age {config['max_age']}" if "max_age" in config else "no_max_age"
    yield f"status {config.get('preflight_success_status', 204)}"


def members(config: Case) -> list[Case]:
    """The configurations of a case, of which there may be several in one place."""
    return config.get("first_of", [config])


def exchange(case: Case) -> str:
    lines: list[str] = []
    for config in members(case["config"]):
        lines += [*(["then"] if lines else []), *option_lines(config)]
    if "scheme" in case["request"]:
        lines.append(f"scheme {case['request']['scheme']}")
    lines.append(f"> {case['request']['method']}")
    lines += [f"{name}: {value}" for name, value in request_lines(case)]
    return "\n".join(lines)


def guarded(case: Case) -> str:
    """A case of the guard, whose options have other names."""
    config, request = case["config"], case["request"]
    lists = {"allow_origins": "origin", "trusted_origins": "trust", "exempt_paths": "exempt"}
    lines = ["guard"]
    for option, word in lists.items():
        lines += [f"{word} {entry}" for entry in config.get(option, [])]
    flags = {"allow_credentials": "credentials", "isolate_reads": "isolate"}
    lines += [word for option, word in flags.items() if config.get(option)]
    lines += [] if config.get("writes", True) else ["no_writes"]
    lines += [f"path {request['path']}", f"scheme {request['scheme']}", f"> {request['method']}"]
    return "\n".join(lines + [f"{name}: {value}" for name, value in request_lines(case)])


def host_exchange(case: Case) -> str:
    entries = [f"host {entry}" for entry in case["config"]["allowed_hosts"]]
    lines = [f"Host: {folded(value)}" for value in case["request"]["host"]]
    return "\n".join([*entries, "> GET", *lines])


def shapes() -> Iterator[tuple[str, str, str]]:
    """Gives the seeds that are in no case: odd patterns and origins."""
    for number, entry in enumerate(PATTERNS):
        yield "pattern", f"shape-{number}", f"{entry}\nabcdefghijkl\n{entry.replace('*', 'a')}"
    for number, entry in enumerate(ORIGINS):
        yield "origin", f"shape-{number}", entry
        yield "origin_set", f"shape-{number}", f"+{entry}\n?{entry}\n~" + "\x01\x02\x03" * 5
        yield "origin_verdicts", f"shape-{number}", f"!{entry[-4:]}\n?{entry}\n#999\n?{entry}"


def seeds() -> Iterator[tuple[str, str, str]]:
    """Gives target, name and content of each seed."""
    exchanges = cases("exchanges.json")
    exchanges = [case for case in exchanges if case["config"].get("profile") != "express"]
    for case in cases("policies.json"):
        for number, entry in enumerate(origins_of(case["config"])):
            yield "origin", f"policy-{case['id']}-{number}", entry
    for case in exchanges:
        entries = [entry for config in members(case["config"]) for entry in origins_of(config)]
        asked = values(case, "origin")
        for number, origin in enumerate(asked):
            yield "origin", f"{case['id']}-{number}", origin
        for number, entry in enumerate(entries):
            if "*" in entry[1:]:
                lines = [entry, *asked, "abcdefghijkl"]
                yield "pattern", f"{case['id']}-{number}", "\n".join(lines)
        if entries != ["*"]:
            lines = [f"+{entry}" for entry in entries] + [f"?{origin}" for origin in asked]
            yield "origin_set", case["id"], "\n".join([*lines, "~" + "\x01\x02\x03" * 5])
            endings = [origin[-6:] for origin in asked]
            for number, ending in enumerate(endings):
                asking = [*lines, "#99", *lines[len(entries) :]]
                yield "origin_verdicts", f"{case['id']}-{number}", "\n".join([ending, *asking])
        if ACRH in {name.lower() for name, _ in request_lines(case)}:
            yield "request_headers", case["id"], "\n".join(values(case, ACRH))
        yield "exchange", case["id"], exchange(case)
    yield from (("exchange", f"guard-{case['id']}", guarded(case)) for case in cases("guard.json"))
    yield from (("exchange", case["id"], host_exchange(case)) for case in cases("hosts.json"))
    yield from shapes()
    for case in json.loads((CASES / "browser.json").read_text()):
        # A row is kind, server, method, Origin, and the two headers a preflight asks with.
        for row in (case.get("spec_expected") or {}).get("requests") or []:
            if row[5]:
                yield "request_headers", case["name"], row[5]


def write(found: Iterable[tuple[str, str, str]]) -> None:
    for target in TARGETS:
        folder = CORPUS / target
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            if not old.name.startswith("extra-"):
                old.unlink()
    known: set[tuple[str, str]] = set()
    for target, name, content in found:
        if (target, content) in known:
            continue
        known.add((target, content))
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60]
        (CORPUS / target / slug).write_bytes(content.encode("latin-1"))


if __name__ == "__main__":
    write(seeds())
