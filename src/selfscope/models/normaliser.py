"""Between pictures and model input: the mean, the deviation and the channel order that travel with the weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from selfscope.errors import ConfigError, ModelError

NEUTRAL = "no mean and std in the config: the model is given 0..255 in {order} order, as OpenMMLab does"


class Normaliser(nn.Module):
    """uint8 RGB images `(B, 3, H, W)` to pixels, float32 in the model's channel order, and back.

    `mean` and `std` are in 0..255 units and in the order of `channel_order`, the order that the model expects.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float], channel_order: str = "rgb", note: str = "") -> None:
        super().__init__()
        if channel_order not in ("rgb", "bgr"):
            raise ModelError(f"channel_order: expected 'rgb' or 'bgr', got {channel_order!r}")
        if any(value <= 0 for value in std):
            raise ModelError(f"std: expected positive numbers, got {tuple(std)}")
        self.channel_order = channel_order
        self.note = note
        """A sentence to show when the numbers are a default rather than the config's."""
        self.register_buffer("mean", _per_channel("mean", mean), persistent=False)
        self.register_buffer("std", _per_channel("std", std), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        if images.ndim != 4 or images.shape[1] != 3:
            raise ModelError(f"expected RGB images (B, 3, H, W), got {tuple(images.shape)}")
        images = images.to(self.mean.device, torch.float32)
        return (self._reordered(images) - self.mean) / self.std

    def to_picture(self, pixels: Tensor) -> Tensor:
        """Pixels `(..., 3, H, W)` back to `(..., H, W, 3)` uint8 RGB, rounded and clipped."""
        return self.to_levels(pixels).round().clamp(0, 255).to(torch.uint8)

    def to_levels(self, pixels: Tensor) -> Tensor:
        """Pixels `(..., 3, H, W)` as RGB grey levels `(..., H, W, 3)`: float, 0..255 for what a camera could see."""
        levels = pixels.detach().to(self.mean) * self.std + self.mean
        return self._reordered(levels).movedim(-3, -1)

    def from_levels(self, levels: Tensor) -> Tensor:
        """Grey levels 0..255 `(..., 3, H, W)`, in the model's own channel order, as pixels."""
        return (levels.to(self.mean) - self.mean) / self.std

    def _reordered(self, images: Tensor) -> Tensor:
        return images.flip(-3) if self.channel_order == "bgr" else images

    def extra_repr(self) -> str:
        mean, std = (", ".join(f"{v:g}" for v in buffer.flatten().tolist()) for buffer in (self.mean, self.std))
        return f"mean=({mean}), std=({std}), {self.channel_order}"


def build_normaliser(config: Mapping[str, Any] | None) -> Normaliser:
    """From OpenMMLab's `data_preprocessor`: `mean`, `std`, and `to_rgb`, `bgr_to_rgb` or `rgb_to_bgr`.

    OpenMMLab reads files as BGR, so any of the three flags means that the model sees RGB, and none that it sees BGR.
    Without mean and std the model sees 0..255, as there; the normaliser's `note` says so.
    """
    config = config or {}
    file, line = getattr(config, "origin", (None, None))
    mean, std = config.get("mean"), config.get("std")
    if (mean is None) != (std is None):
        raise ConfigError("data_preprocessor needs mean and std, or neither", file=file, line=line)
    if config.get("pad_size_divisor", 1) != 1:
        given = config["pad_size_divisor"]
        raise ConfigError(f"pad_size_divisor={given!r} is not supported: crop in the pipeline", file=file, line=line)
    flipped = any(config.get(flag) for flag in ("to_rgb", "bgr_to_rgb", "rgb_to_bgr"))
    order = "rgb" if flipped else "bgr"
    if mean is None:
        return Normaliser((0.0,), (1.0,), order, note=NEUTRAL.format(order=order.upper()))
    return Normaliser(_numbers("mean", mean, file, line), _numbers("std", std, file, line), order)


def _numbers(name: str, values: Any, file: str | None, line: int | None) -> list[float]:
    listed = list(values) if isinstance(values, (list, tuple)) else [values]
    if len(listed) not in (1, 3) or any(isinstance(v, bool) or not isinstance(v, (int, float)) for v in listed):
        raise ConfigError(f"data_preprocessor.{name}: expected 1 or 3 numbers, got {values!r}", file=file, line=line)
    return [float(v) for v in listed]


def _per_channel(name: str, values: Sequence[float]) -> Tensor:
    if len(values) not in (1, 3):
        raise ModelError(f"{name}: expected 1 or 3 numbers, got {tuple(values)}")
    return torch.tensor(list(values), dtype=torch.float32).expand(3).reshape(3, 1, 1).clone()
