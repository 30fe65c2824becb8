"""The report as GitHub Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from veriformer.record import Record
from veriformer.reports import escape, values
from veriformer.reports.html import TEMPLATES
from veriformer.reports.matrix import SYMBOLS
from veriformer.reports.page import MEANINGS, page

EXPLAINED = 20
"""Failures that are explained at length: what shows Markdown has limits (a step summary of GitHub, 1 MiB)."""


def markdown(records: Iterable[Record], compare: Iterable[Record] | None = None) -> str:
    """The page, as a function of the records; `compare` are older records, to say what changed since."""
    return str(
        environment()
        .get_template("report.md.j2")
        .render(
            page=page(records, compare),
            symbols=SYMBOLS,
            meanings=MEANINGS,
            values=values,
            fenced=escape.fenced,
            raw=escape.Markdown,
            explained=EXPLAINED,
        )
    )


def environment() -> Any:
    """Jinja in which every expression of a template is escaped as Markdown, unless it is Markdown already."""
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        finalize=escape.markdown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
