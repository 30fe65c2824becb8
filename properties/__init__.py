"""Laws: what must hold of every implementation, the search for an input where it does not, and the judge."""

from __future__ import annotations

import importlib
from types import ModuleType

from veriformer.properties.law import Law, Subject
from veriformer.properties.settle import Inquiry
from veriformer.properties.universal import laws as universal_laws
from veriformer.spec import COMPONENTS

MODULES: dict[str, ModuleType] = {name: importlib.import_module(f"veriformer.properties.{name}") for name in COMPONENTS}
SUBJECTS: dict[str, Subject] = {name: module.SUBJECT for name, module in MODULES.items()}
LAWS: dict[str, tuple[Law, ...]] = {
    name: (
        *universal_laws(SUBJECTS[name]),
        *(v for v in vars(module).values() if isinstance(v, Law) and v.component == name),
    )
    for name, module in MODULES.items()
}
"""Component -> its laws, the universal ones first."""
INQUIRIES: tuple[Inquiry, ...] = tuple(inquiry for module in MODULES.values() for inquiry in module.INQUIRIES)
"""How silent conventions are found out."""
