"""Where models run, and in what precision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from components.errors import BadOption
from infra.settings import settings

if TYPE_CHECKING:
    import torch

Precision = Literal["auto", "fp32"]
PRECISION = "auto: 16 bits where the device has them; fp32"
AMPERE, VOLTA = (8, 0), (7, 0)
"""Compute capabilities from which a GPU multiplies in bf16, and in fp16, at full rate."""


def device() -> torch.device:
    """MILLRACE_DEVICE, or a GPU where there is one. Raises BadOption where it cannot be used."""
    import torch

    wanted = settings().device
    if wanted != "auto":
        try:
            torch.empty(0, device=wanted)
        except (RuntimeError, AssertionError) as error:  # torch asserts that CUDA is there
            reason = str(error).partition("\n")[0][:200]
            raise BadOption(f"the device {wanted!r} cannot be used: {reason}").at(
                where="MILLRACE_DEVICE", hint="auto, cpu, cuda, cuda:1"
            ) from None
        return torch.device(wanted)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def dtype(precision: Precision, on: torch.device) -> torch.dtype:
    """What weights are held in there."""
    import torch

    if precision == "fp32":
        return torch.float32
    if on.type == "cuda":
        return _of_gpu(torch.cuda.get_device_capability(on))
    # Without the instruction bf16 is emulated, slower than fp32.
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if native else torch.float32


def _of_gpu(capability: tuple[int, int]) -> torch.dtype:
    """Torch calls bf16 supported where it is emulated, too."""
    import torch

    if capability >= AMPERE:
        return torch.bfloat16
    return torch.float16 if capability >= VOLTA else torch.float32
