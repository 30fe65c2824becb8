"""The mathematics: every component as an executable formula, over any number system."""

from veriformer.spec.attention import attention
from veriformer.spec.component import Component as Component
from veriformer.spec.component import Convention as Convention
from veriformer.spec.component import Honest as Honest
from veriformer.spec.decoder import decoder
from veriformer.spec.decoder_layer import decoder_layer
from veriformer.spec.embedding import embedding
from veriformer.spec.encoder import encoder
from veriformer.spec.encoder_layer import encoder_layer
from veriformer.spec.feed_forward import feed_forward
from veriformer.spec.language_model import language_model
from veriformer.spec.layer_norm import layer_norm
from veriformer.spec.learned_positions import learned_positions
from veriformer.spec.multi_head_attention import multi_head_attention
from veriformer.spec.residual import residual
from veriformer.spec.sinusoidal_positions import sinusoidal_positions
from veriformer.spec.softmax import softmax
from veriformer.spec.transformer import transformer

COMPONENTS: dict[str, Component] = {
    component.name: component
    for component in (
        softmax,
        attention,
        multi_head_attention,
        sinusoidal_positions,
        learned_positions,
        embedding,
        feed_forward,
        residual,
        layer_norm,
        encoder_layer,
        encoder,
        decoder_layer,
        decoder,
        transformer,
        language_model,
    )
}
"""Every component by name, from the smallest to the stacks."""
