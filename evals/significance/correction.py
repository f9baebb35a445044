"""Many comparisons at once: each p made as large as their number asks for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from components.errors import MissingExtra


def holm(values: Sequence[float]) -> list[float]:
    """Holm's corrected p, in the order given. Raises MissingExtra.

    Where none of the systems differ, the chance that any corrected p is below alpha is at most
    alpha, whatever the dependence between the comparisons.
    """
    try:
        from statsmodels.stats.multitest import multipletests
    except ModuleNotFoundError as error:
        raise MissingExtra("corrected p needs the package 'statsmodels'").at(
            hint="install millrace[evals]"
        ) from error
    if not values:
        return []
    corrected: np.ndarray = multipletests(list(values), method="holm")[1]
    return [float(each) for each in corrected]
