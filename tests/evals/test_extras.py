"""Without an optional package: one line that names it, before anything is done."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from components.errors import MissingExtra
from evals import extras
from evals.bench.one import alone
from evals.bench.parsing import main as parsing
from evals.defaults.__main__ import main as defaults
from evals.fusion.__main__ import main as fusion
from tests.answering.data import data as answered
from tests.answering.data import gold, planned, recorded
from tests.cli import ROOT, call, clean
from tests.compare.data import beir, pipeline

EVALS = ("ir_measures", "jinja2", "matplotlib", "scipy", "statsmodels")
MODULES = {"ir-measures": "ir_measures", "rouge-score": "rouge_score"}
"""Packages whose module is called otherwise."""


def absent(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """As if a package were not installed, for what is imported from now on."""
    for name in [each for each in sys.modules if each.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)


def imported_at_once(file: Path) -> Iterator[str]:
    """Packages that importing a module needs."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            yield from (each.name.partition(".")[0] for each in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").partition(".")[0]


def test_no_module_needs_an_optional_package_to_be_imported() -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {re.split(r"[^\w-]", each)[0] for each in told["dependencies"]}
    optional = {
        re.split(r"[^\w-]", each)[0]
        for extra in told["optional-dependencies"].values()
        for each in extra
    }
    modules = {MODULES.get(each, each.replace("-", "_")) for each in optional - needed}
    assert {*EVALS, "openai", "psutil", "ragas"} <= modules
    files = [each for folder in ("evals", "flows") for each in (ROOT / folder).rglob("*.py")]
    found = {each: modules & set(imported_at_once(each)) for each in files}
    assert {str(each): own for each, own in found.items() if own} == {}


def test_a_command_without_statsmodels_says_so_in_one_line(tmp_path: Path) -> None:
    answered(tmp_path / "data")
    file = recorded(tmp_path, "before", gold())
    code = "import sys\nsys.modules['statsmodels'] = None\nfrom flows.cli import main\nmain()"
    asked = ("answers", file, "--data", tmp_path / "data", "--home", tmp_path / "home")
    done = subprocess.run(
        [sys.executable, "-c", code, *asked, "--setting", "closed_book"],
        capture_output=True, text=True, check=False, env=clean(), timeout=120,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr == (
        "millrace: answers need packages that are not installed: statsmodels "
        "(pip install 'millrace[evals]')\n"
    )


@pytest.mark.parametrize("module", EVALS)
def test_each_is_named_before_anything_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    answered(tmp_path / "data")
    file = recorded(tmp_path, "before", gold())
    absent(monkeypatch, module)
    with pytest.raises(MissingExtra, match=module.replace("_", "-")) as caught:
        planned(tmp_path, file, setting="closed_book")
    assert "millrace[evals]" in caught.value.hint
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("module", EVALS)
def test_a_comparison_names_it_before_anything_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    beir(tmp_path / "data")
    absent(monkeypatch, module)
    file = pipeline(tmp_path, "plain")
    done = call("compare", file, "--data", tmp_path / "data", "--home", tmp_path / "home")
    assert done.code == 2
    assert f"not installed: {module.replace('_', '-')}" in done.message
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("command", "arguments", "module", "extra"),
    [
        (defaults, ["--only", "limit-small"], "ir_measures", "evals"),
        (fusion, ["--only", "limit-small"], "statsmodels", "evals"),
        (parsing, ["--pages", "1", "--rounds", "1"], "psutil", "bench"),
    ],
    ids=["defaults", "fusion", "parsing"],
)
def test_other_commands_say_it_too(
    monkeypatch: pytest.MonkeyPatch, command: object, arguments: list[str], module: str, extra: str
) -> None:
    absent(monkeypatch, module)
    done = CliRunner().invoke(command, arguments)  # type: ignore[arg-type]
    assert done.exit_code == 2, done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert module.replace("_", "-") in done.output
    assert f"millrace[{extra}]" in done.output


def test_no_process_is_measured_without_psutil(monkeypatch: pytest.MonkeyPatch) -> None:
    absent(monkeypatch, "psutil")
    with pytest.raises(MissingExtra, match="memory needs the package 'psutil'"):
        alone("naive", "peps", 1)


def test_what_is_broken_is_told_apart_from_what_is_absent() -> None:
    absent = ModuleNotFoundError("no module", name="ir_measures.providers")
    broken = ImportError("libgfortran.so.5:\n no such file", name="scipy.linalg._fblas")
    told = {
        absent: "kappa needs the package 'ir-measures'",
        broken: "kappa needs the package 'scipy', which cannot be imported: "
        "libgfortran.so.5: no such file",
        ImportError("why"): "kappa needs a package, which cannot be imported: why",
    }
    for error, sentence in told.items():
        with pytest.raises(MissingExtra) as caught, extras.needed("kappa needs"):
            raise error
        assert str(caught.value) == sentence
