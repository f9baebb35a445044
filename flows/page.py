"""What the page of a refresh run shows when the run has ended: six artifacts per corpus.

`NAME-counts`, `NAME-time`, `NAME-failures` and `NAME-changes` are written here, `NAME-progress`
while documents are committed, `NAME-to-do` by `todo`. Every run that ends well writes each of them,
also when there is little to say: the newest in a history is always the last run's. One that makes a
second pass also writes `NAME-meanwhile`, its progress, and one of a pipeline with a gate
`NAME-verdict`, see `verdict_page`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from components.corpus.report import COUNTED, Report
from components.corpus.survey import Failed, Survey
from components.values import LeftOut
from infra import chart
from infra.markdown import plain, table

if TYPE_CHECKING:
    from infra.artifacts import Rows

SHOWN_FAILURES = 200
_SPEED = "tokens per second"
_ENCODED = "tokens encoded"
_CACHED = "parts of vectors from the cache"
_TELLING = 10_000
"""Fewer tokens say more about loading the model than about speed."""
_HELD = ("documents", "chunks", "pages", "tokens", "failed", "stale")


def show(found: Survey, report: Report) -> None:
    """Write the artifacts of a run; inside of a flow or task run."""
    from infra import artifacts

    key = report.pipeline
    speed = _last_speed(artifacts.tables(f"{key}-counts"))
    if not (found.changes or found.draft):
        artifacts.ProgressBar(f"{key}-progress", "Nothing had to be done").show(1.0)
    artifacts.table(f"{key}-counts", counts(report), summary(report))
    artifacts.markdown(f"{key}-changes", changes(found, report, speed), _difference(found, report))
    artifacts.markdown(f"{key}-time", time_spent(report), _most(report))
    told = failures(report.failures) + incomplete(report.incomplete)
    told += left_out(report.left_out)
    artifacts.markdown(f"{key}-failures", told, _failed(report))


def summary(report: Report) -> str:
    """One line: what the run did."""
    told = report.to_json()
    counted = [f"{told[name]:,} {name}" for name in ("added", "changed", "deleted") if told[name]]
    failed = [f"{len(report.failures):,} failed"] if report.failures else []
    passes = ["in two passes"] if report.passes > 1 else []
    return ", ".join(
        (*(counted or ["nothing changed"]), *failed, f"{report.unchanged:,} unchanged", *passes)
    )


def counts(report: Report) -> Rows:
    """The run in numbers."""
    told = report.to_json()
    rows = [(f"documents {name}", told[name]) for name in COUNTED]
    rows += [(f"{name} in the corpus", told[name]) for name in ("documents", "chunks")]
    rows += [(_ENCODED, report.tokens), ("seconds", round(report.seconds, 1))]
    # The UI shows ten rows at once.
    rows += [(_SPEED, round(told["tokens_per_second"])), ("pages in the corpus", told["pages"])]
    rows += [("generation", report.generation), ("run", report.run_id)]
    if report.cache.hits:
        rows.append((_CACHED, report.cache.hits))
    return [{"what": what, "value": value} for what, value in rows]


def time_spent(report: Report) -> str:
    """A chart of where the time went."""
    spent = _spent(report)
    text = "Where the time went, in the order of the work"
    if report.tokens:
        rate = report.tokens / max(1e-9, report.seconds)
        text += f": {report.tokens:,} tokens encoded, {rate:,.0f} a second"
    said = ", ".join(f"{name} {chart.duration(value)}" for name, value in spent.items())
    return f"{text}.\n\n{chart.embedded(chart.seconds_by_activity(spent), said)}\n"


def failures(failed: Iterable[Failed]) -> str:
    """Every document that failed, with its reason."""
    rows = [(plain(each.id), plain(each.reason)) for each in failed]
    if not rows:
        return "Every document could be used.\n"
    text = table(("document", "reason"), rows[:SHOWN_FAILURES])
    rest = len(rows) - SHOWN_FAILURES
    return f"{text}\n\n{f'and {rest:,} more' if rest > 0 else ''}\n"


def incomplete(documents: Iterable[Failed]) -> str:
    """Documents of which a part could not be read; nothing where that is none."""
    told = _named("Read in part", [f"{each.id}: {each.reason}" for each in documents])
    return f"\n{told}\n" if told else ""


def left_out(parts: Iterable[LeftOut]) -> str:
    """What was not read on purpose; nothing where that is nothing."""
    told = _named("Left out", [f"{each.where}: {each.reason}" for each in parts])
    return f"\n{told}\n" if told else ""


def changes(found: Survey, report: Report, speed: int) -> str:
    """What the corpus holds now against what was live before, and the speed of the run before."""
    if not found.live:
        return "The first refresh of this corpus: there is nothing to compare with.\n"
    held = [(name, getattr(found.before, name), getattr(report.totals, name)) for name in _HELD]
    rows = [_compared(*each) for each in held if any(each[1:])]
    if speed and report.tokens >= _TELLING and not report.cache.hits:
        rows.append(_compared(_SPEED, speed, round(report.tokens / report.seconds)))
    new, healed = new_and_healed(found, report)
    parts = [
        table(("", "before", "now", "change"), rows, align="lrrr"),
        _named("Newly failing", new),
        _named("Failing no more: mended, or gone from the source", healed),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _compared(name: str, before: int, now: int) -> tuple[str, str, str, str]:
    change = f"{now - before:+,}" if now != before else "="
    share = (now - before) / before if before else 0.0
    percent = f" ({share:+.0%})" if abs(share) >= 0.005 else ""
    return (name, f"{before:,}", f"{now:,}", change + percent)


def new_and_healed(found: Survey, report: Report) -> tuple[list[str], list[str]]:
    """Documents that fail now, and those that do no longer. Parts of the source that could not be
    listed are no documents and count as neither.
    """
    before, gaps = set(found.failed_before), {each.id for each in report.gaps}
    now = {each.id for each in report.failures} - gaps
    return sorted(now - before), sorted(before - now)


def _named(title: str, ids: list[str]) -> str:
    if not ids:
        return ""
    lines = [f"- {plain(each)}" for each in ids[:SHOWN_FAILURES]]
    rest = len(ids) - SHOWN_FAILURES
    lines += [f"- and {rest:,} more"] if rest > 0 else []
    return "\n".join((f"**{title}** ({len(ids):,})", "", *lines))


def _difference(found: Survey, report: Report) -> str:
    if not found.live:
        return "First refresh"
    new, healed = new_and_healed(found, report)
    chunks = report.totals.chunks - found.before.chunks
    told = [f"{chunks:+,} chunks"] if chunks else []
    told += [f"{len(new):,} newly failing"] if new else []
    told += [f"{len(healed):,} failing no more"] if healed else []
    return ", ".join(told) or "The corpus holds what it held before"


def _failed(report: Report) -> str:
    count = len(report.failures)
    return counted(count, "document", "failed") if count else "None failed"


def counted(count: int, what: str, did: str) -> str:
    """How many of these did that."""
    return f"{count:,} {what}{'s' if count != 1 else ''} {did}"


def _spent(report: Report) -> dict[str, float]:
    """Seconds by activity, without those that took none worth showing."""
    rest = report.seconds - sum(report.spent.values())
    spent = {**report.spent, "other": rest}
    return {name: value for name, value in spent.items() if value >= 0.001}


def _most(report: Report) -> str:
    spent = _spent(report)
    most = max(spent, key=lambda name: spent[name], default="")
    share = f", {spent[most] / sum(spent.values()):.0%} {most}" if most else ""
    return f"{chart.duration(report.seconds)} in all{share}"


def _last_speed(history: Iterable[Rows]) -> int:
    """Of the newest run that encoded enough to tell; 0 where none is known."""
    for rows in history:
        told = {row.get("what"): row.get("value") for row in rows}
        tokens, speed = told.get(_ENCODED), told.get(_SPEED)
        encoded = isinstance(tokens, int) and tokens >= _TELLING and _CACHED not in told
        if encoded and isinstance(speed, int):
            return speed
    return 0
