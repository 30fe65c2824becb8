"""Laws: what must hold of every implementation, the search for an input where it does not, and the judge."""

from __future__ import annotations

import importlib
from types import ModuleType

from veriformer.properties import (
    averaging,
    backward,
    circumstances,
    corners,
    depth,
    dropped_weights,
    empty_batch,
    large_sizes,
    optimizer,
    special,
    visibility,
)
from veriformer.properties.law import Law, Subject
from veriformer.properties.settle import Inquiry
from veriformer.properties.universal import laws as universal_laws
from veriformer.spec import COMPONENTS
from veriformer.spec import OBJECTS as OBJECT_FORMS

MODULES: dict[str, ModuleType] = {name: importlib.import_module(f"veriformer.properties.{name}") for name in COMPONENTS}
SUBJECTS: dict[str, Subject] = {name: module.SUBJECT for name, module in MODULES.items()}
LAWS: dict[str, tuple[Law, ...]] = {
    name: (
        *universal_laws(SUBJECTS[name]),
        *backward.laws(SUBJECTS[name]),
        *circumstances.laws(SUBJECTS[name]),
        *empty_batch.laws(SUBJECTS[name]),
        *special.laws(SUBJECTS[name]),
        *getattr(module, "SHARED", ()),
        *(
            value
            for home in (module, averaging, visibility, dropped_weights, corners, depth)
            for value in vars(home).values()
            if isinstance(value, Law) and value.component == name and value.form == COMPONENTS[name].form
        ),
        *large_sizes.laws(SUBJECTS[name]),
    )
    for name, module in MODULES.items()
}
"""Component -> its laws, the universal ones first. Those of what attention averages, of what it sees and of
the weights that it drops have files of their own, and so have those of infinities, and of deep stacks.
SHARED: what two components state in the same words."""
OBJECTS: dict[str, Subject] = {name: MODULES[name].OBJECT for name in OBJECT_FORMS}
OBJECT_LAWS: dict[str, tuple[Law, ...]] = {
    name: (*universal_laws(subject), *optimizer.laws(subject)) for name, subject in OBJECTS.items()
}
"""The laws of the object form, of components that are functions of their own."""
INQUIRIES: tuple[Inquiry, ...] = tuple(inquiry for module in MODULES.values() for inquiry in module.INQUIRIES)
"""How silent conventions are found out."""


def laws_of(component: str) -> tuple[Law, ...]:
    """The laws of a component, in each form in which it may be offered."""
    return (*LAWS[component], *OBJECT_LAWS.get(component, ()))


def subject_of(component: str, form: str) -> Subject:
    """The sizes and draws of a component in one of its forms."""
    return SUBJECTS[component] if form == SUBJECTS[component].form else OBJECTS[component]
