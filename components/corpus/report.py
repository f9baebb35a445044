"""What a refresh says about itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from components.cache import Lookups
from components.indexes.manifest import Totals
from components.values import LeftOut


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A document that could not be used, or not all of it."""

    id: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Survey:
    """A plan in numbers, and where it lies."""

    plan_file: str
    base: str = ""
    """Generation that the plan was made against, empty for none."""
    draft: str = ""
    """Unfinished generation that the run goes on with, empty for none."""
    live: str = ""
    """Generation that readers see, empty for none."""
    fingerprint: str = ""
    described: int = 0
    unchanged: int = 0
    deleted: int = 0
    steps: int = 0
    """Documents with something to be done, deletions among them."""
    work: int = 0
    """Those of them that are read."""
    listed: int = 0
    """Documents that the source has."""
    served: int = 0
    """Documents that readers see now; before the first release, those that were written so far."""
    doomed: int = 0
    """Those of them that the source has no more."""
    expected: int = 0
    """Entries that the manifest must have after the run."""
    gaps: tuple[Failed, ...] = ()
    gap_prefixes: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    failures: tuple[Failed, ...] = ()
    """Documents that failed before and were not tried again."""
    incomplete: tuple[Failed, ...] = ()
    """Documents of which a part could not be read, and were not read again."""
    before: Totals = field(default_factory=Totals)
    """What readers see now, before the run."""
    failed_before: tuple[str, ...] = ()
    """Documents that the live generation records as failed."""
    seconds: float = 0.0

    @property
    def idle(self) -> bool:
        """Whether what is live is already what the source and the pipeline ask for."""
        return not self.steps and not self.draft and bool(self.live) and self.base == self.live


@dataclass(frozen=True, kw_only=True)
class Report:
    """The outcome of a run. Totals are of the generation, `tokens` are those encoded now."""

    pipeline: str
    run_id: str
    fingerprint: str
    generation: str
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    failures: tuple[Failed, ...] = ()
    incomplete: tuple[Failed, ...] = ()
    """Documents of which a part could not be read; the rest of them is served."""
    left_out: tuple[LeftOut, ...] = ()
    totals: Totals = field(default_factory=Totals)
    termless: int = 0
    """Chunks in which nothing was found to search by words."""
    tokens: int = 0
    seconds: float = 0.0
    startup_seconds: float = 0.0
    """From the start of the process to the start of the run; not part of `seconds`."""
    spent: dict[str, float] = field(default_factory=dict)
    """Seconds by activity."""
    model_loaded: bool = False
    cache: Lookups = field(default_factory=Lookups)
    """Of parts of vectors, found in this machine's cache or not."""
    promoted: bool = False
    resumed: bool = False
    dry_run: bool = False
    evaluated: bool = False
    """Whether a test of quality stood before the promotion."""

    @property
    def exit_code(self) -> int:
        """0, or 3 where documents failed."""
        return 3 if self.failures else 0

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        rate = self.tokens / self.seconds if self.seconds else 0.0
        return {
            "schema": 1,
            "pipeline": self.pipeline,
            "added": self.added,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "deleted": self.deleted,
            "failed": len(self.failures),
            "stale": self.totals.stale,
            "failures": [asdict(each) for each in self.failures],
            "incomplete": [asdict(each) for each in self.incomplete],
            "left_out": [asdict(each) for each in self.left_out],
            "documents": self.totals.documents,
            "pages": self.totals.pages,
            "chunks": self.totals.chunks,
            "termless": self.termless,
            "tokens": self.tokens,
            "seconds": round(self.seconds, 3),
            "tokens_per_second": round(rate, 1),
            "startup_seconds": round(self.startup_seconds, 3),
            "spent": {name: round(value, 3) for name, value in self.spent.items()},
            "generation": self.generation,
            "fingerprint": self.fingerprint,
            "run_id": self.run_id,
            "model_loaded": self.model_loaded,
            "cache": asdict(self.cache),
            "promoted": self.promoted,
            "resumed": self.resumed,
            "evaluated": self.evaluated,
            "dry_run": self.dry_run,
        }
