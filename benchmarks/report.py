"""What the results say, as Markdown: the goals, the tables, the rows where Corsac loses.

`python -m benchmarks report` writes all of it into the marked blocks of the READMEs. Only what a
run wrote into the results folder is reported; a goal whose part did not run is "not measured".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from benchmarks import names
from benchmarks.measured import ROOT, BenchmarkError, Key, Results, Spread, is_clear, markdown

RESULTS = Path(__file__).parent / "results"
README, PAGE = Path(__file__).parent / "README.md", ROOT / "docs" / "why" / "speed.md"
_AGAINST = {names.FLASK_CORS: names.IN_FLASK, names.DJANGO_CORS_HEADERS: names.IN_DJANGO}
_NO_LIBRARIES = (names.FLOOR, names.EMPTY, names.WRAPPER)


# For each part the unit of its values, by how much they are multiplied for it, and what each row is
# compared with. It is speed that is compared where that is said, and time elsewhere.
TABLES: dict[str, tuple[str, float, dict[str, str]]] = {
    "asgi": ("ns", 1e9, {"to the floor": names.FLOOR, "to Starlette": names.STARLETTE}),
    "wsgi": ("ns", 1e9, {"to the empty wrapper": names.WRAPPER, "to Corsac": names.CORSAC}),
    "core": ("ns", 1e9, {"to Corsac": names.CORSAC}),
    "served": ("us", 1e6, {"speed, to bare": "bare", "speed, to by hand": "by hand"}),
    "footprint": ("s, or bytes an origin", 1.0, {}),
}
GOALS_HEADER = ("what", "goal", "measured: median (quartiles)", "reached")
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
the same against `corsac.flask.CORS` inside Flask
    wsgi: actual, allowed: flask-cors / Corsac in Flask >= 20 x
the same against `corsac.django.CORSMiddleware` inside Django
    wsgi: actual, allowed: django-cors-headers / Corsac in Django >= 20 x
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
    served: actual request: by hand / Corsac >= 0.97 x
1 000 000 origins, memory of the policy beyond their text
    footprint: 1 000 000 origins: policy <= 100 bytes an origin
1 000 000 origins, building the policy
    footprint: 1 000 000 origins: building <= 1 s
import corsac, after Starlette was imported
    footprint: corsac, after starlette: import <= 5 ms
"""
_SPEC = re.compile(
    r"    (?P<part>\w+): (?P<row>.+): (?P<top>[^:/]+)(?: / (?P<bottom>[^:]+))? "
    r"(?P<sign>[<>]=) (?P<limit>\S+) (?P<unit>.+)"
)
_SCALES = {"ns": 1e9, "ms": 1e3}


def goals(results: Mapping[str, Results]) -> list[list[str]]:
    """What is to be reached and what was measured: a row for each."""
    rows = []
    lines = _GOALS.strip("\n").splitlines()
    for what, text in zip(lines[::2], lines[1::2], strict=True):
        spec = _SPEC.fullmatch(text)
        if spec is None:
            raise BenchmarkError(f"a goal cannot be read: {text}")
        unit = ("" if spec["unit"] == "x" else " ") + spec["unit"]
        measured, reached = "not measured", ""
        if spec["part"] in results:
            found = _spread(results[spec["part"]], spec)
            measured = "not told" if found is None else f"{found}{unit}"
            if found is not None:
                limit, upwards = float(spec["limit"]), spec["sign"] == ">="
                is_met = found.median >= limit if upwards else found.median <= limit
                unclear = "~ " if found.lower <= limit <= found.upper else ""
                reached = unclear + ("yes" if is_met else "**no**")
        rows.append([what, f"{spec['sign']} {spec['limit']}{unit}", measured, reached])
    return rows


def _spread(results: Results, spec: re.Match[str]) -> Spread | None:
    """The value or the ratio that a goal names, in the first row of that name."""
    keys = [key for key in results.subjects if key[1:] == (spec["row"], spec["top"])]
    if not keys:
        raise BenchmarkError(f"no row of {spec['part']} is that of the goal: {spec[0]}")
    if spec["bottom"]:
        return results.ratio(keys[0], (*keys[0][:2], spec["bottom"]))
    values = results.values(keys[0])
    return Spread.of(values, _SCALES.get(spec["unit"], 1.0)) if values else None


def read(folder: Path) -> dict[str, Results]:
    """The results of every part that a folder has."""
    paths = {part: folder / f"{part}.json" for part in TABLES}
    return {part: Results.load(path) for part, path in paths.items() if path.exists()}


def _shown(results: Results) -> list[Key]:
    """What is not there to be subtracted only; what belongs to one row together."""
    subtracted = {(*key[:2], one.baseline) for key, one in results.subjects.items()}
    rows = list(dict.fromkeys(key[:2] for key in results.subjects))
    keys = (key for key in results.subjects if key not in subtracted)
    return sorted(keys, key=lambda key: rows.index(key[:2]))


def _ratio_text(results: Results, key: Key, column: str, reference: str) -> str:
    other = (*key[:2], reference)
    if key == other or other not in results.subjects or not results.subjects[key].runs:
        return ""
    is_speed = column.startswith("speed")
    ratio = results.ratio(other, key) if is_speed else results.ratio(key, other)
    return "~" if ratio is None else str(ratio)


def table(part: str, results: Results) -> str:
    """Everything that a part measured, one table for each axis."""
    unit, scale, columns = TABLES[part]
    rows: dict[str, list[list[str]]] = {}
    for key in _shown(results):
        subject, values = results.subjects[key], results.values(key)
        value = str(Spread.of(values, scale)) if values else ""
        unclear = "~ " if values and not is_clear(values) else ""
        ratios = [_ratio_text(results, key, *column) for column in columns.items()]
        rows.setdefault(key[0], []).append([*key[1:], unclear + value, *ratios, subject.remark])
    header = ["", "", unit, *columns, "remarks"]
    return "\n\n".join(
        f"**{axis.capitalize()}**\n\n{markdown(header, found)}" for axis, found in rows.items()
    )


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


def about(results: Mapping[str, Results]) -> str:
    """Where the results come from, and whether the machine was too busy to tell much."""
    busy = [part for part, one in results.items() if one.about["load_avg_1min"] > 2.5]
    warning = f"**The machine was busy with other work in {', '.join(busy)}: measure again.**\n\n"
    return (warning if busy else "") + "\n".join(
        f"- `{part}`: " + "; ".join(f"{name} {text}" for name, text in one.about.items()) + "."
        for part, one in results.items()
    )


def blocks(results: Mapping[str, Results]) -> dict[Path, dict[str, str]]:
    """The text of every marked block of each page that there are results for."""
    goal_table = markdown(GOALS_HEADER, goals(results))
    return {
        README: {part: table(part, one) for part, one in results.items()},
        PAGE: {"goals": goal_table, "losses": losses(results), "about": about(results)},
    }


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
    """Rewrite the marked blocks of the READMEs from the results that are kept."""
    for path, found in blocks(read(RESULTS)).items():
        path.write_text(written(path.read_text(), found))
