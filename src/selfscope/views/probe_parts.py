"""Which images a probe learns from, and which judge it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from selfscope.config.reader import Config
from selfscope.data.dataset import Dataset, build_dataset, folder_dataset
from selfscope.errors import ConfigError, DataError
from selfscope.views.extract import evaluation_pipeline
from selfscope.views.load import LoadedModel
from selfscope.views.matching import by_names

VALIDATION = ("val_dataloader", "test_dataloader", "extract_dataloader")


def probe_parts(
    model: LoadedModel,
    config: Config,
    train: str | Path | None = None,
    val: str | Path | None = None,
    *,
    trust: bool = False,
) -> tuple[Dataset, Dataset | None]:
    """Training and validation images, both seen through the model's evaluation pipeline; folders go before the config.

    The second is None where there is one data set only: a training folder without one for validation, or a config that
    names no training data with labels.
    """
    validation = None if val is None else folder_dataset(val, evaluation_pipeline(model))
    if train is not None:
        return folder_dataset(train, evaluation_pipeline(model)), validation
    training = _configured(model, config, ("train_dataloader",), trust)
    if validation is None:
        validation = _configured(model, config, VALIDATION, trust)
    if training is not None and training.labels is not None:
        return training, validation
    if validation is None:
        raise ConfigError("names no data set with labels; give --train-data and --val-data", file=str(config.file))
    return validation, None


def refuse_parts(train: Dataset, val: Dataset | None) -> None:
    """What a probe could not use is refused before features are computed: parts without labels, images in both."""
    for name, part in (("training", train), ("validation", val)):
        if part is not None and (part.labels is None or not (np.asarray(part.labels) >= 0).any()):
            raise DataError(f"probe: the {name} images have no labels; use class folders, or an annotation file")
    if val is not None:
        first, second = ({os.path.realpath(entry.path) for entry in part.entries} for part in (train, val))
        both = first & second
        if both:
            raise DataError(
                f"probe: {len(both)} images are in both parts, such as {min(both)}: a probe needs disjoint ones"
            )
        by_names(np.asarray(val.labels), val.classes, train.classes)


def _configured(model: LoadedModel, config: Config, loaders: tuple[str, ...], trust: bool) -> Dataset | None:
    """The first data set that one of these loaders names, with the evaluation pipeline in place of its own."""
    for name in loaders:
        named = (config.get(name) or {}).get("dataset")
        if named is not None:
            return build_dataset({**named, "pipeline": evaluation_pipeline(model)}, trust=trust)
    return None
