"""From whatever names a data set to one that gives samples: a config, a folder, somebody else's data set."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from selfscope.config.reader import Config, load_config
from selfscope.data.dataset import Dataset, build_dataset, folder_dataset
from selfscope.errors import ConfigError, UsageError
from selfscope.records import Sample
from selfscope.views.model_mask import ModelMask, completed, model_mask

PHASES = ("train", "val", "test")


@dataclass(frozen=True, eq=False)
class Opened:
    """A data set, with the config that it comes from when it comes from one."""

    dataset: Dataset
    config: Config | None = None
    seed: int = 0

    def sample(self, index: int, epoch: int | None = None) -> Sample:
        """The item as a record; a model that draws its mask itself (MAE) gets one of its own kind drawn here."""
        return self.completed(self.dataset.sample(index, epoch))

    @property
    def mask_ratio(self) -> float | None:
        """The share of patches that the config's model removes by itself."""
        return None if self.model_mask is None else self.model_mask.ratio

    def completed(self, sample: Sample) -> Sample:
        """The sample with the mask that the config's model would draw, unless the pipeline has drawn one."""
        return completed(sample, self.model_mask, self.seed)

    @cached_property
    def model_mask(self) -> ModelMask | None:
        """How the config's model draws its own masks."""
        return model_mask(self.config)


def opened(
    source: Any,
    *,
    phase: str = "train",
    seed: int = 0,
    skip: Sequence[str] = (),
    options: Mapping[str, Any] | Sequence[str] | None = None,
    trust: bool = False,
) -> Opened:
    """The data set under `<phase>_dataloader` of a config, a folder of images, or a `Dataset` as it is."""
    named = isinstance(source, (str, os.PathLike))
    without_config = isinstance(source, Dataset) or (named and Path(source).is_dir())
    if without_config and (skip or options or phase != "train"):
        raise UsageError("skip, phase and options belong to a config; a folder or a data set is shown as it is")
    if isinstance(source, Dataset):
        return Opened(source, seed=seed)
    if isinstance(source, Config):
        if options:
            raise UsageError("options go with a config file; this config is loaded already")
        return Opened(browsed_dataset(source, phase, seed, tuple(skip), trust), source, seed)
    if without_config:
        return Opened(folder_dataset(source, seed=seed), seed=seed)
    config = load_config(source, options, trust=trust)
    return Opened(browsed_dataset(config, phase, seed, tuple(skip), trust), config, seed)


def browsed_dataset(config: Config, phase: str, seed: int, skip: tuple[str, ...], trust: bool) -> Dataset:
    """The data set under `<phase>_dataloader`."""
    loader = config.get(f"{phase}_dataloader")
    if phase not in PHASES or not loader or "dataset" not in loader:
        there = [key for key in config if str(key).endswith("_dataloader")]
        raise ConfigError(
            f"has no `{phase}_dataloader = dict(dataset=…)`; it has {', '.join(there) or 'none'}", file=str(config.file)
        )
    return build_dataset(loader["dataset"], seed=seed, skip=skip, trust=trust)
