"""Laws: what must hold of every implementation, the search for an input where it does not, and the judge."""

from __future__ import annotations

import importlib
from types import ModuleType

from veriformer.properties import backward, corners, empty_batch, special, visibility
from veriformer.properties.law import Law, Subject
from veriformer.properties.settle import Inquiry
from veriformer.properties.universal import laws as universal_laws
from veriformer.spec import COMPONENTS

MODULES: dict[str, ModuleType] = {name: importlib.import_module(f"veriformer.properties.{name}") for name in COMPONENTS}
SUBJECTS: dict[str, Subject] = {name: module.SUBJECT for name, module in MODULES.items()}
LAWS: dict[str, tuple[Law, ...]] = {
    name: (
        *universal_laws(SUBJECTS[name]),
        *backward.laws(SUBJECTS[name]),
        *empty_batch.laws(SUBJECTS[name]),
        *special.laws(SUBJECTS[name]),
        *(
            value
            for home in (module, visibility, corners)
            for value in vars(home).values()
            if isinstance(value, Law) and value.component == name
        ),
    )
    for name, module in MODULES.items()
}
"""Component -> its laws, the universal ones first. Those of what attention sees have a file of their own, as in the spec,
and those of infinities."""
INQUIRIES: tuple[Inquiry, ...] = tuple(inquiry for module in MODULES.values() for inquiry in module.INQUIRIES)
"""How silent conventions are found out."""
