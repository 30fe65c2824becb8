"""Lemma: a sharper bound for a whole component than its formula, operation by operation, would give.

Operation by operation, softmax as exp(x) / sum exp(x) overflows and its bound explodes; the honest algorithm shifts by
the maximum first. A lemma states, with its proof, how far every honest algorithm of the component may land. Balls and
plain floats always run the formula itself: the truth knows no lemma.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from veriformer.spec.numbers.bounded import Bounded
from veriformer.spec.numbers.tape import Tape, unbroadcast

Formula = Callable[..., Any]


def bounded_by(forward: Formula, backward: Formula | None = None) -> Callable[[Formula], Formula]:
    """Bounded numbers take the lemma, everything else the formula below the decorator.

    forward(*arguments, **options) -> Bounded. backward(cotangent, *arguments, **options) -> one Bounded per positional
    argument; without it, derivatives are bounded through the formula, operation by operation.
    """

    def decorate(formula: Formula) -> Formula:
        @functools.wraps(formula)
        def dispatch(*arguments: Any, **options: Any) -> Any:
            if any(isinstance(a, Bounded) for a in arguments):
                return forward(*arguments, **options)
            if backward is not None and any(isinstance(a, Tape) and isinstance(a.value, Bounded) for a in arguments):
                return recorded(forward, backward, arguments, options)
            return formula(*arguments, **options)

        dispatch.formula = formula  # type: ignore[attr-defined]
        return dispatch

    return decorate


def recorded(forward: Formula, backward: Formula, arguments: tuple[Any, ...], options: dict[str, Any]) -> Tape:
    """One node of the tape for the whole component."""
    values = [a.value if isinstance(a, Tape) else a for a in arguments]
    plain = {name: o.value if isinstance(o, Tape) else o for name, o in options.items()}
    flows: dict[int, Any] = {}

    def back_to(index: int) -> Callable[[Any], Any]:
        def back(g: Any) -> Any:
            if id(g) not in flows:
                flows.clear()
                flows[id(g)] = (g, backward(g, *values, **plain))
            return unbroadcast(flows[id(g)][1][index], arguments[index].shape)

        return back

    return Tape(forward(*values, **plain), [(a, back_to(index)) for index, a in enumerate(arguments)])
