"""Classifiers, and every other algorithm of which the backbone can be looked into."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from selfscope.config.registry import MODELS
from selfscope.models.encoding import Encoder
from selfscope.models.necks import PROJECTORS
from selfscope.models.normaliser import build_normaliser
from selfscope.models.parts import build_backbone, build_part

SELF_SUPERVISED = frozenset(
    {
        *("BarlowTwins", "BYOL", "MoCo", "MoCoV3", "DenseCL", "NPID", "SimCLR", "SimSiam", "SwAV"),
        *("DeepCluster", "ODC", "RelativeLoc", "RotationPred"),
    }
)


class ImageClassifier(Encoder):
    """A backbone with the neck and head of an `ImageClassifier` config; the class scores are not computed."""

    def __init__(
        self,
        backbone: Mapping[str, Any],
        neck: Mapping[str, Any] | None = None,
        head: Mapping[str, Any] | None = None,
        data_preprocessor: Mapping[str, Any] | None = None,
        image_size: int | tuple[int, int] | None = None,
        scope: str | None = None,
        pretrained: Any = None,
        train_cfg: Any = None,
        init_cfg: Any = None,
        trust: bool = False,
    ) -> None:
        parts, unbuilt = known_parts({"neck": neck, "head": head}, trust)
        super().__init__(
            build_backbone(backbone, image_size, scope=scope, trust=trust),
            build_normaliser(data_preprocessor),
            method=type(self).__name__,
            neck=parts.get("neck"),
            head=parts.get("head"),
            unbuilt=unbuilt,
        )


def build_encoder(
    config: Mapping[str, Any],
    *,
    image_size: int | tuple[int, int] | None = None,
    scope: str | None = None,
    trust: bool = False,
) -> Encoder:
    """The backbone of any algorithm, with its projector where that is known; the rest of it is left out and named."""
    method = str(config["type"]).rpartition(".")[2]
    parts, unbuilt = known_parts({"neck": config.get("neck")}, trust)
    if config.get("head"):
        unbuilt["head"] = config["head"].get("type", "?")
    notes = [] if method in SELF_SUPERVISED else [f"{method} is not known here: only its backbone was built"]
    return Encoder(
        build_backbone(config["backbone"], image_size, scope=scope, trust=trust),
        build_normaliser(config.get("data_preprocessor")),
        method=method,
        neck=parts.get("neck"),
        unbuilt=unbuilt,
        notes=notes,
    )


def known_parts(configs: Mapping[str, Any], trust: bool) -> tuple[dict[str, nn.Module], dict[str, str]]:
    """Builds the parts whose types are known; the types of the others come back by name."""
    built: dict[str, nn.Module] = {}
    unbuilt: dict[str, str] = {}
    for name, config in configs.items():
        if not config:
            continue
        kind = str(config.get("type", "?"))
        part: Any = build_part(config, trust=trust) if kind in MODELS else None
        if isinstance(part, PROJECTORS) or hasattr(part, "pre_logits"):
            built[name] = part
        else:
            unbuilt[name] = kind
    return built, unbuilt
