"""Damage planted in what is live, past our own writers: by the engine, or by a server's client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.indexes.edge import shards
from components.indexes.manifest import Generation
from components.indexes.points import DENSE, SPARSE
from components.indexes.qdrant.control import Control
from components.indexes.qdrant.server import connect
from tests.corpora import Corpus


@dataclass(frozen=True)
class Live:
    """What is live of a corpus in one of the stores."""

    corpus: Corpus
    store: Sequence[str]
    """The overrides that choose it."""

    @property
    def generation(self) -> Generation:
        release = self.corpus.job(self.store).corpus.live()
        assert release is not None
        return release.generation

    @property
    def folder(self) -> Path:
        """Of the embedded index."""
        return self.corpus.folder / "store" / "test" / self.generation.name

    @property
    def collection(self) -> str:
        """On the server."""
        found = Control(connect(), "test").record(self.generation.name)
        assert found is not None
        return found.collection

    def points(self, **own: str) -> list[Any]:
        """Those whose payloads hold these values, in order of their ordinals."""
        with self._opened() as held:
            found = [each for each in held.all() if own.items() <= each.payload.items()]
        return sorted(found, key=lambda each: each.payload.get("ordinal", -1))

    def drop(self, *points: Any) -> None:
        with self._opened() as held:
            held.drop([each.id for each in points])

    def put(
        self, point: Any, id: str = "", vector: Any = None, *, terms: bool = True, **payload: Any
    ) -> None:
        """A point again, with some of it changed, or under another id; `terms`: with its own."""
        vectors = {name: own for name, own in point.vector.items() if terms or name != SPARSE}
        if vector is not None:
            vectors[DENSE] = vector
        with self._opened() as held:
            held.put(id or str(point.id), vectors, {**point.payload, **payload})

    @contextmanager
    def _opened(self) -> Iterator[_Shard | _Collection]:
        if "index.use=qdrant" in self.store:
            yield _Collection(self.collection)
            return
        with closing(shards.load(self.folder / "shard")) as shard:
            yield _Shard(shard)
            shard.flush()


@dataclass(frozen=True)
class _Shard:
    shard: Any

    def all(self) -> list[Any]:
        pages = shards.pages(self.shard, vectors=True)
        return [each for page in pages for each in page]

    def drop(self, ids: Sequence[str]) -> None:
        from qdrant_edge import UpdateOperation

        self.shard.update(UpdateOperation.delete_points(list(ids)))

    def put(self, id: str, vectors: Mapping[str, Any], payload: Mapping[str, Any]) -> None:
        from qdrant_edge import Point, UpdateOperation

        self.shard.update(UpdateOperation.upsert_points([Point(id, dict(vectors), dict(payload))]))


@dataclass(frozen=True)
class _Collection:
    name: str

    def all(self) -> list[Any]:
        found, _ = connect().client.scroll(self.name, limit=1000, with_vectors=True)
        return list(found)

    def drop(self, ids: Sequence[str]) -> None:
        from qdrant_client.models import PointIdsList

        connect().client.delete(self.name, PointIdsList(points=list(ids)), wait=True)

    def put(self, id: str, vectors: Mapping[str, Any], payload: Mapping[str, Any]) -> None:
        from qdrant_client.models import PointStruct

        point = PointStruct(id=id, vector=dict(vectors), payload=dict(payload))
        connect().client.upsert(self.name, [point], wait=True)
