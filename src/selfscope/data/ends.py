"""The two ends of a pipeline: an image comes in from a file, tensors and a data sample go out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from selfscope.data.bands import parse_bands, read_bands
from selfscope.data.parameters import one_of
from selfscope.data.picture import read_picture
from selfscope.data.trace import PICTURED, Trace, moved
from selfscope.errors import ConfigError, nearest
from selfscope.structures import InstanceData, LabelData, SelfSupDataSample

Results = dict[str, Any]
META_KEYS = ("sample_idx", "img_path", "ori_shape", "img_shape", "scale_factor", "flip", "flip_direction")


@dataclass(frozen=True, eq=False)
class Packed:
    """One item as a model takes it."""

    inputs: list[torch.Tensor]
    """`(C, H, W)` uint8 RGB, one a view."""
    data_samples: Any
    """A SelfSupDataSample, or what a pack transform of the user's made."""

    def __getitem__(self, name: str) -> Any:
        return {"inputs": self.inputs, "data_samples": self.data_samples}[name]


@dataclass(frozen=True)
class LoadImageFromFile:
    """`img` from `img_path`, RGB (OpenMMLab: BGR); which decoder is asked for makes no difference to the pixels."""

    to_float32: bool = False
    color_type: str = "color"
    imdecode_backend: str = "cv2"
    file_client_args: Mapping[str, Any] | None = None
    ignore_empty: bool = False
    backend_args: Mapping[str, Any] | None = None
    bands: Any = None
    """Which bands of an image with other than three make the picture, from 1: `(4, 3, 2)` or `"4,3,2"`."""
    band_range: Any = None
    """The values that are black and white in every band; None stretches each image."""

    def __post_init__(self) -> None:
        one_of(self.color_type, "color_type", ("color", "color_ignore_orientation"))
        if self.to_float32:
            raise ConfigError("LoadImageFromFile(to_float32=True): images stay bytes until the model normalises them")
        storage = (self.backend_args or self.file_client_args or {}).get("backend", "local")
        one_of(storage, "LoadImageFromFile: storage backend", ("local", "disk"))
        object.__setattr__(self, "bands", parse_bands(self.bands, self.band_range))

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        notes: list[str] = []
        if self.bands is None:
            pixels = read_picture(results["img_path"], upright=self.color_type == "color", notes=notes)
        else:
            pixels, rule = read_bands(results["img_path"], self.bands)
            notes.append(rule)
        height, width = pixels.shape[:2]
        trace = Trace(width, height, pictured=bool(results.get(PICTURED)))
        more = {"original": pixels, "ori_shape": (height, width), "img_form": "array", "notes": notes}
        return moved(results, pixels, trace, **more)


@dataclass(frozen=True)
class ToPIL:
    """Hands Pillow images to transforms of the user's; ours take and give arrays whatever stands before them."""

    to_rgb: bool = False

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        return {**results, "img_form": "pillow"}


@dataclass(frozen=True)
class ToNumpy:
    """Hands arrays to transforms of the user's again."""

    keys: Sequence[str] = ("img",)
    to_bgr: bool = False
    to_rgb: bool = False
    dtype: str | None = None

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        return {**results, "img_form": "array"}


@dataclass(frozen=True)
class PackSelfSupInputs:
    """`inputs`, one tensor a view, and `data_samples`.

    `algorithm_keys` become `data_samples.<key>.value`, `pseudo_label_keys` become `data_samples.pseudo_label.<key>`,
    `meta_keys` plain attributes. `gt_label.label` is there whenever the item has a label.
    """

    key: str = "img"
    algorithm_keys: Sequence[str] = ()
    pseudo_label_keys: Sequence[str] = ()
    meta_keys: Sequence[str] = ()

    def check(self, results: Mapping[str, Any]) -> None:
        """Refuses results that lack what is to be packed."""
        for name in (*_drawn(self.algorithm_keys), *self.pseudo_label_keys, *self.meta_keys, self.key):
            _need(results, name)

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        fields = _algorithm_fields(results, self.algorithm_keys)
        if self.pseudo_label_keys:
            named = {name: _tensor(_need(results, name)) for name in self.pseudo_label_keys}
            fields["pseudo_label"] = InstanceData(metainfo=None, **named)
        sample = _sample_of(results, fields, {name: _need(results, name) for name in self.meta_keys})
        return {**results, "inputs": inputs_of(results, self.key), "data_samples": sample}


@dataclass(frozen=True)
class PackClsInputs:
    """`inputs` and `data_samples` with `gt_label.label` and those of `meta_keys` that there are."""

    meta_keys: Sequence[str] = META_KEYS
    input_key: str = "img"
    algorithm_keys: Sequence[str] = ()

    def check(self, results: Mapping[str, Any]) -> None:
        """Refuses results that lack what is to be packed."""
        for name in (*_drawn(self.algorithm_keys), self.input_key):
            _need(results, name)

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        meta = {name: results[name] for name in self.meta_keys if name in results}
        sample = _sample_of(results, _algorithm_fields(results, self.algorithm_keys), meta)
        return {**results, "inputs": inputs_of(results, self.input_key), "data_samples": sample}


def inputs_of(results: Mapping[str, Any], key: str = "img") -> list[torch.Tensor]:
    """The image or images of `results` as `(C, H, W)` uint8 tensors of their own memory."""
    images = _need(results, key)
    several = images if isinstance(images, (list, tuple)) else [images]
    return [torch.from_numpy(np.array(image.transpose(2, 0, 1), order="C")) for image in several]


def _algorithm_fields(results: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: InstanceData(value=_tensor(_need(results, name))) for name in _drawn(names)}


def _drawn(names: Sequence[str]) -> list[str]:
    """Labels come from the listing, whatever is asked for."""
    return [name for name in names if name != "gt_label"]


def _sample_of(results: Mapping[str, Any], fields: dict[str, Any], meta: Mapping[str, Any]) -> SelfSupDataSample:
    if results.get("gt_label") is not None:
        fields["gt_label"] = LabelData(label=torch.tensor([int(results["gt_label"])]))
    return SelfSupDataSample(metainfo=meta, **fields)


def _need(results: Mapping[str, Any], name: str) -> Any:
    if name not in results:
        hint = nearest(name, results)
        raise ConfigError(f"nothing to pack under {name!r}: no transform of this pipeline makes it.{hint}")
    return results[name]


def _tensor(value: Any) -> torch.Tensor:
    """A tensor of an array or a list; a number becomes `(1,)`."""
    if isinstance(value, torch.Tensor):
        return value
    return torch.from_numpy(np.atleast_1d(np.ascontiguousarray(value)))
