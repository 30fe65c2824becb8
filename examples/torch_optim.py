"""torch.optim as it is: optimizers with `step`, declared form="object". `veriformer check examples/torch_optim.py`

The suite builds an object from parameters, gives it the gradients of a few steps, and compares the parameters after each of
them with the formula's. Every object has parameters of its own, and may update them in place.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from veriformer import Implementation

impl = Implementation("torch.optim", backend="torch")
foreach = Implementation("torch.optim (foreach)", backend="torch")


class Stepped:
    """An optimizer of torch that is handed its gradients by name."""

    def __init__(self, params: dict[str, Tensor], make: Any, **options: Any) -> None:
        self.params = {name: p.clone().requires_grad_() for name, p in params.items()}
        self.optimizer = make(self.params.values(), **options)

    def step(self, grads: dict[str, Tensor]) -> dict[str, Tensor]:
        for name, p in self.params.items():
            p.grad = grads[name]
        self.optimizer.step()
        return {name: p.detach() for name, p in self.params.items()}

    def state_dict(self) -> dict[str, Any]:
        return self.optimizer.state_dict()

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        self.optimizer.load_state_dict(saved)


def offer(to: Implementation, **how: bool) -> None:
    """Adam, AdamW and SGD. Defaults are the suite's where torch's are others: beta_2 0.98 for 0.999, eps 1e-9 for 1e-8, and no
    decay for AdamW's 0.01."""

    class Adam(Stepped):
        make: Any = torch.optim.Adam

        def __init__(
            self,
            params: dict[str, Tensor],
            *,
            lr: float,
            beta_1: float = 0.9,
            beta_2: float = 0.98,
            eps: float = 1e-9,
            weight_decay: float = 0.0,
            maximize: bool = False,
        ) -> None:
            options = {
                "lr": lr,
                "betas": (beta_1, beta_2),
                "eps": eps,
                "weight_decay": weight_decay,
                "maximize": maximize,
            }
            super().__init__(params, self.make, **options, **how)

    class AdamW(Adam):
        make = torch.optim.AdamW

    class SGD(Stepped):
        def __init__(self, params: dict[str, Tensor], *, lr: float) -> None:
            super().__init__(params, torch.optim.SGD, lr=lr, **how)

    to.component("adam", form="object")(Adam)
    to.component("adamw", form="object")(AdamW)
    to.component("gradient_descent", form="object")(SGD)


offer(impl)
offer(foreach, foreach=True)
