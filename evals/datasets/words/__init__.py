"""Lists of words for generated data sets, parted by commas."""

from __future__ import annotations

import re
from importlib.resources import files


def words(name: str) -> list[str]:
    """The words of `NAME.txt`, in their order."""
    text = (files(__name__) / f"{name}.txt").read_text(encoding="utf-8")
    return [each.strip() for each in re.split("[,\n]", text) if each.strip()]
