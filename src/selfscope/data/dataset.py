"""A data set: a listing of pictures and a pipeline, where every item draws from a generator of its own.

The generator of item i is seeded by (seed, epoch, i), that of its view k by (seed, epoch, i, k): what an item becomes
depends neither on the number of workers nor on the items before it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from selfscope import records
from selfscope.config.registry import DATASETS
from selfscope.config.values import ConfigDict
from selfscope.data.ends import LoadImageFromFile, PackClsInputs, Packed, PackSelfSupInputs
from selfscope.data.keys import Keys
from selfscope.data.layout import contiguous
from selfscope.data.listing import UNLABELLED, Chosen, Entry, Listing, Names
from selfscope.data.pipeline import Transform, build_transforms, run, type_names
from selfscope.data.sources import files, folder
from selfscope.data.trace import PICTURED
from selfscope.errors import ConfigError, DataError


@dataclass(frozen=True, eq=False)
class Dataset:
    """`ds[i]` is an item as a model takes it, `ds.sample(i)` the same item with everything that was drawn for it.

    `ds[i:j]` is a data set of these items.
    """

    listing: Listing
    transforms: tuple[Transform, ...]
    seed: int = 0
    epoch: int = 0
    types: tuple[str, ...] = ()
    """The types of the pipeline from the outside in."""
    places: np.ndarray | None = None
    """For a subset: which items of the listing it has. They keep their keys and what they draw."""
    pictured: bool = False
    """Whether samples keep the image after every step."""

    def __len__(self) -> int:
        return len(self.listing) if self.places is None else len(self.places)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self.subset(range(*index.indices(len(self))))
        before, packed = self._run(self._place(index), self.epoch)
        if packed is None:
            packed = PackSelfSupInputs(meta_keys=("img_path",))(before, np.random.default_rng(0))
        inputs = packed["inputs"]
        return Packed(list(inputs) if isinstance(inputs, (list, tuple)) else [inputs], packed["data_samples"])

    def sample(self, index: int, epoch: int | None = None) -> records.Sample:
        """The item as a record: its views and where each comes from, what was drawn, its mask or boxes, the original.

        Boxes are in the order of the views.
        """
        place, epoch = self._place(index), self.epoch if epoch is None else epoch
        results, _ = self._run(place, epoch, packs=False)
        path, label = results.get("img_path"), results.get("gt_label")
        boxes, boxed, mask = (results.get(name) for name in ("patch_box", "unpatched_img", "mask"))
        return records.Sample(
            key=self.key(index),
            views=_views(results),
            path=path,
            index=place,
            label=label,
            label_name=self._label_name(label),
            original=results.get("original"),
            mask=None if mask is None else np.asarray(mask, np.uint8),
            boxes=None if boxes is None else np.asarray(boxes).reshape(-1, 4),
            boxed=None if boxed is None else np.asarray(boxed).reshape(np.shape(boxed)[-3:]),
            settings={"seed": self.seed, "epoch": epoch, "pipeline": self.types, **_told(results)},
        )

    @property
    def entries(self) -> Sequence[Entry]:
        return self.listing if self.places is None else Chosen(self.listing, self.places)

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The name of each label value; None for data without labels or names."""
        return self.listing.classes

    @property
    def labels(self) -> np.ndarray | None:
        """`(N,)` int64, -1 for an item without a label; None when no item has one."""
        labels = self.listing.labels
        return labels if labels is None or self.places is None else labels[self.places]

    def key(self, index: int) -> str:
        """The item's path below the data root without suffix; unique, and the same in every subset."""
        return self._keys[self._place(index)]

    def subset(self, indices: Sequence[int] | np.ndarray) -> Dataset:
        """These items, by places in this data set or a mask of booleans."""
        chosen = np.asarray(indices)
        chosen = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.int64)
        if chosen.size and not (-len(self) <= chosen.min() and chosen.max() < len(self)):
            raise DataError(f"subset: place {chosen.max()} of a data set of {len(self)} items")
        every = np.arange(len(self.listing)) if self.places is None else self.places
        smaller = replace(self, places=every[chosen])
        smaller.__dict__["_keys"] = self._keys
        return smaller

    def at_epoch(self, epoch: int) -> Dataset:
        """The same items, drawing anew."""
        return replace(self, epoch=epoch)

    def with_pictures(self) -> Dataset:
        """The same items; samples keep the image after every step, for pictures of the whole pipeline."""
        return replace(self, pictured=True)

    def _label_name(self, label: int | None) -> str | None:
        named = label is not None and self.classes is not None and 0 <= label < len(self.classes)
        return self.classes[label] if named else None  # type: ignore[index]

    @cached_property
    def _keys(self) -> Keys:
        return Keys(self.listing.names)

    @cached_property
    def _pack(self) -> int | None:
        """Where in the pipeline a transform of ours packs tensors, which records do not need."""
        packs = (i for i, step in enumerate(self.transforms) if isinstance(step, (PackSelfSupInputs, PackClsInputs)))
        return next(packs, None)

    def _place(self, index: Any) -> int:
        place = range(len(self))[index]
        return place if self.places is None else int(self.places[place])

    def _run(self, place: int, epoch: int, *, packs: bool = True) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """Results before packing, and packed; `packs=False` only makes sure that they could be packed."""
        path, label = self.listing[place]
        results = {"img_path": path, "sample_idx": place, **dict(self.listing.extra)}
        if label is not None:
            results["gt_label"] = label
        if self.pictured:
            results[PICTURED] = True
        rng = np.random.default_rng([self.seed, epoch, place])
        try:
            if packs or self._pack is None:
                return run(self.transforms, results, rng)
            results, _ = run(self.transforms[: self._pack], results, rng)
            self.transforms[self._pack].check(results)  # type: ignore[attr-defined]
            return results, None
        except DataError as error:
            if str(error).startswith(path):
                raise
            raise DataError(f"{path}: {error}") from error


def build_dataset(
    config: Mapping[str, Any], *, seed: int = 0, skip: Sequence[str] = (), trust: bool = False
) -> Dataset:
    """The data set of a config's `dataset` dict; `skip` leaves transforms out by type name."""
    if not isinstance(config, Mapping):
        raise ConfigError(f"expected the dataset as a dict(type=…), got {type(config).__name__}")
    source = config.copy() if isinstance(config, ConfigDict) else ConfigDict(config)
    file, line = source.origin_of("pipeline")
    pipeline = source.pop("pipeline", ())
    if not isinstance(pipeline, Sequence) or isinstance(pipeline, str):
        raise ConfigError(f"pipeline: expected a list of transforms, got {pipeline!r:.80}", file=file, line=line)
    transforms = build_transforms(pipeline, skip=skip, trust=trust)
    listing = _as_listing(DATASETS.build(source, trust=trust))
    left_out = set(skip)
    types = tuple(name for name in type_names(pipeline) if name not in left_out)
    return Dataset(listing, transforms, _checked_seed(seed), types=types)


def folder_dataset(
    path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], pipeline: Sequence[Any] = (), *, seed: int = 0
) -> Dataset:
    """A folder of pictures (a folder a class, or any), one file, or a list of files; `pipeline` as in a config.

    Without a transform that loads, pictures are loaded first.
    """
    if not isinstance(path, (str, os.PathLike)):
        listing = files(path)
    elif not os.path.exists(os.path.expanduser(path)):
        raise DataError(f"{os.fspath(path)}: no such folder or image")
    else:
        listing = folder(path) if os.path.isdir(path) else files([path])
    transforms = build_transforms(pipeline)
    types = tuple(type_names(pipeline))
    if not any(name.startswith("Load") for name in types):
        transforms, types = (LoadImageFromFile(), *transforms), ("LoadImageFromFile", *types)
    return Dataset(listing, transforms, _checked_seed(seed), types=types)


def _checked_seed(seed: Any) -> int:
    if not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ConfigError(f"seed={seed!r}: expected a whole number of at least 0")
    return int(seed)


def _as_listing(source: Any) -> Listing:
    """A listing of what a user's data set class holds: `get_data_info(i)` as in OpenMMLab, or `(path, label)` items."""
    if isinstance(source, Listing):
        return source
    get = getattr(source, "get_data_info", None) or getattr(source, "__getitem__", None)
    if get is None or not hasattr(source, "__len__"):
        raise ConfigError(
            f"data set {type(source).__name__}: expected len() and get_data_info(i), or items (path, label)"
        )
    items = [get(i) for i in range(len(source))]
    pairs = [(i["img_path"], i.get("gt_label")) if isinstance(i, Mapping) else tuple(i) for i in items]
    if not pairs:
        raise DataError(f"data set {type(source).__name__} is empty")
    meta = getattr(source, "metainfo", None) or {}
    classes = getattr(source, "classes", None) or getattr(source, "CLASSES", None) or meta.get("classes")
    labels = np.array([UNLABELLED if label is None else int(label) for _, label in pairs], dtype=np.int64)
    named = tuple(classes) if classes else None
    return Listing("", Names(os.fspath(path) for path, _ in pairs), labels if (labels >= 0).any() else None, named)


def _told(results: Mapping[str, Any]) -> dict[str, Any]:
    """What must be said beside the pictures: which frame, which bands, how values became colours."""
    return {"notes": tuple(results["notes"])} if results.get("notes") else {}


def _views(results: Mapping[str, Any]) -> tuple[records.View, ...]:
    several = isinstance(results.get("img"), (list, tuple))
    if results.get("img") is None:
        raise ConfigError("the pipeline loads no image: begin it with LoadImageFromFile")
    images = [contiguous(image) for image in (results["img"] if several else [results["img"]])]
    traces = results["trace"] if several else [results["trace"]]
    names = results.get("view_names") or (
        [f"view {i}" for i in range(1, len(images) + 1)] if len(images) > 1 else ["view"]
    )
    return tuple(
        records.View(image, trace.crop(image.shape[1], image.shape[0]), trace.flip, trace.steps, name)
        for image, trace, name in zip(images, traces, names, strict=True)
    )
