"""Testing: the laws of an implementation as tests of a suite that you already have, in three lines.

# test_my_kernels.py
from veriformer.testing import conformance_tests

test_my_kernels = conformance_tests("my_kernels.py")

That is a test for each law, component, dtype and device: `pytest test_my_kernels.py -k "attention and float32"`. One that
breaks fails with the message of `veriformer check`: smallest input, got, wanted, allowed, and a script that shows it again.
What is not judged is skipped, with the reason; a known deviation (see veriformer/known.py) is an expected failure.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from veriformer.impls.protocol import Misuse
from veriformer.properties.items import Item, Items
from veriformer.record import Record, Verdict
from veriformer.reports.escape import inline, visible
from veriformer.reports.terminal import failure
from veriformer.run import Plan, versions


def conformance_tests(
    *targets: str | Path,
    components: Sequence[str] = (),
    laws: Sequence[str] = (),
    dtypes: Sequence[str] = (),
    devices: Sequence[str] = (),
    examples: int | None = None,
    seed: int = 0,
    quick: bool = False,
    known: str | Path | None = None,
) -> Callable[[Item], None]:
    """A test function, parametrised: bind it to a name that begins with `test`.

    targets: as on the command line, `my_kernels.py`, `package.module:impl`, an installed name, `all`. A path is looked
    for in the working directory, then beside the file that calls. components, laws, dtypes, devices: only these.
    examples: random ones for each law after the sweep, 25 unless given. known: a file of accepted deviations.
    Raises Misuse for a name that does not exist.
    """
    from veriformer.known import load

    beside = Path(sys._getframe(1).f_globals.get("__file__", "")).parent
    if not targets:
        raise Misuse('conformance_tests needs a target: conformance_tests("my_kernels.py")')
    plan = Plan.of(
        [placed(str(target), beside) for target in targets],
        components, laws, dtypes, devices, examples, seed, quick,
        exit_first=False, real=False, workers=1, known=load(Path(placed(str(known), beside))) if known else None,
    )  # fmt: skip
    items = Items(plan.suite)
    there = versions(plan.known.libraries)

    @pytest.mark.parametrize("item", list(items), ids=lambda item: inline(item))
    def test(item: Item) -> None:
        __tracebackhide__ = True
        record = items.put(item)
        told(*plan.known.marked([record], there), lost=item.found.named and item.found.implementation is None)

    test.__doc__ = f"Every law of {', '.join(map(str, targets))}."
    return test


def placed(target: str, beside: Path) -> str:
    """A target that is a file, where it is; any other as it stands."""
    path = Path(target)
    return str(beside / path) if path.suffix and not path.exists() and (beside / path).exists() else target


def told(record: Record, *, lost: bool) -> None:
    """The verdict in pytest's words."""
    __tracebackhide__ = True
    if record.known:
        pytest.xfail(visible(f"known: {record.known}"))
    if record.bad:
        pytest.fail(failure(record).plain, pytrace=False)
    if lost or record.message.startswith("misuse: "):
        pytest.fail(visible(record.message), pytrace=False)
    if record.verdict is not Verdict.HELD:
        pytest.skip(visible(f"{record.verdict}: {record.message}"))
