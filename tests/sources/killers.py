"""Documents that end the process which parses them: real ones, and a source that obeys orders."""

from __future__ import annotations

import ctypes
import os
import sys
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from components.sources import extract
from components.sources.files import Files
from components.values import Document

_FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
_BOX = b"/MediaBox[0 0 100 100]"


def obey(id: str, data: bytes, where: str = "") -> Document:
    """The document, unless it orders something else."""
    order, _, rest = data.decode(errors="replace").partition(" ")
    if order == "once":  # in the first process only
        marker = Path(rest)
        order = "" if marker.exists() else "crash"
        marker.touch()
    orders = {"crash": os.abort, "hang": hang, "swell": swell, "die": die, "loop": loop}
    if order in orders:
        orders[order]()
    return extract.document(id, data)


@dataclass(frozen=True, kw_only=True)
class Obedient(Files):
    """Files whose text may be an order for the process that parses them."""

    @staticmethod
    def _parse(id: str, data: bytes, where: str) -> Document:
        return obey(id, data, where)


def whoami() -> int:
    return os.getpid()


def modules() -> list[str]:
    return [name for name in sys.modules if "." not in name]


def resident() -> int:
    """Bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def hang() -> None:
    time.sleep(600)


def loop() -> None:
    while True:
        pass


def swell() -> None:
    held = []
    while True:
        held.append(bytearray(2**24))


def die() -> None:
    """As where the system runs out of memory."""
    os.kill(os.getpid(), 9)


def native_swell() -> None:
    """As what is not Python does."""
    library = ctypes.CDLL(None)
    library.malloc.restype = ctypes.c_void_p
    while place := library.malloc(ctypes.c_size_t(2**24)):
        ctypes.memset(place, 1, 2**24)
    library.abort()


def swelling_pdf() -> bytes:
    """A page of 48 million letters in a kilobyte."""
    letters = b"(" + b"a" * 48 + b") Tj "
    packed = zlib.compress(zlib.compress(b"BT /F 12 Tf " + letters * 1_000_000 + b"ET", 9), 9)
    page = b"<</Type/Page/Parent 2 0 R" + _BOX + b"/Resources<</Font<</F 5 0 R>>>>/Contents 4 0 R>>"
    content = b"<</Length %d/Filter[/FlateDecode/FlateDecode]>>" % len(packed)
    stream = content + b"stream\n" + packed + b"\nendstream"
    pages = b"<</Type/Pages/Count 1/Kids[3 0 R]>>"
    return _pdf([b"<</Type/Catalog/Pages 2 0 R>>", pages, page, stream, _FONT])


def endless_pdf(levels: int = 6) -> bytes:
    """A million pages in a kilobyte: ten times ten times ten … of one and the same."""
    objects = [b"<</Type/Catalog/Pages 2 0 R>>"]
    for level in range(levels):
        kids = (b"%d 0 R " % (level + 3)) * 10
        objects.append(b"<</Type/Pages/Count %d/Kids[%s]>>" % (10 ** (levels - level), kids))
    own = levels + 2
    resources = b"/Resources<</Font<</F %d 0 R>>>>/Contents %d 0 R" % (own + 2, own + 1)
    content = b"BT /F 12 Tf (ha) Tj ET"
    stream = b"<</Length %d>>stream\n%s\nendstream" % (len(content), content)
    return _pdf([*objects, b"<</Type/Page" + _BOX + resources + b">>", stream, _FONT])


def _pdf(objects: Sequence[bytes]) -> bytes:
    out, starts = bytearray(b"%PDF-1.7\n"), []
    for number, each in enumerate(objects, 1):
        starts.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % start for start in starts)
    size = len(objects) + 1
    end = b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<</Size %d/Root 1 0 R>>\n"
    return bytes(out) + end % (size, table, size) + b"startxref\n%d\n%%%%EOF" % len(out)
