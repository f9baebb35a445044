"""Words for generated data sets, lists parted by commas, and names of people who do not exist."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from random import Random


@cache
def words(name: str) -> tuple[str, ...]:
    """The words of `NAME.txt`, in their order."""
    text = (files(__name__) / f"{name}.txt").read_text(encoding="utf-8")
    return tuple(each.strip() for each in re.split("[,\n]", text) if each.strip())


def people(random: Random, count: int) -> list[str]:
    """So many names, each once. Raises ValueError for more than there are, some 166,000."""
    given, begins, ends = map(words, ("given", "surname-beginnings", "surname-ends"))
    families = len(begins) * len(ends)
    picked = [divmod(each, families) for each in random.sample(range(len(given) * families), count)]
    return [
        f"{given[first]} {begins[last // len(ends)]}{ends[last % len(ends)]}"
        for first, last in picked
    ]
