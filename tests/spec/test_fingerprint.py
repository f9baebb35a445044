"""The fingerprint: equal for what stores the same, different for what does not."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.spec import BASE, loaded, written

HASHING = BASE + "encoder: {use: hashing, width: 64}\n"
LATE = BASE + "encoder: {use: late}\n"


def of(folder: Path, text: str, *overrides: str) -> str:
    return loaded(folder, text, overrides).fingerprint()


def test_is_16_hexadecimal_digits(tmp_path: Path) -> None:
    for text in (BASE, HASHING, LATE):
        assert re.fullmatch("[0-9a-f]{16}", of(tmp_path, text))


def test_is_the_same_in_another_process(tmp_path: Path) -> None:
    text = HASHING + "sparse: {use: bm25}\n"
    code = "import sys, pathlib; from components import spec\n"
    code += "print(spec.load(pathlib.Path(sys.argv[1])).fingerprint())"
    other = subprocess.run(
        [sys.executable, "-c", code, str(written(tmp_path, text))],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "7", "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert other.stdout.strip() == of(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        "encoder: {width: 64, use: hashing}\nsource: {path: documents, use: files}\nname: test\n",
        HASHING + "splitter: {use: sentences}\n",
        HASHING + "splitter: {use: sentences, max_tokens: 128, across_pages: false}\n",
        HASHING + "splitter: {language: en, use: sentences}\n",
        HASHING + "sparse: {use: none}\n",
        HASHING.replace("width: 64", "width: 64, header: ''"),
        HASHING.replace("documents", "elsewhere"),
        HASHING.replace("documents", "documents, include: ['**/*.md'], exclude: [drafts/**]"),
        HASHING.replace("name: test", "name: other"),
        HASHING + "retriever: {use: neighbourhood, before: 3}\n",
        HASHING + "retriever: {use: dense, depth: 7}\n",
        HASHING + "reranker: {use: feedback}\n",
        HASHING + "index: {use: qdrant_edge, path: elsewhere, filterable: [year]}\n",
    ],
)
def test_is_the_same_for_what_stores_the_same(tmp_path: Path, text: str) -> None:
    assert of(tmp_path, text) == of(tmp_path, HASHING)


def test_is_the_same_wherever_the_file_lies(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    assert of(tmp_path, HASHING) == of(tmp_path / "other", HASHING)


def test_is_the_same_for_an_override_and_the_file(tmp_path: Path) -> None:
    assert of(tmp_path, HASHING, "encoder.width=32") == of(tmp_path, HASHING.replace("64", "32"))


def test_is_the_same_for_a_number_written_in_two_ways(tmp_path: Path) -> None:
    assert of(tmp_path, LATE, "encoder.mix=1") == of(tmp_path, LATE, "encoder.mix=1.0")


@pytest.mark.parametrize(
    ("text", "override"),
    [
        (HASHING, "splitter.max_tokens=127"),
        (HASHING, "splitter.across_pages=true"),
        (HASHING, "splitter.language=de"),
        (HASHING, "splitter.use=sentence"),
        (HASHING, "splitter.use=tokens"),
        (HASHING, "encoder.width=65"),
        (HASHING, "encoder.header='{title}'"),
        (HASHING, "encoder.use=naive"),
        (HASHING, "sparse.use=bm25"),
        (HASHING + "sparse: {use: bm25}\n", "sparse.k=1.3"),
        (HASHING + "sparse: {use: bm25}\n", "sparse.b=0.5"),
        (HASHING + "sparse: {use: bm25}\n", "sparse.language=german"),
        (HASHING, "source.use=jsonl"),
        (BASE, "encoder.header='{title}'"),
        (BASE, "encoder.precision=fp32"),
        (BASE, "encoder.use=late"),
        (LATE, "encoder.window=128"),
        (LATE, "encoder.overlap=32"),
        (LATE, "encoder.mix=0.5"),
        (LATE, "encoder.header='{title}'"),
        (LATE, "encoder.use=landmark"),
    ],
)
def test_differs_for_what_changes_the_index(tmp_path: Path, text: str, override: str) -> None:
    assert of(tmp_path, text, override) != of(tmp_path, text)


def test_differs_for_another_template(tmp_path: Path) -> None:
    text = HASHING.replace("files", "jsonl")
    assert of(tmp_path, text) == of(tmp_path, text, r'source.template="{title}\n{text}"')
    assert of(tmp_path, text) != of(tmp_path, text, "source.template='{text}'")
