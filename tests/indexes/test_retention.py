"""Which generations stay: the rule, for every store."""

from __future__ import annotations

from components.indexes.manifest import Generation
from components.indexes.retention import kept

A, B, C = ("a" * 16, "b" * 16, "c" * 16)


def made(number: int, fingerprint: str = A, base: str = "", *, draft: bool = False) -> Generation:
    return Generation(
        number=number,
        fingerprint=fingerprint,
        stages={},
        width=8,
        average_length=1.0,
        base=base,
        finished_at="" if draft else "2026-01-01T00:00:00+00:00",
    )


def numbers(generations: list[Generation], served: list[int], keep: int = 2) -> list[int]:
    """Of what stays, where these were live, the latest first."""
    names = {each.number: each.name for each in generations}
    stays = kept(generations, [names[number] for number in served], keep)
    return sorted(each.number for each in generations if each.name in stays)


def test_the_live_one_and_the_one_before() -> None:
    nights = [made(number) for number in (1, 2, 3, 4)]
    assert numbers(nights, [4, 3, 2, 1]) == [3, 4]
    assert numbers(nights, [4, 3, 2, 1], keep=1) == [4]
    assert numbers(nights, [4, 3, 2, 1], keep=3) == [2, 3, 4]
    assert numbers(nights, [4, 3, 2, 1], keep=9) == [1, 2, 3, 4]


def test_before_is_what_was_live_before_and_not_what_was_made_before() -> None:
    two = [made(1, A), made(2, B), made(3, C)]
    assert numbers(two, [3, 1, 2]) == [1, 3], "B was tried, A came back, then came C"
    assert numbers([made(1, A), made(2, B)], [1, 2]) == [1, 2], "going back keeps both"


def test_two_pipelines_in_turn_keep_one_each() -> None:
    assert numbers([made(1, A), made(2, B), made(3, A)], [3, 2, 1]) == [2, 3]


def test_what_was_finished_and_held_back_waits() -> None:
    assert numbers([made(1, A), made(2, A), made(3, B), made(4, A)], [4, 2, 1]) == [2, 3, 4]
    held_twice = [made(1, A), made(2, A), made(3, B), made(4, B, base="x")]
    assert numbers(held_twice, [2, 1]) == [1, 2, 4]
    assert numbers([made(1, A), made(2, A), made(3, B), made(4, C)], [2, 1]) == [1, 2, 4]


def test_what_was_finished_and_then_built_upon_does_not() -> None:
    """The run was killed before it published, and the next one found more to do."""
    assert numbers([made(1), made(2), made(3)], [3, 1]) == [1, 3]


def test_a_draft_that_can_be_resumed_stays() -> None:
    live = made(3)
    assert numbers([made(2), live, made(4, base=live.name, draft=True)], [3, 2]) == [2, 3, 4]
    assert numbers([made(2), live, made(1, B, draft=True)], [3, 2]) == [1, 2, 3]


def test_a_draft_that_cannot_does_not() -> None:
    """Of a base that has a successor, or that does not stay itself."""
    old = made(1)
    assert numbers([old, made(2, base=old.name, draft=True), made(3), made(4)], [4, 3, 1]) == [3, 4]
    gone = made(1, B)
    after = [gone, made(2, A), made(3, A), made(4, B, base=gone.name, draft=True)]
    assert numbers(after, [3, 2, 1]) == [2, 3]


def test_of_the_forms_that_are_not_live_one_waits() -> None:
    tried = [made(1), made(2, B, draft=True), made(3, C, draft=True)]
    assert numbers(tried, [1]) == [1, 3]
    own = [made(1), made(2, A, base=made(1).name, draft=True), made(3, B, draft=True)]
    assert numbers(own, [1]) == [1, 2, 3], "what the next refresh goes on with is not in question"


def test_an_index_that_does_not_say_what_was_live_keeps_the_newest() -> None:
    assert numbers([made(1), made(2), made(3), made(4)], [4]) == [3, 4]
    assert numbers([made(1), made(2, draft=True)], []) == [1]


def test_what_is_gone_by_hand_is_not_counted() -> None:
    there = [made(1), made(3)]
    assert kept(there, [made(3).name, made(2).name, made(1).name], 2) == {e.name for e in there}
