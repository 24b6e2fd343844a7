"""The goals of the design, with what was measured; `python -m benchmarks report` writes the README.

Only what a run wrote into a results folder is reported. A goal whose part did not run is "not
measured".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks import tables
from benchmarks.paired import BenchmarkError

PARTS = ("asgi", "wsgi", "core", "served", "footprint")
RESULTS = Path(__file__).parent / "results"
README = Path(__file__).parent / "README.md"
FRONT_PAGE = Path(__file__).parents[1] / "docs" / "speed.md"
_BEGIN, _END = "<!-- begin {} -->", "<!-- end {} -->"
_ANSWERS = {True: "yes", False: "**no**", None: "not told"}

Results = Mapping[str, dict[str, Any]]


def read(folder: Path) -> dict[str, dict[str, Any]]:
    """The results of every part that a folder has.

    Raises:
        BenchmarkError: A file cannot be read.
    """
    results = {}
    for part in PARTS:
        path = folder / f"{part}.json"
        if not path.exists():
            continue
        try:
            results[part] = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise BenchmarkError(f"cannot read {path}: {error}; run the part again") from None
    return results


def goal_rows(results: Results) -> list[list[str]]:
    """What each part set out to reach, and what it measured."""
    rows = []
    for part in PARTS:
        if part not in results:
            rows.append([f"all of `{part}`", "", "not measured", ""])
            continue
        for goal in results[part].get("goals", ()):
            measured = goal["measured"]
            met = "" if measured == "not measured" else _ANSWERS[goal["met"]]
            rows.append([goal["what"], goal["goal"], measured, met])
    return rows


GOALS_HEADER = ["what", "goal", "measured: median (quartiles)", "reached"]


def _about(results: Results) -> Iterator[str]:
    for part, result in results.items():
        about = result["about"]
        peers = ", ".join(f"{name} {version}" for name, version in about["peers"].items())
        yield (
            f"`{part}`: {about['date']}, {about['mode']} run of {about['seconds']} s; "
            f"{about['cpu']}, {about['cores']} cores, {about['os']}, {about['python']}, "
            f"Corsac {about['corsac']}" + (f"; {peers}" if peers else "") + "."
        )


def _asgi_rows(asgi: dict[str, Any], axis: str) -> str:
    rows = []
    for row in asgi["rows"]:
        if row["axis"] != axis:
            continue
        if row["nanoseconds"] is None:
            rows.append([row["scenario"], row["variant"], "", "", "", row["note"]])
            continue
        zero = "~ " if row["indistinguishable_from_zero"] else ""
        rows.append(
            [
                row["scenario"],
                row["variant"],
                zero + tables.spread(row["nanoseconds"]),
                tables.ratio(row, "to_empty"),
                tables.ratio(row, "to_starlette"),
                row["note"],
            ]
        )
    header = ["request", "", "nanoseconds", "to the empty middleware", "to Starlette", "remarks"]
    return tables.markdown(header, rows)


def _wsgi(wsgi: dict[str, Any]) -> str:
    parts = []
    for axis in dict.fromkeys(row["axis"] for row in wsgi["rows"]):
        rows = [tables.wsgi_cells(row) for row in wsgi["rows"] if row["axis"] == axis]
        parts.append(f"**{axis.capitalize()}**\n\n{tables.markdown(tables.WSGI_HEADER, rows)}")
    return "\n\n".join(parts)


def _asgi_losses(asgi: dict[str, Any]) -> str:
    rows = [
        [
            loss["axis"],
            loss["scenario"],
            loss["to"],
            ("~ " if loss["indistinguishable"] else "") + tables.spread(loss["corsac"]),
            tables.spread(loss["other"]),
            loss["note"],
        ]
        for loss in asgi["losses"]
    ]
    if not rows:
        return "In no row."
    return tables.markdown(["", "request", "against", "Corsac, ns", "other, ns", "remarks"], rows)


def _objects(asgi: dict[str, Any]) -> str:
    names = list(asgi["objects"][0]["added"])
    rows = [
        [row["type"], *(str(row["added"][name]) for name in names), row["why"]]
        for row in asgi["objects"]
    ]
    return tables.markdown(["type", *names, "why Corsac makes it"], rows)


def _core(core: dict[str, Any]) -> str:
    def spread(row: dict[str, Any], name: str) -> str:
        return tables.spread(row[name]) if row.get(name) else ""

    rows = [
        [
            row["case"],
            spread(row, "nanoseconds"),
            "" if row.get("instructions") is None else tables.number(row["instructions"]),
            f"{row['allocations']:.0f}",
            spread(row, "peer_nanoseconds"),
            spread(row, "peer_to_corsac"),
        ]
        for row in core["rows"]
    ]
    header = ["case", "Corsac, ns", "instructions", "allocations", "jub0bs/cors, ns", "ratio"]
    return tables.markdown(header, rows)


def _served(served: dict[str, Any]) -> str:
    rows = []
    for row in served["rows"]:
        unclear = "" if row["difference_shown"] or row["application"] == "bare" else "~ "
        by_hand = row.get("ratio_to_by_hand")
        rows.append(
            [
                f"{row['server']}, {row['request']}",
                row["application"],
                unclear + tables.spread(row["ratio_to_bare"]),
                tables.spread(by_hand) if by_hand else "",
                tables.number(row["requests_per_second"]["median"]),
                tables.number(row["processor_microseconds"]["median"]),
            ]
        )
    header = ["", "", "to bare", "to by hand", "requests a second", "processor, us each"]
    return tables.markdown(header, rows)


def _footprint(footprint: dict[str, Any]) -> str:
    policies, imports, files = [], [], []
    for row in footprint["rows"]:
        if row["part"] == "policies":
            memory = row.get("bytes_beyond_text") or {}
            policies.append(
                [
                    f"{tables.number(row['count'])} {row['kind']}",
                    tables.spread(row["seconds"]),
                    tables.number(row["seconds_in_core"]["median"]),
                    *(
                        tables.number(memory[name]["median"]) if name in memory else ""
                        for name in ("core", "policy", "with_strings")
                    ),
                ]
            )
        elif row["part"] == "imports":
            processor = row.get("processor_milliseconds")
            imports.append(
                [
                    row["import"],
                    tables.spread(row["milliseconds"]),
                    tables.spread(processor) if processor else "",
                    str(len(row["modules"])) if "modules" in row else "",
                ]
            )
        elif row["part"] == "files":
            files = [
                f"{name.removesuffix('_bytes')} {tables.number(size / 1024)} KiB"
                for name, size in row.items()
                if name != "part" and size is not None
            ]
    header = ["policy", "seconds", "of them core", "core, bytes", "policy, bytes", "with strings"]
    import_header = ["import", "milliseconds beyond the base", "processor", "modules"]
    return "\n\n".join(
        [
            tables.markdown(header, policies),
            tables.markdown(import_header, imports),
            f"Files: {', '.join(files)}.",
        ]
    )


def blocks(results: Results) -> dict[str, str]:
    """The text of every marked block of the README that there are results for."""
    found = {"numbers": tables.markdown(GOALS_HEADER, goal_rows(results))}
    if results:
        found["about"] = "\n".join(f"- {line}" for line in _about(results))
    if "asgi" in results:
        asgi = results["asgi"]
        axes = list(dict.fromkeys(row["axis"] for row in asgi["rows"]))
        parts = [f"**{axis.capitalize()}**\n\n{_asgi_rows(asgi, axis)}" for axis in axes]
        found["asgi"] = "\n\n".join(parts)
        found["losses"] = _asgi_losses(asgi)
        found["objects"] = _objects(asgi)
    written = {"wsgi": _wsgi, "core": _core, "served": _served, "footprint": _footprint}
    for part, table in written.items():
        if part in results:
            found[part] = table(results[part])
    return found


def rewrite(text: str, name: str, block: str, path: Path = README) -> str:
    """Put a block between its marks.

    Raises:
        BenchmarkError: The marks are not there, or not once.
    """
    begin, end = _BEGIN.format(name), _END.format(name)
    if text.count(begin) != 1 or text.count(end) != 1:
        raise BenchmarkError(f'{path} needs the lines "{begin}" and "{end}", each once')
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{block}\n\n{end}{after}"


def print_goals(results: Results) -> None:
    """Print the goals with what was measured."""
    print("\nnumbers to reach\n")
    print(tables.text(GOALS_HEADER, goal_rows(results)))


def write_readme() -> None:
    """Rewrite the marked blocks of both READMEs from the results that are kept."""
    found = blocks(read(RESULTS))
    for path, names in ((README, tuple(found)), (FRONT_PAGE, ("numbers", "about"))):
        text = path.read_text()
        for name in names:
            if name in found:
                text = rewrite(text, name, found[name], path)
        path.write_text(text)
