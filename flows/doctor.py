"""The doctor as a Prefect flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from prefect import State, flow
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed, Failed
from pydantic import Field

from components.corpus.doctor.diagnosis import Diagnosis
from components.corpus.doctor.run import doctor as look_over
from components.corpus.request import Job, Request
from components.errors import Damaged
from components.phases import Runner
from flows import engines, findings, shell, todo
from flows.named import corpus_name
from flows.refresh import Override
from flows.shell import Ended, carry_out, tasks
from infra import artifacts

_LOGGED = 20
"""Findings in the run's log."""


@dataclass(frozen=True)
class Planned:
    """A visit of the doctor's."""

    job: Job
    repair: bool
    sample: int


def _run_id() -> str:
    """The caller's, or the random end of the flow run's own id."""
    planned = shell.planned()
    return planned.job.request.run_id if planned else str(flow_run.id).replace("-", "")[-12:]


def _run_name() -> str:
    """The corpus' name, and the run's id in the manifest."""
    given = flow_run.parameters
    name = corpus_name(str(given["pipeline"]), tuple(given.get("overrides") or ()))
    return f"doctor-{name}-{_run_id()}"


@flow(name="doctor", flow_run_name=_run_name)
def doctor(
    pipeline: Annotated[str, Field(min_length=1, examples=["pipelines/sample.yaml"])],
    overrides: Annotated[tuple[Override, ...], Field(examples=[["index.use=qdrant"]])] = (),
    repair: bool = False,
    sample: Annotated[int, Field(ge=0)] = 32,
) -> State[None]:
    """Look for damage in a corpus: source, manifest, points, vectors, pointer, alias and cache.

    Args:
        pipeline: Path of the pipeline file, relative to the folder that the worker runs it in.
        overrides: Other values than the file's, each as stage.option=value. No secrets: everybody
            who sees the run sees them.
        repair: Mend what is found, by encoding only what is wrong.
        sample: Documents that are encoded anew, and compared with what is stored; 0 for none.
    """

    def planned() -> Planned:
        request = Request(pipeline=pipeline, overrides=overrides, run_id=_run_id())
        return Planned(Job(request), repair, sample)

    return carry_out(f"doctor-{corpus_name(pipeline, overrides)}", planned, _visited)


def call(planned: Planned, by: Runner) -> Diagnosis:
    """Run the flow in this process, as a command does. Raises what stops the run."""
    request = planned.job.request
    form: dict[str, Any] = {"pipeline": request.pipeline, "overrides": request.overrides}
    form |= {"repair": planned.repair, "sample": planned.sample}
    diagnosis: Diagnosis = shell.call(doctor, form, planned, by)
    return diagnosis


def _visited(planned: Planned, by: Runner) -> Ended:
    name = planned.job.pipeline.name
    diagnosis = look_over(
        planned.job,
        repair=planned.repair,
        sample=planned.sample,
        by=tasks(by, lambda phase: f"doctor-{name}-{phase.name}-progress"),
        encoding=engines.encoding,
    )
    logger, told = get_run_logger(), diagnosis.summary()
    for each in diagnosis.findings[:_LOGGED]:
        logger.warning("%s  %s: %s", each.check, each.where, each.what)
    logger.info("%s: %s", name, told)
    key = artifacts.slug(f"doctor-{name}-findings")
    artifacts.markdown(key, findings.page(diagnosis), told)
    line = todo.of_diagnosis(diagnosis)
    if diagnosis.damage:
        state: State[Any] = Failed(name="Damaged", message=told, data=Damaged(told))
    else:
        state = Completed(message=told)
    return Ended(diagnosis, state, line)
