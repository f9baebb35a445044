"""What people typed into a PDF: fields of forms, and notes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import c_float
from dataclasses import dataclass
from typing import Any, Literal

from pypdfium2 import raw

_UNSEEN = raw.FPDF_ANNOT_FLAG_HIDDEN | raw.FPDF_ANNOT_FLAG_NOVIEW
_BOXES = (raw.FPDF_FORMFIELD_CHECKBOX, raw.FPDF_FORMFIELD_RADIOBUTTON)
_CHOICES = (raw.FPDF_FORMFIELD_COMBOBOX, raw.FPDF_FORMFIELD_LISTBOX)
_NOTES = frozenset((
    raw.FPDF_ANNOT_FREETEXT,
    raw.FPDF_ANNOT_TEXT,
    raw.FPDF_ANNOT_HIGHLIGHT,
    raw.FPDF_ANNOT_UNDERLINE,
    raw.FPDF_ANNOT_SQUIGGLY,
    raw.FPDF_ANNOT_STRIKEOUT,
    raw.FPDF_ANNOT_CARET,
    raw.FPDF_ANNOT_STAMP,
))  # fmt: skip
"""Annotations whose words stand on the page, or open on it. What is said about links and media is
none of them.
"""
_INDEX = re.compile(r"\[\d+\]\Z")
_PLAIN = frozenset(("", "yes", "on", "true", "1", "x", "checked"))
"""Values of ticked boxes that say nothing but that they are ticked."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A text, and where it is shown, in points from the lower left."""

    text: str
    kind: Literal["field", "box", "note"]
    """`box`: a box that is ticked or a button that is chosen; the text has its name."""
    name: str
    left: float
    bottom: float
    right: float
    top: float

    @property
    def labelled(self) -> str:
        """The text where nothing on the page says what it is."""
        return f"{self.name}: {self.text}" if self.kind == "field" and self.name else self.text


def typed(page: Any) -> list[Typed]:
    """Of PDFium's page, what its fields and notes show; not passwords, nor captions of buttons."""
    found = []
    for index in range(raw.FPDFPage_GetAnnotCount(page)):
        with _opened(page, index) as annotation:
            if annotation and not raw.FPDFAnnot_GetFlags(annotation) & _UNSEEN:
                found += _read(page.formenv, annotation)
    return found


@contextmanager
def _opened(page: Any, index: int) -> Iterator[Any]:
    annotation = raw.FPDFPage_GetAnnot(page, index)
    try:
        yield annotation
    finally:
        if annotation:
            raw.FPDFPage_CloseAnnot(annotation)


def _read(form: Any, annotation: Any) -> list[Typed]:
    kind: Literal["field", "box", "note"] = "note"
    name = ""
    of = raw.FPDFAnnot_GetSubtype(annotation)
    if of in _NOTES:
        text = _string(raw.FPDFAnnot_GetStringValue, annotation, b"Contents")
    elif of != raw.FPDF_ANNOT_WIDGET:
        return []
    elif form is None or raw.FPDFAnnot_GetFormFieldType(form, annotation) < 0:  # none lists it
        name = _string(raw.FPDFAnnot_GetStringValue, annotation, b"T")
        kind, text = _unlisted(annotation, name)
    elif raw.FPDFAnnot_GetFormFieldType(form, annotation) in _BOXES:
        name = _name(form, annotation)
        kind, text = "box", _ticked(form, annotation, name)
    else:
        kind, name, text = "field", _name(form, annotation), _value(form, annotation)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    text = "\n".join(filter(None, lines))
    place = raw.FS_RECTF()
    if not text or not raw.FPDFAnnot_GetRect(annotation, place):
        return []
    left, right = sorted((place.left, place.right))
    bottom, top = sorted((place.bottom, place.top))
    return [Typed(text, kind, name, left, bottom, right, top)]


def _ticked(form: Any, annotation: Any, name: str) -> str:
    value = _string(raw.FPDFAnnot_GetFormFieldExportValue, form, annotation)
    # Who fills a form without drawing it sets the field's value alone.
    set_to = _string(raw.FPDFAnnot_GetStringValue, annotation, b"V")
    if not (raw.FPDFAnnot_IsChecked(form, annotation) or (value and value == set_to)):
        return ""
    return _with_value(name, value)


def _unlisted(annotation: Any, name: str) -> tuple[Literal["field", "box"], str]:
    """Whether it is a box, and what it shows, by its entries alone."""
    if _string(raw.FPDFAnnot_GetStringValue, annotation, b"FT") != "Btn":
        return "field", _held(annotation)
    state = _string(raw.FPDFAnnot_GetStringValue, annotation, b"AS")
    return "box", _with_value(name, state) if state not in ("", "Off") else ""


def _held(annotation: Any) -> str:
    """What stands for the value, which should be a text and may be a name or a number."""
    number = c_float()
    if raw.FPDFAnnot_GetValueType(annotation, b"V") == raw.FPDF_OBJECT_NUMBER:
        raw.FPDFAnnot_GetNumberValue(annotation, b"V", number)
        return f"{number.value:.7g}"
    return _string(raw.FPDFAnnot_GetStringValue, annotation, b"V")


def _with_value(name: str, value: str) -> str:
    return f"[x] {name}" if value.casefold() in _PLAIN else f"[x] {name}: {value}"


def _value(form: Any, annotation: Any) -> str:
    """What was typed, or the labels of what was chosen."""
    kind = raw.FPDFAnnot_GetFormFieldType(form, annotation)
    flags = raw.FPDFAnnot_GetFormFieldFlags(form, annotation)
    told = _string(raw.FPDFAnnot_GetFormFieldValue, form, annotation)
    if kind in _CHOICES:
        return _chosen(form, annotation) or told
    secret = flags & raw.FPDF_FORMFLAG_TEXT_PASSWORD
    if kind != raw.FPDF_FORMFIELD_TEXTFIELD or secret:
        return ""
    return told or _held(annotation)


def _chosen(form: Any, annotation: Any) -> str:
    options = range(max(0, raw.FPDFAnnot_GetOptionCount(form, annotation)))
    return ", ".join(
        _string(raw.FPDFAnnot_GetOptionLabel, form, annotation, index)
        for index in options
        if raw.FPDFAnnot_IsOptionSelected(form, annotation, index)
    )


def _name(form: Any, annotation: Any) -> str:
    """What a person is told of a field, else the last part of its name."""
    told = _string(raw.FPDFAnnot_GetFormFieldAlternateName, form, annotation)
    name = _string(raw.FPDFAnnot_GetFormFieldName, form, annotation).rpartition(".")[2]
    return " ".join(told.split()) or _INDEX.sub("", name)


def _string(ask: Callable[..., int], *about: Any) -> str:
    """A text of PDFium's, which says its size in bytes where it is given no buffer."""
    size = ask(*about, None, 0)
    buffer = (raw.FPDF_WCHAR * (size // 2 + 1))()
    ask(*about, buffer, size)
    return bytes(buffer).decode("utf-16-le", "replace").partition("\0")[0]
