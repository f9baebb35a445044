"""Where what a test asks for does not depend on the store."""

from __future__ import annotations

import pytest

embedded_first = pytest.mark.parametrize(
    "store", ["qdrant_edge", pytest.param("qdrant", marks=pytest.mark.slow)], indirect=True
)
"""Always in the embedded index, on a server in `make test-all`."""
