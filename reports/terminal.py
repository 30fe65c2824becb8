"""The report on a terminal: the matrix, then each broken law. Every text is a rich `Text`: no markup is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from veriformer.record import Record, Verdict
from veriformer.reports import values
from veriformer.reports.escape import inline, visible
from veriformer.reports.failures import Failure, Group, explain, failures
from veriformer.reports.matrix import SYMBOLS, Cell, Matrix, matrix, reasons, stale, verdict_of
from veriformer.reports.page import headline, summary
from veriformer.reports.timings import Panel, panels

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from veriformer.reports.compare import Comparison

STYLES = {
    Verdict.BROKEN: "bold red",
    Verdict.CRASHED: "bold magenta",
    Verdict.HELD: "cyan",
    Verdict.ABSTAINED: "yellow",
    Verdict.UNSUPPORTED: "dim",
    Verdict.ABSENT: "dim",
}

PLAIN = str.maketrans({"✗": "x", "✓": "+", "–": "-", "·": ".", "×": "x", "±": "+-", "µ": "u", "∞": "inf", "─": "-"})
"""Our own signs on a terminal that has only ASCII."""

TOO_LONG = (
    "the script is {} kB long: --json FILE keeps it, and veriformer replay FILE TARGET puts it to your code again"
)
COLUMN = 18
"""Columns of the terminal that one implementation takes."""


def terminal(records: Iterable[Record], console: Console) -> None:
    """Print the matrix, each broken law once with its counterexample, what was not judged and why, and the timings."""
    rows = tuple(records)
    judged, broken = matrix(rows), failures(rows)
    for table in tables(judged, console):
        console.print(table)
    for group in broken:
        if not group.first.record.known:
            say(console, rule(console), failure(group.first.record), *also(group))
    known = [line(f"{verdict_of(row):<11} ", "dim") + line(known_of(row)) for row in rows if row.known and row.bad]
    if known:
        say(console, line(""), line("Known deviations", "bold"), *known)
    if stale(rows):
        said = (line(f"known deviation: {message}", Verdict.ABSTAINED) for message in stale(rows))
        say(console, line(""), *said)
    not_judged = [line(f"{row.verdict:<11} ", row.verdict) + line(reason_of(row)) for row in reasons(rows)]
    if not_judged:
        say(console, line(""), line("Not judged, and why", "bold"), *not_judged)
    timed = panels(rows)
    for panel in timed:
        console.print(timing_table(panel, console))
    if judged.rows or not timed:
        failing = [group.first.record.verdict for group in broken if not group.first.record.known]
        worst = failing[0] if failing else Verdict.HELD if judged.rows else Verdict.ABSENT
        say(console, line(""), line(headline(rows), worst), line(summary(rows)))
    if judged.rows:
        say(
            console,
            line("percent: worst error as a share of what honest code may err; n/m: laws held of those asked", "dim"),
        )


def say(console: Console, *texts: Text) -> None:
    """Print without wrapping, so that scripts and arrays can be copied from the screen."""
    for text in texts:
        console.print(plain(text, console), soft_wrap=True, highlight=False)


def line(text: Any, style: Verdict | str | None = None) -> Text:
    """Anybody's text, made harmless."""
    from rich.text import Text

    return Text(visible(text), STYLES[style] if isinstance(style, Verdict) else style or "")


def plain(text: Text, console: Console) -> Text:
    """The text with signs that this terminal can show."""
    if not console.options.ascii_only:
        return text
    from rich.text import Text

    ascii_text = text.plain.translate(PLAIN).encode("ascii", "backslashreplace").decode("ascii")
    return Text(ascii_text, text.style)


def rule(console: Console) -> Text:
    """A line across the terminal."""
    return line("\n" + "─" * min(console.width, 100), "dim")


def tables(judged: Matrix, console: Console) -> Iterator[Table]:
    """The matrix, in as many tables as the width of the terminal asks for."""
    from rich import box
    from rich.table import Table

    names = [len(inline(row.component)) for row in judged.rows]
    fitting = max(1, (console.width - max(names, default=0) - 3) // COLUMN)
    for start in range(0, len(judged.implementations), fitting):
        part = slice(start, start + fitting)
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("")
        for name in judged.implementations[part]:
            table.add_column(plain(line(inline(name)), console), min_width=COLUMN - 2, overflow="fold")
        for row in (row for row in judged.rows if any(cell.records for cell in row.cells[part])):
            texts = (line(inline(row.component)), *map(cell_text, row.cells[part]))
            table.add_row(*(plain(text, console) for text in texts))
        yield table


def cell_text(cell: Cell) -> Text:
    """A symbol, a word, and the worst error as a share of its bound."""
    if cell.verdict is None:
        return line("")
    share, held = values.share(cell.telling_ratio), cell.held_of.replace(" of ", "/")
    words = (SYMBOLS[cell.verdict], cell.verdict, "(known)" if cell.known else "", share, held)
    return line(" ".join(filter(None, words)), Verdict.ABSTAINED if cell.known else cell.verdict)


def failure(record: Record) -> Text:
    """A broken law: what it says, the smallest input, what came and should have come, and how to reproduce it."""
    from rich.text import Text

    return Text("\n").join(paragraphs(explain(record)))


def paragraphs(told: Failure) -> Iterator[Text]:
    """The lines of one failure."""
    row = told.record
    verdict = verdict_of(row)
    where = " · ".join(inline(name) for name in (row.implementation, row.component, row.dtype, row.device) if name)
    yield line(f"{SYMBOLS[verdict]} {verdict}  {where}", verdict)
    if row.known:
        yield line(f"known: {row.known}", Verdict.ABSTAINED)
    yield line(f"{inline(row.law)}: {row.sentence}" if row.sentence else inline(row.law), "bold")
    if row.diagnosis:
        yield line(f"diagnosis: {row.diagnosis}", "bold")
    if told.arguments:
        yield line("\nsmallest input found", "dim")
        yield from columns((item.name, item.kind, item.text) for item in told.arguments)
    if told.facts:
        yield line(f"\n{inline(told.place)}", "dim")
        yield from columns(told.facts)
    if told.whole:
        yield line("\nwhole", "dim")
        yield from columns((item.name, item.kind, item.text) for item in told.whole)
    if told.said:
        yield line("\nmessage", "dim")
        yield line(told.said.rstrip())
    if told.notes:
        yield line("")
        yield from columns(told.notes)
    if told.script:
        yield line("\nto reproduce", "dim")
        yield line(TOO_LONG.format(len(told.script) // 1000) if told.is_long else told.script.rstrip())


def columns(rows: Iterable[tuple[str, ...]]) -> Iterator[Text]:
    """Names in columns, texts beside them, further lines of a text under its first."""
    listed = [([inline(name) for name in names], visible(text)) for *names, text in rows]
    widths = [max(map(len, column)) for column in zip(*(names for names, _ in listed), strict=True)]
    for names, text in listed:
        start = "".join(f"  {name:<{width}}" for name, width in zip(names, widths, strict=True) if width) + "  "
        yield line(start + text.replace("\n", "\n" + " " * len(start)))


def also(group: Group) -> Iterator[Text]:
    """Where else the same fault shows, a line each."""
    if group.others:
        yield line("")
    for other in group.others:
        row = other.record
        law = row.law if row.law != group.first.record.law else ""
        told = "  ".join(
            filter(None, (inline(law), inline(row.dtype), inline(row.device), values.share(row.worst_ratio)))
        )
        yield line(f"{verdict_of(row)} also: {told}", row.verdict)


def known_of(row: Record) -> str:
    """Which deviation, and why it is accepted."""
    return f"{inline(' · '.join(filter(None, row.key)))}: {row.known}"


def what_changed(comparison: Comparison) -> Iterator[Text]:
    """Every change, a line each; of what is only new or gone, the number."""
    for heading, changes in comparison.headings():
        yield line(f"{heading}: {len(changes)}", "bold")
        for change in changes if heading not in ("New", "Gone") else ():
            known = f", known: {change.known}" if change.known else ""
            yield line(f"  {inline(' · '.join(filter(None, change.key)))}: {change.before} -> {change.after}{known}")
    if comparison.turns:
        yield line(f"Conventions followed differently: {len(comparison.turns)}", "bold")
    for turn in comparison.turns:
        yield line(f"  {inline(' · '.join(filter(None, turn.key)))}: {turn.before} -> {turn.after}")
    if not comparison.headings() and not comparison.turns:
        yield line("Every verdict is the same as before")


def reason_of(row: Any) -> str:
    """Whom it concerns, and why."""
    concerned = f" ({', '.join(inline(name) for name in row.concerned)})" if row.concerned else ""
    return f"{inline(row.implementation)}{concerned}" + (f": {row.message}" if row.message else "")


def timing_table(panel: Panel, console: Console) -> Table:
    """One workload, fastest first."""
    from rich import box
    from rich.table import Table

    title = plain(line(inline(panel.workload), "bold"), console)
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("", "median", "noise", "standing", "reached"):
        table.add_column(name, overflow="fold")
    for row in panel.timings:
        cells = (row.label, values.seconds(row.median), row.noise, row.standing, ", ".join(row.facts))
        table.add_row(*(plain(line(inline(cell), "" if row.ranked else "dim"), console) for cell in cells))
    return table
