"""What a doctor says in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from components.corpus.doctor.anew import Sample
from components.corpus.doctor.finding import Finding


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What was found, and what was done about it."""

    pipeline: str
    run_id: str
    generation: str
    """What is live in the end; empty where nobody can tell."""
    findings: tuple[Finding, ...] = ()
    documents: int = 0
    """With an entry in what was looked at."""
    sample: Sample = field(default_factory=Sample)
    behind: Mapping[str, int] = field(default_factory=dict)
    """Documents by how the source is ahead: no damage, the next refresh sees to them."""
    uncompared: str = ""
    """Why source and vectors were not compared with what is stored; empty where they were."""
    repaired: bool = False
    """Whether it was to mend what it can."""
    published: bool = False
    """Whether something else is live than before."""
    tokens: int = 0
    """Encoded for the repair."""
    seconds: float = 0.0

    @property
    def damage(self) -> tuple[Finding, ...]:
        """What is still wrong."""
        return tuple(each for each in self.findings if not each.mended)

    @property
    def exit_code(self) -> int:
        """0, or 8 where something is still wrong."""
        return 8 if self.damage else 0

    def summary(self) -> str:
        """One line."""
        if not self.findings:
            return f"all is well with {self.documents:,} documents"
        counted = Counter(each.check for each in self.findings)
        found = ", ".join(f"{count:,} {check}" for check, count in counted.items())
        mended = len(self.findings) - len(self.damage)
        done = f"; {mended:,} of {len(self.findings):,} mended" if self.repaired else ""
        return f"damage found: {found}{done}"

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        sample = asdict(self.sample)
        del sample["findings"]  # they are among all
        return {
            "schema": 1,
            "pipeline": self.pipeline,
            "run_id": self.run_id,
            "generation": self.generation,
            "documents": self.documents,
            "damaged": bool(self.damage),
            "findings": [asdict(each) for each in self.findings],
            "sample": sample,
            "behind": dict(self.behind),
            "uncompared": self.uncompared,
            "repaired": self.repaired,
            "published": self.published,
            "tokens": self.tokens,
            "seconds": round(self.seconds, 3),
        }
