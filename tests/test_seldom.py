"""Seldom: cycles are looked for less often while laws are judged, and as often as before afterwards."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from veriformer.properties.seldom import ALLOCATIONS, seldom_collecting


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    threshold = gc.get_threshold()
    yield
    gc.set_threshold(*threshold)


def test_less_often_inside_and_as_before_afterwards_whatever_happens() -> None:
    gc.set_threshold(700, 11, 12)
    with pytest.raises(ValueError, match="of a law"), seldom_collecting():
        assert gc.get_threshold() == (ALLOCATIONS, 11, 12)
        with seldom_collecting():
            assert gc.get_threshold() == (ALLOCATIONS, 11, 12)
        assert gc.get_threshold() == (ALLOCATIONS, 11, 12)
        raise ValueError("of a law")
    assert gc.get_threshold() == (700, 11, 12)


@pytest.mark.parametrize("young", [0, 10 * ALLOCATIONS])
def test_somebody_who_collects_even_less_is_left_alone(young: int) -> None:
    gc.set_threshold(young, 11, 12)
    with seldom_collecting():
        assert gc.get_threshold() == (young, 11, 12)
