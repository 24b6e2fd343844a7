"""A flame graph of one actual request through Corsac: where the time that is left goes.

Linux's `perf` interrupts a process that sends itself requests, and notes the stack of calls each
time. Corsac is built for this once more, with the compiler's symbols and no other change. A frame's
width is its share of the time; what lies above it is what it called.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from benchmarks import peers
from benchmarks.exchange import timer
from benchmarks.paired import BenchmarkError
from benchmarks.scenarios import all_scenarios

CORSAC = "corsac::"
OTHERS_APP, OTHERS_SEND = "the app is called", "the server's send is called"
# A release's, but that a function stays on the stack while it ends with calling another.
_FLAGS = "-O3 -g -DNDEBUG -fno-optimize-sibling-calls"
_ROOT = Path(__file__).parents[1]
_FOLDER = _ROOT / "build" / "benchmarks"
_EXTENSION = "_core.cpython"
_SAMPLES_A_SECOND = 1_999
_SECONDS = 5.0
_START_SECONDS = 2.0
# Narrower frames are no wider than a line.
_LEAST_SHARE = 0.002
_WIDTH, _ROW, _CHARACTER = 1200, 18, 6.6

Stack = tuple[str, ...]


def build_with_symbols(folder: Path) -> None:
    """Install Corsac with symbols into a folder of its own.

    Raises:
        BenchmarkError: It cannot be built.
    """
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade"]
    command += ["--target", str(folder), str(_ROOT), "-C", f"build-dir={folder}-build"]
    # A release is stripped by pybind11; this is optimised as one is.
    command += ["-C", "cmake.build-type=RelWithDebInfo", "-C", "install.strip=false"]
    command += ["-C", f"cmake.define.CMAKE_CXX_FLAGS_RELWITHDEBINFO={_FLAGS}"]
    command += ["-C", "cmake.define.CMAKE_INTERPROCEDURAL_OPTIMIZATION=ON"]
    _run(command, "Corsac cannot be built with symbols")


def _run(command: Sequence[str], trouble: str, **environment: str) -> str:
    done = subprocess.run(  # noqa: S603 - the commands are this program's own.
        command,
        cwd=_ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BenchmarkError(f"{trouble}:\n{done.stderr[-2000:]}")
    return done.stdout


def record(symbols: Path) -> Counter[Stack]:
    """How often each stack of calls was met, outermost call first.

    Raises:
        BenchmarkError: `perf` is missing or may not look.
    """
    if shutil.which("perf") is None:
        raise BenchmarkError("perf is not installed: apt-get install linux-perf")
    data = _FOLDER / "perf.data"
    data.parent.mkdir(parents=True, exist_ok=True)
    command = ["perf", "record", "--quiet", "--output", str(data), "--event", "cpu-clock:u"]
    command += ["--freq", str(_SAMPLES_A_SECOND), "--call-graph", "dwarf,4096", "--"]
    # What happens before the first request is not looked at.
    command.insert(2, f"--delay={_START_SECONDS * 1_000:.0f}")
    command += [sys.executable, "-m", "benchmarks.flame"]
    trouble = "perf cannot record; /proc/sys/kernel/perf_event_paranoid must be 2 or less"
    _run(command, trouble, PYTHONPATH=str(symbols))
    fields = ["--fields", "ip,sym,dso", "--input", str(data)]
    printed = _run(["perf", "script", *fields], "perf cannot print what it recorded")
    data.unlink()
    return read_stacks(printed.splitlines())


def read_stacks(lines: Iterable[str]) -> Counter[Stack]:
    """The stacks that `perf script` prints, innermost call first and one on a line."""
    stacks: Counter[Stack] = Counter()
    frames: list[str] = []
    for line in [*lines, ""]:
        if line.strip():
            name = _frame(line)
            # What the compiler made of one function, and of a template's instances, is one frame.
            if name and (not frames or frames[-1] != name):
                frames.append(name)
        elif frames:
            stacks[tuple(reversed(frames))] += 1
            frames = []
    return stacks


def _frame(line: str) -> str:
    """A frame's name; empty if it is of no interest. Corsac's begin with its namespace."""
    _, _, rest = line.strip().partition(" ")
    symbol, _, library = rest.rpartition(" (")
    name = symbol.replace("(anonymous namespace)::", "").replace("bindings::", "")
    name = name.partition("(")[0].partition("+0x")[0]
    if library.startswith("inlined") and not name.startswith(CORSAC):
        return ""
    if _EXTENSION in library and not name.startswith(CORSAC):
        return f"{CORSAC}{name}"
    return name or "?"


def part_of_corsac(stacks: Counter[Stack]) -> tuple[Counter[Stack], float]:
    """The calls from Corsac's first function on, and their share of the time of all requests.

    What Corsac calls in turn, the application and the server's `send`, is one frame each: it is not
    Corsac's time.
    """
    inside: Counter[Stack] = Counter()
    for stack, count in stacks.items():
        first = next((i for i, name in enumerate(stack) if name.startswith(CORSAC)), None)
        if first is not None:
            inside[_without_others(stack[first:])] += count
    return inside, inside.total() / max(stacks.total(), 1)


def _without_others(stack: Stack) -> Stack:
    for place, name in enumerate(stack):
        if name in {"PyObject_Vectorcall", "_PyEval_Vector"}:
            app = any("::handle" in caller for caller in stack[:place])
            return (*stack[:place], OTHERS_APP if app else OTHERS_SEND)
    return stack


def _children(stacks: Counter[Stack], depth: int) -> list[tuple[str, Counter[Stack]]]:
    groups: dict[str, Counter[Stack]] = {}
    for stack, count in stacks.items():
        if len(stack) > depth:
            groups.setdefault(stack[depth], Counter())[stack] += count
    return sorted(groups.items(), key=lambda group: -group[1].total())


def _colour(name: str) -> str:
    if name in {OTHERS_SEND, OTHERS_APP}:
        return "#c9ced6"
    return "#f2a65a" if name.startswith(CORSAC) else "#f6d98b"


def _box(place: tuple[float, float], width: float, colour: str, label: str, title: str) -> str:
    left, top = place
    fits = int((width - 6) / _CHARACTER)
    shown = label if len(label) <= fits else f"{label[: fits - 1]}\u2026" if fits > 3 else ""
    return (
        f'<g><title>{escape(title)}</title><rect x="{left:.1f}" y="{top:.1f}" '
        f'width="{max(width - 0.6, 0.4):.1f}" height="{_ROW - 1}" rx="2" fill="{colour}"/>'
        f'<text x="{left + 3:.1f}" y="{top + 12.5:.1f}">{escape(shown)}</text></g>'
    )


def svg(stacks: Counter[Stack]) -> str:
    """The flame graph of the stacks: Corsac's part, and under it its share of a whole request."""
    inside, share = part_of_corsac(stacks)
    total = inside.total()
    if total == 0:
        raise BenchmarkError("perf met no function of Corsac; is it built with symbols?")
    height = (max(len(stack) for stack in inside) + 4) * _ROW + 16
    inner = _WIDTH - 20
    boxes = []

    def add(group: Counter[Stack], depth: int, left: float) -> None:
        for name, members in _children(group, depth):
            part = members.total() / total
            if part >= _LEAST_SHARE:
                width = part * inner
                top = height - (depth + 4) * _ROW
                label = name.removeprefix(CORSAC)
                title = f"{label}: {part:.1%} of the time inside Corsac"
                boxes.append(_box((left, top), width, _colour(name), label, title))
                add(members, depth + 1, left)
                left += width

    add(inside, 0, 10)
    bottom = height - 2 * _ROW
    ours, others = f"Corsac {share:.0%}", "bare app, the server's part, Python"
    boxes.append(_box((10, bottom), share * inner, "#f2a65a", ours, ours))
    rest = (1 - share) * inner
    boxes.append(_box((10 + share * inner, bottom), rest, "#c9ced6", others, others))
    legend = (
        "orange: functions of Corsac; yellow: what they call in Python; grey: the app and the "
        f"server ({total} samples). Below: the share of a whole request."
    )
    boxes.append(f'<text x="10" y="{_ROW}">{escape(legend)}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        'font-family="DejaVu Sans Mono, monospace" font-size="11" fill="#1d2129">'
        f'<rect width="{_WIDTH}" height="{height}" rx="6" fill="#ffffff"/>{"".join(boxes)}</svg>\n'
    )


def draw(path: Path) -> Path:
    """Build, record and write the picture."""
    symbols = _FOLDER / "symbols"
    build_with_symbols(symbols)
    path.write_text(svg(record(symbols)))
    return path


def _send_requests() -> None:
    scenario = next(item for item in all_scenarios() if item.name == "actual, allowed")
    corsac = next(variant for variant in peers.VARIANTS if variant.name == peers.CORSAC)
    headers = scenario.app_headers
    run = timer(corsac.build(scenario.wanted, headers, peers.bare_app(headers)), scenario)
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        run(1_000)


if __name__ == "__main__":
    _send_requests()
