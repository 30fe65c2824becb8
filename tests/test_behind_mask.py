"""What stands behind a mask: honest code ignores it, or lets it propagate, or is left alone; who says ignored is held to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from veriformer.impls.discover import find
from veriformer.impls.numpy.attention import scaled_scores
from veriformer.impls.numpy.softmax import softmax
from veriformer.impls.protocol import Implementation
from veriformer.impls.worker import open_door
from veriformer.properties import INQUIRIES, LAWS
from veriformer.properties.judge import fits, judge
from veriformer.properties.menu import Budget
from veriformer.properties.settle import Settled, settle
from veriformer.record import Record, Verdict
from veriformer.spec import COMPONENTS

Array = np.ndarray
ATTENTION, SOFTMAX = COMPONENTS["attention"], COMPONENTS["softmax"]
EXAMPLES = Path(__file__).parents[1] / "examples"


def additive(q: Array, k: Array, v: Array, *, mask: Array | None = None) -> Array:
    """A mask of 0 and -inf, added to the scores: a nan in a key stays nan there."""
    hidden = q.dtype.type(0) if mask is None else np.where(mask, 0, -np.inf).astype(q.dtype)
    return softmax(scaled_scores(q, k, None, None) + hidden) @ v


def replaced(q: Array, k: Array, v: Array, *, mask: Array | None = None) -> Array:
    """Masked scores replaced: a nan in a key goes, one in a value is multiplied by 0."""
    return softmax(scaled_scores(q, k, None, None), mask=mask) @ v


def cleared(q: Array, k: Array, v: Array, *, mask: Array | None = None) -> Array:
    """Values cleared, the mask added: a nan in a value goes, one in a key stays."""
    return additive(q, k, v if mask is None else np.where(mask.any(-2)[..., None], v, 0).astype(v.dtype), mask=mask)


def skipped(q: Array, k: Array, v: Array, *, mask: Array | None = None) -> Array:
    """Query by query, the keys that it sees gathered."""
    shape = (*q.shape[:-1], k.shape[-2])
    seen = np.ones(shape, bool) if mask is None else np.broadcast_to(mask, shape)
    out = np.zeros((*q.shape[:-1], v.shape[-1]), q.dtype)
    for *batch, i in np.ndindex(*q.shape[:-1]):
        place = (*batch, slice(None)) if batch else (slice(None),)
        keys, values = k[place][seen[(*batch, i)]], v[place][seen[(*batch, i)]]
        out[(*batch, i)] = (softmax(scaled_scores(q[(*batch, slice(i, i + 1))], keys, None, None)) @ values)[0]
    return out


def patched(q: Array, k: Array, v: Array, *, mask: Array | None = None) -> Array:
    """nan is made 0 at the end."""
    return np.nan_to_num(replaced(q, k, v, mask=mask))


def half_cleared(q: Array, k: Array, v: Array, *, mask: Array | None = None) -> Array:
    """nan is cleared from the values, infinity is not."""
    return replaced(q, k, np.where(np.isnan(v), v.dtype.type(0), v), mask=mask)


def refused(q: Array, k: Array, v: Array, *, mask: Array | None = None) -> Array:
    """nan is no argument."""
    if not all(np.isfinite(x).all() for x in (q, k, v)):
        raise ValueError("arguments must be finite")
    return replaced(q, k, v, mask=mask)


@pytest.mark.parametrize("no_number", [np.nan, np.inf, -np.inf])
def test_the_spec_says_what_leaks(no_number: float) -> None:
    """The column of an unseen value, in all queries; all weights of a row with a masked logit, -inf excepted: exp gives 0."""
    rng = np.random.default_rng(5)
    q, k, v = rng.standard_normal((2, 2)), rng.standard_normal((3, 2)), rng.standard_normal((3, 2))
    mask = np.array([[True, False, True], [True, False, False]])
    plain = ATTENTION(q, k, v, mask=mask)
    v[1, 0] = no_number
    with np.errstate(invalid="ignore"):
        leaking = ATTENTION(q, k, v, mask=mask, behind_mask="propagates")
        rows = SOFTMAX(v.T, mask=mask[:1], behind_mask="propagates")
    assert np.isnan(leaking[:, 0]).all()
    assert np.array_equal(leaking[:, 1], plain[:, 1])
    assert np.isnan(rows[0]).all() == (no_number != -np.inf)
    assert np.isfinite(rows[1]).all()
    k[1] = no_number
    assert np.array_equal(ATTENTION(q, k, v, mask=mask, behind_mask="ignored"), plain)
    assert np.isfinite(SOFTMAX(v.T, mask=mask[:1], behind_mask="ignored")).all()


def test_a_query_without_keys_that_answers_the_mean_sees_all() -> None:
    rng = np.random.default_rng(6)
    q, k, v = rng.standard_normal((2, 2)), rng.standard_normal((3, 2)), rng.standard_normal((3, 2))
    mask = np.array([[True, False, True], [False, False, False]])
    for value in ("uniform_over_all_keys", "unmasked"):
        ignoring, leaking = (
            ATTENTION(q, k, v, mask=mask, fully_masked=value, behind_mask=b) for b in ("ignored", "propagates")
        )
        assert np.array_equal(ignoring, leaking)


SAYS = {
    additive: "propagates",
    replaced: "propagates",
    cleared: "propagates",
    skipped: "ignored",
    patched: None,
    half_cleared: None,
    refused: None,
}


def offering(function: Callable[..., Array], **conventions: Any) -> Implementation:
    impl = Implementation(function.__name__)
    impl.component("attention", **conventions)(function)
    return impl


def settled(implementation: Implementation, component: str = "attention", dtype: str = "float32") -> Settled:
    return settle(open_door(implementation, dtype, "cpu"), component, INQUIRIES, fits)


def judged(implementation: Implementation, component: str = "attention") -> Record:
    """The verdict of the law."""
    (law,) = (law for law in LAWS[component] if law.name == "what_stands_behind_a_mask_does_not_matter")
    door = open_door(implementation, "float32", "cpu")
    return judge(law, door, Budget(examples=5), settled=settle(door, component, INQUIRIES, fits))


@pytest.mark.parametrize("function", SAYS, ids=lambda function: function.__name__)
def test_honest_attention_follows_a_value_or_is_left_alone(function: Callable[..., Array]) -> None:
    found = settled(offering(function))
    assert found.values.get("behind_mask") == SAYS[function], found.described
    assert "behind_mask" not in found.broken
    wanted = Verdict.HELD if SAYS[function] == "ignored" else Verdict.UNSUPPORTED
    assert judged(offering(function)).verdict is wanted


@pytest.mark.parametrize("function", [f for f, says in SAYS.items() if says != "ignored"], ids=lambda f: f.__name__)
def test_who_says_ignored_is_held_to_it(function: Callable[..., Array]) -> None:
    assert judged(offering(function, behind_mask="ignored")).bad


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("example", "framework", "component", "value"),
    [
        ("good_torch", "torch", "attention", "propagates"),
        ("jax_functions", "jax", "attention", "propagates"),
        ("jax_functions", "jax", "softmax", "ignored"),
        ("nn_module", "torch", "encoder_layer", "propagates"),
    ],
)
def test_libraries_follow_a_value(example: str, framework: str, component: str, value: str, dtype: str) -> None:
    pytest.importorskip(framework)
    (found,) = find(str(EXAMPLES / f"{example}.py"))
    assert found.implementation is not None, found.error
    assert settled(found.implementation, component, dtype).values.get("behind_mask") == value


def test_softmax_of_an_added_mask_propagates() -> None:
    def softmax_of_a_sum(x: Array, *, mask: Array | None = None) -> Array:
        return softmax(x if mask is None else x + np.where(mask, 0, -np.inf).astype(x.dtype))

    impl = Implementation("added")
    impl.component("softmax")(softmax_of_a_sum)
    assert settled(impl, "softmax").values["behind_mask"] == "propagates"
    assert judged(impl, "softmax").verdict is Verdict.UNSUPPORTED
