"""Whole: the spec's sentence embedding, and how far local errors anywhere in the model can move it.

An implementation's answer to each call is off by some d_s with |d_s| <= B_s, its bound on the input that it got there. With
z_s the output of call s and y an element of the embedding, to first order in the roundoffs

    |y_implementation - y| <= sum_s <|dy / dz_s|, B_s>.

This is the worst case: nothing is assumed of the errors' signs or independence. What is assumed: products of two roundoffs
are smaller than the room that worst cases leave, and so are the roundoffs of the derivatives, which come from one reverse
pass for each probed element over a tape of float64 (Griewank & Walther 2008, chapter 3). The spec itself runs in float64:
its own local errors, bounded in the same way, are added to B_s.
A probabilistic bound, sqrt(2 ln(2 N / 1e-9)) sigma by Hoeffding, would need independent errors. Within a call they are
not (one variance serves a row, one key all queries), and between the model's 41 calls, where they may be, it saves at most
a factor sqrt(41) = 6.4 and costs 7.7. In float32 the worst case reaches a quarter of the scale: most elements abstain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from veriformer.impls.protocol import Tree
from veriformer.properties.law import Evidence, relation
from veriformer.properties.real.compose import compose, pooled
from veriformer.properties.real.model import Page
from veriformer.properties.real.plain import Plain
from veriformer.properties.seeds import generator_of
from veriformer.spec import COMPONENTS
from veriformer.spec.component import largest
from veriformer.spec.numbers import Bounded, Tape, pull_back
from veriformer.spec.numbers.precision import OUTWARD, precision_of

PROBES = 4
"""How many elements of each sentence's embedding are judged; drawn, for every sentence others."""

OWN = precision_of("float64")
"""The precision of what the suite computes itself."""


@dataclass(frozen=True)
class Whole:
    """The spec on a page.

    embedding: (B, d_model). pooling: what pooling itself may round, alike. probes: columns, (probes, B).
    slopes: for each probe, where -> |dy / dz| of every element of the output there.
    """

    page: Page
    embedding: np.ndarray
    pooling: np.ndarray
    probes: np.ndarray
    slopes: tuple[Mapping[str, np.ndarray], ...]

    def evidence(self, hidden: np.ndarray, local: Mapping[str, np.ndarray]) -> tuple[Evidence, ...]:
        """Each probed element of an implementation's embeddings beside the spec's; local: where -> B_s and the spec's own."""
        with np.errstate(all="ignore"):
            got = pooled(hidden.astype(np.float64), self.page.kept)
            moved = [carried(slopes, local) for slopes in self.slopes]
        found = []
        for probe, sentence in np.ndindex(*self.probes.shape):
            column = self.probes[probe, sentence]
            allowed = (moved[probe][sentence] + 2 * self.pooling[sentence, column]) * OUTWARD
            place = [sentence], [column]
            name = f"embedding[{sentence}, {column}]"
            found.append(relation(name, got[place], self.embedding[place], allowed, largest(self.embedding)))
        return tuple(found)


def carried(slopes: Mapping[str, np.ndarray], local: Mapping[str, np.ndarray]) -> np.ndarray:
    """sum_s <slope, local error>, for each sentence: an error that nothing depends on does not count."""
    terms = (np.where(slope > 0, slope * local[where], 0.0) for where, slope in slopes.items())
    return np.asarray(sum(np.sum(term, axis=(1, 2)) for term in terms))


def follow(page: Page, seed: int = 0) -> Whole:
    """The spec from the tokens to the embedding, and back again once for each probe."""
    nodes: dict[str, Tape] = {}

    def ask(where: str, component: str, arguments: tuple[Tree, ...], options: dict[str, Tree]) -> Any:
        output = COMPONENTS[component](*arguments, **options)
        if not isinstance(output, Tape):  # rows of a table, for every sentence of its own
            output = Tape(Plain(np.broadcast_to(output, (*page.tokens.shape, output.shape[-1]))))
        nodes[where] = output
        return output

    hidden = compose(page, page.params, ask)
    embedding = pooled(hidden, page.kept)
    count, width = embedding.shape
    rng = generator_of(seed, page.name, "probes")
    probes = rng.permuted(np.tile(np.arange(width), (count, 1)), axis=1)[:, : min(PROBES, width)].T
    return Whole(
        page=page,
        embedding=embedding.value.values,
        pooling=pooled(Bounded.given(hidden.value.values, OWN), page.kept).error,
        probes=probes,
        slopes=tuple(slopes(embedding, nodes, columns) for columns in probes),
    )


def slopes(embedding: Tape, nodes: Mapping[str, Tape], columns: np.ndarray) -> dict[str, np.ndarray]:
    """One reverse pass for one column of each sentence: sentences do not meet, so their derivatives stay apart."""
    cotangent = np.zeros(embedding.shape)
    cotangent[np.arange(len(columns)), columns] = 1
    found = pull_back(embedding, Plain(cotangent), list(nodes.values()))
    return {where: np.abs(g.values) for where, g in zip(nodes, found, strict=True) if g is not None}
