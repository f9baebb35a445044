from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.answerers.extractive.extractive import REFUSAL, Extractive
from components.errors import BadOption
from components.registry import build, resolve
from components.stages import Answerer
from components.values import Answer, Chunk, Hit, Matrix, Query, Span
from evals.judging.offline import judge
from tests.contracts.answerer import AnswererContract

CASH = """Ostrava Mills
Consolidated Statements of Cash Flows
(In millions)
Years ended June 30, 2021 2020 2019
Net income $ 412 $ 380 $ 377
Depreciation and amortization 91 88 —
Changes in working capital (17) 4 12
Net cash provided by operating activities 503 468 441
Purchases of property, plant and equipment (133) (128) (120)
Proceeds from sale of land, net of cash sold
21 30 5
Dividends paid per share $ 1.20 $ 1.10 $ 1.00
62
"""
LEAVE = """Employees accrue two days of annual leave per month. Unused leave lapses at the end of
March. Sick leave needs a note from a physician after the third day. The canteen opens at noon."""
GRID = """| | 2021 | 2020 |
|---|---|---|
| Wheels sold | 1,250 | |
| Stones sold | 77 | 81 |
"""


def chunk(text: str, number: int = 0, start: int = 0, document: str = "mills") -> Chunk:
    return Chunk(
        id=f"{document}:{number}", document_id=document, version="1", ordinal=number,
        span=Span(start, start + len(text)), text=text, page=number, last_page=number,
    )  # fmt: skip


def hits(*chunks: Chunk) -> list[Hit]:
    return [
        Hit(chunk=each, score=1 / (at + 1), chunk_ids=(each.id,)) for at, each in enumerate(chunks)
    ]


def cut(text: str, *places: int) -> list[Chunk]:
    """The text as consecutive chunks of one document."""
    edges = [0, *places, len(text)]
    pairs = pairwise(edges)
    return [chunk(text[a:b], number, a) for number, (a, b) in enumerate(pairs)]


def ask(question: str, *chunks: Chunk, **options: object) -> Answer:
    return Extractive(**options).answer(Query(text=question), hits(*chunks))  # type: ignore[arg-type]


def cited(answer: Answer) -> list[str]:
    return [each.chunk_id for each in answer.citations]


def figures(text: str) -> list[str]:
    return re.findall(r"\d+(?:[.,]\d+)*", text)


class TestContract(AnswererContract):
    @pytest.fixture
    def answerer(self) -> Answerer:
        return Extractive()


class TestRow:
    @pytest.mark.parametrize(
        ("question", "answer"),
        [
            ("What was net income in 2020?", "Net income, 2020: $380 million"),
            (
                "What is the FY2021 capital expenditure amount (in USD millions) for Ostrava?",
                "Purchases of property, plant and equipment, 2021: 133 million",
            ),
            ("What was dividends per share in FY19?", "Dividends paid per share, 2019: $1.00"),
            (
                "What are the proceeds from the sale of land in 2020?",
                "Proceeds from sale of land, net of cash sold, 2020: 30 million",
            ),
            (
                "How did operating cash flow change between 2019 and 2021?",
                "Net cash provided by operating activities, 2019: 441 million; 2021: 503 million",
            ),
            (
                "Look at the cash flow statement only. What is D&A for FY2021? Answer in millions.",
                "Depreciation and amortization, 2021: 91 million",
            ),
            ("Did net income grow between 2019 and 2020?",
             "Yes: Net income rose by $3 million, from $377 million (2019) to $380 million (2020)"),
        ],
    )  # fmt: skip
    def test_is_the_one_asked_for_with_its_column_and_scale(
        self, question: str, answer: str
    ) -> None:
        found = ask(question, chunk(CASH))
        assert found.text == answer
        assert cited(found) == ["mills:0"]

    def test_is_read_down_a_column(self) -> None:
        text = "(Millions)\n2021\n2020\nGoodwill\n7,001\n6,900\nInventories\n12\n13\n8\n"
        assert ask("What was goodwill in 2020?", chunk(text)).text == (
            "Goodwill, 2020: 6,900 million"
        )
        assert ask("What were inventories in 2021?", chunk(text)).text == (
            "Inventories, 2021: 12 million"
        )

    def test_is_read_from_a_grid(self) -> None:
        assert (
            ask("How many stones were sold in 2020?", chunk(GRID)).text == "Stones sold, 2020: 81"
        )

    def test_without_a_cell_for_a_column_gives_no_neighbours_figure(self) -> None:
        assert ask("How many wheels were sold in 2020?", chunk(GRID)).text == REFUSAL
        dash = ask("How much was depreciation and amortization in 2019?", chunk(CASH))
        assert dash.text == REFUSAL

    def test_of_a_year_that_is_not_there_is_refused(self) -> None:
        assert ask("How much was net income in 2017?", chunk(CASH)).text == REFUSAL

    def test_is_put_together_from_chunks_that_touch(self) -> None:
        pieces = cut(CASH, CASH.index("Net income"), CASH.index("(133)"))
        found = ask("How much was capex in 2021?", *reversed(pieces))
        assert found.text == "Purchases of property, plant and equipment, 2021: 133 million"
        assert set(cited(found)) == {"mills:0", "mills:1", "mills:2"}

    def test_with_a_number_over_a_seam_is_left_out(self) -> None:
        pieces = cut(CASH, CASH.index("12 $ 380"))
        assert ask("How much was net income in 2021?", *pieces).text == REFUSAL

    def test_of_chunks_that_only_claim_to_overlap_is_not_mixed(self) -> None:
        other = chunk("9 of another text\nGoodwill 55 66\n", 1, CASH.index("1.00") + 2)
        found = ask("What was dividends per share in 2019?", chunk(CASH), other)
        assert found.text == "Dividends paid per share, 2019: $1.00"

    def test_without_heading_is_refused_whatever_the_documents_year(self) -> None:
        row = replace(
            chunk("Net income 412 380\nGoodwill 5 6\n"), title="Ostrava 2021 annual report"
        )
        assert ask("How much was net income in 2020?", row).text == REFUSAL
        assert ask("How much was net income?", row).text == REFUSAL

    def test_takes_its_scale_from_an_earlier_hit_of_the_document(self) -> None:
        text = "2021 2020\nGoodwill 5 6\n"
        head, far = chunk("Balance sheet (in thousands)\n"), chunk(text, 9, 900)
        question = "What was goodwill in 2020?"
        assert ask(question, far, head).text == "Goodwill, 2020: 6 thousand"
        other = replace(head, id="other:0", document_id="other")
        assert ask(question, far, other).text == "Goodwill, 2020: 6"

    def test_that_holds_a_year_has_no_scale(self) -> None:
        text = chunk("(in thousands)\n2021 2020\nMaturity of the mill loan 2039 12\n")
        assert ask("What was the maturity of the mill loan in 2021?", text).text == (
            "Maturity of the mill loan, 2021: 2039"
        )

    def test_of_a_quarter_is_no_answer_for_the_year_nor_the_other_way_round(self) -> None:
        table = "Three months ended June 30, Six months ended June 30,\n2021 2020 2021 2020\n"
        quarterly = chunk(f"{table}Net sales 50 48 104 99\n")
        titled = replace(quarterly, title="Ostrava Q2 2021 report")
        question = "How much were net sales in {}?"
        assert ask(question.format("Q2 2021"), titled).text == "Net sales, Q2 2021: 50"
        assert ask(question.format("Q2 2021"), quarterly).text == REFUSAL
        assert ask(question.format("Q3 2021"), titled).text == REFUSAL
        assert ask(question.format("FY2021"), titled).text == REFUSAL
        assert ask("How much was net income in Q2 2021?", chunk(CASH)).text == REFUSAL
        assert ask("How much was net income in the third quarter?", chunk(CASH)).text == REFUSAL

    def test_without_one_of_two_years_is_refused(self) -> None:
        question = "How much did net income change between 2018 and 2021?"
        assert ask(question, chunk(CASH)).text == REFUSAL

    def test_of_a_total_is_given_where_the_total_is_asked_for(self) -> None:
        text = chunk("2021 2020\nFlour\nWheat 5 6\nOther 1 2\nTotal flour 7 8\n")
        assert ask("How much was total flour in 2020?", text).text == "Total flour, 2020: 8"

    def test_with_more_figures_than_years_skips_a_note_or_a_change(self) -> None:
        note = "2021 2020\nGoodwill 8 501 499\n"
        assert ask("What was goodwill in 2021?", chunk(note)).text == "Goodwill, 2021: 501"
        change = "2021 2020 Change\nGoodwill 501 499 0.4%\n"
        assert ask("What was goodwill in 2020?", chunk(change)).text == "Goodwill, 2020: 499"
        unclear = "2021 2020\nGoodwill 501 499 77 78\n"
        assert ask("How much was goodwill in 2020?", chunk(unclear)).text == REFUSAL

    def test_is_found_by_phrases_of_a_file(self, tmp_path: Path) -> None:
        lists = tmp_path / "items.toml"
        question = "How much was the grist toll in 2021?"
        text = chunk("2021 2020\nMilling dues 31 32\n")
        assert ask(question, text).text == REFUSAL
        lists.write_text('same = [["grist toll", "milling dues"]]')
        found = Extractive(items=lists)
        answer = found.answer(Query(text=question), hits(text))
        assert answer.text == "Milling dues, 2021: 31"
        before = dict(found.facts)
        lists.write_text("same = []")
        assert dict(found.facts) != before


class TestNotWorkedOut:
    @pytest.mark.parametrize(
        "question",
        [
            "What is the FY2021 quick ratio? Define it as cash divided by current liabilities.",
            "What is the 3 year average of net income as a % of revenue?",
            "What is the net income margin for 2021?",
        ],
    )
    def test_a_ratio_is_refused(self, question: str) -> None:
        found = ask(question, chunk(CASH))
        assert (found.text, found.citations) == (REFUSAL, ())


class TestSentences:
    def test_are_the_best_of_the_passage_verbatim(self) -> None:
        found = ask("When does unused leave lapse?", chunk(LEAVE))
        assert found.text == "Unused leave lapses at the end of March."

    def test_stand_in_order_and_each_once(self) -> None:
        first, second = chunk(LEAVE, 0, 0, "a"), chunk(LEAVE, 0, 0, "b")
        found = ask("Which leave is there, annual leave or sick leave?", first, second)
        assert found.text.count("annual leave") == 1
        assert found.text.index("annual leave") < found.text.index("Sick leave")
        assert cited(found) == ["a:0"]

    def test_are_no_more_than_were_asked_for(self) -> None:
        text = " ".join(f"The mill wheel number {at} turns slowly." for at in range(9))
        found = ask("Why does the mill wheel turn slowly?", chunk(text), sentences=2, near_best=0.0)
        assert found.text.count("turns slowly.") == 2

    def test_answer_yes_or_no_without_concluding(self) -> None:
        found = ask("Does sick leave need a note?", chunk(LEAVE))
        assert found.text.startswith("Sick leave needs a note")

    def test_hold_a_figure_where_one_is_asked_for(self) -> None:
        text = chunk(
            "Wages of millers are set by hand. Wages of millers rose to 12 crowns in 2020."
        )
        assert ask("How much were the wages of millers?", text).text == (
            "Wages of millers rose to 12 crowns in 2020."
        )
        assert ask("How much were the wages of millers in 2019?", text).text == REFUSAL

    def test_are_a_grids_lines_where_it_holds_words(self) -> None:
        grid = "| speed | meaning |\n| fast | the wheel turns by steam |\n| slow | by hand |\n"
        found = ask("What does the fast speed mean?", chunk(grid), sentences=1)
        assert found.text == "| fast | the wheel turns by steam |"

    def test_do_not_leave_the_comparing_to_the_reader(self) -> None:
        text = chunk(
            "The mills of each river rest in winter. The wheels of these mills are of oak."
        )
        assert ask("Which mills rest in winter?", text).text.startswith("The mills")
        assert ask(
            "Which mills of the rivers have the largest wheels?", chunk(LEAVE), text
        ).text == (REFUSAL)

    def test_that_only_announce_a_figure_are_none(self) -> None:
        text = chunk("The tons of flour sold by the mill in 2020 were, for 2 barns:")
        assert ask("How many tons of flour were sold by the mill in 2020?", text).text == REFUSAL

    def test_of_other_matters_are_refused(self) -> None:
        found = ask("Which vaccine was licensed by the agency?", chunk(LEAVE))
        assert (found.text, found.citations) == (REFUSAL, ())

    def test_of_another_language(self) -> None:
        text = "Die Mühle steht am Fluss. Das Mehl wird im Winter gemahlen. Der Müller schläft."
        found = ask("Wann wird das Mehl gemahlen?", chunk(text), language="de", stemmer="german")
        assert found.text == "Das Mehl wird im Winter gemahlen."

    def test_are_chosen_by_vectors_where_that_is_wanted(self) -> None:
        text = chunk("The mill wheel turns by night. The mill wheel is made of oak in spring.")
        question = "What is the mill wheel?"
        plain = Extractive(sentences=1).answer(Query(text=question), hits(text))
        near = Extractive(sentences=1, similarity=1.0, encoder=_Oak())  # type: ignore[arg-type]
        assert plain.text == "The mill wheel turns by night."
        assert near.answer(Query(text=question), hits(text)).text.endswith("made of oak in spring.")


class _Oak:
    """Sees nothing but the word oak; finds it in every question."""

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        seen = [[1.0, 0.0] if "oak" in each or "?" in each else [0.0, 1.0] for each in texts]
        return np.asarray(seen, dtype=np.float32)


class TestRefusal:
    @pytest.mark.parametrize("gold", ["$ 12.00", "No", "Yes, it did", "Because of the flood"])
    def test_is_understood_as_one(self, gold: str) -> None:
        assert judge("Why did the mill stop?", gold, REFUSAL).verdict == "refused"

    def test_without_hits(self) -> None:
        assert ask("What was net income in 2020?").text == REFUSAL

    def test_reads_no_more_hits_than_it_should(self) -> None:
        filler = [chunk("The canteen opens at noon.", at, at * 100) for at in range(3)]
        question = "What was net income in 2020?"
        text = chunk(CASH, 9, 900)
        assert ask(question, *filler, text, hits=3).text == REFUSAL
        assert ask(question, *filler, text, hits=4).text.startswith("Net income")


class TestOptions:
    def test_build_it_by_name(self) -> None:
        found = build("answerer", resolve("answerer", "extractive", {"sentences": 1}))
        assert found == Extractive(sentences=1)

    @pytest.mark.parametrize("options", [{"sentences": 0}, {"least_row": 1.5}, {"language": "EN!"}])
    def test_that_make_no_sense_are_refused(self, options: dict[str, object]) -> None:
        with pytest.raises(BadOption):
            build("answerer", resolve("answerer", "extractive", options))

    @pytest.mark.parametrize(
        "content", [None, b"same = [", b"\xff\xfe", b"same = [1]", b"same = 3"]
    )
    def test_a_bad_file_of_phrases_is_the_users_mistake(
        self, tmp_path: Path, content: bytes | None
    ) -> None:
        file = tmp_path / "items.toml"
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(BadOption):
            Extractive(items=file).answer(Query(text="What is it?"), hits(chunk(LEAVE)))

    @pytest.mark.parametrize(
        ("lists", "said"),
        [
            ('same = "abc"', "same has the wrong shape"),
            ('same = ["abc"]', "same.0 has the wrong shape"),
            ("light = 3", "light has the wrong shape"),
            ("sames = []", "sames is not known"),
        ],
    )
    def test_lists_of_the_wrong_shape(self, tmp_path: Path, lists: str, said: str) -> None:
        file = tmp_path / "items.toml"
        file.write_text(lists)
        made = Extractive(items=file)
        with pytest.raises(BadOption, match=said):
            made.facts  # noqa: B018
        with pytest.raises(BadOption, match=said) as caught:
            made.answer(Query(text="What is it?"), hits(chunk(LEAVE)))
        assert caught.value.where == str(file)

    def test_a_stemmer_that_there_is_not(self) -> None:
        with pytest.raises(BadOption, match="'klingon'") as caught:
            Extractive(stemmer="klingon")
        assert "german" in caught.value.hint


NUMBERS = st.one_of(
    st.integers(0, 99_999).map("{:,}".format),
    st.integers(0, 9_999).map("({:,})".format),
    st.decimals(0, 100, places=1).map("{}%".format),
    st.sampled_from(["—", "$ 5", "-7", "2019", "2020"]),
)
LABELS = st.sampled_from(
    ["Net sales", "Goodwill", "Net income (Note 4)", "Capex", "", "Total", "😀"]
)
LINES = st.one_of(
    st.tuples(LABELS, st.lists(NUMBERS, max_size=4)).map(
        lambda each: " ".join([each[0], *each[1]])
    ),
    st.sampled_from(["2021 2020", "(in millions)", "2020\n2019", "Goodwill was 14.5 in 2020.", ""]),
    st.text(max_size=30),
)
QUESTIONS = st.sampled_from(
    [
        "What was net sales in 2020?",
        "How much has goodwill changed between 2019 and 2021?",
        "What is net income?",
        "Did net sales grow?",
        "Why is goodwill 14.5?",
        "What is the change in capex from 2020 to 2021?",
    ]
)


def test_a_year_of_a_heading_that_a_seam_cuts_is_not_stated() -> None:
    found = ask("What was net sales?", *cut("2021 2020\nNet sales 7 8", 1))
    assert not {"2021", "021"} & set(figures(found.text))


@given(lines=st.lists(LINES, max_size=12), question=QUESTIONS, data=st.data())
def test_every_figure_that_is_read_stands_in_a_cited_chunk(
    lines: list[str], question: str, data: st.DataObject
) -> None:
    text = "\n".join(lines)
    inside = [each.start() + 1 for each in re.finditer(r"[\d,](?=[\d,])", text)]
    anywhere = st.integers(1, max(1, len(text) - 1))
    places = data.draw(st.sets(anywhere | st.sampled_from(inside or [1]), max_size=4))
    chunks = [each for each in cut(text, *sorted(places)) if each.text]
    found = ask(question, *data.draw(st.permutations(chunks)), least_sentence=0.0, least_row=0.5)
    texts = {each.id: each.text for each in chunks}
    stated = {each for id in cited(found) for each in figures(texts[id])}
    told, _, calculation = found.text.partition(". Calculation: ")
    read = calculation or re.sub(r" by .*?, from", " from", told)
    assert set(figures(read)) <= stated | set(figures(question))
