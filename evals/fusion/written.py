"""The text of `weights.toml`."""

from __future__ import annotations

from pathlib import Path

import components.retrievers.weights
from components.retrievers.evidence import KINDS
from components.retrievers.weights import Weights, read
from components.values import Matrix

FILE = Path(components.retrievers.weights.__file__).with_suffix(".toml")
_TEXT = """\
# How much each kind of evidence counts for a hit, see
# docs/decisions/0030-one-order-from-four-kinds-of-evidence.md.
# Fitted on open data sets by `python -m evals.fusion --write`.
{notes}
[chunk] # where a chunk has the question's words
{chunk}

[document] # where only a whole document has them
{document}

[turn] # from one to the other, by the share of the document's words that the chunk has
middle = {middle:.2f}
width = {width:.2f}

[reranking] # late interaction's share of the final score, where a chunk has the words
share = {share:.2f}
"""


def text(weights: Weights, notes: tuple[str, ...] = ()) -> str:
    """In hundredths: more digits would say more than the data do."""
    return _TEXT.format(
        notes="".join(f"# {each}\n" for each in notes),
        chunk=_row(weights.chunk),
        document=_row(weights.document),
        middle=weights.middle,
        width=max(weights.width, 0.01),
        share=weights.share,
    )


def rounded(weights: Weights) -> Weights:
    """As the file has them."""
    return read(text(weights))


def _row(weights: Matrix) -> str:
    pairs = zip(KINDS, weights.tolist(), strict=True)
    return "\n".join(f"{kind} = {weight:.2f}" for kind, weight in pairs)
