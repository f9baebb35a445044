"""The form in which texts are compared, however they were typed or extracted."""

from __future__ import annotations

import unicodedata

import regex

_UNSEEN = regex.compile(r"\p{Default_Ignorable_Code_Point}+")
"""Soft hyphens, joiners, marks of direction, variation selectors, fillers …"""
_GLUED = regex.compile(r"(?<=\w)(?=[™℠¼-¾⅐-⅟↉])")
"""Before what NFKC would make a part of the word or number: `Mill™`, `6½`."""
_TURKISH = str.maketrans({"I": "ı", "İ": "i"})


def canonical(text: str) -> str:
    """NFC, the form of ids: accents and letters in one, whatever a file system makes of them."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def canonical_forms(text: str) -> list[str]:
    """The text, and those of NFC and NFD that differ from it."""
    if text.isascii():
        return [text]
    return list(dict.fromkeys([text, canonical(text), unicodedata.normalize("NFD", text)]))


def normal_form(text: str, *, turkish: bool = False) -> str:
    """NFKC with case folded and without characters that are not seen: one form for each width,
    ligature, accent and case. Applying it again changes nothing.

    All letters i are one, dotted or not, but in Turkish, where they are two.
    """
    if text.isascii() and not turkish:
        return text.lower()
    text = unicodedata.normalize("NFKC", _GLUED.sub(" ", _UNSEEN.sub("", text)))
    if turkish:
        text = text.translate(_TURKISH)
    text = unicodedata.normalize("NFKC", text.casefold()).replace("i̇", "i")
    return text if turkish else text.replace("ı", "i")
