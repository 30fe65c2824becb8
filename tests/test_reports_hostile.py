"""Reports: nothing that a plug-in says acts on the reader's screen, and the page needs nothing from the network."""

from __future__ import annotations

import io
import re
from typing import Any
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from tests.reported import EVIL, Tags, every_field, full, judged, older, outside_pictures, sample, shown, timed
from veriformer.record import Verdict
from veriformer.reports import escape
from veriformer.reports.compare import compare
from veriformer.reports.html import html
from veriformer.reports.markdown import markdown
from veriformer.reports.terminal import failure, say, what_changed


def test_a_hostile_record_adds_no_element_to_the_page() -> None:
    hostile, harmless = (html(full(text), older(text)) for text in (EVIL, "a" * len(EVIL)))
    assert Tags(outside_pictures(hostile)).found == Tags(outside_pictures(harmless)).found
    pictures = {tag for tag, _ in Tags("".join(re.findall(r"<svg.*?</svg>", hostile, re.DOTALL))).found}
    assert pictures <= {"svg", "g", "path", "text", "defs", "use", "clippath", "rect"}
    assert "&lt;script&gt;alert(1)" in hostile
    assert "{{ 7*7 }}" in hostile


def test_a_hostile_record_shapes_no_markdown() -> None:
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    hostile, harmless = (parser.parse(markdown(full(text), older(text))) for text in (EVIL, "fine"))
    assert [token.type for token in hostile] == [token.type for token in harmless]
    inner = {child.type for token in hostile for child in token.children or ()}
    assert inner <= {"text", "text_special", "strong_open", "strong_close", "softbreak"}
    prose = "".join(child.content for token in hostile for child in token.children or ())
    assert "<script>alert(1)</script> <img src=//e.vil> &lt; $x$ ~~s~~" in prose
    outside_code = re.sub(r"^(`{3,}).*?^\1$", "", markdown(full(EVIL)), flags=re.DOTALL | re.MULTILINE)
    assert not re.search(r"(?i)https?://|www\.|(?<!\\)\$", outside_code)


def test_a_hostile_record_does_nothing_on_a_terminal() -> None:
    text = shown(full(EVIL))
    assert "\x1b" not in text
    assert "[bold red]rich[/] [link=http://e.vil]l[/link] :smile:" in text
    coloured = shown(full(EVIL), force_terminal=True, color_system="truecolor", legacy_windows=False)
    assert "\x1b[" in coloured
    assert not re.sub(r"\x1b\[[0-9;]*m", "", coloured).count("\x1b")
    assert "\x1b[31mred" not in coloured
    assert "\x1b[" not in failure(every_field(EVIL)).plain


@pytest.mark.parametrize("render", [html, markdown, shown])
def test_control_characters_are_spelled_out(render: Any) -> None:
    report = render(full(EVIL))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u2028\ud800]", report)
    assert "x1b" in report
    assert "u202e" in report
    report.encode("utf-8")


def test_what_changed_does_nothing_on_a_terminal() -> None:
    out = io.StringIO()
    say(Console(file=out, width=100), *what_changed(compare(older(EVIL), full(EVIL))))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u2028\ud800]", out.getvalue())
    for words in ("Newly broken: ", ", known: ", "Conventions followed differently: ", "[bold red]rich[/]"):
        assert words in out.getvalue()


def test_the_page_needs_nothing_from_the_network() -> None:
    page = html(sample(), sample()[:3])
    assert "<svg" in page
    assert all(target.startswith("#") for target in re.findall(r"""(?:src|href|action)\s*=\s*["']?([^"'\s>]*)""", page))
    assert not re.search(r"<script|<link|<iframe|@import|url\((?!#)|://", page)
    anchors = set(re.findall(r'href="#([^"]+)"', outside_pictures(page)))
    assert anchors <= set(re.findall(r'id="([^"]+)"', page))


@pytest.mark.parametrize("name", [r"$\frac{$", "層正規化", "a\x1b[31mb\nc", "<b>&amp;", "_hidden"])
def test_pictures_take_any_name(name: str) -> None:
    rows = [judged(name, name, "law", Verdict.HELD, worst_ratio=0.5), timed(name, 1e-3), timed("x", None, message=name)]
    pictures = re.findall(r"<svg.*?</svg>", html(rows), re.DOTALL)
    assert len(pictures) == 2
    for picture in pictures:
        assert "\x1b" not in picture
        words = "".join(ElementTree.fromstring(picture.replace("xlink:", "")).itertext())
        assert escape.inline(name) in words
