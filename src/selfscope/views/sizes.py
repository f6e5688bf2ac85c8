"""The side of the picture that a config's pipeline hands to the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from selfscope.errors import ConfigError

SIZE_ARGUMENTS = ("size", "crop_size", "scale", "input_size")
SIZING = (
    "Resize",
    "RandomResizedCrop",
    "MAERandomResizedCrop",
    "CenterCrop",
    "RandomCrop",
    "RandomResizedCropAndInterpolationWithTwoPic",
)
DEFAULT_SIZE = 224


def input_size(config: Mapping[str, Any]) -> int:
    """What the extraction, visualization or training pipeline crops to; else the model's `img_size`; else 224."""
    pipelines = (
        _dig(config, "extract_dataloader", "dataset", "pipeline"),
        config.get("vis_pipeline"),
        _dig(config, "train_dataloader", "dataset", "pipeline"),
        _dig(config, "test_dataloader", "dataset", "pipeline"),
    )
    sizes = (pipeline_size(steps) for steps in pipelines if steps)
    found = next((size for size in sizes if size), None)
    return found or _side(_dig(config, "model", "backbone", "img_size")) or DEFAULT_SIZE


def pipeline_size(steps: Sequence[Any]) -> int | None:
    """Side that the last sizing step leaves; of several views the first counts."""
    size = None
    for step in steps:
        if isinstance(step, Sequence) and not isinstance(step, str):
            step = {"transforms": step}
        if not isinstance(step, Mapping):
            continue
        inner = step.get("transforms")
        if inner:
            branch = inner[0] if isinstance(inner[0], Sequence) and not isinstance(inner[0], str) else inner
            size = pipeline_size(branch) or size
        if str(step.get("type", "")).replace("/", ".").rsplit(".", 1)[-1] in SIZING:
            size = next((side for name in SIZE_ARGUMENTS if (side := _side(step.get(name)))), size)
    return size


def _side(value: Any) -> int | None:
    first = value[0] if isinstance(value, Sequence) and not isinstance(value, str) and value else value
    sides = {v for v in value if isinstance(v, int) and v > 1} if isinstance(value, (list, tuple)) else set()
    if len(sides) > 1:
        raise ConfigError(f"a model here looks at squares, the pipeline makes {tuple(value)}: give a square size")
    return int(first) if isinstance(first, int) and first > 1 else None


def _dig(config: Mapping[str, Any], *keys: str) -> Any:
    value: Any = config
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
