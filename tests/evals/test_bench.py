"""The benchmark on little text: what it counts, and in which order it does things."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from components.encoders.model import model
from evals.bench import contenders, ours, peers
from evals.bench.__main__ import main
from evals.bench.bench import Budget, measure
from evals.bench.contenders import Contender
from evals.bench.limit import Encoded, Run, Shapes
from evals.bench.one import alone, one
from evals.bench.outcome import Outcome, show
from evals.bench.rounds import interleaved
from evals.bench.texts import Texts, load

SMALL = Shapes(layers=1, hidden=2, inner=3)
LIMITS = {"float32": 1e9, "bfloat16": 2e9}


@pytest.fixture(autouse=True)
def _no_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Generated text, whatever lies beside the repository."""
    monkeypatch.setenv("MILLRACE_DATA", str(tmp_path / "none"))


@pytest.fixture
def texts() -> Texts:
    return load("peps", 2).first(1500)


def corpus(folder: Path, ids: list[str]) -> None:
    (folder / "peps").mkdir(parents=True, exist_ok=True)
    rows = [{"_id": id, "title": "", "text": f"The text of {id}."} for id in ids]
    (folder / "peps" / "corpus.jsonl").write_text("\n".join(map(json.dumps, rows)))


def noting(name: str, log: list[str]) -> Contender:
    """A contender that reads one token in every run."""

    def prepare(texts: Texts) -> Run:
        def run() -> Encoded:
            log.append(name)
            return Encoded([1], "float32")

        return run

    return Contender(name, name, "nothing", prepare)


def absent(texts: Texts) -> Run:
    import no_such_library  # type: ignore[import-not-found]

    return no_such_library  # type: ignore[no-any-return]


def test_operations_by_hand() -> None:
    # A layer has four matrices of 2 x 2, one of 2 x 3 and one of 3 x 2: 28 weights, used by 1 + 2
    # tokens, two operations each. Attention: two products of 2 operations by width and pair.
    assert SMALL.operations([1, 2]) == 2 * 28 * 3 + 2 * 2 * 2 * (1 * 1 + 2 * 2)


def test_operations_as_torch_counts_them() -> None:
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    from transformers import BertConfig, BertModel

    untyped: Any = BertConfig
    config = untyped(
        vocab_size=10,
        num_hidden_layers=3,
        hidden_size=8,
        intermediate_size=20,
        num_attention_heads=2,
        attn_implementation="eager",
    )
    bert: Any = BertModel(config, add_pooling_layer=False)
    counter = FlopCounterMode(display=False)
    with counter, torch.inference_mode():
        bert.eval()(torch.ones((2, 5), dtype=torch.int64))
    assert Shapes.of(config).operations([5, 5]) == counter.get_total_flops()


def test_a_packed_product_is_measured_at_all() -> None:
    assert Shapes(1, 32, 64).matmul_rate("bfloat16") > 0


def test_contenders_take_turns_and_each_begins_a_round() -> None:
    log: list[str] = []
    nothing = Texts("none", [], 0)
    runs = {name: noting(name, log).prepare(nothing) for name in ("a", "b", "c")}
    rates = cycle([1e9, 3e9])
    found = list(interleaved(runs, 2, 100, SMALL, lambda: {"float32": next(rates)}))
    assert log == ["a", "b", "c", "b", "c", "a"]
    assert [(number, name) for number, name, _ in found] == list(
        zip([0, 0, 0, 1, 1, 1], log, strict=True)
    )
    assert [each.limit for *_, each in found] == [1e9] * 3 + [3e9] * 3
    first = found[0][2]
    assert first.rate == 100 / first.seconds
    assert first.share == SMALL.operations([1]) / first.seconds / 1e9


def test_the_estimate_comes_before_any_round_and_a_missing_library_is_a_row() -> None:
    told: list[str] = []
    asked = [noting("naive", []), Contender("chonkie", "chonkie", "", absent)]
    outcome = measure(asked, told.append, documents=1, rounds=3, whole=False, memory=False)
    rounds = [at for at, line in enumerate(told) if line.startswith("round")]
    assert len(rounds) == len(outcome.rounds["naive"]) == 3
    assert [line.startswith("estimate") for line in told].index(True) < min(rounds)
    assert outcome.missing == {"chonkie": "not installed: no_such_library"}
    assert "not installed: no_such_library" in shown(outcome)
    assert set(outcome.to_json()["contenders"]) == {"naive"}


def shown(outcome: Outcome) -> str:
    page = StringIO()
    show(outcome, Console(file=page, width=120))
    return page.getvalue()


@pytest.mark.slow
def test_the_command_estimates_measures_and_keeps(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    arguments = ["--only", "naive", "--documents", "1", "--rounds", "2", "--no-whole"]
    result = CliRunner().invoke(main, [*arguments, "--no-memory", "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert result.stderr.index("estimate") < result.stderr.index("round 1")
    assert "kernel, naive  encode" in result.stdout
    kept = json.loads(out.read_text())
    assert kept["texts"]["origin"] == "generated like peps"
    assert len(kept["contenders"]["naive"]["rounds"]) == 2
    assert 0 < kept["contenders"]["naive"]["share"] < 2


def test_what_would_pass_the_budget_is_left_out_and_named() -> None:
    budget = Budget(60)
    assert budget.takes("a", 33)
    assert not budget.takes("a huge", 28)
    assert budget.takes("a small", 27)
    assert str(budget) == "estimate: 60 s (a 33, a small 27); no time for a huge"


def test_a_contender_without_time_is_not_measured() -> None:
    log: list[str] = []
    told: list[str] = []
    asked = [noting("naive", log)]
    outcome = measure(asked, told.append, documents=1, memory=False, minutes=0)
    assert (outcome.rounds, outcome.left_out) == ({}, ["naive", *outcome.left_out[1:]])
    assert log == ["naive"] * 2, "the trial alone"
    assert any("no time for naive" in line for line in told)


def test_the_choice_of_documents_depends_on_the_set_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_DATA", str(tmp_path))
    ids = [f"pep-{number}" for number in range(20)]
    corpus(tmp_path, ids)
    chosen = load("peps", 5)
    corpus(tmp_path, ids[::-1])
    again = load("peps", 5)
    assert [each.id for each in chosen.documents] == [each.id for each in again.documents]
    assert len({each.id for each in chosen.documents}) == 5
    assert len(load("peps").documents) == chosen.of == 20


def test_generated_text_is_the_same_every_time_and_of_the_wanted_shape() -> None:
    texts = load("peps", 8)
    assert texts.documents == load("peps", 8).documents
    assert texts.origin == "generated like peps"
    assert 3_000 < texts.characters / 8 < 80_000
    assert 1_000 * 20 < load("oewn-glosses", 1000).characters < 1_000 * 400


def test_the_beginning_of_texts_has_so_many_characters() -> None:
    texts = load("peps", 3)
    for characters in (1, 1000, texts.characters):
        assert texts.first(characters).characters == characters


def test_full_windows_hold_all_tokens_and_no_padding(texts: Texts) -> None:
    lengths = ours.full_windows(16)(texts)().lengths
    assert lengths == [16] * -(-texts.tokens // 14)


def test_naive_reads_every_token_once(texts: Texts) -> None:
    encoded = ours.naive(texts)()
    assert sum(encoded.lengths) - 2 * len(encoded.lengths) == pytest.approx(texts.tokens, rel=0.01)


@pytest.mark.parametrize("encoder", ["naive", "late"])
def test_a_refresh_reads_what_the_encoder_alone_reads(encoder: str, texts: Texts) -> None:
    prepare = ours.naive if encoder == "naive" else ours.late
    run = ours.refresh(encoder)(texts)
    for _ in range(2):  # every run begins with an empty store
        assert sorted(run().lengths) == sorted(prepare(texts)().lengths)


def test_sentence_transformers_reads_the_same_chunks(texts: Texts) -> None:
    assert sorted(peers.transformer("float32")(texts)().lengths) == sorted(
        ours.naive(texts)().lengths
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("prepare", "library"),
    [(peers.chonkie, "chonkie"), (peers.llama_index, "llama_index.embeddings.huggingface")],
)
def test_a_peer_reads_all_of_the_text(
    prepare: Callable[[Texts], Run], library: str, texts: Texts
) -> None:
    pytest.importorskip(library, reason="the extra `bench` is not installed")
    encoded = prepare(texts)()
    assert encoded.dtype == "float32"
    assert sum(encoded.lengths) == pytest.approx(texts.tokens, rel=0.1)


def test_no_tokens_are_remembered_from_one_run_to_the_next(texts: Texts) -> None:
    run = ours.naive(texts)
    before = model("minilm", "auto").tokenizer
    run()
    assert model("minilm", "auto").tokenizer is not before


def test_one_contender_tells_what_it_measured() -> None:
    found = one("kernel-128", "peps", 1)
    assert json.loads(json.dumps(found)) == found
    assert found["documents"] == 1
    assert found["tokens"] > 0


@pytest.mark.slow
def test_a_process_of_its_own_tells_its_memory() -> None:
    found = alone("kernel-128", "peps", 1)
    assert found.result["documents"] == 1
    assert found.result["tokens"] > 0
    assert 100e6 < found.peak < 10e9
    with pytest.raises(RuntimeError, match="kernel-128 on nothing"):
        alone("kernel-128", "nothing", 1)


def test_names_are_unique_and_known() -> None:
    names = [each.name for each in contenders.ALL]
    assert len(set(names)) == len(names)
    assert {contenders.REFERENCE, *contenders.WHOLE} <= set(names)
