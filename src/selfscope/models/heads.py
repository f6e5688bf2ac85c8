"""What a classifier computes before its last layer; the classes themselves are not looked at here."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from selfscope.errors import ConfigError

ACTIVATIONS = {"Tanh": nn.Tanh, "ReLU": nn.ReLU, "GELU": nn.GELU}


class LinearClsHead(nn.Module):
    """Nothing before the last layer: its features are the neck's."""

    def __init__(self, num_classes: int = 1000, in_channels: int = 0, **options: Any) -> None:
        super().__init__()

    def pre_logits(self, vectors: Tensor) -> Tensor:
        return vectors


class VisionTransformerClsHead(nn.Module):
    """A hidden layer with an activation when `hidden_dim` is given, as in pre-training on ImageNet-21k."""

    def __init__(
        self, num_classes: int, in_channels: int, hidden_dim: int | None = None, act_cfg: Any = None, **options: Any
    ) -> None:
        super().__init__()
        name = (act_cfg or {"type": "Tanh"}).get("type")
        if name not in ACTIVATIONS:
            raise ConfigError(f"act_cfg: expected type {', '.join(ACTIVATIONS)}, got {name!r}")
        self.layers = nn.Sequential()
        if hidden_dim is not None:
            self.layers.add_module("pre_logits", nn.Linear(in_channels, hidden_dim))
            self.layers.add_module("act", ACTIVATIONS[name]())

    def pre_logits(self, vectors: Tensor) -> Tensor:
        return self.layers(vectors)
