"""What the results say, as Markdown: the goals, the tables, the rows where Corsac loses.

`python -m benchmarks report` writes all of it into the marked blocks of the pages. Only what runs
wrote into the results folder, which has a folder for each Python, is reported; a goal whose part
did not run is "not measured". The tables are of one Python, the goals of all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import live, names
from benchmarks.measured import (
    ROOT,
    BenchmarkError,
    Key,
    Results,
    Spread,
    is_clear,
    markdown,
    number,
)

RESULTS = Path(__file__).parent / "results"
README, PAGE = Path(__file__).parent / "README.md", ROOT / "docs" / "why" / "speed.md"
LIVE_PAGE = ROOT / "docs" / "how-to" / "live-origins.md"
_REPLACED = (names.STARLETTE, names.FLASK_CORS, names.DJANGO_CORS_HEADERS)
_AGAINST = {names.FLASK_CORS: names.IN_FLASK, names.DJANGO_CORS_HEADERS: names.IN_DJANGO}
_NO_LIBRARIES = (names.FLOOR, names.EMPTY, names.WRAPPER, names.DJANGO_BY_HAND)


_PER_SECOND = "requests a second"  # The values are the seconds of one.
# For each part the unit of its values, by how much they are multiplied for it, and what each row is
# compared with: the first of those names that the row has. It is speed that is compared where that
# is said, and time elsewhere.
TABLES: dict[str, tuple[str, float, dict[str, tuple[str, ...]]]] = {
    "asgi": ("ns", 1e9, {"to the floor": (names.FLOOR,), "to Starlette": (names.STARLETTE,)}),
    "wsgi": (
        "ns",
        1e9,
        {
            "to the floor": (names.FLOOR,),
            "to the empty wrapper": (names.WRAPPER,),
            "to Corsac": (names.CORSAC,),
        },
    ),
    "adapters": ("us", 1e6, {"to the library replaced": _REPLACED}),
    "core": ("ns", 1e9, {"to Corsac": (names.CORSAC,)}),
    "served": ("us", 1e6, {"speed, to bare": names.BARES, "speed, to by hand": ("by hand",)}),
    "scale": (_PER_SECOND, 1.0, {"speed, to one": names.ONES}),
    "footprint": ("s, or bytes", 1.0, {}),
    "live": ("ms, MiB or s", 1.0, {}),
}
# What is to be reached; then part: row: what is divided by what, or the value alone; the goal.
_GOALS = """
ASGI actual request, added time against a native middleware that changes nothing
    asgi: actual, allowed: Corsac / native floor <= 1.25 x
ASGI actual request, Starlette's added time against Corsac's
    asgi: actual, allowed: Starlette / Corsac >= 20 x
ASGI preflight request, Starlette's whole answer against Corsac's
    asgi: preflight, allowed: Starlette / Corsac >= 10 x
origin allowed by an expression and seen before, added time against a listed one
    asgi: regex, allowed: Corsac / Corsac, listed <= 1.5 x
1 000 000 origins against 4, added time, another origin each time
    asgi: 1 000 000, another origin each time: Corsac / Corsac, 4, in turn <= 2 x
application's Vary of 1 MiB, added time against Starlette's
    asgi: Vary, sent by the app: Corsac / Starlette <= 1 x
WSGI actual request, added time against an empty `start_response` wrapper's
    wsgi: actual, allowed: Corsac / empty wrapper <= 0.9 x
WSGI actual request, flask-cors's added time against Corsac's
    wsgi: actual, allowed: flask-cors / Corsac >= 100 x
WSGI actual request, django-cors-headers's added time against Corsac's
    wsgi: actual, allowed: django-cors-headers / Corsac >= 100 x
WSGI actual request, added time against a native middleware that changes nothing
    wsgi: actual, allowed: Corsac / native floor <= 1.25 x
Starlette's added time against that of `corsac.starlette.install`, inside Starlette
    adapters[Starlette]: actual, allowed: Starlette / Corsac in Starlette >= 20 x
the same where the route has a policy of its own
    adapters[Starlette, marked route]: actual, allowed: Starlette / Corsac in Starlette >= 10 x
flask-cors's added time against that of `corsac.flask.CORS`, inside Flask
    adapters[Flask]: actual, allowed: flask-cors / Corsac in Flask >= 20 x
django-cors-headers's added time against that of `corsac.django.CORSMiddleware`, inside Django
    adapters[Django]: actual, allowed: django-cors-headers / Corsac in Django >= 20 x
`corsac.django.CORSMiddleware`'s against that of a middleware that sets its two headers
    adapters[Django]: actual, allowed: Corsac in Django / two headers by hand <= 2 x
django-cors-headers's against that of `corsac.django.CORSMiddleware`, inside asynchronous Django
    adapters[Django, asynchronous]: actual, allowed: django-cors-headers / Corsac in Django >= 20 x
C++ core, origin decision, 1 origin
    core: 1 origin, listed: Corsac <= 10 ns
C++ core, origin decision, 1 000 origins in turn
    core: 1 000 origins, listed [1000 in turn]: Corsac <= 12 ns
C++ core, origin decision, 100 000 origins, 1 024 of them in turn
    core: 100 000 origins, listed [1024 in turn]: Corsac <= 15 ns
C++ core, origin decision, an Origin of 1 MiB
    core: hostile: an Origin of 1 MiB: Corsac <= 100 ns
C++ core, a preflight request, 1 MiB of request-headers to be echoed
    core: hostile: echo, request-headers of 1 MiB in 8 lines: Corsac <= 100 ns
served by uvicorn under load, speed against the same headers written by hand
    served[uvicorn]: actual request: by hand / Corsac >= 0.97 x
1 000 000 origins, memory of the policy beyond their text
    footprint: 1 000 000 origins: policy <= 100 bytes an origin
1 000 000 origins, building the policy
    footprint: 1 000 000 origins: building <= 1 s
stack that a layer directly inside another one needs
    footprint: a layer directly inside another: ASGI <= 600 bytes
import corsac, after Starlette was imported
    footprint: corsac, after starlette: import <= 5 ms
"""
_SPEC = re.compile(
    r"    (?P<part>\w+)(?:\[(?P<axis>.+)\])?: "
    r"(?P<row>.+): (?P<top>[^:/]+)(?: / (?P<bottom>[^:]+))? "
    r"(?P<sign>[<>]=) (?P<limit>\S+) (?P<unit>.+)"
)
_SCALES = {"ns": 1e9, "ms": 1e3}


def goals(results: Mapping[str, Mapping[str, Results]]) -> str:
    """What is to be reached and what was measured with each Python, whose parts are given."""
    rows = []
    lines = _GOALS.strip("\n").splitlines()
    for what, text in zip(lines[::2], lines[1::2], strict=True):
        spec = _SPEC.fullmatch(text)
        if spec is None:
            raise BenchmarkError(f"a goal cannot be read: {text}")
        unit = ("" if spec["unit"] == "x" else " ") + spec["unit"]
        measured = [_measured(parts, spec, unit) for parts in results.values()]
        rows.append([what, f"{spec['sign']} {spec['limit']}{unit}", *measured])
    return markdown(("what", "goal", *(f"Python {name}" for name in results)), rows)


def _measured(parts: Mapping[str, Results], spec: re.Match[str], unit: str) -> str:
    """What one Python has for a goal: in bold where it is not reached, `~` where that is open."""
    found = _found(parts[spec["part"]], spec) if spec["part"] in parts else "not measured"
    limit, upwards = float(spec["limit"]), spec["sign"] == ">="
    if isinstance(found, tuple):
        # The bound says that the goal is reached, or that it is not, or neither.
        sign, bound = found
        is_told = sign == spec["sign"] and (bound >= limit if upwards else bound <= limit)
        is_missed = sign != spec["sign"] and (bound < limit if upwards else bound > limit)
        text = f"{sign} {number(bound)}{unit}"
        return f"**{text}**" if is_missed else text if is_told else f"~ {text}"
    if isinstance(found, str):
        return found
    is_met = found.median >= limit if upwards else found.median <= limit
    if found.lower <= limit <= found.upper:
        return f"~ {found}{unit}"
    return f"{found}{unit}" if is_met else f"**{found}{unit}**"


def _found(results: Results, spec: re.Match[str]) -> Spread | tuple[str, float] | str:
    """The value or the ratio that a goal names, in the first such row; or why there is none.

    Where one side is not told from nothing a ratio has a bound at least.
    """
    keys = [
        key
        for key in results.subjects
        if key[1:] == (spec["row"], spec["top"]) and spec["axis"] in (None, key[0])
    ]
    if not keys:
        return "not measured"
    if spec["bottom"]:
        below = (*keys[0][:2], spec["bottom"])
        if below not in results.subjects:
            return "not told"
        return results.ratio(keys[0], below) or results.ratio_bound(keys[0], below) or "not told"
    values = results.values(keys[0])
    return Spread.of(values, _SCALES.get(spec["unit"], 1.0)) if values else "not measured"


def read(folder: Path) -> dict[str, Results]:
    """The results of every part that a folder has."""
    paths = {part: folder / f"{part}.json" for part in TABLES}
    return {part: Results.load(path) for part, path in paths.items() if path.exists()}


def read_all(folder: Path = RESULTS) -> dict[str, dict[str, Results]]:
    """The results of every Python; first that of the tables, which has the most parts."""
    found = {path.name: read(path) for path in folder.iterdir() if path.is_dir()}

    def rank(name: str) -> tuple[int, list[int]]:
        return -len(found[name]), [int(part) for part in name.rstrip("t").split(".")]

    return {name: found[name] for name in sorted(found, key=rank) if found[name]}


def _shown(results: Results) -> list[Key]:
    """What is not there to be subtracted only; what belongs to one row together."""
    subtracted = {(*key[:2], one.baseline) for key, one in results.subjects.items()}
    rows = list(dict.fromkeys(key[:2] for key in results.subjects))
    keys = (key for key in results.subjects if key not in subtracted)
    return sorted(keys, key=lambda key: rows.index(key[:2]))


def _ratio_text(results: Results, key: Key, column: str, references: Sequence[str]) -> str:
    others = ((*key[:2], reference) for reference in references)
    other = next((each for each in others if each in results.subjects), key)
    if key == other or not results.subjects[key].runs:
        return ""
    is_speed = column.startswith("speed")
    ratio = results.ratio(other, key) if is_speed else results.ratio(key, other)
    return "~" if ratio is None else str(ratio)


def table(part: str, results: Results, begins: str = "") -> str:
    """Everything that a part measured, one table for each axis that begins so."""
    unit, scale, columns = TABLES[part]
    rows: dict[str, list[list[str]]] = {}
    for key in _shown(results):
        if not key[0].startswith(begins):
            continue
        subject, values = results.subjects[key], results.values(key)
        shown = [1 / each for each in values] if unit == _PER_SECOND else values
        value = str(Spread.of(shown, scale)) if values else ""
        unclear = "~ " if values and not is_clear(values) else ""
        ratios = [_ratio_text(results, key, *column) for column in columns.items()]
        rows.setdefault(key[0], []).append([*key[1:], unclear + value, *ratios, subject.remark])
    header = ["", "", unit, *columns, "remarks"]
    return "\n\n".join(
        f"**{axis[:1].upper()}{axis[1:]}**\n\n{markdown(header, found)}"
        for axis, found in rows.items()
    )


def without_global_lock(results: Mapping[str, Mapping[str, Results]]) -> str:
    """What more threads give on the Pythons that run them at the same time."""
    found = {name: parts["scale"] for name, parts in results.items() if "scale" in parts}
    tables = (
        f"Python {name}. {source(one)}\n\n{table('scale', one, 'threads of one process')}"
        for name, one in found.items()
        if name.endswith("t")
    )
    return "\n\n".join(tables) or "Not measured."


def losses(results: Mapping[str, Results]) -> str:
    """Every row where another library takes less time than Corsac."""
    rows = []
    for part in ("asgi", "wsgi", "core"):
        for key in _shown(results[part]) if part in results else ():
            ours = (*key[:2], _AGAINST.get(key[2], names.CORSAC))
            if key[2] in _NO_LIBRARIES or key[2].startswith(names.CORSAC):
                continue
            theirs, mine = results[part].values(key), results[part].values(ours)
            if not theirs or Spread.of(theirs).median >= Spread.of(mine).median:
                continue
            differences = [one - two for one, two in zip(theirs, mine, strict=True)]
            times = [f"{Spread.of(values, 1e9)}" for values in (mine, theirs)]
            unclear = "" if is_clear(differences) else "~ "
            remark = results[part].subjects[key].remark
            rows.append([part, *key[:2], key[2], unclear + times[0], times[1], remark])
    header = ("", "", "request", "against", "Corsac, ns", "other, ns", "remarks")
    return markdown(header, rows) if rows else "In no row."


def reloads(results: Results) -> str:
    """What a reload of a million origins does to requests, and where that was measured."""
    subjects = {live.QUIET: "no reload", live.UNFOLLOWED: "made and dropped"}
    subjects[live.RELOADING] = "reloading"
    columns = {
        f"{axis}, {said}": (f"{axis} of a request, ms", subject)
        for axis in ("p99", "longest")
        for subject, said in subjects.items()
    }
    columns |= {f"MiB, {each}": ("memory of the process, MiB", each) for each in ("before", "most")}
    columns["seconds of one reload"] = ("one reload, s", "took")
    rows = []
    for row in dict.fromkeys(key[1] for key in results.subjects):
        found = [results.values((axis, row, subject)) for axis, subject in columns.values()]
        cells = (number(Spread.of(values).median) if values else "" for values in found)
        rows.append([row, *cells])
    return f"{markdown(['served by, source', *columns], rows)}\n\nTimes are ms. {source(results)}"


def source(results: Results) -> str:
    """The machine, the Python and the date, in a sentence."""
    facts = results.about
    machine = f"{facts.get('cpu_model_name', 'unknown processor')}, {facts['cpu_count']} cores"
    python = str(facts["python_version"]).partition(" ")[0]
    versions = f"Python {python}, Corsac {facts['corsac version']}"
    return f"Measured on {facts['date']}: {machine}, {versions}."


def about(results: Mapping[str, Results]) -> str:
    """Where the results come from, and whether the machine was too busy to tell much."""
    loads = {part: one.about["load_avg_1min"] for part, one in results.items()}
    # What comes after the servers finds the load that the benchmark itself has made.
    of_others = list(TABLES)[: list(TABLES).index("served") + 1]
    busy = [part for part in of_others if loads.get(part, 0.0) > 2.5]
    warning = f"**The machine was busy with other work in {', '.join(busy)}: measure again.**\n\n"
    return (warning if busy else "") + "\n".join(
        f"- `{part}`: " + "; ".join(f"{name} {text}" for name, text in one.about.items()) + "."
        for part, one in results.items()
    )


def blocks(results: Mapping[str, Mapping[str, Results]]) -> dict[Path, dict[str, str]]:
    """The text of every marked block of each page that there are results for."""
    main = next(iter(results.values()))
    of_pythons = "\n".join(
        f"**Python {name}** ({_minutes(one)})\n\n{about(one)}\n" for name, one in results.items()
    )
    found = {
        README: {part: table(part, one) for part, one in main.items()}
        | {"threads": without_global_lock(results)},
        PAGE: {"goals": goals(results), "losses": losses(main), "about": of_pythons.strip()},
    }
    if "live" in main:
        found[LIVE_PAGE] = {"live": reloads(main["live"])}
    return found


def _minutes(parts: Mapping[str, Results]) -> str:
    seconds = sum(one.about["took"] for one in parts.values())
    modes = sorted({one.about["mode"] for one in parts.values()})
    return f"{' and '.join(modes)}: it took {seconds / 60:.0f} minutes"


def written(text: str, blocks_of_page: Mapping[str, str]) -> str:
    """A page with its blocks put between their marks."""
    for name, block in blocks_of_page.items():
        begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
        if text.count(begin) != 1 or text.count(end) != 1:
            raise BenchmarkError(f'a page needs the lines "{begin}" and "{end}", each once')
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}\n\n{block}\n\n{end}{rest.partition(end)[2]}"
    return text


def write() -> None:
    """Rewrite the marked blocks of the pages, and draw the pictures, from the results kept."""
    results = read_all()
    for path, found in blocks(results).items():
        path.write_text(written(path.read_text(), found))
    from benchmarks import plots  # noqa: PLC0415 - matplotlib is for those who draw.

    for drawn in plots.draw(next(iter(results.values())), RESULTS):
        print(f"drew {drawn}")
