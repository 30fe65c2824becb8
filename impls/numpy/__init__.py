"""Our NumPy implementation, and the backend for all code that takes and returns NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable
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
from veriformer.impls.numpy.embedding import embedding, embedding_vjp
from veriformer.impls.numpy.encoder import encoder, encoder_vjp
from veriformer.impls.numpy.encoder_layer import encoder_layer, encoder_layer_vjp
from veriformer.impls.numpy.feed_forward import feed_forward, feed_forward_vjp
from veriformer.impls.numpy.gelu import gelu, gelu_vjp
from veriformer.impls.numpy.gradient_accumulation import gradient_accumulation
from veriformer.impls.numpy.gradient_descent import gradient_descent
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
from veriformer.impls.numpy.transformer import transformer, transformer_vjp
from veriformer.impls.numpy.warmup_schedule import warmup_schedule
from veriformer.impls.numpy.weight_decay import weight_decay
from veriformer.impls.protocol import Implementation, Tree

impl = Implementation("numpy", backend="numpy")

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
impl.component(clip_by_global_norm)
impl.component(adam)
impl.component(adamw)
impl.component("cross_entropy", all_ignored="zero", impossible_class="ignored")(cross_entropy)

impl.vjp("gelu")(gelu_vjp)
impl.vjp("log_softmax")(log_softmax_vjp)
impl.vjp("relu")(relu_vjp)
impl.vjp("rms_norm")(rms_norm_vjp)
impl.vjp("silu")(silu_vjp)
impl.vjp("swiglu")(swiglu_vjp)
impl.vjp("feed_forward")(feed_forward_vjp)
impl.vjp("layer_norm")(layer_norm_vjp)
impl.vjp("multi_head_attention")(multi_head_attention_vjp)
impl.vjp("rotary_positions")(rotary_positions_vjp)
impl.vjp("rotary_attention")(rotary_attention_vjp)
impl.vjp("decoder")(decoder_vjp)
impl.vjp("decoder_layer")(decoder_layer_vjp)
impl.vjp("transformer")(transformer_vjp)
impl.vjp("language_model")(language_model_vjp)
impl.vjp("encoder")(encoder_vjp)
impl.vjp("encoder_layer")(encoder_layer_vjp)
impl.vjp("softmax")(softmax_vjp)
impl.vjp("attention")(attention_vjp)
impl.vjp("learned_positions")(learned_positions_vjp)
impl.vjp("embedding")(embedding_vjp)
impl.vjp("residual")(residual_vjp)
impl.vjp("apply_dropout")(apply_dropout_vjp)
impl.vjp("cross_entropy")(cross_entropy_vjp)


def versions() -> dict[str, str]:
    """What computes: package -> version."""
    return {"numpy": np.__version__, "scipy": scipy.__version__}


def devices() -> tuple[str, ...]:
    """The devices of this machine."""
    return ("cpu",)


def arithmetic(dtype: str) -> AbstractContextManager[None]:
    """The settings under which this dtype is computed: overflow and the like are answers, not warnings."""
    return np.errstate(all="ignore")


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
    return str(native.dtype)


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
