"""The values that travel between layers and are not stored as they are: attribute bags, features, samples' parts.

`SelfSupDataSample` and `InstanceData` keep the attribute names that code written for MMSelfSup reads and writes.
Inside selfscope they are turned into a typed `records.Sample` at the door.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from selfscope.errors import RecordError


class DataElement:
    """A bag of attributes with `in`, `get`, `keys`, `items`, `pop`, `clone`: the part of MMEngine's that people use."""

    _meta: frozenset[str]

    def __init__(self, *, metainfo: Mapping[str, Any] | None = None, **values: Any) -> None:
        self.__dict__["_meta"] = frozenset(metainfo or ())
        for name, value in {**(metainfo or {}), **values}.items():
            setattr(self, name, value)

    def set_metainfo(self, metainfo: Mapping[str, Any]) -> None:
        """Adds fields that describe the sample (`img_path`, `ori_shape`, …) rather than hold its data."""
        self.__dict__["_meta"] = self._meta | set(metainfo)
        for name, value in metainfo.items():
            setattr(self, name, value)

    @property
    def metainfo(self) -> dict[str, Any]:
        return {name: self.__dict__[name] for name in sorted(self._meta) if name in self.__dict__}

    def keys(self) -> list[str]:
        return [name for name in self.__dict__ if name != "_meta" and name not in self._meta]

    def values(self) -> list[Any]:
        return [self.__dict__[name] for name in self.keys()]

    def items(self) -> Iterator[tuple[str, Any]]:
        return ((name, self.__dict__[name]) for name in self.keys())

    def get(self, name: str, default: Any = None) -> Any:
        return getattr(self, name, default)

    def pop(self, name: str, *default: Any) -> Any:
        return self.__dict__.pop(name, *default)

    def clone(self) -> DataElement:
        """A shallow copy: the same values in a new bag."""
        return type(self)(metainfo=self.metainfo, **dict(self.items()))

    def __contains__(self, name: str) -> bool:
        return name != "_meta" and name in self.__dict__

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(value, 'shape', value)!r}" for name, value in self.items())
        return f"{type(self).__name__}({fields})"


class InstanceData(DataElement):
    """`patch_box (1, n, 4) xyxy`, `unpatched_img`, `rot_label`: what a pretext task predicts."""


class LabelData(DataElement):
    """`label`: the class of an image, `(1,)` integers."""


class SelfSupDataSample(DataElement):
    """`mask.value` (h, w; 1 = removed), `pseudo_label`, `gt_label.label`, `img_path`, … of one image."""


@dataclass(frozen=True, eq=False, repr=False)
class Features:
    """Features of N items, a `(N, D)` array for every stage that was asked for, in the order of the data set."""

    arrays: Mapping[str, np.ndarray]
    """`(N, D)` float arrays by name: `feat_<out_index>`, `feat_neck`, `feat_pre_logits`; the first is the default."""
    labels: np.ndarray | None = None
    """`(N,)` int64, or None for data without labels."""
    paths: tuple[str, ...] | None = None
    class_names: tuple[str, ...] | None = None
    """Name of each label value."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What made these features: `model`, `checkpoint`, `trained`, `stage`, `dataset`, `skipped` …, as plain values."""
    skipped: tuple[tuple[str, str], ...] = ()
    """`(path, reason)` of every image that could not be read and is not among the N."""

    def __post_init__(self) -> None:
        if not self.arrays:
            raise RecordError("features: expected at least one (N, D) array, got none")
        counts = {name: array.shape for name, array in self.arrays.items()}
        if any(array.ndim != 2 for array in self.arrays.values()) or len({shape[0] for shape in counts.values()}) != 1:
            raise RecordError(f"features: expected (N, D) arrays with one N, got {counts}")
        for name, values in (("labels", self.labels), ("paths", self.paths)):
            if values is not None and len(values) != len(self):
                raise RecordError(f"features: {len(values)} {name} for {len(self)} items")

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in self.arrays.items())
        classes = f", {len(self.class_names)} classes" if self.class_names else ""
        return f"Features({shapes}{classes}, {len(self.skipped)} skipped)"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(next(iter(self.arrays.values())), dtype=dtype, copy=True if copy is None else copy)
