"""Examples: each does what it says, under the command that it names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from veriformer.cli import main
from veriformer.impls.tree import leaves
from veriformer.record import Record, Verdict, read

EXAMPLES = Path(__file__).parent.parent / "examples"
QUICK = ("--quick", "--examples", "0")
THREE_BUGS = {
    ("key-heads-tiled", "attention", "agrees_with_the_spec"),
    ("key-heads-tiled", "attention", "shared_key_heads_are_repeated_key_heads"),
    ("nan-behind-a-mask", "softmax", "gradients_agree_with_the_spec"),
    ("diagonal-gradient", "softmax", "gradients_agree_with_the_spec"),
}


def check(target: Path, records: Path, *options: str) -> tuple[int, list[Record]]:
    """The exit code and the verdicts of `veriformer check`."""
    with pytest.raises(SystemExit) as exited:
        main(["check", str(target), *QUICK, "--json", str(records), *options])
    return int(exited.value.code or 0), [record for record in read(records) if record.kind == "verdict"]


def bad(records: list[Record]) -> list[Record]:
    """The verdicts that say that something is wrong."""
    return [record for record in records if record.verdict in (Verdict.BROKEN, Verdict.CRASHED)]


def odd_numbers(record: Record) -> int:
    """The numbers of a counterexample other than 0 and 1, identity matrices apart."""
    example = record.counterexample or {}
    arrays = [leaf for _, leaf in leaves([example.get(n, {}) for n in ("arguments", "options", "extra")])]
    arrays = [a for a in arrays if isinstance(a, np.ndarray)]
    identity = [a.ndim == 2 and a.shape[0] == a.shape[1] and np.array_equal(a, np.eye(len(a))) for a in arrays]
    return sum(int(((a != 0) & (a != 1)).sum()) for a, known in zip(arrays, identity, strict=True) if not known)


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, list[Record]]:
    """The run of the example that is wrong on purpose."""
    return check(EXAMPLES / "three_real_bugs.py", tmp_path_factory.mktemp("wrong") / "records.jsonl")


def test_bare_numpy_holds(tmp_path: Path) -> None:
    """The README's plug-in: ten lines, exit 0."""
    code, records = check(EXAMPLES / "bare_numpy.py", tmp_path / "records.jsonl")
    assert code == 0, bad(records)
    lines = (EXAMPLES / "bare_numpy.py").read_text().split('"""')[-1].split("\n")
    assert len([line for line in lines if line.strip()]) <= 10


def test_torch_functional_holds_undeclared_grouped_heads_and_rank_5_included(tmp_path: Path) -> None:
    """Nothing is declared; what is not judged is what the example declines, and nothing else; what is broken is known."""
    pytest.importorskip("torch")
    known = ("--known", str(EXAMPLES / "known_torch.toml"))
    code, records = check(EXAMPLES / "good_torch.py", tmp_path / "records.jsonl", "--dtype", "float32", *known)
    assert code == 0, bad(records)
    attention = {record.law: record for record in records if record.component == "attention"}
    assert len({record.component for record in records}) == 5
    assert attention["agrees_with_the_spec"].conventions == {
        "fully_masked": "zero (undeclared)",
        "causal_alignment": "top_left (undeclared)",
        "behind_mask": "propagates (undeclared)",
    }
    assert "torch takes is_causal or attn_mask" in attention["agrees_with_the_spec"].message
    for law in ("agrees_with_the_spec", "gradients_agree_with_the_spec"):
        reasons = [
            reason
            for reason in attention[law].message.split("; ")
            if "torch takes" not in reason and "honest" not in reason
        ]
        assert not reasons, "grouped heads, ranks above 4 and causal with unequal lengths are judged, not declined"


def test_what_torch_loses_is_shown_by_one_number(tmp_path: Path) -> None:
    """A query that holds nan is answered with 0 where there are few keys (pytorch/pytorch#141128): all else may be 0."""
    pytest.importorskip("torch")
    options = ("--dtype", "float32", "--component", "attention", "--law", "nan_is_not_lost")
    code, records = check(EXAMPLES / "good_torch.py", tmp_path / "records.jsonl", *options)
    assert code == 1
    assert odd_numbers(records[0]) == 1


def test_nn_module_holds(tmp_path: Path) -> None:
    """A module by functional_call, its weights in torch's names."""
    pytest.importorskip("torch")
    code, records = check(EXAMPLES / "nn_module.py", tmp_path / "records.jsonl", "--dtype", "float32")
    assert code == 0, bad(records)
    assert {record.component for record in records if record.verdict is Verdict.HELD} == {"encoder_layer"}


def test_cache_object_holds(tmp_path: Path) -> None:
    """A module with a cache: chunks, reorder and two sequences by turns are judged; it has no max_length, and no window."""
    pytest.importorskip("torch")
    code, records = check(EXAMPLES / "cache_object.py", tmp_path / "records.jsonl", "--dtype", "float32")
    assert code == 0, bad(records)
    assert {record.component for record in records} == {"cached_attention"}
    absent = {record.law: record.message for record in records if record.verdict is not Verdict.HELD}
    assert set(absent.values()) == {"no keyword max_length", "no keyword window", "asked in whole runs"}
    assert not any(record.unsupported for record in records)


def test_cache_object_needs_its_own_mask_as_its_comment_says(tmp_path: Path) -> None:
    """With torch's is_causal each position sees the first key alone."""
    pytest.importorskip("torch")
    text = (EXAMPLES / "cache_object.py").read_text()
    causal = tmp_path / "causal.py"
    causal.write_text(text.replace("attn_mask=seen)", "is_causal=True)"))
    assert causal.read_text() != text
    law = "agrees_with_the_spec"
    code, records = check(causal, tmp_path / "records.jsonl", "--dtype", "float32", "--law", law)
    assert code == 1
    assert records[0].diagnosis.endswith("its first position sees the first key alone (causal_from_the_chunk)")


def test_torch_optim_holds_undeclared(tmp_path: Path) -> None:
    """Loop and foreach: every law of the object form is judged, resuming and strides of gradients among them; Adam as part of
    AdamW."""
    pytest.importorskip("torch")
    chosen = ("--dtype", "float32", "-c", "gradient_descent", "-c", "adamw")
    code, records = check(EXAMPLES / "torch_optim.py", tmp_path / "records.jsonl", *chosen)
    assert code == 0, [(record.law, record.message) for record in bad(records)]
    assert {record.verdict for record in records} == {Verdict.HELD}
    assert {record.implementation for record in records} == {"torch.optim", "torch.optim (foreach)"}
    assert {record.component for record in records} == {"gradient_descent", "adamw"}
    assert not any(record.conventions for record in records), "nothing is declared, and nothing found out"


def test_optax_holds_undeclared(tmp_path: Path) -> None:
    """Its transformations as objects, and its clipping as a function."""
    pytest.importorskip("optax")
    laws = ("agrees_with_the_spec", "resuming_is_not_stopping", "idle_steps_are_counted")
    chosen = [word for law in laws for word in ("--law", law)]
    code, records = check(EXAMPLES / "optax_transforms.py", tmp_path / "records.jsonl", "--dtype", "float32", *chosen)
    assert code == 0, [(record.law, record.message) for record in bad(records)]
    assert {record.verdict for record in records} == {Verdict.HELD}
    assert {record.component for record in records} == {"gradient_descent", "clip_by_global_norm", "adam", "adamw"}


@pytest.mark.parametrize(
    ("law", "components"),
    [("agrees_with_the_spec", {"softmax", "attention", "layer_norm"}), ("gradients_agree_with_the_spec", {"softmax"})],
)
def test_jax_functions_hold(law: str, components: set[str], tmp_path: Path) -> None:
    """float32, values and gradients; those of attention take a minute to compile, and are left to `nox`."""
    pytest.importorskip("jax")
    chosen = [word for component in components for word in ("--component", component)]
    options = ("--dtype", "float32", "--law", law, *chosen)
    code, records = check(EXAMPLES / "jax_functions.py", tmp_path / "records.jsonl", *options)
    assert code == 0, bad(records)
    assert {record.component for record in records if record.verdict is Verdict.HELD} == components


def test_jax_attention_computes_float64_in_float32_as_its_comment_says(tmp_path: Path) -> None:
    """As declared it holds; without the declaration it is broken."""
    pytest.importorskip("jax")
    one = ("--dtype", "float64", "--component", "attention", "--law", "agrees_with_the_spec")
    assert check(EXAMPLES / "jax_functions.py", tmp_path / "records.jsonl", *one)[0] == 0
    text = (EXAMPLES / "jax_functions.py").read_text()
    undeclared = tmp_path / "undeclared.py"
    undeclared.write_text(text.replace('@impl.component(computes_in="float32")', "@impl.component"))
    assert undeclared.read_text() != text
    code, records = check(undeclared, tmp_path / "records.jsonl", *one)
    assert code == 1
    assert "agrees_with_the_spec" in {record.law for record in bad(records)}


def test_three_real_bugs_are_found_by_name(wrong: tuple[int, list[Record]]) -> None:
    """Exit 1, and a law broken by each bug; shared heads have one of their own besides."""
    code, records = wrong
    assert code == 1
    assert {(record.implementation, record.component, record.law) for record in bad(records)} == THREE_BUGS
    in_float32 = [record for record in bad(records) if record.dtype == "float32"]
    assert len(in_float32) == len(THREE_BUGS)  # beside it float64 meets fewer inputs


def test_counterexamples_of_the_three_bugs_are_small(wrong: tuple[int, list[Record]]) -> None:
    """At most 16 numbers that a reader has to read."""
    for record in bad(wrong[1]):
        assert record.counterexample is not None
        assert odd_numbers(record) <= 16, record.counterexample


@pytest.mark.parametrize("bug", sorted(THREE_BUGS), ids="-".join)
def test_script_of_a_counterexample_reproduces_it_alone(
    wrong: tuple[int, list[Record]], bug: tuple[str, str, str], tmp_path: Path
) -> None:
    """Run in a process of its own, it exits 1 and shows the same law broken."""
    record = next(r for r in bad(wrong[1]) if (r.implementation, r.component, r.law) == bug)
    assert record.counterexample is not None
    path = tmp_path / "again.py"
    path.write_text(record.counterexample["script"])
    ran = subprocess.run([sys.executable, "-W", "error", str(path)], capture_output=True, text=True, check=False)
    assert ran.returncode == 1, ran.stderr
    assert f"{bug[2]}: {record.sentence}" in ran.stdout
    assert not ran.stderr


def test_assigning_data_cuts_the_gradient_as_nn_module_says(tmp_path: Path) -> None:
    """The other way of putting weights into a module is found out."""
    pytest.importorskip("torch")
    target = tmp_path / "assigns.py"
    target.write_text(
        "from torch import nn\n"
        "from veriformer import Implementation\n"
        "impl = Implementation('assigns', backend='torch')\n"
        "@impl.component\n"
        "def embedding(tokens, table):\n"
        "    module = nn.Embedding(*table.shape)\n"
        "    module.weight.data = table\n"
        "    return module(tokens)\n"
    )
    law = "gradients_agree_with_the_spec"
    code, records = check(target, tmp_path / "records.jsonl", "--dtype", "float32", "--law", law)
    assert code == 1
    assert "no derivative reached it" in records[0].message


def test_multihead_attention_follows_a_convention_of_its_own_by_either_path(tmp_path: Path) -> None:
    """Undeclared: what a fully masked row answers is found out, by asking, and nobody is accused for it."""
    code, records = check(EXAMPLES / "nn_multihead_attention.py", tmp_path / "records.jsonl")
    assert code == 0, [(record.law, record.message) for record in bad(records)]
    followed = {record.implementation: record.conventions.get("fully_masked") for record in records if record.judged}
    assert followed == {
        "MultiheadAttention": "zero (undeclared)",
        "MultiheadAttention with weights": "nan (undeclared)",
    }
