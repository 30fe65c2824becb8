"""The power session: is honest code left alone, are bugs found, how tight and how fast? `python -m tests.power --quick`"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.power.known import stale
from veriformer.bench import machine
from veriformer.run import versions

FIGURES = ("honest", "enclosed", "tightness", "functions", "defects", "comparison", "speed", "bugs", "mutants")
RECORDED = Path("reports") / "recorded" / "power.md"
"""The table that is committed: machine, versions and date in it, no paths and no name of a host."""
LEFT_OUT = (
    "Quick form: one seed, one honest control in eight, no random phase for them, float32 and bfloat16; what is compiled for "
    "every size (JAX but for softmax and GELU, torch.compile) is left out; tightness in two columns, compared with nothing; "
    "the comparison on a few slips; a few real bugs; one round of timing, compared with nothing."
)


def figure(name: str) -> ModuleType:
    """A file of this folder: TITLE, measure, failures, drawn."""
    return importlib.import_module(f"tests.power.{name}")


def main(arguments: list[str] | None = None) -> int:
    """Measure every figure, print its table, write all of it. 1 if a figure that must hold does not."""
    parser = argparse.ArgumentParser(prog="python -m tests.power", description=__doc__)
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=f"one of {', '.join(FIGURES)}; all of them")
    parser.add_argument("--quick", action="store_true", help="the same laws and kinds, fewer seeds")
    parser.add_argument("--record", action="store_true", help="write reports/recorded/power.md too")
    parser.add_argument("-o", "--out", type=Path, default=Path("reports") / "out", help="where the tables go")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.figures if name not in FIGURES]
    if unknown:
        parser.error(f"no figure {', '.join(unknown)}; one of {', '.join(FIGURES)}")
    parts, data, failed = [opening(options.quick)], [], []
    for name in options.figures or FIGURES:
        module, started = figure(name), time.perf_counter()
        rows = module.measure(options.quick)
        seconds = time.perf_counter() - started
        missed = list(module.failures(rows, options.quick))
        parts.append(section(module, rows, missed, seconds))
        print(parts[-1], flush=True)
        data.append({"figure": name, "seconds": seconds, "failures": missed, "rows": rows})
        failed += missed
        write(options.out, parts, data, options.quick)  # a session that is cut off keeps what it has measured
    failed += [] if options.quick or options.figures else stale(data)
    if options.record:
        RECORDED.write_text((options.out / "power.md").read_text(encoding="utf-8"), encoding="utf-8")
    print("\n".join(f"FAILED: {said}" for said in failed) or "Every figure holds.")
    return 1 if failed else 0


def opening(quick: bool) -> str:
    """What was measured, on what."""
    told = machine.environment()
    installed = ", ".join(f"{name} {one}" for name, one in {**told["versions"], **versions()}.items())
    here = f"{told['machine']['cpu']}, {told['machine']['processors_allowed']} processors, {told['machine']['system']}"
    lines = [
        "# Power",
        "How often the suite accuses honest code, how tight its bounds are, and what it finds.",
        f"{here}; {installed}; {told['date']}; commit {told['commit']}.",
    ]
    return "\n\n".join([*lines, LEFT_OUT] if quick else lines)


def section(module: ModuleType, rows: list[dict[str, Any]], failed: list[str], seconds: float) -> str:
    """One figure as Markdown."""
    verdict = "Holds." if not failed else "Does not hold:\n\n" + "\n".join(f"- {said}" for said in failed)
    return f"## {module.TITLE}\n\n{module.drawn(rows)}\n\n{verdict} ({seconds:.0f} s)\n"


def write(folder: Path, parts: list[str], data: list[dict[str, Any]], quick: bool) -> None:
    """power.md and power.json."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "power.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    told = {"quick": quick, "machine": machine.environment(), "versions": versions(), "figures": data}
    (folder / "power.json").write_text(json.dumps(told, indent=1, default=str) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
