"""A collection on the server: how it is made, and what is done to it as a whole."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from components.errors import Damaged, IndexFault, Refused
from components.indexes.filterable import Filterable, Kind, indexes
from components.indexes.manifest import Quantization
from components.indexes.payload import CHUNK
from components.indexes.points import DENSE, DOCUMENT_SPARSE, SPARSE, VACUUM
from components.indexes.qdrant.conditions import ADDED, REMOVED
from components.indexes.qdrant.limits import Limits
from components.indexes.qdrant.patience import Waiting
from components.indexes.qdrant.server import Server
from infra import stopping

if TYPE_CHECKING:
    from qdrant_client import QdrantClient, models

_SETTLED = 600.0
"""Seconds that the server is given to build its search graph before a generation goes live."""
_CONFLICT = 409
"""The status of an answer: somebody was first."""
_FIRST_POLL, _LONGEST_POLL = 0.2, 2.0
"""Seconds until it is looked at again: twice as many each time."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What a collection is made like."""

    filterable: Filterable
    quantization: Quantization
    on_disk: bool | None
    """None: as the server is set."""
    shards: int
    replicas: int


def make(server: Server, name: str, layout: Mapping[str, Any]) -> None:
    """An empty collection, unless it is there already: made by a killed run, or by another."""

    def once(client: QdrantClient) -> None:
        from qdrant_client.http.exceptions import UnexpectedResponse

        try:
            client.create_collection(name, **layout)
        except UnexpectedResponse as error:
            if error.status_code != _CONFLICT:
                raise

    doing = f"the collection {name} could not be created"
    if not server.ask(doing, lambda client: client.collection_exists(name)):
        server.ask(doing, once)


def create(server: Server, name: str, width: int, layout: Layout) -> None:
    """A collection for vectors of `width`."""
    from qdrant_client.models import (
        Distance,
        Modifier,
        OptimizersConfigDiff,
        SparseVectorParams,
        VectorParams,
    )

    dense = VectorParams(size=width, distance=Distance.COSINE, on_disk=layout.on_disk)
    options: dict[str, Any] = {
        "vectors_config": {DENSE: dense},
        "sparse_vectors_config": {
            name: SparseVectorParams(modifier=Modifier.IDF) for name in (SPARSE, DOCUMENT_SPARSE)
        },
        "quantization_config": _quantized(layout),
        "optimizers_config": OptimizersConfigDiff(**VACUUM),
        "shard_number": layout.shards,
        "replication_factor": layout.replicas,
    }
    if layout.on_disk is not None:
        options["on_disk_payload"] = layout.on_disk
    make(server, name, options)


def index_chunks(server: Server, name: str, limits: Limits, filterable: Filterable) -> None:
    """Payload indexes, without which a filter or a deletion reads every point, where they are
    missing or of another kind.
    """
    wanted: dict[str, Kind] = {**indexes(filterable), CHUNK: "keyword"}
    wanted |= {ADDED: "integer", REMOVED: "integer"}
    missing = {path: kind for path, kind in wanted.items() if limits.kind(path) != kind}
    index_fields(server, name, missing)


def index_fields(server: Server, name: str, kinds: Mapping[str, Kind]) -> None:
    """Payload indexes of these kinds, by path."""
    from qdrant_client.models import PayloadSchemaType

    for path, kind in kinds.items():
        server.ask(
            f"the field {path} could not be indexed",
            lambda client, path=path, kind=kind: client.create_payload_index(  # type: ignore[misc]
                name, path, PayloadSchemaType(kind), wait=True
            ),
        )


def settle(server: Server, name: str) -> None:
    """Wait until the server has optimised what was written. Searches are right before, but slow.

    Raises IndexFault where the server says that a write or the optimiser has failed.
    """
    waiting, pause = Waiting(server.name, _SETTLED), _FIRST_POLL
    until = time.monotonic() + _SETTLED
    while time.monotonic() < until:
        found = server.ask(
            f"the collection {name} could not be looked at",
            lambda client: client.get_collection(name),
        )
        if found.status == "red":
            raise _failed(server, name, found)
        if found.status != "yellow":  # grey waits for the next write
            waiting.over(f"has optimised {name}")
            return
        waiting.tell(f"{name} is being optimised", pause)
        stopping.pause(pause)
        pause = min(_LONGEST_POLL, 2 * pause)
    _log.warning("%s is still being optimised: searches are slower until it is done", name)


def _failed(server: Server, name: str, found: models.CollectionInfo) -> IndexFault:
    """Nothing is proved by it: the points may all be there."""
    told = getattr(found.optimizer_status, "error", "")
    reason = f": {told}" if told else ""
    return IndexFault(f"the server marks the collection {name} red{reason}").at(
        where=server.name,
        hint="a write or its optimiser has failed: see the server's log and GET /collections/"
        f"{name}, and run the refresh again; what is live is as it was",
    )


def remove(server: Server, name: str) -> None:
    """Delete a collection, if it is there."""
    server.ask(
        f"the collection {name} could not be deleted",
        lambda client: client.delete_collection(name),
    )


def check_gone(server: Server, name: str, beside: str, error: Exception) -> None:
    """Raises Damaged where a list of the collections has the one `beside` and not the other."""
    there = names(server)
    if beside in there and name not in there:
        raise Damaged(f"the collection {name} is gone").at(where=server.name) from error


def check_alias(server: Server, alias: str) -> None:
    """Raises Refused where the name that is to be our alias is a collection, or an alias of
    somebody else's.
    """
    if alias in names(server):
        raise Refused(f"a collection is called {alias!r}, which is to be an alias").at(
            where=server.name, hint="give the pipeline another name, or delete that collection"
        )
    place = stands_for(server, alias)
    if place and not place.startswith(f"{alias}__"):
        raise Refused(f"the alias {alias!r} stands for {place!r}, which is not ours").at(
            where=server.name, hint="give the pipeline another name, or delete that alias"
        )


def stands_for(server: Server, alias: str) -> str:
    """The collection that an alias stands for; empty where there is no such alias."""
    return server.ask("the aliases could not be listed", _aliases).get(alias, "")


def name_as(server: Server, alias: str, collection: str) -> None:
    """Let an alias stand for a collection, in one step; for other users of the server."""
    from qdrant_client.models import CreateAlias, CreateAliasOperation

    doing = f"the alias {alias} could not be set"
    if stands_for(server, alias) == collection:
        return
    # One that is there is moved.
    made = CreateAlias(collection_name=collection, alias_name=alias)
    switch = [CreateAliasOperation(create_alias=made)]
    server.ask(doing, lambda client: client.update_collection_aliases(switch))


def names(server: Server) -> set[str]:
    """Of all collections on the server."""
    found = server.ask(
        "the collections could not be listed", lambda client: client.get_collections()
    )
    return {each.name for each in found.collections}


def _aliases(client: QdrantClient) -> dict[str, str]:
    return {each.alias_name: each.collection_name for each in client.get_aliases().aliases}


def _quantized(layout: Layout) -> Any:
    from qdrant_client.models import (
        BinaryQuantization,
        BinaryQuantizationConfig,
        ScalarQuantization,
        ScalarQuantizationConfig,
        ScalarType,
    )

    kinds: dict[str, models.QuantizationConfig | None] = {
        "none": None,
        "int8": ScalarQuantization(
            scalar=ScalarQuantizationConfig(type=ScalarType.INT8, quantile=0.99, always_ram=True)
        ),
        "binary": BinaryQuantization(binary=BinaryQuantizationConfig(always_ram=True)),
    }
    return kinds[layout.quantization]
