"""Our NumPy implementation, and the backend for all code that takes and returns NumPy arrays."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import scipy

from veriformer.impls.numpy.adam import adam
from veriformer.impls.numpy.adamw import adamw
from veriformer.impls.numpy.alibi import alibi
from veriformer.impls.numpy.apply_dropout import apply_dropout, apply_dropout_vjp
from veriformer.impls.numpy.attention import attention, attention_vjp
from veriformer.impls.numpy.cached_attention import CachedAttention
from veriformer.impls.numpy.clip_by_global_norm import clip_by_global_norm
from veriformer.impls.numpy.cross_entropy import cross_entropy, cross_entropy_vjp
from veriformer.impls.numpy.decoder import decoder, decoder_vjp
from veriformer.impls.numpy.decoder_layer import decoder_layer, decoder_layer_vjp
from veriformer.impls.numpy.dropout import dropout, dropout_vjp
from veriformer.impls.numpy.embedding import embedding, embedding_vjp
from veriformer.impls.numpy.encoder import encoder, encoder_vjp
from veriformer.impls.numpy.encoder_layer import encoder_layer, encoder_layer_vjp
from veriformer.impls.numpy.feed_forward import feed_forward, feed_forward_vjp
from veriformer.impls.numpy.gelu import gelu, gelu_vjp
from veriformer.impls.numpy.gradient_accumulation import gradient_accumulation
from veriformer.impls.numpy.gradient_descent import gradient_descent
from veriformer.impls.numpy.half import in_float32
from veriformer.impls.numpy.language_model import language_model, language_model_vjp
from veriformer.impls.numpy.layer_norm import layer_norm, layer_norm_vjp
from veriformer.impls.numpy.learned_positions import learned_positions, learned_positions_vjp
from veriformer.impls.numpy.linear_schedule import linear_schedule
from veriformer.impls.numpy.log_softmax import log_softmax, log_softmax_vjp
from veriformer.impls.numpy.multi_head_attention import multi_head_attention, multi_head_attention_vjp
from veriformer.impls.numpy.relu import relu, relu_vjp
from veriformer.impls.numpy.residual import residual, residual_vjp
from veriformer.impls.numpy.rms_norm import rms_norm, rms_norm_vjp
from veriformer.impls.numpy.rotary_attention import rotary_attention, rotary_attention_vjp
from veriformer.impls.numpy.rotary_positions import rotary_positions, rotary_positions_vjp
from veriformer.impls.numpy.silu import silu, silu_vjp
from veriformer.impls.numpy.sinusoidal_positions import sinusoidal_positions
from veriformer.impls.numpy.softmax import softmax, softmax_vjp
from veriformer.impls.numpy.swiglu import swiglu, swiglu_vjp
from veriformer.impls.numpy.training_step import training_step
from veriformer.impls.numpy.transformer import transformer, transformer_vjp
from veriformer.impls.numpy.warmup_schedule import warmup_schedule
from veriformer.impls.numpy.weight_decay import weight_decay
from veriformer.impls.optimizer import as_object
from veriformer.impls.protocol import Implementation, Setting, Tree

impl = Implementation("numpy", backend="numpy", dtypes=("float32", "float64", "bfloat16", "float16"), precision="layer")

SILENT: dict[str, Any] = {"fully_masked": "zero", "behind_mask": "ignored"}
"""What masks do where the formula is silent: a row without an allowed key is 0, and what is hidden may hold anything."""
impl.component("softmax", **SILENT)(in_float32(softmax))
impl.component("attention", **SILENT, causal_alignment="bottom_right")(in_float32(attention))
impl.component("multi_head_attention", **SILENT, causal_alignment="bottom_right")(in_float32(multi_head_attention))
impl.component(in_float32(gelu))
impl.component(in_float32(log_softmax))
impl.component(in_float32(relu))
impl.component(in_float32(rms_norm))
impl.component(in_float32(silu))
impl.component(in_float32(swiglu))
impl.component("cached_attention", form="object")(in_float32(CachedAttention))
impl.component(in_float32(sinusoidal_positions))
impl.component(in_float32(learned_positions))
impl.component(in_float32(alibi))
impl.component(in_float32(rotary_positions))
impl.component("rotary_attention", **SILENT, causal_alignment="bottom_right")(in_float32(rotary_attention))
impl.component(in_float32(embedding))
impl.component(in_float32(feed_forward))
impl.component(in_float32(residual))
impl.component(in_float32(layer_norm))
impl.component("encoder_layer", **SILENT)(in_float32(encoder_layer))
impl.component("encoder", **SILENT)(in_float32(encoder))
impl.component("decoder_layer", **SILENT)(in_float32(decoder_layer))
impl.component("decoder", **SILENT)(in_float32(decoder))
impl.component(in_float32(transformer))
impl.component(in_float32(language_model))
impl.component(in_float32(warmup_schedule))
impl.component(in_float32(linear_schedule))
impl.component(in_float32(weight_decay))
impl.component(in_float32(gradient_descent))
impl.component(in_float32(gradient_accumulation))
impl.component(in_float32(apply_dropout))
impl.component(in_float32(dropout))
impl.component(in_float32(clip_by_global_norm))
impl.component(in_float32(adam))
impl.component(in_float32(adamw))
impl.component("cross_entropy", all_ignored="zero", impossible_class="ignored")(in_float32(cross_entropy))
impl.component(training_step)  # declines half types itself

optimizers = Implementation("numpy-optimizers", backend="numpy")
"""The updates once more, as objects that remember parameters and state."""
for update in (gradient_descent, adam, adamw):
    optimizers.component(update.__name__, form="object")(as_object(update, np.zeros_like))

impl.vjp("gelu")(in_float32(gelu_vjp))
impl.vjp("log_softmax")(in_float32(log_softmax_vjp))
impl.vjp("relu")(in_float32(relu_vjp))
impl.vjp("rms_norm")(in_float32(rms_norm_vjp))
impl.vjp("silu")(in_float32(silu_vjp))
impl.vjp("swiglu")(in_float32(swiglu_vjp))
impl.vjp("feed_forward")(in_float32(feed_forward_vjp))
impl.vjp("layer_norm")(in_float32(layer_norm_vjp))
impl.vjp("multi_head_attention")(in_float32(multi_head_attention_vjp))
impl.vjp("rotary_positions")(in_float32(rotary_positions_vjp))
impl.vjp("rotary_attention")(in_float32(rotary_attention_vjp))
impl.vjp("decoder")(in_float32(decoder_vjp))
impl.vjp("decoder_layer")(in_float32(decoder_layer_vjp))
impl.vjp("transformer")(in_float32(transformer_vjp))
impl.vjp("language_model")(in_float32(language_model_vjp))
impl.vjp("encoder")(in_float32(encoder_vjp))
impl.vjp("encoder_layer")(in_float32(encoder_layer_vjp))
impl.vjp("softmax")(in_float32(softmax_vjp))
impl.vjp("attention")(in_float32(attention_vjp))
impl.vjp("learned_positions")(in_float32(learned_positions_vjp))
impl.vjp("embedding")(in_float32(embedding_vjp))
impl.vjp("residual")(in_float32(residual_vjp))
impl.vjp("apply_dropout")(in_float32(apply_dropout_vjp))
impl.vjp("dropout")(in_float32(dropout_vjp))
impl.vjp("cross_entropy")(in_float32(cross_entropy_vjp))


def versions() -> dict[str, str]:
    """What computes: package -> version."""
    return {"numpy": np.__version__, "scipy": scipy.__version__}


def devices() -> tuple[str, ...]:
    """The devices of this machine."""
    return ("cpu",)


def settings() -> Mapping[str, Setting]:
    """What all code of this framework shares, besides what is watched everywhere."""
    return {}


def seed(seed: int) -> None:
    """Seed the generator that all code of this framework draws from."""
    np.random.seed(seed)


def arithmetic(dtype: str) -> AbstractContextManager[None]:
    """The settings under which this dtype is computed: overflow and the like are answers, not warnings."""
    return np.errstate(all="ignore")


def switches(dtype: str, device: str) -> dict[str, str | int]:
    """Nothing is rounded that the dtype does not round."""
    return {}


def move_in(array: np.ndarray, device: str) -> np.ndarray:
    """The array itself."""
    return array


def move_out(native: np.ndarray | np.generic) -> np.ndarray:
    """A copy that nobody else holds."""
    return np.array(native)


def is_native(value: object) -> bool:
    """Is it an array of this framework?"""
    return isinstance(value, np.ndarray | np.generic)


def dtype_of(native: np.ndarray | np.generic) -> str:
    """The name of its dtype, "float32"."""
    return name_of(native.dtype)


@functools.cache
def name_of(dtype: np.dtype) -> str:
    """The name of a dtype: NumPy spells it anew each time."""
    return str(dtype)


def device_of(native: np.ndarray | np.generic) -> str:
    """Where it lies."""
    return "cpu"


def wait(tree: Tree) -> None:
    """Nothing runs in the background here."""


def plain(function: Callable[..., Any], arguments: tuple[Tree, ...], options: dict[str, Tree]) -> Tree:
    """The function's answer."""
    return function(*arguments, **options)


def gradients(
    function: Callable[..., Any], arguments: tuple[Tree, ...], options: dict[str, Tree], cotangent: Tree
) -> tuple[Tree, tuple[Tree, ...]]:
    """Gradients of NumPy code come from `@impl.vjp` alone."""
    raise NotImplementedError("NumPy code does not differentiate itself: offer @impl.vjp")
