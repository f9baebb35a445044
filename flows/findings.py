"""What a doctor found, as the page of its run shows it."""

from __future__ import annotations

from collections.abc import Iterable

from components.corpus.doctor.diagnosis import Diagnosis
from components.corpus.doctor.finding import Finding
from infra.markdown import plain, table

_SHOWN = 200


def page(diagnosis: Diagnosis) -> str:
    """Markdown: every finding with its remedy, what was compared, and how far the source is."""
    told = [table_of(diagnosis.findings)] if diagnosis.findings else ["No damage was found."]
    told += [plain(each) for each in besides(diagnosis)]
    return "\n\n".join(told) + "\n"


def table_of(findings: Iterable[Finding]) -> str:
    """What is still wrong comes first."""
    found = sorted(findings, key=lambda each: each.mended)
    rows = [
        tuple(map(plain, (each.check, each.where, each.what, each.harm, outcome(each))))
        for each in found[:_SHOWN]
    ]
    text = table(("check", "where", "what", "harm", "remedy"), rows)
    rest = len(found) - _SHOWN
    return f"{text}\n\nand {rest:,} more" if rest > 0 else text


def outcome(finding: Finding) -> str:
    """What becomes of it."""
    return f"mended: {finding.remedy}" if finding.mended else finding.remedy


def besides(diagnosis: Diagnosis) -> list[str]:
    """Lines about what is no damage."""
    sample, told = diagnosis.sample, []
    if sample.documents or sample.skipped:
        least = f", cosines from {sample.least:.5f}" if sample.chunks else ""
        skipped = f"; {sample.skipped:,} are others now in the source" if sample.skipped else ""
        told.append(
            f"{sample.documents:,} documents were encoded anew, {sample.chunks:,} chunks{least}"
            f"{skipped}"
        )
    if diagnosis.uncompared:
        told.append(f"not compared with source and encoder: {diagnosis.uncompared}")
    if behind := [f"{count:,} {name}" for name, count in diagnosis.behind.items() if count]:
        told.append(f"behind the source: {', '.join(behind)} (the next refresh sees to them)")
    if diagnosis.published:
        told.append(
            f"generation {diagnosis.generation} is live, {diagnosis.tokens:,} tokens were encoded"
        )
    return told
