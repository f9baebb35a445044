"""The characters of a page of a PDF one by one: which can be read, and where they stand.

That is slower than the text in one piece, so only for pages on which something is typed or lost.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from ctypes import c_double
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt
from pypdfium2 import raw

from components.sources.extract.pdf_typed import Typed

UNREADABLE = "\ufffd"
"""Stands for a character of which the font does not say which one it is."""
_SPACES = frozenset((3, 32, 160))
"""Codes of blanks in fonts of which nothing is known; by convention the third glyph is one."""
_PRIVATE = re.compile("[\ue000-\uf8ff]{3,}")
"""Words in characters that mean whatever a font wants; fewer of them are bullets."""
_THIRD = "\x03"
_NUMBERED = re.compile(rf"(?<!\S)\S*?{_THIRD}\S*")
"""What is put together by the third character."""
_LOWER = 5
"""One in so many characters is a small letter, at least, in text that is none of numbers."""
_LOST = re.compile(rf"{UNREADABLE}(?:\s*{UNREADABLE}){{2,}}|(?<=\w){UNREADABLE}+(?=\w)")
_IN_WORD = re.compile(rf"(?<=\w){UNREADABLE}{{1,2}}(?=\w)")
_ANY = re.compile(rf"[ \t]*(?:{UNREADABLE}[ \t]*)+")
_Mask = npt.NDArray[np.bool_]


def unmapped(text: Any) -> bytes:
    """For each character of PDFium's text page, 1 where its font has no Unicode for it, else 0."""
    return bytes(map(raw.FPDFText_HasUnicodeMapError, repeat(text.raw), range(text.count_chars())))


def readable(text: str) -> tuple[str, bool]:
    """The text without what cannot be read, and whether words are lost by that.

    Blanks stand for symbols; a mark for what is missing within a word, which would be another.
    """
    text = _PRIVATE.sub(_marks, _without_numbers(text))
    if UNREADABLE not in text:
        return text, False
    lost = bool(_LOST.search(text))
    marked = _IN_WORD.sub("\0", text)
    return _ANY.sub(" ", marked).replace("\0", UNREADABLE), lost


def _without_numbers(text: str) -> str:
    """The text without what a font's map gives as the glyphs' numbers: the blank is the third, and
    small letters come out as capitals and signs.
    """
    if _THIRD not in text:
        return text
    numbered = "".join(_NUMBERED.findall(text))
    if _LOWER * sum(map(str.islower, numbered)) < len(numbered):
        text = _NUMBERED.sub(_marks, text)
    return text.replace(_THIRD, " ")


def _marks(found: re.Match[str]) -> str:
    return UNREADABLE * len(found[0])


@dataclass(frozen=True)
class Characters:
    """What is drawn on a page, in order, with line ends."""

    pieces: list[str]
    at: npt.NDArray[np.int64]
    """Positions in `pieces` of all that are no blanks."""
    boxes: npt.NDArray[np.float64]
    """(4, positions): their left, bottom, right and top, in points."""

    @property
    def text(self) -> str:
        """In one piece."""
        return "".join(self.pieces)

    def with_typed(self, typed: Sequence[Typed]) -> str:
        """The text with what was typed into the page beside its label; without one, at the end."""
        before, after = defaultdict[int, str](str), defaultdict[int, str](str)
        rest = []
        for each in sorted(typed, key=lambda each: (-each.top, each.left)):
            if (found := self._label_behind(each)) is not None:
                before[found] += f"{each.text} "
            elif (found := self._label(each)) is not None:
                after[found] += f" {each.text}"
            else:
                rest.append(each.labelled)
        pieces = []
        for at, piece in enumerate(self.pieces):
            pieces += [before.get(at, ""), piece, after.get(at, "")]
            if at in after and not "".join(self.pieces[at + 1 : at + 2]).isspace():
                pieces.append(" ")
        return "\n".join([*filter(None, ["".join(pieces).rstrip()]), *rest])

    def _label_behind(self, typed: Typed) -> int | None:
        """The first character behind a box that is ticked, where what it means stands."""
        left, _, _, _ = self.boxes
        near = (left >= typed.right - 1) & (left < typed.right + 3 * self._heights)
        return self._best(near & self._in_line(typed), -left) if typed.kind == "box" else None

    def _label(self, typed: Typed) -> int | None:
        """The last character of what stands in the place, before it in its line, or above."""
        left, bottom, right, top = self.boxes
        over = np.minimum(right, typed.right) > np.maximum(left, typed.left)
        inside = over & (bottom >= typed.bottom) & (top <= typed.top)
        ahead = self._in_line(typed) & (right <= typed.left + self._heights / 2)
        gap = bottom - typed.top
        above = over & (gap >= -self._heights / 2) & (gap < 1.5 * self._heights)
        for label, order in ((inside, self.at), (ahead, right), (above, right)):
            if (found := self._best(label, order)) is not None:
                return found
        return None

    @property
    def _heights(self) -> npt.NDArray[np.float64]:
        found: npt.NDArray[np.float64] = np.maximum(self.boxes[3] - self.boxes[1], 1.0)
        return found

    def _in_line(self, typed: Typed) -> _Mask:
        _, bottom, _, top = self.boxes
        common = np.minimum(top, typed.top) - np.maximum(bottom, typed.bottom)
        found: _Mask = common > np.minimum(self._heights, typed.top - typed.bottom) / 2
        return found

    def _best(self, which: _Mask, order: npt.NDArray[Any]) -> int | None:
        return int(self.at[which][np.argmax(order[which])]) if which.any() else None


def characters(page: Any, text: Any, flags: bytes) -> Characters:
    """Of PDFium's page and text page, within the page's box, put together as PDFium puts together a
    text in one piece; `flags` as `unmapped` gives them.
    """
    pieces: list[str] = []
    at: list[int] = []
    boxes: list[tuple[float, ...]] = []
    bounds = page.get_bbox()
    line, in_line, ended = 0.0, False, False
    for index, flag in enumerate(flags):
        code = raw.FPDFText_GetUnicode(text.raw, index)
        box = _box(text, index)
        if _meet(box, bounds):
            base = _base(text, index)
            if base != line and not in_line and ended:
                line = base
                pieces += ["\n"] * bool(pieces)
            in_line, ended = True, False
            pieces.append(_shown(code, flag))
            if pieces[-1].strip():
                at.append(len(pieces) - 1)
                boxes.append(box)
        elif code == ord(" "):
            pieces += [" "] * in_line
            in_line, ended = False, ended and not in_line
        else:
            in_line, ended = False, True
    return Characters(pieces, np.array(at, dtype=np.int64), np.array(boxes).reshape(-1, 4).T)


def _shown(code: int, flag: int) -> str:
    if flag:
        return " " if code in _SPACES else UNREADABLE
    return chr(code) if code else ""


def _box(text: Any, index: int) -> tuple[float, float, float, float]:
    left, right, bottom, top = c_double(), c_double(), c_double(), c_double()
    raw.FPDFText_GetCharBox(text.raw, index, left, right, bottom, top)
    return left.value, bottom.value, right.value, top.value


def _base(text: Any, index: int) -> float:
    x, y = c_double(), c_double()
    raw.FPDFText_GetCharOrigin(text.raw, index, x, y)
    return y.value


def _meet(one: Sequence[float], other: Sequence[float]) -> bool:
    return max(one[0], other[0]) < min(one[2], other[2]) and (
        max(one[1], other[1]) < min(one[3], other[3])
    )
