"""The real sets that development uses, where they are at hand."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from components.errors import SourceMissing
from components.sources.jsonl import JsonLines
from components.values import DocumentRef
from evals.datasets import catalogue
from evals.datasets.judged import Judged

DATA = Path(os.environ.get("MILLRACE_DATA", Path(__file__).parents[3] / "shared" / "data"))
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is absent")
SPLIT = re.compile(r"([\w|-]+)(?: \([^)]*\))? (\d+)")


def table() -> list[tuple[str, str, int, dict[str, int]]]:
    """Name, words about it, number of documents, judgements by split: from the README."""
    lines = (DATA / "README.md").read_text().splitlines() if DATA.is_dir() else []
    rows = [
        [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in lines
        if line[:1] == "|"
    ]
    return [
        (name, about, int(count.replace(",", "")), judgements(splits))
        for name, about, count, _, splits in rows[2:]
    ]


def judgements(splits: str) -> dict[str, int]:
    """Their number by split: `dev 3, mono-de|es 4 each` is three splits."""
    found = {}
    for names, count in SPLIT.findall(splits):
        kind, dash, each = names.partition("-")
        found.update({f"{kind}{dash}{name}": int(count) for name in each.split("|")})
    return found


def texts(data: Judged) -> dict[str, str]:
    source = JsonLines(path=Path(data.source["path"]), template="{text}")
    refs = [each for each in source.scan() if isinstance(each, DocumentRef)]
    return {each.id: source.read(each).text for each in refs}


@pytest.mark.parametrize("row", table(), ids=lambda row: row[0])
def test_every_set_has_the_judgements_that_its_table_counts(
    row: tuple[str, str, int, dict[str, int]],
) -> None:
    name, _, documents, splits = row
    folder = DATA / name
    if not splits:
        with pytest.raises(SourceMissing, match=r"no queries\.jsonl"):
            catalogue.load(str(folder))
    assert bool(splits) == (name in catalogue.names(DATA))
    places = set()
    for split, count in splits.items():
        option = "documents=pages" if name == "financebench" else "unit=document"
        data = catalogue.load(f"{folder}?{option}", split)
        assert sum(map(len, data.judgements.values())) == count
        assert len(data.questions) == len(data.judgements)
        assert data.left_out == {}
        places.add(data.source["path"])
    for place in places:
        assert sum(1 for _ in JsonLines(path=Path(place)).scan()) == documents


def test_the_scopes_hold() -> None:
    for name, scope in (("policyqa", "site"), ("tatqa", "context")):
        for split in ("dev", "test"):
            data = catalogue.load(str(DATA / name), split)
            assert data.scope == scope
            assert all(scope in each.filter for each in data.queries(scoped=True))


def test_financebench() -> None:
    by_page = catalogue.load(str(DATA / "financebench"))
    assert (len(by_page.questions), sum(map(len, by_page.judgements.values()))) == (61, 73)
    assert {each.type for each in by_page.questions} == {
        "metrics-generated",
        "domain-relevant",
        "novel-generated",
    }
    pages = catalogue.load(str(DATA / "financebench"), documents="pages")
    assert pages.judgements == by_page.judgements
    assert [each.type for each in pages.questions] == [each.type for each in by_page.questions]


def test_chunking_eval_points_to_its_stated_text() -> None:
    folder = DATA / "chunking-eval"
    data = catalogue.load(str(folder))
    assert (data.unit, sum(map(len, data.evidence.values()))) == ("span", 790)
    text = texts(data)
    stated = [json.loads(line) for line in (folder / "queries.jsonl").read_text().splitlines()]
    for row in stated:
        found = [
            text[each.document_id][each.start : each.end] for each in data.evidence[row["_id"]]
        ]
        assert sorted(found) == sorted(each["text"] for each in row["references"])


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_qmsum_points_to_whole_turns(split: str) -> None:
    data = catalogue.load(str(DATA / "qmsum"), split)
    assert data.unit == "span"
    assert data.left_out == {}
    text = texts(data)
    for spans in data.evidence.values():
        for each in spans:
            whole = text[each.document_id]
            assert each.start == 0 or whole[each.start - 1] == "\n"
            assert each.end == len(whole) or whole[each.end - 1] == "\n"
            assert re.match(r"[^\n]+?: ", whole[each.start : each.end])


def test_limit_is_made_in_the_shape_of_the_published_set(tmp_path: Path) -> None:
    own = catalogue.load("limit-small", cache=tmp_path)
    published = catalogue.load(str(DATA / "limit-small"))

    def shape(data: Judged) -> tuple[int, list[int], list[int]]:
        often: dict[str, int] = {}
        for grades in data.judgements.values():
            for name in grades:
                often[name] = often.get(name, 0) + 1
        likes = [text.count(",") + 2 for text in texts(data).values()]
        return len(data.questions), sorted(often.values()), sorted(likes)

    assert shape(own)[:2] == shape(published)[:2]
    # The published ones have some attributes with a comma or an "and" of their own.
    assert set(shape(own)[2]) == {45}
    assert set(shape(published)[2]) <= {44, 45, 46}
