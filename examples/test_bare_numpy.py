"""The laws in a test suite of your own, in three lines: `pytest examples/test_bare_numpy.py -k float32`"""

from veriformer.testing import conformance_tests

test_bare_numpy = conformance_tests("bare_numpy.py", quick=True)
