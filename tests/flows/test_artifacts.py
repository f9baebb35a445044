"""Texts, charts and artifacts, without a server."""

from __future__ import annotations

import base64
import logging
import re
from xml.etree import ElementTree

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from components.corpus.report import Report
from components.corpus.survey import Failed, Survey
from components.indexes.manifest import Totals
from flows.page import SHOWN_FAILURES, changes, failures
from infra import artifacts, chart
from infra.markdown import plain, table

READER = MarkdownIt("gfm-like", {"html": True, "linkify": False})
PUNCTUATION = st.text(st.sampled_from("\\`*_{}[]()<>#+-.!|~&:@$^=;'\"/ \n\tab1é\u202e\udcff"))


@settings(deadline=None)
@given(PUNCTUATION | st.text(max_size=60))
def test_any_text_is_shown_as_it_is_in_a_table(text: str) -> None:
    visible = "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
    tokens = READER.parse(table(("a", "b"), [(plain(text), "x")]))
    cells = [token for token in tokens if token.type == "inline"][2:]
    assert len(cells) == 2
    inside = cells[0].children or []
    assert {each.type for each in inside} <= {"text", "text_special"}
    assert "".join(each.content for each in inside) == visible.strip(" ")


def test_a_long_text_is_cut() -> None:
    assert plain("x" * 1000) == "x" * 300 + "…"


def test_a_long_list_of_failures_is_cut_and_counted() -> None:
    many = [Failed(id=f"{number}.md", reason="empty") for number in range(SHOWN_FAILURES + 1234)]
    text = failures(many)
    assert text.count("| empty |") == SHOWN_FAILURES
    assert text.endswith("and 1,234 more\n")


@pytest.mark.parametrize(
    ("tokens", "before", "expected"),
    [
        (50_000, 4000, ["| tokens per second | 4,000 | 5,000 | +1,000 (+25%) |"]),
        (50_000, 0, []),
        (900, 4000, []),
    ],
)
def test_speed_is_compared_where_both_runs_say_something(
    tokens: int, before: int, expected: list[str]
) -> None:
    found = Survey(plan_file="", live="0001-a", before=Totals(documents=3))
    report = Report(
        pipeline="a",
        run_id="r",
        fingerprint="a",
        generation="0002-a",
        totals=Totals(documents=3),
        tokens=tokens,
        seconds=10.0,
    )
    lines = changes(found, report, before).splitlines()
    assert "| documents | 3 | 3 | = |" in lines
    assert [each for each in lines if "per second" in each] == expected


def test_the_chart_has_a_bar_per_activity_in_proportion() -> None:
    image = chart.seconds_by_activity({"survey": 1.0, "a<b": 4.0, "seal": 2.0})
    said = chart.embedded(image, "said")
    found = re.fullmatch(r"!\[said\]\(data:image/svg\+xml;base64,(.*)\)", said)
    assert found is not None
    root = ElementTree.fromstring(base64.b64decode(found[1]))
    space = "{http://www.w3.org/2000/svg}"
    _, *bars = [float(each.attrib["width"]) for each in root.iter(f"{space}rect")]
    assert bars == pytest.approx([bars[1] / 4, bars[1], bars[1] / 2], rel=0.01)
    told = ["".join(each.itertext()) for each in root.iter(f"{space}text")]
    assert told == ["survey", "1.0 s14%", "a<b", "4.0 s57%", "seal", "2.0 s29%"]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.0123, "12 ms"),
        (3.44, "3.4 s"),
        (320, "5 min 20 s"),
        (7500, "2 h 5 min"),
        (93_600, "26 h"),
        (273_700, "3 d 4 h"),
    ],
)
def test_durations_are_for_people(seconds: float, told: str) -> None:
    assert chart.duration(seconds) == told


def test_what_the_server_refuses_is_logged_and_harms_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no answer")

    for name in ("table", "markdown", "progress"):
        monkeypatch.setattr(artifacts, f"create_{name}_artifact", refuse)
    monkeypatch.setattr(artifacts, "get_client", refuse)
    with caplog.at_level(logging.WARNING, logger="infra"):
        artifacts.table("a-counts", [{"what": "chunks", "value": 1}], "")
        artifacts.markdown("a-time", "text", "")
        artifacts.ProgressBar("a-progress", "").show(1.0)
        assert artifacts.tables("a-counts") == []
    assert [each.getMessage().split()[2] for each in caplog.records] == [
        "a-counts",
        "a-time",
        "a-progress",
        "a-counts",
    ]
    assert all("no answer" in each.getMessage() for each in caplog.records)


def status(number: int) -> httpx.HTTPStatusError:
    asked = httpx.Request("POST", "http://127.0.0.1/api")
    return httpx.HTTPStatusError("no", request=asked, response=httpx.Response(number))


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (httpx.ConnectError("refused"), 0.0),
        (status(408), 0.0),
        (status(429), 0.0),
        (status(503), 0.0),
        (status(404), 60.0),
        (RuntimeError("any"), 60.0),
    ],
    ids=str,
)
def test_a_server_that_is_away_is_not_waited_for_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    seconds: float,
) -> None:
    asked, now = [], [1000.0]

    def away(**named: object) -> None:
        asked.append(named["key"])
        now[0] += seconds
        raise error

    monkeypatch.setattr(artifacts, "_server", artifacts._Server())
    monkeypatch.setattr(artifacts, "create_markdown_artifact", away)
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    artifacts.markdown("a", "text", "")
    artifacts.markdown("b", "text", "")
    artifacts.table("c", [], "")
    now[0] += 3600
    artifacts.markdown("d", "text", "")
    assert asked == ["a", "d"]
    told = [each.getMessage().split(" is ")[0] for each in caplog.records]
    assert told == [f"the artifact {key}" for key in "abcd"]


@pytest.mark.parametrize("error", [status(422), ValueError("any")], ids=str)
def test_a_server_that_refuses_one_at_once_is_asked_for_the_next(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    asked = []

    def refuse(**named: object) -> None:
        asked.append(named["key"])
        raise error

    monkeypatch.setattr(artifacts, "_server", artifacts._Server())
    monkeypatch.setattr(artifacts, "create_markdown_artifact", refuse)
    artifacts.markdown("a", "text", "")
    artifacts.markdown("b", "text", "")
    assert asked == ["a", "b"]
