"""Data sets by name.

./my-set?scope=site              a folder in the layout of BEIR, or FinanceBench's
scifact                          a folder of that name below the root of the data
sample                           questions about Python's documentation
limit?documents=5000&seed=1      generated; limit-small: its 46 relevant documents
needle?lengths=256,1024          generated; passkey too
mteb:TASK?subset=eng             a retrieval task of the package mteb
known:peps?by=abstract           a folder's documents, asked for in words of their own
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from urllib.parse import parse_qsl

from components.errors import BadOption, SourceMissing
from evals.datasets import beir, financebench, from_mteb, haystack, known, limit, pydocs, qrels
from evals.datasets.judged import Judged

CACHE = Path(".millrace/data")
ROOT = "MILLRACE_DATA"
SCOPES: Mapping[str, str] = {"policyqa": "site", "tatqa": "context"}
"""Fields of known folders: a question there is meant to be answered within its value."""
_MTEB = "mteb:"
_KNOWN = "known:"
_BUILT: Mapping[str, Callable[..., Judged]] = {
    "limit": limit.load,
    "limit-small": limit.small,
    "needle": partial(haystack.load, "needle"),
    "passkey": partial(haystack.load, "passkey"),
    "sample": pydocs.load,
}


def load(
    name: str,
    split: str = "test",
    *,
    cache: Path = CACHE,
    root: Path | None = None,
    corpus: bool = True,
    **options: object,
) -> Judged:
    """A data set. Options may stand in the name, as in a web address, or be given.

    Without `corpus` a folder's questions and judgements are all that is read of it.
    Our own names come first: a folder called `limit` is `./limit`. `cache`: where generated and
    downloaded data is kept. `root`: where bare names are looked up, otherwise MILLRACE_DATA.
    Raises SourceMissing with the names that exist, BadOption for an unknown option, BadData.
    """
    bare, _, query = (name, "", "") if Path(name).is_dir() else name.partition("?")
    given = {**{key: _value(text) for key, text in parse_qsl(query)}, **options}
    return _call(_loader(bare, root, corpus), bare, split, cache, given)


def names(root: Path | None = None) -> list[str]:
    """Names that `load` knows: built in, and folders with questions below the root."""
    below = _root(root)
    found = sorted(below.iterdir()) if below and below.is_dir() else []
    own = [each.name for each in found if qrels.splits(each) or financebench.is_one(each)]
    return [
        *_BUILT,
        f"{_MTEB}TASK",
        f"{_KNOWN}FOLDER",
        *(each for each in own if each not in _BUILT),
    ]


def _loader(name: str, root: Path | None, corpus: bool) -> Callable[..., Judged]:
    if name in _BUILT:
        return _BUILT[name]
    if name.startswith(_MTEB):
        return partial(from_mteb.load, name.removeprefix(_MTEB))
    if name.startswith(_KNOWN):
        return partial(known.load, _folder(name.removeprefix(_KNOWN), root))
    return _of_folder(_folder(name, root), corpus)


def _folder(name: str, root: Path | None) -> Path:
    below = _root(root)
    for folder in (Path(name), *([below / name] if below else [])):
        if name and folder.is_dir():
            return folder
    raise SourceMissing(f"no data set is called {name!r}").at(
        where=str(below or ""), hint=f"a folder, or one of {', '.join(names(root))}"
    )


def _of_folder(folder: Path, corpus: bool) -> Callable[..., Judged]:
    if financebench.is_one(folder):
        return partial(financebench.load, folder, corpus=corpus)
    scope = SCOPES.get(folder.resolve().name, "")
    return partial(beir.load, folder, scope=scope, corpus=corpus)


def _root(root: Path | None) -> Path | None:
    named = os.environ.get(ROOT)
    return root or (Path(named) if named else None)


def _call(
    loader: Callable[..., Judged], name: str, split: str, cache: Path, given: dict[str, object]
) -> Judged:
    known = inspect.signature(loader).parameters
    options = [each for each in known.values() if each.kind is inspect.Parameter.KEYWORD_ONLY]
    own = [each.name for each in options if each.name not in ("cache", "corpus", "name")]
    for each in given:
        if each not in own:
            raise BadOption(f"{name!r} has no option {each!r}").at(
                where=name, hint=f"its options: {', '.join(own) or 'none'}"
            )
    chosen = {each: _checked(each, value, known[each].default) for each, value in given.items()}
    places = {"cache": cache} if "cache" in known else {}
    return loader(split=split, **places, **chosen)


def _value(text: str) -> object:
    """`7`, `256,1024` or a word."""
    parts = text.split(",")
    if not all(each.isdecimal() for each in parts):
        return text
    return int(text) if len(parts) == 1 else tuple(map(int, parts))


def _checked(name: str, value: object, default: object) -> object:
    """An option of its default's kind. Raises BadOption."""
    if isinstance(default, str):
        return str(value)
    many = isinstance(default, tuple) and isinstance(value, tuple | list)
    if not isinstance(value, int) and not many:
        raise BadOption(f"{name} must be a number, not {value!r}").at(where=name)
    return value
