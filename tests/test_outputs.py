"""Outputs: check_output passes what is honest in any framework, and says what is wrong with the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import veriformer
from veriformer.impls.protocol import Misuse

X = np.float32([[0.5, -1.25, 2.0], [0.0, 3.5, -0.75]])


def numpy_softmax(x: np.ndarray) -> np.ndarray:
    """The usual one."""
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_numpy_output_passes() -> None:
    """Silence is consent."""
    veriformer.check_output("softmax", numpy_softmax(X), X)
    veriformer.check_output("softmax", numpy_softmax(X.astype("float64")), X.astype("float64"))


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_torch_output_passes_gradients_recorded_or_not(dtype: str) -> None:
    """Tensors that require gradients, on both sides."""
    torch = pytest.importorskip("torch")
    x = torch.tensor(X, dtype=getattr(torch, dtype), requires_grad=True)
    out = torch.softmax(x, -1)
    assert out.requires_grad
    veriformer.check_output("softmax", out, x)
    with pytest.raises(AssertionError, match="agrees_with_the_spec"):
        veriformer.check_output("softmax", out * 1.25, x)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_jax_output_passes(dtype: str) -> None:
    """JAX arrays on both sides."""
    jax = pytest.importorskip("jax")
    x = jax.numpy.asarray(X, dtype=dtype)
    out = jax.nn.softmax(x)
    veriformer.check_output("softmax", out, x)
    with pytest.raises(AssertionError, match="agrees_with_the_spec"):
        veriformer.check_output("softmax", out * 1.25, x)


def test_nested_weights_and_self_attention() -> None:
    """Parameters as dictionaries of tensors; x given twice is one object."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    params = {name: torch.randn(4, 4, requires_grad=True) for name in ("w_q", "w_k", "w_v", "w_o")}
    x = torch.randn(3, 4)
    q, k, v = ((x @ params[name]).reshape(3, 2, 2).transpose(0, 1) for name in ("w_q", "w_k", "w_v"))
    heads = torch.nn.functional.scaled_dot_product_attention(q, k, v)
    out = heads.transpose(0, 1).reshape(3, 4) @ params["w_o"]
    veriformer.check_output("multi_head_attention", out, x, x, params, n_heads=2)
    with pytest.raises(AssertionError, match=r"params\.w_q"):
        veriformer.check_output("multi_head_attention", out, x, x, params, n_heads=1)


def test_silent_convention_may_be_any_and_a_stated_one_is_kept() -> None:
    """What a fully masked row answers is free until it is said."""
    mask = np.array([[True, True, False], [False, False, False]])
    zero = np.where(mask, numpy_softmax(np.where(mask, X, -1e30)), 0).astype("float32")
    nan = np.where(mask.any(-1, keepdims=True), zero, np.float32(np.nan))
    for out in (zero, nan):
        veriformer.check_output("softmax", out, X, mask=mask)
    veriformer.check_output("softmax", nan, X, mask=mask, fully_masked="nan")
    with pytest.raises(AssertionError, match="fully_masked"):
        veriformer.check_output("softmax", nan, X, mask=mask, fully_masked="zero")


def test_component_without_arrays() -> None:
    """The dtype of the output is the one wanted."""
    table = np.array([[0, 1], [np.sin(1), np.cos(1)]])
    for dtype in ("float64", "float32", ml_dtypes.bfloat16):
        veriformer.check_output("sinusoidal_positions", table.astype(dtype), 2, 2)
    assert veriformer.allowed_error("sinusoidal_positions", 2, 2, dtype="float64").max() < 1e-14


def test_message_is_that_of_a_broken_law() -> None:
    """Law, input, got, wanted, allowed, error / bound, ulps."""
    with pytest.raises(AssertionError) as failed:
        veriformer.check_output("softmax", numpy_softmax(X) * np.float32(1.001), X)
    for words in (
        "✗ broken  this output · softmax · float32 · cpu",
        "agrees_with_the_spec: The output is the formula's, within the derived bound.",
        "\ninput\n",
        "x  float32 (2, 3)  [[",
        "got ",
        "wanted ",
        "allowed        ± ",
        "error / bound  ",
        "in ulps  ",
    ):
        assert words in str(failed.value), words
    assert "smallest" not in str(failed.value), "nothing was searched"
    assert "fully_masked" not in str(failed.value), "nothing was masked"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda y: y[0], "shape of the output"),
        (lambda y: y[..., None], "shape of the output"),
        (lambda y: y * np.float32(np.nan), "got            nan"),
        (lambda y: np.full_like(y, np.inf), "got            inf"),
    ],
)
def test_odd_output_is_named(change: Callable[[np.ndarray], np.ndarray], said: str) -> None:
    """Wrong shapes and numbers that are none."""
    with pytest.raises(AssertionError, match=said):
        veriformer.check_output("softmax", change(numpy_softmax(X)), X)


def test_allowed_error_is_the_bound_that_is_judged() -> None:
    """As large as the output; an error within it passes, twice as large an error does not; finer dtypes allow less."""
    allowed = veriformer.allowed_error("softmax", X)
    assert allowed.shape == X.shape
    assert (allowed > 0).all() and (allowed < 1e-6).all()
    truth = numpy_softmax(X.astype("float64"))
    veriformer.check_output("softmax", (truth + 0.9 * allowed).astype("float32"), X)
    with pytest.raises(AssertionError):
        veriformer.check_output("softmax", (truth + 2 * allowed).astype("float32"), X)
    per_dtype = [
        veriformer.allowed_error("softmax", X, dtype=d).max() for d in ("float64", "float32", "float16", "bfloat16")
    ]
    assert per_dtype == sorted(per_dtype)
    eager, layer = (
        veriformer.allowed_error("softmax", X, dtype="bfloat16", precision=p).max() for p in ("eager", "layer")
    )
    assert layer < eager


def test_nothing_judged_is_no_success() -> None:
    """Where an honest computation may land anywhere, the check says so instead of passing."""
    wide = np.full((1, 3), 1e4, ml_dtypes.bfloat16)
    q = np.stack([wide, wide])[None]
    assert not np.isfinite(veriformer.allowed_error("attention", q, q, q)).all()
    with pytest.raises(Misuse, match="an honest computation in bfloat16 may land anywhere"):
        veriformer.check_output("attention", q, q, q, q)


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        (("sofmax", X, X), {}, r"no component 'sofmax'; did you mean 'softmax'\?\ncomponents: softmax, log_softmax"),
        (("softmax", X, X), {"maks": X > 0}, r"softmax has no option 'maks'; did you mean 'mask'\?\noptions: mask"),
        (("softmax", X, X), {"fully_masked": "zeros"}, "fully_masked='zeros' is not among the values"),
        (("softmax", X, X), {"precision": "eagre"}, "precision 'eagre' is not known; one of 'eager', 'layer'"),
        (("softmax", X), {}, r"missing a required argument: 'x'; wanted: softmax\(x, \*, mask=None\)"),
        (("softmax", X, X, X), {}, r"too many positional arguments; wanted: softmax\(x"),
        (("softmax", X.astype(int), X), {}, "the output has dtype int64; judged are float64, float32"),
        (("softmax", None, X), {}, "the output has dtype object"),
        (("cached_attention", X, {}), {"n_heads": 1}, "cached_attention is an object: .* with veriformer check"),
    ],
)
def test_misuse_is_named(arguments: tuple[Any, ...], options: dict[str, Any], said: str) -> None:
    """With what exists, and the nearest."""
    with pytest.raises(Misuse, match=said):
        veriformer.check_output(*arguments, **options)


def test_an_object_has_no_allowed_error_of_one_output() -> None:
    """What it may err depends on all its steps."""
    with pytest.raises(Misuse, match="cached_attention is an object"):
        veriformer.allowed_error("cached_attention", {}, n_heads=1)
