"""Encoders that come without a config: a timm id, or any module."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from selfscope.errors import ModelError, nearest
from selfscope.models.encoding import check_stages, evaluating
from selfscope.models.normaliser import Normaliser
from selfscope.models.outputs import ExtractedFeatures, StageOutput, resolve_indices

TIMM = "timm:"
IMAGENET_MEAN, IMAGENET_STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
ASSUMED = "mean and std of ImageNet were assumed: pass mean= and std= (0..255) if the model saw others"


class ModuleEncoder(nn.Module):
    """A module with the interface of `encoding.Encoder`: `normaliser`, `extract`, `method`, `notes`, `image_size`.

    `pipeline` is the evaluation pipeline that goes with it, as a config would write it.
    """

    def __init__(
        self,
        module: nn.Module,
        normaliser: Normaliser,
        *,
        method: str,
        image_size: int | None = None,
        pipeline: Sequence[Mapping[str, Any]] | None = None,
        trained: bool = True,
        notes: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.module = module
        self.normaliser = normaliser
        self.method = method
        self.image_size = image_size
        self.pipeline = list(pipeline) if pipeline is not None else None
        self.trained = trained
        self.notes = tuple(notes)
        self.out_indices: tuple[int, ...] | None = None
        """Which stages of a timm model are given out; None: what its classifier would see."""

    @torch.no_grad()
    def extract(
        self, pixels: Tensor, stage: str | Sequence[str] = "backbone", pool: str | None = None
    ) -> ExtractedFeatures:
        """One vector per image, `(B, D)` by `feat_<index>`; a module has no neck or head to ask for.

        Maps `(B, D, h, w)` are averaged over space, tokens `(B, L, D)` over tokens, with a note; a module that gives
        several (a dict, a list) has them all, by name or position. `pool` (`cls`, `mean`, `cls+mean`) is for models
        of timm, whose tokens are known apart.
        """
        stages = check_stages(stage)
        if "pre_logits" in stages:
            raise ModelError(f"{self.method}: a module without a config has no pre_logits; choose the stage backbone")
        notes: list[str] = []
        vectors: dict[str, Tensor] = {}
        with evaluating(self):
            outputs = named_outputs(self._given(pixels, pool), last_stage(self.module))
        for name, value in outputs.items():
            vectors[name], note = as_vector(value, f"{self.method}: {name}", len(pixels))
            notes += [note] if note else []
        if "neck" in stages:
            vectors["feat_neck"] = list(vectors.values())[-1]
            notes.append(f"{self.method} has no neck here: these are its backbone's pooled features")
        named = {name: v for name, v in vectors.items() if ("neck" if name == "feat_neck" else "backbone") in stages}
        return ExtractedFeatures(named.items(), notes)

    @contextmanager
    def giving(self, indices: Sequence[int]) -> Iterator[None]:
        """Inside, these of timm's feature stages are given out, each with the final norm where the model has one."""
        if not hasattr(self.module, "forward_intermediates"):
            raise ModelError(f"out_indices: {self.method} does not let its outputs be chosen; name a layer:<name>")
        count = int(last_stage(self.module)) + 1
        before, self.out_indices = self.out_indices, resolve_indices(list(indices), count)
        try:
            yield
        finally:
            self.out_indices = before

    def _given(self, pixels: Tensor, pool: str | None) -> Any:
        if self.out_indices is not None:
            return {
                str(i): output.pooled_as(pool) for i, output in zip(self.out_indices, self._stages(pixels), strict=True)
            }
        if pool is None:
            return before_classifier(self.module)(pixels)
        if not hasattr(self.module, "forward_features"):
            raise ModelError(f"pool={pool!r}: {self.method} does not tell tokens from maps; leave pool out")
        return self._final(pixels).pooled_as(pool)

    def _stages(self, pixels: Tensor) -> list[StageOutput]:
        module: Any = self.module
        options = {"return_prefix_tokens": True} if getattr(module, "num_prefix_tokens", 0) else {}
        given = module.forward_intermediates(
            pixels, indices=list(self.out_indices or ()), norm=True, intermediates_only=True, **options
        )
        pairs = [value if isinstance(value, (list, tuple)) else (value, None) for value in given]
        return [self._output(planes, prefix) for planes, prefix in pairs]

    def _final(self, pixels: Tensor) -> StageOutput:
        """What `forward_features` gives, its tokens taken apart."""
        module: Any = self.module
        features = module.forward_features(pixels)
        if features.ndim == 4:  # (B, h, w, D) of Swins and the like, (B, D, h, w) of convolutional networks
            last = getattr(module, "output_fmt", "NCHW") == "NHWC"
            return StageOutput(features.permute(0, 3, 1, 2) if last else features)
        if features.ndim != 3:
            raise ModelError(f"{self.method}: expected maps or tokens to pool, got {tuple(features.shape)}")
        count = getattr(module, "num_prefix_tokens", 0)
        return self._output(features[:, count:].mT[..., None], features[:, :count])  # (B, L, D) -> (B, D, L, 1)

    def _output(self, planes: Tensor, prefix: Tensor | None) -> StageOutput:
        """The class token is the first of the prefix tokens, before any registers."""
        known = prefix is not None and prefix.shape[1] and getattr(self.module, "cls_token", None) is not None
        token = prefix[:, 0] if known and prefix is not None else None
        return StageOutput(planes, token, token)


def build_timm(name: str, *, pretrained: bool = True, image_size: int | None = None) -> ModuleEncoder:
    """A timm model by `timm:<model>[.<weights>]`, without classifier, with the preprocessing of its weights.

    `pretrained` fetches the weights through timm (from the Hugging Face Hub) when they are not in its cache. `extract`
    gives what timm's classifier would see, under the index of the last of timm's feature stages.
    """
    import timm
    from timm.data import resolve_model_data_config

    model_name = name.removeprefix(TIMM)
    if not timm.is_model(model_name):
        hint = nearest(model_name.partition(".")[0], timm.list_models())
        raise ModelError(f"timm has no model {model_name!r}.{hint}")
    options: dict[str, Any] = {} if image_size is None else {"img_size": image_size}
    try:
        model = timm.create_model(model_name, pretrained=pretrained, num_classes=0, **options)
    except TypeError:  # convolutional networks take any size and do not know the option
        model = timm.create_model(model_name, pretrained=pretrained, num_classes=0)
    except (RuntimeError, OSError, ValueError) as error:
        reason = (str(error).partition("\n")[0] or type(error).__name__).rstrip(".")
        untrained = f"; for a model without weights, load(timm.create_model({model_name!r}))" if pretrained else ""
        raise ModelError(f"timm cannot give {model_name!r}: {reason}{untrained}") from error
    data = resolve_model_data_config(model)
    side = image_size or data["input_size"][-1]
    return ModuleEncoder(
        model,
        Normaliser([255 * v for v in data["mean"]], [255 * v for v in data["std"]]),
        method=f"{TIMM}{model_name}",
        image_size=side,
        pipeline=evaluation_pipeline(side, data["crop_pct"], data["interpolation"]),
        trained=pretrained,
    )


def wrap_module(
    module: nn.Module,
    *,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    transform: Callable[[Any], Tensor] | None = None,
    image_size: int | None = None,
    channel_order: str = "rgb",
    name: str | None = None,
    trained: bool = True,
) -> ModuleEncoder:
    """Any module that turns pixels `(B, 3, H, W)` into features; of a timm model, those before its classifier.

    `mean` and `std` are in 0..255 units; without them a `Normalize` step in `transform` is asked, then a timm model's
    own configuration, and else ImageNet's are taken, with a note.
    """
    method, notes, pipeline = name or type(module).__name__, [], None
    found = (mean, std) if mean is not None and std is not None else _stated_by(module, transform)
    if (mean is None) != (std is None):
        raise ModelError("wrap_module: give mean and std together")
    if found is None:
        found = (IMAGENET_MEAN, IMAGENET_STD)
        notes.append(ASSUMED)
    settings = getattr(module, "pretrained_cfg", None)
    if isinstance(settings, Mapping) and "input_size" in settings:
        built_for = getattr(getattr(module, "patch_embed", None), "img_size", None)
        image_size = image_size or (built_for or settings["input_size"])[-1]
        crop, interpolation = settings.get("crop_pct") or 0.875, settings.get("interpolation") or "bicubic"
        pipeline = evaluation_pipeline(image_size, crop, interpolation)
    return ModuleEncoder(
        module,
        Normaliser(found[0], found[1], channel_order),
        method=method,
        image_size=image_size,
        pipeline=pipeline,
        trained=trained,
        notes=notes,
    )


def before_classifier(module: Any) -> Callable[[Tensor], Any]:
    """What a timm model's classifier would see; any other module's own output."""
    if hasattr(module, "forward_features") and hasattr(module, "forward_head"):
        return lambda pixels: module.forward_head(module.forward_features(pixels), pre_logits=True)
    return module


def last_stage(module: nn.Module) -> str:
    """Index of the last of timm's feature stages; 0 for a module that has none."""
    stages = getattr(module, "feature_info", None)
    return str(len(stages) - 1) if isinstance(stages, Sequence) and stages else "0"


def evaluation_pipeline(side: int, crop_pct: float, interpolation: str) -> list[dict[str, Any]]:
    """timm's evaluation preprocessing as a config writes it: short edge to side / crop_pct, then the centre."""
    method = interpolation if interpolation in ("nearest", "bilinear", "bicubic", "lanczos") else "bicubic"
    scale = int(side / crop_pct)
    return [
        {"type": "LoadImageFromFile"},
        {"type": "ResizeEdge", "scale": scale, "edge": "short", "backend": "pillow", "interpolation": method},
        {"type": "CenterCrop", "crop_size": side},
        {"type": "PackSelfSupInputs"},
    ]


def named_outputs(given: Any, index: str) -> dict[str, Tensor]:
    """What a module returned as `{"feat_<index or name>": tensor}`."""
    if isinstance(given, Tensor):
        return {f"feat_{index}": given}
    if isinstance(given, Mapping):
        named = {f"feat_{key}": value for key, value in given.items() if isinstance(value, Tensor)}
    elif isinstance(given, (list, tuple)):
        named = {f"feat_{i}": value for i, value in enumerate(given) if isinstance(value, Tensor)}
    else:
        named = {}
    if not named:
        raise ModelError(f"expected a module that returns tensors, got {type(given).__name__}")
    return named


def as_vector(value: Tensor, name: str, batch: int) -> tuple[Tensor, str]:
    """`(B, D)` and a note on how it was pooled."""
    if value.ndim in (2, 3, 4) and len(value) == batch and 0 not in value.shape:
        if value.ndim == 2:
            return value, ""
        if value.ndim == 3:
            return value.mean(1), f"{name}: averaged over {value.shape[1]} tokens"
        return value.mean((2, 3)), ""
    raise ModelError(f"{name}: expected ({batch}, D), ({batch}, L, D) or ({batch}, D, h, w), got {tuple(value.shape)}")


def _stated_by(module: nn.Module, transform: Any) -> tuple[Sequence[float], Sequence[float]] | None:
    """Mean and std in 0..255 units from a torchvision `Normalize`, or from timm's `pretrained_cfg`."""
    for step in getattr(transform, "transforms", [transform]):
        mean, std = getattr(step, "mean", None), getattr(step, "std", None)
        if mean is not None and std is not None:
            return [255 * float(v) for v in mean], [255 * float(v) for v in std]
    settings = getattr(module, "pretrained_cfg", None)
    if isinstance(settings, Mapping) and settings.get("mean") and settings.get("std"):
        return [255 * v for v in settings["mean"]], [255 * v for v in settings["std"]]
    return None
