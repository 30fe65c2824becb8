"""Every law of every implementation found, a test each: pytest properties/test_laws.py -k "attention and float32"."""

from __future__ import annotations

from veriformer.testing import conformance_tests

test_laws = conformance_tests("all", quick=True)
