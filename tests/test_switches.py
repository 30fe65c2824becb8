"""What a framework's switches let matrix products round is detected, recorded and allowed, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import jax
import ml_dtypes
import numpy as np
import pytest
import torch

import veriformer.impls.torch as torch_backend
from veriformer.impls.jax.switches import switches as jax_switches
from veriformer.impls.numpy import switches as numpy_switches
from veriformer.impls.protocol import Implementation
from veriformer.impls.torch.switches import switches as torch_switches
from veriformer.impls.worker import open_door
from veriformer.properties import LAWS
from veriformer.properties.experiment import promised
from veriformer.properties.judge import judge
from veriformer.properties.menu import Budget
from veriformer.properties.settle import Settled
from veriformer.record import Record, Verdict
from veriformer.spec.numbers import Bounded
from veriformer.spec.numbers.precision import BFLOAT16, FLOAT16, FLOAT32, TF32, precision_of

DIVIDE = {"quotients": "div.full"}
"""What every framework says besides, on a GPU."""
DROPPED = 13
"""Bits of a float32 number that TF32 has not."""


@pytest.fixture(params=["high", "medium"])
def lower_precision(request: pytest.FixtureRequest) -> Iterator[str]:
    torch.set_float32_matmul_precision(request.param)
    yield request.param
    torch.set_float32_matmul_precision("highest")


def test_on_a_cpu_nothing_is_switched_on() -> None:
    for dtype in ("float64", "float32", "bfloat16", "float16"):
        for switches in (numpy_switches, torch_switches, jax_switches):
            assert switches(dtype, "cpu") == {}


def test_torch_says_tf32_where_float32_products_may_be_rounded(lower_precision: str) -> None:
    assert torch_switches("float32", "cuda") == {"products": "tf32", **DIVIDE}
    assert torch_switches("float32", "cpu")["products"] == {"high": "tf32", "medium": "bfloat16"}[lower_precision]
    assert torch_switches("float64", "cuda") == DIVIDE


@contextmanager
def turned(switch: str, value: bool) -> Iterator[None]:
    """One of the switches of CUDA's products, for a while."""
    matmul = torch.backends.cuda.matmul
    before = getattr(matmul, switch)
    setattr(matmul, switch, value)
    try:
        yield
    finally:
        setattr(matmul, switch, before)


def test_torch_says_in_what_partial_sums_are_put_together() -> None:
    for dtype, short in (("bfloat16", "bf16"), ("float16", "fp16")):
        assert torch_switches(dtype, "cuda") == {"partial_sums": dtype, "terms": 8, **DIVIDE}
        with turned(f"allow_{short}_reduced_precision_reduction", False):
            assert torch_switches(dtype, "cuda") == DIVIDE
    with turned("allow_fp16_accumulation", True):
        assert torch_switches("float16", "cuda") == {"partial_sums": "float16", "terms": 1, **DIVIDE}


@pytest.mark.parametrize(
    ("level", "products"),
    [
        (None, {"products": "tf32"}),
        ("tensorfloat32", {"products": "tf32"}),
        ("bfloat16", {"products": "tf32"}),
        ("BF16_BF16_F32", {"products": "bfloat16"}),
        ("TF32_TF32_F32", {"products": "tf32"}),
        ("highest", {}),
        ("F32_F32_F32", {}),
    ],
)
def test_jax_says_what_its_level_means_on_a_gpu(level: str | None, products: dict[str, str]) -> None:
    with jax.default_matmul_precision(level):
        assert jax_switches("float32", "cuda") == {**products, **DIVIDE}
        assert jax_switches("float64", "cuda") == DIVIDE


def cut(x: torch.Tensor) -> torch.Tensor:
    """float32 cut off where TF32 ends, as a tensor core reads it."""
    return (x.view(torch.int32) >> DROPPED << DROPPED).view(torch.float32)


def in_tf32() -> Implementation:
    """A feed-forward network whose products read their factors as TF32."""
    impl = Implementation("cuts off", backend="torch", dtypes=("float32",))

    @impl.component
    def feed_forward(x: torch.Tensor, params: dict[str, torch.Tensor], *, activation: str = "relu") -> torch.Tensor:
        act = torch.relu if activation == "relu" else torch.nn.functional.gelu
        hidden = act(torch.matmul(cut(x), cut(params["w_1"].contiguous())) + params["b_1"])
        return torch.matmul(cut(hidden), cut(params["w_2"].contiguous())) + params["b_2"]

    return impl


def judged() -> Record:
    law = next(law for law in LAWS["feed_forward"] if law.name == "agrees_with_the_spec")
    return judge(law, open_door(in_tf32(), "float32", "cpu"), Budget(10, quick=True), settled=Settled())


def test_what_the_switches_allow_is_allowed_and_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert judged().verdict is Verdict.BROKEN
    monkeypatch.setattr(torch_backend, "switches", lambda dtype, device: {"products": "tf32"})
    record = judged()
    assert record.verdict is Verdict.HELD
    assert record.precision["products"] == "tf32"
    assert record.precision["flushes"] is False


def test_a_declaration_goes_before_a_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_backend, "switches", lambda dtype, device: {"products": "tf32"})
    impl = Implementation("declares", backend="torch", computes_in="float32")
    impl.component("softmax")(lambda x, *, mask=None: x)
    assert promised(open_door(impl, "float32", "cpu"), "softmax").product is FLOAT32


def test_whether_denormal_numbers_are_flushed_is_seen() -> None:
    """XLA flushes them on a CPU; NumPy keeps them."""
    from veriformer.impls.jax import impl as in_jax
    from veriformer.impls.numpy import impl as in_numpy

    assert open_door(in_jax, "float32", "cpu").switches["flushes"] is True
    for dtype in ("float64", "float32", "bfloat16", "float16"):
        assert open_door(in_numpy, dtype, "cpu").switches["flushes"] is False


@pytest.mark.parametrize(("form", "terms"), [(BFLOAT16, 8), (FLOAT16, 8), (FLOAT16, 1)])
@pytest.mark.parametrize("n", [3, 8, 20, 61])
def test_partial_sums_rounded_on_their_way_are_within_the_bound(form: object, terms: int, n: int) -> None:
    """Sums of `terms` products in float32, each rounded, then added up in the half type, one after the other."""
    name = "bfloat16" if form is BFLOAT16 else "float16"
    half = np.dtype(ml_dtypes.bfloat16 if form is BFLOAT16 else np.float16)
    rng = np.random.default_rng(n)
    a, b = (rng.uniform(0.5, 2.0, shape).astype(half) for shape in ((40, n), (n, 1)))
    total = np.zeros((40, 1), half)
    for start in range(0, n, terms):
        part = slice(start, start + terms)
        total = (total + (a[:, part].astype(np.float32) @ b[part].astype(np.float32)).astype(half)).astype(half)
    precision = precision_of(name, switches={"partial_sums": name, "terms": terms})
    bounded = Bounded.given(a, precision) @ Bounded.given(b, precision)
    off = np.abs(total.astype(np.float64) - a.astype(np.float64) @ b.astype(np.float64))
    assert (off <= bounded.error).all()
    plain = Bounded.given(a, precision_of(name)) @ Bounded.given(b, precision_of(name))
    assert (plain.error < bounded.error).all()


def test_the_product_format_is_that_of_the_switch() -> None:
    assert precision_of("float32", switches={"products": "tf32"}).product is TF32
    assert precision_of("float32").product is FLOAT32


def test_a_quotient_may_be_further_off_on_a_gpu_in_float32_alone() -> None:
    """Half types are divided in float32 and rounded; float64 is divided exactly."""
    told = {name: precision_of(name, switches=DIVIDE).divide for name in ("float64", "float32", "bfloat16", "float16")}
    assert told == {"float64": 2.0, "float32": 4.0, "bfloat16": 2.0, "float16": 2.0}
    assert precision_of("bfloat16", "layer", switches=DIVIDE).divide == 4.0
