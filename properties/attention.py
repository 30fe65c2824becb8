"""Attention as it is asked: its sizes and draws, its gradients under scaling, and what it does where the formula is silent."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.properties.behind_mask import behind, inquiry
from veriformer.properties.experiment import Experiment
from veriformer.properties.gradients import gradient_evidence, with_cotangent
from veriformer.properties.law import Case, Evidence, Subject
from veriformer.properties.probes import BEYOND_16_BITS, Draw, deepest_score, for_scores
from veriformer.properties.settle import Inquiry
from veriformer.spec.visibility import visible


def row(batch: tuple[int, ...], length: int, length_k: int, d_k: int, d_v: int, **more: Any) -> dict[str, Any]:
    """Sizes of one case. batch includes the head axis, if any, as its last entry."""
    return {
        "batch": batch,
        "rank": len(batch) + 2,
        "length": length,
        "length_k": length_k,
        "d_k": d_k,
        "d_v": d_v,
        **more,
    }


LEFT_OUT = 0.25
"""The share of cases in which an option is not given that has a default."""
# mask: of each query in each head (True), of "each example", shared by its heads, or its "padding", shared by its queries
ROWS = (
    row((), 1, 2, 1, 1),
    row((), 2, 3, 4, 4, mask=True),
    row((2,), 3, 3, 4, 4, causal=True),
    row((2,), 2, 4, 4, 4, rate=0.5),
    row((2, 2), 3, 5, 4, 4, mask="each example", bias=True),
    row((2, 3), 4, 4, 8, 8, causal=True, mask=True),
    row((1, 2), 5, 3, 3, 5),
    row((3, 2), 2, 4, 4, 4, mask="padding"),
    row((2, 2), 4, 4, 4, 4, mask="padding"),
    row((2, 2), 4, 4, 4, 4, mask=True),
    row((2,), 3, 4, 4, 4, mask=True, empty_rows=True),
    row((2, 2), 4, 4, 4, 4, causal=True, mask="padding", rate=0.1),
    row((1, 2), 3, 3, 4, 4, rate=1.0),
    row((1, 2), 3, 5, 4, 4, causal=True),
    row((2, 1), 5, 3, 4, 4, causal=True),
    row((2, 4), 3, 3, 4, 4, heads_k=2),
    row((2, 2), 3, 3, 4, 4, heads_k=1),
    row((2, 2, 2), 2, 3, 4, 4),
    row((2, 2, 1), 3, 3, 4, 4, mask="each example"),
    row((2, 6), 1, 4, 4, 3, heads_k=2, bias=True),
    row((1, 8), 2, 3, 2, 4, heads_k=4, mask="padding"),
    row((2,), 1, 5, 4, 4, window=2, causal=True),
    row((2, 2), 1, 5, 4, 4, causal=True),
    row((1, 2), 3, 4, 20, 5, scale=0.1),
    row((2,), 2, 3, 4, 4, scale=0.0, mask=True),
    row((1,), 2, 3, 80, 96),
    row((1, 1), 9, 9, 16, 16, scale=0.5, bias=True),
    row((), 7, 7, 4, 4, window=3),
    row((2,), 5, 5, 4, 4, window=1, causal=True),
    row((2,), 3, 5, 4, 4, window=2, mask=True, empty_rows=True),
    row((2, 2), 5, 5, 4, 4, causal=True, window=3, bias=True, scale=0.5, rate=0.25),
    row((2, 4), 4, 4, 4, 4, heads_k=2, causal=True, mask=True, bias=True, scale=2.0, rate=0.5),
    row((2, 2), 4, 4, 4, 4, heads_k=1, window=2, scale=0.25),
    row((1, 1), 8, 16, 64, 64),
    row((1, 2), 31, 33, 8, 8, causal=False, reach="tile"),
    row((2, 2), 5, 65, 4, 4, mask="padding", reach="tile"),
    row((2, 1), 33, 33, 4, 4, causal=True, reach="tile"),
    row((2, 2), 3, 33, 4, 4, mask="each example", reach="tile"),
    row((1, 1), 32, 128, 4, 4, mask=True, reach="tile"),
    row((1,), 65, 65, 2, 2, causal=True, reach="tile"),
    row((2, 1), 2, 769, 4, 4, mask="padding", reach="long"),
    row((1, 1), 9, 300, 4, 4, causal=True, reach="long"),
    row((1, 1), 32, 64, 128, 128, kernel=True),
    row((1, 2), 64, 64, 64, 64, causal=True, kernel=True),
)
LARGE = (
    row((1, 1), 3, 2100, 64, 64),
    row((1, 1), 600, 600, 64, 64, causal=True),
    row((BEYOND_16_BITS // 2 + 1, 2), 1, 2, 4, 4),
)
"""Keys beyond what is split between blocks, causal blocks in number, and heads of all examples beyond 16 bits."""


def extension(recipe: Draw) -> str:
    """What in this row lies beyond the paper."""
    if recipe.get("heads_k"):
        return "grouped heads"
    if recipe.get("window"):
        return "window"
    if recipe["rank"] > 4:
        return "rank above 4"
    if recipe.get("causal") and recipe["length"] != recipe["length_k"]:
        return "causal with L_q != L_k"
    if recipe["d_v"] != recipe["d_k"]:
        return "d_v != d_k"
    return ""


def draw(recipe: Draw) -> Case:
    """Queries, keys and values of any kind; masks that differ per example where there is a batch."""
    batch, length, length_k = recipe["batch"], recipe["length"], recipe["length_k"]
    batch_k = (*batch[:-1], recipe["heads_k"]) if recipe.get("heads_k") else batch
    q, k = queries_and_keys(recipe, (*batch, length, recipe["d_k"]), (*batch_k, length_k, recipe["d_k"]))
    v = recipe.array("v", (*batch_k, length_k, recipe["d_v"]))
    options: dict[str, Any] = {}
    if recipe.get("mask"):
        heads = batch if recipe["mask"] is True else (*batch[:-1], 1)
        queries = 1 if recipe["mask"] == "padding" else length
        empty, causal = bool(recipe.get("empty_rows")), bool(recipe.get("causal"))
        options["mask"] = recipe.mask("mask", (*heads, queries, length_k), empty_rows=empty, causal=causal)
    if recipe.get("bias"):
        options["bias"] = recipe.array("bias", (*batch, length, length_k), "normal")
    for name in ("causal", "window", "scale"):
        if recipe.get(name) is not None:
            options[name] = recipe[name]
    if recipe.get("rate"):  # about half are dropped, whatever the rate: masks are as hard to meet at 1/10 as at 1/2
        options["keep"] = np.asarray(recipe.rng("keep").random((*batch, length, length_k)) < 0.5)
        options |= rate_of(recipe)
    return Case((q, k, v), options, extension=extension(recipe))


def rate_of(recipe: Draw) -> dict[str, float]:
    """The rate beside a mask of dropout; now and then it is left out, and then it is 0."""
    return {} if recipe.rng("rate left out").random() < LEFT_OUT else {"rate": recipe["rate"]}


def queries_and_keys(recipe: Draw, shape_q: tuple[int, ...], shape_k: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Arrays of the draw's kind. Far offsets are opposed here: every score of a row lies beneath any constant that
    stands in for minus infinity (-1e4, -1e9), and still leaves exp room."""
    if recipe.kind != "far_offset":
        return recipe.array("q", shape_q), recipe.array("k", shape_k)
    rng = recipe.rng("beneath")
    deepest = deepest_score(recipe.dtype) * (20 if recipe.gradients else 40)
    depth = (
        min(1.25e9, deepest)
        if rng.random() < 0.5
        else 10.0 ** rng.uniform(min(4.2, np.log10(deepest)), min(np.log10(deepest), 11.0))
    )
    factor = recipe.get("scale") or 1 / np.sqrt(shape_q[-1])
    size = np.sqrt(depth / abs(factor) / shape_q[-1])
    noise_q, noise_k = (rng.standard_normal(shape) * 1e-3 for shape in (shape_q, shape_k))
    return recipe.cast(size * (1 + noise_q)), recipe.cast(-np.sign(factor) * size * (1 + noise_k))


SUBJECT = Subject(
    "attention",
    ROWS,
    draw,
    batched={"q": 2, "k": 2, "v": 2, "mask": 2, "bias": 2, "keep": 2},
    top=for_scores(),
    differentiable=True,
    alike=("q", "k", "v"),
    large=LARGE,
)
law = SUBJECT.law
UNDROPPED = tuple(r for r in ROWS if not r.get("rate"))
PLAIN = tuple(
    r for r in UNDROPPED if not any(r.get(name) for name in ("heads_k", "window", "kernel")) and r["rank"] <= 4
)
FREE = tuple(r for r in PLAIN if not r.get("causal") and not r.get("empty_rows"))
SQUARE = tuple(r for r in PLAIN if r.get("causal") and r["length"] == r["length_k"])


def seen(case: Case, experiment: Experiment) -> np.ndarray:
    """Which key each query sees, as a full boolean array."""
    q, k, _ = case.arguments
    batch = np.broadcast_shapes(q.shape[:-2], k.shape[:-2])
    allowed = visible(
        q.shape[-2],
        k.shape[-2],
        mask=case.options.get("mask"),
        causal=case.options.get("causal", False),
        window=case.options.get("window"),
        causal_alignment=experiment.conventions.get("causal_alignment", "top_left"),
    )
    shape = (*batch, q.shape[-2], k.shape[-2])
    return np.ones(shape, bool) if allowed is None else np.broadcast_to(allowed, shape)


def indexed(options: Any, queries: Any = slice(None), keys: Any = slice(None)) -> dict[str, Any]:
    """Options whose arrays are picked by query and key; what all queries share stays."""
    out = dict(options)
    for name in ("mask", "bias"):
        if name in out:
            rows = out[name] if out[name].shape[-2] == 1 else out[name][..., queries, :]
            out[name] = rows[..., keys]
    return out


STABILITY_ROWS = tuple(row((), 1, 8, d_k, 8, stability=True) for d_k in (4, 16, 64, 256, 1024))


def draw_stability(recipe: Draw) -> Case:
    """The draws of the theorem on gradients: 8 keys, one query, everything standard normal."""
    return with_cotangent(draw(recipe), recipe, "attention", "normal")


@law(
    "However wide the keys, the gradients stay what the formula says: scaled, they do not vanish.",
    rows=STABILITY_ROWS,
    draw=draw_stability,
    gradients=True,
    kinds=("normal",),
)
def gradients_stay_stable_under_scaling(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """At d_k = 4, 16, 64, 256, 1024 the gradients of q, k and v lie within their bounds of the certified ones.

    With the scale 1 / sqrt(d_k) the median of |dq| hardly depends on d_k; without it the weights saturate and the
    median vanishes (0.44, 0.57, 0.24, 0.017, 2.8e-5 in 20,000 draws), while mean and rms do not: rare near-ties carry
    them. A law about an implementation must therefore not speak of statistics; it speaks of each gradient.
    """
    answer = experiment.ask(case, cotangent=case.extra["cotangent"])
    return tuple(gradient_evidence(answer))


def behind_case(dtype: str) -> Case:
    """Two queries, and a key that neither sees."""
    q, k, v = few(dtype)
    mask = np.array([[True, False, True], [True, False, False]])
    unseen = np.array([[False], [True], [False]])
    return behind(Case((q, k, v), {"mask": mask[None, None]}), {"k": unseen, "v": unseen})


def few(dtype: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two queries, three keys and their values."""
    q = np.array([[1.0, 0.0], [0.0, 2.0]]).astype(dtype)
    k = np.array([[1.0, 1.0], [0.0, -1.0], [2.0, 0.5]]).astype(dtype)
    v = np.array([[1.0, 0.0], [5.0, 1.0], [-2.0, 3.0]]).astype(dtype)
    return q[None, None], k[None, None], v[None, None]


def fully_masked_cases(dtype: str) -> tuple[Case, ...]:
    """Two queries, of which the second sees nothing."""
    mask = np.array([[True, False, True], [False, False, False]])
    return (Case(few(dtype), {"mask": mask[None, None]}),)


def alignment_cases(dtype: str) -> tuple[Case, ...]:
    """Fewer queries than keys: every row sees a key under either alignment, but not the same ones."""
    rng = np.random.default_rng(8)
    q, k, v = (rng.standard_normal((1, 1, n, 4)).astype(dtype) for n in (2, 4, 4))
    return (Case((q, k, v), {"causal": True}),)


def is_slanted(row: Any) -> bool:
    """A row in which it matters where the triangle, or the window, starts: its lengths differ."""
    return bool(row.get("causal") or row.get("window")) and row["length"] != row["length_k"]


INQUIRIES = (
    Inquiry(
        "attention",
        "fully_masked",
        fully_masked_cases,
        lambda r: bool(r.get("empty_rows")) or (is_slanted(r) and r["length"] > r["length_k"]),
    ),
    Inquiry("attention", "causal_alignment", alignment_cases, is_slanted),
    inquiry("attention", behind_case),
)
