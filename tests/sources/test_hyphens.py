"""Words broken at line ends: whole again, and hyphens that belong stay."""

from __future__ import annotations

import time

import pytest

from components.sources import extract
from components.sources.extract import hyphens
from tests.sources.pdfs import drawn, lines


def page(*texts: str) -> str:
    """What is read of a PDF with these lines."""
    return extract.document("a.pdf", drawn(lines(*texts))).text


def joined(text: str) -> str:
    """A text whose broken lines end in `-|`."""
    (found,) = hyphens.joined([text.replace("-|", hyphens.BROKEN)])
    return found


def test_a_word_is_whole_and_a_compound_keeps_its_hyphens() -> None:
    text = page(
        "The planet-warming gas is driving cli-",
        "mate change, says the inter-",
        "governmental panel on the year-",
        "on-year change of EUR-",
        "denominated bonds.",
    )
    for word in ("planet-warming", "climate", "intergovernmental", "year-on-year",
                 "EUR-denominated"):  # fmt: skip
        assert word in text


@pytest.mark.parametrize("hyphen", ["-", "\xad", "\u2010"])
def test_every_hyphen(hyphen: str) -> None:
    assert hyphens.joined([f"driving cli{hyphen}\nmate change"]) == ["driving climate change"]
    assert hyphens.joined([f"the EUR{hyphen}\ndenominated"]) == ["the EUR-denominated"]


def test_a_soft_hyphen_within_a_line() -> None:
    assert joined("the clima\xadte of our climate") == "the climate of our climate"
    assert (
        joined("a self\xademployed or self-employed one") == "a self-employed or self-employed one"
    )
    assert joined("from 2018\xad2019, \xad5") == "from 2018-2019, -5"


@pytest.mark.parametrize(("text", "shown"), [
    # The document has the word.
    ("Climate change. The cli-|mate.", "Climate change. The climate."),
    ("It is self-employed. The self-|employed.", "It is self-employed. The self-employed."),
    ("He is SELF-EMPLOYED: the self-|employed.", "He is SELF-EMPLOYED: the self-employed."),
    ("Long-term and short-term, long-|term.", "Long-term and short-term, long-term."),
    ("An e-mail, the e-|mail.", "An e-mail, the e-mail."),
    ("State, ment; a statement, a state-|ment.", "State, ment; a statement, a statement."),
    ("Once non-cash, once noncash, noncash: non-|cash.",
     "Once non-cash, once noncash, noncash: noncash."),
    # It has another form of it.
    ("A shareholder; share and holders: share-|holders.",
     "A shareholder; share and holders: shareholders."),
    ("Die Kündigungsfrist, zwei Kündigungs-|fristen.",
     "Die Kündigungsfrist, zwei Kündigungsfristen."),
    ("A long-termist; long-|terms.", "A long-termist; long-terms."),
    # Its parts are words of the document.
    ("They know it well. It is known. A well-|known one.",
     "They know it well. It is known. A well-known one."),
    ("The state of the art: state-of-|the-art.", "The state of the art: state-of-the-art."),
    ("Day after day: day-|to-day.", "Day after day: day-to-day."),
    ("A non-current, a swiped card, a non-|swiped one.",
     "A non-current, a swiped card, a non-swiped one."),
    ("The store is out. We are out-|of-store.", "The store is out. We are out-of-store."),
    # A word does not change its case.
    ("The post-|Keynesian school.", "The post-Keynesian school."),
    ("A COVID-|related, COVID-|19 case.", "A COVID-related, COVID-19 case."),
    ("CLI-|MATE CHANGE", "CLIMATE CHANGE"),
    ("The X-|ray and the T-|shirt.", "The X-ray and the T-shirt."),
    ("One st. and one S-|T regulation.", "One st. and one S-T regulation."),
    ("A vitamin-|C diet, 10-|year bonds.", "A vitamin-C diet, 10-year bonds."),
    # The hyphen stands for what comes later.
    ("A short-|and long-term one.", "A short- and long-term one."),
    ("Haupt-|und Nebenwohnung, Ein-|oder Ausgang.", "Haupt- und Nebenwohnung, Ein- oder Ausgang."),
    # An address is no word.
    ("See https://example.org/annual-|report.pdf there.",
     "See https://example.org/annual-report.pdf there."),
    ("Write to john.mc-|lane@example.org now.", "Write to john.mc-lane@example.org now."),
    # Nothing says more.
    ("an inter-|governmental panel", "an intergovernmental panel"),
    ("die Verän-|derung der Maß-|nahmen", "die Veränderung der Maßnahmen"),
    ("измене-|ние климата", "изменение климата"),
    ("a coop-|era-|tion of self-employ-|ment", "a cooperation of self-employment"),
])  # fmt: skip
def test_the_documents_own_words_decide(text: str, shown: str) -> None:
    assert joined(text) == shown


@pytest.mark.parametrize("text", [
    "a - b", "- item\n- item", "5 -\nTotal", "2018-\n2019", "A-\n\nB", "pages 5-\n12",
    "(12-\nTotal", "end –\nnext", "a_-\n_b",
    "HER2-\ninclacumab",
])  # fmt: skip
def test_what_is_no_broken_word(text: str) -> None:
    assert hyphens.joined([text]) == [text]


def test_a_document_that_breaks_no_words_breaks_none_that_it_has_once() -> None:
    compounds = ("long-term", "year-end", "non-cash", "third-party", "follow-up", "write-off",
                 "tax-free", "cash-flow", "top-line")  # fmt: skip
    prose = " ".join(compounds)
    broken = " ".join(each.replace("-", "-|") for each in compounds)
    assert joined(f"{prose} {broken} the broker-|dealer") == f"{prose} {prose} the broker-dealer"
    words = ("cli-mate", "chan-ge", "pan-el", "mead-ow", "gar-den")
    whole = " ".join(each.replace("-", "") for each in words)
    hyphenated = " ".join(each.replace("-", "-|") for each in words)
    text = joined(f"{prose} {broken} {whole} {hyphenated} the broker-|dealer")
    assert text.endswith("the brokerdealer")


def test_the_words_of_other_pages_count() -> None:
    found = hyphens.joined([f"The well{hyphens.BROKEN}known case.\n", "\n", "A well-known one.\n"])
    assert found == ["The well-known case.\n", "\n", "A well-known one.\n"]


def test_a_word_that_goes_on_on_the_next_page() -> None:
    document = extract.document(
        "a.pdf", drawn(lines("says the inter-"), lines("governmental panel"))
    )
    assert document.text == "says the intergovernmental\n\npanel\n".replace("\n\n", "\n")
    assert document.page_starts == (0, len("says the intergovernmental\n"))
    assert hyphens.joined(["the year-\n", "2019 report\n"]) == ["the year-\n", "2019 report\n"]
    assert hyphens.joined(["rated A-\n", "Notes\n"]) == ["rated A-\n", "Notes\n"]
    assert hyphens.joined(["cli-\n", "mate\n", "x\n"]) == ["climate\n", "\n", "x\n"]


def test_huge_texts_in_bounded_time() -> None:
    began = time.process_time()
    for text in (
        "a" * 2_000_000,
        f"a{hyphens.BROKEN}" * 100_000 + "a",
        "-" * 500_000 + "\n",
        "a-\n" * 100_000,
        "\xad" * 500_000,
        "word " * 400_000 + f"x{hyphens.BROKEN}y",
    ):
        hyphens.joined([text])
    assert time.process_time() - began < 20


@pytest.mark.parametrize("address", [
    "john-doe@example.org", "www.foo-bar.com", "my-file_name", "annual-report.pdf",
    "first.last-name@example.org", "well-being.example.org/path",
])  # fmt: skip
def test_a_word_that_goes_on_as_an_address_keeps_its_hyphen(address: str) -> None:
    """Nobody breaks an address by a hyphen that is not its own."""
    assert joined(f"See {address.replace('-', '-|', 1)} now.") == f"See {address} now."


@pytest.mark.parametrize("after", [".", ". The", ".\nThe", ", e.g. this", "/", ".5"])
def test_the_end_of_a_sentence_is_no_address(after: str) -> None:
    assert joined(f"the cli-|mate{after}") == f"the climate{after}"
