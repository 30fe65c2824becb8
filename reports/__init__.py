"""What we say: reports made from records alone, on a terminal, as one HTML page, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from veriformer import record
from veriformer.record import Record


def write(records: Iterable[Record], directory: str | Path, compare: Iterable[Record] | None = None) -> list[Path]:
    """Write `index.html`, `report.md`, `records.jsonl`; with older records to compare, also what changed since."""
    from veriformer.reports.html import html
    from veriformer.reports.markdown import markdown

    rows, older = tuple(records), None if compare is None else tuple(compare)
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    page, text, copy = folder / "index.html", folder / "report.md", folder / "records.jsonl"
    page.write_text(html(rows, older), encoding="utf-8")
    text.write_text(markdown(rows, older), encoding="utf-8")
    record.write(copy, rows)
    return [page, text, copy]
