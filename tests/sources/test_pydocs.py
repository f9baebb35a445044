from __future__ import annotations

import platform
import sys
import time
from pathlib import Path

import pytest

from components.errors import BadDocument, SourceMissing
from components.sources import pydocs
from components.sources.pydocs import PythonDocs
from components.values import DocumentRef
from tests.contracts.source import SourceContract, refs

MODULE = b'''
# A comment with "quotes".
"""What the module does."""
import nowhere_to_be_found
if True:
    def function(a, b: int = 1, *, c="x"):
        """Does it.

            Indented.
        Not so.
        """
    def _private(): "Not shown."
    def bare(): ...
class Thing(Base):
    """A thing."""
    def __init__(self, size, /, **rest): ...
    @property
    def width(self):
        """How wide."""
    @classmethod
    async def make(cls):
        r"""Makes \\ud800."""
    class Inner:
        "Inside."
def long(one_argument_with_a_name, another_argument_with_a_name, third_argument, fourth_argument, fifth_argument): "Long."
'''  # noqa: E501
TEXT = r"""# pack.mod

What the module does.

## pack.mod.function(a, b: int=1, *, c='x')

Does it.

    Indented.
Not so.

## pack.mod.Thing(size, /, **rest)

A thing.

## pack.mod.Thing.width

How wide.

## pack.mod.Thing.make()

Makes \ud800.

## pack.mod.Thing.Inner

Inside.

## pack.mod.long(one_argument_with_a_name, another_argument_with_a_name, third_argument, fourth_argument, ...)

Long.
"""  # noqa: E501


class TestPythonDocs(SourceContract):
    @pytest.fixture
    def source(self) -> PythonDocs:
        return PythonDocs(include=("topics/[a-c]*", "stdlib/json*/**", "stdlib/codecs"))


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pydocs, "_library", lambda: tmp_path)
    files = {
        "os.py": b'"""Opens with a string."""',
        "pack/__init__.py": b"",
        "pack/mod.py": MODULE,
        "plain.py": b'# "Only" a comment.\nx = "string"\n',
        "defines.py": b"def public(a):  # why\n\n    '''Documented.'''\n",
        "secret.py": b'def _private():\n    "Documented."\n',
        "_hidden.py": b'"""Hidden."""',
        "test/a.py": b'"""A test."""',
        "json/tests/a.py": b'"""A test."""',
        "site-packages/a.py": b'"""Not ours."""',
        "pydoc_data/topics.py": b'"""Not a document."""',
    }
    for name, source in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(source)
    return tmp_path


def test_public_documented_modules_are_listed(library: Path) -> None:
    source = PythonDocs(include=("stdlib/**",))
    assert [ref.id for ref in refs(source)] == ["stdlib/defines", "stdlib/os", "stdlib/pack/mod"]
    (library / "pack/__init__.py").write_bytes(b'r"""A package."""')
    ref = next(ref for ref in refs(source) if ref.id == "stdlib/pack")
    assert source.read(ref).text == "# pack\n\nA package.\n"


def test_a_module_becomes_headings_and_docstrings(library: Path) -> None:
    source = PythonDocs(include=("stdlib/pack/mod",))
    (ref,) = refs(source)
    document = source.read(ref)
    assert document.text == TEXT
    assert document.title == "pack.mod"
    assert document.metadata == {"part": "stdlib"}
    assert ref.version.endswith(platform.python_version())


def test_a_module_that_is_gone_or_broken(library: Path) -> None:
    source = PythonDocs(include=("stdlib/os",))
    (ref,) = refs(source)
    (library / "os.py").write_bytes(b"def")
    with pytest.raises(BadDocument, match="not Python"):
        source.read(ref)
    (library / "os.py").unlink()
    with pytest.raises(BadDocument, match="gone"):
        source.digest(ref)
    with pytest.raises(SourceMissing):
        refs(source)


def test_topics() -> None:
    source = PythonDocs(include=("topics/*",))
    ref = DocumentRef(id="topics/assert", version=platform.python_version())
    assert ref in refs(source)
    document = source.read(ref)
    assert document.title == 'The "assert" statement'
    assert document.metadata == {"part": "topics"}
    with pytest.raises(BadDocument):
        source.read(DocumentRef(id="topics/nothing of the kind", version="1"))


def test_the_whole_is_a_corpus() -> None:
    source = PythonDocs()
    began = time.process_time()
    found = refs(source)
    assert time.process_time() - began < 5
    ids = {ref.id for ref in found}
    wanted = {"topics/with", "stdlib/json", "stdlib/json/decoder", "stdlib/asyncio/streams"}
    assert ids >= wanted
    assert len(ids) > 300
    texts = [source.read(ref).text for ref in found]
    assert 1_000_000 < sum(map(len, texts)) < 5_000_000


def test_nothing_is_imported() -> None:
    source = PythonDocs(include=("stdlib/turtle", "stdlib/antigravity"))
    texts = [source.read(ref).text for ref in refs(source)]
    assert any("turtle.TurtleScreen" in text for text in texts)
    assert not {"turtle", "antigravity"} & set(sys.modules)


def test_identity() -> None:
    assert PythonDocs().identity == "python documentation"
