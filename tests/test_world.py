"""The world: what a call changes of what everybody shares is seen and named; what merely happens once is nobody's fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from veriformer.impls.discover import find
from veriformer.properties import LAWS
from veriformer.properties.judge import judge
from veriformer.properties.menu import Budget
from veriformer.properties.settle import Settled
from veriformer.record import Record, Verdict

LAW = next(law for law in LAWS["residual"] if law.name == "leaves_the_world_as_it_found_it")
PLUG_IN = """
import concurrent.futures, os, random, threading, time, warnings
import numpy as np
from veriformer import Implementation
{imports}
impl = Implementation("mine", backend="{backend}")
own, pool, seen = random.Random(0), concurrent.futures.ThreadPoolExecutor(1), []
@impl.component
def residual(x, sublayer_output):
    {does}
    return x + sublayer_output
"""

CHANGES = {
    "np.random.seed(0)": "the generator of numpy.random",
    "np.random.random()": "the generator of numpy.random",
    "random.random()": "the generator of Python's random",
    "os.environ['SOME_SWITCH'] = '1'": "the environment: SOME_SWITCH (was None, is '1')",
    "os.environ.pop('HOME', None)": "the environment: HOME (was ",
    "warnings.simplefilter('error')": "the filters for warnings",
    "np.seterr(divide='raise')": "numpy.seterr: divide (was 'ignore', is 'raise')",
    "os.chdir('/')": "the working directory (was ",
    "threading.Thread(target=time.sleep, args=(30,), daemon=True).start()": "a thread left running (Thread-N (sleep))",
}
OF_TORCH = {
    "torch.manual_seed(0)": "the generator of torch",
    "torch.rand(())": "the generator of torch",
    "torch.set_default_dtype(torch.float64)": "torch's default dtype (was torch.float32, is torch.float64)",
    "torch.set_grad_enabled(True)": "torch's grad mode (was False, is True)",
    "torch.set_num_threads(torch.get_num_threads() + 1)": "torch's number of threads",
    "torch.set_default_device('meta')": "torch's default device (was cpu, is meta)",
    "torch.set_float32_matmul_precision('medium')": "torch's precision of float32 products (was highest, is medium)",
}
OF_JAX = {
    "jax.config.update('jax_numpy_rank_promotion', 'raise')": "jax_numpy_rank_promotion (was allow, is raise)",
    "jax.config.update('jax_default_matmul_precision', 'bfloat16')": "jax_default_matmul_precision (was None",
}
"""A statement, and what is said of it."""

HONEST = (
    "own.random(); np.random.default_rng(0).random()",
    "pool.submit(len, ()).result()",
    "threading.Thread(target=len, args=((),)).start()",
    "import wsgiref.handlers, xml.dom.pulldom",
    "seen.append(1); np.seterr(divide='raise') if len(seen) == 1 else None",
    "ctx = np.errstate(all='raise'); ctx.__enter__(); ctx.__exit__(None, None, None)",
    "there = os.getcwd(); os.chdir('/'); os.chdir(there)",
    "state = np.random.get_state(); np.random.seed(0); np.random.set_state(state)",
)
"""Nothing is left behind, or at the first call alone."""


def judged(folder: Path, does: str, backend: str = "numpy") -> Record:
    """What the law says of an honest sum that does this first."""
    target = folder / "plug_in.py"
    imports = "" if backend == "numpy" else f"import {backend}"
    target.write_text(PLUG_IN.format(does=does, backend=backend, imports=imports))
    (found,) = find(str(target))
    return judge(LAW, found.open("float32", "cpu"), Budget(0, quick=True), settled=Settled())


@pytest.mark.parametrize(("does", "said"), CHANGES.items())
def test_change_of_the_world_is_named_and_put_back(does: str, said: str, tmp_path: Path) -> None:
    record = judged(tmp_path, does)
    assert record.verdict is Verdict.BROKEN
    assert f"changed in the world: got {said}" in record.message
    assert judged(tmp_path, "pass").verdict is Verdict.HELD


@pytest.mark.parametrize(("does", "said"), OF_TORCH.items())
def test_change_of_torch_is_named(does: str, said: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    record = judged(tmp_path, does, "torch")
    assert record.verdict is Verdict.BROKEN
    assert f"changed in the world: got {said}" in record.message
    assert judged(tmp_path, "pass", "torch").verdict is Verdict.HELD


@pytest.mark.parametrize(("does", "said"), OF_JAX.items())
def test_change_of_jax_is_named(does: str, said: str, tmp_path: Path) -> None:
    pytest.importorskip("jax")
    record = judged(tmp_path, does, "jax")
    assert record.verdict is Verdict.BROKEN
    assert f"changed in the world: got {said}" in record.message
    assert judged(tmp_path, "pass", "jax").verdict is Verdict.HELD


@pytest.mark.parametrize("does", HONEST)
def test_who_leaves_nothing_behind_is_not_accused(does: str, tmp_path: Path) -> None:
    record = judged(tmp_path, does)
    assert record.verdict is Verdict.HELD, record.message
