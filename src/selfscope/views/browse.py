"""A data set as the model sees it: typed samples, with everything that was sampled to make them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from selfscope.config.reader import Config, load_config
from selfscope.data.dataset import Dataset, build_dataset, folder_dataset
from selfscope.data.masks import random_patch_mask
from selfscope.errors import ConfigError, DataError, UsageError
from selfscope.records import Sample
from selfscope.views.progress import Progress, silent

PHASES = ("train", "val", "test")


def browse(
    source: str | Path | Config | Dataset,
    n: int | None = None,
    *,
    phase: str = "train",
    seed: int = 0,
    skip: Sequence[str] = (),
    options: Mapping[str, Any] | Sequence[str] | None = None,
    trust: bool = False,
    skipped: list[tuple[str, str]] | None = None,
    progress: Progress | None = None,
) -> Iterator[Sample]:
    """The first `n` samples (default: all) of a config's data set, of a folder of images, or of a `Dataset`.

    Each sample depends on `seed` and its index alone. A model that draws its mask itself (MAE) gets one of its own
    kind drawn here, at its own ratio. An image that cannot be read is left out; give `skipped` to learn path and
    reason. `skip` names transforms to leave out.
    """
    if n is not None and n < 1:
        raise UsageError(f"n: expected at least 1, got {n}")
    config, dataset = _opened(source, phase, seed, tuple(skip), options, trust)
    total = len(dataset) if n is None else min(n, len(dataset))
    report = progress or silent
    report(0, total)
    for index in range(total):
        try:
            sample = dataset.sample(index)
        except DataError as error:
            if skipped is None:
                raise
            skipped.append((str(dataset.entries[index].path), str(error)))
        else:
            yield _with_model_mask(sample, config, seed)
        report(index + 1, total)
    if skipped and len(skipped) == total:
        raise DataError(f"none of {total} images could be read; the first: {skipped[0][1]}")


def browsed_dataset(config: Config, phase: str, seed: int, skip: tuple[str, ...], trust: bool) -> Dataset:
    """The data set under `<phase>_dataloader`."""
    loader = config.get(f"{phase}_dataloader")
    if phase not in PHASES or not loader or "dataset" not in loader:
        there = [key for key in config if str(key).endswith("_dataloader")]
        raise ConfigError(
            f"has no `{phase}_dataloader = dict(dataset=…)`; it has {', '.join(there) or 'none'}", file=str(config.file)
        )
    return build_dataset(loader["dataset"], seed=seed, skip=skip, trust=trust)


def _opened(
    source: Any, phase: str, seed: int, skip: tuple[str, ...], options: Any, trust: bool
) -> tuple[Config | None, Dataset]:
    without_config = isinstance(source, Dataset) or (not isinstance(source, Config) and Path(source).is_dir())
    if without_config and (skip or options or phase != "train"):
        raise UsageError("skip, phase and options belong to a config; a folder or a data set is shown as it is")
    if isinstance(source, Dataset):
        return None, source
    if isinstance(source, Config):
        if options:
            raise UsageError("options go with a config file; this config is loaded already")
        return source, browsed_dataset(source, phase, seed, skip, trust)
    if without_config:
        return None, folder_dataset(source, seed=seed)
    config = load_config(source, options, trust=trust)
    return config, browsed_dataset(config, phase, seed, skip, trust)


def _with_model_mask(sample: Sample, config: Config | None, seed: int) -> Sample:
    backbone = {} if config is None else config.get("model", {}).get("backbone", {})
    ratio = backbone.get("mask_ratio")
    if sample.mask is not None or ratio is None:
        return sample
    side = int(backbone.get("patch_size", 16))
    height, width = sample.views[0].picture.shape[:2]
    rng = np.random.default_rng([seed, int(sample.settings.get("epoch", 0)), sample.index])
    mask = random_patch_mask(rng, 1, (height // side, width // side), float(ratio))[0]
    settings = {**sample.settings, "mask": f"drawn as the model does, ratio {ratio}"}
    return replace(sample, mask=mask, settings=settings)
