"""Our JAX implementation, and the backend for all code that takes and returns JAX arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from veriformer.impls.jax.adam import adam
from veriformer.impls.jax.adamw import adamw
from veriformer.impls.jax.alibi import alibi
from veriformer.impls.jax.apply_dropout import apply_dropout
from veriformer.impls.jax.attention import attention
from veriformer.impls.jax.cached_attention import CachedAttention
from veriformer.impls.jax.clip_by_global_norm import clip_by_global_norm
from veriformer.impls.jax.cross_entropy import cross_entropy
from veriformer.impls.jax.decoder import decoder
from veriformer.impls.jax.decoder_layer import decoder_layer
from veriformer.impls.jax.dropout import dropout
from veriformer.impls.jax.embedding import embedding
from veriformer.impls.jax.encoder import encoder
from veriformer.impls.jax.encoder_layer import encoder_layer
from veriformer.impls.jax.feed_forward import feed_forward
from veriformer.impls.jax.gelu import gelu
from veriformer.impls.jax.gradient_accumulation import gradient_accumulation
from veriformer.impls.jax.gradient_descent import gradient_descent
from veriformer.impls.jax.language_model import language_model
from veriformer.impls.jax.layer_norm import layer_norm
from veriformer.impls.jax.learned_positions import learned_positions
from veriformer.impls.jax.linear_schedule import linear_schedule
from veriformer.impls.jax.log_softmax import log_softmax
from veriformer.impls.jax.multi_head_attention import multi_head_attention
from veriformer.impls.jax.relu import relu
from veriformer.impls.jax.residual import residual
from veriformer.impls.jax.rms_norm import rms_norm
from veriformer.impls.jax.rotary_attention import rotary_attention
from veriformer.impls.jax.rotary_positions import rotary_positions
from veriformer.impls.jax.silu import silu
from veriformer.impls.jax.sinusoidal_positions import sinusoidal_positions
from veriformer.impls.jax.softmax import softmax
from veriformer.impls.jax.swiglu import swiglu
from veriformer.impls.jax.switches import switches as switches
from veriformer.impls.jax.training_step import training_step
from veriformer.impls.jax.transformer import transformer
from veriformer.impls.jax.warmup_schedule import warmup_schedule
from veriformer.impls.jax.weight_decay import weight_decay
from veriformer.impls.optimizer import as_object
from veriformer.impls.protocol import Implementation, Setting, Tree
from veriformer.impls.tree import leaves, rebuild

impl = Implementation(
    "jax",
    backend="jax",
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

optimizers = Implementation("jax-optimizers", backend="jax", devices=("cpu", "cuda"))
"""The updates once more, as objects that remember parameters and state."""
for update in (gradient_descent, adam, adamw):
    optimizers.component(update.__name__, form="object")(as_object(update, jnp.zeros_like))

PLATFORM_OF = {"cpu": "cpu", "cuda": "gpu"}
"""Our name of a device -> JAX's name of its platform."""


def versions() -> dict[str, str]:
    """What computes: package -> version."""
    return {"jax": jax.__version__, "jaxlib": jax.lib.__version__}


def devices() -> tuple[str, ...]:
    """The devices of this machine."""
    return ("cpu", "cuda") if jax.default_backend() == "gpu" else ("cpu",)


CONFIGURED = (
    "jax_enable_x64", "jax_default_matmul_precision", "jax_default_device", "jax_default_prng_impl", "jax_disable_jit",
    "jax_debug_nans", "jax_numpy_dtype_promotion", "jax_numpy_rank_promotion",
)  # fmt: skip
"""The configuration that changes answers."""


def settings() -> Mapping[str, Setting]:
    """What all code of this framework shares."""

    def setting(name: str) -> Setting:
        return (lambda: getattr(jax.config, name)), (lambda found: jax.config.update(name, found))

    return {name: setting(name) for name in CONFIGURED}


def seed(seed: int) -> None:
    """There is no generator from which all code draws."""


@contextmanager
def arithmetic(dtype: str) -> Iterator[None]:
    """The settings under which this dtype is computed: 64-bit types exist for float64 alone."""
    with jax.enable_x64(dtype == "float64"):
        yield


def move_in(array: np.ndarray, device: str) -> jax.Array:
    """A copy on the device; JAX on the CPU would otherwise borrow the array's memory, and believe it constant."""
    return jax.device_put(array.copy(), jax.devices(PLATFORM_OF[device])[0])


def move_out(native: jax.Array) -> np.ndarray:
    """A copy that may be written to."""
    return np.array(native)


def is_native(value: object) -> bool:
    """Is it an array of this framework?"""
    return isinstance(value, jax.Array)


def dtype_of(native: jax.Array) -> str:
    """The name of its dtype, "float32"."""
    return str(native.dtype)


def device_of(native: jax.Array) -> str:
    """Where it lies, "cpu" or "cuda"."""
    (platform,) = {device.platform for device in native.devices()}
    return next(name for name, known in PLATFORM_OF.items() if known == platform)


def wait(tree: Tree) -> None:
    """Until everything is computed."""
    jax.block_until_ready(tree)


def plain(function: Callable[..., Any], arguments: tuple[Tree, ...], options: dict[str, Tree]) -> Tree:
    """The function's answer."""
    return function(*arguments, **options)


def gradients(
    function: Callable[..., Any], arguments: tuple[Tree, ...], options: dict[str, Tree], cotangent: Tree
) -> tuple[Tree, tuple[Tree, ...]]:
    """The outputs, and one tree of gradients per positional argument with floating-point leaves.

    An array given in several places is one variable, and its total gradient is reported at each of them.
    An integer leaf is None; a leaf that no gradient reached is zero, since JAX does not tell the two apart.
    """
    given = (arguments, options)
    arrays = {id(leaf): leaf for _, leaf in leaves(given) if is_native(leaf)}
    names = {key: number for number, key in enumerate(arrays)}
    variables = {names[id(leaf)]: leaf for _, leaf in leaves(arguments) if is_floating(leaf)}
    others = {names[key]: leaf for key, leaf in arrays.items() if names[key] not in variables}
    outputs, found = differentiated(function, given, names, variables)(variables, others, cotangent)
    return outputs, tuple(
        rebuild(argument, lambda _, leaf: found.get(names.get(id(leaf), -1)))
        for argument in arguments
        if any(is_floating(leaf) for _, leaf in leaves(argument))
    )


Differentiated = Callable[[dict[int, jax.Array], dict[int, jax.Array], Tree], tuple[Tree, dict[int, jax.Array]]]
COMPILED: dict[tuple[object, str], Differentiated] = {}
"""Gradients of functions that their authors jitted, by function and by what is no array: a second call need not be traced."""


def differentiated(
    function: Callable[..., Any],
    given: tuple[tuple[Tree, ...], dict[str, Tree]],
    names: dict[int, int],
    variables: dict[int, jax.Array],
) -> Differentiated:
    """(variables, other arrays, cotangent) -> the outputs and the gradient of each variable.

    Under jit where the function is jitted already; as it is where it is not. Arrays stand under their numbers, everything else
    where it was given.
    """
    template = rebuild(given, lambda _, leaf: Numbered(names[id(leaf)]) if is_native(leaf) else leaf)

    def run(
        variables: dict[int, jax.Array], others: dict[int, jax.Array], cotangent: Tree
    ) -> tuple[Tree, dict[int, jax.Array]]:
        def of_variables(values: dict[int, jax.Array]) -> Tree:
            known = values | others
            arguments, options = rebuild(template, lambda _, leaf: known[leaf] if isinstance(leaf, Numbered) else leaf)
            return function(*arguments, **options)

        outputs, pull_back = jax.vjp(of_variables, variables)
        (found,) = pull_back(jax.tree.map(lambda g, y: g.astype(y.dtype), cotangent, outputs))
        return outputs, found

    if not isinstance(function, jax.stages.Wrapped):
        return run
    key = (function, repr((template, sorted(variables))))
    if key not in COMPILED:
        COMPILED[key] = jax.jit(run)
    return COMPILED[key]


class Numbered(int):
    """The number under which an array is handed over."""

    def __repr__(self) -> str:
        return f"array {int(self)}"


def is_floating(leaf: object) -> bool:
    """Is it an array that can be differentiated?"""
    return isinstance(leaf, jax.Array) and bool(jnp.issubdtype(leaf.dtype, jnp.floating))
