"""One form of a text, whatever of its forms is given."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.text.normal_form import normal_form

SAME = {
    "composed or not": ("Kündigungsfrist", "Ku\u0308ndigungsfrist"),
    "marks in another order": ("ẹ\u0301\u0323x", "ẹ\u0323\u0301x"),
    "a mark without a letter of its own": ("Ẹ\u0300kọ\u0301", "E\u0323\u0300ko\u0323\u0301"),
    "sharp s": ("Straße", "STRASSE", "STRAẞE"),
    "final sigma": ("ΟΔΟΣ", "οδος", "οδοσ"),
    "dotted i": ("İstanbul", "istanbul", "ISTANBUL", "I\u0307stanbul", "İstanbul".lower()),
    "dotless i": ("Diyarbakır", "DIYARBAKIR"),
    "ligatures": ("ﬁnal oﬀer", "final offer"),
    "long s": ("Waſſer", "Wasser"),
    "full width": ("ＦＡＸ　１２３", "fax 123"),
    "half width": ("ｶﾞｲﾄﾞ", "ガイド"),
    "squared": ("10㎏", "10kg"),
    "raised": ("CO₂ m²", "co2 m2"),
    "mathematical letters": ("𝐀𝒷𝕔", "abc"),
    "Roman numeral": ("Ⅳ", "iv"),
    "hyphen that does not break": ("e\u2011mail", "e\u2010mail"),
    "ideograph for compatibility": ("\uf900", "豈"),
    "Hangul by letters": ("환불", unicodedata.normalize("NFD", "환불")),
    "Arabic forms of presentation": ("ﺳﻼم", "سلام"),
    "soft hyphen": ("co\u00adoperate", "cooperate"),
    "zero-width space": ("foo\u200bbar", "foobar"),
    "joiners": ("می\u200cخواهم", "میخواهم"),
    "word joiner, mark of order": ("mill\u2060stone\ufeff", "millstone"),
    "marks of direction": ("\u202babc\u202c\u200e", "abc"),
    "variation selector": ("葛\U000e0100城\ufe0f", "葛城"),
    "joiner before a sign": ("Mill\u200b™", "mill tm"),
    "grapheme joiner": ("a\u034f\u0301", "á"),
}


@pytest.mark.parametrize("forms", SAME.values(), ids=SAME)
def test_forms_of_one_text_are_one(forms: tuple[str, ...]) -> None:
    assert len({normal_form(form) for form in forms}) == 1, [normal_form(form) for form in forms]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("schon", "schön"),
        ("か", "が"),
        ("mill stone", "millstone"),
        ("e-mail", "email"),
        ("σ", "s"),
    ],
)
def test_other_words_stay_others(one: str, other: str) -> None:
    assert normal_form(one) != normal_form(other)


@pytest.mark.parametrize(("text", "words"), [("Mill™", "mill tm"), ("6½", "6 1⁄2"), ("5№", "5no")])
def test_what_is_no_letter_of_the_word_stays_apart_from_it(text: str, words: str) -> None:
    assert normal_form(text) == words


def test_turkish_has_two_letters_i() -> None:
    def form(text: str) -> str:
        return normal_form(text, turkish=True)

    assert form("ISPARTA") == form("ısparta") == "ısparta"
    assert form("İZMİR") == form("izmir") == form("İZMİR".lower()) == "izmir"
    assert form("I\u0307ZMI\u0307R") == "izmir"


def test_it_is_nfkc_and_folds_case_alone_for_every_character() -> None:
    """But for those that are not seen, that are kept apart, and the letters i."""
    others = set()
    for each in map(chr, range(sys.maxunicode + 1)):
        if unicodedata.category(each) in ("Cn", "Co", "Cs"):
            continue
        form = normal_form(each)
        assert normal_form(form) == form, ascii(each)
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", each).casefold())
        if form != folded:
            others.add((form, folded))
    assert ("", "\u00ad") in others
    assert {form for form, _ in others} == {"", "i"}


@given(st.text(), st.booleans())
def test_applied_twice_it_changes_nothing(text: str, turkish: bool) -> None:
    form = normal_form(text, turkish=turkish)
    assert normal_form(form, turkish=turkish) == form


@given(st.text())
def test_canonical_forms_have_one(text: str) -> None:
    forms = [unicodedata.normalize(kind, text) for kind in ("NFC", "NFD", "NFKC", "NFKD")]
    assert normal_form(forms[0]) == normal_form(forms[1])
    assert normal_form(forms[2]) == normal_form(forms[3])
