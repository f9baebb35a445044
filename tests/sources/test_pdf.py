"""What is typed into a PDF, and what its fonts do not say."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from pypdf import PdfWriter
from pypdf.annotations import FreeText, Highlight, Text
from pypdf.generic import ArrayObject, FloatObject, NameObject, NumberObject, TextStringObject
from reportlab.pdfgen.canvas import Canvas

from components.errors import BadDocument
from components.sources import extract
from tests.sources.pdfs import (
    changed,
    drawn,
    form,
    lines,
    unmapped,
    widgets,
    without_appearances,
)

HIDDEN, NO_VIEW = 2, 32
CLAIM = form({
    "Surname:": {"name": "surname", "value": "Quillfeather"},
    "Reason:": {"name": "reason", "value": "flooded basement"},
    "Empty:": {"name": "empty"},
})  # fmt: skip


def text(data: bytes) -> str:
    return extract.document("a.pdf", data).text


class TestForms:
    def test_what_was_typed_stands_beside_its_label(self) -> None:
        assert text(drawn(CLAIM)) == "Surname: Quillfeather\nReason: flooded basement\nEmpty:\n"

    def test_fields_without_a_look_of_their_own(self) -> None:
        assert text(changed(drawn(CLAIM), without_appearances)) == text(drawn(CLAIM))

    def test_in_the_page_that_has_the_field(self) -> None:
        other = form({"Name:": {"name": "other", "value": "Periwinkle"}})
        document = extract.document("a.pdf", drawn(CLAIM, lines("Nothing here."), other))
        pages = [*document.page_starts, len(document.text)]
        parts = [document.text[a:b] for a, b in pairwise(pages)]
        assert "Quillfeather" in parts[0]
        assert parts[1:] == ["Nothing here.\n", "Name: Periwinkle\n"]

    def test_boxes_and_buttons_by_their_names(self) -> None:
        def draw(canvas: Canvas) -> None:
            made = canvas.acroForm
            canvas.drawString(100, 700, "I agree")
            made.checkbox(name="terms", tooltip="Terms of use", checked=True, x=72, y=696, size=16)
            canvas.drawString(100, 660, "Send news")
            made.checkbox(name="news", checked=False, x=72, y=656, size=16)
            for at, value in enumerate(("cash", "card")):
                canvas.drawString(100, 620 - 40 * at, f"By {value}")
                made.radio(name="payment", value=value, selected=value == "card", x=72,
                           y=616 - 40 * at, size=16)  # fmt: skip

        found = text(drawn(draw))
        assert found == "[x] Terms of use I agree\nSend news\nBy cash\n[x] payment: card By card\n"

    @pytest.mark.parametrize("look", ["/Off", ""])
    def test_boxes_whose_value_alone_was_set(self, look: str) -> None:
        def draw(canvas: Canvas) -> None:
            canvas.acroForm.checkbox(name="terms", checked=False, x=72, y=696)
            canvas.acroForm.checkbox(name="news", checked=False, x=72, y=656)

        def fill(writer: PdfWriter) -> None:
            widgets(writer)[0][NameObject("/V")] = NameObject("/Yes")
            for each in widgets(writer):
                each.pop(NameObject("/AS"), None)
                if look:
                    each[NameObject("/AS")] = NameObject(look)

        assert text(changed(drawn(draw), fill)) == "[x] terms\n"

    def test_choices_by_their_labels(self) -> None:
        options = [("Burgundy", "bu"), ("Teal", "te"), ("Ochre", "oc")]
        data = drawn(form({
            "Colour:": {"use": "choice", "name": "c", "value": "te", "options": options},
            "Colours:": {"use": "listbox", "name": "l", "value": ["bu", "oc"], "options": options,
                         "height": 50, "fieldFlags": "multiSelect"},
        }))  # fmt: skip
        assert text(data) == "Colour: Teal\nColours: Burgundy, Ochre\n"

    def test_a_choice_that_was_typed(self) -> None:
        def typed(writer: PdfWriter) -> None:
            widgets(writer)[0][NameObject("/V")] = TextStringObject("Vermilion")

        data = drawn(form({
            "Colour:": {"use": "choice", "name": "c", "value": "te", "options": ["te", "oc"],
                        "fieldFlags": "combo edit"},
        }))  # fmt: skip
        assert text(changed(data, typed)) == "Colour: Vermilion\n"

    def test_several_widgets_of_one_field(self) -> None:
        def shared(writer: PdfWriter) -> None:
            first, second = widgets(writer)
            parent = writer._add_object(type(first)({
                NameObject("/T"): TextStringObject("case"),
                NameObject("/FT"): NameObject("/Tx"),
                NameObject("/V"): TextStringObject("Zugzwang 7"),
                NameObject("/Kids"): ArrayObject(
                    [first.indirect_reference, second.indirect_reference]),
            }))  # fmt: skip
            for each in (first, second):
                for key in ("/T", "/FT", "/V", "/AP"):
                    each.pop(NameObject(key), None)
                each[NameObject("/Parent")] = parent
            listed: Any = writer._root_object["/AcroForm"]
            listed[NameObject("/Fields")] = ArrayObject([parent])

        data = drawn(form({"Case:": {"name": "a", "value": ""}}), form({"Again:": {"name": "b"}}))
        assert text(changed(data, shared)) == "Case: Zugzwang 7\nAgain: Zugzwang 7\n"

    def test_a_field_that_no_form_lists(self) -> None:
        def unlisted(writer: PdfWriter) -> None:
            del writer._root_object["/AcroForm"]

        assert "Quillfeather" in text(changed(drawn(CLAIM), unlisted))

    def test_boxes_that_no_form_lists(self) -> None:
        def draw(canvas: Canvas) -> None:
            for at, name in enumerate(("terms", "news")):
                canvas.drawString(100, 700 - 40 * at, f"The {name}")
                canvas.acroForm.checkbox(name=name, checked=not at, x=72, y=696 - 40 * at)

        def unlisted(writer: PdfWriter) -> None:
            del writer._root_object["/AcroForm"]

        assert text(changed(drawn(draw), unlisted)) == "[x] terms The terms\nThe news\n"

    @pytest.mark.parametrize(("value", "shown"), [
        (NumberObject(1902), "1902"), (FloatObject("19.5"), "19.5"), (NumberObject(-3), "-3"),
        (NameObject("/Zugzwang"), "Zugzwang"), (TextStringObject("Žižkov 三"), "Žižkov 三"),
    ])  # fmt: skip
    def test_values_that_are_no_text(self, value: Any, shown: str) -> None:
        def set_to(writer: PdfWriter) -> None:
            widgets(writer)[0][NameObject("/V")] = value

        assert text(changed(drawn(form({"Case:": {"name": "a"}})), set_to)) == f"Case: {shown}\n"

    def test_a_field_that_does_not_say_what_it_is(self) -> None:
        def untyped(writer: PdfWriter) -> None:
            for each in widgets(writer):
                del each["/FT"]

        found = text(changed(drawn(CLAIM), untyped))
        assert found == "Surname: Quillfeather\nReason: flooded basement\nEmpty:\n"

    def test_without_a_label_its_name_says_what_it_is(self) -> None:
        def draw(canvas: Canvas) -> None:
            canvas.drawString(72, 760, "A form.")
            canvas.acroForm.textfield(name="top[0].sub[0].surname[0]", value="Quill", x=72, y=300)
            canvas.acroForm.textfield(name="b", tooltip="Given name", value="Ada", x=72, y=200)
            canvas.acroForm.checkbox(name="member", checked=True, x=72, y=100)

        assert text(drawn(draw)) == "A form.\nsurname: Quill\nGiven name: Ada\n[x] member\n"

    def test_a_label_above_or_inside(self) -> None:
        def draw(canvas: Canvas) -> None:
            canvas.drawString(72, 760, "Street")
            canvas.drawString(300, 760, "Town")
            canvas.acroForm.textfield(
                name="a", value="Elm Row 3", x=72, y=730, width=150, height=24
            )
            canvas.acroForm.textfield(name="b", value="Ghent", x=300, y=730, width=150, height=24)
            canvas.drawString(76, 690, "Remarks")
            canvas.acroForm.textfield(name="c", value="none", x=72, y=600, width=300, height=110)

        assert text(drawn(draw)).split() == [
            "Street", "Elm", "Row", "3", "Town", "Ghent", "Remarks", "none",
        ]  # fmt: skip

    def test_fields_behind_one_label(self) -> None:
        def draw(canvas: Canvas) -> None:
            canvas.drawString(72, 760, "Born on:")
            for at, part in enumerate(("24", "12", "1815")):
                canvas.acroForm.textfield(name=f"d{at}", value=part, x=140 + 60 * at, y=754,
                                          width=50, height=20)  # fmt: skip
            canvas.drawString(330, 760, "in London")

        assert text(drawn(draw)) == "Born on: 24 12 1815 in London\n"

    def test_lines(self) -> None:
        data = drawn(form({"Story:": {"name": "s", "value": "one\ntwo  words\n\nthree",
                                      "fieldFlags": "multiline", "height": 50}}))  # fmt: skip
        assert text(data) == "Story: one\ntwo words\nthree\n"

    def test_only_what_was_typed(self) -> None:
        def draw(canvas: Canvas) -> None:
            canvas.acroForm.textfield(name="name", value="Ada", x=72, y=700)

        document = extract.document("a.pdf", drawn(draw))
        assert document.text == "name: Ada\n"

    @pytest.mark.parametrize("flags", [HIDDEN, NO_VIEW])
    def test_hidden_ones_are_left_out(self, flags: int) -> None:
        def hide(writer: PdfWriter) -> None:
            widgets(writer)[0][NameObject("/F")] = NumberObject(flags)

        assert "Quillfeather" not in text(changed(drawn(CLAIM), hide))

    def test_passwords_are_left_out(self) -> None:
        data = drawn(form({"Password:": {"name": "p", "value": "hunter2",
                                         "fieldFlags": "password"}}))  # fmt: skip
        assert text(data) == "Password:\n"

    def test_odd_characters(self) -> None:
        def typed(writer: PdfWriter) -> None:
            widgets(writer)[0][NameObject("/V")] = TextStringObject("Größe 🎉 漢字\x07\x00x")

        assert "Surname: Größe 🎉 漢字" in text(changed(drawn(CLAIM), typed))

    def test_broken_ones_do_no_harm(self) -> None:
        def tear(writer: PdfWriter) -> None:
            first, second, third = widgets(writer)
            first[NameObject("/Rect")] = ArrayObject([FloatObject(1)])
            second[NameObject("/V")] = ArrayObject([NumberObject(1)])
            third[NameObject("/Parent")] = third.indirect_reference
            third[NameObject("/FT")] = NameObject("/Nothing")

        assert "Reason:" in text(changed(drawn(CLAIM), tear))


class TestNotes:
    @pytest.fixture
    def page(self) -> bytes:
        return drawn(lines("The contract.", "It ends in May."))

    def note(self, data: bytes, annotation: Any) -> str:
        return text(changed(data, lambda writer: writer.add_annotation(0, annotation)))

    def test_free_text(self, page: bytes) -> None:
        found = self.note(page, FreeText(text="Extended to June", rect=(300, 740, 500, 758)))
        assert found == "The contract.\nIt ends in May. Extended to June\n"

    def test_notes_and_comments(self, page: bytes) -> None:
        note = Text(text="Ask the\rlawyer", rect=(400, 300, 420, 320))
        assert self.note(page, note) == "The contract.\nIt ends in May.\nAsk the\nlawyer\n"

    def test_what_repeats_the_page_is_left_out(self, page: bytes) -> None:
        def marked(words: str) -> str:
            points = ArrayObject(
                [FloatObject(each) for each in (72, 770, 150, 770, 72, 758, 150, 758)]
            )
            found = Highlight(rect=(72, 758, 150, 770), quad_points=points)
            found[NameObject("/Contents")] = TextStringObject(words)
            return self.note(page, found)

        assert marked("It  ends in\nMay.") == text(page)
        assert "Really?" in marked("Really?")

    def test_links_are_no_notes(self) -> None:
        def draw(canvas: Canvas) -> None:
            canvas.drawString(72, 760, "A page")
            canvas.linkURL("https://example.org/quincunx", (72, 750, 200, 770))

        assert text(drawn(draw)) == "A page\n"


WAYS = ("identity", "names", "type3", "private")


class TestFonts:
    @pytest.mark.parametrize("way", WAYS)
    def test_a_document_that_cannot_be_read(self, way: str) -> None:
        with pytest.raises(BadDocument, match="no text that can be read"):
            text(unmapped(["{The notice period}", "{is four weeks.}"], ["{Managers}"], way=way))

    @pytest.mark.parametrize("way", WAYS)
    def test_pages_that_cannot_be_read_are_named(self, way: str) -> None:
        unread = ["{Nobody reads this.}"]
        document = extract.document(
            "a.pdf", unmapped(["One."], unread, ["Three."], unread, unread, way=way)
        )
        assert document.text.split() == ["One.", "Three."]
        assert len(document.page_starts) == 5
        assert document.incomplete.startswith("text on pages 2, 4-5 cannot be read")

    @pytest.mark.parametrize("way", WAYS)
    def test_a_part_of_a_page(self, way: str) -> None:
        data = unmapped(["A title", "{and words} that go", "on {with} more"], ["Two."], way=way)
        document = extract.document("a.pdf", data)
        assert document.text.split() == ["A", "title", "that", "go", "on", "more", "Two."]
        assert document.incomplete.startswith("text on page 1 cannot be read")

    @pytest.mark.parametrize("way", WAYS)
    def test_symbols_are_no_loss(self, way: str) -> None:
        document = extract.document("a.pdf", unmapped(["{A} first", "{A} second"], way=way))
        assert document.text.split()[-1] == "second"
        assert not document.incomplete

    def test_numbers_of_glyphs_in_place_of_letters(self) -> None:
        with pytest.raises(BadDocument, match="no text that can be read"):
            text(unmapped(["{The notice period}", "{is four weeks.}"], way="numbers"))
        data = unmapped(["One page."], ["{The notice period}", "It ends."], way="numbers")
        document = extract.document("a.pdf", data)
        assert document.text.split() == ["One", "page.", "It", "ends."]
        assert document.incomplete.startswith("text on page 2 cannot be read")

    def test_controls_between_words_are_blanks(self) -> None:
        from components.sources.extract.pdf_characters import readable

        text = "The\x03notice\x03period\nIS\x03FOUR weeks"
        assert readable(text) == ("The notice period\nIS FOUR weeks", False)

    def test_a_letter_that_is_missing_in_a_word(self) -> None:
        document = extract.document("a.pdf", unmapped(["an ef{f}ect"]))
        assert document.text == "an ef\ufffdect\n"
        assert document.incomplete

    def test_what_is_typed_into_such_a_page_is_kept(self) -> None:
        def add(writer: PdfWriter) -> None:
            writer.add_annotation(0, FreeText(text="Four weeks", rect=(300, 300, 400, 320)))

        document = extract.document("a.pdf", changed(unmapped(["{The notice period}"]), add))
        assert document.text.strip() == "Four weeks"
        assert document.incomplete

    def test_many_pages_are_named_in_few_words(self) -> None:
        pages = [["Good."], ["{Bad indeed.}"]] * 60
        told = extract.document("a.pdf", unmapped(*pages)).incomplete
        assert len(told) < 250
        assert "more" in told

    def test_good_ones_are_complete(self) -> None:
        assert not extract.document("a.pdf", drawn(lines("Good."), CLAIM)).incomplete


def test_both_ways_to_read_a_page_give_the_same() -> None:
    def draw(canvas: Canvas) -> None:
        lines("A title", "", "words  and -", "1,234   5,678", "the cli-", "mate of")(canvas)
        canvas.drawString(400, 753, "beside")
        canvas.drawString(-300, 500, "outside of the page")
        canvas.rotate(90)
        canvas.drawString(100, -500, "upwards")

    import pypdfium2

    from components.sources.extract.pdf_characters import characters, unmapped

    with pypdfium2.PdfDocument(drawn(draw)) as pdf:
        page = pdf[0]
        found = page.get_textpage()
        whole = found.get_text_bounded().replace("\r\n", "\n")
        assert characters(page, found, unmapped(found)).text == whole
        found.close()
        page.close()
