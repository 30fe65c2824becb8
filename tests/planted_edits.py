"""Thirty-three slips of one line, each in one of our own files, and the law that refutes each; for test_planted_edits.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

KINDS = ("sign", "axis", "scale", "eps", "mask", "transposition", "default value", "in place")

AGREES = "agrees_with_the_spec"
GRADIENTS = "gradients_agree_with_the_spec"
DTYPE = "keeps_the_dtype"
ARGUMENTS = "does_not_change_its_arguments"
LAYOUT = "does_not_care_how_its_arguments_lie_in_memory"


@dataclass(frozen=True)
class Edit:
    """One slip: in `framework`'s file of `component` the text `old`, which stands there once, becomes `new`.

    law: the first law that is broken. dtypes: where it is broken; none named: everywhere that the framework is judged.
    crashes: the code raises, in place of answering wrongly.
    """

    framework: str
    component: str
    kind: str
    slip: str
    old: str
    new: str
    law: str = AGREES
    dtypes: tuple[str, ...] = ()
    crashes: bool = False


TWO_SIZES: Mapping[str, Mapping[str, tuple[int, ...]]] = {
    "softmax": {"n": (3,)},
    "attention": {"rank": (2,), "length": (1, 2, 3)},
    "multi_head_attention": {"rank": (2,), "length": (2, 3)},
    "cached_attention": {"rank": (2,), "length": (2, 3), "d_model": (2, 6)},
    "sinusoidal_positions": {"length": (2, 3), "d_model": (2, 4)},
    "learned_positions": {"length": (2, 3)},
    "feed_forward": {"d_model": (2, 3), "d_ff": (3, 4), "length": (2,)},
    "residual": {"n": (2, 3)},
    "layer_norm": {"n": (4, 8)},
    "encoder_layer": {"d_ff": (3, 8), "rank": (3,)},
    "encoder": {"length": (2,), "d_ff": (4,)},
}
"""Component -> the sizes that select two rows of its menu: JAX compiles for each, so its edits are judged in no more."""

# fmt: off
EDITS = (
    Edit("numpy", "softmax", "sign", "the gradient adds the mean of the cotangent",
         "(weights * (cotangent - average),)", "(weights * (cotangent + average),)", GRADIENTS),
    Edit("numpy", "attention", "mask", "causal: no query sees its own position",
         "allowed & (j <= i)", "allowed & (j < i)"),
    Edit("numpy", "attention", "scale", "the gradient forgets the scale of the scores",
         "d_products = d_scores * default_scale(q, scale)", "d_products = d_scores", GRADIENTS),
    Edit("numpy", "multi_head_attention", "transposition", "a head is every h-th column, not a block of columns",
         "np.swapaxes(x.reshape(*batch, length, n_heads, width // n_heads), -2, -3)",
         "np.moveaxis(x.reshape(*batch, length, width // n_heads, n_heads), -1, -3)"),
    Edit("numpy", "cached_attention", "mask", "no mask: in a chunk each position sees those after it",
         "attention(q, keys, values, causal=True, window=self.window)", "attention(q, keys, values)"),
    Edit("numpy", "sinusoidal_positions", "default value", "the default dtype, whatever is wanted",
         "dtype=np.float64 if like is None else like.dtype",
         "dtype=np.float64", DTYPE, dtypes=("float32",)),
    Edit("numpy", "learned_positions", "sign", "the gradient goes to the last rows",
         "d_table[:length] = cotangent", "d_table[-length:] = cotangent", GRADIENTS),
    Edit("numpy", "embedding", "axis", "the padding takes the gradient of a column, not of its row",
         "d_table[padding_idx] = 0.0", "d_table[:, padding_idx] = 0.0", GRADIENTS),
    Edit("numpy", "residual", "in place", "the sum is written into x",
         "    return x + sublayer_output",
         "    return np.add(x, sublayer_output, out=x)", ARGUMENTS),
    Edit("numpy", "layer_norm", "eps", "eps is added outside the root",
         "np.sqrt(variance + eps)", "(np.sqrt(variance) + eps)"),
    Edit("numpy", "encoder", "eps", "the final norm is not told eps",
         'params["final_norm"]["beta"], eps=eps)', 'params["final_norm"]["beta"])'),
    Edit("torch", "softmax", "axis", "one maximum for all rows: far below it, a row underflows",
         "torch.amax(logits.detach(), dim=-1, keepdim=True)", "torch.amax(logits.detach())"),
    Edit("torch", "attention", "mask", "the window is open to the future",
         "(torch.abs(i - j) < window)", "(i - j < window)"),
    Edit("torch", "multi_head_attention", "sign", "the biases are subtracted",
         'projected + params[f"b_{name}"]', 'projected - params[f"b_{name}"]'),
    Edit("torch", "cached_attention", "transposition", "each beam goes to index[b], where it should come from there",
         "self.rows = self.rows.index_select(0, index)", "self.rows[index] = self.rows.clone()"),
    Edit("torch", "sinusoidal_positions", "scale", "the exponents run from 0 to 1, both included, as in tensor2tensor",
         "device=like.device) / d_model)", "device=like.device) / max(d_model - 2, 1))"),
    Edit("torch", "learned_positions", "transposition", "the table is taken to lie in memory row by row",
         "table[:length].clone()",
         "table.view(-1)[: length * table.shape[1]].view(length, -1).clone()", LAYOUT, crashes=True),
    Edit("torch", "embedding", "transposition", "only the padding gets a gradient",
         "rows.detach(), rows)", "rows, rows.detach())", GRADIENTS),
    Edit("torch", "feed_forward", "default value", "another activation unless one is named",
         'activation: str = "relu"', 'activation: str = "gelu"'),
    Edit("torch", "layer_norm", "default value", "torch.var divides by n - 1 unless told otherwise",
         "torch.mean(deviation * deviation, dim=-1, keepdim=True)",
         "torch.var(x, dim=-1, keepdim=True)"),
    Edit("torch", "encoder_layer", "eps", "the first norm is not told eps",
         'params["norm_1"]["beta"], eps=eps)', 'params["norm_1"]["beta"])'),
    Edit("torch", "encoder", "mask", "the layers are not told the mask",
         "mask=mask, norm=norm", "norm=norm"),
    Edit("jax", "softmax", "eps", "a small number against division by zero",
         "jnp.where(total == 0.0, 1.0, total)", "(total + 1e-6)"),
    Edit("jax", "attention", "scale", "the scale is 1/d_k",
         "1.0 / math.sqrt(q.shape[-1])", "1.0 / q.shape[-1]"),
    Edit("jax", "multi_head_attention", "transposition", "queries and keys exchanged",
         "attention(q, k, v, mask=mask", "attention(k, q, v, mask=mask"),
    Edit("jax", "cached_attention", "mask", "a position that is not written yet is seen too",
         "(behind >= 0) if window is None", "(behind >= -1) if window is None"),
    Edit("jax", "sinusoidal_positions", "axis", "all sines, then all cosines",
         "axis=-1)  # (length", "axis=-2)  # (length"),
    Edit("jax", "learned_positions", "sign", "the last rows of the table",
         "table[:length]", "table[-length:]"),
    Edit("jax", "feed_forward", "default value", "jax.nn.gelu is the tanh approximation unless told otherwise",
         '{"relu": relu, "gelu": gelu}', '{"relu": relu, "gelu": jax.nn.gelu}'),
    Edit("jax", "residual", "scale", "the sum is made to keep its variance",
         "return x + sublayer_output", "return (x + sublayer_output) * 0.5**0.5"),
    Edit("jax", "layer_norm", "default value", "the eps of flax",
         "eps: float = 1e-5", "eps: float = 1e-6"),
    Edit("jax", "encoder_layer", "mask", "the attention is not told the mask",
         "n_heads=n_heads, mask=mask)", "n_heads=n_heads)"),
    Edit("jax", "encoder", "transposition", "the last layer comes first",
         'zip(params["layers"],', 'zip(params["layers"][::-1],'),
)
# fmt: on
