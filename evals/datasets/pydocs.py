"""Questions about Python's own documentation, the sample corpus, with judgements."""

from __future__ import annotations

import hashlib
from importlib.resources import as_file, files

from components.sources.pydocs import PythonDocs
from evals.datasets import beir, qrels
from evals.datasets.assemble import Stored, asked_in, assemble
from evals.datasets.judged import Judged


def load(split: str = "test") -> Judged:
    """Documents are those of this Python: judgements of modules that it lacks are left out.

    The checksum is of the questions and of every document. Raises SourceMissing.
    """
    source = PythonDocs()
    documents = {ref.id: source.digest(ref) for ref in source.scan()}
    with as_file(files("evals.datasets") / "sample") as folder:
        queries, judged = folder / "queries.jsonl", qrels.of_split(folder, split)
        own = beir.checksum(split, folder, (queries, judged))
        corpus = "\n".join(f"{id} {digest}" for id, digest in sorted(documents.items()))
        data = Judged(
            name="sample",
            split=split,
            questions=(),
            judgements=qrels.read(judged).judgements,
            source={"use": "pydocs"},
            corpus=hashlib.sha256(corpus.encode()).hexdigest(),
            checksum=hashlib.sha256(f"{own}\n{corpus}".encode()).hexdigest(),
        )
        known = dict.fromkeys(documents, Stored())
        return assemble(data, asked_in(queries), known, str(queries))
