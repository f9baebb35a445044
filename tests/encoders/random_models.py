"""Small models with random weights, in the layouts that real ones have."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
import torch

from components.encoders import checkpoints

Kind = Literal[
    "bert",
    "camembert",
    "gte",
    "jina_embeddings_v3",
    "mistral",
    "modernbert",
    "nomic_bert",
    "qwen2",
    "qwen3",
    "roberta",
    "xlm-roberta",
]
TokenizerKind = Literal["wordpiece", "byte-level", "unigram"]
_DECODERS = ("qwen2", "qwen3", "mistral")
SPECIALS = ("<pad>", "<s>", "</s>", "<|endoftext|>")


def transformer(
    folder: Path,
    kind: Kind,
    *,
    width: int = 32,
    layers: int = 3,
    positions: int = 128,
    before: str = "",
    after: str = "",
    padding: str = "right",
    tokenizer: Any = None,
) -> Path:
    """A transformer and a tokenizer: the one given, which has the tokens of SPECIALS, or one of
    single bytes that puts `before` and `after` around a text.
    """
    import transformers

    torch.manual_seed(7)
    tokenizer = tokenizer or _tokenizer(before, after)
    shape: dict[str, Any] = {
        "vocab_size": tokenizer.get_vocab_size(),
        "hidden_size": width,
        "intermediate_size": 24,
        "num_hidden_layers": layers,
        "num_attention_heads": 2,
        "max_position_embeddings": positions,
        "pad_token_id": 0,
        "initializer_range": 0.3,
    }
    if kind in _DECODERS:
        shape |= {"num_key_value_heads": 1, "head_dim": 8}
    config = transformers.AutoConfig.for_model(
        kind, **shape, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2
    )
    from_config: Any = transformers.AutoModel.from_config
    from_config(config).save_pretrained(folder)
    fast: Any = transformers.PreTrainedTokenizerFast
    fast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        padding_side=padding,
        model_max_length=positions,
        additional_special_tokens=list(SPECIALS),
    ).save_pretrained(folder)
    return folder


def adapter(folder: Path, base: Path, *, seed: int, **told: Any) -> dict[str, torch.Tensor]:
    """Writes a LoRA adapter with random changes of the query projections and the words of a model;
    gives what it adds, by the name of the weight.
    """
    from safetensors.torch import save_file
    from transformers import AutoModel

    random = torch.Generator().manual_seed(seed)
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 3, "bias": "none", **told}
    scale = config["lora_alpha"] / (2**0.5 if told.get("use_rslora") else 2)
    written: dict[str, torch.Tensor] = {}
    added: dict[str, torch.Tensor] = {}
    for name, weight in AutoModel.from_pretrained(base).named_parameters():
        module = f"base_model.model.{name.removesuffix('.weight')}"
        rows, columns = (*weight.shape, 0)[:2]
        if name.endswith("q_proj.weight"):
            down, up = (torch.randn(shape, generator=random) for shape in ((2, columns), (rows, 2)))
            written |= {f"{module}.lora_A.weight": down, f"{module}.lora_B.weight": up}
            added[name] = scale * (up @ down)
        elif name.endswith("word_embeddings.weight"):
            down, up = (torch.randn(shape, generator=random) for shape in ((2, rows), (columns, 2)))
            written |= {f"{module}.lora_embedding_A": down, f"{module}.lora_embedding_B": up}
            added[name] = scale * (up @ down).T
    folder.mkdir()
    save_file(written, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return added


def sentence_transformer(
    folder: Path, base: Path, pooling: str, prompts: Mapping[str, str], **options: Any
) -> Any:
    """The library's own model, which it has also written to the folder."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    first = Transformer(str(base))
    second = Pooling(first.get_embedding_dimension(), pooling_mode=pooling, **options)
    made = SentenceTransformer(
        modules=[first, second, Normalize()], prompts=dict(prompts), device="cpu"
    )
    made.save(str(folder))
    return made


def in_hub_cache(cache: Path, model: str, revision: str) -> Path:
    """The folder of a downloaded model, to be filled."""
    held = cache / f"models--{model.replace('/', '--')}"
    (held / "refs").mkdir(parents=True)
    (held / "refs" / "main").write_text(revision)
    made = held / "snapshots" / revision
    made.mkdir(parents=True)
    return made


@contextmanager
def offline(hub: Path, patch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine without network: `hub` is the folder of its downloaded models."""
    from huggingface_hub import constants

    patch.setattr(constants, "HF_HUB_CACHE", str(hub))
    patch.setattr(constants, "HF_HUB_OFFLINE", True)
    caches = (checkpoints._known, checkpoints._download)
    for each in caches:
        each.cache_clear()
    yield hub
    for each in caches:
        each.cache_clear()


def change_config(folder: Path, **values: Any) -> None:
    """Other values in a model's config.json."""
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def trained_tokenizer(kind: TokenizerKind, texts: Sequence[str], size: int = 400) -> Any:
    """A tokenizer of a kind, trained on texts, that puts <s> and </s> around what it reads."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    shared: dict[str, Any] = {
        "vocab_size": size,
        "special_tokens": [*SPECIALS, "<unk>"],
        "show_progress": False,
    }
    made: Any
    if kind == "wordpiece":
        made = Tokenizer(models.WordPiece(unk_token="<unk>"))
        made.normalizer = normalizers.BertNormalizer()
        made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer: Any = trainers.WordPieceTrainer(**shared)
    elif kind == "byte-level":
        made = Tokenizer(models.BPE())
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        letters = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(**shared, initial_alphabet=letters)
    else:
        made = Tokenizer(models.Unigram())
        made.normalizer = normalizers.NFKC()
        made.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(**shared, unk_token="<unk>")
    made.train_from_iterator(texts, trainer)
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        special_tokens=[(each, made.token_to_id(each)) for each in ("<s>", "</s>")],
    )
    return made


def _tokenizer(before: str, after: str) -> Any:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*SPECIALS, *letters])}
    made = Tokenizer(models.BPE(vocabulary, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(each, special=True) for each in SPECIALS])
    around = [each for each in (before, after) if each]
    template = " ".join(each for each in (before, "$A", after) if each)
    made.post_processor = processors.TemplateProcessing(
        single=template, special_tokens=[(each, vocabulary[each]) for each in around]
    )
    return made
