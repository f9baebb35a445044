"""What the page of a refresh shows of its gate: the artifact `NAME-verdict`.

Every run that ends well writes it where its pipeline has a gate, and where its candidate is held.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from textwrap import indent
from typing import TYPE_CHECKING, Any

from components.corpus.report import Report
from components.corpus.request import Job, Request
from components.indexes import ledger as ledgers
from components.indexes.ledger import Ledger, Verdict
from infra.markdown import plain, table

if TYPE_CHECKING:
    from uuid import UUID

_LONG = 1000
"""Characters of a sentence that are shown."""
_WORDS = {"no_worse": "no worse"}
_MEASURED = (("warm_p95", "asked again"), ("cold_p95", "asked for the first time"))


def show(
    job: Job, report: Report, until: datetime | None = None, shown: UUID | None = None
) -> UUID | None:
    """Write it, inside of a flow or task run, where there was a gate or the candidate is held, in
    place of what is `shown` already: its id. `until`: the run waits for a person so long.

    Raises IndexFault.
    """
    from infra import artifacts

    if not (job.pipeline.gate or report.held):
        return None
    key = f"{artifacts.slug(report.pipeline)}-verdict"
    history = ledgers.ledger(job.corpus)
    told = text(report, history, job.request, until)
    return artifacts.markdown(key, told, plain(headline(report, history), _LONG), shown)


def headline(report: Report, history: Ledger) -> str:
    """What became of what the run has made, in a sentence."""
    listed = history.listed(report.release)
    if listed is None:
        return "Nothing was published: no document could be used."
    release = f"Release {listed.number}"
    if report.held:
        return f"{release} is held: {report.held}."
    if listed.state == "rejected":
        return f"{release} was rejected: {listed.reason}".removesuffix(": ") + "."
    if report.how is None:
        return f"There was nothing to test: {release.lower()} is live as before."
    went = listed.lives[-1]
    how = {
        "first": "the first",
        "small": "a small change, which was not tested",
        "tested": "tested",
    }.get(report.how, f"{report.how} by {went['by']}")
    return f"{release} is live, {how}: {went['why']}".removesuffix(": ") + "."


def text(report: Report, history: Ledger, request: Request, until: datetime | None = None) -> str:
    """The whole of it, as Markdown."""
    verdict = report.verdict
    parts = [f"**{plain(headline(report, history), _LONG)}**"]
    if report.held:
        parts.append(_decide(request, until))
    if verdict:
        if verdict.again:
            parts.append("The same was tested before: this is what was found then.")
        if not report.held and report.how != "tested":
            parts.append(f"Tested, it is {plain(verdict.sentence, _LONG)}\\.")
        parts += [_tests(verdict), _times(verdict), _shift(verdict)]
        parts.append(_queries("Queries that lost most", verdict.told.get("losses", ())))
        parts.append(_queries("Queries that changed most", verdict.told.get("most_changed", ())))
        parts.append(_anchor(verdict, history))
    return "\n\n".join(filter(None, parts)) + "\n"


def _decide(request: Request, until: datetime | None) -> str:
    """What a person can do, and type, as it can be copied."""
    asked = [request.pipeline, *(each for one in request.overrides for each in ("--set", one))]
    lines = [
        shlex.join(["millrace", verb, *asked, *more])
        for verb, *more in (("releases",), ("diff",), ("promote",), ("reject", "--reason", "TEXT"))
    ]
    told = ["What is live stays until somebody decides:"]
    if until:
        told = [f"The run waits until {until:%Y-%m-%d %H:%M} UTC: **Resume** asks you.", *told]
    return f"{' '.join(told)}\n\n{indent(chr(10).join(lines), '    ')}"


def _tests(verdict: Verdict) -> str:
    """What the candidate was held against, and what came of each."""
    told = verdict.told
    if "tests" not in told:
        return ""
    level = f"{100 * (1 - told['alpha']):g} % interval"
    columns = ("against", "queries", "mean difference", level, "won / lost / equal", "so it is")
    shown = table(columns, [_test(told, each) for each in told["tests"]], align="lrrrrl")
    means = told["means"]
    return (
        f"{shown}\n\nMean {plain(told['metric'])} on {plain(told['name'])}: {means['live']:.3f} of "
        f"what is live, {means['candidate']:.3f} of the candidate\\. A loss below "
        f"{told['margin']:g} does not matter\\."
    )


def _test(told: Mapping[str, Any], each: Mapping[str, Any]) -> tuple[str, ...]:
    named = {
        "live": f"what is live, release {told['live']}",
        "anchor": f"the anchor, release {told['anchor']}",
    }
    where = f", {plain(each['by'])} {plain(each['value'])}" if "by" in each else ""
    return (
        f"{named[each['against']]}{where}",
        f"{each['questions']:,}",
        f"{each['difference']:+.3f}",
        f"{each['ci_low']:+.3f} to {each['ci_high']:+.3f}",
        f"{each['wins']} / {each['losses']} / {each['ties']}",
        _WORDS.get(each["verdict"], each["verdict"]),
    )


def _times(verdict: Verdict) -> str:
    """Where they were measured."""
    measured = verdict.told.get("milliseconds") or {}
    if not measured:
        return ""
    rows = [
        (name, *(f"{each[key]:.0f} ms" for key, _ in _MEASURED)) for name, each in measured.items()
    ]
    columns = ("95 % of answers within", *(name for _, name in _MEASURED))
    return table(columns, rows, align="lrr")


def _shift(verdict: Verdict) -> str:
    """How much the answers change, where there are no judgements to tell whether for the better."""
    told = verdict.told
    if "shift" not in told:
        return ""
    shift = told["shift"]["value"] if isinstance(told["shift"], Mapping) else told["shift"]
    most = f", {told['max_shift']:.0%} may" if "max_shift" in told else ""
    return f"On average {shift:.0%} of the first hits have changed{most}\\."


def _queries(title: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Queries, each with what is known of it."""
    if not rows:
        return ""
    columns = [*rows[0]]
    shown = [[_cell(each.get(name, "")) for name in columns] for each in rows]
    sides = "".join("r" if isinstance(rows[0][name], int | float) else "l" for name in columns)
    named = [plain(name.replace("_", " ")) for name in columns]
    return f"**{title}**\n\n{table(named, shown, align=sides)}"


def _cell(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else plain(str(value))


def _anchor(verdict: Verdict, history: Ledger) -> str:
    """From which release losses are counted, and why from that one."""
    tested, now = verdict.told.get("anchor"), history.anchor
    if tested is None:
        return ""
    told = f"Losses were counted from the anchor, release {tested}{_why(history, tested)}\\."
    if now not in (None, tested):
        told += f" From now on they are counted from release {now}{_why(history, now)}\\."
    return told


def _why(history: Ledger, anchor: int) -> str:
    said = [
        each for each in history.events if (each["what"], each["release"]) == ("anchor", anchor)
    ]
    return f": {plain(said[-1]['why'])}" if said else ""
