from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from components.encoders.bm25 import Bm25
from components.encoders.no_sparse import NoSparse
from components.errors import BadOption
from components.registry import build, resolve
from tests.contracts.sparse import SparseContract, check_same
from tests.test_writing import ALIKE

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
    @pytest.fixture(params=["english", "german", "russian", "none", "auto"])
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

    def test_a_term_of_a_question_weighs_the_more_the_more_often_it_stands_there(self) -> None:
        (vector,) = Bm25().encode_queries(["mill mill milling wheel the"])
        found = dict(zip(vector.indices.tolist(), vector.values.tolist(), strict=True))
        assert found == pytest.approx({term("mill"): 9 * 3 / (8 + 3), term("wheel"): 1.0})

    @pytest.mark.parametrize("times", [1, 2, 100, 30_000])
    def test_a_question_s_weights_come_from_whole_counts(self, times: int) -> None:
        (vector,) = Bm25(k=0.5, b=1.0).encode_queries(["mill " * times])
        assert vector.values.tolist() == pytest.approx([9 * times / (8 + times)])


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


class TestForms:
    @pytest.mark.parametrize("language", ["english", "german"])
    @pytest.mark.parametrize("forms", ALIKE.values(), ids=ALIKE)
    def test_how_a_word_is_typed_does_not_matter(
        self, forms: tuple[str, ...], language: str
    ) -> None:
        sparse = Bm25(language=language)
        texts = [f"mill {form} wheel" for form in forms]
        for vectors in (sparse.encode_documents(texts, 5.0), sparse.encode_queries(texts)):
            for vector in vectors[1:]:
                assert vector.indices.tolist() == vectors[0].indices.tolist()
                assert vector.values.tolist() == vectors[0].values.tolist()
        assert len({sparse.length(text) for text in texts}) == 1

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("Ẹ\u0300kọ\u0301 wheel", 2),
            ("हिन्दी", 1),
            ("शक्ति mill", 2),
            ("m̄ini — n\u0303andu", 2),
            ("¨ ´ mill", 1),
        ],
    )
    def test_a_mark_parts_no_word(self, text: str, words: int) -> None:
        assert Bm25().length(text) == words

    @pytest.mark.parametrize("language", ["english", "german", "greek"])
    def test_words_are_the_same_beside_one_with_a_mark(self, language: str) -> None:
        text = "The mills' wheel_2 — 3.5 “turning” Räder, e-mail, von den οδοί της"
        one, marked = Bm25(language=language).encode_queries([text, f"{text} m̄"])
        assert set(one.indices) < set(marked.indices)
        assert len(marked.indices) == len(one.indices) + 1

    @pytest.mark.parametrize(
        ("language", "forms"),
        [
            ("german", ("daß", "DASS", "dass")),
            ("german", ("für", "fu\u0308r", "FÜR")),
            ("greek", ("της προς", "ΤΗΣ ΠΡΟΣ", "τησ προσ")),
            ("turkish", ("için", "İÇİN", "ic\u0327in", "I\u0307ÇI\u0307N")),
        ],
    )
    def test_stop_words_are_known_in_every_form(
        self, language: str, forms: tuple[str, ...]
    ) -> None:
        assert [Bm25(language=language).length(form) for form in forms] == [0] * len(forms)

    def test_turkish_folds_its_own_letters(self) -> None:
        found = Bm25(language="turkish").encode_queries(["ISPARTA", "ısparta", "İZMİR", "izmir"])
        indices = [vector.indices.tolist() for vector in found]
        assert indices[0] == indices[1] != indices[2] == indices[3]


UNSPACED = {
    "Chinese": ("外币汇率换算的规则由财务部门制定。", "汇率换算"),
    "a character of Chinese": ("一只猫在睡觉。", "猫"),
    "Chinese beside Latin": ("使用GPU加速计算。", "gpu 计算"),
    "Japanese": ("国際標準化に関する動向を調査した。", "標準化"),
    "Japanese, half width": ("ｶﾞｲﾄﾞﾗｲﾝを改訂する。", "ガイドライン"),
    "Korean": ("환불 정책은 구매 후 삼십일 동안 유효합니다.", "정책"),
    "a syllable of Korean": ("물은 백 도에서 끓는다.", "물"),
    "Thai": ("นโยบายการคืนเงินมีอายุสามสิบวัน", "การคืนเงิน"),
    "Thai with tones": ("น้ำเดือดที่อุณหภูมิหนึ่งร้อยองศา", "น้ำเดือด"),
    "Lao": ("ນະໂຍບາຍການຄືນເງິນ", "ຄືນເງິນ"),
    "Khmer": ("គោលការណ៍សងប្រាក់វិញ", "សងប្រាក់"),
    "Khmer, parted by zero-width spaces": ("គោល\u200bការណ៍\u200bសង\u200bប្រាក់", "សងប្រាក់"),
    "Myanmar": ("ငွေပြန်အမ်းမူဝါဒ", "ပြန်အမ်း"),
}


class TestScriptsWithoutBlanks:
    @pytest.mark.parametrize(("text", "word"), UNSPACED.values(), ids=UNSPACED)
    @pytest.mark.parametrize("language", ["english", "german"])
    def test_a_word_inside_of_a_run_is_found(self, text: str, word: str, language: str) -> None:
        sparse = Bm25(language=language)
        (document,), (query,) = sparse.encode_documents([text], 9.0), sparse.encode_queries([word])
        assert set(query.indices) <= set(document.indices)
        assert len(query.indices)

    def test_pairs_and_characters_that_may_be_words_are_counted(self) -> None:
        assert Bm25().length("換算") == 3
        assert Bm25().length("かな") == 1
        assert Bm25().length("การ") == 2
        assert Bm25().length("猫") == Bm25().length("の") == 1

    def test_words_around_a_run_are_those_without_it(self) -> None:
        one, other = Bm25().encode_queries(["turning wheels", "turning換算wheels"])
        assert set(one.indices) < set(other.indices)

    def test_other_characters_are_other_terms(self) -> None:
        document, query = Bm25().encode_queries(["外币汇率换算", "財務部門"])
        assert set(document.indices).isdisjoint(query.indices)


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


# Of XQuAD's languages and others: each has a word that another language's stemmer would not cut.
WRITTEN = {
    "arabic": ("تطحن المطاحن الحبوب بالحجر عند النهر كل يوم", "مطاحن"),
    "english": ("The millers were grinding the farmers' grain beside the running river", "grinds"),
    "french": ("Les meuniers broyaient les grains des paysans au bord de la rivière", "meunier"),
    "german": ("Die Müllerinnen mahlten das Getreide der Bauern am Ufer des Flusses", "FLUSS"),
    "russian": ("Мельники мололи зерно крестьян у реки каждый день", "мельника"),
    "turkish": ("Değirmenciler köylülerin tahılını ırmak kıyısında öğütüyordu", "DEĞİRMENCİ"),
    "none": ("Młynarze mielili zboże chłopów nad rzeką każdego dnia", "zboże"),
}


class TestEachDocumentsOwnLanguage:
    @pytest.mark.parametrize(("language", "text"), [(k, v[0]) for k, v in WRITTEN.items()])
    def test_a_document_is_read_in_its_own(self, language: str, text: str) -> None:
        auto, own = Bm25(language="auto"), Bm25(language=language)
        assert auto.language_of(text) == language
        for sparse in (auto, auto.reading(language)):
            check_same(sparse.encode_documents([text], 9.0), own.encode_documents([text], 9.0))
            assert sparse.length(text) == own.length(text)

    @pytest.mark.parametrize(
        "text", ["国際標準化に関する動向を調査した。", "외币", "", "2049", "😀 …"]
    )
    def test_what_has_no_stemmer_is_read_in_none(self, text: str) -> None:
        auto = Bm25(language="auto")
        assert auto.language_of(text) in ("none", "english")
        check_same(auto.encode_documents([text], 9.0), Bm25().encode_documents([text], 9.0))

    def test_a_question_is_stemmed_in_each(self) -> None:
        auto = Bm25(language="auto", languages=tuple(sorted(WRITTEN)))
        for text, asked in WRITTEN.values():
            (document,), (query,) = auto.encode_documents([text], 9.0), auto.encode_queries([asked])
            assert set(document.indices) & set(query.indices), asked

    def test_a_term_of_several_languages_weighs_as_of_one(self) -> None:
        auto = Bm25(language="auto", languages=("english", "german", "none"))
        (query,) = auto.encode_queries(["turbine turbine 2049"])
        assert sorted({*query.values.tolist()}) == pytest.approx([1.0, 1.8])
        assert len(query.indices) == 3  # turbin in English and German, turbine

    def test_no_stop_word_of_any_is_left(self) -> None:
        auto = Bm25(language="auto", languages=("english", "german", "none"))
        (query,) = auto.encode_queries(["the der with und"])
        assert len(query.indices) == 0

    def test_other_encoders_say_no_language(self) -> None:
        assert Bm25(language="german").language_of("The mill.") == ""
        assert "py3langid" not in Bm25().facts
        assert "py3langid" in Bm25(language="auto").facts


@pytest.mark.parametrize(
    "options", [{"k": -1.0}, {"b": 1.5}, {"k": float("inf")}, {"average": 3.0}]
)
def test_bad_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(BadOption):
        build("sparse", resolve("sparse", "bm25", options))
