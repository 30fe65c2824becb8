"""torch.optim as it is, one step from a given state: what an optimizer that keeps its state is as a function."""

from __future__ import annotations

from typing import Any

import torch

Named = dict[str, Any]


def stepped(
    kind: type[torch.optim.Optimizer], params: Named, grads: Named, state: Named, how: Named
) -> tuple[Named, Named]:
    """One step of an optimizer of torch.optim, from this state."""
    own = {name: torch.nn.Parameter(p.clone()) for name, p in params.items()}
    optimizer = kind(list(own.values()), **how)
    for name, p in own.items():
        p.grad = grads[name].clone()
        optimizer.state[p] = {
            "step": torch.tensor(float(state["step"])),
            "exp_avg": state["m"][name].clone(),
            "exp_avg_sq": state["v"][name].clone(),
        }
        if how.get("amsgrad"):
            optimizer.state[p]["max_exp_avg_sq"] = state["v_max"][name].clone()
    optimizer.step()
    kept = {name: optimizer.state[p] for name, p in own.items()}
    names = {"m": "exp_avg", "v": "exp_avg_sq"} | ({"v_max": "max_exp_avg_sq"} if how.get("amsgrad") else {})
    moments = {to: {name: one[of] for name, one in kept.items()} for to, of in names.items()}
    return {name: p.detach() for name, p in own.items()}, {"step": int(state["step"]) + 1, **moments}
