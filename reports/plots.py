"""Pictures as inline SVG: readable text, the page's own colours, the same bytes from the same records."""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from veriformer.reports import values
from veriformer.reports.escape import inline
from veriformer.reports.matrix import Cell, Matrix
from veriformer.reports.timings import Panel, Timing

INK, QUIET, LINE, HELD, BAD_INK, SHADE = "#010101", "#020202", "#030303", "#040404", "#050505", "#060606"
"""Colours that no page has: each becomes a variable of the style sheet, so that pictures follow light and dark."""

VARIABLES = {INK: "ink", QUIET: "quiet", LINE: "line", HELD: "held", BAD_INK: "broken", SHADE: "shade"}

STYLE = {"svg.fonttype": "none", "svg.hashsalt": "veriformer", "text.parse_math": False, "font.size": 9.5}

MARKERS = "osD^vP*X<>"
"""Implementations differ by shape, not by colour."""

ROW = 0.27
"""Height of a line of a picture, in inches."""

LEAST = 1e-4
"""Errors below this share of the bound are drawn here: they are as good as none."""

MOST = 1e2
"""Errors above this many bounds are drawn here, with an arrow."""


@contextmanager
def drawing(width: float, height: float) -> Iterator[Any]:
    """A figure in our style, whatever a matplotlibrc says. Glyphs that our font lacks are the browser's task."""
    from matplotlib import rc_context, style
    from matplotlib.figure import Figure

    with style.context("default"), rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
        yield Figure(figsize=(width, height))


def svg(figure: Any, label: str) -> str:
    """The figure as an element for the middle of a page, without date, ids, size or addresses."""
    from markupsafe import escape

    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    body = buffer.getvalue()
    view = re.search(r'viewBox="([^"]*)"', body)
    body = body[body.index(">", body.index("<svg")) + 1 :]
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r'<g id="[^"]*"', "<g", body)
    for colour, variable in VARIABLES.items():
        body = body.replace(colour, f"var(--{variable})")
    return f'<svg viewBox="{view[1] if view else ""}" role="img" aria-label="{escape(label)}">{body}'


def axes(figure: Any, left: float, right: float, top: float, bottom: float) -> Any:
    """Bare axes with a logarithmic x; margins in inches."""
    width, height = figure.get_size_inches()
    area = (left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height)
    ax = figure.add_axes(area, facecolor="none")
    ax.set_xscale("log")
    ax.spines[["left", "right", "top"]].set_visible(False)
    ax.spines["bottom"].set_color(LINE)
    ax.tick_params(axis="x", color=LINE, labelcolor=QUIET, which="both")
    ax.tick_params(axis="y", length=0, labelcolor=INK)
    ax.grid(axis="x", color=LINE, linewidth=0.6)
    ax.set_axisbelow(True)
    return ax


def label_decades(ax: Any, low: float, high: float, name: Callable[[float], str]) -> None:
    """Whole decades around the values, each labelled in words."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    ticks = [10.0**power for power in range(first, max(last, first + 1) + 1)]
    ax.set_xlim(ticks[0], ticks[-1])
    ax.set_xticks(ticks, [name(tick) for tick in ticks])
    ax.minorticks_off()


def shortened(name: str, length: int = 60) -> str:
    """A name on one line that leaves room for the picture."""
    text = inline(name)
    return text if len(text) <= length else text[: length - 1] + "…"


def timings(panel: Panel) -> str:
    """One workload: median and noise band of each implementation on a logarithmic axis; in words, who is not ranked."""
    rows = panel.timings
    timed = [row for row in rows if row.median]
    if not timed:
        return ""
    left = 0.1 + 0.075 * max(len(shortened(row.label)) for row in rows)
    right = 0.2 + 0.075 * max(len(beside(row)) for row in timed)
    with drawing(left + 2.6 + right, ROW * len(rows) + 0.3) as figure:
        ax = axes(figure, left, right, 0.03, 0.27)
        label_decades(ax, min(map(low_of, timed)), max(map(high_of, timed)), values.seconds)
        ax.set_yticks(range(len(rows)), [shortened(row.label) for row in rows])
        ax.set_ylim(len(rows) - 0.4, -0.6)
        for y, row in enumerate(rows):
            draw_timing(ax, y, row)
        return svg(figure, f"Timings of {inline(panel.workload)}")


def low_of(row: Timing) -> float:
    """The lower end of the noise band, kept above zero for the logarithm."""
    return row.low or row.median or 1e-9


def high_of(row: Timing) -> float:
    """The upper end of the noise band."""
    return row.high or row.median or 1e-9


def draw_timing(ax: Any, y: int, row: Timing) -> None:
    """Dot, band and words of one implementation."""
    colour = HELD if row.ranked else QUIET
    if row.median:
        ax.hlines(y, low_of(row), high_of(row), color=colour, linewidth=6, alpha=0.3, capstyle="round")
        ax.plot([row.median], [y], "o", color=colour, markersize=6, markerfacecolor=colour if row.ranked else "none")
    ax.annotate(beside(row), (1.04 if row.median else 0.01, y), **BESIDE, color=INK if row.ranked else QUIET)


def beside(row: Timing) -> str:
    """The words at the right of a row: its median, and where it stands."""
    place = row.standing if row.ranked or not row.median else "not ranked"
    return shortened(" · ".join(filter(None, (values.seconds(row.median), place))))


BESIDE = {"xycoords": ("axes fraction", "data"), "va": "center", "annotation_clip": False}
"""Words at the height of a row."""


def tightness(matrix: Matrix) -> str:
    """Worst error of each implementation and component, as a share of the bound: left is exact, beyond 1 is broken."""
    rows = [row for row in matrix.rows if any(cell.worst_ratio is not None for cell in row.cells)]
    if not rows:
        return ""
    left = 0.1 + 0.075 * max(len(shortened(row.component)) for row in rows)
    legend = 0.26 * math.ceil(len(matrix.implementations) / 4)
    with drawing(left + 9.0, ROW * len(rows) + 0.35 + legend) as figure:
        ax = axes(figure, left, 0.4, 0.05 + legend, 0.3)
        label_decades(ax, LEAST, MOST, share)
        ax.axvspan(1, MOST, color=SHADE, linewidth=0)
        ax.axvline(1, color=BAD_INK, linewidth=1)
        ax.set_yticks(range(len(rows)), [shortened(row.component) for row in rows])
        ax.set_ylim(len(rows) - 0.4, -0.6)
        for place in range(len(matrix.implementations)):
            draw_tightness(ax, place, len(matrix.implementations), [row.cells[place] for row in rows])
        name_markers(ax, [shortened(name) for name in matrix.implementations])
        return svg(figure, "Worst error as a share of the bound, by component and implementation")


def name_markers(ax: Any, names: list[str]) -> None:
    """Which marker is whose, above the picture."""
    signs = [ax.plot([], [], marker_of(place), color=INK, markersize=5)[0] for place in range(len(names))]
    above = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": 4, "borderaxespad": 0}
    ax.legend(signs, names, **above, frameon=False, labelcolor=INK, handletextpad=0.2)


def marker_of(place: int) -> str:
    """The marker of one implementation."""
    return MARKERS[place % len(MARKERS)]


def share(ratio: float) -> str:
    """A tick of the tightness axis."""
    ends = {LEAST: f"≤ {100 * LEAST:g} %", MOST: f"≥ {MOST:g} ×", 1.0: "the bound"}
    return ends.get(ratio, f"{100 * ratio:g} %" if ratio < 1 else f"{ratio:g} ×")


def draw_tightness(ax: Any, place: int, of: int, cells: list[Cell]) -> None:
    """The dots of one implementation, a little apart from the others'."""
    shift = 0.5 * ((place + 0.5) / of - 0.5)
    dots = [(clipped(cell.worst_ratio), y + shift) for y, cell in enumerate(cells) if cell.worst_ratio is not None]
    for x, y in dots:
        colour = BAD_INK if x > 1 else HELD
        ax.plot([x], [y], marker_of(place), color=colour, markersize=5.5, alpha=0.9, clip_on=False, markeredgewidth=0)


def clipped(ratio: float | None) -> float:
    """A ratio within the axis; NaN is beyond every bound."""
    return MOST if ratio is None or math.isnan(ratio) else min(max(ratio, LEAST), MOST)
