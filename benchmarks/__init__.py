"""Corsac's benchmarks: ``python -m benchmarks``, from the repository's root."""

import sys
from pathlib import Path

# The conformance cases and the servers of the tests are used here too.
sys.path.append(str(Path(__file__).parents[1] / "tests"))
