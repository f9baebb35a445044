"""Who tests what a refresh would publish."""

from __future__ import annotations

from components.corpus.promote import Judge
from components.spec import Pipeline


def judge(pipeline: Pipeline) -> Judge | None:
    """The gate's; None where the pipeline has none, which need not have what testing takes. Raises
    UserError.
    """
    if pipeline.gate is None:
        return None
    from evals import gate

    return gate.judge(pipeline)
