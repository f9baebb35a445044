"""E²Rank as its authors' evaluation program does it, written again from its description with
transformers alone: the other implementation that ours must agree with.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.encoders.random_models import SPECIALS, in_hub_cache, transformer

MODEL = "e2rank-0.6b"
_CHAT = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
_MARKS = ("<|im_start|>", "<|im_end|>", "<think>", "</think>")
_TEXTS = (
    "Given a web search query and some relevant documents, rerank the documents that answer it",
    "The mill wheel turns in the race, and the water falls from the weir into the pond below.",
    "Wasserräder drehen sich im Mühlgraben. 水車は小川で回る。 Водяное колесо вращается.",
)


def checkpoint(hub: Path) -> Path:
    """A model of the Qwen3 kind with random weights, where a downloaded E²Rank would lie."""
    return transformer(
        in_hub_cache(hub, "Alibaba-NLP/E2Rank-0.6B", "0" * 40),
        "qwen3",
        width=1024,
        layers=2,
        positions=32_768,
        padding="left",
        tokenizer=_tokenizer(),
    )


class Published:
    """The listwise mode: 20 documents in the prompt, 1,024 words of each, all of them scored."""

    def __init__(self, folder: Path) -> None:
        import transformers

        self.tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder)
        self.tokenizer.chat_template = _CHAT
        self.tokenizer.pad_token = "<|endoftext|>"
        self._model: Any = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32)

    def prompt(self, query: str, documents: Sequence[str]) -> str:
        listed = [
            f"[{number}] {' '.join(text.split()[:1024])}"
            for number, text in enumerate(documents[:20], start=1)
        ]
        content = (
            "Given a web search query and some relevant documents, rerank the documents that answer"
            " the query:\nDocuments:\n" + "\n".join(listed) + f"\nSearch Query: {query}"
        )
        text: str = self.tokenizer.apply_chat_template(
            [{"role": "user", "content": content}],
            tokenize=False,
            add_generation_prompt=True,
            enable_thinking=False,
        )
        return text

    def vectors(self, texts: Sequence[str]) -> np.ndarray[Any, Any]:
        """Padded on the left, the last token's state, unit length."""
        rows = []
        for start in range(0, len(texts), 8):
            batch = self.tokenizer(
                texts[start : start + 8], padding=True, return_tensors="pt", padding_side="left"
            )
            with torch.no_grad():
                states = self._model(
                    input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]
                ).last_hidden_state
            rows.append(torch.nn.functional.normalize(states[:, -1], dim=-1).numpy())
        return np.concatenate(rows)

    def scores(self, query: str, documents: Sequence[str]) -> np.ndarray[Any, Any]:
        """A score per document."""
        ends = [" ".join(text.split()[:1024]) + "<|endoftext|>" for text in documents]
        moved = self.vectors([self.prompt(query, documents)])[0]
        found: np.ndarray[Any, Any] = self.vectors(ends) @ moved
        return found


def _tokenizer() -> Any:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer: Any = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=list(SPECIALS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(_TEXTS, trainer)
    made.add_special_tokens([AddedToken(each, special=True) for each in _MARKS])
    return made
