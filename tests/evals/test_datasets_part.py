"""`--limit` and `--sample`: some questions of a data set, for a first look."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.errors import BadOption
from evals.datasets import catalogue, part
from evals.datasets.judged import Judged, Part, Question
from tests.compare.data import beir

TYPES = st.dictionaries(st.sampled_from("abcd"), st.integers(1, 30), min_size=1)


def whole(types: dict[str, int]) -> Judged:
    """Questions of so many of each type, in turns."""
    ids = sorted((number, type) for type, count in types.items() for number in range(count))
    questions = tuple(Question(id=f"{type}{number}", text="?", type=type) for number, type in ids)
    return Judged(
        name="some",
        split="test",
        questions=questions,
        judgements={each.id: {"d": 1} for each in questions},
        source={},
        checksum="sum",
    )


def ids(data: Judged) -> list[str]:
    return [each.id for each in data.questions]


def test_the_first_in_the_order_of_the_data() -> None:
    data = whole({"a": 7})
    found = part.taken(data, limit=3)
    assert ids(found) == ids(data)[:3] == [*found.judgements]
    assert found.part == Part(3, 7, drawn=False)
    assert found.asked == "3 of 7 questions, the first"
    assert found.checksum == data.checksum
    assert part.taken(data) is data
    assert (data.part, data.asked) == (None, "7 questions")


@given(TYPES, st.data())
def test_a_larger_sample_holds_the_smaller_in_the_order_of_the_data(
    types: dict[str, int], drawn: st.DataObject
) -> None:
    data = whole(types)
    few, many = sorted(drawn.draw(st.tuples(*[st.integers(1, len(data.questions))] * 2)))
    small, large = (part.taken(data, sample=each) for each in (few, many))
    assert (len(small.questions), len(large.questions)) == (few, many)
    assert {*ids(small)} <= {*ids(large)}
    for each in (small, large):
        assert ids(each) == [id for id in ids(data) if id in each.judgements]


@given(TYPES, st.data())
def test_each_type_has_its_share(types: dict[str, int], drawn: st.DataObject) -> None:
    data = whole(types)
    count = drawn.draw(st.integers(1, len(data.questions)))
    found = Counter(each.type for each in part.taken(data, sample=count).questions)
    for type, own in types.items():
        share = own / len(data.questions)
        assert abs(found[type] - count * share) <= 1 + len(types) * share


def test_a_sample_is_not_the_beginning() -> None:
    data = whole({"a": 200})
    found = part.taken(data, sample=50)
    assert found.part == Part(50, 200, drawn=True)
    assert 10 < len({*ids(found)} & {*ids(data)[:100]}) < 40
    assert part.taken(data, sample=50) == found


def test_more_than_there_are(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    name = str(beir(tmp_path / "data"))
    with caplog.at_level(logging.WARNING):
        assert part.load(name, limit=12) == part.load(name, sample=12) == catalogue.load(name)
        assert caplog.messages == []
        assert part.load(name, sample=13) == catalogue.load(name)
    assert caplog.messages == ["--sample 13: there are 12 questions, all are asked"]


def test_one_or_the_other() -> None:
    with pytest.raises(BadOption, match="--limit and --sample exclude each other"):
        part.load("nothing is read", limit=3, sample=3)
