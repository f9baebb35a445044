"""Two sides of a change, measured in turns."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from evals.bench.sides import main

_HERE = Path(__file__).parents[2]


@pytest.mark.slow
def test_sides_take_turns_on_both_shapes(tmp_path: Path) -> None:
    sides = [f"--side={name}={_HERE}" for name in ("before", "after")]
    few = ["--long", "20", "--short", "120", "--rounds", "2", "--searches", "6"]
    own = ["--set", "after:retriever.depth=5", "--out", str(tmp_path / "readings.json")]
    done = CliRunner().invoke(main, [*sides, *few, *own], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "readings.json").read_text())
    assert [each["overrides"] for each in found["sides"]] == [[], ["retriever.depth=5"]]
    for shape in ("20 documents of 10", "120 documents of 1"):
        own_readings = [each for each in found["readings"] if each["shape"] == shape]
        turns = [each["side"] for each in own_readings if each["what"] == "first refresh"]
        assert turns == ["before", "after", "after", "before"]
        asked = [each["side"] for each in own_readings if each["what"] == "search"]
        assert len(asked) == 12
        assert {*zip(asked[::2], asked[1::2], strict=True)} == {
            ("before", "after"), ("after", "before"),
        }  # fmt: skip
    for told in ("search, p95 ms", "index, MB", "refresh, 1 % changed, median s", "after / before"):
        assert told in done.output


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--side", "before"], "a side is NAME=TREE"),
        (["--side", "a=x", "--side", "a=y"], "with a name of its own"),
        (["--side", "a=/nowhere"], "no source tree is at /nowhere"),
        (["--side", "a=.", "--set", "b:retriever.depth=5"], "no system is called 'b'"),
    ],
)
def test_a_side_that_is_none_is_told(options: list[str], told: str) -> None:
    done = CliRunner().invoke(main, options)
    assert done.exit_code == 2
    assert told in done.stderr
