"""Whether a person has to do something, in one line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import flows.answers
import flows.compare
import flows.refresh
from components import errors
from components.corpus.report import Failed, Report, Survey
from components.errors import MillraceError
from components.indexes.manifest import Totals
from flows import states, todo


def report(*failed: str, totals: Totals | None = None) -> Report:
    return Report(
        pipeline="a",
        run_id="r",
        fingerprint="f",
        generation="0001-f",
        failures=tuple(Failed(id=each, reason="empty") for each in failed),
        totals=totals or Totals(documents=9),
    )


@pytest.mark.parametrize(
    ("failed", "before", "gaps", "told"),
    [
        ((), (), (), "Nothing to do."),
        ((), ("a.md",), (), "Nothing to do."),
        (("a.md",), (), (), "Look at a-failures: 1 document newly failed."),
        (("a.md", "b.md"), ("b.md",), (), "Look at a-failures: 1 document newly failed."),
        (
            ("a.md", "b.md"),
            ("b.md", "a.md"),
            (),
            "Nothing new to do: 2 documents failed as before, see a-failures.",
        ),
        (
            ("a.md", "old/"),
            ("a.md",),
            ("old/",),
            "Look at a-failures: 1 part of the source could not be listed.",
        ),
        (
            ("a.md", "b.md", "old/", "new/"),
            (),
            ("old/", "new/"),
            "Look at a-failures: 2 parts of the source could not be listed, 2 documents newly "
            "failed.",
        ),
    ],
)
def test_only_what_is_new_asks_for_somebody(
    failed: tuple[str, ...], before: tuple[str, ...], gaps: tuple[str, ...], told: str
) -> None:
    found = Survey(
        plan_file="",
        failed_before=before,
        gaps=tuple(Failed(id=each, reason="unreadable") for each in gaps),
    )
    assert todo.of_report(found, report(*failed)) == told


def every(kind: type[MillraceError]) -> Iterator[type[MillraceError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from every(each)


@pytest.mark.parametrize("kind", [*every(MillraceError)])
def test_every_error_says_who_has_to_do_something(kind: type[MillraceError]) -> None:
    told = todo.of_error(kind("no luck").at(where="here", hint="turn it off and on"))
    state = states.stopped(kind("no luck"))
    assert state.name in todo.BY_STATE
    nobody = issubclass(kind, errors.Busy | errors.TakenOver | errors.Unavailable)
    assert told.startswith("Nothing to do") is nobody
    assert ("turn it off and on" in told) is not nobody
    assert "\n" not in told


def test_what_a_refusal_asks_for_is_said() -> None:
    error = errors.ForeignCorpus("another source").at(hint="take it over with --adopt")
    assert todo.of_error(error) == "Change the request: take it over with --adopt"
    assert todo.of_error(errors.GuardStopped("2 of 3 gone")) == "Decide: 2 of 3 gone"


@pytest.mark.parametrize(
    ("failed", "held", "stale", "many", "name"),
    [
        (0, 9, 0, 0.0, "Completed"),
        (1, 9, 0, 0.1, "Some failed"),
        (1, 9, 0, 0.09, "Many failed"),
        (1, 10, 1, 0.1, "Some failed"),
        (1, 0, 0, 0.99, "Many failed"),
        (1, 0, 0, 1.0, "Some failed"),
    ],
)
def test_a_share_of_failed_documents_is_a_state(
    failed: int, held: int, stale: int, many: float, name: str
) -> None:
    made = report(*map(str, range(failed)), totals=Totals(documents=held, stale=stale))
    state = states.ended(made, many)
    assert (state.name, state.is_completed()) == (name, True)
    assert name in todo.BY_STATE


@pytest.mark.parametrize(
    ("flow", "first", "given", "key"),
    [
        (flows.refresh.refresh, "flows.run_log.shown", {"pipeline": "b/a.yaml"}, "a"),
        (flows.compare.compare, "flows.compare.request.read", {"data": "b/a"}, "compare-a"),
        (
            flows.answers.answers,
            "flows.answers.planning.plan",
            {"data": "b/a", "pipelines": ("a",)},
            "answers-a",
        ),
    ],
)
def test_a_fault_is_told_and_stays_one(
    monkeypatch: pytest.MonkeyPatch, flow: Any, first: str, given: dict[str, Any], key: str
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    shown: list[tuple[str, str]] = []
    monkeypatch.setattr(first, failing)
    monkeypatch.setattr(todo, "show", lambda *told: shown.append(told))
    with pytest.raises(ZeroDivisionError):
        flow.fn(**given)
    assert shown == [(key, todo.FAULT)]
