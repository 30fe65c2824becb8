"""Where few sizes are met, they are those that differ most: no option of a component stays out because its size is far down."""

from __future__ import annotations

import pytest

from veriformer.properties import LAWS
from veriformer.properties.menu import Budget, compiled, varied
from veriformer.spec import COMPONENTS


def options_of(component: str, rows: list[dict[str, object]]) -> set[str]:
    """The options that a list of sizes names."""
    return {name for row in rows for name, value in row.items() if value is not None} & set(
        COMPONENTS[component].options
    )


@pytest.mark.parametrize("component", sorted(LAWS))
def test_what_is_compiled_meets_every_option(component: str) -> None:
    for law in LAWS[component]:
        if law.name == "agrees_with_the_spec":
            near = [row for row in law.rows if not {"kernel", "reach"} & row.keys()]
            assert options_of(component, compiled(law, near, near, Budget())) == options_of(component, near)


def test_attention_is_compiled_with_grouped_heads_a_window_and_more_keys_than_queries() -> None:
    law = next(law for law in LAWS["attention"] if law.name == "agrees_with_the_spec")
    met = compiled(law, [row for row in law.rows if not row.get("kernel")], [], Budget())
    assert any(row.get("heads_k") for row in met)
    assert any(row.get("window") for row in met)
    assert any(row["length"] < row["length_k"] for row in met)
    assert any(row["length"] > row["length_k"] for row in met)
    assert len([row for row in met if "reach" not in row]) == 6


def test_relations_meet_sizes_that_agreement_has_compiled() -> None:
    agreement, relation = (
        next(law for law in LAWS["attention"] if law.name == name)
        for name in ("agrees_with_the_spec", "is_deterministic")
    )
    near = [row for row in agreement.rows if not {"kernel", "reach"} & row.keys()]
    met = compiled(relation, near, near, Budget())
    assert len(met) == 3
    assert all(row in compiled(agreement, near, near, Budget()) for row in met)


def test_the_smallest_is_met_first_and_the_order_stays() -> None:
    rows = [{"n": 1}, {"n": 2}, {"n": 3, "causal": True}, {"n": 4, "causal": False, "mask": True}]
    assert varied(rows, 1) == rows[:1]
    assert varied(rows, 2) == [rows[0], rows[3]]
    assert varied(rows, 3) == [rows[0], rows[2], rows[3]]
    assert varied(rows, 9) == rows
    assert varied([], 3) == []
