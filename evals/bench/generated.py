"""Text without meaning, with words of which few are frequent."""

from __future__ import annotations

import random


def document(number: int, sentences: int, revision: int = 0) -> dict[str, str]:
    """A row of a corpus. Sentences have 12 words; the same number and revision give the same."""
    of = f"document {number}" + (f" revision {revision}" if revision else "")
    chance = random.Random(of)  # noqa: S311 - no secret
    told = [f"{' '.join(words(chance, 12)).capitalize()}." for _ in range(sentences)]
    return {"_id": f"d{number}", "text": " ".join(told)}


def words(chance: random.Random, size: int) -> list[str]:
    """Of 8,000 words, few of them often."""
    numbers = (int(8000 * chance.random() ** 3) for _ in range(size))
    return [_word(number) for number in numbers]


def _word(number: int) -> str:
    letters = []
    for _ in range(3):
        number, syllable = divmod(number, 20)
        letters.append("bdfgklmnprstvwz"[syllable % 15] + "aeiou"[syllable % 5])
    return "".join(letters)
