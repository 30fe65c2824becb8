"""Component: a formula with what must be said beside it. Each spec file declares one; `spec.COMPONENTS` collects them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from veriformer.spec.numbers import boundary
from veriformer.spec.slip import Part

Reader = Callable[[tuple[Any, ...], Any], Any]
"""From the plain arguments and the answer to what is read off; None where the answer does not show it."""
Scale = Callable[..., Any]
"""From the plain arguments and keywords to the size beyond a quarter of which a bound says nothing."""


@dataclass(frozen=True)
class Convention:
    """A choice that good libraries make differently.

    default: the value that the formula, the paper or our signature states; None where they are silent. who: value ->
    who chooses it.
    """

    name: str
    values: tuple[Any, ...]
    source: str
    who: Mapping[Any, str] = field(default_factory=dict)
    default: Any = None
    option: bool = False
    """It has the name of a keyword of the component: declaring it fixes the keyword, which is then not passed."""

    @property
    def silent(self) -> bool:
        """Nothing decides it: it is found out by asking."""
        return self.default is None


@dataclass(frozen=True)
class Honest:
    """An algorithm whose rounding errors the bound admits."""

    algorithm: str
    source: str


@dataclass(frozen=True, eq=False)
class Component(Part):
    """One row of the table of components: a part with a name, a source and laws of its own."""

    name: str
    source: str
    honest: tuple[Honest, ...]
    conventions: tuple[Convention, ...] = ()
    scale: Scale | None = None
    """None: the largest element of the array itself."""
    owned: tuple[str, ...] = ()
    """Arguments that belong to the object built from them, which may overwrite them."""
    from_answer: Mapping[str, Reader] = field(default_factory=dict)
    """Keyword -> how what the formula cannot know, such as a mask that was drawn, is read off an answer. The rest of the
    answer is judged given that."""
    shows: Callable[[tuple[Any, ...]], bool] | None = None
    """Does an answer to these arguments show all that a gradient depends on? An answer is what it is without; None: always."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """The formula; its result is a boundary, where `layer` rounds to the output's format."""
        return boundary(self.answer(*arguments, **options))

    @cached_property
    def signature(self) -> inspect.Signature:
        """The spec's signature, conventions included."""
        return inspect.signature(self.function)

    @cached_property
    def positional(self) -> tuple[str, ...]:
        """Names of the positional arguments."""
        return tuple(p.name for p in self.signature.parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD)

    @property
    def form(self) -> str:
        """ "object" for a component that keeps state: its formula is given the script that drives it."""
        return "object" if "script" in self.positional else "function"

    @property
    def offered(self) -> tuple[str, ...]:
        """The positional arguments that an implementation of it takes."""
        return tuple(name for name in self.positional if name != "script")

    @cached_property
    def options(self) -> dict[str, Any]:
        """Keyword -> default, without the conventions that are no options and what is read off an answer."""
        return {
            p.name: p.default
            for p in self.signature.parameters.values()
            if p.kind is p.KEYWORD_ONLY and not self.is_pure_convention(p.name) and p.name not in self.from_answer
        }

    def told_by(self, arguments: tuple[Any, ...], answer: Any) -> dict[str, Any]:
        """What the formula takes from an answer, as keywords."""
        read = {name: reader(arguments, answer) for name, reader in self.from_answer.items()}
        return {name: value for name, value in read.items() if value is not None}

    def convention(self, name: str) -> Convention | None:
        """The convention of this name."""
        return next((c for c in self.conventions if c.name == name), None)

    def is_pure_convention(self, name: str) -> bool:
        """A convention that an implementation has no keyword for (`variance`); `eps` is both."""
        return any(c.name == name and not c.option for c in self.conventions)


def component(
    *,
    source: str,
    honest: tuple[Honest, ...],
    conventions: tuple[Convention, ...] = (),
    scale: Scale | None = None,
    from_answer: Mapping[str, Reader] | None = None,
    shows: Callable[[tuple[Any, ...]], bool] | None = None,
) -> Callable[[Callable[..., Any]], Component]:
    """Declare the function below as a component of its own name."""

    def declare(function: Callable[..., Any]) -> Component:
        about = (function.__name__, source, honest, conventions, scale)
        return Component(function, *about, from_answer=from_answer or {}, shows=shows)

    return declare


def require(condition: bool, message: str) -> None:
    """The domain of a formula: ValueError with the message outside it."""
    if not condition:
        raise ValueError(message)


def largest(values: Any) -> float:
    """The largest finite magnitude of an array, 0 where there is none."""
    sizes = np.abs(np.asarray(values, dtype=np.float64))
    top = float(sizes.max(initial=0.0))
    return top if np.isfinite(top) else float(np.max(sizes, where=np.isfinite(sizes), initial=0.0))
