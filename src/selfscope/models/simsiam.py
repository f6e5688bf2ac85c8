"""SimSiam (Chen & He 2021, arXiv:2011.10566): two views of an image predict each other, without negatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from selfscope.config.registry import MODELS
from selfscope.errors import ConfigError, ModelError
from selfscope.models.classifier import known_parts
from selfscope.models.encoding import Encoder
from selfscope.models.normaliser import build_normaliser
from selfscope.models.parts import build_backbone, build_part


class LatentPredictHead(nn.Module):
    """A predictor on one side, and minus the cosine to the other side, through which no gradient flows.

    `loss` is OpenMMLab's `dict(type="CosineSimilarityLoss", shift_factor, scale_factor)`.
    """

    def __init__(
        self, predictor: Mapping[str, Any], loss: Mapping[str, Any] | None = None, trust: bool = False
    ) -> None:
        super().__init__()
        settings = {"type": "CosineSimilarityLoss", "shift_factor": 0.0, "scale_factor": 1.0, **(loss or {})}
        if set(settings) != {"type", "shift_factor", "scale_factor"} or settings["type"] != "CosineSimilarityLoss":
            raise ConfigError(f"LatentPredictHead: expected loss=dict(type='CosineSimilarityLoss'), got {loss!r:.80}")
        self.shift, self.scale = settings["shift_factor"], settings["scale_factor"]
        self.predictor: nn.Module = build_part(predictor, trust=trust)

    def forward(self, vectors: Tensor, others: Tensor) -> Tensor:
        """Projected vectors `(B, D)` of one view and of the other; a scalar, -1 at best."""
        cosines = F.cosine_similarity(self.predictor(vectors), others.detach(), dim=-1)  # (B,)
        return self.shift - self.scale * cosines.mean()


class SimSiam(Encoder):
    """SimSiam as a config describes it; `neck` is the projector. Without a neck or head it can only be looked into."""

    views = 2
    """How many views of each image `loss` takes."""

    def __init__(
        self,
        backbone: Mapping[str, Any],
        neck: Mapping[str, Any] | None = None,
        head: Mapping[str, Any] | None = None,
        data_preprocessor: Mapping[str, Any] | None = None,
        image_size: int | tuple[int, int] | None = None,
        scope: str | None = None,
        pretrained: Any = None,
        init_cfg: Any = None,
        trust: bool = False,
    ) -> None:
        parts, unbuilt = known_parts({"neck": neck}, trust)
        if head and (str(head.get("type")) not in MODELS or not head.get("predictor")):
            unbuilt["head"] = head.get("type", "?")
        super().__init__(
            build_backbone(backbone, image_size, scope=scope, trust=trust),
            build_normaliser(data_preprocessor),
            method=type(self).__name__,
            neck=parts.get("neck"),
            head=build_part(head, trust=trust) if head and "head" not in unbuilt else None,
            unbuilt=unbuilt,
        )

    def loss(self, views: Sequence[Tensor]) -> Tensor:
        """Pixels `(B, 3, H, W)` of the two views; a scalar, -1 when each predicts the other exactly."""
        if self.neck is None or self.head is None:
            raise ModelError("SimSiam learns with a neck (NonLinearNeck) and a head (LatentPredictHead, predictor=…)")
        if len(views) != self.views:
            raise ModelError(
                f"SimSiam learns from two views of an image, the pipeline makes {len(views)}: use MultiView"
            )
        first, second = (self.neck(self.encode(pixels)[-1].pooled) for pixels in views)  # (B, D) each
        return 0.5 * (self.head(first, second) + self.head(second, first))

    def before_logits(self, vector: Tensor) -> Tensor:
        head = self.unbuilt.get("head", "LatentPredictHead")
        raise ModelError(f"pre_logits needs a classification head, SimSiam has {head}: choose another stage")
