"""Models with random weights: one of the E²Rank kind, in this machine's cache of the hub, an
encoder and a cross-encoder.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.encoders.model import Model
from tests.encoders.random_models import offline, transformer
from tests.rerankers import published
from tests.rerankers.published import Published


@pytest.fixture(scope="session")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    hub = tmp_path_factory.mktemp("hub")
    published.checkpoint(hub)
    return hub


@pytest.fixture
def hub(downloads: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the hub's client finds the model `published.MODEL`, and where no hub is reached."""
    with offline(downloads, monkeypatch) as hub:
        yield hub


@pytest.fixture(scope="session")
def other(downloads: Path) -> Published:
    """The independent implementation."""
    return Published(next(downloads.glob("models--*/snapshots/*")))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder's model, 32 wide."""
    return transformer(tmp_path_factory.mktemp("tiny"), "bert", before="<s>", after="</s>")


@pytest.fixture(scope="session")
def crossed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cross-encoder of that shape, with one label."""
    import torch
    import transformers

    folder = tmp_path_factory.mktemp("crossed")
    transformer(folder, "bert", before="<s>", after="</s>")
    torch.manual_seed(11)
    config: Any = transformers.AutoConfig.from_pretrained(folder, num_labels=1)
    from_config: Any = transformers.AutoModelForSequenceClassification.from_config
    made = from_config(config)
    made.save_pretrained(folder)
    return folder


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Lengths of the sequences that models have read."""
    lengths: list[int] = []
    inner = Model.hidden

    def counted(model: Model, batch: Any) -> Any:
        lengths.extend(map(len, batch))
        return inner(model, batch)

    monkeypatch.setattr(Model, "hidden", counted)
    return lengths
