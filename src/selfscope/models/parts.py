"""Parts of a model from the dicts of a config: the names that OpenMMLab gives them, the crop's image size."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from torch import nn

from selfscope.config.registry import MODELS
from selfscope.errors import ConfigError, nearest

BACKBONES = (
    "ResNet",
    "ResNet_CIFAR",
    "ResNetSobel",
    "VisionTransformer",
    "MAEViT",
    "MaskFeatViT",
    "MoCoV3ViT",
    "SwinTransformer",
)


def build_part(config: Mapping[str, Any], *, trust: bool = False) -> Any:
    """What `config["type"]` names, built; an unknown type or argument names file, line and the nearest word."""
    file, line = getattr(config, "origin", (None, None))
    if not isinstance(config, Mapping) or "type" not in config:
        raise ConfigError(
            f"expected dict(type=…) that names a part of a model, got {config!r:.80}", file=file, line=line
        )
    target = MODELS.get(config["type"], trust=trust, where=(file, line))
    known = accepted_arguments(target)
    unknown = [name for name in config if name not in ("type", "_scope_", *(known or config))]
    if unknown:
        hint = nearest(unknown[0], known or ())
        raise ConfigError(f"{config['type']} takes no argument {unknown[0]!r}.{hint}", file=file, line=line)
    try:
        return MODELS.build(config, trust=trust)
    except ConfigError as error:
        if error.file is not None or file is None:
            raise
        raise ConfigError(str(error), file=file, line=line) from error


def build_backbone(
    config: Mapping[str, Any],
    image_size: int | tuple[int, int] | None = None,
    *,
    scope: str | None = None,
    trust: bool = False,
) -> nn.Module:
    """A backbone for images of `image_size`, which overrides the config's `img_size` where the backbone has one.

    `scope` is where a bare name comes from: MMSelfSup's ResNet counts its `out_indices` from the stem.
    """
    file, line = getattr(config, "origin", (None, None))
    if not isinstance(config, Mapping) or "type" not in config:
        raise ConfigError(f"expected backbone=dict(type=…), got {config!r:.80}", file=file, line=line)
    kind = str(config["type"])
    if kind not in MODELS and "." not in kind:
        built = ", ".join(BACKBONES)
        raise ConfigError(f"the backbone {kind!r} is not built here; these are: {built}", file=file, line=line)
    target = MODELS.get(config["type"], trust=trust, where=(file, line))
    accepted = accepted_arguments(target) or ()
    changed: dict[str, Any] = {}
    if image_size is not None and "img_size" in accepted:
        changed["img_size"] = image_size
    if "stem_counts" in accepted and "stem_counts" not in config:
        changed["stem_counts"] = stem_counts(config, scope)
    return build_part(with_changes(config, changed), trust=trust)


def stem_counts(config: Mapping[str, Any], scope: str | None) -> bool:
    """Whether `out_indices` of a ResNet count the stem as 0: in MMSelfSup's, or where they name a stage 4."""
    written = str(config["type"]).rpartition(".")[0] or config.get("_scope_") or scope
    given = config.get("out_indices")
    listed = given if isinstance(given, (list, tuple)) else [given]
    return written == "mmselfsup" or (written not in ("mmcls", "mmpretrain") and 4 in listed)


def with_changes(config: Mapping[str, Any], changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """A copy with other values that still knows which file and line it came from."""
    changed: Any = config.copy() if isinstance(config, dict) else dict(config)
    for name, value in changes.items():
        changed[name] = value
    return changed


def accepted_arguments(target: Any) -> frozenset[str] | None:
    """Names that a class takes, its parents' too where it hands `**options` on; None when anything goes."""
    names: set[str] = set()
    for owner in inspect.getmro(target) if inspect.isclass(target) else (target,):
        if owner in (object, nn.Module):
            return None
        if owner is nn.Module:
            return None
        if inspect.isclass(target) and "__init__" not in vars(owner):
            continue
        parameters = inspect.signature(owner).parameters.values()
        names |= {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return frozenset(names)
    return None
