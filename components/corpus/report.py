"""What a refresh says about itself in the end."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from components.corpus.clock import Clock
from components.corpus.plan import APART, take
from components.corpus.prepare import shards
from components.corpus.promote import Settled
from components.corpus.request import Job
from components.corpus.seal import Sealed
from components.corpus.survey import Failed, Survey, incomplete
from components.corpus.write import Written
from components.encoders.cache import Lookups
from components.errors import Held
from components.indexes.ledger import Verdict
from components.indexes.manifest import Generation, How, Totals
from components.values import LeftOut

COUNTED = ("added", "changed", "unchanged", "deleted", "failed", "stale")
"""Documents in `to_json`, counted by what became of them, in the order that people see."""
_log = logging.getLogger(__name__)


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
    gaps: tuple[Failed, ...] = ()
    """Those of them that are parts of the source that could not be listed."""
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
    release: int | None = None
    """The release that was made, or is live still; None where nothing could be published."""
    how: How | None = None
    """How it went live; None: it did not, or was before."""
    held: str = ""
    """Why it waits for a person; empty where it does not."""
    verdict: Verdict | None = None
    """Of the gate."""
    resumed: bool = False
    passes: int = 1
    """2 where the source changed meanwhile, and what had changed was written as well."""
    dry_run: bool = False

    @property
    def promoted(self) -> bool:
        """Whether a release went live."""
        return self.how is not None

    @property
    def exit_code(self) -> int:
        """0; 5 where the candidate is held; else 3 where documents failed."""
        return Held.exit_code if self.held else 3 if self.failures else 0

    @property
    def error(self) -> Held | None:
        """That the candidate is held, as an error says it."""
        if not self.held:
            return None
        return Held(f"release {self.release} is held: {self.held}").at(
            where=self.pipeline,
            hint="what is live stays: look at millrace releases, then millrace promote or reject",
        )

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
            "release": self.release,
            "how": self.how,
            "held": self.held,
            "gate": self.verdict.to_json() if self.verdict else None,
            "resumed": self.resumed,
            "passes": self.passes,
            "evaluated": self.verdict is not None,
            "dry_run": self.dry_run,
            **({"error": self.error.to_json()} if self.error else {}),
        }


def finish(job: Job, found: Survey, written: Written, sealed: Sealed, settled: Settled) -> Report:
    """The report of a run that ended well."""
    generation = sealed.generation
    _tell_termless(generation)
    return _report(
        job,
        found,
        generation=settled.generation or generation.name,
        added=written.added,
        changed=written.changed,
        failures=(*sealed.failures, *found.gaps),
        incomplete=sealed.incomplete,
        totals=generation.totals,
        termless=generation.termless,
        tokens=written.tokens,
        spent={"survey": found.seconds, **written.spent, "seal": sealed.seconds},
        model_loaded=written.effort.model_loaded,
        cache=written.effort.cache,
        release=settled.release,
        how=settled.how,
        held=settled.held,
        verdict=settled.verdict,
        resumed=bool(found.draft),
        passes=found.passes,
    )


def rehearse(job: Job, found: Survey) -> Report:
    """What a run would say, without encoding and without writing anything."""
    clock = Clock()
    work = [each for each in take(Path(found.plan_file)) if each.action not in APART]
    outcomes = [each for shard in shards(work, job, clock) for each in shard.outcomes]
    actions = [each.change.action for each in outcomes]
    failed = [Failed(id=c.document_id, reason=c.reason) for c, entry in outcomes if not entry]
    entries = {each.change.document_id: each.entry for each in outcomes if each.entry}
    return _report(
        job,
        found,
        generation=found.base,
        added=actions.count("add"),
        changed=actions.count("change") + found.described,
        failures=(*failed, *found.failures, *found.gaps),
        incomplete=(*incomplete(entries), *found.incomplete),
        totals=job.corpus.generation(found.base).totals if found.base else Totals(),
        spent={"survey": found.seconds, **clock.seconds},
        dry_run=True,
    )


def _report(job: Job, found: Survey, **more: Any) -> Report:
    return Report(
        pipeline=job.pipeline.name,
        run_id=job.request.run_id,
        fingerprint=job.fingerprint,
        unchanged=found.unchanged,
        deleted=found.deleted,
        gaps=found.gaps,
        left_out=found.left_out,
        **more,
    )


def _tell_termless(generation: Generation) -> None:
    chunks, termless = generation.totals.chunks, generation.termless
    if 2 * termless > chunks:
        _log.warning(
            "%s of %s chunks have no term: searches by words find nothing in them",
            f"{termless:,}",
            f"{chunks:,}",
        )
