"""The index on a Qdrant server, for many readers and writers on more than one machine.

    NAME__control                   the corpus' record and its generations'
    NAME__releases                  the history of its releases, see `ledger`
    NAME__FINGERPRINT__0007__TOKEN  a fingerprint's chunks and entries, of generations of which each
                                    began from the one before
    NAME                            alias of the live generation's collection

In a namespace NAME is NAMESPACE_NAME.

A refresh works inside the collection: what it adds and removes is marked with its generation's
number, which no reader sees until that generation is published (see `conditions`). Where a newer
generation stands on its base already, it works on a copy. What is seen by no generation that is
kept (see `retention`) goes when a refresh ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from components.errors import BadOption, Damaged, IndexFault, Missing, Moved
from components.indexes.filterable import FILTERABLE, Filterable
from components.indexes.ledger import Event, fit, fold, settle
from components.indexes.manifest import Generation, Quantization, Release, Totals, newest, now
from components.indexes.qdrant import collection, leftovers
from components.indexes.qdrant.collection import Layout
from components.indexes.qdrant.conditions import ADDED, REMOVED, marked, marked_after, removed_in
from components.indexes.qdrant.contents import Contents
from components.indexes.qdrant.control import Control, Record, generations_of
from components.indexes.qdrant.history import ServerHistory
from components.indexes.qdrant.lease import Fenced, borrowed, held, lease
from components.indexes.qdrant.leftovers import Place
from components.indexes.qdrant.limits import limits_of, parts
from components.indexes.qdrant.patience import patient
from components.indexes.qdrant.points import CollectionPoints
from components.indexes.qdrant.server import Server, connect
from components.indexes.qdrant.writer import QdrantWriter
from components.indexes.quantization import (
    OVERSAMPLING,
    QUANTIZATION,
    RESCORE,
    Oversampling,
    Rescoring,
)
from components.indexes.reader import StoredReader
from components.indexes.retention import KEEP, Keep, Surplus, kept
from components.options import Count, option
from infra.settings import NAMESPACE, settings

if TYPE_CHECKING:
    from qdrant_client import models

_CLEARING = "a draft could not be cleared"
Namespace = Annotated[str, Field(pattern=NAMESPACE)]
"""As the corpus' name; empty for none, whatever the environment says."""


@dataclass(frozen=True, kw_only=True)
class QdrantIndex:
    """A Qdrant server, at MILLRACE_QDRANT_URL: for many readers, and more than one machine."""

    namespace: Namespace | None = option(
        None,
        help="part of the corpus' name on the server; MILLRACE_NAMESPACE by default",
    )
    keep: Keep = KEEP
    filterable: Filterable = FILTERABLE
    quantization: Quantization = QUANTIZATION
    rescore: bool = RESCORE
    oversampling: Oversampling | None = OVERSAMPLING
    on_disk: bool | None = option(
        None,
        help="vectors and payloads on disk, or in memory; by default as the server is set; of "
        "new collections",
    )
    shards: Count = option(1, help="shards of a new collection")
    replicas: Count = option(1, help="copies of each shard of a new collection")

    def corpus(self, name: str) -> QdrantCorpus:
        """See `Index`. Its name on the server is the namespace's and its own."""
        layout = Layout(
            filterable=self.filterable,
            quantization=self.quantization,
            on_disk=self.on_disk,
            shards=self.shards,
            replicas=self.replicas,
        )
        rescoring = Rescoring(rescore=self.rescore, oversampling=self.oversampling)
        space = settings().namespace if self.namespace is None else self.namespace
        # No name has an underscore, so this one can be no other corpus' or namespace's.
        own = f"{space}_{name}" if space else name
        return QdrantCorpus(connect(), own, layout, rescoring, self.keep, apart=bool(space))


class QdrantCorpus:
    """The generations of one corpus, see `CorpusIndex`."""

    exclusive: ClassVar[bool] = False

    def __init__(
        self,
        server: Server,
        name: str,
        layout: Layout,
        rescoring: Rescoring,
        keep: int,
        *,
        apart: bool = False,
    ) -> None:
        self.name = name
        self.apart = apart
        self._server = Fenced(server, name)
        self._key = self._server.key
        self._layout = layout
        self._rescoring = rescoring
        self._keep = keep
        self._control = Control(self._server, name, layout.replicas, self._holder)
        self._history = ServerHistory(self._server, name, layout.replicas)
        self._known: Record | None = None
        """Of what was live when it was asked last."""

    def owner(self) -> str | None:
        """See `CorpusIndex`."""
        return (self._control.corpus() or {}).get("source") or None

    def machine(self) -> str:
        """See `CorpusIndex`."""
        return str((self._control.corpus() or {}).get("machine", ""))

    def claim(self, source: str, machine: str = "") -> None:
        """See `CorpusIndex`."""
        self._control.begin()
        record = self._control.corpus() or {}
        wanted = {"source": source, "machine": machine}
        if any(record.get(name, "") != value for name, value in wanted.items()):
            self._change(wanted)

    def live(self) -> Release | None:
        """See `CorpusIndex`."""
        record, found = self._control.look()
        if not record.get("live"):
            return None
        self._known = found
        if found is None:
            # Replaced between the two questions, or really gone.
            again = self._control.corpus() or {}
            if again.get("live") != record["live"]:
                return self.live()
            raise self._lost(record["live"])
        return Release.of(found.generation, record)

    def generation(self, name: str) -> Generation:
        """See `CorpusIndex`."""
        return self._record(name).generation

    def finished(self, fingerprint: str) -> Generation | None:
        """See `CorpusIndex`."""
        found = fit(self._alike(fingerprint), fold(self.events(), None))
        return newest(each for each in found if each.finished_at)

    def unfinished(self, fingerprint: str, base: Generation | None) -> Generation | None:
        """See `CorpusIndex`."""
        return newest(each for each in self._alike(fingerprint) if each.goes_on(base))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """See `CorpusIndex`. A holder that was killed is known dead after MILLRACE_LEASE."""
        with self._locked():
            self._put_right()
            settle(self)
            yield

    @contextmanager
    def mending(self) -> Iterator[None]:
        """See `Mendable`."""
        with self._locked():
            with suppress(Missing):
                self._put_right()
                settle(self)
            yield

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with patient():
            self._control.begin()
            with lease(self._control, self._key, settings().lease):
                self._control.adopt()
                collection.check_alias(self._server, self.name)
                yield

    def _put_right(self) -> None:
        if release := self.live():
            place = self._record(release.generation.name).collection
            allowed = limits_of(self._server, place)  # raises Missing where it is gone
            # A run that was killed while it published may have left the old one.
            collection.name_as(self._server, self.name, place)
            # What has become filterable since is so without a new generation.
            collection.index_chunks(self._server, place, allowed, self._layout.filterable)

    def lend(self) -> str:
        """See `Shared`."""
        mine = held(self._key)
        return f"{self.name} {mine.token}" if mine else ""

    def borrow(self, right: str) -> AbstractContextManager[None]:
        """See `Shared`. Raises BadOption where this process has another namespace."""
        name, _, token = right.partition(" ")
        if name != self.name:
            raise BadOption(
                f"the corpus is called {name!r} where the refresh runs, {self.name!r} here"
            ).at(where="MILLRACE_NAMESPACE", hint="set it alike on every node of the cluster")
        return borrowed(self._control, self._key, token)

    @contextmanager
    def read(self, generation: Generation) -> Iterator[StoredReader[CollectionPoints]]:
        """See `CorpusIndex`. Raises Moved where the generation went away, before or meanwhile."""
        record = self._still(generation)
        try:
            yield self._reader(record)
        except IndexFault as error:
            try:
                self._still(generation)
            except Moved as moved:
                raise moved from error
            raise
        if generation.finished_at:
            self._still(generation)

    @contextmanager
    def hold(self, generation: Generation) -> Iterator[StoredReader[CollectionPoints]]:
        """See `CorpusIndex`."""
        known = self._known
        if known is None or known.generation != generation:
            known = self._still(generation)
        yield self._reader(known)

    def draft(self, wanted: Generation, base: Generation | None) -> Generation:
        """See `CorpusIndex`. A base that was finished but never published is opened again. One that
        a newer generation stands on stays as it is: what it holds is copied.
        """
        self._control.begin()
        for each in self._alike(wanted.fingerprint):
            if not each.finished_at:
                self.discard(each)
        beneath = self._record(base.name) if base else None
        shared = beneath if beneath and self._is_newest(beneath) else None
        before = self._published_before(shared)
        again = shared if before else None
        draft = replace(
            wanted,
            number=again.generation.number if again else self._control.next_number(),
            quantization=base.quantization if base else self._layout.quantization,
            base=(before or base).name if base else "",
            created_at=now(),
            finished_at="",
        )
        place = shared.collection if shared else leftovers.place_of(self.name, draft)
        made = replace(again, generation=draft) if again else Record(draft, place)
        self._control.save(made)
        if shared is None:
            layout = replace(self._layout, quantization=draft.quantization)
            collection.create(self._server, place, draft.width, layout)
        if again:
            self.recover(draft)
        elif beneath and not shared:
            with self.write(draft) as writer:
                writer.copy(self._points(beneath))
        return draft

    def generations(self) -> list[Generation]:
        """See `Mendable`."""
        return [each.generation for each in self._control.records()]

    def examine(
        self, generation: Generation
    ) -> AbstractContextManager[StoredReader[CollectionPoints]]:
        """See `Mendable`."""
        return self.read(generation)

    def mend(self, wanted: Generation, base: Generation) -> Generation:
        """See `Mendable`."""
        return self.draft(wanted, base)

    def astray(self) -> str:
        """See `Mendable`: the alias."""
        release = self.live()
        if release is None:
            return ""
        place = self._record(release.generation.name).collection
        found = collection.stands_for(self._server, self.name)
        if found == place:
            return ""
        leads = f"stands for {found}" if found else "is gone"
        return f"the alias {self.name} {leads}, and what is live is in {place}"

    def forget_live(self) -> int | None:
        """See `Mendable`: the corpus' record is whole, or there is none."""
        held = self._control.corpus() or {}
        return int(held.get("release") or 0) if held.get("live") else None

    def recover(self, draft: Generation) -> None:
        """See `CorpusIndex`. What the run wrote that was killed is not seen any more, but for what
        is recovered. A copy is completed.
        """
        record = self._control.renumber(self._record(draft.name))
        original = self._original(record)
        try:
            with self.write(draft) as writer:
                writer.recover(record.behind)
                if original:
                    writer.copy(self._points(original))
            self._control.save(replace(record, behind=()))
        except Missing as error:
            place, own = self._record(draft.name).collection, self._control.collection
            collection.check_gone(self._server, place, own, error)
            raise

    def discard(self, draft: Generation) -> None:
        """See `CorpusIndex`."""
        record = self._record(draft.name)
        # Its record first: a deletion that lands late meets what nobody goes on with.
        self._control.give_up(record)
        if any(each.collection == record.collection for each in self._control.records()):
            self._clear(record.collection, [*record.behind, record.number])
        else:
            collection.remove(self._server, record.collection)

    @contextmanager
    def write(self, draft: Generation) -> Iterator[QdrantWriter]:
        """See `CorpusIndex`."""
        record = self._record(draft.name)
        with closing(QdrantWriter(self._points(record), draft)) as writer:
            # A resumed draft may lack them; what a killed run asked for is done before they are.
            writer.index_fields(self._layout.filterable)
            yield writer
            writer.flush()

    def finish(self, draft: Generation, totals: Totals) -> Generation:
        """See `CorpusIndex`."""
        record = self._record(draft.name)
        reader = self._reader(record)
        reader.check_chunks(totals.chunks)
        reader.check_whole(totals.documents)
        collection.settle(self._server, record.collection)
        done = replace(draft, finished_at=now(), totals=totals, sparse=reader.count_sparse())
        self._control.save(replace(record, generation=done))
        return done

    def publish(
        self, generation: Generation, run_id: str, release: Release | None = None
    ) -> Release:
        """See `CorpusIndex`."""
        record = self._record(generation.name)
        since = now()
        self._control.begin()
        made = release or Release(generation=generation, since=since, run_id=run_id)
        made = replace(made, since=since, refreshed=since, run_id=run_id)

        def pointing(held: Mapping[str, Any]) -> Mapping[str, Any]:
            pointer = {"live": generation.name, **made.told()}
            if all(held.get(name) == value for name, value in pointer.items()):
                return {}  # it is set, and another has changed something else at once
            if "generations" in held and generation.name not in generations_of(held):
                raise _gone(generation.name, self._control.collection)
            if release:
                release.check_over(held)
            served = [held.get("live"), *held.get("before", ())]
            there = generations_of(held)
            if "generations" in held and generation.name not in there:
                raise Missing(f"the generation {generation.name} is gone").at(
                    where=self._control.collection
                )
            before = [each for each in served if each in there and each != generation.name]
            return {**pointer, "before": before}

        self._control.amend(pointing)
        collection.name_as(self._server, self.name, record.collection)
        return made

    def confirm(self) -> None:
        """See `CorpusIndex`."""
        self._change({"refreshed": now()})

    def events(self) -> list[Event]:
        """See `CorpusIndex`."""
        return self._history.read()

    def record(self, events: Sequence[Event]) -> None:
        """See `CorpusIndex`."""
        self._history.add(events)

    def condemn(self, generation: Generation, error: Damaged) -> None:
        """See `CorpusIndex`: a server looks after its own."""

    def damage(self, generation: Generation) -> str:
        """See `CorpusIndex`: a server looks after its own."""
        return ""

    def surplus(self) -> list[Surplus]:
        """See `CorpusIndex`."""
        places, nobodys = self._going()
        found: list[Surplus] = []
        for place in places:
            found += leftovers.surplus(self._server, place)
        for name in nobodys:
            points = leftovers.count(self._server, name)
            found.append(Surplus(name=name, reason="of no record", points=points))
        return found

    def prune(self) -> list[str]:
        """See `CorpusIndex`. A reader of what goes is told afterwards."""
        places, nobodys = self._going()
        gone = [name for place in places for name in self._forget(place)]
        records = self._control.records()
        given_up = {each.collection: each.given_up for each in records if each.given_up}
        for place in places:
            if place.stays:
                self._sweep(place, given_up.get(place.name, ()))
            else:
                collection.remove(self._server, place.name)
        for name, numbers in given_up.items():
            self._clear(name, numbers)
        for name in nobodys:
            collection.remove(self._server, name)
        return gone + nobodys

    def _going(self) -> tuple[list[Place], list[str]]:
        """Collections of which something goes, and those that no record names."""
        self.live()  # nothing goes where nobody can say what is live
        # Listed first: a draft that begins meanwhile has its record before its collection.
        there = collection.names(self._server)
        records = self._control.records()
        generations, ledger = [each.generation for each in records], fold(self.events(), None)
        stays = kept(generations, self._served(), self._keep, ledger)
        return leftovers.places(records, stays), leftovers.nobodys(self.name, there, records)

    def _lost(self, live: str) -> Missing:
        """Its points are left alone: with its record they would be what readers have."""
        own = self._control.collection
        held = ", ".join(leftovers.nobodys(self.name, collection.names(self._server), ()))
        return Missing(f"the record of the live generation {live!r} is gone").at(
            where=own,
            hint=f"restore {own} from a snapshot; or delete {own} and refresh, which encodes all "
            f"documents{f' and drops {held}' if held else ''}",
        )

    def _served(self) -> list[str]:
        """What is live, and then what was live before it, the latest first."""
        record = self._control.corpus() or {}
        return [each for each in (record.get("live"), *record.get("before", ())) if each]

    def _forget(self, place: Place) -> list[str]:
        """Remove the records of what goes: the names of it, as `surplus` has them."""
        for record in place.goes:
            if place.stays and record.number > place.newest:
                self._control.give_up(record)
            else:
                self._control.remove(record.generation.name)
        return [each.generation.name for each in place.goes] if place.stays else [place.name]

    def _sweep(self, place: Place, given_up: Sequence[int]) -> None:
        """Delete what no generation that stays sees."""
        with suppress(Missing):
            contents = Contents(self._server, place.name)
            but = list(parts(given_up, contents.limits.values))
            for before, after in place.gaps:
                since = before + 1 if before else 0
                contents.delete(removed_in(since, after, but, since=since), _CLEARING)
            if place.goes[-1].number > place.newest:  # and what that stood on, gone before
                newer = (marked_after(field, place.newest) for field in (ADDED, REMOVED))
                self._take_back(contents, *newer)

    def _clear(self, place: str, numbers: Sequence[int]) -> None:
        """Take back what bears marks that were given up. No later point has such a one's id."""
        with suppress(Missing):  # a kill came before the collection was made
            contents = Contents(self._server, place)
            for part in parts(numbers, contents.limits.values):
                self._take_back(contents, marked(ADDED, part), marked(REMOVED, part))

    def _take_back(self, contents: Contents, added: models.Filter, removed: models.Filter) -> None:
        contents.delete(added, _CLEARING)
        self._server.ask(
            "a draft could not be taken back",
            lambda client: client.delete_payload(
                contents.collection, [REMOVED], points=removed, wait=True
            ),
        )

    def _is_newest(self, record: Record) -> bool:
        """Whether nothing in its collection is newer: no generation, and no mark, such as one that
        went has left that a newer one stood on.
        """
        own = (each for each in self._control.records() if each.collection == record.collection)
        if any(each.number > record.number for each in own):
            return False
        contents = Contents(self._server, record.collection)
        later = [each for each in record.given_up if each > record.number]
        but = list(parts(later, contents.limits.values))
        newer = (marked_after(field, record.number, but) for field in (ADDED, REMOVED))
        return not any(any(contents.scroll(each, fields=False, page=1)) for each in newer)

    def _original(self, record: Record) -> Record | None:
        """What a draft is a copy of: its base, where that is there and has another collection."""
        base = record.generation.base
        found = self._control.record(base) if base else None
        return found if found and found.collection != record.collection else None

    def _published_before(self, beneath: Record | None) -> Generation | None:
        """The live generation, where it is an older one in the same collection as `beneath`, which
        never was.
        """
        release = self.live()
        if beneath is None or release is None or beneath.generation.name in self._served():
            return None
        live = self._record(release.generation.name)
        older = live.generation.number < beneath.generation.number
        return live.generation if older and live.collection == beneath.collection else None

    def _change(self, fields: Mapping[str, Any]) -> None:
        """Change the corpus' record; in one step with the check that we may."""
        self._control.amend(lambda _: fields)

    def _holder(self) -> str | None:
        mine = held(self._key)
        return mine.token if mine else None

    def _alike(self, fingerprint: str) -> list[Generation]:
        """Those that hold what the pipeline file asks for, in the form that it asks for."""
        form = fingerprint, self._layout.quantization
        held = (each.generation for each in self._control.records())
        return [each for each in held if each.form == form]

    def _record(self, name: str) -> Record:
        found = self._control.record(name)
        if found is None:
            raise _gone(name, self._control.collection)
        return found

    def _still(self, generation: Generation) -> Record:
        """A generation's record. Raises Moved where it is gone, or was finished and is not what it
        was.
        """
        record = self._control.record(generation.name)
        finished = generation.finished_at
        if record is None or (finished and record.generation.finished_at != finished):
            raise Moved(f"{generation.name} was replaced while it was read").at(hint="try again")
        return record

    def _points(self, record: Record) -> CollectionPoints:
        return CollectionPoints(self._server, record, self._rescoring.of(record.generation))

    def _reader(self, record: Record) -> StoredReader[CollectionPoints]:
        return StoredReader(self._points(record), record.generation, self._key)


def _gone(name: str, where: str) -> Missing:
    return Missing(f"the generation {name} is gone").at(where=where, hint="run the refresh again")
