"""Crops, at random and at the centre.

Definitions and argument names are those of MMCV, MMClassification and MMSelfSup; where two of them share a name the
spellings of both are accepted. A crop's `size` is `(h, w)`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from selfscope.data.parameters import interval, one_of, pair
from selfscope.data.resample import check_resampling, resize
from selfscope.data.trace import moved, pixels_of, trace_of
from selfscope.errors import ConfigError

Box = tuple[int, int, int, int]
"""`x, y, w, h` in whole pixels."""
Results = dict[str, Any]
PILLOW_CODES = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")
"""Pillow's filters by the numbers that torchvision configs use."""


def draw_crop(
    rng: np.random.Generator,
    width: int,
    height: int,
    *,
    scale: tuple[float, float],
    ratio: tuple[float, float],
    attempts: int = 10,
) -> Box:
    """The box of an Inception crop: an area in `scale` of the image, an aspect ratio log-uniform in `ratio`.

    After `attempts` boxes that do not fit, the largest centred one of the nearest allowed ratio. (Szegedy et al. 2015)
    """
    low, high = math.log(ratio[0]), math.log(ratio[1])
    for _ in range(attempts):
        area = rng.uniform(*scale) * width * height
        aspect = math.exp(rng.uniform(low, high))
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            return int(rng.integers(width - w + 1)), int(rng.integers(height - h + 1)), w, h
    aspect = width / height
    w = width if aspect <= ratio[1] else max(1, round(height * ratio[1]))
    h = height if aspect >= ratio[0] else max(1, round(width / ratio[0]))
    return (width - w) // 2, (height - h) // 2, w, h


def _cut(pixels: np.ndarray, box: Box) -> np.ndarray:
    x, y, w, h = box
    return pixels[y : y + h, x : x + w]


def _crop_and_resize(results: Mapping[str, Any], name: str, box: Box, size: tuple[int, int], **how: str) -> Results:
    """Results of a view `size = (h, w)` made of `box`; `how` is the interpolation and backend."""
    x, y, w, h = box
    pixels = resize(_cut(pixels_of(results), box), (size[1], size[0]), **how, to_the_byte=False)
    trace = trace_of(results).cropped(x, y).resized((w, h), (size[1], size[0])).step(name, x=x, y=y, w=w, h=h)
    return moved(results, pixels, trace)


@dataclass(frozen=True)
class RandomResizedCrop:
    """A random part of the image at a fixed size.

    MMSelfSup writes `size`, `scale` (share of the area) and `ratio`; MMClassification and MMPretrain write `scale` (the
    size), `crop_ratio_range` and `aspect_ratio_range`.
    """

    size: Any = None
    scale: Any = None
    ratio: Any = None
    crop_ratio_range: Any = None
    aspect_ratio_range: Any = None
    max_attempts: int = 10
    interpolation: str = "bilinear"
    backend: str = "cv2"

    def __post_init__(self) -> None:
        check_resampling(self.interpolation, self.backend)
        size, area = (self.scale, self.crop_ratio_range) if self.size is None else (self.size, self.scale)
        if size is None:
            raise ConfigError("RandomResizedCrop needs the argument 'size'")
        if self.size is not None and self.crop_ratio_range is not None:
            area = self.crop_ratio_range
        ratio = self.aspect_ratio_range if self.ratio is None else self.ratio
        object.__setattr__(self, "size", pair(size, "size"))
        object.__setattr__(self, "scale", interval((0.08, 1.0) if area is None else area, "scale", low=0, high=1))
        object.__setattr__(self, "ratio", _ratio(ratio))

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        height, width = pixels_of(results).shape[:2]
        box = draw_crop(rng, width, height, scale=self.scale, ratio=self.ratio, attempts=self.max_attempts)
        how = {"interpolation": self.interpolation, "backend": self.backend}
        return _crop_and_resize(results, "RandomResizedCrop", box, self.size, **how)


@dataclass(frozen=True)
class MAERandomResizedCrop:
    """An Inception crop, drawn once and cut off at the border, as in BYOL's and MAE's first code; Pillow's filters."""

    size: Any
    scale: Any = (0.08, 1.0)
    ratio: Any = None
    interpolation: Any = "bilinear"
    antialias: bool = True

    def __post_init__(self) -> None:
        name = PILLOW_CODES[self.interpolation] if isinstance(self.interpolation, int) else self.interpolation
        check_resampling(name, "pillow")
        object.__setattr__(self, "interpolation", name)
        object.__setattr__(self, "size", pair(self.size, "size"))
        object.__setattr__(self, "scale", interval(self.scale, "scale", low=0, high=1))
        object.__setattr__(self, "ratio", _ratio(self.ratio))

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        height, width = pixels_of(results).shape[:2]
        area = rng.uniform(*self.scale) * width * height
        aspect = math.exp(rng.uniform(math.log(self.ratio[0]), math.log(self.ratio[1])))
        w = min(max(1, round(math.sqrt(area * aspect))), width)
        h = min(max(1, round(math.sqrt(area / aspect))), height)
        box = (int(rng.integers(width - w + 1)), int(rng.integers(height - h + 1)), w, h)
        how = {"interpolation": self.interpolation, "backend": "pillow"}
        return _crop_and_resize(results, "MAERandomResizedCrop", box, self.size, **how)


@dataclass(frozen=True)
class TwoSizesCrop:
    """`RandomResizedCropAndInterpolationWithTwoPic`: one random crop, for the model and for its tokenizer.

    Resized by Pillow's filters, as in BEiT's own code. (MMSelfSup hands their numbers to OpenCV, which has others.)
    """

    size: Any
    second_size: Any = None
    scale: Any = (0.08, 1.0)
    ratio: Any = None
    interpolation: str = "bilinear"
    second_interpolation: str = "lanczos"

    def __post_init__(self) -> None:
        if self.interpolation != "random":
            check_resampling(self.interpolation, "pillow")
        check_resampling(self.second_interpolation, "pillow")
        second = None if self.second_size is None else pair(self.second_size, "second_size")
        object.__setattr__(self, "size", pair(self.size, "size"))
        object.__setattr__(self, "second_size", second)
        object.__setattr__(self, "scale", interval(self.scale, "scale", low=0, high=1))
        object.__setattr__(self, "ratio", _ratio(self.ratio))

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        height, width = pixels_of(results).shape[:2]
        box = draw_crop(rng, width, height, scale=self.scale, ratio=self.ratio)
        name, filters = "RandomResizedCropAndInterpolationWithTwoPic", ("bilinear", "bicubic")
        first = filters[int(rng.integers(2))] if self.interpolation == "random" else self.interpolation
        view = _crop_and_resize(results, name, box, self.size, interpolation=first, backend="pillow")
        if self.second_size is None:
            return view
        how = {"interpolation": self.second_interpolation, "backend": "pillow"}
        target = _crop_and_resize(results, name, box, self.second_size, **how)
        images, traces = [view["img"], target["img"]], [view["trace"], target["trace"]]
        return {**view, "img": images, "trace": traces, "view_names": ["view", "target"]}


@dataclass(frozen=True)
class CenterCrop:
    """The middle of the image; `crop_size` is one side or `(w, h)`. A smaller image is cut only where it is larger."""

    crop_size: Any
    auto_pad: bool = False
    pad_cfg: Mapping[str, Any] | None = None
    clip_object_border: bool = True

    def __post_init__(self) -> None:
        if self.auto_pad:
            raise ConfigError("CenterCrop(auto_pad=True) is not supported: resize to at least crop_size before it")
        object.__setattr__(self, "crop_size", pair(self.crop_size, "crop_size"))

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        height, width = pixels_of(results).shape[:2]
        w, h = min(self.crop_size[0], width), min(self.crop_size[1], height)
        x, y = round((width - w) / 2), round((height - h) / 2)
        trace = trace_of(results).cropped(x, y).step("CenterCrop", x=x, y=y, w=w, h=h)
        return moved(results, _cut(pixels_of(results), (x, y, w, h)), trace)


@dataclass(frozen=True)
class RandomCrop:
    """A part of fixed size anywhere; `size` (MMSelfSup) or `crop_size` (MMClassification), one side or `(h, w)`.

    `padding` is one number, `(left/right, top/bottom)`, or `(left, top, right, bottom)`; `pad_val` one value or RGB.
    Where the image is smaller than the crop and not padded, all of it is taken.
    """

    size: Any = None
    crop_size: Any = None
    padding: Any = None
    pad_if_needed: bool = False
    pad_val: Any = 0
    padding_mode: str = "constant"

    def __post_init__(self) -> None:
        size = self.crop_size if self.size is None else self.size
        if size is None:
            raise ConfigError("RandomCrop needs the argument 'size'")
        one_of(self.padding_mode, "padding_mode", ("constant", "edge", "reflect", "symmetric"))
        object.__setattr__(self, "size", pair(size, "size"))
        object.__setattr__(self, "padding", _borders(self.padding))

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        pixels = pixels_of(results)
        left, top, right, bottom = self.padding
        if self.pad_if_needed:
            more_w = max(0, math.ceil((self.size[1] - pixels.shape[1] - left - right) / 2))
            more_h = max(0, math.ceil((self.size[0] - pixels.shape[0] - top - bottom) / 2))
            left, top, right, bottom = left + more_w, top + more_h, right + more_w, bottom + more_h
        if left or top or right or bottom:
            pixels = self._padded(pixels, (left, top, right, bottom))
        height, width = pixels.shape[:2]
        h, w = min(self.size[0], height), min(self.size[1], width)
        x, y = int(rng.integers(width - w + 1)), int(rng.integers(height - h + 1))
        trace = trace_of(results).cropped(x - left, y - top).step("RandomCrop", x=x - left, y=y - top, w=w, h=h)
        return moved(results, _cut(pixels, (x, y, w, h)), trace)

    def _padded(self, pixels: np.ndarray, borders: Box) -> np.ndarray:
        left, top, right, bottom = borders
        widths = ((top, bottom), (left, right), (0, 0))
        if self.padding_mode != "constant":
            return np.pad(pixels, widths, mode=self.padding_mode)  # type: ignore[call-overload]
        filled = np.empty((pixels.shape[0] + top + bottom, pixels.shape[1] + left + right, pixels.shape[2]), np.uint8)
        filled[:] = np.asarray(self.pad_val, np.uint8)
        filled[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
        return filled


def _ratio(value: Any) -> tuple[float, float]:
    low, high = interval((3 / 4, 4 / 3) if value is None else value, "ratio", low=0)
    if low <= 0:
        raise ConfigError(f"ratio={value!r}: expected positive aspect ratios")
    return low, high


def _borders(padding: Any) -> Box:
    """`left, top, right, bottom` from one, two or four numbers, or None."""
    if padding is None:
        return 0, 0, 0, 0
    sides = [padding] if isinstance(padding, int) else list(padding) if isinstance(padding, Sequence) else []
    if len(sides) not in (1, 2, 4) or not all(isinstance(side, int) and side >= 0 for side in sides):
        raise ConfigError(f"padding={padding!r}: expected one, two or four whole numbers")
    left, top, right, bottom = sides * (4 // len(sides))
    return left, top, right, bottom
