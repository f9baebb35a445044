"""Texts, questions and documents through an encoder, one call at a time.

LlamaIndex's async methods run in threads: side by side, two forward passes would take twice the
memory and be no faster.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import RLock

import numpy as np

from components.sources.storable import storable
from components.stages import Encoder
from components.values import Document, Matrix, Span

_TURN = RLock()


def of_texts(encoder: Encoder, texts: Sequence[str]) -> Matrix:
    """Matrix (texts, width): each text as a document of one span.

    A text without any token, of which no document's vector can be made, is encoded as a question.
    """
    documents = [Document(id="", text=storable(text)) for text in texts]
    spans = [_whole(encoder, document) for document in documents]
    blank = [at for at, own in enumerate(spans) if not own]
    rows = np.zeros((len(texts), encoder.width), np.float32)
    for at, own in enumerate(of_documents(encoder, documents, spans)):
        rows[at] = own[0] if len(own) else 0
    if blank:
        rows[blank] = of_questions(encoder, [documents[at].text for at in blank])
    return rows


def of_questions(encoder: Encoder, texts: Sequence[str]) -> Matrix:
    """Matrix (texts, width)."""
    with _TURN:
        return encoder.encode_queries([storable(text) for text in texts])


def of_documents(
    encoder: Encoder, documents: Sequence[Document], spans: Sequence[Sequence[Span]]
) -> list[Matrix]:
    """A matrix (spans, width) per document."""
    with _TURN:
        rows = [np.zeros((len(own), encoder.width), np.float32) for own in spans]
        for block in encoder.encode_documents(documents, spans):
            rows[block.document][block.first : block.first + len(block.vectors)] = block.vectors
    return rows


def _whole(encoder: Encoder, document: Document) -> list[Span]:
    tokens = encoder.tokenizer.tokens(document.text)
    return [Span(0, len(document.text))] if len(tokens.ids) else []
