"""Our PyTorch implementation, and the backend for all code that takes and returns PyTorch tensors."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import ml_dtypes
import numpy as np
import torch

from veriformer.impls.optimizer import as_object
from veriformer.impls.protocol import GENERATORS, Implementation, Setting, Tree
from veriformer.impls.torch.adam import adam
from veriformer.impls.torch.adamw import adamw
from veriformer.impls.torch.alibi import alibi
from veriformer.impls.torch.apply_dropout import apply_dropout
from veriformer.impls.torch.attention import attention
from veriformer.impls.torch.cached_attention import CachedAttention
from veriformer.impls.torch.clip_by_global_norm import clip_by_global_norm
from veriformer.impls.torch.cross_entropy import cross_entropy
from veriformer.impls.torch.decoder import decoder
from veriformer.impls.torch.decoder_layer import decoder_layer
from veriformer.impls.torch.dropout import dropout
from veriformer.impls.torch.embedding import embedding
from veriformer.impls.torch.encoder import encoder
from veriformer.impls.torch.encoder_layer import encoder_layer
from veriformer.impls.torch.feed_forward import feed_forward
from veriformer.impls.torch.gelu import gelu
from veriformer.impls.torch.gradient_accumulation import gradient_accumulation
from veriformer.impls.torch.gradient_descent import gradient_descent
from veriformer.impls.torch.language_model import language_model
from veriformer.impls.torch.layer_norm import layer_norm
from veriformer.impls.torch.learned_positions import learned_positions
from veriformer.impls.torch.linear_schedule import linear_schedule
from veriformer.impls.torch.log_softmax import log_softmax
from veriformer.impls.torch.multi_head_attention import multi_head_attention
from veriformer.impls.torch.relu import relu
from veriformer.impls.torch.residual import residual
from veriformer.impls.torch.rms_norm import rms_norm
from veriformer.impls.torch.rotary_attention import rotary_attention
from veriformer.impls.torch.rotary_positions import rotary_positions
from veriformer.impls.torch.silu import silu
from veriformer.impls.torch.sinusoidal_positions import sinusoidal_positions
from veriformer.impls.torch.softmax import softmax
from veriformer.impls.torch.swiglu import swiglu
from veriformer.impls.torch.switches import switches as switches
from veriformer.impls.torch.training_step import training_step
from veriformer.impls.torch.transformer import transformer
from veriformer.impls.torch.warmup_schedule import warmup_schedule
from veriformer.impls.torch.weight_decay import weight_decay
from veriformer.impls.tree import leaves, rebuild

impl = Implementation(
    "torch",
    backend="torch",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "bfloat16", "float16"),
    precision="eager",
)

SILENT: dict[str, Any] = {"fully_masked": "zero", "behind_mask": "ignored"}
"""What masks do where the formula is silent: a row without an allowed key is 0, and what is hidden may hold anything."""
impl.component("softmax", **SILENT)(softmax)
impl.component("attention", **SILENT, causal_alignment="bottom_right")(attention)
impl.component("multi_head_attention", **SILENT, causal_alignment="bottom_right")(multi_head_attention)
impl.component(gelu)
impl.component(log_softmax)
impl.component(relu)
impl.component(rms_norm)
impl.component(silu)
impl.component(swiglu)
impl.component("cached_attention", form="object")(CachedAttention)
impl.component(sinusoidal_positions)
impl.component(learned_positions)
impl.component(alibi)
impl.component(rotary_positions)
impl.component("rotary_attention", **SILENT, causal_alignment="bottom_right")(rotary_attention)
impl.component(embedding)
impl.component(feed_forward)
impl.component(residual)
impl.component(layer_norm)
impl.component("encoder_layer", **SILENT)(encoder_layer)
impl.component("encoder", **SILENT)(encoder)
impl.component("decoder_layer", **SILENT)(decoder_layer)
impl.component("decoder", **SILENT)(decoder)
impl.component(transformer)
impl.component(language_model)
impl.component(warmup_schedule)
impl.component(linear_schedule)
impl.component(weight_decay)
impl.component(gradient_descent)
impl.component(gradient_accumulation)
impl.component(apply_dropout)
impl.component(dropout)
impl.component(clip_by_global_norm)
impl.component(adam)
impl.component(adamw)
impl.component("cross_entropy", all_ignored="zero", impossible_class="ignored")(cross_entropy)
impl.component(training_step)

optimizers = Implementation("torch-optimizers", backend="torch", devices=("cpu", "cuda"))
"""The updates once more, as objects that remember parameters and state."""
for update in (gradient_descent, adam, adamw):
    optimizers.component(update.__name__, form="object")(as_object(update, torch.zeros_like))


def versions() -> dict[str, str]:
    """What computes: package -> version."""
    cuda = {"cuda": torch.version.cuda} if torch.version.cuda else {}
    return {"torch": torch.__version__, **cuda}


def devices() -> tuple[str, ...]:
    """The devices of this machine."""
    return ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)


def settings() -> Mapping[str, Setting]:
    """What all code of this framework shares."""
    return {
        GENERATORS[-1]: (lambda: torch.get_rng_state().numpy().tobytes(), set_generator),
        "torch's default dtype": (torch.get_default_dtype, torch.set_default_dtype),
        "torch's default device": (torch.get_default_device, torch.set_default_device),
        "torch's grad mode": (torch.is_grad_enabled, torch.set_grad_enabled),
        "torch's number of threads": (torch.get_num_threads, torch.set_num_threads),
        "torch's deterministic mode": (torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms),
        "torch's precision of float32 products": (
            torch.get_float32_matmul_precision,
            torch.set_float32_matmul_precision,
        ),
    }


def set_generator(state: bytes) -> None:
    """Put back the state of the generator."""
    torch.set_rng_state(torch.frombuffer(bytearray(state), dtype=torch.uint8))


def seed(seed: int) -> None:
    """Seed the generator that all code of this framework draws from."""
    torch.manual_seed(seed)


def arithmetic(dtype: str) -> AbstractContextManager[None]:
    """The settings under which this dtype is computed: the framework's own."""
    return contextlib.nullcontext()


def move_in(array: np.ndarray, device: str) -> torch.Tensor:
    """A tensor with the array's strides and its offset in memory; on the CPU it is the array's own memory."""
    if array.dtype == ml_dtypes.bfloat16:
        return move_in(array.view(np.uint16), device).view(torch.bfloat16)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable", category=UserWarning)
        memory = array.base if isinstance(array.base, np.ndarray) and array.base.flags.c_contiguous else array
        if memory is array or memory.itemsize != array.itemsize or min(array.strides, default=0) < 0:
            return torch.from_numpy(array).to(device)
        offset = (array.ctypes.data - memory.ctypes.data) // array.itemsize
        strides = [stride // array.itemsize for stride in array.strides]
        return torch.as_strided(torch.from_numpy(memory.view(array.dtype)).to(device), array.shape, strides, offset)


def move_out(native: torch.Tensor) -> np.ndarray:
    """A copy on the CPU, without its history."""
    tensor = native.detach().cpu()
    if tensor.dtype == torch.bfloat16:
        return np.array(tensor.view(torch.uint16).numpy()).view(ml_dtypes.bfloat16)
    return np.array(tensor.numpy())


def is_native(value: object) -> bool:
    """Is it an array of this framework?"""
    return isinstance(value, torch.Tensor)


def dtype_of(native: torch.Tensor) -> str:
    """The name of its dtype, "float32"."""
    return str(native.dtype).removeprefix("torch.")


def device_of(native: torch.Tensor) -> str:
    """Where it lies, "cpu" or "cuda"."""
    return str(native.device.type)


def wait(tree: Tree) -> None:
    """Until everything is computed."""
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()


def plain(function: Callable[..., Any], arguments: tuple[Tree, ...], options: dict[str, Tree]) -> Tree:
    """The function's answer, no gradients recorded."""
    with torch.no_grad():
        return function(*arguments, **options)


def gradients(
    function: Callable[..., Any], arguments: tuple[Tree, ...], options: dict[str, Tree], cotangent: Tree
) -> tuple[Tree, tuple[Tree, ...]]:
    """The outputs, and one tree of gradients per positional argument with floating-point leaves.

    A tensor given in several places is one variable, and its total gradient is reported at each of them.
    An integer leaf is None, and so is a leaf that no gradient reached.
    """
    variables: dict[int, torch.Tensor] = {
        id(leaf): leaf.detach().requires_grad_() for _, leaf in leaves(arguments) if is_floating(leaf)
    }
    with torch.enable_grad():
        outputs = function(*rebuild(arguments, lambda _, leaf: variables.get(id(leaf), leaf)), **options)
    found = dict(zip(variables, pull_back(outputs, list(variables.values()), cotangent), strict=True))
    return outputs, tuple(
        rebuild(argument, lambda _, leaf: found.get(id(leaf)))
        for argument in arguments
        if any(is_floating(leaf) for _, leaf in leaves(argument))
    )


def pull_back(outputs: Tree, variables: list[torch.Tensor], cotangent: Tree) -> tuple[torch.Tensor | None, ...]:
    """The gradient of the sum of outputs times cotangents for each variable; None where no path leads to it."""
    pairs = zip((leaf for _, leaf in leaves(outputs)), (leaf for _, leaf in leaves(cotangent)), strict=True)
    reached = [(output, weight) for output, weight in pairs if is_floating(output) and output.requires_grad]
    if not reached or not variables:
        return (None,) * len(variables)
    tensors, weights = zip(*reached, strict=True)
    gradients: tuple[torch.Tensor | None, ...] = torch.autograd.grad(tensors, variables, weights, allow_unused=True)
    return gradients


def is_floating(leaf: object) -> bool:
    """Is it a tensor that can be differentiated?"""
    return isinstance(leaf, torch.Tensor) and leaf.is_floating_point()
