"""Retrieval tasks of the package mteb, written in the layout of BEIR."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from components.errors import BadOption, EndpointUnavailable, SourceMissing
from evals import extras
from evals.datasets import beir, folders
from evals.datasets.judged import BadData, Judged

_DEFAULT = "default"


def load(
    task: str, split: str = "test", *, cache: Path, subset: str = _DEFAULT, unit: str = ""
) -> Judged:
    """The task of this name, downloaded once; `subset` is a language of a multilingual task.

    Raises MissingExtra, BadOption for a name that mteb does not know, EndpointUnavailable where the
    hub cannot be reached, and all that `beir.load` raises.
    """
    with extras.needed("tasks of mteb need", hint="pip install mteb"):
        import mteb
    try:
        own = None if subset == _DEFAULT else [subset]
        found = mteb.get_task(task, eval_splits=[split], hf_subsets=own)
    except (KeyError, ValueError) as error:
        raise BadOption(f"mteb has no task {task!r} with {split!r} of {subset!r}").at(
            where=f"mteb:{task}", hint=str(error)[:200]
        ) from error
    return from_task(found, split, cache=cache, subset=subset, unit=unit)


def from_task(
    task: Any, split: str = "test", *, cache: Path, subset: str = _DEFAULT, unit: str = ""
) -> Judged:
    """A task object, such as one of your own: `dataset[subset][split]` is what is read of it."""
    revision = str(task.metadata.dataset.get("revision", ""))[:8]
    name = f"mteb-{task.metadata.name}"
    parts = (name, subset, split, revision)
    folder = folders.once(
        cache / re.sub(r"[^\w.-]", "_", "-".join(parts)),
        lambda made: _download(made, task, split, subset),
    )
    return beir.load(folder, split, name=name, unit=unit)


def write(folder: Path, split: str, data: Mapping[str, Any]) -> None:
    """What mteb calls RetrievalSplitData: rows of `corpus` and of `queries` with `id` and `text`,
    and `relevant_docs`, grades by query id and document id.
    """
    folders.write(
        folder, split, _rows(data["corpus"]), _rows(data["queries"]), data["relevant_docs"]
    )


def _download(folder: Path, task: Any, split: str, subset: str) -> None:
    try:
        task.load_data()
    except Exception as error:  # of the hub, of its client, of the task's own code
        raise EndpointUnavailable(f"the task cannot be loaded: {error}").at(
            where=task.metadata.name, hint="is the hub reachable?"
        ) from error
    if not hasattr(task, "convert_v1_dataset_format_to_v2"):
        raise BadData("not a retrieval task of mteb 2").at(where=task.metadata.name)
    task.convert_v1_dataset_format_to_v2()
    if split not in task.dataset.get(subset, {}):
        known = [f"{a}/{b}" for a, splits in task.dataset.items() for b in splits]
        raise SourceMissing(f"no split {split!r} of the subset {subset!r}").at(
            where=task.metadata.name, hint=f"there are: {', '.join(known)}"
        )
    write(folder, split, task.dataset[subset][split])


def _rows(rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in rows:
        yield {"_id": str(row["id"]), **{k: v for k, v in row.items() if k != "id"}}
