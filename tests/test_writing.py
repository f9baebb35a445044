"""One way to write a word, whichever of its ways is given."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.text.writing import word_form
from tests.test_normal_form import SAME

ALIKE = {
    "Greek capitals": ("Αθήνα", "ΑΘΗΝΑ", "Αθη\u0301να"),
    "Greek of old": ("ἄνθρωπος", "ΑΝΘΡΩΠΟΣ", "άνθρωπος"),
    "Russian without dots": ("учёт", "учет", "УЧЁТ", "уче\u0308т"),
    "Russian with stress": ("Влади\u0301мир", "Владимир"),
    "Arabic with vowels": ("مُحَمَّد", "محمد"),
    "Arabic, stretched": ("محـــمد", "محمد"),
    "Hebrew with vowels": ("שָׁלוֹם", "שלום", "\ufb2a\u05b8לו\u05b9ם"),
    "Persian by an Arabic keyboard": ("کتابی", "كتابي"),
    "Arabic figures": ("٢٠٢٤", "2024"),
    "Persian figures": ("۲۰۲۴", "2024"),
    "Thai figures": ("๒๕๖๗", "2567"),
    "figures of Devanagari": ("२०२४", "2024"),
    "full width": ("２０２４", "2024"),
    "French ligature": ("cœur", "coeur", "CŒUR"),
    "Ukrainian apostrophe": ("п'ять", "п\u02bcять"),
    "Hawaiian okina": ("Hawai'i", "Hawai\u02bbi"),
    "Malayalam": ("അവൻ", "അവന്\u200d"),
    "struck through": ("m\u0336i\u0336l\u0336l", "mill"),
    "in a circle": ("mill\u20dd", "mill"),
    "thousands": ("1,234,567", "1234567", "1'234'567", "1’234’567", "1\u202f234\u202f567"),
    "thousands with a fraction": ("1,234.56", "1234.56"),
    **SAME,
}


def test_a_figure_that_python_does_not_know_stays_as_it_is() -> None:
    """Unicode 16 has digits that Python 3.11 has not."""
    assert word_form("no. \U0001ccf0") == "no. \U0001ccf0"


@pytest.mark.parametrize("forms", ALIKE.values(), ids=ALIKE)
def test_ways_to_write_a_word_are_one(forms: tuple[str, ...]) -> None:
    assert len({word_form(form) for form in forms}) == 1, [word_form(form) for form in forms]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("die Frist¹ gilt", "die frist 1 gilt"),
        ("¹Siehe oben", "1 siehe oben"),
        ("10⁶ km²", "10 6 km2"),
        ("2024¹", "2024 1"),
        ("CO₂ und m³", "co2 und m3"),
        ("①Open", "1 open"),
        ("按①关闭", "按 1 关闭"),
        ("❷Close", "❷ close"),
        ("№5", "no 5"),
        ("5\ufe0f\u20e3Deploy #\u20e3x", "5 deploy # x"),
    ],
)
def test_what_is_no_part_of_a_word_stands_apart(text: str, words: str) -> None:
    assert word_form(text).split() == words.split()


@pytest.mark.parametrize(
    "text", ["1,2,3", "12,34", "1234,567", "3.141", "10.0.0.100", "2019, 300", "v1,2345", "1,000,0"]
)
def test_other_numbers_stay_as_they_are(text: str) -> None:
    assert word_form(text) == text


@pytest.mark.parametrize(
    ("one", "other"), [("schon", "schön"), ("й", "и"), ("ї", "і"), ("か", "が"), ("ẹ́", "ẹ")]
)
def test_letters_of_their_own_stay_others(one: str, other: str) -> None:
    assert word_form(one) != word_form(other)


@given(st.text(), st.booleans())
def test_composed_or_not_it_is_one(text: str, turkish: bool) -> None:
    forms = (unicodedata.normalize(kind, text) for kind in ("NFC", "NFD"))
    assert len({word_form(each, turkish=turkish) for each in forms}) == 1
