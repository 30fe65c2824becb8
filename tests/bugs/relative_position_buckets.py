"""Real bugs of relative positions in buckets (T5), which are no component here."""

from __future__ import annotations

from tests.bugs.bug import ABSENT, Bug

PE15 = Bug(
    "PE15",
    "relative_position_buckets",
    "https://github.com/huggingface/candle/pull/1312",
    "Distances beyond the largest are not put into the last bucket.",
    ABSENT,
    "relative_position_buckets(length_q, length_k, *, bidirectional=True, num_buckets=32, max_distance=128) -> integers",
)

BUGS = (PE15,)
