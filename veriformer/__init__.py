"""veriformer: is your Transformer component right, what does it cost, how does it compare?"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from veriformer.impls.protocol import Implementation as Implementation
    from veriformer.outputs import allowed_error as allowed_error
    from veriformer.outputs import check_output as check_output
    from veriformer.record import load as load

HOMES = {
    "Implementation": "veriformer.impls.protocol",
    "check_output": "veriformer.outputs",
    "allowed_error": "veriformer.outputs",
    "load": "veriformer.record",
}
"""The public names and where they live; each is imported when it is first used."""

__all__ = ["Implementation", "allowed_error", "check_output", "load"]


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module 'veriformer' has no attribute {name!r}")
    return getattr(importlib.import_module(HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
