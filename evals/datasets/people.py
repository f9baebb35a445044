"""Names of people who do not exist."""

from __future__ import annotations

from random import Random

from evals.datasets.words import words


def people(random: Random, count: int) -> list[str]:
    """So many names, each once. Raises ValueError for more than there are, some 166,000."""
    given, begins, ends = map(words, ("given", "surname-beginnings", "surname-ends"))
    families = len(begins) * len(ends)
    picked = [divmod(each, families) for each in random.sample(range(len(given) * families), count)]
    return [
        f"{given[first]} {begins[last // len(ends)]}{ends[last % len(ends)]}"
        for first, last in picked
    ]
