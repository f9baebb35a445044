from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from components.corpus.search import search
from components.encoders.device import Precision
from components.encoders.hashing import Hashing
from components.encoders.model import model
from components.encoders.naive import Naive
from components.encoders.profiles import TASK
from components.encoders.states import likeness
from components.errors import BadOption, Missing
from components.rerankers import paced, token_states
from components.rerankers.late_interaction import LateInteraction
from components.rerankers.token_states import asked_states
from components.values import Hit, Query, Ranked
from tests.corpora import HASHING, Corpus, prose
from tests.encoders.random_models import trained_tokenizer, transformer
from tests.rerankers.test_e2rank import listed, names, texts

QUERY = "Which wheel turns in the mill race?"


def states(folder: Path, text: str, most: int) -> np.ndarray[Any, Any]:
    """Unit states of a text's own tokens, by transformers."""
    import transformers

    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder)
    model: Any = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32)
    ids = tokenizer(text, add_special_tokens=False).input_ids[:most]
    first, last = tokenizer.convert_tokens_to_ids(["<s>", "</s>"])
    with torch.no_grad():
        found = model(torch.tensor([[first, *ids, last]])).last_hidden_state[0, 1:-1]
    unit: np.ndarray[Any, Any] = torch.nn.functional.normalize(found, dim=-1).numpy()
    return unit


def plain(folder: Path, **options: Any) -> LateInteraction:
    """Without the retriever's score."""
    return LateInteraction(model=str(folder), precision="fp32", interpolate=0.0, **options)


def rerank(by: LateInteraction, documents: Sequence[str], query: str = QUERY) -> list[Hit]:
    (found,) = by.rerank([Query(text=query)], Ranked([listed(documents)]), [])
    return found


@pytest.mark.parametrize("tokens", [5, 100])
def test_is_the_mean_of_the_largest_cosines(tiny: Path, tokens: int) -> None:
    documents = [*texts(12), "Wasserräder", "水車 🌊"]
    found = rerank(plain(tiny, tokens=tokens), documents)
    query = states(tiny, QUERY, 500)
    scores = np.array(
        [(query @ states(tiny, text, tokens).T).max(axis=1).mean() for text in documents]
    )
    assert names(found) == [f"{at:04}" for at in np.argsort(-scores, kind="stable")]
    assert [each.score for each in found] == pytest.approx(np.sort(scores)[::-1], abs=1e-5)


def test_the_index_own_model_is_the_default(tiny: Path) -> None:
    documents = texts(6)
    named = LateInteraction(model=str(tiny), precision="fp32")
    own = LateInteraction(precision="fp32", encoder=Naive(model=str(tiny)))
    assert rerank(named, documents) == rerank(own, documents)


class TestShares:
    """Of the final score, as the retriever says it of each question."""

    SHARES: Sequence[float] = (0.0, 0.25, 1.0)

    def ranked(self, shares: Sequence[float] | None) -> tuple[list[Query], Ranked]:
        queries = [Query(text=QUERY) for _ in self.SHARES]
        own = None if shares is None else list(shares)
        return queries, Ranked([listed(texts(8))] * len(queries), shares=own)

    def alone(self, tiny: Path, share: float) -> list[Hit]:
        by = LateInteraction(model=str(tiny), precision="fp32", interpolate=1.0 - share)
        return rerank(by, texts(8))

    def test_each_question_has_its_own(self, tiny: Path) -> None:
        by = LateInteraction(model=str(tiny), precision="fp32")
        found = by.rerank(*self.ranked(self.SHARES), [])
        assert found == [self.alone(tiny, share) for share in self.SHARES]
        assert len({tuple(names(each)) for each in found}) == 3

    def test_one_that_is_set_counts_for_all(self, tiny: Path) -> None:
        by = LateInteraction(model=str(tiny), precision="fp32", interpolate=0.75)
        assert by.rerank(*self.ranked(self.SHARES), []) == [self.alone(tiny, 0.25)] * 3

    def test_where_nobody_says_it_is_half(self, tiny: Path) -> None:
        by = LateInteraction(model=str(tiny), precision="fp32")
        assert by.rerank(*self.ranked(None), []) == [self.alone(tiny, 0.5)] * 3

    def test_a_promise_of_latency_changes_nothing_of_it(self, tiny: Path) -> None:
        by = LateInteraction(model=str(tiny), precision="fp32", rerank_budget_ms=600_000)
        queries, ranked = self.ranked(self.SHARES)
        made = paced.rerank(by, queries, ranked, [], 0.0)
        assert made.hits == [self.alone(tiny, share) for share in self.SHARES]

    @pytest.mark.parametrize("whole", [0, 1])
    def test_a_share_may_be_a_whole_number(self, tiny: Path, whole: int) -> None:
        by = LateInteraction(model=str(tiny), precision="fp32", interpolate=whole)
        assert rerank(by, texts(8)) == self.alone(tiny, 1.0 - whole)


def test_an_index_without_a_model_needs_one_named() -> None:
    with pytest.raises(BadOption, match="no model"):
        rerank(LateInteraction(encoder=Hashing()), texts(3))


def test_a_passage_is_read_once_for_all_questions(tiny: Path, read: list[int]) -> None:
    token_states.token_states.cache_clear()
    documents = texts(20)
    queries = [Query(text=f"{QUERY} {at}") for at in range(3)]
    LateInteraction(model=str(tiny)).rerank(queries, Ranked([listed(documents)] * 3), [])
    assert len(read) == 20 + 3
    LateInteraction(model=str(tiny)).rerank(queries, Ranked([listed(documents[:9])] * 3), [])
    assert len(read) == 20 + 3  # of the last questions and passages everything is known


@pytest.mark.parametrize("precision", ["fp32", "auto"])
def test_what_is_kept_is_bounded_and_gives_the_same_again(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, precision: Precision
) -> None:
    documents = [*texts(30), *texts(3)]  # some of them twice
    monkeypatch.setattr(token_states, "_KEPT_BYTES", 20_000)
    of = model(str(tiny), precision)
    reader = token_states.TokenStates(of, 100)
    once = dict(reader.read(documents))
    for _ in range(3):
        known = [text for text in once if reader.knows(text)]
        assert 0 < len(known) < 30
        assert sum(once[text].size * (4 if of.exact else 2) for text in known) <= 20_000
        again = dict(reader.read(documents))
        assert again.keys() == once.keys() == set(documents)
        for text, rows in once.items():
            np.testing.assert_allclose(
                again[text], rows, atol=1e-6 if precision == "fp32" else 0.02
            )


def test_a_passage_that_is_known_is_less_effort(tiny: Path) -> None:
    by = LateInteraction(model=str(tiny), precision="fp32")
    token_states.token_states.cache_clear()
    hits = listed(texts(4))
    before = by.efforts(hits)
    by.rerank([Query(text=QUERY)], Ranked([hits[:2]]), [])
    after = by.efforts(hits)
    assert after[2:] == before[2:]
    assert max(after[:2]) < min(before)


class TestBothPaths:
    """The same hit has the same score, whether its states are stored or it is read."""

    @pytest.fixture(scope="class")
    def prompted(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """A model with prompts, whose tokens begin with the blank before a word."""
        tokenizer = trained_tokenizer("byte-level", [prose(at) for at in range(20)], 300)
        folder = tmp_path_factory.mktemp("prompted")
        made = transformer(folder, "bert", tokenizer=tokenizer, positions=160)
        prompts = {"query": "Instruct: {task}\nQuery: ", "document": "passage: "}
        told = made / "config_sentence_transformers.json"
        told.write_text(json.dumps({"prompts": prompts}))
        return made

    @pytest.mark.parametrize("max_tokens", [24, 200], ids=["short", "of several windows"])
    @pytest.mark.parametrize(
        "options",
        [
            {"use": "naive"},
            {"use": "naive", "header": "{title}", "token_states": 2},
            {"use": "naive", "layers": 2, "task": "find wheels"},
            {"use": "late", "header": "{title}", "window": 100, "token_states": 3},
            {"use": "landmark", "window": 100, "task": "find mills"},
        ],
        ids=lambda options: " ".join(map(str, options.values())),
    )
    def test_in_a_search(
        self, tmp_path: Path, prompted: Path, options: dict[str, Any], max_tokens: int
    ) -> None:
        encoder = {"model": str(prompted), "precision": "fp32", "token_states": 1, **options}
        late = {"use": "late_interaction", "precision": "fp32", "interpolate": 0.0}
        splitter = {"use": "sentences", "max_tokens": max_tokens}
        stages = {"encoder": encoder, "reranker": late, "splitter": splitter}
        corpus = Corpus(tmp_path, {**HASHING, **stages})
        corpus.fill(3)
        corpus.refresh()
        stored, read = (
            scores(search(corpus.load([f"reranker.states={each}"]), [Query(text=QUERY)], 100))
            for each in ("stored", "read")
        )
        assert len(stored) > 2
        assert read == pytest.approx(stored, abs=1e-5)

    def test_prompts_are_read_where_no_states_are_kept(self, prompted: Path) -> None:
        documents = [prose(at, 1) for at in range(6)]
        found = rerank(plain(prompted), documents)
        query = behind(prompted, f"Instruct: {TASK}\nQuery: ", QUERY)
        for hit in found:
            passage = behind(prompted, "passage: ", hit.chunk.text)
            expected = (query @ passage.T).max(axis=1).mean()
            assert hit.score == pytest.approx(float(expected), abs=1e-5)

    def test_a_question_is_read_to_its_end(self, tiny: Path) -> None:
        """However long it is: one word behind a thousand others changes the scores."""
        long = "wheel " * 200
        one, other = (rerank(plain(tiny), texts(4), long + end) for end in ("weir", "flour"))
        assert [hit.score for hit in one] != [hit.score for hit in other]


def scores(found: Any) -> dict[str, float]:
    return {hit.chunk.id: hit.score for hit in found.hits[0]}


def behind(folder: Path, prompt: str, text: str) -> np.ndarray[Any, Any]:
    """Unit states of a text's own tokens, of those that end in it, by transformers."""
    import transformers

    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder)
    model: Any = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32)
    read = tokenizer(prompt + text, return_offsets_mapping=True, return_tensors="pt")
    own = read.offset_mapping[0][:, 1] > len(prompt)
    with torch.no_grad():
        made = model(input_ids=read.input_ids).last_hidden_state[0][own]
    unit: np.ndarray[Any, Any] = torch.nn.functional.normalize(made, dim=-1).numpy()
    return unit


def test_what_is_forgotten_is_read_again(tiny: Path, read: list[int]) -> None:
    by, other = LateInteraction(model=str(tiny)), LateInteraction(model=str(tiny), tokens=9)
    token_states.token_states.cache_clear()
    token_states.asked_states.cache_clear()
    first = rerank(by, texts(8))
    rerank(other, texts(8))
    assert len(read) == 8 + 1 + 8
    by.forget()
    assert rerank(by, texts(8)) == first
    assert len(read) == 8 + 1 + 8 + 8 + 1
    rerank(other, texts(8))
    assert len(read) == 8 + 1 + 8 + 8 + 1, "another's passages are its own"


class TestStored:
    """States that the index keeps."""

    @pytest.fixture
    def corpus(self, tmp_path: Path, tiny: Path) -> Corpus:
        encoder = {
            "use": "naive", "model": str(tiny), "precision": "fp32", "token_states": 1,
        }  # fmt: skip
        late = {"use": "late_interaction", "precision": "fp32", "interpolate": 0.0}
        made = Corpus(tmp_path, {**HASHING, "encoder": encoder, "reranker": late})
        made.fill(4)
        made.refresh()
        return made

    def test_only_the_question_is_read(self, corpus: Corpus, read: list[int]) -> None:
        asked_states.cache_clear()
        (hits,) = search(corpus.load(), [Query(text=QUERY)], 100).hits
        assert len(hits) > 20
        assert len(read) == 2  # for its vector, and for the states of its tokens
        search(corpus.load(["reranker.states=read"]), [Query(text=QUERY)], 100)
        assert len(read) > 20

    def test_scores_are_those_of_the_signs(self, store: Any, corpus: Corpus, tiny: Path) -> None:
        corpus.refresh(store)
        (hits,) = search(corpus.load(store), [Query(text=QUERY)], 100).hits
        query = states(tiny, QUERY, 500)
        for hit in hits[:10]:
            own = np.where(states(tiny, hit.chunk.text, 500) > 0, 1.0, -1.0) / np.sqrt(32)
            assert hit.score == pytest.approx((query @ own.T).max(axis=1).mean(), abs=2e-3)
        assert [each.score for each in hits] == sorted((h.score for h in hits), reverse=True)

    def test_a_passage_has_the_states_of_all_its_chunks(self, corpus: Corpus, tiny: Path) -> None:
        wide = ["retriever.use=neighbourhood", "retriever.before=1", "retriever.after=1"]
        (hits,) = search(corpus.load(wide), [Query(text=QUERY)], 5).hits
        assert max(len(each.chunk_ids) for each in hits) > 1
        query = states(tiny, QUERY, 500)
        held = corpus.stored().states
        for hit in hits:
            expected = likeness(query, [np.concatenate([held[id] for id in hit.chunk_ids])])
            assert hit.score == pytest.approx(float(expected[0]), abs=1e-5)

    def test_a_budget_reads_the_states_of_fewer_hits(self, corpus: Corpus) -> None:
        whole = search(corpus.load(), [Query(text=QUERY)], 100)
        paced = search(corpus.load(["reranker.rerank_budget_ms=60000"]), [Query(text=QUERY)], 100)
        assert paced.reranked.depths == whole.reranked.depths
        assert [each.chunk.id for each in paced.hits[0]] == [
            each.chunk.id for each in whole.hits[0]
        ]

    def test_a_named_model_must_be_that_of_the_index(
        self, corpus: Corpus, tiny: Path, crossed: Path
    ) -> None:
        same = corpus.load([f"reranker.model={tiny}", "reranker.states=stored"])
        assert search(same, [Query(text=QUERY)], 3).hits[0]
        other = corpus.load([f"reranker.model={crossed}", "reranker.states=stored"])
        with pytest.raises(BadOption, match="no states of tokens") as caught:
            search(other, [Query(text=QUERY)], 3)
        assert "encoder.token_states" in (caught.value.hint or "")
        search(corpus.load([f"reranker.model={crossed}"]), [Query(text=QUERY)], 3)  # reads them

    def test_an_index_without_them(self, corpus: Corpus, read: list[int]) -> None:
        without = ["encoder.token_states=0"]
        corpus.refresh(without)
        read.clear()
        token_states.token_states.cache_clear()
        assert search(corpus.load(without), [Query(text=QUERY)], 3).hits[0]
        assert len(read) > 20
        with pytest.raises(BadOption, match="no states of tokens"):
            search(corpus.load([*without, "reranker.states=stored"]), [Query(text=QUERY)], 3)

    def test_as_a_postprocessor(self, corpus: Corpus, read: list[int]) -> None:
        """Order and scores are those of the pipeline that has the reranker itself."""
        postprocessor, retrieve = _llama_index(corpus)
        for wide in ([], ["retriever.use=neighbourhood"]):
            nodes = retrieve("reranker.use=none", *wide)
            asked_states.cache_clear()
            read.clear()
            found = postprocessor(*wide).postprocess_nodes(nodes, query_str=QUERY)
            assert len(read) == 1
            expected = retrieve(*wide)
            assert [each.node.node_id for each in found] == [each.node.node_id for each in expected]
            assert [each.score for each in found] == pytest.approx(
                [each.score for each in expected], abs=1e-5
            )

    def test_nodes_of_elsewhere_are_read(
        self, corpus: Corpus, caplog: pytest.LogCaptureFixture
    ) -> None:
        """What that costs is not taken for what stored ones cost."""
        from llama_index.core.schema import NodeWithScore, TextNode

        paced.learnt.cache_clear()
        budget = "reranker.rerank_budget_ms=60000"
        postprocessor, retrieve = _llama_index(corpus)
        strange = [NodeWithScore(node=TextNode(text=text, id_=text)) for text in texts(3)]
        found = postprocessor(budget).postprocess_nodes(strange, query_str=QUERY)
        assert {each.node.node_id for each in found} == set(texts(3))
        assert "nodes are read again" in caplog.text
        postprocessor(budget).postprocess_nodes(retrieve("reranker.use=none"), query_str=QUERY)
        assert paced.learnt.cache_info().currsize == 2
        with pytest.raises(Missing, match="states of tokens"):
            postprocessor("reranker.states=stored").postprocess_nodes(strange, query_str=QUERY)


def _llama_index(corpus: Corpus) -> tuple[Any, Any]:
    """A corpus' postprocessor, and what its retriever finds, by overrides."""
    pytest.importorskip("llama_index.core")
    from components.bridges.postprocessor import MillracePostprocessor
    from components.bridges.retriever import MillraceRetriever

    def postprocessor(*overrides: str) -> Any:
        return MillracePostprocessor(pipeline=corpus.file, overrides=list(overrides))

    def retrieve(*overrides: str) -> Any:
        return MillraceRetriever(corpus.file, 100, overrides=overrides).retrieve(QUERY)

    return postprocessor, retrieve


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_texts_without_tokens_score_nothing(tiny: Path, text: str) -> None:
    by = plain(tiny)
    found = rerank(by, [*texts(3), text])
    assert len(found) == 4
    assert all(np.isfinite(each.score) for each in found)
    assert len(rerank(by, texts(3), query=text)) == 3
