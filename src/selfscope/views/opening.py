"""From whatever names a data set to one that gives samples: a config, a folder, somebody else's data set."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from selfscope.config.reader import Config, load_config
from selfscope.config.top_level import check_names, lacking
from selfscope.data.bands import ARRAY_SUFFIXES, Bands, parse_bands
from selfscope.data.dataset import Dataset, build_dataset
from selfscope.data.ends import LoadImageFromFile
from selfscope.data.listing import Listing, scan
from selfscope.data.picture import PICTURE_SUFFIXES
from selfscope.data.sources import folder
from selfscope.errors import DataError, UsageError
from selfscope.records import Sample
from selfscope.views.derived import Derivation, derivations, with_derived
from selfscope.views.model_mask import ModelMask, completed, model_mask

PHASES = ("train", "val", "test")


@dataclass(frozen=True, eq=False)
class Opened:
    """A data set, with the config that it comes from when it comes from one."""

    dataset: Dataset
    config: Config | None = None
    seed: int = 0

    def sample(self, index: int, epoch: int | None = None) -> Sample:
        """The item as a record, with the mask and the pictures that the config's model makes of it itself."""
        return with_derived(self.completed(self.dataset.sample(index, epoch)), self.derivations)

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

    @cached_property
    def derivations(self) -> tuple[Derivation, ...]:
        """What the config's model makes of its views, to be shown beside them."""
        return derivations(self.config, self.dataset)


def opened(
    source: Any,
    transform: Any = None,
    *,
    phase: str = "train",
    seed: int = 0,
    skip: Sequence[str] = (),
    options: Mapping[str, Any] | Sequence[str] | None = None,
    trust: bool = False,
    bands: Any = None,
    band_range: Sequence[float] | None = None,
) -> Opened:
    """The data set under `<phase>_dataloader` of a config; or a folder, a saved data set, one with len() and items.

    `transform` is somebody else's, called with each image of what is no config.
    """
    chosen = parse_bands(bands, band_range)
    named = isinstance(source, (str, os.PathLike))
    if isinstance(source, Config) or (named and not Path(source).expanduser().is_dir()):
        if transform is not None:
            raise UsageError("a config names its own transforms: give a folder or a data set with a transform")
        if isinstance(source, Config) and options:
            raise UsageError("options go with a config file; this config is loaded already")
        config = source if isinstance(source, Config) else load_config(_named(source), options, trust=trust)
        check_names(config)
        dataset = browsed_dataset(config, phase, seed, tuple(skip), trust)
        return Opened(_with_bands(dataset, chosen), config, seed)
    if skip or options:
        raise UsageError("skip and options belong to a config; a folder or a data set is shown as it is")
    return Opened(_without_config(source, transform, phase, seed, chosen), seed=seed)


def _without_config(source: Any, transform: Any, phase: str, seed: int, bands: Bands | None) -> Dataset:
    from selfscope.data import arrow, foreign

    saved = not isinstance(source, Dataset) and _is_path(source) and arrow.is_saved_dataset(Path(source).expanduser())
    if phase != "train" and not saved:
        raise UsageError("phase belongs to a config, or to a saved data set with splits")
    if isinstance(source, Dataset):
        if transform is not None:
            raise UsageError("a Dataset of selfscope's has its own pipeline: give a folder or another data set")
        return _with_bands(source, bands)
    if saved:
        rows = arrow.SavedImages(arrow.split_folder(Path(source).expanduser(), phase))
        steps: list[Any] = [arrow.LoadSavedImage(rows)]
        steps += [] if transform is None else [foreign.ForeignTransform(transform)]
        if bands is not None:
            raise UsageError("bands go with files or data sets of arrays; a saved data set holds pictures")
        return Dataset(rows.listing(), tuple(steps), seed, types=tuple(foreign.kind_of(step) for step in steps))
    if not _is_path(source):
        return foreign.foreign_dataset(source, transform, seed=seed, bands=bands)
    listing = _folder(source, bands)
    if transform is not None:
        return foreign.transformed_folder(listing, transform, seed=seed, bands=bands)
    return Dataset(listing, (LoadImageFromFile(bands=bands),), seed, types=("LoadImageFromFile",))


def _named(source: Any) -> Any:
    """The path of a config; what is plainly meant for something else is refused with what it takes."""
    path = Path(source).expanduser()
    if path.suffix.lower() in PICTURE_SUFFIXES + ARRAY_SUFFIXES:
        raise UsageError(f"{source}: expected a folder or a config, got a single image: give the folder that holds it")
    if not path.suffix and not path.exists():
        raise UsageError(f"{source}: there is no such folder here, and the name of a config ends in .py")
    return source


def _folder(source: Any, bands: Bands | None) -> Listing:
    """The pictures of a folder; arrays are pictures only when it is said which bands they show."""
    if bands is not None:
        return folder(source, PICTURE_SUFFIXES + ARRAY_SUFFIXES)
    try:
        return folder(source)
    except DataError as error:
        arrays = scan(str(Path(source).expanduser()), ARRAY_SUFFIXES)
        if not arrays:
            raise
        raise DataError(
            f"{source}: no picture in it, but arrays such as {arrays[0]}: say which bands are red, green and blue "
            "(bands 4,3,2), or grey (1)"
        ) from error


def _is_path(source: Any) -> bool:
    return isinstance(source, (str, os.PathLike))


def _with_bands(dataset: Dataset, bands: Bands | None) -> Dataset:
    """The data set whose files are read by these bands."""
    if bands is None:
        return dataset
    loading = [isinstance(step, LoadImageFromFile) for step in dataset.transforms]
    if not any(loading):
        raise UsageError("bands need a pipeline that begins with LoadImageFromFile")
    steps = [
        replace(step, bands=bands, band_range=None) if loads else step  # type: ignore[type-var]
        for step, loads in zip(dataset.transforms, loading, strict=True)
    ]
    return replace(dataset, transforms=tuple(steps))


def browsed_dataset(config: Config, phase: str, seed: int, skip: tuple[str, ...], trust: bool) -> Dataset:
    """The data set under `<phase>_dataloader`."""
    loader = config.get(f"{phase}_dataloader")
    if phase not in PHASES or not loader or "dataset" not in loader:
        there = [key for key in config if str(key).endswith("_dataloader")]
        raise lacking(config, f"{phase}_dataloader", "dict(dataset=…)", f"; it has {', '.join(there) or 'none'}")
    return build_dataset(loader["dataset"], seed=seed, skip=skip, trust=trust)
