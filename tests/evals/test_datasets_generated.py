from __future__ import annotations

import itertools
import re
from collections import Counter
from pathlib import Path

import pytest

from components.errors import BadOption
from evals.datasets import catalogue
from evals.datasets.judged import Judged
from tests.evals.folders import documents


def likes(data: Judged) -> dict[str, list[str]]:
    found = {}
    for id, each in documents(data).items():
        name, _, things = each.text.partition(" likes ")
        assert name == id
        found[id] = things.removesuffix(".").replace(" and ", ", ").split(", ")
    return found


def test_limit_has_the_published_shape(tmp_path: Path) -> None:
    data = catalogue.load("limit?documents=500&seed=3", cache=tmp_path)
    own = likes(data)
    assert len(own) == 500
    assert all(len(set(each)) == len(each) == 45 for each in own.values())
    assert len({thing for each in own.values() for thing in each}) == 1850
    assert len(data.questions) == 1000
    pairs = set()
    for question in data.questions:
        thing = question.text.removeprefix("Who likes ").removesuffix("?")
        relevant = data.judgements[question.id]
        assert set(relevant) == {name for name, things in own.items() if thing in things}
        assert set(relevant.values()) == {1}
        pairs.add(frozenset(relevant))
    asked = sorted({name for pair in pairs for name in pair})
    assert len(asked) == 46
    assert len(pairs) == 1000
    assert pairs <= {frozenset(pair) for pair in itertools.combinations(asked, 2)}
    # As in the published set: the last 35 of the 1,035 pairs are not asked for.
    often = Counter(name for pair in pairs for name in pair)
    assert Counter(often.values()) == {45: 37, 37: 7, 38: 2}


def test_limit_has_two_halves_to_tune_on_and_to_report(tmp_path: Path) -> None:
    whole, tune, report = (
        catalogue.load("limit-small", split, cache=tmp_path) for split in ("test", "tune", "report")
    )
    halves = {**tune.judgements, **report.judgements}
    assert (len(tune.judgements), len(report.judgements)) == (500, 500)
    assert halves == whole.judgements


def test_limit_small_is_the_46_alone(tmp_path: Path) -> None:
    data = catalogue.load("limit-small", cache=tmp_path)
    assert len(likes(data)) == 46
    assert {name for grades in data.judgements.values() for name in grades} == set(likes(data))
    with pytest.raises(BadOption, match="documents must be 46"):
        catalogue.load("limit?documents=45", cache=tmp_path)


@pytest.mark.parametrize("option", ["documents=many", "documents=50,60", "seed=x"])
def test_options_that_are_not_numbers(tmp_path: Path, option: str) -> None:
    with pytest.raises(BadOption, match="must be a number"):
        catalogue.load(f"limit?{option}", cache=tmp_path)


def test_what_is_generated_depends_on_its_parameters_only(tmp_path: Path) -> None:
    first = catalogue.load("limit-small", cache=tmp_path / "a")
    assert catalogue.load("limit-small", cache=tmp_path / "b").checksum == first.checksum
    assert catalogue.load("limit-small?seed=1", cache=tmp_path / "a").checksum != first.checksum
    # A change of a generator raises its revision, and this.
    assert first.checksum.startswith("bd33b46c")
    small = "?lengths=64,128&documents=3&questions=2"
    assert catalogue.load("needle" + small, cache=tmp_path).checksum.startswith("70cb7019")
    assert catalogue.load("passkey" + small, cache=tmp_path).checksum.startswith("502e1c5c")


def test_what_is_generated_is_written_once_and_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as failing:
        failing.setattr("evals.datasets.folders.json.dumps", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            catalogue.load("limit-small", cache=tmp_path)
    assert list(tmp_path.iterdir()) == []
    catalogue.load("limit-small", cache=tmp_path)
    (folder,) = tmp_path.iterdir()
    before = (folder / "corpus.jsonl").stat()
    catalogue.load("limit-small", cache=tmp_path)
    assert (folder / "corpus.jsonl").stat() == before


@pytest.mark.parametrize("kind", ["needle", "passkey"])
def test_facts_are_hidden_at_every_depth_of_every_length(tmp_path: Path, kind: str) -> None:
    data = catalogue.load(f"{kind}?lengths=256,512,1024&documents=8&questions=5", cache=tmp_path)
    texts = documents(data)
    lengths = Counter(each.metadata["length"] for each in texts.values())
    assert lengths == {256: 8, 512: 8, 1024: 8}
    for each in texts.values():
        tokens = len(re.findall(r"\w+|[^\w\s]", each.text))
        assert each.metadata["length"] - 20 < tokens <= each.metadata["length"]  # type: ignore[operator]
    assert (data.unit, data.scope, len(data.questions)) == ("span", "length", 15)
    found: dict[object, list[float]] = {}
    for question in data.questions:
        (evidence,) = data.evidence[question.id]
        text = texts[evidence.document_id].text
        fact = text[evidence.start : evidence.end]
        assert re.fullmatch(
            r"The pass key for .+ is \d{5}\.|\w+ \w+ hid the [\w ]+ in the \w+\.", fact
        )
        person = re.search(r"[A-Z]\w+ [A-Z]\w+", fact)
        assert person
        assert person[0] in question.text
        assert [id for id, each in texts.items() if person[0] in each.text] == [
            evidence.document_id
        ]
        place = evidence.start / (len(text) - len(fact))
        found.setdefault(question.metadata["length"], []).append(place)
    for places in found.values():
        assert places == pytest.approx([0, 0.25, 0.5, 0.75, 1], abs=0.06)
    assert data.queries(scoped=True)[-1].filter == {"length": [1024]}
    by_document = catalogue.load(
        f"{kind}?lengths=256,512,1024&documents=8&questions=5&unit=document", cache=tmp_path
    )
    assert (by_document.unit, len(by_document.questions)) == ("document", 15)


def test_needles_that_cannot_be_made(tmp_path: Path) -> None:
    for options in ("lengths=10", "documents=2&questions=3", "questions=0"):
        with pytest.raises(BadOption, match="lengths must be 64 or more"):
            catalogue.load(f"needle?{options}", cache=tmp_path)
    assert list(tmp_path.iterdir()) == []
