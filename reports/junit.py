"""The verdicts as JUnit XML, which every CI service draws: a test case for each law, implementation, dtype and device."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from veriformer.record import Record, Verdict
from veriformer.reports.escape import visible
from veriformer.reports.matrix import verdict_of
from veriformer.reports.terminal import failure

NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold even escaped (section 2.2), and `visible` leaves: the two noncharacters U+FFFE and U+FFFF."""


def junit(records: Iterable[Record], lost: Iterable[str] = ()) -> bytes:
    """The document. `lost`: targets asked for by name that could not be loaded; each is an error.

    Broken is a failure, crashed an error; what was not judged, and what is known, is skipped with its reason. As pytest
    does for an expected failure.
    """
    rows, missing = [row for row in records if row.kind == "verdict"], set(lost)
    root = Element("testsuites", name="veriformer")
    for name in dict.fromkeys(row.implementation for row in rows):
        own = [row for row in rows if row.implementation == name]
        suite = SubElement(root, "testsuite", name=text(name))
        for row in own:
            suite.append(case(row, lost=name in missing))
        counted(suite, sum(row.seconds for row in own))
    counted(root, sum(row.seconds for row in rows))
    indent(root)
    return tostring(root, encoding="utf-8", xml_declaration=True)


def case(row: Record, *, lost: bool) -> Element:
    """One verdict."""
    where = ", ".join(filter(None, (row.dtype, row.device)))
    found = Element(
        "testcase",
        classname=text(".".join(filter(None, (row.implementation, row.component)))),
        name=text((row.law or "is judged") + (f" [{where}]" if where else "")),
        time=f"{row.seconds:.3f}",
    )
    verdict = verdict_of(row)
    why = row.message or row.sentence
    if lost or row.message.startswith("misuse: "):
        SubElement(found, "error", type="misuse", message=text(why))
    elif row.known:
        SubElement(found, "skipped", type="known", message=text(f"known: {row.known} ({verdict}: {why})"))
    elif row.bad:
        element = "failure" if verdict is Verdict.BROKEN else "error"
        SubElement(found, element, type=verdict, message=text(why)).text = text(failure(row).plain)
    elif verdict is not Verdict.HELD:
        SubElement(found, "skipped", type=verdict, message=text(f"{verdict}: {row.message}"))
    return found


def counted(suite: Element, seconds: float) -> None:
    """Write the totals that readers of the format expect."""
    suite.set("tests", str(len(suite.findall(".//testcase"))))
    for element, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(name, str(len(suite.findall(f".//{element}"))))
    suite.set("time", f"{seconds:.3f}")


def text(words: object) -> str:
    """Anybody's words as XML can hold them."""
    return NO_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", visible(words))
