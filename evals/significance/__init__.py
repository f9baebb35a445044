"""Is one system better than another, by how much, and could these questions have told?"""

from __future__ import annotations

from evals.significance.compare import compare
from evals.significance.comparison import Comparison
from evals.significance.pairing import Pair
from evals.significance.rules import Rules

__all__ = ["Comparison", "Pair", "Rules", "compare"]
