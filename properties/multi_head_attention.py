"""Laws of multi_head_attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.properties.behind_mask import behind, inquiry, law_behind_the_mask
from veriformer.properties.experiment import Experiment
from veriformer.properties.law import Case, Evidence, NotJudged, Subject, relation
from veriformer.properties.probes import BEYOND_16_BITS, Draw, for_scores
from veriformer.properties.settle import Inquiry
from veriformer.properties.softmax import within_two
from veriformer.spec import COMPONENTS


def row(batch: tuple[int, ...], length: int, length_k: int, d_model: int, n_heads: int, **more: Any) -> dict[str, Any]:
    """Sizes of one case; without length_k, 0, it is self-attention."""
    sizes = {"batch": batch, "rank": len(batch) + 2, "length": length, "d_model": d_model, "n_heads": n_heads}
    return {**sizes, **({"length_k": length_k} if length_k else {}), **more}


# mask: of each query in each example (True), of "each head" too, or each example's "padding"
ROWS = (
    row((), 2, 0, 2, 1),
    row((), 3, 0, 4, 2, mask=True, biases=True),
    row((2,), 3, 4, 4, 2, mask=True),
    row((2,), 4, 0, 6, 3, causal=True, mask=True),
    row((2,), 3, 3, 4, 2),
    row((2,), 3, 0, 4, 2, mask="each head"),
    row((2,), 2, 5, 4, 2, biases=True),
    row((3,), 2, 4, 4, 2, mask="padding"),
    row((2, 3), 2, 4, 4, 2, mask=True),
    row((1,), 5, 0, 8, 4, mask=True, biases=True),
    row((2,), 3, 0, 4, 2, d_k=3, d_v=1, causal=True),
    row((1,), 9, 0, 16, 4),
    row((2,), 33, 31, 4, 2, mask="padding", reach="tile"),
    row((2,), 65, 0, 4, 2, causal=True, reach="tile"),
    row((1,), 2, 300, 4, 2, mask="padding", reach="long"),
    row((1,), 64, 0, 64, 1, kernel=True),
    row((1,), 32, 0, 128, 2, mask=True, kernel=True),
)
LARGE = (row((1,), 4, 0, 512, 8), row((1,), 3, 2100, 4, 2), row((BEYOND_16_BITS // 2 + 1,), 1, 2, 4, 2))
"""The base model of the paper (table 3); many keys; heads of all examples beyond 16 bits."""


def parameters(recipe: Draw, prefix: str = "") -> dict[str, np.ndarray]:
    """Projections, with biases in some rows; all draws keep the size of what they project."""
    d_model, h = recipe["d_model"], recipe["n_heads"]
    d_k, d_v = (recipe.get(name, d_model // h) for name in ("d_k", "d_v"))
    shapes = {"q": (d_model, h * d_k), "k": (d_model, h * d_k), "v": (d_model, h * d_v), "o": (h * d_v, d_model)}
    params = {f"w_{name}": recipe.weights(f"{prefix}w_{name}", shape) for name, shape in shapes.items()}
    if recipe.get("biases"):
        params |= {f"b_{name}": recipe.vector(f"{prefix}b_{name}", shape[1]) for name, shape in shapes.items()}
    return params


def beyond(batch: tuple[int, ...]) -> str:
    """What a layer with these batch axes has beyond the paper: one of them, or none, it must take."""
    return "several batch axes" if len(batch) > 1 else ""


def draw(recipe: Draw) -> Case:
    """Self-attention hands one object over twice; cross-attention has a memory of its own."""
    batch, length = recipe["batch"], recipe["length"]
    x = recipe.array("x", (*batch, length, recipe["d_model"]))
    is_self = recipe.get("length_k") is None
    length_k = length if is_self else recipe["length_k"]
    memory = x if is_self else recipe.array("memory", (*batch, length_k, recipe["d_model"]))
    options: dict[str, Any] = {"n_heads": recipe["n_heads"]}
    if recipe.get("mask"):
        heads = recipe["n_heads"] if recipe["mask"] == "each head" else 1
        queries = 1 if recipe["mask"] == "padding" else length
        causal = bool(recipe.get("causal"))
        options["mask"] = recipe.mask("mask", (*batch, heads, queries, length_k), causal=causal)
    if recipe.get("causal"):
        options["causal"] = True
    aliases = ((0, 1),) if is_self else ()
    return Case((x, memory, parameters(recipe)), options, aliases=aliases, extension=beyond(batch))


SUBJECT = Subject(
    "multi_head_attention",
    ROWS,
    draw,
    batched={"x": 2, "memory": 2, "mask": 3},
    top=for_scores(0.2),
    stack=True,
    differentiable=True,
    alike=("x", "memory"),
    large=LARGE,
)
law = SUBJECT.law
SELF = tuple(r for r in ROWS if "length_k" not in r)
SELF_FREE = tuple(r for r in SELF if not r.get("causal"))


def draw_heads(recipe: Draw) -> Case:
    """A case and an order of its heads."""
    return draw(recipe).but(extra={"order": recipe.permutation("heads", recipe["n_heads"])})


@law(
    "Permuting the heads with their weights changes nothing.",
    rows=tuple(r for r in ROWS if r["n_heads"] > 1),
    draw=draw_heads,
)
def ignores_the_order_of_heads(case: Case, experiment: Experiment) -> Evidence:
    """Blocks of columns of w_q, w_k, w_v and blocks of rows of w_o move together."""
    order, h = case.extra["order"], case.options["n_heads"]
    params = dict(case.arguments[2])

    def blocks(array: np.ndarray) -> np.ndarray:
        return array.reshape(*array.shape[:-1], h, -1)[..., order, :].reshape(array.shape)

    for name in ("q", "k", "v"):
        params[f"w_{name}"] = blocks(params[f"w_{name}"])
        if f"b_{name}" in params:
            params[f"b_{name}"] = blocks(params[f"b_{name}"])
    params["w_o"] = blocks(params["w_o"].T).T.copy()
    options = dict(case.options)
    if "mask" in options and options["mask"].shape[-3] == h:  # a mask of its own for each head goes along
        options["mask"] = options["mask"][..., order, :, :]
    moved = case.replacing(2, params).but(options=options)
    return within_two(experiment.ask(moved), experiment.ask(case), "answer for the heads in order")


def draw_identity(recipe: Draw) -> Case:
    """One head whose projections are the identity."""
    case = draw(recipe)
    eye = np.eye(recipe["d_model"]).astype(case.arguments[0].dtype)
    params = {name: eye.copy() for name in ("w_q", "w_k", "w_v", "w_o")}
    options = {**case.options, "n_heads": 1}
    if "mask" in options:
        options["mask"] = options["mask"][..., :1, :, :]
    return case.replacing(2, params).but(options=options, fixed=frozenset({(0, 2)}))


@law("One head with identity projections is attention.", draw=draw_identity)
def one_head_with_identity_projections_is_attention(case: Case, experiment: Experiment) -> Evidence:
    """f(x, m; 1, 1, 1, 1) = attention(x, m, m), the spec's, with its mask."""
    x, memory, _ = case.arguments
    answer = experiment.ask(case)
    options = {name: value for name, value in case.options.items() if name != "n_heads"}
    if "mask" in options:
        options["mask"] = options["mask"][..., 0, :, :]
    plain = experiment.truth_of(COMPONENTS["attention"], Case((x, memory, memory), options))
    wanted = plain.ball.centres()
    allowed = answer.bound + plain.bound
    return relation("attention itself", answer.value, wanted, allowed, np.minimum(plain.scale, answer.scale))


def draw_permutation(recipe: Draw) -> Case:
    """A self-attention case, and an order of its positions."""
    return draw(recipe).but(extra={"order": recipe.permutation("order", recipe["length"])})


@law("Permuting the positions permutes the rows of the answer.", rows=SELF_FREE, draw=draw_permutation)
def is_permutation_equivariant(case: Case, experiment: Experiment) -> Evidence:
    """f(P x, P M P^T) = P f(x, M): attention knows no order without positions."""
    return permuted(case, experiment)


def permuted(case: Case, experiment: Experiment) -> Evidence:
    """The law of equivariance, for every component whose first argument is a sequence."""
    order = case.extra["order"]
    if len(order) < 2:
        raise NotJudged("one position has no order")
    options = dict(case.options)
    if "mask" in options:
        mask = options["mask"][..., order]
        options["mask"] = mask if mask.shape[-2] == 1 else mask[..., order, :]
    x, *others = case.arguments
    permuted_case = case.with_arguments([x[..., order, :], *others], options=options)
    moved, still = experiment.ask(permuted_case), experiment.ask(case)
    allowed = moved.bound + still.bound[..., order, :]
    return relation("permuted answer", moved.value, still.value[..., order, :], allowed, still.scale[..., order, :])


def draw_behind(recipe: Draw) -> Case:
    """A padding of the memory that is no number; self-attention asks from there too, and those answers do not count."""
    case = draw(recipe)
    memory = case.arguments[1]
    padding = recipe.mask("padding", memory.shape[:-1])
    padding[..., -1] &= padding.sum(-1) == 1  # the last is hidden unless it is alone
    shape = (*memory.shape[:-2], 1, 1, memory.shape[-2])
    case = case.but(options={**case.options, "mask": padding.reshape(shape)})
    hidden = ~padding[..., None]
    if case.aliases:
        return behind(case, {"x": hidden}, ~hidden, recipe)
    return behind(case, {"memory": hidden}, recipe=recipe)


behind_the_mask = law_behind_the_mask(SUBJECT, draw_behind, tuple(r for r in ROWS if not r.get("causal")))


def behind_case(dtype: str) -> Case:
    """Two positions that ask three others, of which they do not see the second."""
    x = np.array([[1.0, 0.0], [0.0, 2.0]]).astype(dtype)
    memory = np.array([[1.0, 1.0], [0.0, -1.0], [2.0, 0.5]]).astype(dtype)
    params = {name: np.eye(2).astype(dtype) for name in ("w_q", "w_k", "w_v", "w_o")}
    mask = np.array([[[[True, False, True]]]])
    case = Case((x[None], memory[None], params), {"n_heads": 1, "mask": mask})
    return behind(case, {"memory": ~mask[0, 0, 0, :, None]})


def fully_masked_cases(dtype: str) -> tuple[Case, ...]:
    """Two queries, of which the second sees nothing."""
    rng = np.random.default_rng(9)
    x, memory = (rng.standard_normal((1, n, 4)).astype(dtype) for n in (2, 3))
    params = {name: rng.standard_normal((4, 4)).astype(dtype) / 2 for name in ("w_q", "w_k", "w_v", "w_o")}
    mask = np.array([[True, False, True], [False, False, False]])[None, None]
    return (Case((x, memory, params), {"n_heads": 2, "mask": mask}),)


def alignment_cases(dtype: str) -> tuple[Case, ...]:
    """Fewer queries than keys: every row sees a key under either alignment, but not the same ones."""
    ((x, _, params),) = (case.arguments for case in fully_masked_cases(dtype))
    memory = np.random.default_rng(10).standard_normal((1, 4, 4)).astype(dtype)
    return (Case((x, memory, params), {"n_heads": 2, "causal": True}, extension="causal with L_q != L_k"),)


INQUIRIES = (
    inquiry("multi_head_attention", behind_case),
    Inquiry("multi_head_attention", "fully_masked", fully_masked_cases, lambda r: bool(r.get("empty_rows"))),
    Inquiry(
        "multi_head_attention",
        "causal_alignment",
        alignment_cases,
        lambda r: bool(r.get("causal")) and r.get("length_k", r["length"]) != r["length"],
    ),
)
