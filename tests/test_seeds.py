"""Seeds: what is drawn depends on nothing but the words, and neighbouring words have nothing in common."""

from __future__ import annotations

import numpy as np

from veriformer.properties.seeds import generator_of, seed_of

BINS = 16


def test_the_same_words_draw_the_same_numbers_whatever_was_drawn_before() -> None:
    first = generator_of(1, "q").random(5)
    np.random.random(3)
    assert first.tolist() == generator_of(1, "q").random(5).tolist()
    # PCG64 worked out by hand: on every machine the same, whichever end of a number it keeps first
    assert generator_of(1, "q").bit_generator.random_raw(2).tolist() == [0x66F246ADCAE8E93C, 0xF994B3547A971D69]


def test_other_words_draw_other_numbers() -> None:
    words = [(1, "q"), (1, "k"), (2, "q"), ("1q",)]
    assert len({tuple(generator_of(*w).random(3)) for w in words}) == len({seed_of(*w) for w in words}) == len(words)


def test_first_numbers_of_neighbouring_seeds_fill_all_of_the_range_evenly() -> None:
    firsts = np.array([generator_of(seed, "q").random(2) for seed in range(4096)])
    pairs, _, _ = np.histogram2d(firsts[:-1, 0], firsts[1:, 0], BINS, [(0, 1), (0, 1)])
    both, _, _ = np.histogram2d(firsts[:, 0], firsts[:, 1], BINS, [(0, 1), (0, 1)])
    for counts in (pairs, both):  # 16 to be expected in each of 256 squares: 4 is one standard deviation
        assert abs(counts - len(firsts) / BINS**2).max() < 6 * 4
