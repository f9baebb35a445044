"""What every flow is put into: its phases become tasks, and it ends in a state of ours.

A flow's file says what its form asks for, how that is planned, what is done, and what its page
shows of it:

    @flow(name="polish")
    def polish(pipeline: str) -> State[Any]:
        return carry_out(f"polish-{pipeline}", lambda: plan(pipeline), _polished)

    def _polished(plan: Plan, by: Runner) -> Ended:
        outcome = polishing.run(plan, tasks(by, lambda phase: f"polish-{phase.of}-progress"))
        return Ended(outcome, Completed(message=outcome.verdict))
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

from prefect import State, task
from prefect.logging import get_run_logger

from components.errors import Damaged, GuardStopped, Held, MillraceError
from components.machine.system import telling
from components.phases import Done, Phase, Runner, Tell
from flows import ahead, orchestrator, run_log, states, todo, wording
from infra import artifacts, stopping

P = TypeVar("P")
T = TypeVar("T")
logging.getLogger("prefect.flow_runs").addFilter(states.without_traceback)


class Ended(NamedTuple):
    """A run that came to its end."""

    outcome: Any
    """For the command that began it."""
    state: State[Any]
    todo: str = ""
    """What a person has to do; empty: what the state's name says."""


@dataclass
class Caller:
    """What a command hands to the flow that it runs in its own process, and gets back."""

    planned: Any
    by: Runner
    outcome: Any = None


_CALLER: ContextVar[Caller | None] = ContextVar("caller", default=None)


def planned() -> Any:
    """What a command has planned; None where none began this run."""
    caller = _CALLER.get()
    return caller.planned if caller else None


def call(flow: Callable[..., State[Any]], form: Mapping[str, Any], planned: Any, by: Runner) -> Any:
    """Run a flow in this process, as a command does: its outcome. Raises what stops the run before
    it has come to one.
    """
    caller = Caller(planned, by)
    token = _CALLER.set(caller)
    try:
        with orchestrator.running():
            state = flow(**form, return_state=True)
            try:
                state.result()
            except (Damaged, GuardStopped, Held):
                if caller.outcome is None:
                    raise
    finally:
        _CALLER.reset(token)
    if caller.outcome is None:
        raise MillraceError("the flow ended without an outcome")
    return caller.outcome


def carry_out(key: str, plan: Callable[[], P], do: Callable[[P, Runner], Ended]) -> State[Any]:
    """The body of a flow: plan, unless a command has, and do. `key`: of what its page says is to be
    done.

    It ends in a state of its own where its process is told to stop: by a signal, or by a worker
    that heard that the run is to be cancelled.
    """
    with stopping.listening():
        try:
            return _ended(key, plan, do)
        except stopping.Stopped as stop:
            return states.interrupted(str(stop), key)


def _ended(key: str, plan: Callable[[], P], do: Callable[[P, Runner], Ended]) -> State[Any]:
    caller = _CALLER.get()
    try:
        with orchestrator.running(), telling(last=True):
            made = caller.planned if caller else plan()
            with run_log.shown():
                ended = do(made, caller.by if caller else _logged)
    except MillraceError as error:
        todo.show_error(key, error)
        return states.stopped(error)
    except Exception:
        todo.show(key, todo.FAULT)
        raise
    if caller:
        caller.outcome = ended.outcome
    todo.show(key, ended.todo or todo.BY_STATE[str(ended.state.name)])
    return ended.state


def _logged(phase: Phase[T], /) -> T:
    """As nobody watches, what is left of a phase is told in the run's log."""
    return ahead.told(phase, get_run_logger().info).work(lambda done: None)


def tasks(by: Runner, key: Callable[[Phase[Any]], str]) -> Runner:
    """A runner that makes a task of each phase, done by another one. An error of ours ends a task
    as one line instead of a traceback, and is raised.

    `key`: of the artifact in which a phase that counts something shows how far it is.
    """

    def by_task(phase: Phase[T], /) -> T:
        found: list[T] = []  # past Prefect, which would look into it

        @task(
            name=phase.name,
            task_run_name=lambda: f"{phase.name} {phase.of}".strip(),
            persist_result=False,
        )
        def step() -> State[Any] | None:
            try:
                with telling(last=True):
                    found.append(by(_on_page(phase, key(phase)) if phase.counts else phase))
            except MillraceError as error:
                return states.stopped(error)
            return None

        if stopped := step():
            stopped.result()
        return found[0]

    return by_task


def _on_page(phase: Phase[T], key: str) -> Phase[T]:
    """The phase, with a bar."""

    def work(tell: Tell) -> T:
        bar = artifacts.ProgressBar(artifacts.slug(key), wording.of(phase).card)

        def show(done: Done) -> None:
            total = phase.total or done.total
            bar.show(done.units / total if total else 0.5)
            tell(done)

        made = phase.work(show)
        bar.show(1.0)
        return made

    return replace(phase, work=work)
