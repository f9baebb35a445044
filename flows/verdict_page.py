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
_NAMED = 3
"""Documents of a query that are named."""
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
    what, _ = headline(report, history)
    return artifacts.markdown(key, told, plain(what, _LONG), shown)


def headline(report: Report, history: Ledger) -> tuple[str, str]:
    """What became of what the run has made, and why; empty where that is said already."""
    listed = history.listed(report.release)
    if listed is None:
        return "Nothing was published", "no document could be used"
    release = f"Release {listed.number}"
    if report.held:
        return f"{release} is held", report.held
    if listed.state in ("rejected", "replaced", "rolled back"):
        return f"{release} was {listed.state}", listed.reason
    if report.how is None:
        return f"{release} is live as before", "there was nothing to test"
    went = listed.lives[-1]
    how = {
        "first": "the first",
        "small": "a small change, which was not tested",
        "tested": "tested",
    }.get(report.how, f"{report.how} by {went['by']}")
    return f"{release} is live, {how}", went["why"]


def text(report: Report, history: Ledger, request: Request, until: datetime | None = None) -> str:
    """The whole of it, as Markdown."""
    verdict = report.verdict
    parts = [f"**{plain(': '.join(filter(None, headline(report, history))), _LONG)}\\.**"]
    if report.held:
        parts.append(_decide(report, history.live, request, until))
    if verdict:
        if not report.held and report.how != "tested":
            parts.append(f"Its test said: {plain(verdict.sentence, _LONG)}\\.")
        if verdict.again:
            parts.append("That was found before: the same is not tested again.")
        parts += [_tests(verdict), _times(verdict), _losses(verdict), _changes(verdict)]
        parts.append(_anchor(verdict, history))
    return "\n\n".join(filter(None, parts)) + "\n"


def _decide(report: Report, live: int | None, request: Request, until: datetime | None) -> str:
    """What a person can do, and type, as it can be copied."""
    asked = [request.pipeline, *(each for one in request.overrides for each in ("--set", one))]
    why = ("--reason", "TEXT")
    worse = report.verdict is not None and report.verdict.outcome == "worse"
    lines = [
        shlex.join(["millrace", verb, *asked, *more])
        for verb, *more in (
            ("releases",),
            ("diff", str(live), str(report.release)),
            ("promote", *(("--force", *why) if worse else ())),
            ("reject", *why),
        )
    ]
    told = ["What is live stays until somebody decides:"]
    if until:
        told = [
            f"The run waits until {until:%Y-%m-%d %H:%M} UTC: **Resume** asks for a decision.",
            *told,
        ]
    return f"{' '.join(told)}\n\n{indent(chr(10).join(lines), '    ')}"


def _tests(verdict: Verdict) -> str:
    """What the candidate was held against, and what came of each."""
    told = verdict.told
    if "tests" not in told:
        return ""
    level = f"{100 * (1 - told['alpha']):g} % interval"
    columns = ("against", "queries", "difference", level, "won/lost/equal", "verdict")
    shown = table(columns, [_test(told, each) for each in told["tests"]], align="lrrrrl")
    means = told["means"]
    return (
        f"{shown}\n\nMean {plain(told['metric'])} on the data set {plain(told['name'])}: "
        f"{means['live']:.3f} of what is live, {means['candidate']:.3f} of the candidate\\. A loss "
        f"below {told['margin']:g} does not matter\\."
    )


def _test(told: Mapping[str, Any], each: Mapping[str, Any]) -> tuple[str, ...]:
    where = f", {plain(each['by'])} {plain(each['value'])}" if "by" in each else ""
    return (
        f"{each['against']}, release {told[each['against']]}{where}",
        f"{each['questions']:,}",
        f"{each['difference']:+.3f}",
        f"{each['ci_low']:+.3f} to {each['ci_high']:+.3f}",
        f"{each['wins']}/{each['losses']}/{each['ties']}",
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


def _losses(verdict: Verdict) -> str:
    """The queries that lose most."""
    rows = [
        (plain(each["query"]), f"{each['live']:.3f}", f"{each['candidate']:.3f}")
        for each in verdict.told.get("losses", ())
    ]
    return _titled("Queries that lose most", ("query", "live", "candidate"), rows, "lrr")


def _changes(verdict: Verdict) -> str:
    """The queries whose first hits change most, where nobody has judged which are right."""
    rows = [
        (
            plain(each["query"]),
            f"{each['jaccard']:.2f}",
            _only(each["before"], each["after"]),
            _only(each["after"], each["before"]),
        )
        for each in verdict.told.get("most_changed", ())
    ]
    columns = ("query", "alike", "found no more", "found instead")
    return _titled("Queries that change most", columns, rows, "lrll")


def _only(hits: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]) -> str:
    """The first documents of these that those others lack."""
    lacking = {each["document"] for each in hits} - {each["document"] for each in others}
    named = list(dict.fromkeys(each["document"] for each in hits if each["document"] in lacking))
    told = [plain(each, 60) for each in named[:_NAMED]]
    return ", ".join([*told, "…"] if len(named) > _NAMED else told)


def _titled(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> str:
    return f"**{title}**\n\n{table(columns, rows, align)}" if rows else ""


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
