"""Wrong dropouts: each breaks the law that it is named after."""

from __future__ import annotations

import os

import numpy as np

from veriformer.impls.numpy.apply_dropout import apply_dropout
from veriformer.impls.numpy.dropout import drawn, dropout

Array = np.ndarray


def _with(x: Array, keep: Array, rate: float, training: bool) -> Array:
    """Dropout by a mask of this shape, or one that is broadcast to it."""
    return apply_dropout(x, np.broadcast_to(keep, x.shape), rate) if training else x.copy()


def agrees_with_the_spec(x: Array, rate: float, seed: int, *, training: bool = True) -> Array:
    """What is kept is not enlarged."""
    return np.where(drawn(x.shape, rate, seed), x, 0) if training else x.copy()


def gradients_agree_with_the_spec_vjp(
    cotangent: Array, x: Array, rate: float, seed: int, *, training: bool = True
) -> tuple[Array]:
    """Another mask is drawn on the way back."""
    return (dropout(cotangent, rate, seed + 1, training=training),)


def leaves_the_world_as_it_found_it(x: Array, rate: float, seed: int, *, training: bool = True) -> Array:
    """The seed is left behind in the environment; a generator of everybody may be drawn from by who takes a seed."""
    os.environ["DROPOUT_SEED"] = str(seed)
    return dropout(x, rate, seed, training=training)


def outside_training_it_is_the_identity(x: Array, rate: float, seed: int, *, training: bool = True) -> Array:
    """Made smaller in use, as if it had not been enlarged in training."""
    return dropout(x, rate, seed) if training else x * x.dtype.type(1 - rate)


def rate_zero_is_the_identity(x: Array, rate: float, seed: int, *, training: bool = True) -> Array:
    """`if not rate` means the default."""
    return dropout(x, rate or 0.1, seed, training=training)


def rate_one_gives_zeros(x: Array, rate: float, seed: int, *, training: bool = True) -> Array:
    """0 times infinity."""
    keep = drawn(x.shape, rate, seed)
    return keep * (x / x.dtype.type(1 - rate)) if training else x.copy()


def the_mask_does_not_depend_on_the_numbers(x: Array, rate: float, seed: int, *, training: bool = True) -> Array:
    """The bytes of x are mixed into the seed."""
    return dropout(x, rate, seed + int.from_bytes(x.tobytes()[:4], "little") % 97, training=training)


def the_gradient_goes_through_the_same_mask_vjp(
    cotangent: Array, x: Array, rate: float, seed: int, *, training: bool = True
) -> tuple[Array]:
    """A generator that goes on where the forward pass left it."""
    generator = np.random.default_rng(seed)
    generator.random(x.shape)
    return (_with(cotangent, generator.random(x.shape) >= rate, rate, training),)


def keeps_at_the_stated_rate(x: Array, rate: float, seed: int, *, training: bool = True) -> Array:
    """Drops 0.12 where 0.1 is asked for, and enlarges by 1 / 0.9."""
    return _with(x, drawn(x.shape, 0.12 if rate == 0.1 else rate, seed), rate, training)


def preserves_the_mean(x: Array, rate: float, seed: int, *, training: bool = True) -> Array:
    """What is kept is not enlarged."""
    return agrees_with_the_spec(x, rate, seed, training=training)


def positions_are_drawn_independently(x: Array, rate: float, seed: int, *, training: bool = True) -> Array:
    """Whole rows are dropped."""
    return _with(x, drawn((*x.shape[:-1], 1), rate, seed), rate, training)


def heads_are_drawn_independently(x: Array, rate: float, seed: int, *, training: bool = True) -> Array:
    """One mask for all heads."""
    shape = x.shape if x.ndim < 2 else (*x.shape[:-2], 1, x.shape[-1])
    return _with(x, drawn(shape, rate, seed), rate, training)


def examples_are_drawn_independently(x: Array, rate: float, seed: int, *, training: bool = True) -> Array:
    """One mask for the whole batch."""
    shape = x.shape if x.ndim < 3 else (1, *x.shape[1:])
    return _with(x, drawn(shape, rate, seed), rate, training)


def seeds_draw_independently(x: Array, rate: float, seed: int, *, training: bool = True) -> Array:
    """The last bits of the seed are lost."""
    return dropout(x, rate, seed // 16, training=training)


def no_stretch_of_the_masks_repeats(x: Array, rate: float, seed: int, *, training: bool = True) -> Array:
    """A table of 3,001 numbers, read again and again."""
    table = drawn((3001,), rate, seed)
    return _with(x, table[np.arange(x.size) % table.size].reshape(x.shape), rate, training)


def seeds_that_differ_in_one_bit_draw_independently(
    x: Array, rate: float, seed: int, *, training: bool = True
) -> Array:
    """A seed of 16 bits."""
    return dropout(x, rate, seed % 2**16, training=training)
