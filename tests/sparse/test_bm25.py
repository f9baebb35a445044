from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from components.encoders.bm25 import Bm25
from components.encoders.no_sparse import NoSparse
from components.errors import BadOption
from components.registry import build, resolve
from tests.contracts.sparse import SparseContract

# None of these words is a stop word or changes when it is stemmed.
TEXTS = [
    "mill wheel mill stone mill river",
    "river",
    "water wheel water",
    " ".join(["mill"] * 500 + ["weir"] * 30 + ["grain"]),
]


def term(word: str) -> int:
    """The id of a word that is a term."""
    (vector,) = Bm25().encode_queries([word])
    (index,) = vector.indices
    return int(index)


class TestBm25(SparseContract):
    @pytest.fixture(params=["english", "german", "russian"])
    def sparse(self, request: pytest.FixtureRequest) -> Bm25:
        return Bm25(language=request.param)


class TestNoSparse(SparseContract):
    @pytest.fixture
    def sparse(self) -> NoSparse:
        return NoSparse()

    def test_no_text_has_terms(self, sparse: NoSparse) -> None:
        vectors = [*sparse.encode_documents(TEXTS, 5.0), *sparse.encode_queries(TEXTS)]
        assert len(vectors) == 2 * len(TEXTS)
        assert [len(vector.indices) for vector in vectors] == [0] * len(vectors)
        assert [sparse.length(text) for text in TEXTS] == [0] * len(TEXTS)


class TestFormula:
    @pytest.mark.parametrize("average", [1.0, 6.0, 250.0])
    @pytest.mark.parametrize(("k", "b"), [(1.2, 0.75), (0.0, 0.5), (2.0, 0.0), (0.9, 1.0)])
    def test_weights_are_those_of_the_formula(self, k: float, b: float, average: float) -> None:
        for text, vector in zip(
            TEXTS, Bm25(k=k, b=b).encode_documents(TEXTS, average), strict=True
        ):
            words = text.split()
            norm = k * (1 - b + b * len(words) / average)
            expected = {
                term(word): count * (k + 1) / (count + norm)
                for word, count in Counter(words).items()
            }
            found = dict(zip(vector.indices.tolist(), vector.values.tolist(), strict=True))
            assert found == pytest.approx(expected, rel=1e-5)

    def test_stop_words_count_neither_as_terms_nor_as_length(self) -> None:
        plain, stopped = Bm25().encode_documents(
            ["mill wheel river", "the mill and a wheel of the river"], 4.0
        )
        assert plain.indices.tolist() == stopped.indices.tolist()
        np.testing.assert_allclose(plain.values, stopped.values, rtol=1e-6)

    def test_a_term_of_a_question_weighs_as_often_as_it_stands_there(self) -> None:
        (vector,) = Bm25().encode_queries(["mill mill milling wheel the"])
        found = dict(zip(vector.indices.tolist(), vector.values.tolist(), strict=True))
        assert found == {term("mill"): 3.0, term("wheel"): 1.0}

    @pytest.mark.parametrize("times", [1, 2, 100, 30_000])
    def test_a_question_s_weights_are_whole(self, times: int) -> None:
        (vector,) = Bm25(k=0.5, b=1.0).encode_queries(["mill " * times])
        assert vector.values.tolist() == [times]


class TestLength:
    @pytest.mark.parametrize(
        ("text", "terms"),
        [
            ("mill wheel river", 3),
            ("mill mill mill", 3),
            ("the mill and the wheel", 2),
            ("the and of", 0),
            ("Mill, wheel; river!", 3),
            (" ".join(["mill"] * 20_000), 20_000),
            (" ".join(f"w{number}" for number in range(3000)), 3000),
            (TEXTS[3], 531),
        ],
        ids=["plain", "repeated", "stop words", "stop words only", "marks", "long", "many", "both"],
    )
    def test_counts_terms(self, text: str, terms: int) -> None:
        assert Bm25().length(text) == terms

    def test_does_not_depend_on_the_weights(self) -> None:
        for text in TEXTS:
            assert Bm25(k=0.0, b=1.0).length(text) == Bm25().length(text) == len(text.split())


class TestLanguages:
    def test_forms_of_a_word_are_one_term(self) -> None:
        found = Bm25().encode_queries(["mills", "MILL", "milling"])
        assert [vector.indices.tolist() for vector in found] == [[term("mill")]] * 3

    def test_stop_words_are_the_language_s(self) -> None:
        assert Bm25(language="german").length("der und the") == 1
        assert Bm25(language="english").length("der und the") == 2

    def test_an_unknown_language_is_refused(self) -> None:
        with pytest.raises(ValueError, match="klingon"):
            Bm25(language="klingon")
        with pytest.raises(BadOption, match="english"):
            build("sparse", resolve("sparse", "bm25", {"language": "klingon"}))

    def test_a_language_that_the_engine_lacks_is_refused_before_it_is_used(self) -> None:
        with pytest.raises(BadOption, match="tamil"):
            build("sparse", resolve("sparse", "bm25", {"language": "tamil"}))

    @pytest.mark.parametrize(
        "language",
        [
            *("arabic", "danish", "dutch", "english", "finnish", "french", "german", "greek"),
            *("hungarian", "italian", "norwegian", "portuguese", "romanian", "russian"),
            *("spanish", "swedish", "turkish"),
        ],
    )
    def test_every_known_language_works(self, language: str) -> None:
        assert Bm25(language=language).length("2049 turbine") == 2


@pytest.mark.parametrize(
    "options", [{"k": -1.0}, {"b": 1.5}, {"k": float("inf")}, {"average": 3.0}]
)
def test_bad_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(BadOption):
        build("sparse", resolve("sparse", "bm25", options))
