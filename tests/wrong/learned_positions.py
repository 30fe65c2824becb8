"""Wrong learned positions: each breaks the law that it is named after."""

from __future__ import annotations

import numpy as np

from veriformer.impls.numpy.learned_positions import learned_positions_vjp

Array = np.ndarray


def agrees_with_the_spec(length: int, table: Array) -> Array:
    """The first two rows are reserved, as in BART: positions start at row 2."""
    return np.take(table, np.arange(length) + 2, axis=0, mode="wrap")


def gradients_agree_with_the_spec_vjp(cotangent: Array, length: int, table: Array) -> tuple[Array]:
    """The sign of a descent step is already in it."""
    return (-learned_positions_vjp(cotangent, length, table)[0],)


def each_row_is_a_row_of_the_table(length: int, table: Array) -> Array:
    """The rows are normalised on the way."""
    rows = table[:length].astype(np.float64)
    lengths = np.sqrt(np.sum(rows * rows, axis=-1, keepdims=True))
    return (rows / np.where(lengths == 0, 1, lengths)).astype(table.dtype)


def the_gradient_scatters_back_vjp(cotangent: Array, length: int, table: Array) -> tuple[Array]:
    """Rows that were not used get the gradient of the last one."""
    return (np.take(cotangent, np.minimum(np.arange(len(table)), length - 1), axis=0),)
