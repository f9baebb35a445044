"""Components from outside: `module:Class`, and entry points of other distributions."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from components import registry, spec
from components.errors import BadOption, MissingExtra, UnknownComponent
from components.registry import plugins
from tests.spec import BASE, loaded, refused, written

HEAD = """
from __future__ import annotations
from dataclasses import dataclass, field
from pathlib import Path
"""
CUTTER = (
    HEAD
    + '''
@dataclass(frozen=True, kw_only=True)
class Cutter:
    """Cuts where it likes."""

    every: int = 5
    words: list[str] = field(default_factory=lambda: ["a"])
    list_of_words: Path = Path("words.txt")
    loud: bool = field(default=False, metadata={"stored": False, "help": "whether it sings"})

    def split(self, document, tokenizer):
        return []
'''
)


@pytest.fixture(autouse=True)
def _own_modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test made importable is forgotten after it."""
    path, before = list(sys.path), set(sys.modules)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    plugins.offered.cache_clear()
    yield
    sys.path[:] = path
    for name in set(sys.modules) - before:
        del sys.modules[name]
    plugins.offered.cache_clear()


def using(use: str, **options: object) -> str:
    rest = "".join(f", {name}: {value}" for name, value in options.items())
    return BASE + f"encoder: {{use: hashing}}\nsplitter: {{use: '{use}'{rest}}}\n"


def install(site: Path, points: str, **modules: str) -> None:
    """A distribution as pip leaves it."""
    info = site / "stranger-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[millrace.components]\n{points}\n")
    for name, text in modules.items():
        (site / f"{name}.py").write_text(text)


def test_a_class_beside_the_pipeline_file_is_used(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text(CUTTER)
    pipeline = loaded(tmp_path, using("beside:Cutter", every=9))
    cutter = pipeline.build("splitter")
    assert type(cutter).__name__ == "Cutter"
    assert (cutter.every, cutter.words) == (9, ["a"])
    assert cutter.list_of_words == tmp_path / "words.txt", "a path is relative to the file"


def test_a_class_on_the_path_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "library" / "deep").mkdir(parents=True)
    (tmp_path / "library" / "deep" / "cutters.py").write_text(CUTTER)
    monkeypatch.syspath_prepend(tmp_path / "library")
    assert loaded(tmp_path, using("deep.cutters:Cutter")).build("splitter").every == 5


def test_a_class_can_be_named_by_an_override(tmp_path: Path) -> None:
    (tmp_path / "overriding.py").write_text(CUTTER)
    pipeline = loaded(tmp_path, BASE, ["splitter.use=overriding:Cutter", "splitter.every=3"])
    assert pipeline.build("splitter").every == 3


def test_what_lies_beside_the_file_shadows_nothing(tmp_path: Path) -> None:
    (tmp_path / "wave.py").write_text("raise SystemExit('the wrong module')")
    (tmp_path / "components").mkdir()
    (tmp_path / "components" / "__init__.py").write_text("raise SystemExit('the wrong package')")
    assert loaded(tmp_path, using("sentences")).name == "test"
    __import__("wave")
    assert sys.path[-1] == str(tmp_path)


def test_a_name_of_ours_wins_over_a_module(tmp_path: Path) -> None:
    (tmp_path / "sentences.py").write_text(CUTTER)
    assert type(loaded(tmp_path, using("sentences")).build("splitter")).__name__ == "Sentences"


def test_options_of_a_strangers_component_are_checked(tmp_path: Path) -> None:
    (tmp_path / "checked.py").write_text(CUTTER)
    error = refused(tmp_path, using("checked:Cutter", every="often"))
    assert isinstance(error, BadOption)
    assert error.where == "splitter.every"
    error = refused(tmp_path, using("checked:Cutter", evry=3))
    assert "did you mean 'every'?" in error.hint


def test_a_missing_module_is_said(tmp_path: Path) -> None:
    error = refused(tmp_path, using("surely_absent:Cutter"))
    assert isinstance(error, UnknownComponent)
    assert "cannot import module 'surely_absent'" in str(error)
    assert error.where == "splitter.use"
    assert "beside the pipeline file" in error.hint


def test_a_missing_class_is_said(tmp_path: Path) -> None:
    (tmp_path / "classless.py").write_text(CUTTER)
    error = refused(tmp_path, using("classless:Sutter"))
    assert isinstance(error, UnknownComponent)
    assert "module classless has no class Sutter" in str(error)


@pytest.mark.parametrize("use", [":Cutter", ".x:Cutter", "..x:Cutter", "json:", "a b:C", "::"])
def test_a_name_that_names_no_module_and_class_is_refused(tmp_path: Path, use: str) -> None:
    error = refused(tmp_path, using(use))
    assert isinstance(error, UnknownComponent)
    assert error.where == "splitter.use"


@pytest.mark.parametrize(
    "text",
    [
        "class Cutter:\n    every: int = 5\n",
        "def Cutter():\n    return None\n",
        "Cutter = 3\n",
        HEAD + "@dataclass\nclass One:\n    a: int = 1\nCutter = One()\n",
    ],
)
def test_what_is_no_dataclass_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "shapeless.py").write_text(text)
    error = refused(tmp_path, using("shapeless:Cutter"))
    assert isinstance(error, UnknownComponent)
    assert "shapeless:Cutter is not a dataclass" in str(error)
    assert "@dataclass(frozen=True, kw_only=True)" in error.hint


def test_what_lacks_the_methods_of_its_stage_is_refused(tmp_path: Path) -> None:
    text = "@dataclass(frozen=True)\nclass Half:\n    depth: int\n    needs_vectors = False\n"
    (tmp_path / "halved.py").write_text(HEAD + text)
    error = refused(tmp_path, BASE + "reranker: {use: 'halved:Half', depth: 3}\n")
    assert isinstance(error, UnknownComponent)
    assert str(error) == "halved:Half is no reranker: it lacks rerank"
    error = refused(tmp_path, BASE + "index: {use: 'halved:Half', depth: 3}\n")
    assert str(error) == "halved:Half is no index: it lacks corpus"


def test_what_looks_its_attributes_up_by_itself_is_taken_at_its_word(tmp_path: Path) -> None:
    text = "@dataclass(frozen=True)\nclass Passing:\n    def __getattr__(self, name): ...\n"
    (tmp_path / "passing.py").write_text(HEAD + text)
    loaded(tmp_path, using("passing:Passing"))


def test_a_module_that_needs_a_missing_package_names_the_package(tmp_path: Path) -> None:
    (tmp_path / "greedy.py").write_text("import surely_absent_package\n")
    error = refused(tmp_path, using("greedy:Cutter"))
    assert isinstance(error, MissingExtra)
    assert "needs the package 'surely_absent_package'" in str(error)
    assert error.hint


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("def broken(:\n", "SyntaxError"),
        ("1 / 0\n", "ZeroDivisionError"),
        ("from json import surely_absent\n", "ImportError"),
        ("import json\njson.surely_absent\n", "AttributeError"),
        ("import sys\nsys.exit('enough')\n", "SystemExit: enough"),
    ],
)
def test_a_module_that_cannot_be_imported_is_said_with_the_reason(
    tmp_path: Path, text: str, kind: str
) -> None:
    (tmp_path / "broken.py").write_text(text)
    error = refused(tmp_path, using("broken:Cutter"))
    assert isinstance(error, UnknownComponent)
    assert "cannot import module 'broken'" in str(error)
    assert kind in str(error)


@pytest.mark.parametrize("hint", ["Absent", "set[", "object", "type('T', (), {})"])
def test_options_whose_type_means_nothing_are_said(tmp_path: Path, hint: str) -> None:
    text = f"@dataclass\nclass Cutter:\n    every: '{hint}' = 3\n".replace("'T'", '"T"')
    (tmp_path / "untyped.py").write_text(HEAD + text + "    split = None\n")
    if hint == "object":  # anything will do
        assert loaded(tmp_path, using("untyped:Cutter", every=4)).build("splitter").every == 4
        return
    error = refused(tmp_path, using("untyped:Cutter", every=4))
    assert isinstance(error, UnknownComponent)
    assert "Cutter" in str(error)


def test_an_entry_point_is_listed_and_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "site", "splitter.cutter = pointed:Cutter", pointed=CUTTER)
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert registry.names("splitter")["cutter"] == "pointed:Cutter"
    assert "cutter" not in registry.names("encoder")
    assert loaded(tmp_path, using("cutter", every=2)).build("splitter").every == 2
    assert "cutter" in refused(tmp_path, using("cuter")).hint


def test_an_entry_point_cannot_replace_what_is_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = "splitter.sentences = taken:Cutter\nsplitter = taken:Cutter\nother.cutter = a:B"
    install(tmp_path / "site", points, taken=CUTTER)
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert registry.names("splitter") == registry.CATALOGUE["splitter"]


def test_options_of_a_stranger_count_in_the_fingerprint_unless_they_say_otherwise(
    tmp_path: Path,
) -> None:
    (tmp_path / "counted.py").write_text(CUTTER)

    def of(**options: object) -> str:
        return loaded(tmp_path, using("counted:Cutter", **options)).fingerprint()

    assert of() == of(every=5) == of(loud="true") == of(words="[a]")
    assert len({of(), of(every=6), of(words="[b]")}) == 3
    assert of() != loaded(tmp_path, using("sentences")).fingerprint()


def test_a_strangers_revision_and_facts_count_in_the_fingerprint(tmp_path: Path) -> None:
    found = set()
    for body in ("", "revision = 1", "revision = 23", "facts = {'weights': 'abc'}"):
        sys.modules.pop("revised", None)
        text = CUTTER.replace("every: int = 5", f"every: int = 5\n    {body}")
        (tmp_path / "revised.py").write_text(text)
        found.add(loaded(tmp_path, using("revised:Cutter")).fingerprint())
    assert len(found) == 3, "no revision is the first one"


def test_a_strangers_component_that_refuses_its_options_is_a_bad_option(tmp_path: Path) -> None:
    refusing = "\n    def __post_init__(self):\n        raise ValueError('never on Sundays')\n"
    (tmp_path / "refusing.py").write_text(CUTTER + refusing)
    pipeline = spec.load(written(tmp_path, using("refusing:Cutter")))
    with pytest.raises(BadOption, match="never on Sundays"):
        pipeline.build("splitter")
