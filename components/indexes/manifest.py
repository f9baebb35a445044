"""What an index knows about itself: an entry per document, and the facts of a generation."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from components.errors import Moved
from components.values import Choice

Quantization = Literal["none", "int8", "binary"]
_MOST_NAMES = 64_000
"""Characters of names of fields in the facts of a generation, which every search reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A document's line in the manifest. It records completion, never intent."""

    document_id: str
    version: str
    """The source's version that was looked at last, whether it could be used or not."""
    bytes_hash: str = ""
    content_hash: str = ""
    """Of the text and the fields that the vectors depend on; names the stored chunks."""
    metadata_hash: str = ""
    chunks: int = 0
    tokens: int = 0
    pages: int = 0
    run_id: str = ""
    recorded_at: str = ""
    state: Literal["done", "failed"] = "done"
    reason: str = ""
    """Why it failed; of one that is done, what of it could not be read."""
    language: str = ""
    """That its terms were read in, where each document is read in its own."""
    lost: int = 0
    """Further chunks of that content, which were lost and could not be made again so far."""
    fields: tuple[str, ...] | None = None
    """Names in full of what its chunks have to filter by, but for what all have; None where an
    older version has written it.
    """

    @property
    def stale(self) -> bool:
        """Failed, but still served from the chunks of its last good version."""
        return self.state == "failed" and self.chunks > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What a generation holds."""

    documents: int = 0
    """With chunks; stale ones are among them."""
    chunks: int = 0
    pages: int = 0
    tokens: int = 0
    failed: int = 0
    stale: int = 0
    languages: Mapping[str, int] = field(default_factory=dict)
    """Documents by the language that their terms were read in, where that is each one's own."""
    fields: Mapping[str, int] | None = None
    """Documents by the names of `Entry.fields`; None where they are not known, or too many."""


@dataclass(frozen=True, kw_only=True)
class Generation:
    """An index of one fingerprint. Once finished it never changes."""

    number: int
    fingerprint: str
    stages: Mapping[str, Choice]
    """The stages that its content was made by: queries are encoded by its encoder."""
    width: int
    average_length: float
    """Terms per chunk, for BM25; measured once and kept."""
    document_length: float = 0.0
    """Terms per document, likewise."""
    whole: bool = False
    """Whether vectors of whole documents are kept; an older version kept none."""
    quantization: Quantization = "none"
    """Of the dense vectors. The index sets it: no stage's result depends on it."""
    base: str = ""
    """Folder name of the generation that it began as a copy of."""
    run_id: str = ""
    created_at: str = ""
    finished_at: str = ""
    totals: Totals = field(default_factory=Totals)
    sparse: int | None = None
    """Chunks with a sparse vector; None where nobody has counted them."""

    @property
    def name(self) -> str:
        """Unique within a corpus, in order of making."""
        return f"{self.number:04d}-{self.fingerprint}"

    @property
    def form(self) -> tuple[str, str]:
        """A corpus holds the same content in several forms of one fingerprint."""
        return self.fingerprint, self.quantization

    def goes_on(self, base: Generation | None) -> bool:
        """Whether it is a draft that began from this base, or from none."""
        return not self.finished_at and self.base == (base.name if base else "")

    @property
    def termless(self) -> int:
        """Chunks in which nothing was found to search by words, where that is wanted."""
        wanted = "sparse" in self.stages and self.stages["sparse"].use != "none"
        return self.totals.chunks - self.sparse if wanted and self.sparse is not None else 0

    def edition(self, place: str) -> str:
        """Names the content of a generation that is stored in a place, empty until it is finished.
        One that was opened again, or made anew under its name, was finished at another time.
        """
        return f"{place}/{self.name}/{self.finished_at}" if self.finished_at else ""

    def to_json(self) -> dict[str, Any]:
        """For its own file."""
        return asdict(self) | {"schema": 1}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Generation:
        """The reverse of `to_json`. Raises KeyError or TypeError where it is something else."""
        known = dict(found)
        known.pop("schema")
        known["stages"] = choices(known["stages"])
        known["totals"] = Totals(**known["totals"])
        return cls(**known)


How = Literal[
    "first",
    "not evaluated",
    "small",
    "tested",
    "promoted",
    "forced",
    "rolled back",
    "repaired",
]
"""Why a release is live: nothing was before it; nobody tests here; it changes too little to test;
its test allows it; a person says so, in spite of its test, or back to it; it is the same, mended.
"""


BY_PERSON: tuple[How, ...] = ("promoted", "forced", "rolled back")
"""How a person lets something go live."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """What readers see: a generation, and the stages that answer from it."""

    generation: Generation
    since: str
    """When it went live, ISO 8601 in UTC."""
    run_id: str
    refreshed: str = ""
    """When a refresh ended well last, ISO 8601 in UTC: it may have found nothing to do."""
    number: int = 0
    """In the corpus' history; 0 where it is older than that."""
    serving: Mapping[str, Choice] = field(default_factory=dict)
    """Retriever, reranker and answerer, and how the index is asked; empty where an older version
    published it.
    """
    how: How | Literal[""] = ""
    by: str = ""
    """Who made it live: a run, or a person."""
    why: str = ""
    over: int | None = None
    """What was live before it."""

    @classmethod
    def of(cls, generation: Generation, told: Mapping[str, Any]) -> Release:
        """`told`: what an index has written of it."""
        since = str(told.get("since", ""))
        return cls(
            generation=generation,
            since=since,
            run_id=str(told.get("run_id", "")),
            refreshed=str(told.get("refreshed") or since),
            number=int(told.get("release") or 0),
            serving=choices(told.get("serving") or {}),
            how=told.get("how") or "",
            by=str(told.get("by", "")),
            why=str(told.get("why", "")),
            over=told.get("over"),
        )

    def check_over(self, told: Mapping[str, Any] | None) -> None:
        """Raises Moved where what an index has written of what is live is not of `over`, or was
        gone back to: that is for a person to go over, also where it was `over` before.
        """
        there = told and (told.get("generation") or told.get("live"))
        live = int(told.get("release") or 0) if told and there else None
        back = (told or {}).get("how") == "rolled back"
        if live != self.over or (back and self.how not in (*BY_PERSON, "repaired")):
            raise Moved("what is live has changed meanwhile").at(
                hint="see millrace releases: is it still wanted?"
            )

    def told(self) -> dict[str, Any]:
        """What an index writes of it beside its generation, as JSON."""
        return {
            "since": self.since,
            "refreshed": self.refreshed,
            "run_id": self.run_id,
            "release": self.number,
            "serving": plain(self.serving),
            "how": self.how,
            "by": self.by,
            "why": self.why,
            "over": self.over,
        }


def plain(stages: Mapping[str, Choice]) -> dict[str, Any]:
    """Stages as JSON has them, the same before and after it was written."""
    told: dict[str, Any] = json.loads(json.dumps(stages, default=_plain))
    return told


def choices(told: Mapping[str, Any]) -> dict[str, Choice]:
    """The reverse of `plain`. Raises TypeError where it is something else."""
    return {stage: Choice(**each) for stage, each in told.items()}


def _plain(value: object) -> object:
    return asdict(value) if isinstance(value, Choice) else str(value)


def newest(generations: Iterable[Generation]) -> Generation | None:
    """The one of the highest number, if there is any."""
    return max(generations, key=lambda each: each.number, default=None)


def total(entries: Mapping[str, Entry]) -> Totals:
    """Sums over a manifest."""
    held = [entry for entry in entries.values() if entry.chunks]
    return Totals(
        documents=len(held),
        chunks=sum(entry.chunks for entry in held),
        pages=sum(entry.pages for entry in held),
        tokens=sum(entry.tokens for entry in held),
        failed=sum(entry.state == "failed" for entry in entries.values()),
        stale=sum(entry.stale for entry in entries.values()),
        languages=dict(sorted(Counter(e.language for e in held if e.language).items())),
        fields=_fields(held),
    )


def _fields(held: Sequence[Entry]) -> Mapping[str, int] | None:
    counted: Counter[str] = Counter()
    for entry in held:
        if entry.fields is None:
            return None
        counted.update(entry.fields)
    return dict(sorted(counted.items())) if sum(map(len, counted)) <= _MOST_NAMES else None


def now() -> str:
    """The time in UTC, ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
