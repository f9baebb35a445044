"""The report's page: complete in itself, and true about what each system found."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser

import pytest

from evals.compare import plan as planning
from evals.compare.outcome import Outcome
from evals.compare.request import Request
from evals.compare.run import run
from evals.datasets import catalogue
from evals.datasets.judged import Evidence
from evals.report.compare import page
from evals.report.examples import Mark, examples
from tests.compare.data import beir, pipeline

VOID = {"meta", "br", "wbr"}


@dataclass
class Read(HTMLParser):
    """What a browser would make of a page."""

    open: list[str] = field(default_factory=list)
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    text: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(text: str) -> Read:
    found = Read()
    found.feed(text)
    found.close()
    assert found.open == []
    return found


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Two systems that differ, the second with a name that a sweep gives."""
    folder = tmp_path_factory.mktemp("report")
    data = catalogue.load(str(beir(folder / "data", 20)))
    files = [
        pipeline(folder, "words", retriever={"use": "sparse"}),
        pipeline(folder, "few", encoder={"use": "hashing", "width": [8]}),
    ]
    return run(planning.plan(Request(files=files, data=data, home=folder / "home")))


@pytest.fixture(scope="module")
def shown(outcome: Outcome) -> Read:
    return read(page(outcome, {each.name: [0.5, 0.6] for each in outcome.systems}))


def test_nothing_is_loaded(shown: Read) -> None:
    policies = [own["content"] for tag, own in shown.tags if own.get("http-equiv")]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'"]
    for tag, own in shown.tags:
        assert tag not in {"script", "link", "img", "iframe", "object", "image"}
        assert not set(own) & {"src", "srcset", "data", "action"}
        assert all((own.get(name) or "#").startswith("#") for name in ("href", "xlink:href"))


def test_verdicts_and_numbers(outcome: Outcome, shown: Read) -> None:
    text = " ".join("".join(shown.text).split())
    (first, *_) = outcome.comparisons
    assert re.search(rf"{re.escape(first.b)} is \w[\w ]+ {re.escape(first.a)}", text)
    assert f"{first.wins} · {first.losses} · {first.ties}" in text
    assert "20 questions asked one by one" in text
    assert "model, MB" in text
    assert "100 % of the questions have one" in text
    assert "of the questions, 100 % occur in the corpus" in text


def test_no_worse_with_a_sure_loss_says_so_everywhere(outcome: Outcome) -> None:
    (first, *others) = outcome.comparisons
    lost = replace(first, verdict="no_worse", difference=-0.004, p_corrected=0.001)
    sentence = f"{first.b} is no worse than {first.a}, with a sure loss below the margin of 0.03 "
    found = replace(outcome, comparisons=[lost, *others])
    assert f"{sentence}(-0.004" in found.verdict
    assert f"{sentence}−0.004" in " ".join("".join(read(page(found, {})).text).split())
    for unsure in (replace(lost, p_corrected=0.05), replace(lost, difference=0.004)):
        assert "sure loss" not in replace(outcome, comparisons=[unsure, *others]).verdict
        assert "sure loss" not in str(unsure)


def test_times_of_new_questions_and_of_the_same_again(outcome: Outcome, shown: Read) -> None:
    (system, *_) = outcome.systems
    assert system.cost is not None
    for told in (system.cost.milliseconds, system.cost.milliseconds_again):
        assert f"{told['total']['p50']:.1f}" in "".join(shown.text)


def test_a_comparison_without_times_has_no_times(outcome: Outcome) -> None:
    systems = [replace(each, cost=None) for each in outcome.systems]
    found = read(page(replace(outcome, systems=systems), {}))
    text = "".join(found.text)
    assert "milliseconds" not in text
    assert "model, MB" not in text
    assert "index, MB" in text


def test_what_is_not_known_is_a_dash(outcome: Outcome) -> None:
    systems = [
        replace(each, built=replace(each.built, bytes=None, encoded_tokens=None, seconds=None))
        for each in outcome.systems
    ]
    assert "None" not in "".join(read(page(replace(outcome, systems=systems), {})).text)


def test_a_data_set_without_a_corpus(outcome: Outcome) -> None:
    known = {
        name: value
        for name, value in outcome.corpus.items()
        if not ("document" in name or "terms" in name)
    }
    text = "".join(read(page(replace(outcome, corpus=known), {})).text)
    assert "occur in the corpus" not in text


def test_wins_and_losses_with_their_places(outcome: Outcome) -> None:
    (first, *_) = outcome.comparisons
    found = examples(outcome, first)
    assert len(found.losses) == min(5, first.losses) > 0
    gaps = [each.a - each.b for each in found.losses]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[0] == max(a - b for a, b in first.per_query.values())
    for each in found.losses:
        ((unit, rank_a, rank_b),) = each.places
        assert unit == each.question.id.replace("q", "d")
        for rank, hits in ((rank_a, each.hits_a), (rank_b, each.hits_b)):
            marked = [hit.document_id for hit, mark in hits if mark == "relevant"]
            assert set(marked) <= {unit}
            assert rank == 1 or hits[0][0].document_id != unit
    assert examples(outcome, replace(first, per_query={})).wins == []


@pytest.mark.parametrize(
    ("start", "end", "mark"), [(0, 10_000, "relevant"), (9_000, 10_000, "near")]
)
def test_a_span_is_relevant_where_it_shows_the_evidence(
    outcome: Outcome, start: int, end: int, mark: Mark
) -> None:
    (first, *_) = outcome.comparisons
    spans = {
        each.id: (Evidence(each.id.replace("q", "d"), start, end),)
        for each in outcome.data.questions
    }
    judged = {id: {own.id: 1 for own in evidence} for id, evidence in spans.items()}
    data = replace(outcome.data, unit="span", evidence=spans, judgements=judged)
    found = examples(replace(outcome, data=data), first)
    right = {
        own
        for each in found.losses
        for hit, own in each.hits_a
        if hit.document_id == each.question.id.replace("q", "d")
    }
    assert right == {mark}
