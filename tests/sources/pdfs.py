"""PDFs made for tests: forms, notes, and fonts that do not say which characters they show."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import reportlab
from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject
from reportlab.pdfbase.ttfonts import TTFontFile
from reportlab.pdfgen.canvas import Canvas

Draw = Callable[[Canvas], object]
VERA = Path(reportlab.__file__).parent / "fonts" / "Vera.ttf"


def drawn(*pages: Draw) -> bytes:
    """A PDF whose pages are drawn by functions."""
    file = io.BytesIO()
    canvas = Canvas(file)
    for draw in pages:
        draw(canvas)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def changed(data: bytes, change: Callable[[PdfWriter], object]) -> bytes:
    """A PDF after a change of its objects."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(data)))
    change(writer)
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def widgets(writer: PdfWriter) -> list[Any]:
    """The annotations of every page."""
    return [each.get_object() for page in writer.pages for each in page.get("/Annots", ())]


def without_appearances(writer: PdfWriter) -> None:
    """As programs leave it that fill forms and leave their look to the reader."""
    for each in widgets(writer):
        each.pop(NameObject("/AP"), None)


_COMPOSITE = {"identity": "", "private": "E000", "numbers": "0000"}
"""What the map of a font gives for the first glyph; none: there is no map."""


class Font:
    """A font of which nothing says which characters it shows, in one of the usual ways."""

    def __init__(self, way: str) -> None:
        self.way = way
        self._vera = TTFontFile(str(VERA))

    def shown(self, text: str) -> str:
        """An operand that shows a text."""
        if self.way in _COMPOSITE:
            glyphs = (self._vera.charToGlyph[ord(each)] for each in text)
            return "<" + "".join(f"{glyph:04X}" for glyph in glyphs) + ">"
        return "<" + "".join(f"{self._code(each):02X}" for each in text) + ">"

    def objects(self, first: int) -> list[bytes]:
        """The font, and what it is made of, numbered from `first`."""
        if self.way in _COMPOSITE:
            return self._composite(first)
        names = " ".join(f"/g{code}" for code in range(128, 256))
        encoding = f"/Encoding<</Type/Encoding/Differences[128 {names}]>>"
        if self.way == "names":
            return [f"<</Type/Font/Subtype/Type1/BaseFont/ABCDEF+Names{encoding}>>".encode()]
        box = stream("500 0 0 0 400 700 d1 50 0 300 700 re f")
        glyphs = " ".join(f"/g{code} {first + 1} 0 R" for code in range(128, 256))
        widths = " ".join(["500"] * 128)
        return [
            (
                "<</Type/Font/Subtype/Type3/FontBBox[0 0 500 700]/FontMatrix[.001 0 0 .001 0 0]"
                f"/FirstChar 128/LastChar 255/Widths[{widths}]/CharProcs<<{glyphs}>>"
                f"{encoding}/Resources<<>>>>"
            ).encode(),
            box,
        ]

    def _code(self, character: str) -> int:
        return 128 + (ord(character) * 7) % 127

    def _composite(self, first: int) -> list[bytes]:
        program = VERA.read_bytes()
        packed = zlib.compress(program)
        known = "" if self.way == "identity" else f"/ToUnicode {first + 4} 0 R"
        cmap = (
            "/CIDInit /ProcSet findresource begin 12 dict begin begincmap "
            "/CMapName /Private def /CMapType 2 def "
            "1 begincodespacerange <0000> <FFFF> endcodespacerange "
            f"1 beginbfrange <0000> <00FF> <{_COMPOSITE[self.way]}> endbfrange "
            "endcmap end end"
        )
        return [
            "<</Type/Font/Subtype/Type0/BaseFont/ABCDEF+Vera/Encoding/Identity-H"
            f"/DescendantFonts[{first + 1} 0 R]{known}>>".encode(),
            "<</Type/Font/Subtype/CIDFontType2/BaseFont/ABCDEF+Vera/DW 600"
            "/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>"
            f"/FontDescriptor {first + 2} 0 R/CIDToGIDMap/Identity>>".encode(),
            b"<</Type/FontDescriptor/FontName/ABCDEF+Vera/Flags 4/FontBBox[0 -200 1000 900]"
            b"/ItalicAngle 0/Ascent 900/Descent -200/CapHeight 700/StemV 80"
            b"/FontFile2 " + f"{first + 3} 0 R>>".encode(),
            f"<</Length {len(packed)}/Length1 {len(program)}/Filter/FlateDecode>>stream\n".encode()
            + packed
            + b"\nendstream",
            stream(cmap),
        ]


def unmapped(*pages: Sequence[str], way: str = "identity") -> bytes:
    """A PDF with these lines on its pages; what stands between `{` and `}` is in a `Font`."""
    font = Font(way)
    of_font = font.objects(4)
    first = 4 + len(of_font)
    kids = " ".join(f"{first + 2 * at} 0 R" for at in range(len(pages)))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Kids[{kids}]/Count {len(pages)}>>".encode(),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
        *of_font,
    ]
    for at, lines in enumerate(pages):
        body = "BT 72 780 Td " + " 0 -20 Td ".join(_line(each, font) for each in lines) + " ET"
        page = (
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]"
            f"/Resources<</Font<</F1 3 0 R/F2 4 0 R>>>>/Contents {first + 2 * at + 1} 0 R>>"
        )
        objects += [page.encode(), stream(body)]
    return assembled(objects)


def _line(line: str, font: Font) -> str:
    parts = line.replace("}", "{").split("{")
    shown = []
    for at, part in enumerate(parts):
        if part:
            operand = font.shown(part) if at % 2 else f"({part})"
            shown.append(f"/F{1 + at % 2} 12 Tf {operand} Tj")
    return " ".join(shown)


def stream(content: str) -> bytes:
    """A stream object."""
    return f"<</Length {len(content)}>>stream\n{content}\nendstream".encode()


def assembled(objects: Sequence[bytes]) -> bytes:
    """A PDF of objects, numbered from 1, the first of which is the catalogue."""
    data, offsets = b"%PDF-1.5\n", []
    for number, each in enumerate(objects, 1):
        offsets.append(len(data))
        data += f"{number} 0 obj".encode() + each + b"endobj\n"
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    return (
        data
        + (
            f"xref\n0 {len(offsets) + 1}\n0000000000 65535 f \n{table}"
            f"trailer<</Size {len(offsets) + 1}/Root 1 0 R>>\nstartxref\n{len(data)}\n%%EOF"
        ).encode()
    )


def lines(*texts: str) -> Draw:
    """Draws lines from the top."""

    def draw(canvas: Canvas) -> None:
        for number, each in enumerate(texts):
            canvas.drawString(72, 760 - 14 * number, each)

    return draw


def form(fields: Mapping[str, Mapping[str, Any]]) -> Draw:
    """Draws a label and a field of a form a line: the method of reportlab's form by the key's part
    before a blank, with its options.
    """

    def draw(canvas: Canvas) -> None:
        for number, (label, options) in enumerate(fields.items()):
            given = dict(options)
            make = getattr(canvas.acroForm, given.pop("use", "textfield"))
            y = 760 - 60 * number
            canvas.drawString(72, y, label)
            make(x=240, y=y - 6, **given)

    return draw
