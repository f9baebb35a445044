"""Documents below any URL that fsspec can list: object stores, web servers, SFTP …"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote, unquote

from components.errors import (
    BadDocument,
    BadOption,
    MillraceError,
    MissingExtra,
    SourceMissing,
    SourceUnavailable,
)
from components.options import option
from components.sources import local, patterns, walk
from components.sources.kept import Kept
from components.sources.parsing import Parsing
from components.sources.storable import document_id, storable
from components.values import DocumentRef, Gap, LeftOut

_TELLING = (
    "etag", "md5", "crc", "sha", "hash", "digest", "checksum", "generation", "mtime", "modif",
    "updated",
)  # fmt: skip
"""Parts of the names that filesystems give to facts which change with a file's content."""
_MISSING = (FileNotFoundError, NotADirectoryError, PermissionError)
_PASSWORD = re.compile(r"/*[^/?#@]*:(?!\d+/).*@")
"""`user:password@`, whatever the password holds; a number before a "/" is a port."""
_REMEDY = "`use: files` can read it, with follow_links: true"
_USER = re.compile(r"/*[^/?#]*@")
_QUERY = re.compile(r"(://[^\s?'\"]*)\?[^\s'\"]*")


@dataclass(frozen=True, kw_only=True)
class Url(Parsing):
    """A document per file below `url`; its id is the path below it, with "/" between the parts, and
    of web servers without the escapes of URLs.

    Access keys come from where the filesystem's package looks for them (environment, its own
    configuration), never from the pipeline file. Links to folders are not followed, nor, on this
    machine, those that lead out of the folder: `files` can.
    """

    revision: ClassVar[int] = 4
    requires: ClassVar[tuple[str, ...]] = ("fsspec",)

    url: str = option(help="what to read, like s3://bucket/docs", stored=False)
    include: tuple[str, ...] = option(
        patterns.INCLUDE,
        help="globs below the URL; ** is any depth, case does not matter",
        stored=False,
    )
    exclude: tuple[str, ...] = patterns.EXCLUDE
    _kept: Kept = field(default_factory=Kept, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check(self.url)
        patterns.check(*self.include, *self.exclude)

    @property
    def identity(self) -> str:
        """The URL."""
        return storable(self.url.rstrip("/"))

    def scan(self) -> Iterator[DocumentRef | Gap | LeftOut]:
        """Files by name, a folder's own before those of its sub-folders.

        Raises SourceMissing, SourceUnavailable, MissingExtra, BadOption.
        """
        files, root = self._connect()
        files.invalidate_cache()
        chosen = patterns.Chosen(self.include, self.exclude)
        folders = [""]
        while folders:
            folder = folders.pop()
            try:
                entries = _entries(files, root, folder)
            except Exception as error:  # every filesystem has errors of its own
                if not folder:
                    raise self._missing(error) from error
                yield self._gap(folder, error)
                continue
            for name, info in entries:
                if _links_to_folder(files, info):
                    if chosen.enters(name):
                        yield self._unread(walk.unfollowed(Path(root), f"{name}/", chosen))
                elif info["type"] != "directory":
                    if chosen.takes(self._shown(name)):
                        yield from self._listed(files, root, name, info)
                    linked = info.get("islink") and _is_local(files)
                    if linked and (lost := walk.led_nowhere(Path(root), name, chosen)):
                        yield self._unread(lost)
            below = [name for name, info in entries if info["type"] == "directory"]
            folders += [f"{each}/" for each in reversed(below) if chosen.enters(self._shown(each))]

    def _connect(self) -> tuple[Any, str]:
        """The filesystem, and the root's path in it."""
        from fsspec.core import url_to_fs

        try:
            files, root = url_to_fs(self.url)
        except ImportError as error:
            raise MissingExtra(f"no package for this URL is installed: {error}").at(
                where="source.url", hint="s3 comes with the extra millrace[s3]"
            ) from error
        except Exception as error:  # an unknown protocol, or what a filesystem says of its options
            raise BadOption(f"this URL cannot be used: {_reason(error)}").at(
                where="source.url", hint="for example s3://bucket/docs"
            ) from error
        return files, str(root).rstrip("/")

    def _unread(self, found: walk.Found) -> Gap | LeftOut:
        id = self._id(found.name)
        return found.unread(id, self._where(id), _REMEDY)

    def _listed(
        self, files: Any, root: str, name: str, info: Mapping[str, Any]
    ) -> Iterator[DocumentRef | Gap]:
        try:
            if info.get("islink") and _leads_out(files, root, name):
                told = local.LED_OUT
            else:
                if not _told(info) or info.get("islink"):
                    info = files.info(info["name"])
                if info["type"] == "directory":
                    return
                told = _told(info) or self._told_otherwise(files, info)
        except FileNotFoundError:
            told = "gone"  # or a link to nothing: reading it says so
        except Exception as error:
            yield self._gap(name, error)
            return
        ref = DocumentRef(
            id=self._id(name),
            version=told,
            locator=quote(name, errors="surrogatepass"),
        )
        yield self._trusted(ref)

    def _told_otherwise(self, files: Any, info: Mapping[str, Any]) -> str:
        """When the file was modified, or else a hash of its bytes: its size tells too little."""
        if self.trust == "content":  # it is hashed anyway
            return f"size {info.get('size')}"
        try:
            return f"{files.modified(info['name'])}-{info.get('size')}"
        except NotImplementedError:
            try:
                return hashlib.sha256(self._bytes(files, info["name"], info)).hexdigest()
            except BadDocument:
                return f"too large-{info.get('size')}"

    def _data(self, ref: DocumentRef) -> bytes:
        with self._reading(ref):
            files, root = self._connect()
            name = unquote(ref.locator, errors="surrogatepass")
            path = f"{root}/{name}"
            files.invalidate_cache()  # what was listed says nothing about now
            info = files.info(path)
            # Asked before it is opened: opening a pipe waits for somebody to write to it.
            if info["type"] != "file":
                raise BadDocument("not a regular file")
            if _leads_out(files, root, name):
                raise BadDocument(f"{local.LEADS_OUT}: {_REMEDY}").passing()
            told = _told(info) if self.trust == "mtime" else ""
            return self._kept.get(
                (path, told) if told else None, lambda: self._bytes(files, path, info)
            )

    def _bytes(self, files: Any, path: str, info: Mapping[str, Any]) -> bytes:
        """All of a file. Raises BadDocument where it is too large, before it is read."""
        if info.get("size") is not None:
            self._check_size(info["size"])
            data = bytes(files.cat_file(path))
        else:
            with files.open(path, "rb") as file:
                return self._whole(file)
        self._check_size(len(data))
        return data

    @contextmanager
    def _reading(self, ref: DocumentRef) -> Iterator[None]:
        where = self._where(ref.id)
        try:
            yield
        except MillraceError as error:
            error.at(where=error.where or where)
            raise
        except FileNotFoundError as error:
            raise BadDocument("gone since it was listed").at(where=where).passing() from error
        except Exception as error:
            reason = f"cannot be read: {_reason(error)}"
            raise BadDocument(reason).at(where=where).passing() from error

    def _id(self, name: str) -> str:
        return document_id(self._shown(name))

    def _shown(self, name: str) -> str:
        """A name as people know it: web servers list what stands in URLs."""
        if self.url.lower().startswith(("http://", "https://")):
            return unquote(name, errors="surrogateescape")
        return local.shown(name) if self.url.startswith(("file://", "local://")) else name

    def _where(self, id: str) -> str:
        return f"{self.identity}/{id}"

    def _gap(self, name: str, error: Exception) -> Gap:
        id = self._id(name)
        reason = f"cannot be listed: {_reason(error)}"
        return Gap(prefix=id, where=self._where(id), reason=reason)

    def _missing(self, error: Exception) -> MillraceError:
        if isinstance(error, _MISSING):
            return SourceMissing(f"the URL cannot be listed: {_reason(error)}").at(
                where=self.identity, hint="source.url must name a folder that this user may read"
            )
        return SourceUnavailable(f"the URL cannot be listed: {_reason(error)}").at(
            where=self.identity, hint="try again, or check the address and the access keys"
        )


def _check(url: str) -> None:
    """Raises ValueError, which never shows the URL: it may hold a password."""
    protocol, separator, rest = url.partition("://")
    if not separator or not protocol:
        raise ValueError("url must begin with a protocol, like s3://; for a folder, use: files")
    if "::" in url:
        raise ValueError("url must be one URL, not a chain; for an archive, use: archive")
    if protocol in ("file", "local", "memory"):
        return
    if not rest:
        raise ValueError(f"url must say where to read: {protocol}://HOST-OR-BUCKET/FOLDER")
    # A user without a password is a token on web servers, and only a name elsewhere.
    token = protocol.lower() in ("http", "https") and _USER.match(rest)
    if "?" in rest or token or _PASSWORD.match(rest):
        raise ValueError(
            "url must hold neither a password nor a query: leave access keys to the environment "
            "or to the configuration of the filesystem's package"
        )


def _entries(files: Any, root: str, folder: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Paths below the root in order, each with what the listing says of it.

    A store of objects may have a file and a folder of one name, and an object for a folder itself.
    """
    # Web servers link to folders with a "/" at the end, to "./", and to places that are not below.
    start = f"{root}/{folder}"
    infos = files.ls(start.rstrip("/") or "/", detail=True)
    if [info["name"] for info in infos] == [start.rstrip("/")] and infos[0]["type"] == "file":
        raise NotADirectoryError("a file, not a folder")
    found = {
        (folder + name.removeprefix(start).rstrip("/"), info["type"]): info
        for info in infos
        if (name := info["name"].replace("/./", "/")).startswith(start)
    }
    below = [name for name in sorted(found) if name[0] != folder]
    return [(name, found[name, kind]) for name, kind in below if "/" not in name[len(folder) :]]


def _told(info: Mapping[str, Any]) -> str:
    """A hash of what an entry tells about the file's content; empty where it tells nothing."""
    facts = {
        name: str(value)
        for name, value in info.items()
        if value is not None and any(part in name.lower() for part in _TELLING)
    }
    if not facts:
        return ""
    told = repr((info.get("size"), sorted(facts.items())))
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _links_to_folder(files: Any, info: Mapping[str, Any]) -> bool:
    linked = bool(info.get("islink")) and _is_local(files)
    return linked and os.path.isdir(info["name"])


def _leads_out(files: Any, root: str, name: str) -> bool:
    return _is_local(files) and local.leads_out(Path(root), name)


def _is_local(files: Any) -> bool:
    """Whether it is this machine's own: nobody else's links can be told from files."""
    return bool(getattr(files, "local_file", False))


def _reason(error: Exception) -> str:
    """An error in a line that a person understands; queries of addresses may hold signatures."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, FileNotFoundError):
        return "No such file or directory"
    told = _QUERY.sub(r"\1?...", f"{type(error).__name__}: {error}")
    return " ".join(told.split()).removesuffix(":")
