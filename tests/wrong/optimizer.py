"""Wrong optimizers: each makes, of an honest class, one whose objects break the law that it is named after."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.impls.optimizer import Optimizer

Named = dict[str, np.ndarray]
Class = type[Optimizer]


def agrees_with_the_spec(honest: Class) -> Class:
    """The parameters are moved by the gradients of the step before."""

    class Late(honest):  # type: ignore[valid-type, misc]
        before: Named | None = None

        def step(self, grads: Named) -> Named:
            late, self.before = self.before or grads, grads
            return super().step(late)

    return Late


def a_second_call_after_other_shapes_answers_the_same(honest: Class) -> Class:
    """The learning rate becomes smaller with each object that is built, as if a schedule were shared."""
    built = iter(range(10**9))

    class Scheduled(honest):  # type: ignore[valid-type, misc]
        def __init__(self, params: Named, *, lr: float, **options: Any) -> None:
            super().__init__(params, lr=lr / (1 + next(built)), **options)

    return Scheduled


def resuming_is_not_stopping(honest: Class) -> Class:
    """What is loaded makes the next step half as long: a warm-up begins again."""

    class WarmingUp(honest):  # type: ignore[valid-type, misc]
        loaded = False

        def load_state_dict(self, saved: dict[str, Any]) -> None:
            super().load_state_dict(saved)
            self.loaded = True

        def step(self, grads: Named) -> Named:
            before, after = self.params, super().step(grads)
            if self.loaded:
                after = {name: ((p + before[name]) / 2).astype(p.dtype) for name, p in after.items()}
            self.params, self.loaded = after, False
            return after

    return WarmingUp


def two_optimizers_by_turns_do_not_see_each_other(honest: Class) -> Class:
    """Every object goes on from the parameters that any of them has reached."""

    class Shared(honest):  # type: ignore[valid-type, misc]
        reached: Named | None = None

        def __init__(self, params: Named, **options: Any) -> None:
            super().__init__(params, **options)
            Shared.reached = self.params

        def step(self, grads: Named) -> Named:
            self.params = Shared.reached if Shared.reached is not None else self.params
            Shared.reached = super().step(grads)
            return Shared.reached

    return Shared


def ignores_the_order_of_tensors(honest: Class) -> Class:
    """Gradients are taken one after the other, whatever their names, where the shapes allow it."""

    class ByPosition(honest):  # type: ignore[valid-type, misc]
        def step(self, grads: Named) -> Named:
            if [p.shape for p in self.params.values()] == [g.shape for g in grads.values()]:
                grads = dict(zip(self.params, grads.values(), strict=True))
            return super().step(grads)

    return ByPosition


def splitting_a_tensor_changes_nothing(honest: Class) -> Class:
    """The rate is divided by the number of arrays."""

    class Shared(honest):  # type: ignore[valid-type, misc]
        def __init__(self, params: Named, *, lr: float, **options: Any) -> None:
            super().__init__(params, lr=lr / len(params), **options)

    return Shared


def the_last_of_many_steps_is_the_formulas(honest: Class) -> Class:
    """After 256 steps it stands still."""

    class Tired(honest):  # type: ignore[valid-type, misc]
        done = 0

        def step(self, grads: Named) -> Named:
            self.done += 1
            return super().step(grads) if self.done <= 256 else self.params

    return Tired


def idle_steps_are_counted(honest: Class) -> Class:
    """A step in which all gradients are 0 is no step."""

    class Skipping(honest):  # type: ignore[valid-type, misc]
        def step(self, grads: Named) -> Named:
            return super().step(grads) if any(g.any() for g in grads.values()) else self.params

    return Skipping
