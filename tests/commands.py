"""Commands: the command line, called in this process; and a plug-in that only it can refuse: no convention explains it."""

from __future__ import annotations

import pytest

from veriformer.cli import main

SEVENS = """
from veriformer import Implementation
import numpy as np
impl = Implementation("sevens")
@impl.component
def softmax(x, *, mask=None):
    x = x if mask is None else np.where(mask, x, -np.inf).astype(x.dtype)
    with np.errstate(all="ignore"):
        e = np.exp(x - x.max(-1, keepdims=True))
        p = e / e.sum(-1, keepdims=True)
    return p if mask is None else np.where(mask.any(-1, keepdims=True), p, x.dtype.type(7))
"""


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """The exit code of a command, and all that it printed."""
    with pytest.raises(SystemExit) as exited:
        main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return int(exited.value.code or 0), printed.out + printed.err
