"""The documents of a long run: what the source holds after so many changes, by a seed and their
number alone. Some can never be used, some turn bad.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from html import escape
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

from tests.corpora import prose
from tests.sources.killers import swelling_pdf

POISONS = ("empty", "broken", "deadly")
"""No text; a PDF that is cut short; one that takes more memory than its parser may have."""
_KINDS = (".txt", ".txt", ".txt", ".md", ".md", ".html", ".html", ".pdf")
_FOLDERS = ("", "", "a/", "a/b/")
_POISONED = 4
"""Of each kind, at most, so that the corpus does not fill up with them; one that is deadly."""
_DAY = 86_400 * 10**9


@dataclass(kw_only=True)
class Held:
    """What a file holds, and what of it a corpus must have."""

    text: int = 0
    """Seed of its text."""
    poison: str = ""
    """Why it cannot be used; empty for a document that can."""
    good: int | None = None
    """Seed of the last text that was seen to be stored; None: none of this name ever was."""


class Documents:
    """A folder of documents that changes step by step."""

    def __init__(self, folder: Path, held: Mapping[str, Held], made: int = 0) -> None:
        self.folder = folder
        self._held = dict(held)
        self._made = made
        """Names and texts that were given, so that no poison gets a name that was used before."""
        self._wanted = len(held)

    @classmethod
    def first(cls, folder: Path, count: int) -> Documents:
        """So many, all good."""
        own = cls(folder, {})
        chance = Random(count)
        for _ in range(count):
            own._add(chance)
        own._wanted = count
        return own

    @classmethod
    def from_json(cls, folder: Path, found: Mapping[str, Any]) -> Documents:
        """The reverse of `to_json`."""
        held = {name: Held(**each) for name, each in found["held"].items()}
        own = cls(folder, held, found["made"])
        own._wanted = found["wanted"]
        return own

    def to_json(self) -> dict[str, Any]:
        """To go on from."""
        held = {name: asdict(each) for name, each in self._held.items()}
        return {"held": held, "made": self._made, "wanted": self._wanted}

    def change(self, chance: Random, number: int) -> Counter[str]:
        """Another step: what was done, counted. `number`: from 1."""
        done: Counter[str] = Counter()
        usable = [name for name, each in self._held.items() if not each.poison]
        chance.shuffle(usable)
        for name in usable[: chance.randint(4, 20)]:
            self._held[name].text = self._next()
            done["edited"] += 1
        room = self._wanted - len(self._held)
        for name in usable[20 : 20 + max(0, chance.randint(0, 5) - room)]:
            del self._held[name]
            done["deleted"] += 1
        for name in usable[40 : 40 + chance.randint(0, 4)]:
            self._rename(name, chance)
            done["renamed"] += 1
        for _ in range(max(0, chance.randint(0, 5) + room)):
            self._add(chance)
            done["added"] += 1
        done[self._poison(POISONS[number % len(POISONS)], chance)] += 1
        if number % 3 == 0:
            done[self._spoil(usable[60:], chance)] += 1
        return done

    def write(self, chance: Random) -> None:
        """Make the folder hold what is meant. A time of change may lie before the one it had."""
        for path in [each for each in self.folder.rglob("*") if each.is_file()]:
            if path.relative_to(self.folder).as_posix() not in self._held:
                path.unlink()
        for name, each in self._held.items():
            path, data = self.folder / name, _content(name, each.text, each.poison)
            if path.is_file() and path.read_bytes() == data:
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            if chance.random() < 0.2:
                then = time.time_ns() - chance.randrange(30 * _DAY)
                os.utime(path, ns=(then, then))

    def write_served(self, folder: Path) -> None:
        """In another folder: what a corpus serves, where a document that has turned bad keeps the
        text that it had before.
        """
        for name, each in self._held.items():
            served = each.poison and each.good is not None
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            seed = each.good if served and each.good is not None else each.text
            path.write_bytes(_content(name, seed, "" if served else each.poison))

    def failed(self) -> set[str]:
        """Names of those that cannot be used now."""
        return {name for name, each in self._held.items() if each.poison}

    def settle(self) -> None:
        """Everything that can be used was seen to be stored."""
        for each in self._held.values():
            if not each.poison:
                each.good = each.text

    def lose(self) -> None:
        """The store is another one, and empty: nobody has the texts that were good once."""
        for each in self._held.values():
            each.good = None

    def _next(self) -> int:
        self._made += 1
        return self._made

    def _name(self, chance: Random, kind: str) -> str:
        return f"{chance.choice(_FOLDERS)}{self._next():05}{kind}"

    def _add(self, chance: Random) -> None:
        self._held[self._name(chance, chance.choice(_KINDS))] = Held(text=self._next())

    def _rename(self, old: str, chance: Random) -> None:
        new = self._name(chance, Path(old).suffix)
        self._held[new] = Held(text=self._held.pop(old).text)
        if (self.folder / old).is_file():
            (self.folder / new).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / old).rename(self.folder / new)

    def _poison(self, kind: str, chance: Random) -> str:
        """One more, or one that there are enough of is mended or goes."""
        there = [name for name, each in self._held.items() if each.poison == kind]
        if len(there) >= (1 if kind == "deadly" else _POISONED):
            name = chance.choice(there)
            if chance.random() < 0.5:
                del self._held[name]
                return "poison deleted"
            self._held[name].text, self._held[name].poison = self._next(), ""
            return "poison mended"
        suffix = ".txt" if kind == "empty" else ".pdf"
        self._held[self._name(chance, suffix)] = Held(poison=kind)
        return f"poison: {kind}"

    def _spoil(self, usable: list[str], chance: Random) -> str:
        """A document turns bad of which it is known what is stored."""
        settled = [name for name in usable if self._held[name].good == self._held[name].text]
        if not settled:
            return "none turned bad"
        name = chance.choice(settled)
        self._held[name].poison = "broken" if name.endswith(".pdf") else "empty"
        return "turned bad"


@lru_cache(maxsize=2000)
def _content(name: str, seed: int, poison: str) -> bytes:
    if poison == "deadly":
        return _deadly()
    if poison == "broken":
        return _pdf("Cut short.")[:200]
    if poison == "empty":
        return b""
    text = prose(seed, sentences=6 + seed % 9)
    if name.endswith(".pdf"):
        return _pdf(text)
    if name.endswith(".html"):
        return f"<html><title>Mill {seed}</title><p>{escape(text)}</p></html>".encode()
    return (f"# Mill {seed}\n\n{text}\n" if name.endswith(".md") else text).encode()


@cache
def _deadly() -> bytes:
    return swelling_pdf()


def _pdf(text: str) -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    file = BytesIO()
    canvas = Canvas(file, invariant=True)  # or else it holds the time
    for line, sentence in enumerate(text.split(". ")):
        canvas.drawString(72, 760 - 20 * line, sentence)
    canvas.save()
    return file.getvalue()
