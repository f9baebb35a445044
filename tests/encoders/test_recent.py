"""What was made of the last texts."""

from __future__ import annotations

import pickle

from hypothesis import given
from hypothesis import strategies as st

from components.encoders.recent import Recent


def _none() -> Recent[str]:
    return Recent(10, len)


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.text("x", max_size=12))))
def test_the_last_ones_used_are_known_as_far_as_there_is_room(put: list[tuple[str, str]]) -> None:
    recent, last = _none(), dict[str, str]()
    for text, made in put:
        recent.put(text, made)
        last.pop(text, None)
        last[text] = made
        while sum(map(len, last.values())) > 10:
            last.pop(next(iter(last)))
    assert {text: recent.get(text) for text in "abcdef" if text in recent} == last
    assert recent.get("g") is None


def test_what_is_asked_for_again_stays_longer() -> None:
    recent = _none()
    recent.put("a", "xxxxx")
    recent.put("b", "xxxxx")
    assert recent.get("a") == "xxxxx"
    recent.put("c", "x")
    assert ("a" in recent, "b" in recent, "c" in recent) == (True, False, True)


def test_what_is_forgotten_or_pickled_is_not_known() -> None:
    recent = _none()
    recent.put("a", "xxxxx")
    other = pickle.loads(pickle.dumps(recent))
    assert "a" not in other
    other.put("b", "xxxxxxxxxx")
    assert "b" in other
    recent.forget()
    assert "a" not in recent
    recent.put("c", "xxxxxxxxxx")
    assert "c" in recent
