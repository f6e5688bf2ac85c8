"""ResNets (arXiv:1512.03385) on timm's, giving out the stages that OpenMMLab's configs name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from timm.models.resnet import BasicBlock, Bottleneck
from timm.models.resnet import ResNet as TimmResNet
from torch import Tensor, nn

from selfscope.errors import ConfigError
from selfscope.models.arch import refuse_options
from selfscope.models.outputs import StageOutput, resolve_indices

DEPTHS = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
    152: (Bottleneck, (3, 8, 36, 3)),
}
STAGE_STRIDES, STAGE_DILATIONS = (1, 2, 2, 2), (1, 1, 1, 1)


class ResNet(TimmResNet):
    """A ResNet, `style="pytorch"`: the second convolution of a bottleneck carries the stride.

    `stem_counts` says how `out_indices` count: MMSelfSup has 0 for the stem and 4 for the last stage, MMClassification
    and MMPretrain have 3 for the last stage.
    """

    dialect = "resnet"

    def __init__(
        self,
        depth: int,
        in_channels: int = 3,
        stem_channels: int = 64,
        base_channels: int = 64,
        num_stages: int = 4,
        strides: Sequence[int] = STAGE_STRIDES,
        dilations: Sequence[int] = STAGE_DILATIONS,
        out_indices: int | list[int] | tuple[int, ...] = -1,
        style: str = "pytorch",
        deep_stem: bool = False,
        avg_down: bool = False,
        frozen_stages: int = -1,
        conv_cfg: Mapping[str, Any] | None = None,
        norm_cfg: Mapping[str, Any] | None = None,
        norm_eval: bool = False,
        with_cp: bool = False,
        zero_init_residual: bool = True,
        drop_path_rate: float = 0.0,
        init_cfg: Any = None,
        stem_counts: bool = False,
    ) -> None:
        refuse_options(type(self).__name__, deep_stem=deep_stem, avg_down=avg_down, conv_cfg=conv_cfg)
        plain = (num_stages, tuple(strides), tuple(dilations), style, stem_channels)
        if plain != (4, STAGE_STRIDES, STAGE_DILATIONS, "pytorch", 64):
            raise ConfigError(
                "ResNet: only four stages of the usual strides, style 'pytorch' and a stem of 64 are built"
            )
        if depth not in DEPTHS:
            raise ConfigError(f"ResNet: expected a depth of {', '.join(map(str, DEPTHS))}, got {depth!r}")
        block, blocks = DEPTHS[depth]
        super().__init__(
            block,  # type: ignore[arg-type]
            blocks,
            num_classes=0,
            in_chans=in_channels,
            channels=tuple(base_channels * 2**i for i in range(4)),
            norm_layer=batch_norm(norm_cfg),
            drop_path_rate=drop_path_rate,
            zero_init_last=zero_init_residual,
        )
        self.stem_counts = stem_counts
        self.out_indices = resolve_indices(out_indices, 5 if stem_counts else 4)
        self._freeze(frozen_stages)

    def forward(self, pixels: Tensor) -> tuple[StageOutput, ...]:  # type: ignore[override]
        x = self.act1(self.bn1(self.conv1(pixels)))  # (B, 64, H / 2, W / 2)
        stages = [x] if self.stem_counts else []
        x = self.maxpool(x)  # (B, 64, H / 4, W / 4)
        for i in range(1, 5):
            x = self.get_submodule(f"layer{i}")(x)
            stages.append(x)
        return tuple(StageOutput(stages[i]) for i in self.out_indices)

    def _freeze(self, stages: int) -> None:
        if stages >= 0:
            for part in (self.conv1, self.bn1, *(getattr(self, f"layer{i}") for i in range(1, stages + 1))):
                part.requires_grad_(False)


class ResNetCifar(ResNet):
    """A ResNet for small pictures, OpenMMLab's `ResNet_CIFAR`: a 3 × 3 stem at full size and no pooling after it."""

    def __init__(self, depth: int, **options: Any) -> None:
        super().__init__(depth, **options)
        stem = nn.Conv2d(options.get("in_channels", 3), 64, 3, padding=1, bias=False)
        nn.init.kaiming_normal_(stem.weight, mode="fan_out", nonlinearity="relu")
        self.add_module("conv1", stem)
        self.add_module("maxpool", nn.Identity())


class ResNetSobel(ResNet):
    """A ResNet that sees the two Sobel gradients of the grey image, against colour shortcuts (DeepCluster)."""

    def __init__(self, depth: int, **options: Any) -> None:
        super().__init__(depth, in_channels=2, **options)
        self.sobel_layer = Sobel()

    def forward(self, pixels: Tensor) -> tuple[StageOutput, ...]:  # type: ignore[override]
        return super().forward(self.sobel_layer(pixels))


class Sobel(nn.Module):
    """`(B, 3, H, W)` to horizontal and vertical gradients `(B, 2, H, W)` of the channels' mean; not trained."""

    def __init__(self) -> None:
        super().__init__()
        grey, gradients = nn.Conv2d(3, 1, 1), nn.Conv2d(1, 2, 3, padding=1)
        nn.init.constant_(grey.weight, 1 / 3)
        across = torch.tensor([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]])
        gradients.weight.data = torch.stack([across, across.T])[:, None]
        for part in (grey, gradients):
            nn.init.zeros_(part.bias)  # type: ignore[arg-type]
        self.sobel = nn.Sequential(grey, gradients).requires_grad_(False)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.sobel(pixels)


def batch_norm(norm_cfg: Mapping[str, Any] | None) -> partial[nn.BatchNorm2d]:
    """BatchNorm for `BN`, and for `SyncBN`, which computes the same outside of distributed training."""
    norm_cfg = norm_cfg or {"type": "BN"}
    if norm_cfg.get("type") not in ("BN", "BN2d", "SyncBN", "NaiveSyncBN"):
        raise ConfigError(f"norm_cfg: expected type 'BN' or 'SyncBN' in a ResNet, got {norm_cfg.get('type')!r}")
    return partial(nn.BatchNorm2d, eps=norm_cfg.get("eps", 1e-5), momentum=norm_cfg.get("momentum", 0.1))
