"""Seeds: random numbers that depend on nothing but words."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.random.bit_generator import ISeedSequence


def bits_of(*words: object) -> bytes:
    """256 bits that depend on nothing but these words."""
    return hashlib.sha256("|".join(map(str, words)).encode()).digest()


def seed_of(*words: object) -> int:
    """A seed that depends on nothing but these words."""
    return int.from_bytes(bits_of(*words)[:8], "big")


def generator_of(*words: object) -> np.random.Generator:
    """Random numbers that depend on nothing but these words."""
    seed = Digest(bits_of(*words))
    return np.random.Generator(np.random.PCG64(seed))  # type: ignore[arg-type]  # the stubs know no ISeedSequence


class Digest(ISeedSequence):
    """A digest as the first state of a generator. It is mixed already: NumPy's own mixing of seeds takes eight times as long as
    all else, and every array drawn has a generator."""

    def __init__(self, digest: bytes) -> None:
        self.digest = digest

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> np.ndarray:
        """The digest as so many words. Raises ValueError where it has not as many."""
        words = np.frombuffer(self.digest, np.dtype(dtype).newbyteorder("<"), count=n_words)
        return words.astype(dtype, copy=False)
