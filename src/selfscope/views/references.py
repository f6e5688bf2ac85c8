"""What a trained encoder must be compared with on the same images: raw pixels, and itself before training."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import adaptive_avg_pool2d

from selfscope.data.dataset import Dataset
from selfscope.data.loading import load_batches
from selfscope.structures import Features
from selfscope.views.progress import Progress, silent

SIDE = 32


def raw_pixels(dataset: Dataset, *, side: int = SIDE, workers: int = 0, progress: Progress | None = None) -> Features:
    """The images as the encoder gets them, averaged down to `side` x `side`: `(N, 3 · side²)` float32 in 0..1.

    Smaller images are taken as they are. Images that cannot be read are left out, as in `extract`.
    """
    rows: list[torch.Tensor] = []
    labels: list[np.ndarray] = []
    paths: list[str] = []
    skipped: list[tuple[str, str]] = []
    report = progress or silent
    for batch in load_batches(dataset, batch_size=64, workers=workers):
        skipped += batch.skipped
        paths += batch.paths
        if len(batch.images):
            images = batch.images.float() / 255
            height, width = images.shape[2:]
            rows.append(adaptive_avg_pool2d(images, (min(side, height), min(side, width))).flatten(1))
            if batch.labels is not None:
                labels.append(np.asarray(batch.labels))
        report(len(paths) + len(skipped), len(dataset))
    return Features(
        {"raw pixels": torch.cat(rows).numpy()},
        labels=np.concatenate(labels).astype(np.int64) if labels else None,
        paths=tuple(paths),
        class_names=dataset.classes,
        settings={"model": f"none: pixels averaged to {side} x {side}"},
        skipped=tuple(skipped),
    )
