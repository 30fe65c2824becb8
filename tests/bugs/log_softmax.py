"""Real bugs of log_softmax, re-created."""

from __future__ import annotations

import numpy as np

from tests.bugs.bug import HONEST, Bug

SM08 = Bug(
    "SM08",
    "log_softmax",
    "https://github.com/ml-explore/mlx/pull/4169",
    "x - logsumexp(x): the logarithm of the sum is absorbed by a large maximum before that is subtracted.",
    HONEST,
    "x - logsumexp(x) is on the list of honest algorithms (torch.distributions, the converter of coremltools). It is exact at "
    "logits rounded once more: the bound has the term u |max|, which at 1e8 in float32 is beyond log 2.",
)


@SM08.in_numpy()
def log_softmax(x: np.ndarray) -> np.ndarray:
    top = x.max(-1, keepdims=True)
    return x - (top + np.log(np.exp(x - top).sum(-1, keepdims=True)))


BUGS = (SM08,)
