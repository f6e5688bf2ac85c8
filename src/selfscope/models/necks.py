"""What stands between backbone and head: pooling, and the projectors of self-supervised methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from selfscope.errors import ConfigError


class GlobalAveragePooling(nn.Module):
    """The mean over space; vectors `(B, D)` that the backbone pooled already pass through."""

    def __init__(self, dim: int = 2) -> None:
        super().__init__()
        if dim not in (1, 2, 3):
            raise ConfigError(f"GlobalAveragePooling: expected dim 1, 2 or 3, got {dim!r}")

    def forward(self, vectors: Tensor) -> Tensor:
        return vectors


class LinearNeck(nn.Module):
    """One linear layer on the pooled output: MoCo v1's and NPID's projector, MaskFeat's predictor."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        with_avg_pool: bool = True,
        gap_dim: int = 0,
        norm_cfg: Mapping[str, Any] | None = None,
        act_cfg: Mapping[str, Any] | None = None,
        init_cfg: Any = None,
    ) -> None:
        super().__init__()
        if act_cfg:
            raise ConfigError("LinearNeck: act_cfg is not supported here")
        self.fc = nn.Linear(in_channels, out_channels)
        self.norm = nn.BatchNorm1d(out_channels) if norm_cfg else nn.Identity()

    def forward(self, vectors: Tensor) -> Tensor:
        return self.norm(self.fc(vectors))


class MoCoV2Neck(nn.Module):
    """The two-layer projector of MoCo v2 (arXiv:2003.04297)."""

    def __init__(
        self, in_channels: int, hid_channels: int, out_channels: int, with_avg_pool: bool = True, init_cfg: Any = None
    ) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(in_channels, hid_channels), nn.ReLU(), nn.Linear(hid_channels, out_channels))

    def forward(self, vectors: Tensor) -> Tensor:
        return self.mlp(vectors)


class NonLinearNeck(nn.Module):
    """The batch-normed projector of SimCLR, BYOL, SimSiam, Barlow Twins and MoCo v3."""

    def __init__(
        self,
        in_channels: int,
        hid_channels: int,
        out_channels: int,
        num_layers: int = 2,
        with_bias: bool = False,
        with_last_bn: bool = True,
        with_last_bn_affine: bool = True,
        with_last_bias: bool = False,
        with_avg_pool: bool = True,
        vit_backbone: bool = False,
        norm_cfg: Mapping[str, Any] | None = None,
        init_cfg: Any = None,
    ) -> None:
        super().__init__()
        self.layers = num_layers
        widths = [in_channels, *[hid_channels] * (num_layers - 1), out_channels]
        if num_layers == 1:
            widths = [in_channels, hid_channels]
        for i in range(num_layers):
            last = i == num_layers - 1 and i > 0
            bias = with_last_bias if last else with_bias
            self.add_module(f"fc{i}", nn.Linear(widths[i], widths[i + 1], bias=bias))
            if with_last_bn or not last:
                self.add_module(f"bn{i}", nn.BatchNorm1d(widths[i + 1], affine=with_last_bn_affine or not last))

    def forward(self, vectors: Tensor) -> Tensor:
        x = vectors
        for i in range(self.layers):
            x = getattr(self, f"fc{i}")(x.relu() if i else x)
            if hasattr(self, f"bn{i}"):
                x = getattr(self, f"bn{i}")(x)
        return x


class ClsBatchNormNeck(nn.Module):
    """Batch norm of the class token, which MAE's linear probing puts before the classifier."""

    def __init__(self, input_features: int, affine: bool = False, eps: float = 1e-6, init_cfg: Any = None) -> None:
        super().__init__()
        self.bn = nn.BatchNorm1d(input_features, affine=affine, eps=eps)

    def forward(self, vectors: Tensor) -> Tensor:
        return self.bn(vectors)


PROJECTORS = (GlobalAveragePooling, LinearNeck, MoCoV2Neck, NonLinearNeck, ClsBatchNormNeck)
"""Necks that take a pooled vector and give one; the decoders of masked-image models do not."""
