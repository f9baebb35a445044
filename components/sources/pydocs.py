"""Python's own documentation: the sample corpus that every machine has."""

from __future__ import annotations

import ast
import hashlib
import os
import platform
import re
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from wcmatch import glob

from components.errors import BadDocument, SourceMissing
from components.options import option
from components.sources.extract import markdown, rst
from components.sources.extract.headings import sections, title
from components.sources.storable import storable
from components.values import Document, DocumentRef

_LEFT_OUT = re.compile("distutils|encodings|ensurepip|idlelib|lib2to3|pydoc_data|tests?|turtledemo")
_DOCUMENTED = re.compile(
    rb"""\A(?:\s|\#.*\n)*[rRuU]?["']"""  # the module opens with a string,
    rb"""|^[ \t]*(?:async[ ]+def|def|class)[ ]+[a-zA-Z].*:[ \t]*(?:\#.*)?\n"""  # or a public thing
    rb"""(?:[ \t]*(?:\#.*)?\n)*[ \t]+[rRuU]?(?:\"\"\"|'''|")""",  # does
    re.MULTILINE,
)
_LONGEST_SIGNATURE = 100
"""Characters."""
_SELF = re.compile(r"\A(?:self|cls)(?:, /)?(?:, |$)")
_Defined = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, kw_only=True)
class PythonDocs:
    """The language's topics (`topics/assert`) and the library's docstrings (`stdlib/json/decoder`).

    A public module is listed if it, or a public function or class whose head is one line, has a
    docstring. Nothing but the topics is imported.
    """

    revision: ClassVar[int] = 2

    include: tuple[str, ...] = option(
        ("**",), help="globs of the ids to read, like topics/*", stored=False
    )

    @property
    def identity(self) -> str:
        """The same for every version of Python: an upgrade changes documents, not the corpus."""
        return "python documentation"

    def scan(self) -> Iterator[DocumentRef]:
        """Modules, then topics, by name."""
        wanted = glob.compile(self.include, flags=glob.GLOBSTAR)
        library = _library()
        for id, file in sorted(_modules(library).items()):
            if wanted.match(id) and _DOCUMENTED.search((library / file).read_bytes()):
                found = (library / file).stat()
                version = f"{found.st_mtime_ns}-{found.st_size}-{platform.python_version()}"
                yield DocumentRef(id=id, version=version, locator=file)
        for name in sorted(_topics()):
            if wanted.match(f"topics/{name}"):
                yield DocumentRef(id=f"topics/{name}", version=platform.python_version())

    def digest(self, ref: DocumentRef) -> str:
        """Sha256 of the module's source or of the topic's text."""
        return hashlib.sha256(_bytes(ref)).hexdigest()

    def read(self, ref: DocumentRef) -> Document:
        """A topic as it is; a module as Markdown, a heading per documented definition."""
        part, _, name = ref.id.partition("/")
        data = _bytes(ref)
        if part == "topics":
            text = data.decode()
            found = rst.headings(text)
            heading = title(found[0].text if found else "", name)
        else:
            heading = name.replace("/", ".")
            text = _render(data, heading)
            found = markdown.headings(text)
        return Document(
            id=ref.id,
            text=text,
            title=heading,
            metadata={"part": part},
            sections=sections(found),
        )


def _library() -> Path:
    return Path(sysconfig.get_paths()["stdlib"])


def _modules(library: Path) -> dict[str, str]:
    """File of each public module below the library, by id."""
    if not ((library / "os.py").is_file() and (library / "pydoc_data").is_dir()):
        raise SourceMissing("this Python comes without its documentation or sources").at(
            where=str(library), hint="use a Python that was installed in full"
        )
    found = {}
    for folder, folders, files in os.walk(library):
        folders[:] = [each for each in folders if _public(each)]
        for name in files:
            stem, suffix = os.path.splitext(name)
            if suffix == ".py" and (_public(stem) or stem == "__init__"):
                file = (Path(folder) / name).relative_to(library).as_posix()
                found["stdlib/" + file.removesuffix(".py").removesuffix("/__init__")] = file
    return found


def _public(name: str) -> bool:
    return name.isidentifier() and not name.startswith("_") and not _LEFT_OUT.fullmatch(name)


def _topics() -> Mapping[str, str]:
    from pydoc_data.topics import topics

    found: Mapping[str, str] = topics
    return found


def _bytes(ref: DocumentRef) -> bytes:
    try:
        if ref.locator:
            return (_library() / ref.locator).read_bytes()
        return storable(_topics()[ref.id.removeprefix("topics/")]).encode()
    except (OSError, KeyError) as error:
        raise BadDocument("gone since it was listed").at(where=ref.id) from error


def _render(source: bytes, module: str) -> str:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        raise BadDocument(f"not Python: {error}").at(where=module) from error
    parts = (f"# {module}", ast.get_docstring(tree) or "", *_sections(tree.body, module))
    return storable("\n\n".join(filter(None, parts)) + "\n")


def _sections(body: list[ast.stmt], owner: str) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.If | ast.Try):
            yield from _sections([*node.body, *node.orelse], owner)
        elif isinstance(node, _Defined) and not node.name.startswith("_"):
            name = f"{owner}.{node.name}"
            if text := ast.get_docstring(node):
                yield f"## {name}{_signature(node)}\n\n{text}"
            if isinstance(node, ast.ClassDef):
                yield from _sections(node.body, name)


def _signature(node: _Defined) -> str:
    """Arguments in parentheses, those of `__init__` for a class; nothing for a property."""
    if isinstance(node, ast.ClassDef):
        made = (each for each in node.body if isinstance(each, ast.FunctionDef))
        init = next((each for each in made if each.name == "__init__"), None)
        return _signature(init) if init else ""
    if any("property" in ast.unparse(each) for each in node.decorator_list):
        return ""
    arguments = _SELF.sub("", ast.unparse(node.args), count=1)
    if len(arguments) > _LONGEST_SIGNATURE:
        arguments = arguments[:_LONGEST_SIGNATURE].rpartition(", ")[0] + ", ..."
    return f"({arguments})"
