"""Features of a data set, in its order, for one stage of a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from selfscope.config.reader import Config
from selfscope.data.dataset import Dataset, build_dataset, folder_dataset
from selfscope.data.loading import load_batches
from selfscope.errors import ConfigError, DataError, UsageError
from selfscope.structures import Features
from selfscope.views.load import LoadedModel, load, require
from selfscope.views.progress import Progress, silent
from selfscope.views.subset import Subset

STAGES = ("backbone", "neck", "pre_logits")


def extract(
    model: LoadedModel | Any,
    data: Dataset | str | Path | Sequence[str | Path],
    *,
    stage: str = "backbone",
    subset: Subset | None = None,
    batch_size: int = 32,
    workers: int = 0,
    progress: Progress | None = None,
) -> Features:
    """Features of every image of `data`: a folder (of class folders or flat), a list of files, or a `Dataset`.

    A folder goes through the model's own evaluation pipeline. Backbone maps are averaged over space, or give their
    class token, as the config says. Images that cannot be read are left out and named in `skipped`. Features do not
    depend on `batch_size` or `workers` beyond float32's rounding.
    """
    if stage not in STAGES:
        raise UsageError(f"stage: expected one of {', '.join(STAGES)}, got {stage!r}")
    loaded = load(model)
    require(loaded, stage)
    dataset = data if isinstance(data, Dataset) else folder_dataset(data, evaluation_pipeline(loaded))
    if subset is not None:
        dataset = dataset.subset(subset(dataset.labels, len(dataset)))
    return _run(loaded, dataset, stage, batch_size, workers, progress or silent)


def extraction_dataset(config: Config, *, trust: bool = False) -> Dataset:
    """The data set that a t-SNE config names under `extract_dataloader`."""
    dataset = config.get("extract_dataloader", {}).get("dataset")
    if dataset is None:
        raise ConfigError(
            "has no `extract_dataloader = dict(dataset=…)`; take a config of configs/tsne", file=str(config.file)
        )
    return build_dataset(dataset, trust=trust)


def evaluation_pipeline(model: LoadedModel) -> list[dict[str, Any]]:
    """The config's extraction pipeline, or the one that travels with timm's weights, or: short edge to 8/7 of the
    model's side (bicubic), centre crop.
    """
    extraction = (model.values.get("extract_dataloader") or {}).get("dataset", {})
    named = getattr(model.module, "pipeline", None) or extraction.get("pipeline")
    if named:
        return list(named)
    size = model.image_size
    return [
        {"type": "LoadImageFromFile"},
        {"type": "ResizeEdge", "scale": round(size * 8 / 7), "backend": "pillow", "interpolation": "bicubic"},
        {"type": "CenterCrop", "crop_size": size},
        {"type": "PackSelfSupInputs"},
    ]


def _run(
    model: LoadedModel, dataset: Dataset, stage: str, batch_size: int, workers: int, progress: Progress
) -> Features:
    rows: dict[str, list[np.ndarray]] = {}
    paths: list[str] = []
    labels: list[np.ndarray] = []
    skipped: list[tuple[str, str]] = []
    notes = dict.fromkeys(model.notes)
    progress(0, len(dataset))
    for batch in load_batches(dataset, batch_size=batch_size, workers=workers):
        skipped += batch.skipped
        paths += batch.paths
        if len(batch.images):
            values, said = _features(model, batch.images, stage)
            notes = dict.fromkeys((*notes, *said))
            for name, array in values.items():
                rows.setdefault(name, []).append(array)
            if batch.labels is not None:
                labels.append(np.asarray(batch.labels))
        progress(len(paths) + len(skipped), len(dataset))
    if not paths:
        first = f"; the first: {skipped[0][0]}: {skipped[0][1]}" if skipped else ""
        raise DataError(f"none of {len(dataset)} images could be read{first}")
    return Features(
        {name: np.concatenate(parts) for name, parts in rows.items()},
        labels=np.concatenate(labels).astype(np.int64) if labels else None,
        paths=tuple(paths),
        class_names=dataset.classes,
        settings={**model.describe(), "vis_stage": stage, "image_size": model.image_size, "notes": tuple(notes)},
        skipped=tuple(skipped),
    )


def _features(model: LoadedModel, images: torch.Tensor, stage: str) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    with torch.inference_mode():
        pixels = model.module.normaliser(images.to(model.device))
        outputs = model.module.extract(pixels, stage)
    return {name: values.float().cpu().numpy() for name, values in outputs.items()}, outputs.notes
