"""What the extractive answerer works out from tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.answerers.extractive.extractive import REFUSAL, Extractive
from components.answerers.extractive.formulas import Operand, Operation, formula
from components.errors import BadOption
from components.values import Answer, Chunk, Hit, Query, Span

INCOME = """Ostrava Mills
Consolidated Statements of Income
(In millions, except per share data)
Years ended June 30, 2021 2020 2019
Net sales $ 2,000 $ 1,600 $ 1,000
Cost of sales (1,500) (1,280) (850)
Gross profit 500 320 150
Operating income (loss) 120 (16) 40
Net income, including earnings attributable to noncontrolling interests 104 61 31
Net income attributable to Ostrava Mills 100 60 30
"""
BALANCE = """Ostrava Mills
Consolidated Balance Sheets
(In thousands)
June 30, 2020 2021
Current assets:
Inventories, net 100,000 140,000
Receivables 50,000 70,000
Total current assets 400,000 600,000
Total assets 900,000 1,100,000
Accounts payable 80,000 120,000
Total current liabilities 200,000 250,000
"""
FLOWS = """Cash flows (in millions)
2021 2020 2019
Depreciation and amortization 80 70 60
Net cash provided by operating activities 300 280 200
Purchases of property, plant and equipment (90) (64) (20)
Dividends paid (40) — (12)
"""


def hit(
    text: str, number: int = 0, document: str = "mills", title: str = "Ostrava Mills 2021"
) -> Hit:
    start = number * 10_000
    made = Chunk(
        id=f"{document}:{number}", document_id=document, version="1", ordinal=number,
        span=Span(start, start + len(text)), text=text, title=title, page=number, last_page=number,
    )  # fmt: skip
    return Hit(chunk=made, score=1 / (1 + number), chunk_ids=(made.id,))


def ask(question: str, *texts: str, **options: object) -> Answer:
    given = [hit(text, number) for number, text in enumerate(texts)]
    return Extractive(**options).answer(Query(text=question), given)  # type: ignore[arg-type]


class TestMeasure:
    @pytest.mark.parametrize(
        ("question", "answer"),
        [
            ("What is the gross margin for FY2021?", "Gross margin, 2021: 25.00%"),
            ("What was the operating margin in 2020?", "Operating margin, 2020: -1.00%"),
            ("What is the net profit margin in 2021? Round to one decimal.",
             "Net profit margin, 2021: 5.0%"),
            ("What is the FY2021 current ratio?", "Current ratio, 2021: 2.40"),
            ("What is the quick ratio for 2020?", "Quick ratio, 2020: 1.50"),
            ("What is the FY2021 return on assets (ROA)?", "Return on assets, 2021: 10.00%"),
            ("What is the FY2021 free cash flow (in USD billions)?",
             "Free cash flow, 2021: 0.21 billion"),
            ("What was EBITDA in 2020?", "EBITDA, 2020: 54 million"),
            ("What is the FY2021 D&A % margin?", "D&A % margin, 2021: 4.00%"),
            ("What is the retention ratio in 2021?", "Retention ratio, 2021: 0.60"),
            ("What is capex as a percentage of revenue in 2020?",
             "Capex as a percentage of revenue, 2020: 4.00%"),
        ],
    )  # fmt: skip
    def test_is_worked_out_from_the_rows(self, question: str, answer: str) -> None:
        found = ask(question, INCOME, BALANCE, FLOWS)
        assert found.text.partition(". Calculation: ")[0] == answer

    def test_shows_its_calculation_and_cites_every_operand(self) -> None:
        found = ask("What is the asset turnover for FY2021?", INCOME, BALANCE)
        assert found.text == (
            "Asset turnover, 2021: 2.00. Calculation: Net sales $ 2,000 / "
            "((Total assets 900,000 + Total assets 1,100,000) / 2)."
        )
        assert {each.chunk_id for each in found.citations} == {"mills:0", "mills:1"}

    @pytest.mark.parametrize(
        "question",
        [
            "What is the quick ratio for 2021?",
            "What is the return on assets in 2020?",
            "What is the cash conversion cycle for FY2021?",
            "What is the gross margin for 2017?",
        ],
    )
    def test_without_one_operand_is_refused(self, question: str) -> None:
        found = ask(question, INCOME)
        assert (found.text, found.citations) == (REFUSAL, ())

    def test_of_which_one_scale_is_unknown_is_refused(self) -> None:
        text = "(in millions)\n2021 2020\nNet sales 100 90\nInterest rate of debt 4 3\n"
        asked = "What is interest rate of debt as a percentage of net sales in 2021?"
        assert ask(asked, text).text == REFUSAL

    def test_is_never_put_together_from_two_documents(self) -> None:
        given = [hit(INCOME, 0, "a"), hit(BALANCE, 0, "b")]
        found = Extractive().answer(Query(text="What is the asset turnover in 2021?"), given)
        assert found.text == REFUSAL

    def test_is_of_the_document_that_is_asked_about(self) -> None:
        table = "2021 2020\nNet sales 100 90\nGross profit {} 9\n"
        given = [
            hit(table.format(10), 0, "a", "Brno Looms 2021"),
            hit(table.format(40), 0, "b", "Ostrava Mills 2021"),
        ]
        found = Extractive().answer(Query(text="What is Ostrava's gross margin in 2021?"), given)
        assert found.text.startswith("Gross margin, 2021: 40.00%")

    def test_is_of_the_years_own_report_before_a_quarters_or_another_years(self) -> None:
        table = "2021 2020\nNet sales 100 90\nGross profit {} 9\n"
        given = [
            hit(table.format(10), 0, "a", "Ostrava Mills 2021 Q2"),
            hit(table.format(20), 0, "b", "Ostrava Mills 2022"),
            hit(table.format(40), 0, "c", "Ostrava Mills 2021"),
        ]
        found = Extractive().answer(Query(text="What is Ostrava's gross margin in 2021?"), given)
        assert found.text.startswith("Gross margin, 2021: 40.00%")

    def test_is_the_row_where_one_gives_it(self) -> None:
        text = (
            "(in millions)\n2021 2020\nNet sales 100 90\nGross profit 9 8\nGross margin 9.1 % 8.8 %"
        )
        assert ask("What was the gross margin in 2020?", text).text == "Gross margin, 2020: 8.8%"

    def test_is_the_row_of_a_ratio_which_has_no_scale(self) -> None:
        text = "(in millions)\n2021 2020\nTotal current assets 9 8\nAsset turnover 1.7 1.65\n"
        assert ask("What was the asset turnover in 2021?", text).text == "Asset turnover, 2021: 1.7"

    def test_as_a_percentage_is_no_amount_of_the_same_name(self) -> None:
        text = (
            "(in millions)\n2021 2020\nNet sales 200 90\nCost of sales 150 80\nGross margin 50 10\n"
        )
        found = ask("What was the gross margin in 2021, in percent?", text)
        assert found.text.startswith("Gross margin, 2021: 25.00%")

    def test_is_defined_by_the_question(self) -> None:
        question = (
            "What is the FY2021 CCC? CCC is defined as: DIO + DSO - DPO. DIO is defined as: 365 * "
            "(average inventory between FY2020 and FY2021) / (FY2021 COGS). DSO is defined as: 365 "
            "* (average accounts receivable between FY2020 and FY2021) / (FY2021 Revenue). DPO is "
            "defined as: 365 * (average accounts payable between FY2020 and FY2021) / (FY2021 COGS "
            "+ change in inventory between FY2020 and FY2021). Round your answer to two decimals."
        )
        found = ask(question, INCOME, BALANCE)
        # 365 * 120 / 1500 + 365 * 60 / 2000 - 365 * 100 / 1540
        assert found.text.partition(". Calculation")[0].endswith(", 2021: 16.45")
        defined = "What is the toll? Define toll as net sales divided by accounts payable."
        assert ask(f"{defined} Use 2021.", INCOME, BALANCE).text.startswith("Toll, 2021: 16.67.")

    def test_takes_the_numerator_and_the_denominator_that_are_named(self) -> None:
        question = (
            "What was the cover in 2021, using gross profit as the numerator and cost of "
            "sales as the denominator?"
        )
        assert ": 0.33. Calculation: Gross profit 500 / Cost of sales" in ask(question, INCOME).text


class TestSeveralPeriods:
    @pytest.mark.parametrize(
        ("question", "answer"),
        [
            ("What was the percentage change in net sales from 2020 to 2021?",
             "Percentage change of Net sales, 2020 to 2021: 25.00%"),
            ("What is the sales growth rate in 2020?",
             "Percentage change of Net sales, 2019 to 2020: 60.00%"),
            ("What was the change in net sales between 2019 and 2021?",
             "Change in Net sales, 2019 to 2021: $1,000 million"),
            ("By how much did operating income decrease from 2019 to 2020?", None),
            ("What was the decrease in operating income from 2019 to 2020?",
             "Decrease in Operating income (loss), 2019 to 2020: 56 million"),
            ("What is the CAGR of net sales from 2019 to 2021?",
             "Compound annual growth rate of Net sales, 2019 to 2021: 41.42%"),
            ("What is the FY2019 - FY2021 3 year average gross margin? Round to one decimal place.",
             "Average gross margin, 2019 to 2021: 20.0%"),
            ("What were average net sales for 2020 and 2021?",
             "Average Net sales, 2020 to 2021: $1,800 million"),
            ("What were net sales in 2020 and 2021?",
             "Net sales, 2020: $1,600 million; 2021: $2,000 million"),
            ("How did the gross margin change between 2019 and 2021?",
             "Gross margin, 2019: 15.00%; 2021: 25.00%"),
            ("What was total dividends paid in both 2019 and 2021?",
             "Total Dividends paid, 2019 to 2021: 52 million"),
        ],
    )  # fmt: skip
    def test_are_compared(self, question: str, answer: str | None) -> None:
        found = ask(question, INCOME, FLOWS)
        assert answer is None or found.text.partition(". Calculation: ")[0] == answer

    @pytest.mark.parametrize(
        ("question", "answer"),
        [
            ("Did net sales grow between 2019 and 2020?",
             "Yes: Net sales rose by $600 million, from $1,000 million (2019) "
             "to $1,600 million (2020)"),
            ("Has operating income increased between 2019 and 2020?",
             "No: Operating income (loss) fell by 56 million, from 40 million (2019) "
             "to -16 million (2020)"),
            ("Does Ostrava have an improving gross margin profile as of FY2021?",
             "Yes: gross margin rose by 5.00 percentage points, from 20.00% (2020) "
             "to 25.00% (2021)"),
            ("Has the gross margin improved or declined between 2020 and 2021?",
             "Gross margin rose by 5.00 percentage points, from 20.00% (2020) to 25.00% (2021)"),
            ("Did the days sales outstanding improve between 2020 and 2021?", REFUSAL),
        ],
    )  # fmt: skip
    def test_say_whether_something_has_moved(self, question: str, answer: str) -> None:
        assert ask(question, INCOME).text.partition(". Calculation: ")[0] == answer

    def test_less_of_some_measures_is_an_improvement(self) -> None:
        text = "(in millions)\n2021 2020\nTotal debt 90 100\nTotal assets 200 200\n"
        found = ask("Has the debt-to-asset ratio improved between 2020 and 2021?", text)
        assert found.text.startswith(
            "Yes: debt-to-asset ratio fell by 0.05, from 0.50 (2020) to 0.45"
        )

    def test_growth_from_a_loss_is_refused(self) -> None:
        question = "What is the percentage change in operating income from 2020 to 2021?"
        assert ask(question, INCOME).text == REFUSAL

    def test_may_be_of_two_things_at_one_time(self) -> None:
        found = ask("What was the difference between net sales and gross profit in 2021?", INCOME)
        assert ": $1,500 million. Calculation: Net sales $ 2,000 - Gross profit 500" in found.text

    def test_need_a_figure_each(self) -> None:
        question = "What were average dividends paid from 2019 to 2021?"
        assert ask(question, FLOWS).text == REFUSAL


class TestColumns:
    @pytest.mark.parametrize("years", [(2019, 2020, 2021), (2021, 2020, 2019), (2020, 2021, 2019)])
    def test_are_read_in_any_order(self, years: tuple[int, ...]) -> None:
        sales = {2019: 100, 2020: 110, 2021: 132}
        head = " ".join(map(str, years))
        text = f"(in millions)\n{head}\nNet sales {' '.join(str(sales[each]) for each in years)}\n"
        found = ask("What was the percentage change in net sales from 2020 to 2021?", text)
        assert found.text.startswith("Percentage change of Net sales, 2020 to 2021: 20.00%")
        assert ask("What are net sales?", text).text == "Net sales, 2021: 132 million"

    def test_are_no_amounts_that_look_like_years(self) -> None:
        text = "2021 2020\nNet sales 2,019 1,998\nGoodwill 2,020 2,021\n"
        assert ask("What was goodwill in 2020?", text).text == "Goodwill, 2020: 2,021"
        assert ask("What were net sales in 2021?", text).text == "Net sales, 2021: 2,019"

    def test_of_quarters_and_years_are_told_apart(self) -> None:
        text = (
            "Three months ended Twelve months ended\nJune 30,\n2021\n2020\n2021\n2020\n"
            "Net sales 50 48 204 199\n"
        )
        assert ask("What were net sales in 2021?", text).text == "Net sales, 2021: 204"
        turned = text.replace(
            "Three months ended Twelve months", "Twelve months ended Three months"
        )
        assert ask("What were net sales in 2021?", turned).text == "Net sales, 2021: 50"
        half = "Three months ended Six months ended\n2021 2020 2021 2020\nNet sales 50 48 104 99\n"
        assert ask("How much were net sales in 2021?", half).text == REFUSAL

    def test_of_a_quarters_report_are_told_by_their_dates(self) -> None:
        text = (
            "(in millions)\nJuly 29, 2023 January 28, 2023 July 30, 2022\n"
            "Cash and cash equivalents $ 1,000 $ 1,800 $ 800\n"
        )
        given = [hit(text, title="Ostrava Mills 2024 Q2 10Q")]

        def cash(period: str) -> str:
            asked = Query(text=f"What were cash and cash equivalents in {period}?")
            return Extractive().answer(asked, given).text

        assert cash("Q2 2024") == "Cash and cash equivalents, Q2 2024: $1,000 million"
        assert cash("FY2023") == "Cash and cash equivalents, 2023: $1,800 million"
        assert cash("FY2024") == cash("FY2022") == REFUSAL
        drop = Query(
            text="Was there a drop in cash and cash equivalents between FY2023 and Q2 of FY2024?"
        )
        assert Extractive().answer(drop, given).text == (
            "Yes: Cash and cash equivalents fell by $800 million, from $1,800 million (2023) to "
            "$1,000 million (Q2 2024)"
        )

    def test_of_changes_are_nobodys_year(self) -> None:
        text = (
            "(Millions) 2021 2020 2021 vs. 2020\nNet sales 500 400 100 25 %\nEffective tax rate "
            "21.5 % 24.5 %\n"
        )
        assert ask("What were net sales in 2020?", text).text == "Net sales, 2020: 400 million"
        change = "How much has the effective tax rate changed between 2020 and 2021?"
        assert ask(change, text).text.startswith(
            "Change in Effective tax rate, 2020 to 2021: -3.00 percentage points"
        )

    def test_of_a_grid_stand_where_their_bars_do(self) -> None:
        text = (
            "| (In millions) | 2019 | Actual | Constant | 2018 |\n|---|---|---|---|---|\n"
            "| Interest expense | $2,082 | 3% | 3% | $2,025 |\n| Goodwill | | | | 70 |\n"
        )
        question = "What was the change in interest expense from 2018 to 2019?"
        assert ask(question, text).text.startswith(
            "Change in Interest expense, 2018 to 2019: $57 million"
        )
        assert ask("How much was goodwill in 2019?", text).text == REFUSAL

    def test_of_a_grid_below_one_year_are_told_apart_by_their_words(self) -> None:
        text = (
            "| | 2019 | | 2018 | |\n| | Amount | % of revenue | Amount | % of revenue |\n"
            "| | | | (In thousands, except percentages) | |\n"
            "| Services | 340 | 34 | 380 | 38 |\n| Oats | 1 | 2 | 3 | 4 |\n"
        )
        assert ask("What was the average of services in 2018 and 2019?", text).text.startswith(
            "Average Services, 2018 to 2019: 360 thousand"
        )

    def test_of_which_two_may_be_meant_give_nothing(self) -> None:
        text = (
            "| | 2019 | | 2018 | |\n| | Cash | Other | Cash | Other |\n| Bonds | 1 | 2 | 3 | 4 |\n"
        )
        assert ask("How much were bonds in 2019?", text).text == REFUSAL


class TestRows:
    def test_may_share_a_line(self) -> None:
        text = "(in millions)\n2021 2020 Net sales $ 10 $ 8 Cost of sales 6 5\nNet income 2 1\n"
        found = ask("What was the gross margin in 2020?", text)
        assert found.text.startswith("Gross margin, 2020: 37.50%")

    def test_whose_figures_are_sums_are_their_sections_total(self) -> None:
        text = "2021 2020\nRevenues\nCasino 10 8\nRooms 5 4\n15 12\nExpenses\nCasino 3 2\n4 4\n"
        assert ask("What was revenue in 2021?", text).text == "Total Revenues, 2021: 15"
        assert ask("How much were total expenses in 2021?", text).text == REFUSAL

    @pytest.mark.parametrize(
        ("question", "answer"),
        [
            ("What was net income in 2021?", "Net income attributable to Ostrava Mills, 2021"),
            ("What was net income attributable to shareholders in 2021?",
             "Net income attributable to Ostrava Mills, 2021"),
        ],
    )  # fmt: skip
    def test_are_found_whoever_owns_them(self, question: str, answer: str) -> None:
        assert ask(question, INCOME).text.startswith(answer)

    def test_of_something_else_are_not_taken(self) -> None:
        text = "2021 2020\nIncome before income taxes 40 30\nDeferred assets, net of dues 7 8\n"
        assert ask("How much were income taxes in 2021?", text).text == REFUSAL
        assert ask("How much were dues in 2021?", text).text == REFUSAL
        part = "2021 2020\nTotal current assets 40 30\nNet interest income 7 8\n"
        assert ask("What were total assets in 2021?", part).text == REFUSAL
        assert ask("What was net income in 2021?", part).text == REFUSAL
        adjusted = "2021 2020\nAdjusted EBITDA 40 30\n"
        assert ask("What was EBITDA in 2021?", adjusted).text == REFUSAL

    def test_of_a_part_of_the_company_come_after_its_statements(self) -> None:
        part = "Commercial wheels (in millions)\n2021 2020\nNet sales 7 6\nGross profit 5 4\n"
        found = ask("What was the gross margin in 2021?", part, INCOME)
        assert found.text.startswith("Gross margin, 2021: 25.00%")

    def test_of_one_table_are_taken_together(self) -> None:
        part = "Revenue by segment (in millions)\n2021 2020\nRevenue 7 6\n"
        whole = "(in millions)\n2021 2020\nTotal net sales 20 10\nCost of sales 15 8\n"
        found = ask("What was the gross margin in 2021?", part, whole)
        assert found.text.startswith("Gross margin, 2021: 25.00%")

    def test_of_changes_are_no_balances(self) -> None:
        flows = "2021 2020\nChanges in assets, but for\nacquisitions:\nInventories (6) 2\n"
        assert ask("How much were inventories in 2021?", flows).text == REFUSAL
        net = flows + "Net cash provided by operating activities 8 9\n"
        question = "What was the operating cash flow in 2021?"
        assert ask(question, net).text == "Net cash provided by operating activities, 2021: 8"

    def test_of_what_goes_out_are_told_without_the_sign(self) -> None:
        assert ask("What was capex in 2021?", FLOWS).text.endswith(", 2021: 90 million")
        assert ask("What was the operating income in 2020?", INCOME).text.endswith(
            "2020: -16 million"
        )

    def test_are_told_in_the_scale_that_is_asked_for(self) -> None:
        found = ask("What were total assets in 2021? Answer in USD billions.", BALANCE)
        assert (
            found.text == "Total assets, 2021: 1.1 billion. In the table: 1,100,000 (in thousands)."
        )
        exact = ask("What were net sales in 2021 (in USD millions)?", INCOME)
        assert exact.text == "Net sales, 2021: $2,000 million"
        part = "(in millions)\n2021 2020\nGoodwill 1,234.6 2.5\n"
        question = "What was goodwill in {} (in USD millions)?"
        assert ask(question.format(2021), part).text == (
            "Goodwill, 2021: 1,235 million. In the table: 1,234.6 (in millions)."
        )
        assert ask(question.format(2020), part).text.startswith("Goodwill, 2020: 2.5 million")


class TestAround:
    def around(self, question: str, found: Sequence[int], **options: object) -> Answer:
        """With some lines of a page as hits."""
        chunks, start = [], 0
        for number, line in enumerate(INCOME.splitlines(keepends=True)):
            chunks.append(
                Chunk(
                    id=f"c{number}", document_id="mills", version="1", ordinal=number,
                    span=Span(start, start + len(line)), text=line, page=7, last_page=7,
                )
            )  # fmt: skip
            start += len(line)

        def neighbours(places: Mapping[str, Sequence[int]]) -> list[Chunk]:
            return [chunks[at] for id, of in places.items() for at in of if at < len(chunks)]

        hits = [Hit(chunk=chunks[at], score=1.0, chunk_ids=(f"c{at}",)) for at in found]
        made = Extractive(neighbours=neighbours, **options)  # type: ignore[arg-type]
        return made.answer(Query(text=question), hits)

    def test_a_hit_its_page_is_read(self) -> None:
        found = self.around("What is the gross margin for 2020?", [2])
        assert found.text.startswith("Gross margin, 2020: 20.00%")
        cited = {each.chunk_id for each in found.citations}
        assert cited == {"c3", "c4", "c6"}
        assert {each.chunk.id for each in found.found} == cited
        assert set(found.steps[0].chunk_ids) >= cited

    def test_a_hit_no_more_is_read_than_there_is_room_for(self) -> None:
        assert self.around("What is the gross margin for 2020?", [2], around=0).text == REFUSAL
        assert self.around("What is the gross margin for 2020?", [2], around=90).text == REFUSAL

    def test_a_hit_other_pages_are_left_alone(self) -> None:
        def neighbours(places: Mapping[str, Sequence[int]]) -> list[Chunk]:
            return [hit(INCOME, 1).chunk]

        made = Extractive(neighbours=neighbours)
        found = made.answer(Query(text="What is the gross margin for 2020?"), [hit("Mills", 0)])
        assert found.text == REFUSAL


class TestSearch:
    def test_finds_what_the_hits_lack_in_the_same_document(self) -> None:
        asked: list[Query] = []

        def search(query: Query, k: int) -> list[Hit]:
            asked.append(query)
            return [hit(BALANCE, 1)] if "balance" in query.text else []

        made = Extractive(search=search)
        given = {"document.document_id": ["mills"], "company": ["Ostrava"]}
        question = Query(text="What is the asset turnover in 2021?", filter=given)
        found = made.answer(question, [hit(INCOME)])
        assert found.text.startswith("Asset turnover, 2021: 2.00")
        assert {each.chunk_id for each in found.citations} == {"mills:0", "mills:1"}
        assert [each.chunk.id for each in found.found] == ["mills:1"]
        assert [each.name for each in found.steps] == ["search"] * len(asked) + ["answer"]
        narrowed = {"document_id": ["mills"], "company": ["Ostrava"]}
        assert [each.filter for each in asked] == [narrowed] * len(asked)

    def test_is_not_asked_where_all_is_there_or_nothing_is_calculated(self) -> None:
        def search(query: Query, k: int) -> list[Hit]:
            raise AssertionError(query.text)

        made = Extractive(search=search)
        assert made.answer(Query(text="What is the gross margin in 2021?"), [hit(INCOME)]).citations
        made.answer(Query(text="Why is the mill closed?"), [hit(INCOME)])
        made.answer(Query(text="What are the names of the mills in 2021?"), [hit(INCOME)])
        none = Extractive(search=search, statements=0)
        asked = Query(text="What is the asset turnover in 2021?")
        assert none.answer(asked, [hit(INCOME)]).text == REFUSAL


class TestCatalogue:
    def test_is_a_file_of_ones_own(self, tmp_path: Path) -> None:
        file = tmp_path / "measures.toml"
        file.write_text(
            '[[measure]]\nnames = ["grist"]\nformulas = ["gross profit / net sales"]\nunit = "%"'
        )
        made = Extractive(measures=file)
        found = made.answer(Query(text="What was the grist in 2021?"), [hit(INCOME)])
        assert found.text.startswith("Grist, 2021: 25.00%")
        assert "measures" in made.facts
        other = made.answer(Query(text="What was the gross margin in 2021?"), [hit(INCOME)])
        assert not other.text.startswith("Gross margin, 2021: 25.00%")

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            ("measure = 3", "measure has the wrong shape"),
            ('[[measure]]\nnames = ["a"]\nformulas = ["b /"]', "not a formula: 'b /'"),
            ('[[measure]]\nnames = ["a"]\nformulas = ["b"]\nunit = "EUR"', "unit has the wrong"),
            ("[[", "not a TOML file"),
        ],
    )
    def test_that_cannot_be_used_is_the_users_mistake(
        self, tmp_path: Path, content: str, said: str
    ) -> None:
        file = tmp_path / "measures.toml"
        file.write_text(content)
        with pytest.raises(BadOption, match=said) as caught:
            Extractive(measures=file).facts  # noqa: B018
        assert caught.value.where == str(file)


class TestFormula:
    def test_binds_products_more_than_sums(self) -> None:
        assert formula("a + b * c") == Operation(
            "+", Operand("a"), Operation("*", Operand("b"), Operand("c"))
        )
        assert formula("(a - b) / c") == Operation(
            "/", Operation("-", Operand("a"), Operand("b")), Operand("c")
        )

    def test_is_said_in_words(self) -> None:
        assert formula("total assets divided by average total debt (net)") == Operation(
            "/", Operand("total assets"), Operand("total debt", "average")
        )

    @given(st.text(alphabet="ab1 +-*/()", max_size=20))
    def test_is_read_or_refused_whatever_it_is(self, text: str) -> None:
        formula(text)
