"""The report as one self-contained page: no script, no network, nothing to install."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from veriformer.record import Key, Record
from veriformer.reports import escape, values
from veriformer.reports.matrix import SYMBOLS
from veriformer.reports.page import MEANINGS, Page, page

TEMPLATES = Path(__file__).parent / "templates"


def html(records: Iterable[Record], compare: Iterable[Record] | None = None) -> str:
    """The page, as a function of the records; `compare` are older records, to say what changed since."""
    from veriformer.reports import plots

    said = page(records, compare)
    return str(
        environment()
        .get_template("report.html.j2")
        .render(
            page=said,
            symbols=SYMBOLS,
            meanings=MEANINGS,
            values=values,
            anchors=anchors(said),
            tightness=picture(plots.tightness(said.matrix)),
            charts=[(panel, picture(plots.timings(panel))) for panel in said.timings],
        )
    )


def anchors(said: Page) -> dict[Key, str]:
    """Where on the page each failure is explained."""
    return {
        failure.record.key: f"failure-{number}"
        for number, group in enumerate(said.failures, 1)
        for failure in (group.first, *group.others)
    }


def environment() -> Any:
    """Jinja with everything escaped: markup by autoescape, control characters by `finalize`."""
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=harmless,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def harmless(value: Any) -> Any:
    """Unseen characters spelled out; our own markup as it is; None is nothing."""
    from markupsafe import Markup

    if value is None:
        return ""
    return value if isinstance(value, Markup) or not isinstance(value, str) else escape.visible(value)


def picture(svg: str) -> Any:
    """Our own picture, whose text was escaped as it was drawn."""
    from markupsafe import Markup

    return Markup(svg)
