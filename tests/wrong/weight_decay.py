"""Wrong weight decays: each breaks the law that it is named after."""

from __future__ import annotations

import numpy as np

from veriformer.impls.numpy.weight_decay import weight_decay

Named = dict[str, np.ndarray]


def agrees_with_the_spec(params: Named, *, lr: float, rate: float) -> Named:
    """As the derivative of rate p^2, not of rate p^2 / 2: twice as much."""
    return weight_decay(params, lr=lr, rate=2 * rate)


def moves_nothing_at_rate_zero(params: Named, *, lr: float, rate: float) -> Named:
    """A rate of 0 is taken for one that was not given, and the default comes in its place."""
    return weight_decay(params, lr=lr, rate=rate or 0.01)


def depends_on_lr_times_rate_alone(params: Named, *, lr: float, rate: float) -> Named:
    """The decay is by the rate alone."""
    return weight_decay(params, lr=1.0, rate=rate)


def is_homogeneous(params: Named, *, lr: float, rate: float) -> Named:
    """The decay of an L1 penalty: the sign of p, not p."""
    return {name: (p - lr * rate * np.sign(p)).astype(p.dtype) for name, p in params.items()}


def ignores_the_order_of_tensors(params: Named, *, lr: float, rate: float) -> Named:
    """The last array is left out, as if it were the bias."""
    *decayed, last = params
    return {**weight_decay({name: params[name] for name in decayed}, lr=lr, rate=rate), last: params[last].copy()}


def splitting_a_tensor_changes_nothing(params: Named, *, lr: float, rate: float) -> Named:
    """The rate is shared out over the arrays."""
    return weight_decay(params, lr=lr, rate=rate / len(params))
