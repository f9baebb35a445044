from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from components.errors import BadOption
from components.retrievers.evidence import KINDS
from components.retrievers.weights import Weights, fitted, read
from components.values import Hit, Matrix
from evals.datasets import catalogue
from evals.datasets.judged import BadData, Judged
from evals.experiment import indexes
from evals.experiment.chosen import systems
from evals.experiment.systems import System
from evals.fusion.__main__ import main
from evals.fusion.batch import batch
from evals.fusion.fit import DOCUMENTS, TURN, fit
from evals.fusion.gathered import Question, gathered
from evals.fusion.orders import reranked, values, weighed
from evals.fusion.trial import Asked, fitted_trial
from evals.fusion.written import FILE, rounded, text
from tests.compare.data import beir, pipeline


def question(number: int, best: int, spread: float = 1.0) -> Question:
    """Twelve documents of a hit each; the kind of evidence numbered `best` knows which is right,
    the others mislead.
    """
    random = np.random.default_rng(number)
    kinds = random.uniform(0, 0.6, (12, len(KINDS))).astype(np.float32)
    right, wrong = random.permutation(12)[:2].tolist()
    kinds[wrong], kinds[right] = 1.0, 0.0
    kinds[wrong, best], kinds[right, best] = 0.0, 1.0
    flat = np.zeros(12, np.float32)
    return Question(
        id=f"q{number}",
        judged={f"d{right}": 1},
        units=[[f"d{each}"] for each in range(12)],
        kinds=kinds,
        words=kinds[:, 0],
        meaning=kinds[:, 1],
        ranks=flat,
        late=flat,
        spread=spread,
        whole=True,
    )


def questions(best: int, spread: float = 1.0, first: int = 0) -> list[Question]:
    return [question(first + number, best, spread) for number in range(12)]


def asked(family: str, found: Sequence[Question]) -> Asked:
    return Asked(name=family, family=family, unit="document", questions=found, depth=50)


class TestFit:
    @pytest.mark.parametrize("best", range(len(KINDS)))
    def test_what_tells_the_right_one_counts_most(self, best: int) -> None:
        weights = fit({"a": [questions(best)]})
        assert weights.chunk.argmax() == best
        assert weights.chunk.sum() == pytest.approx(1.0, abs=1e-5)

    def test_a_question_turns_from_the_chunk_to_the_document(self) -> None:
        near, far = questions(0, 1.0), questions(2, 0.1, first=50)
        weights = fit({"near": [near], "far": [far]})
        assert weights.leads(1.0) > 0.9
        assert weights.leads(0.1) < 0.1
        alone = fit({"near": [near], "far": [far]}, [TURN])
        assert alone.leads(0.1) == alone.leads(1.0) == 1.0
        both = near + far

        def mean(of: Weights) -> float:
            return sum(values(both, weighed(of)).values()) / len(both)

        assert mean(weights) > mean(alone) + 0.1

    def test_what_is_left_out_counts_nothing(self) -> None:
        sets = {"a": [questions(1)]}
        for at, kind in enumerate(KINDS):
            left = fit(sets, [kind])
            assert left.chunk[at] == left.document[at] == 0.0
        assert not fit(sets, [DOCUMENTS]).of(0.0, whole=True)[2:].any()

    def test_the_same_sets_give_the_same_weights(self) -> None:
        sets = {"a": [questions(0), questions(1, 0.2)], "b": [questions(3)]}
        assert text(fit(sets)) == text(fit(sets))

    def test_families_count_alike_and_in_them_sets(self) -> None:
        two = [questions(0), questions(0, first=12)[:3]]
        weight = batch({"a": two, "b": [questions(1, first=200)]}).weight
        assert weight[:12].sum() == pytest.approx(0.25)
        assert weight[12:15].sum() == pytest.approx(0.25)
        assert weight[15:].sum() == pytest.approx(0.5)

    def test_questions_without_anything_relevant_say_nothing(self) -> None:
        lost = [replace(each, judged={"elsewhere": 1}) for each in questions(1)]
        sets = {"a": [questions(0)]}
        assert text(fit({**sets, "b": [lost]})) == text(fit(sets))
        with pytest.raises(BadData, match="nothing relevant was found"):
            fit({"b": [lost]})


class TestTrial:
    def test_a_set_is_judged_by_weights_that_did_not_see_its_documents(self) -> None:
        one, other = asked("a", questions(0)), asked("b", questions(1, first=50))
        trial = fitted_trial([one, other], {}, ["meaning"])
        first, second = (row.means for row in trial.rows)
        assert first["fitted"] < first["in-sample"]
        assert second["fitted"] < second["in-sample"]
        unseen = fit({"b": [other.questions]})
        expected = values(one.questions, weighed(unseen))
        assert first["fitted"] == pytest.approx(sum(expected.values()) / len(expected))
        assert second["without meaning"] <= second["fitted"]
        assert set(trial.weights) == {"", "meaning"}
        assert first["best list"] == max(first["words"], first["meaning"], first["document words"])

    def test_one_corpus_is_not_enough(self) -> None:
        with pytest.raises(BadOption, match="not fitted on") as caught:
            fitted_trial([asked("a", questions(0)), asked("a", questions(0))], {})
        assert caught.value.where == "--only"

    def test_the_file_has_what_was_fitted(self, tmp_path: Path) -> None:
        weights = fit({"a": [questions(0)]})
        found = read(text(weights, ("a note",)))
        assert found.chunk == pytest.approx(weights.chunk, abs=0.01)
        assert found.middle == pytest.approx(weights.middle, abs=0.01)
        assert text(found) == text(rounded(weights))

    def test_the_shipped_file_is_as_it_is_written(self) -> None:
        shipped = FILE.read_text(encoding="utf-8")
        lines = [each for each in shipped.splitlines() if not each.startswith("#")]
        made = [each for each in text(fitted()).splitlines() if not each.startswith("#")]
        assert lines == made


class TestOrders:
    def test_late_interaction_has_its_share(self) -> None:
        of = question(0, 0)
        late = np.arange(12, dtype=np.float32)
        told = replace(of, late=late)

        def first(each: Question) -> Matrix:
            return each.words

        assert reranked(first, lambda _: 1.0, 12)(told).tolist() == pytest.approx(late / 11)
        few = reranked(first, lambda _: 1.0, 3)(told)
        head = np.argsort(-first(told), kind="stable")[:3]
        assert {*np.argsort(-few)[:3].tolist()} == {*head.tolist()}
        kept = reranked(first, lambda _: 0.0, 12)(told)
        assert np.argsort(kept).tolist() == np.argsort(first(told), kind="stable").tolist()

    def test_a_hit_that_a_list_lacks_is_not_in_its_order(self) -> None:
        of = question(0, 0)
        (right,) = of.judged
        words = of.words.copy()
        words[int(right[1:])] = np.nan
        assert values([of], lambda each: each.words) == {of.id: 1.0}
        assert values([of], lambda _: words) == {of.id: 0.0}


@pytest.fixture(scope="module")
def mill(tmp_path_factory: pytest.TempPathFactory) -> tuple[System, Judged, Path]:
    folder = tmp_path_factory.mktemp("fusion")
    data = catalogue.load(str(beir(folder / "mill")))
    file = pipeline(folder, "new", retriever={"use": "hybrid"})
    (system,) = systems([file], [], data, folder / "home")
    indexes.build(system)
    return system, data, folder / "home"


class TestGathered:
    def test_its_order_is_the_retrievers(self, mill: tuple[System, Judged, Path]) -> None:
        system, data, home = mill
        found = gathered(system, data, scoped=False, home=home)
        with system.searcher() as searcher:
            hits = searcher.search(data.queries(), 100).hits
        assert [each.id for each in found] == [each.id for each in data.questions]
        for of, own in zip(found, hits, strict=True):
            assert _documents(of, weighed(fitted())(of)) == _units(own)
            assert 0.0 <= of.spread <= 1.0
            assert of.whole

    def test_what_was_gathered_is_read_again(self, mill: tuple[System, Judged, Path]) -> None:
        system, data, home = mill
        one = gathered(system, data, scoped=False, home=home)
        same = gathered(system, data, scoped=False, home=home)
        for a, b in zip(one, same, strict=True):
            assert (a.id, a.judged, a.units, a.spread) == (b.id, b.judged, b.units, b.spread)
            for name in ("kinds", "words", "meaning", "ranks", "late"):
                np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
        assert len(list((home / "evidence").glob("*.npz"))) == 1


class TestCommand:
    def run(self, folder: Path, *options: str) -> Any:
        listed = folder / "sets.toml"
        listed.write_text(f'candidates = []\nsets = [{{ data = "{folder / "mill"}" }}]\n')
        named = ["--sets", str(listed), "--home", str(folder / "home")]
        return CliRunner().invoke(main, [*named, *options])

    def test_the_weights_that_there_are_with_another_encoder(self, tmp_path: Path) -> None:
        beir(tmp_path / "mill")
        told = self.run(tmp_path, "--encoder", "hashing", "--json")
        assert told.exit_code == 0, told.output
        found = json.loads(told.stdout)
        (row,) = found["sets"]
        assert row["questions"] == 12
        assert {"words", "meaning", "best list", "rrf", "fitted"} <= set(row["means"])
        assert "fitted, late" not in row["means"]

    @pytest.mark.parametrize("options", [("--write",), ("--without", "words")])
    def test_with_another_encoder_nothing_is_fitted(
        self, tmp_path: Path, options: tuple[str, ...]
    ) -> None:
        told = self.run(tmp_path, "--encoder", "hashing", *options)
        assert told.exit_code == 2
        assert told.stderr.startswith("--encoder: with another encoder nothing is fitted")


def _documents(of: Question, scores: Any) -> list[str]:
    order = np.argsort(-scores, kind="stable")
    return list(dict.fromkeys(of.units[at][0] for at in order))


def _units(hits: Sequence[Hit]) -> list[str]:
    return list(dict.fromkeys(hit.chunk.document_id for hit in hits))
