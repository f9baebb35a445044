"""Words as searches compare them: ways of writing that readers take for one are one.

Beside what Unicode calls equal: capitals have no accents in Greek, vowel points and stress are for
learners, figures are of any script, and keyboards lack the letter that belongs there.
"""

from __future__ import annotations

import re
import unicodedata

import regex

from components.text.normal_form import canonical, normal_form

_RAISED = r"[¹²³⁰⁴-⁹]+"
_APART = regex.compile(
    rf"(?<=[\p{{L}}\p{{M}}]{{3}}|\p{{Nd}}){_RAISED}|{_RAISED}(?=[\p{{L}}\p{{M}}]{{3}})"
    r"|[①-⒛⓪-⓿❶-➓㉈-㉏㉑-㉟㊱-㊿]+|№|[\d#*]\ufe0f?\u20e3"
)
"""No part of the word or number beside them: `Frist¹`, `10⁶`, `①Open`. A unit's are: `m²`."""
_THOUSANDS = regex.compile(r"(?<![\d.,])\d{1,3}(?:[,'’\xa0\u2009\u202f]\d{3})+(?![,'’]?\d)")
"""Numbers in groups of three."""
_NO_DIGIT = regex.compile(r"\D")
_UNWRITTEN = regex.compile(
    r"[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7]"  # Hebrew: vowels and accents
    r"|[\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed]"  # Arabic: and stretching
    r"|(?<=\p{Cyrillic})[\u0300\u0301]"  # stress
    r"|(?<=\p{Greek})\p{Mn}+"
    r"|[\p{Me}\u0332\u0335-\u0338]"  # what is drawn around letters, below and through them
)
"""What most writers leave out."""


def _unaccented() -> dict[str, str]:
    greek = map(chr, (*range(0x370, 0x400), *range(0x1F00, 0x2000)))
    found = {each: unicodedata.normalize("NFD", each)[0] for each in greek}
    return {each: base for each, base in found.items() if base != each and base.isalpha()}


_LETTERS = {
    "ё": "е", "ѐ": "е", "ѝ": "и",  # dots and accents that are seldom written
    "ی": "ي", "ک": "ك",  # Persian on a keyboard for Arabic
    "œ": "oe",
    "ൺ": "ണ്", "ൻ": "ന്", "ർ": "ര്", "ൽ": "ല്", "ൾ": "ള്", "ൿ": "ക്",  # two codes of Malayalam
    **dict.fromkeys("ʹʺʻʼʽʾʿꞌ", "'"),
    **_unaccented(),
}  # fmt: skip
_OTHERS = regex.compile(rf"[{''.join(_LETTERS)}[\p{{Nd}}--0-9]]", regex.VERSION1)
"""Letters that stand for others, and figures of all scripts."""

_SELDOM = re.compile(
    r"[²³¹ŉŒœ\u02b9-\u02bf\u0300-\u1dff\u1f00-\u1fff\u2070-\u218f\u2460-\U0010ffff]"
)
"""What Latin text has seldom, some of which is changed."""


def word_form(text: str, *, turkish: bool = False) -> str:
    """The text's `normal_form`, with each word and number in the one way in which it is compared.
    Blanks may come in beside what is no part of a word.
    """
    text = _THOUSANDS.sub(lambda found: _NO_DIGIT.sub("", found.group()), text)
    if text.isascii() or not _SELDOM.search(text):
        return normal_form(text, turkish=turkish)
    form = normal_form(_APART.sub(r" \g<0> ", canonical(text)), turkish=turkish)
    return str(_OTHERS.sub(_common, _UNWRITTEN.sub("", form)))


def _common(found: regex.Match[str]) -> str:
    letter = found.group()
    return _LETTERS.get(letter) or str(unicodedata.decimal(letter, letter))
