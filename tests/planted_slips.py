"""Slips planted in our NumPy implementation, and what the diagnosis calls each. Read by test_planted_slips.py."""

# ruff: noqa: E501  (a table: each row quotes lines of our files)

from __future__ import annotations

from dataclasses import dataclass

from tests.planted_edits import AGREES, GRADIENTS

STACKS = ("encoder_layer", "encoder")
HEADS = ("attention", "multi_head_attention", "encoder_layer")
NORMS = ("layer_norm", "encoder_layer")
FEEDS = ("feed_forward", "encoder_layer")


@dataclass(frozen=True)
class Planted:
    """One slip: in the NumPy file of `component` the text `old`, which stands there once, becomes `new`.

    named: what the diagnosis says, the name of a slip, a convention's value or a keyword. through: the components through
    which it is seen, the component itself where none are named. law: the law that is broken.
    """

    named: str
    component: str
    old: str
    new: str
    through: tuple[str, ...] = ()
    law: str = AGREES

    @property
    def seen_through(self) -> tuple[str, ...]:
        """The components that are checked."""
        return self.through or (self.component,)


SOFTMAX_BODY = """    logits = x if mask is None else np.where(mask, x, -np.inf)
    highest = np.max(logits, axis=-1, keepdims=True, initial=-np.inf)
    shift = np.where(highest == -np.inf, 0.0, highest)
    exponentials = np.exp(logits - shift)
    total = np.sum(exponentials, axis=-1, keepdims=True)
    return exponentials / np.where(total == 0.0, 1.0, total)
"""
LOGITS = "logits = x if mask is None else np.where(mask, x, -np.inf)"
SCALE = "return 1.0 / math.sqrt(q.shape[-1]) if scale is None else scale"
WEIGHTS = "weights = softmax(scaled_scores(q, k, bias, scale), mask=allowed)"
GIVEN = "np.ones((length_q, length_k), dtype=bool) if mask is None else mask"
SEES = "k, v = without_unseen(k, allowed), without_unseen(v, allowed)"
PRE = 'return residual(x, sublayer(layer_norm(x, scale["gamma"], scale["beta"], eps=eps)))'
POST = 'return layer_norm(residual(x, sublayer(x)), scale["gamma"], scale["beta"], eps=eps)'
BLOCK = f"""    if norm == "pre":
        {PRE}
"""
HANDS = """    table[:, 0::2] = np.sin(angles)
    table[:, 1::2] = np.cos(angles[:, : d_model // 2])
"""
ATTEND = 'return multi_head_attention(y, y, params["self_attention"], n_heads=n_heads, mask=mask, causal=True)'
DEFAULTS = """    norm: str = "post",
    activation: str = "relu",
    eps: float = 1e-5,
    keep: Mapping[str, Any] | None = None,
    rate: float = 0.0,
) -> np.ndarray:
"""
MOMENTS = """    deviation = x - np.mean(x, axis=-1, keepdims=True)
    variance = np.mean(deviation * deviation, axis=-1, keepdims=True)
"""
NORMED = "return deviation * inverse * gamma + beta"

OPTIMIZERS = ("adam", "adamw")
CORRECTED = """    m_hat = state["m"][name] / (1.0 - beta_1 ** state["step"])
    v_hat = state["v_max" if "v_max" in state else "v"][name] / (1.0 - beta_2 ** state["step"])
"""
COUNTED = """int(state["step"]) + 1"""
SQUARES = """    v = {name: beta_2 * state["v"][name] + (1.0 - beta_2) * (g * g) for name, g in grads.items()}
"""
KEPT = """    v = {name: x.astype(ml_dtypes.bfloat16).astype(x.dtype) for name, x in v.items()}
"""
DECAYED = """    new = next_state(penalised(grads, params, weight_decay, maximize),"""

# fmt: off
SLIPS = (
    # softmax
    Planted("over_the_wrong_axis", "softmax", SOFTMAX_BODY,
            SOFTMAX_BODY.replace("axis=-1", "axis=-2 if x.ndim > 1 else -1")),
    Planted("mask_multiplied", "softmax", LOGITS, "logits = x if mask is None else x * mask"),
    Planted("mask_after", "softmax", SOFTMAX_BODY,
            SOFTMAX_BODY.replace(LOGITS, "logits = x").replace(", total)\n", ", total) * (True if mask is None else mask)\n")),
    Planted("mask_inverted", "softmax", LOGITS, "logits = x if mask is None else np.where(mask, -np.inf, x)"),
    Planted("mask at its default", "softmax", LOGITS, "logits = x"),

    # of attention, its scale
    Planted("no_scale", "attention", SCALE, "return 1.0 if scale is None else scale", (*HEADS, "encoder")),
    Planted("scaled_twice", "attention", SCALE, "return 1.0 / q.shape[-1] if scale is None else scale", HEADS),
    Planted("scaled_up", "attention", SCALE, "return math.sqrt(q.shape[-1]) if scale is None else scale"),
    Planted("scaled_by_d_model", "attention", SCALE,
            "return 1.0 / math.sqrt(q.shape[-1] * (q.shape[-3] if q.ndim > 2 else 1)) if scale is None else scale", HEADS),
    Planted("scale at its default", "attention", SCALE, "return 1.0 / math.sqrt(q.shape[-1])"),
    Planted("bias at its default", "attention", "return scores if bias is None else scores + bias", "return scores"),

    # of attention, its softmax
    Planted("softmax_over_queries", "attention", WEIGHTS, """scores = np.swapaxes(scaled_scores(q, k, bias, scale), -1, -2)
    turned = np.swapaxes(np.broadcast_to(allowed, np.swapaxes(scores, -1, -2).shape), -1, -2)
    weights = np.swapaxes(softmax(scores, mask=turned), -1, -2)""", HEADS),
    Planted("softmax_over_heads", "attention", WEIGHTS, """scores = scaled_scores(q, k, bias, scale)
    axis = -3 if scores.ndim > 2 else -1
    allowed = np.moveaxis(np.broadcast_to(allowed, scores.shape), axis, -1)
    weights = np.moveaxis(softmax(np.moveaxis(scores, axis, -1), mask=allowed), -1, axis)""", HEADS),

    # of attention, its masks
    Planted("mask_inverted", "attention", GIVEN, GIVEN.replace("else mask", "else ~mask"), HEADS),
    Planted("mask_after_softmax", "attention", WEIGHTS,
            "weights = softmax(scaled_scores(q, k, bias, scale)) * allowed.astype(q.dtype)", (*HEADS, "encoder")),
    Planted("mask_multiplies_scores", "attention", WEIGHTS,
            "weights = softmax(scaled_scores(q, k, bias, scale) * allowed.astype(q.dtype))", HEADS),
    Planted("mask_of_another_example", "attention", GIVEN,
            GIVEN.replace("else mask", "else np.roll(mask, -1, axis=0) if mask.ndim > 2 else mask"), HEADS),
    Planted("mask_of_the_first_example", "attention", GIVEN,
            GIVEN.replace("else mask", "else mask[:1] if mask.ndim > 2 else mask"), HEADS),
    Planted("mask_ignored", "attention", GIVEN, "np.ones((length_q, length_k), dtype=bool)", HEADS),
    Planted("masks_tiled", "attention", SEES, f"""if allowed.ndim == q.ndim == 4 and allowed.shape[1] == 1:
        allowed = np.resize(np.broadcast_to(allowed[:, 0], (len(q), *allowed.shape[2:])), (*q.shape[:2], *allowed.shape[2:]))
    {SEES}""", HEADS),

    # of attention, its causality and windows
    Planted("causal_excludes_itself", "attention", "(j <= i)", "(j < i)", HEADS[:2]),
    Planted("causal_sees_the_next", "attention", "(j <= i)", "(j <= i + 1)", HEADS[:2]),
    Planted("causal_sees_only_the_future", "attention", "(j <= i)", "(j >= i)", HEADS[:2]),
    Planted("causal_ignored", "attention", "    if causal:\n", "    if False:\n", HEADS[:2]),
    Planted("causal_alignment='top_left'", "attention", " + (length_k - length_q)", ""),
    Planted("window_too_wide", "attention", "np.abs(i - j) < window", "np.abs(i - j) <= window"),
    Planted("window_too_narrow", "attention", "np.abs(i - j) < window", "np.abs(i - j) < max(window - 1, 1)"),
    Planted("window_open_ahead", "attention", "np.abs(i - j) < window", "i - j < window"),

    # of attention, its keys, values, heads
    Planted("grouped_heads_tiled", "attention", "return np.repeat(keys, queries_per_key_head(keys, q), axis=-3) if",
            "return np.concatenate([keys] * queries_per_key_head(keys, q), axis=-3) if"),
    Planted("keys_and_values_exchanged", "attention", "k, v = repeat_heads(k, q), repeat_heads(v, q)",
            "v, k = repeat_heads(k, q), repeat_heads(v, q)"),
    Planted("queries_and_keys_exchanged", "attention", "    k, v = repeat_heads(k, q), repeat_heads(v, q)\n",
            "    q, k = k, q\n    k, v = repeat_heads(k, q), repeat_heads(v, q)\n"),
    Planted("keys_and_values_exchanged", "multi_head_attention", "heads = attention(q, k, v,", "heads = attention(q, v, k,", HEADS[1:]),
    Planted("queries_and_keys_exchanged", "multi_head_attention", "heads = attention(q, k, v,", "heads = attention(k, q, v,", HEADS[1:]),
    Planted("attends_to_itself", "multi_head_attention", "    heads = attention(q, k, v,",
            '    k, v = (split_heads(project(x if x.shape == memory.shape else memory, params, n), n_heads) for n in "kv")\n'
            "    heads = attention(q, k, v,"),
    Planted("split_without_transpose", "multi_head_attention",
            "np.swapaxes(x.reshape(*batch, length, n_heads, width // n_heads), -2, -3)",
            "x.reshape(*batch, n_heads, length, width // n_heads)", HEADS[1:]),
    Planted("split_by_strides", "multi_head_attention",
            "np.swapaxes(x.reshape(*batch, length, n_heads, width // n_heads), -2, -3)",
            "np.moveaxis(x.reshape(*batch, length, width // n_heads, n_heads), -1, -3)", HEADS[1:]),
    Planted("joined_without_transpose", "multi_head_attention", "np.swapaxes(heads, -2, -3).reshape", "heads.reshape",
            HEADS[1:]),
    Planted("w_o_transposed", "multi_head_attention", 'np.matmul(x, params[f"w_{name}"])',
            'np.matmul(x, params["w_o"].T if name == "o" and len(set(params["w_o"].shape)) == 1 else params[f"w_{name}"])',
            HEADS[1:]),
    Planted("no_output_projection", "multi_head_attention", 'return project(merge_heads(heads), params, "o")',
            'heads = merge_heads(heads)\n    return heads if heads.shape == x.shape else project(heads, params, "o")',
            HEADS[1:]),
    Planted("no_biases", "multi_head_attention",
            'return projected + params[f"b_{name}"] if f"b_{name}" in params else projected',
            "return projected", HEADS[1:]),

    # residual connections and norms
    Planted("no_residual", "residual", "return x + sublayer_output", "return sublayer_output", ("residual", *STACKS)),
    Planted("no_sublayer", "residual", "return x + sublayer_output", "return x", ("residual", *STACKS)),
    Planted("residual_after_the_norm", "encoder_layer", POST,
            'return residual(x, layer_norm(sublayer(x), scale["gamma"], scale["beta"], eps=eps))', STACKS),
    Planted("residual_from_the_norm", "encoder_layer", PRE,
            'x = layer_norm(x, scale["gamma"], scale["beta"], eps=eps)\n        return residual(x, sublayer(x))', STACKS),
    Planted("no_norm", "encoder_layer", BLOCK, f"    return residual(x, sublayer(x))\n{BLOCK}", STACKS),
    Planted("norm at its default", "encoder_layer", BLOCK, BLOCK.replace('norm == "pre"', "False"), STACKS),
    Planted("norm='pre'", "encoder_layer", BLOCK, BLOCK.replace('norm == "pre"', "True")),
    Planted("eps", "encoder_layer", BLOCK, f"    eps = 1e-5\n{BLOCK}", STACKS),  # at its default, or another one inside: the same
    Planted("norm='pre'", "encoder_layer", DEFAULTS, DEFAULTS.replace("post", "pre")),
    Planted("activation='gelu'", "encoder_layer", DEFAULTS, DEFAULTS.replace("relu", "gelu")),
    Planted("relu_for_gelu", "encoder_layer", 'return feed_forward(x, params["feed_forward"], activation=activation)',
            'return feed_forward(x, params["feed_forward"])', STACKS),
    Planted("over_the_positions", "layer_norm", MOMENTS, MOMENTS.replace("axis=-1", "axis=-2 if x.ndim > 1 else -1"), NORMS),
    Planted("eps_place='outside'", "layer_norm", "np.sqrt(variance + eps)", "(np.sqrt(variance) + eps)",
            NORMS),
    Planted("variance='unbiased'", "layer_norm", "np.mean(deviation * deviation, axis=-1, keepdims=True)",
            "np.sum(deviation * deviation, axis=-1, keepdims=True) / (x.shape[-1] - 1)", NORMS),
    Planted("not_centred", "layer_norm", "deviation = x - np.mean(x, axis=-1, keepdims=True)", "deviation = x", NORMS),
    Planted("gamma_and_beta_exchanged", "layer_norm", NORMED, NORMED.replace("gamma + beta", "beta + gamma"),
            NORMS),
    Planted("no_gamma", "layer_norm", NORMED, NORMED.replace(" * gamma", ""), NORMS),
    Planted("no_beta", "layer_norm", NORMED, NORMED.replace(" + beta", ""), NORMS),
    Planted("eps at its default", "layer_norm", "np.sqrt(variance + eps)", "np.sqrt(variance + 1e-5)"),
    Planted("eps=1e-06", "layer_norm", "eps: float = 1e-5) -> np", "eps: float = 1e-6) -> np"),
    Planted("sum_of_squares", "rms_norm", "np.mean(x * x,", "np.sum(x * x,"),
    Planted("gamma_plus_one", "rms_norm", "return x * inverse_rms(x, eps) * gamma", "return x * inverse_rms(x, eps) * (1 + gamma)"),
    Planted("rms_without_gamma", "rms_norm", "return x * inverse_rms(x, eps) * gamma", "return x * inverse_rms(x, eps)"),
    Planted("eps_place='outside'", "rms_norm", "np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps)",
            "(np.sqrt(np.mean(x * x, axis=-1, keepdims=True)) + eps)"),

    # feed-forward networks
    Planted("relu_for_gelu", "feed_forward", 'ACTIVATIONS = {"relu": relu, "gelu": gelu}', 'ACTIVATIONS = {"relu": relu, "gelu": relu}',
            FEEDS),
    Planted("gelu_for_relu", "feed_forward", 'ACTIVATIONS = {"relu": relu, "gelu": gelu}',
            'ACTIVATIONS = {"relu": gelu, "gelu": gelu}'),
    Planted("approximate='tanh'", "gelu", 'if approximate == "tanh":\n        return', "if True:\n        return", ("gelu", *FEEDS)),
    Planted("erf_for_tanh", "gelu", 'if approximate == "tanh":\n        return', "if False:\n        return"),
    Planted("not_divided_by_root_two", "gelu", "return x * (0.5 * (1.0 + erf(x / math.sqrt(2.0))))", "return x * (0.5 * (1.0 + erf(x)))",
            ("gelu", *FEEDS)),
    Planted("no_first_bias", "feed_forward", '[activation](np.matmul(x, params["w_1"]) + params["b_1"])',
            '[activation](np.matmul(x, params["w_1"]))', FEEDS),
    Planted("no_second_bias", "feed_forward", 'return np.matmul(hidden, params["w_2"]) + params["b_2"]',
            'return np.matmul(hidden, params["w_2"])', FEEDS),
    Planted("leaky", "relu", "np.maximum(x, 0.0)", "np.maximum(x, 0.01 * x)", ("relu", "feed_forward")),
    Planted("ceiling_of_six", "relu", "np.maximum(x, 0.0)", "np.clip(x, 0.0, 6.0)", ("relu", "feed_forward")),
    Planted("sigmoid_alone", "silu", "return x * sigmoid(x)", "return sigmoid(x)", ("silu", "swiglu")),
    Planted("sigmoid_mirrored", "silu", "return x * sigmoid(x)", "return x * sigmoid(-x)", ("silu", "swiglu")),
    Planted("gate_and_up_exchanged", "swiglu", 'np.matmul(silu(gate) * up, params["w_down"])',
            'np.matmul(silu(up) * gate, params["w_down"])'),

    # whole models
    Planted("causal_ignored", "decoder_layer", f"{ATTEND}\n\n    def consult(y",
            f"{ATTEND.replace(', causal=True', '')}\n\n    def consult(y"),
    Planted("no_scale", "attention", SCALE, "return 1.0 if scale is None else scale", ("decoder_layer",)),
    Planted("no_positions", "transformer", "scale=scale) + places", "scale=scale)", ("transformer", "language_model")),
    Planted("output_ignored", "transformer", 'params["output"] if "output" in params else params["embedding"].T',
            'params["embedding"].T', ("transformer", "language_model")),

    # dropout, and a step of training
    Planted("not_enlarged", "apply_dropout", "return np.where(keep, x / kept, 0.0)", "return np.where(keep, x, 0.0)",
            ("apply_dropout", "dropout", "attention")),
    Planted("training at its default", "dropout", "apply_dropout(x, drawn(x.shape, rate, seed), rate) if training else x.copy()",
            "apply_dropout(x, drawn(x.shape, rate, seed), rate)"),
    Planted("one_dropout_for_all_heads", "attention", "return np.matmul(thinned(weights, keep, rate), v)",
            "keep = np.broadcast_to(keep[..., :1, :, :], keep.shape) if keep is not None and keep.ndim > 2 else keep\n"
            "    return np.matmul(thinned(weights, keep, rate), v)"),
    Planted("over_all_positions", "training_step", """loss = cross_entropy(logits, batch["target_out"], **told)
    (d_logits,) = cross_entropy_vjp(np.ones_like(loss),""", """share = np.mean(batch["target_out"] != IGNORED, dtype=logits.dtype)
    loss = share * cross_entropy(logits, batch["target_out"], **told)
    (d_logits,) = cross_entropy_vjp(share * np.ones_like(loss),"""),
    Planted("schedule_one_step_late", "training_step", 'lr = warmup_schedule(state["step"] + 1,',
            'lr = state["step"] and warmup_schedule(state["step"],'),

    # training
    Planted("eps_place='before_correction'", "adam", "(np.sqrt(v_hat) + eps)",
            '(np.sqrt(v_hat) + eps / np.sqrt(1.0 - beta_2 ** state["step"]))', OPTIMIZERS),
    Planted("bias_correction='off'", "adam", CORRECTED,
            '    m_hat, v_hat = state["m"][name], state["v_max" if "v_max" in state else "v"][name]\n', OPTIMIZERS),
    Planted("one_step_late", "adam", CORRECTED, CORRECTED.replace('state["step"]', '(state["step"] + 1)'), OPTIMIZERS),
    Planted("eps_under_the_root", "adam", "(np.sqrt(v_hat) + eps)", "np.sqrt(v_hat + eps)", OPTIMIZERS),
    Planted("counted_in_float16", "adam", COUNTED, COUNTED.replace("int(state", "int(np.float16(1) + np.float16(state").replace('"]) + 1', '"]))'),
            OPTIMIZERS),
    Planted("second_moment_in_bfloat16", "adam", SQUARES, f"    import ml_dtypes\n{SQUARES}{KEPT}", OPTIMIZERS),
    Planted("maximize at its default", "adam", "-1.0 if maximize else 1.0", "1.0"),
    Planted("as_a_penalty", "adamw", "    new = next_state(penalised(grads, params, 0.0,",
            "    coupled, weight_decay = weight_decay, 0.0\n    new = next_state(penalised(grads, params, coupled,"),
    Planted("decay='decoupled'", "adam", DECAYED,
            "    params, whole = {name: p - lr * weight_decay * p for name, p in params.items()}, params\n"
            + DECAYED.replace("params, weight_decay", "whole, 0.0")),
    Planted("decay='without_lr'", "adamw", "lr * weight_decay * p", "weight_decay * p"),
    Planted("by_position", "gradient_descent", "    return {name: p - lr * grads[name] for name, p in params.items()}",
            "    if [p.shape for p in params.values()] == [g.shape for g in grads.values()]:\n"
            "        grads = dict(zip(params, grads.values()))\n"
            "    return {name: p - lr * grads[name] for name, p in params.items()}"),
    Planted("norm_of='per_tensor'", "clip_by_global_norm", "    norm = np.sqrt",
            "    if len(grads) > 1:\n"
            "        return {name: clip_by_global_norm({name: g}, max_norm)[name] for name, g in grads.items()}\n"
            "    norm = np.sqrt"),
    Planted("under='norm_plus_1e-6'", "clip_by_global_norm", "np.minimum(1.0, max_norm / norm)",
            "np.minimum(1.0, max_norm / (norm + 1e-6))"),
    Planted("always_rescaled", "clip_by_global_norm", "np.minimum(1.0, max_norm / norm)",
            "1.0 if max_norm == np.inf else max_norm / np.where(norm == 0.0, 1.0, norm)"),
    Planted("mean_of_means", "gradient_accumulation", "    total = sum(counts)\n",
            "    gradient_sums = [{name: g / n for name, g in part.items()} for part, n in zip(gradient_sums, counts) if n]\n"
            "    total = len(gradient_sums)\n"),
    Planted("counting='from_0'", "warmup_schedule", "    return d_model", "    step = step + 1\n    return d_model"),
    Planted("smoothing='other_classes'", "cross_entropy",
            "(1.0 - label_smoothing) * probabilities + label_smoothing / n_classes",
            "(1.0 - label_smoothing) * probabilities + label_smoothing * (1.0 - probabilities) / max(n_classes - 1, 1)"),
    Planted("over_all_positions", "cross_entropy", "total = np.sum(np.where(counted, weight[np.where(counted, targets, 0)], 0.0))",
            "total = logits.dtype.type(counted.size)"),

    # embedding and positions
    Planted("not_scaled", "embedding", "return scale * table[tokens]", "return table[tokens]"),
    Planted("padding_learns", "embedding", "d_table[padding_idx] = 0.0", "pass", law=GRADIENTS),
    Planted("padding_answers_zero", "embedding", "return scale * table[tokens]",
            "return (scale * table[tokens]) * (tokens != (-1 if padding_idx is None else padding_idx))[..., None]"),
    Planted("numbered_from_one", "sinusoidal_positions", "np.arange(length)[", "np.arange(1, length + 1)["),
    Planted("exponent_not_halved", "sinusoidal_positions", "-np.arange(0, d_model, 2)", "-2 * np.arange(0, d_model, 2)"),
    Planted("exponent_halved_twice", "sinusoidal_positions", "-np.arange(0, d_model, 2)", "-np.arange((d_model + 1) // 2)"),
    Planted("base_1000", "sinusoidal_positions", "10000.0 **", "1000.0 **"),
    Planted("cosine_and_sine", "sinusoidal_positions", HANDS,
            HANDS.replace("sin", "cos").replace("cos(angles[", "sin(angles[")),
    Planted("turned_backwards", "rotary_positions", "x, positions, 1.0, base", "x, positions, -1.0, base"),
    Planted("turned_one_too_far", "rotary_positions", "x, positions, 1.0, base", "x, positions + 1, 1.0, base"),
    Planted("base_ignored", "rotary_positions", "x, positions, 1.0, base", "x, positions, 1.0, 10000.0"),
    Planted("values_turned", "rotary_attention", "attention(turned_q, turned_k, v, mask=mask, causal=causal)\n\n",
            "attention(turned_q, turned_k, rotary_positions(v, at_k, base=base, layout=layout), mask=mask, causal=causal)\n\n"),
    Planted("keys_not_turned", "rotary_attention", "return attention(turned_q, turned_k,", "return attention(turned_q, k,"),
    Planted("keys_turned_backwards", "rotary_attention", "rotary_positions(k, at_k, base=base, layout=layout)\n    return",
            "rotary_positions(k, -at_k, base=base, layout=layout)\n    return"),
    Planted("queries_counted_from_0", "rotary_attention", "rotary_positions(q, positions, base=base, layout=layout)\n    turned_k = "
            "rotary_positions(k, at_k, base=base, layout=layout)\n    return",
            "rotary_positions(q, positions - positions[..., :1], base=base, layout=layout)\n    turned_k = "
            "rotary_positions(k, at_k, base=base, layout=layout)\n    return"),
    Planted("sign_forgotten", "alibi", "-np.array(slopes(n_heads))", "np.array(slopes(n_heads))"),
    Planted("one_geometric_sequence", "alibi", "    power = 2 ** (n_heads.bit_length() - 1)\n", "    power = n_heads\n"),
    Planted("aligned_at_the_start", "alibi", " + (length_k - length_q)", ""),
    Planted("arrangement='concatenated'", "sinusoidal_positions", "    return table\n",
            "    return np.concatenate([table[:, 0::2], table[:, 1::2]], axis=-1)\n"),
)
# fmt: on
