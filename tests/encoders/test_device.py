"""Precision by what a GPU computes at full rate. There is none here: its capability is a table."""

from __future__ import annotations

import pytest
import torch

from components.encoders.device import dtype
from components.encoders.passes import can_pack

CUDA = torch.device("cuda", 0)


@pytest.fixture
def capability(monkeypatch: pytest.MonkeyPatch) -> dict[int, tuple[int, int]]:
    """Of each GPU of a machine whose torch emulates bf16 on all of them."""
    found: dict[int, tuple[int, int]] = {}
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda on: found[on.index])
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    return found


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ((6, 1), torch.float32),
        ((7, 0), torch.float16),
        ((7, 5), torch.float16),
        ((8, 0), torch.bfloat16),
        ((8, 9), torch.bfloat16),
        ((9, 0), torch.bfloat16),
        ((12, 0), torch.bfloat16),
    ],
)
def test_no_precision_that_is_emulated(
    capability: dict[int, tuple[int, int]], version: tuple[int, int], expected: torch.dtype
) -> None:
    capability[0] = version
    assert dtype("auto", CUDA) == expected
    assert dtype("fp32", CUDA) == torch.float32


def test_each_gpu_has_its_own(capability: dict[int, tuple[int, int]]) -> None:
    capability |= {0: (8, 6), 1: (7, 5)}
    assert dtype("auto", torch.device("cuda", 1)) == torch.float16
    assert dtype("auto", torch.device("cuda", 0)) == torch.bfloat16


class TestPacking:
    @pytest.fixture(autouse=True)
    def flash(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A machine where flash attention is installed."""
        monkeypatch.setattr(
            "transformers.utils.import_utils.is_flash_attn_2_available", lambda: True
        )

    @pytest.mark.parametrize(
        ("version", "expected"),
        [((7, 0), False), ((7, 5), False), ((8, 0), True), ((8, 6), True), ((9, 0), True)],
    )
    def test_needs_a_gpu_that_flash_attention_runs_on(
        self, capability: dict[int, tuple[int, int]], version: tuple[int, int], expected: bool
    ) -> None:
        capability[0] = version
        assert can_pack(CUDA, torch.float16, "bert") == expected

    def test_needs_16_bits_and_a_model_that_can(
        self, capability: dict[int, tuple[int, int]]
    ) -> None:
        capability[0] = (8, 0)
        assert can_pack(CUDA, torch.bfloat16, "qwen3")
        assert not can_pack(CUDA, torch.float32, "qwen3")
        assert not can_pack(CUDA, torch.bfloat16, "modernbert")
