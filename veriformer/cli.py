"""The command line: discover, choose, check, time, report. No logic of its own."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from veriformer.impls.protocol import Misuse
from veriformer.record import Record, Verdict, read, write

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Is your Transformer component right, what does it cost, how does it compare?",
)

Targets = Annotated[
    list[str],
    typer.Argument(
        help="A Python file, package.module[:object], an installed implementation (numpy, torch, jax), or all."
    ),
]
Components = Annotated[list[str] | None, typer.Option("--component", "-c", help="Only this component (repeatable).")]
Laws = Annotated[list[str] | None, typer.Option("--law", "-l", help="Only this law (repeatable).")]
Dtypes = Annotated[list[str] | None, typer.Option("--dtype", help="Only this dtype (repeatable).")]
Devices = Annotated[list[str] | None, typer.Option("--device", help="Only this device (repeatable).")]
Seed = Annotated[int, typer.Option("--seed", help="The seed of every random choice.")]
Quick = Annotated[bool, typer.Option("--quick", help="Every law and kind of input, fewer of each.")]


KnownFile = Annotated[
    Path | None,
    typer.Option("--known", help="Accepted deviations (TOML, each with a reason): they do not fail the run."),
]

SUITE_FAILED = 3
SUITE_FAILED_BECAUSE = (
    "veriformer: the suite itself failed: {}; what is held above was judged, but the run is not complete"
)


@app.command()
def check(
    targets: Targets,
    component: Components = None,
    law: Laws = None,
    dtype: Dtypes = None,
    device: Devices = None,
    examples: Annotated[
        int | None, typer.Option("--examples", min=0, help="Random examples per law, after the sweep.")
    ] = None,
    seed: Seed = 0,
    quick: Quick = False,
    exit_first: Annotated[bool, typer.Option("-x", help="Stop at the first broken law.")] = False,
    real: Annotated[bool, typer.Option("--real", help="Judge on a pretrained encoder's activations too.")] = False,
    workers: Annotated[int, typer.Option("-j", "--workers", min=1, help="Processes to share the work among.")] = 1,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.1, help="Seconds that one call may take, compilation included.")
    ] = 120.0,
    memory: Annotated[float, typer.Option("--memory", min=0.1, help="GiB of memory that a target may use.")] = 8.0,
    json: Annotated[
        Path | None, typer.Option("--json", help="Write each record to this file as soon as it is made.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the interrupted run whose records --json holds.")
    ] = False,
    junit: Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML to this file.")] = None,
    known: KnownFile = None,
    only_broken: Annotated[
        Path | None, typer.Option("--only-broken", help="Judge only what is broken or crashed in these records.")
    ] = None,
) -> None:
    """Judge implementations: print the matrix, then each broken law with its counterexample."""
    for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):  # small arrays: threads only wait
        os.environ.setdefault(threads, "1")
    from veriformer.impls.spawned import GIB, Limits
    from veriformer.journal import journal
    from veriformer.run import Plan, checked, environment

    deviations, again = accepted(known), stored(only_broken) if only_broken else None
    plan = Plan.of(
        targets, component, law, dtype, device, examples, seed, quick, exit_first, real, workers, deviations, again,
        Limits(timeout, int(memory * GIB)),
    )  # fmt: skip
    console = Console()
    head = environment(plan.found, plan.options, plan.known.libraries)
    if junit:
        as_junit(junit, [head])  # a file that cannot be written is found out before the work, not after it
    with journal(json, head, resume=resume) as book:
        records = [head, *shown(checked(plan, book), console)]
        if book:
            book.finish(records)
    if junit:
        as_junit(junit, records, plan.lost)
    from veriformer.reports.terminal import terminal

    terminal(records, console)
    code = plan.exit_code(records)
    if code == SUITE_FAILED:
        print(SUITE_FAILED_BECAUSE.format("; ".join(plan.faults_of_the_suite(records))), file=sys.stderr)
    raise typer.Exit(code)


@app.command("list")
def list_(
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """The implementations found: what each offers, versions, devices."""
    from veriformer.reports.escape import inline, visible
    from veriformer.run import listing

    rows = listing()
    if json:
        import json as strict

        typer.echo(strict.dumps(rows, indent=2))
        return
    for row in rows:
        about = "; ".join(filter(None, (row["backend"], ", ".join(row["versions"]), ", ".join(row["devices"]))))
        typer.echo(inline(f"{row['name']}  ({about})" if about else row["name"]))
        typer.echo(visible(f"  {row['error'] or ', '.join(row['components'])}"))


@app.command()
def bench(
    targets: Targets,
    component: Components = None,
    device: Devices = None,
    records: Annotated[
        Path | None, typer.Option("--records", help="Verdicts of an earlier check; else a quick one.")
    ] = None,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="Turns of each contestant.")] = 5,
    quick: Quick = False,
    json: Annotated[Path | None, typer.Option("--json", help="Write the records to this file.")] = None,
) -> None:
    """Time implementations side by side; only what is right is ranked."""
    os.environ.setdefault(
        "OMP_WAIT_POLICY", "passive"
    )  # before any framework: spinning threads ruin interleaved timing
    from veriformer.reports.terminal import terminal
    from veriformer.run import timed

    verdicts = stored(records) if records else None
    timings = timed(targets, verdicts, components=component, devices=device, repeats=repeats, quick=quick)
    if json:
        kept(json, timings)
    terminal(timings, Console())


@app.command()
def report(
    records: Annotated[list[Path], typer.Argument(help="Files of records.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder to write to.")] = Path("reports/out"),
    compare: Annotated[Path | None, typer.Option("--compare", help="Older records: say what changed.")] = None,
    fail_on_regression: Annotated[
        bool, typer.Option("--fail-on-regression", help="With --compare: exit 1 when something became worse.")
    ] = False,
    known: KnownFile = None,
) -> None:
    """One self-contained HTML page and Markdown, from records alone."""
    from veriformer.reports import write as write_report
    from veriformer.reports.compare import compare as changed
    from veriformer.reports.terminal import say, what_changed

    if fail_on_regression and not compare:
        raise Misuse("--fail-on-regression compares with older records: say which, --compare OLD.jsonl")
    rows = [record for path in records for record in stored(path)]
    deviations = accepted(known)
    if deviations:
        rows = [*deviations.marked(rows), *deviations.stale()]
    older = stored(compare) if compare else None
    for path in write_report(rows, out, older):
        typer.echo(str(path))
    if older is None:
        return
    comparison = changed(older, rows)
    say(Console(), *what_changed(comparison))
    raise typer.Exit(1 if fail_on_regression and comparison.regressed else 0)


@app.command()
def replay(
    records: Annotated[Path, typer.Argument(help="A file of records.")],
    targets: Targets,
) -> None:
    """Re-run recorded counterexamples: FIXED, STILL BROKEN, or not judged here."""
    from veriformer.replay import replay as replayed
    from veriformer.reports.escape import inline, visible
    from veriformer.run import found_in

    broken = count = 0
    found = found_in(targets)
    lost = [one for one in found if one.implementation is None]
    for one in lost:
        typer.echo(visible(f"not replayed: {one.target}: {one.error}"), err=True)
    for old, new in replayed(stored(records), found):
        still, fixed = new.bad, new.verdict is Verdict.HELD
        count, broken = count + (still or fixed), broken + still
        said = "STILL BROKEN" if still else "FIXED" if fixed else "NOT JUDGED"
        why = "" if still or fixed else f": {new.verdict} {new.message}"
        where = f"{old.component} of {old.implementation}, {old.law}, {old.dtype} on {old.device}"
        typer.echo(f"{said:<12}  {inline(where + why)}")
    if not count:
        typer.echo(
            "nothing was judged: the records hold no counterexample of these targets that can be put to them here",
            err=True,
        )
    raise typer.Exit(1 if broken else 0 if count and not lost else 2)


@app.command()
def spec(
    component: Annotated[str | None, typer.Argument(help="A component; all of them if left out.")] = None,
    explain: Annotated[
        Path | None, typer.Option("--explain", help="A file of records: which term of their bounds is the large one?")
    ] = None,
) -> None:
    """Formula, source, conventions, honest algorithms and laws of a component; or what its bounds are made of."""
    from veriformer.run import described, explained

    if explain is not None and component is None:
        raise Misuse("--explain needs a component: veriformer spec attention --explain records.jsonl")
    typer.echo(described(component) if explain is None or component is None else explained(component, stored(explain)))


@app.command()
def new(
    component: Annotated[str, typer.Argument(help="The component to write: see veriformer spec.")],
    backend: Annotated[str, typer.Option("--backend", "-b", help="numpy, torch or jax: whose arrays.")] = "numpy",
    form: Annotated[str, typer.Option("--form", help="function or object, where a component has both.")] = "",
) -> None:
    """Print a plug-in to start from: veriformer new attention --backend torch > my_kernels.py"""
    from veriformer.new import skeleton

    typer.echo(skeleton(component, backend, form), nl=False)


def shown(records: Iterable[Record], console: Console) -> Iterator[Record]:
    """Pass records through; on a terminal a line of progress, piped a line for each component in each dtype."""
    from veriformer.reports.escape import inline
    from veriformer.reports.terminal import line

    if not console.is_terminal:
        at = ""
        for record in records:
            here = f"{record.component} in {record.dtype}" if record.dtype else ""
            if here and here != at:
                print(f"judging {inline(here)}", file=sys.stderr, flush=True)
            at = here or at
            yield record
        return
    with console.status("starting") as status:
        for record in records:
            where = (record.component, record.law, record.implementation, record.dtype, record.device)
            status.update(line(" · ".join(inline(name) for name in where if name)))
            yield record


def stored(path: Path) -> list[Record]:
    """The records of a file. Raises Misuse when there is none, or something else in it."""
    try:
        return list(read(path))
    except (OSError, ValueError) as error:
        raise Misuse(f"{path}: {error.strerror}" if isinstance(error, OSError) else str(error)) from error


def accepted(path: Path | None) -> Any:
    """The known deviations of a file; None where no file is named."""
    from veriformer.known import load

    return load(path) if path else None


def as_junit(path: Path, records: Iterable[Record], lost: Iterable[str] = ()) -> None:
    """Write JUnit XML. Raises Misuse when that is not possible."""
    from veriformer.reports.junit import junit

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(junit(records, lost))
    except OSError as error:
        raise Misuse(f"{path} cannot be written: {error.strerror}") from error


def kept(path: Path, records: Iterable[Record]) -> None:
    """Write records to a file. Raises Misuse when that is not possible."""
    try:
        write(path, records)
    except OSError as error:
        raise Misuse(f"{path} cannot be written: {error.strerror}") from error


def main(arguments: list[str] | None = None) -> Any:
    """Run a command; misuse is exit 2 with one clear message."""
    try:
        return app(arguments, standalone_mode=True)
    except Misuse as misuse:
        from veriformer.reports.escape import visible

        print(f"veriformer: {visible(str(misuse))}", file=sys.stderr)
        sys.exit(2)
    except Exception:  # noqa: BLE001  (no fault of ours may look like a verdict on theirs)
        traceback.print_exc()
        print("veriformer: the suite itself failed; nothing is said about the code it was judging", file=sys.stderr)
        sys.exit(3)


if __name__ == "__main__":
    main()
