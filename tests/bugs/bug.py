"""Bug: one defect that really happened in somebody's transformer code, re-created as an implementation to be judged.

    SM02 = Bug(
        "SM02", "softmax", "https://github.com/deeplearning4j/deeplearning4j/issues/6039",
        "Only the vector path subtracts the maximum; the general path exponentiates raw inputs.",
    )

    @SM02.in_numpy()
    def softmax(x, *, mask=None): ...

Each file of this folder holds the bugs of one component, in a tuple BUGS. What a file offers differs from honest code by the
bug and by nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from veriformer import Implementation

FOUND = "found"
DECLARED = "found under a declared convention"
ABSENT = "no such component here"
HONEST = "honest code may do the same"
FATES = (FOUND, DECLARED, ABSENT, HONEST)


@dataclass(frozen=True, eq=False)
class Bug:
    """One bug: its thread, its essence, and what the suite is expected to say.

    component: the component of ours that it is planted in. fate: see FATES. why: for ABSENT the signature that it would
    need, for HONEST the bound that shows it, for DECLARED what its repository documented.
    """

    id: str
    component: str
    url: str
    essence: str
    fate: str = FOUND
    why: str = ""
    implementation: Implementation | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """A fate that needs a reason has one."""
        assert self.fate in FATES
        assert self.why or self.fate == FOUND, f"{self.id}: {self.fate}, and why?"

    def in_numpy(self, **declared: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Offer the function below, which takes and returns NumPy arrays."""
        return self._in("numpy", declared)

    def in_torch(self, **declared: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Offer the function below, which takes and returns PyTorch tensors."""
        return self._in("torch", declared)

    def in_jax(self, **declared: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Offer the function below, which takes and returns JAX arrays."""
        return self._in("jax", declared)

    def vjp(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The gradient of what is offered, where NumPy code has one of its own."""
        assert self.implementation is not None
        return self.implementation.vjp(self.component)(function)

    def _in(self, backend: str, declared: dict[str, Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        implementation = Implementation(self.id, backend, dtypes=declared.pop("dtypes", ("float32", "float64")))
        object.__setattr__(self, "implementation", implementation)
        return implementation.component(self.component, **declared)
