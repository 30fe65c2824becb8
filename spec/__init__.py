"""The mathematics: every component as an executable formula, over any number system."""

import importlib

from veriformer.spec.adam import adam
from veriformer.spec.adamw import adamw
from veriformer.spec.alibi import alibi
from veriformer.spec.apply_dropout import apply_dropout
from veriformer.spec.attention import attention
from veriformer.spec.cached_attention import cached_attention
from veriformer.spec.clip_by_global_norm import clip_by_global_norm
from veriformer.spec.component import Component as Component
from veriformer.spec.component import Convention as Convention
from veriformer.spec.component import Honest as Honest
from veriformer.spec.cross_entropy import cross_entropy
from veriformer.spec.decoder import decoder
from veriformer.spec.decoder_layer import decoder_layer
from veriformer.spec.dropout import dropout
from veriformer.spec.embedding import embedding
from veriformer.spec.encoder import encoder
from veriformer.spec.encoder_layer import encoder_layer
from veriformer.spec.feed_forward import feed_forward
from veriformer.spec.gelu import gelu
from veriformer.spec.gradient_accumulation import gradient_accumulation
from veriformer.spec.gradient_descent import gradient_descent
from veriformer.spec.language_model import language_model
from veriformer.spec.layer_norm import layer_norm
from veriformer.spec.learned_positions import learned_positions
from veriformer.spec.linear_schedule import linear_schedule
from veriformer.spec.log_softmax import log_softmax
from veriformer.spec.multi_head_attention import multi_head_attention
from veriformer.spec.optimizer import as_object
from veriformer.spec.relu import relu
from veriformer.spec.residual import residual
from veriformer.spec.rms_norm import rms_norm
from veriformer.spec.rotary_attention import rotary_attention
from veriformer.spec.rotary_positions import rotary_positions
from veriformer.spec.silu import silu
from veriformer.spec.sinusoidal_positions import sinusoidal_positions
from veriformer.spec.slip import Slip as Slip
from veriformer.spec.slip import made as made
from veriformer.spec.slip import met_by as met_by
from veriformer.spec.slip import times_made as times_made
from veriformer.spec.softmax import softmax
from veriformer.spec.swiglu import swiglu
from veriformer.spec.training_step import training_step
from veriformer.spec.transformer import transformer
from veriformer.spec.warmup_schedule import warmup_schedule
from veriformer.spec.weight_decay import weight_decay

COMPONENTS: dict[str, Component] = {
    component.name: component
    for component in (
        softmax,
        log_softmax,
        apply_dropout,
        dropout,
        attention,
        multi_head_attention,
        cached_attention,
        sinusoidal_positions,
        learned_positions,
        rotary_positions,
        rotary_attention,
        alibi,
        embedding,
        relu,
        gelu,
        silu,
        feed_forward,
        swiglu,
        residual,
        layer_norm,
        rms_norm,
        encoder_layer,
        encoder,
        decoder_layer,
        decoder,
        transformer,
        language_model,
        warmup_schedule,
        linear_schedule,
        weight_decay,
        gradient_descent,
        gradient_accumulation,
        clip_by_global_norm,
        adam,
        adamw,
        cross_entropy,
        training_step,
    )
}
"""Every component by name, from the smallest to the stacks."""

OBJECTS: dict[str, Component] = {update.name: as_object(update) for update in (gradient_descent, adam, adamw)}
"""The components that are functions, and may be offered as objects too."""


def forms_of(name: str) -> tuple[str, ...]:
    """The forms in which a component may be offered, its own first."""
    own = COMPONENTS[name].form
    return (own, "object") if name in OBJECTS else (own,)


def in_form(name: str, form: str) -> Component:
    """The component in one of its forms."""
    return COMPONENTS[name] if form == COMPONENTS[name].form else OBJECTS[name]


SLIPS: tuple[Slip, ...] = tuple(
    value
    for name in (*COMPONENTS, "visibility")
    for value in vars(importlib.import_module(f"veriformer.spec.{name}")).values()
    if isinstance(value, Slip)
)
"""Every slip, each declared beside the part that it replaces."""
