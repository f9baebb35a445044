"""`python -m evals.smoke`: page recall on FinanceBench, in minutes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from components import paths, spec
from components.corpus import run
from components.corpus.request import Job, Request, new_run_id
from components.errors import GuardStopped, SourceMissing
from components.phases import Done, within
from evals import extras
from evals.datasets import financebench
from evals.metrics import Interval
from evals.smoke.measure import METRICS, SETTINGS, Outcome, measure
from evals.told import told

RESULTS = Path(__file__).parent / "results"
_LABELS = {"R@10": "recall@10", "nDCG@10": "nDCG@10", "RR@10": "MRR@10"}


@click.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Folder of FinanceBench; otherwise the pipeline's source.path.",
)
@click.option(
    "--pipeline",
    type=click.Path(path_type=Path),
    default=Path("pipelines/financebench.yaml"),
    show_default=True,
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="STAGE.OPTION=VALUE",
    help="Use another value than the file's; may be repeated. sparse.use=bm25 adds two retrievers.",
)
@click.option("--no-refresh", is_flag=True, help="Measure what is live, without a look at data.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for the rankings (TREC) and results.json.  [default: evals/smoke/results/TIME]",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@told()
def main(
    data: Path | None,
    pipeline: Path,
    overrides: tuple[str, ...],
    no_refresh: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """Refresh FinanceBench's corpus and measure how often the evidence's page is found."""
    extras.check("page retrieval needs")
    outcome = _measured(data, pipeline, overrides, no_refresh, out or _folder())
    if as_json:
        click.echo(json.dumps(outcome.to_json()))
    else:
        show(outcome, Console(highlight=False))


def _measured(
    data: Path | None, pipeline: Path, overrides: tuple[str, ...], no_refresh: bool, out: Path
) -> Outcome:
    if data is not None:
        overrides = (f"source.path={data}", *overrides)
    source = spec.load(pipeline, overrides).stages["source"]
    if "path" not in source.options:
        raise SourceMissing(f"the source {source.use!r} has no path").at(
            where=str(pipeline), hint="name the folder of FinanceBench with --data"
        )
    questions = financebench.questions(Path(source.options["path"]))
    if not no_refresh:
        _refresh(pipeline, overrides)
    outcome = measure(pipeline, overrides, questions, out)
    (out / "results.json").write_text(json.dumps(outcome.to_json(), indent=1), encoding="utf-8")
    click.echo(f"rankings and results are in {out}", err=True)
    return outcome


def _refresh(pipeline: Path, overrides: tuple[str, ...]) -> None:
    request = Request(pipeline=str(paths.named(pipeline)), overrides=overrides, run_id=new_run_id())
    report = run.run(Job(request), within(_tell))
    for each in report.failures:
        click.echo(f"failed  {each.id}: {each.reason}", err=True)
    if not report.totals.documents:
        raise GuardStopped("no filing could be used").at(where=str(pipeline))


def _tell(done: Done) -> None:
    click.echo(f"refreshing: {done.units} filings, {done.tokens:,} tokens", err=True)


def _folder() -> Path:
    return RESULTS / f"{datetime.now(UTC):%Y%m%d-%H%M%S}"


def show(outcome: Outcome, console: Console) -> None:
    """A table per setting's column, with the interval of recall, and what it means."""
    title = (
        f"{outcome.pipeline}: {outcome.splitter}, {outcome.encoder}, sparse {outcome.sparse}, "
        f"reranker {outcome.reranker}; {outcome.filings} filings, {outcome.questions} questions"
    )
    console.print(Text(title), soft_wrap=True)
    for setting in SETTINGS:
        table = Table(title=setting, title_justify="left", box=None, pad_edge=False)
        table.add_column("retriever")
        for metric in METRICS:
            table.add_column(_LABELS[metric], justify="right")
            if metric == METRICS[0]:
                table.add_column("95 % interval", justify="right")
        for cell in outcome.cells:
            if cell.setting == setting:
                table.add_row(cell.retriever, *_row(cell.metrics))
        console.print(table)
    console.print(Text(_reading(outcome)), soft_wrap=True)


def _row(metrics: dict[str, Interval]) -> list[str]:
    recall, *others = (metrics[name] for name in METRICS)
    band = f"{recall.low:.3f} to {recall.high:.3f}"
    return [f"{recall.mean:.3f}", band, *(f"{each.mean:.3f}" for each in others)]


def _reading(outcome: Outcome) -> str:
    lines = [
        f"{outcome.questions} questions are few: a difference inside the intervals shows nothing "
        "(percentile bootstrap over questions)."
    ]
    if outcome.sparse == "none":
        lines.append("sparse and hybrid need --set sparse.use=bm25.")
    if outcome.left_out:
        lines.append(
            f"Questions left out, because the index lacks their filing: {outcome.left_out}."
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
