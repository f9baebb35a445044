"""The collections of a server and their aliases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from pydantic import BaseModel
from qdrant_client.http import models
from qdrant_edge import EdgeShard

from tests.qdrant_http import answers, engine
from tests.qdrant_http.options import Options
from tests.qdrant_http.rate import Rate

_FORBIDDEN = frozenset('<>:"/\\|?*\0\x1f')
_OPTIMIZERS = {"deleted_threshold": 0.2, "vacuum_min_vector_number": 1000}
_OPTIMIZERS |= {"default_segment_number": 0, "flush_interval_sec": 5}
_PARAMS = {"vectors": {}, "shard_number": 1, "replication_factor": 1, "on_disk_payload": True}
_HNSW = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10_000}


class Collection:
    """A shard of the engine, and what it was made like."""

    def __init__(self, body: models.CreateCollection, options: Options) -> None:
        folder = options.folder / uuid4().hex
        folder.mkdir()
        self._layout = _plain(body)
        self._layout["optimizers_config"] = {
            **_OPTIMIZERS,
            **options.optimizers,
            **self._layout.get("optimizers_config", {}),
        }
        config = engine.config(body, self._layout["optimizers_config"])
        self.shard = EdgeShard.create(str(folder), config)
        self._strict: dict[str, Any] = dict(options.strict)
        self.allow(self._layout.get("strict_mode_config", {}))
        self._statuses = list(options.statuses)

    def allow(self, changed: Mapping[str, Any]) -> None:
        """Change settings of strict mode; the others stay."""
        self._strict |= changed
        enabled = self._strict.get("enabled")
        self.limits = models.StrictModeConfig(**self._strict) if enabled else None
        self.reads = Rate(self.limits.read_rate_limit if self.limits else None)
        self.writes = Rate(self.limits.write_rate_limit if self.limits else None)

    def indexes(self) -> dict[str, str]:
        """The type of each payload index, by its field's path."""
        schema = self.shard.info().payload_schema
        return {path: _type_name(each.data_type) for path, each in schema.items()}

    def info(self) -> dict[str, Any]:
        """The optimiser does its work when somebody looks for it, unless it is to come later."""
        status = self._statuses.pop(0) if len(self._statuses) > 1 else self._statuses[0]
        if status == "green":
            self.shard.optimize()
        found = self.shard.info()
        layout = self._layout
        params = _PARAMS | {
            name: layout[name] for name in (*_PARAMS, "sparse_vectors") if name in layout
        }
        return {
            "status": status,
            "optimizer_status": {"error": "Service internal error"} if status == "red" else "ok",
            "points_count": found.points_count,
            "indexed_vectors_count": found.indexed_vectors_count,
            "segments_count": found.segments_count,
            "config": {
                "params": params,
                "hnsw_config": _HNSW | layout.get("hnsw_config", {}),
                "optimizer_config": layout["optimizers_config"],
                "quantization_config": layout.get("quantization_config"),
                "strict_mode_config": self._strict or None,
            },
            "payload_schema": {
                path: {"data_type": _type_name(each.data_type), "points": each.points}
                for path, each in found.payload_schema.items()
            },
        }


class Collections:
    """By name, and by alias."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._held: dict[str, Collection] = {}
        self._aliases: dict[str, str] = {}

    def names(self) -> dict[str, Any]:
        return {"collections": [{"name": name} for name in self._held]}

    def aliases(self) -> dict[str, Any]:
        pairs = self._aliases.items()
        told = [{"alias_name": alias, "collection_name": name} for alias, name in pairs]
        return {"aliases": told}

    def exists(self, name: str) -> dict[str, bool]:
        return {"exists": self._aliases.get(name, name) in self._held}

    def get(self, name: str) -> Collection:
        """Raises Fault."""
        held = self._held.get(self._aliases.get(name, name))
        if held is None:
            raise answers.missing(name)
        return held

    def create(self, name: str, body: models.CreateCollection) -> bool:
        if name in self._held:
            raise answers.taken(name)
        if name in self._aliases:
            said = f"Can't create collection with name {name}. Alias with the same name"
            raise answers.wrong_input(f"{said} already exists")
        if len(name.encode()) > 255 or not _FORBIDDEN.isdisjoint(name):
            raise answers.out_of_range(f"collection_name: {name!r}", "path parameters")
        self._held[name] = Collection(body, self._options)
        return True

    def update(self, name: str, body: models.UpdateCollection) -> bool:
        """Only what strict mode allows."""
        self.get(name).allow(_plain(body).get("strict_mode_config", {}))
        return True

    def delete(self, name: str) -> bool:
        """Not by an alias."""
        held = self._held.pop(name, None)
        if held is None:
            return False
        held.shard.close()
        self._aliases = {alias: of for alias, of in self._aliases.items() if of != name}
        return True

    def change_aliases(self, body: models.ChangeAliasesOperation) -> bool:
        """One after the other: what is done before one that fails stays done."""
        for action in body.actions:
            match action:
                case models.CreateAliasOperation(create_alias=own):
                    if own.alias_name in self._held:
                        raise answers.taken(own.alias_name)
                    if own.collection_name not in self._held:
                        raise answers.missing(own.collection_name)
                    self._aliases[own.alias_name] = own.collection_name
                case models.DeleteAliasOperation(delete_alias=gone):
                    self._aliases.pop(gone.alias_name, None)
                case _:
                    raise answers.Fault(400, "the stand-in renames no alias")
        return True


@contextmanager
def faults() -> Iterator[None]:
    """What the engine raises inside becomes an answer. A panic of its own is no `Exception`."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit, answers.Fault):
        raise
    except BaseException as error:
        raise answers.of_engine(error) from error


def _plain(own: BaseModel) -> dict[str, Any]:
    told: dict[str, Any] = own.model_dump(mode="json", exclude_none=True)
    return told


def _type_name(kind: object) -> str:
    return str(kind).rpartition(".")[2].lower()
