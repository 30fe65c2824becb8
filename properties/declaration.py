"""Declaration: is what an implementation declares something that can be judged? Every fault names the culprit."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Any

from veriformer.impls.protocol import Implementation, Offer
from veriformer.properties import subject_of
from veriformer.spec import COMPONENTS, Component, Convention, forms_of, in_form

FORMS = {"object": ", a class whose objects keep the state", "function": ""}
"""What is wanted, in words."""


def faults(implementation: Implementation) -> dict[str, str]:
    """Component -> what is wrong with its declaration; "" stands for the implementation as a whole."""
    found: dict[str, str] = {}
    if not implementation.offers:
        found[""] = f"{implementation.name} offers no component; decorate one with @impl.component"
    for name, offer in implementation.offers.items():
        said = next(iter(wrong_with(implementation, offer)), "")
        if said:
            found[name] = said
    for name in implementation.pullbacks.keys() - implementation.offers.keys():
        found[name] = (
            f'@impl.vjp("{name}") in {implementation.name}: no component of this name is offered'
            f"{near(name, implementation.offers)}"
        )
    return found


def wrong_with(implementation: Implementation, offer: Offer) -> Iterator[str]:
    """The faults of one component's declaration, the most basic first."""
    spec = COMPONENTS.get(offer.component)
    if spec is None:
        known = ", ".join(COMPONENTS)
        meant = near(offer.component, COMPONENTS)
        yield f"{implementation.name} offers {offer.component!r}, which is no component{meant} (known: {known})"
        return
    for name, value in offer.conventions.items():
        yield from wrong_convention(spec, name, value)
    if offer.form not in forms_of(offer.component):
        yield f'{offer.component} is declared form="{offer.form}"; wanted: form="{spec.form}"{FORMS[spec.form]}'
        return
    rows = subject_of(offer.component, offer.form).rows
    sizes = {size for row in rows for size, value in row.items() if type(value) is int}
    for size in offer.only.keys() - sizes:
        yield f"{offer.component}: only={{{size!r}: ...}} names no size{near(size, sizes)} (sizes: {', '.join(sorted(sizes))})"
    spec = in_form(offer.component, offer.form)
    surplus = [name for name in offer.positional if name not in (*spec.positional, *spec.options)]
    if len(offer.positional) < len(spec.offered) and not takes_the_rest(offer, spec):
        yield f"{offer.component} takes {call(offer.positional)}; wanted: {offer.component}{spec_call(spec)}"
    elif len(offer.positional) > len(spec.offered) and surplus:
        wanted = f"{offer.component}{spec_call(spec)}"
        yield f"{offer.component} needs an argument {surplus[0]!r} that the component does not have; wanted: {wanted}"
    for name, default in spec.options.items():
        if default is spec.signature.empty and not offer.takes(name):
            yield f"{offer.component} must take the keyword {name!r}; wanted: {offer.component}{spec_call(spec)}"


def takes_the_rest(offer: Offer, spec: Component) -> bool:
    """A function with *args or defaults may take more than its required parameters."""
    return offer.keywords is None or all(offer.takes(name) for name in spec.offered[len(offer.positional) :])


def wrong_convention(spec: Component, name: str, value: Any) -> Iterator[str]:
    """A convention that the component does not have, or a value that it cannot have."""
    convention = spec.convention(name)
    names = [c.name for c in spec.conventions]
    if convention is None:
        listed = ", ".join(names) or "none"
        yield f"{spec.name} has no convention {name!r}{near(name, names)} (its conventions: {listed})"
    elif not admits(convention, value):
        listed = ", ".join(map(repr, convention.values))
        yield f"{spec.name}: {name}={value!r} is not among the values of this convention: {listed}"


def admits(convention: Convention, value: Any) -> bool:
    """Conventions that are numbers admit any number."""
    if isinstance(convention.default, float):
        return isinstance(value, int | float)
    return value in convention.values


def near(word: str, known: Iterable[str]) -> str:
    """The known word that may have been meant."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def call(names: Iterable[str]) -> str:
    """Argument names as in a signature."""
    return f"({', '.join(names)})"


def spec_call(spec: Component) -> str:
    """The component's signature as a plug-in would write it."""
    keywords = [
        name if default is spec.signature.empty else f"{name}={default!r}" for name, default in spec.options.items()
    ]
    return call([*spec.offered, *(["*", *keywords] if keywords else [])])
