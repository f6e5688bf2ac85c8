"""What one draw of a pipeline did: numbers of each view, read from its record and from its pixels.

Colours are compared with the same crop of the original before any colour was changed, both reduced to 32 × 32 pixels.
What cannot be known (the colour shift of a view whose crop is unknown) is NaN, never a guess.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from PIL import Image

from selfscope import overlap
from selfscope.records import Sample, Step, View
from selfscope.sampled import SHOWN

SIDE = 32
"""Views and crops are compared at this size."""
GREY = 3
"""Channels that differ by no more than this many levels count as equal."""
COLOURED = 8
"""A crop is coloured when its channels differ by this many levels on average; only then can a view have lost colour."""
TARGET = "target"
NAN = float("nan")
Numbers = dict[str, float]


@dataclass(frozen=True)
class Drawn:
    """One draw, without its pictures."""

    views: tuple[Numbers, ...]
    """By quantity, for each view."""
    sizes: tuple[tuple[int, int], ...]
    """`(width, height)` of each view."""
    crops: tuple[tuple[float, float, float, float] | None, ...]
    prints: tuple[bytes, ...]
    """A digest of each view's pixels."""
    mask: np.ndarray | None
    boxed: bool
    """Whether the views are patches of one picture, which never overlap."""
    names: tuple[str, ...] = ()
    """What stands under each view; a `target` is what a tokenizer sees of a view, and no view of its own."""

    @property
    def pairs(self) -> list[overlap.Overlap]:
        """Overlaps of the views that are pairs: not patches of one picture, nor a view and its tokenizer's target."""
        targets = [name == TARGET for name in self.names] or [False] * len(self.crops)
        crops = [None if target else crop for crop, target in zip(self.crops, targets, strict=True)]
        return [] if self.boxed else overlap.pairwise(crops)

    @property
    def everything(self) -> tuple[bytes, ...]:
        """Equal for draws that a model could not tell apart."""
        return self.prints if self.mask is None else (*self.prints, self.mask.tobytes())


def measure(sample: Sample) -> Drawn:
    """The numbers of every view of a sample."""
    original = None if sample.original is None else Image.fromarray(sample.original)
    return Drawn(
        views=tuple(_view_numbers(view, original) for view in sample.views),
        sizes=tuple((view.picture.shape[1], view.picture.shape[0]) for view in sample.views),
        crops=tuple(view.crop for view in sample.views),
        prints=tuple(_digest(view.picture) for view in sample.views),
        mask=sample.mask,
        boxed=sample.boxes is not None,
        names=tuple(view.name for view in sample.views),
    )


def _view_numbers(view: View, original: Image.Image | None) -> Numbers:
    small = _reduced(Image.fromarray(view.picture))
    numbers = {
        "contrast": float(np.ptp(view.picture.reshape(-1, 3), axis=0).max()),
        "flipped": NAN if view.crop is None else float(view.flip in ("horizontal", "diagonal")),
        "upside down": NAN if view.crop is None else float(view.flip in ("vertical", "diagonal")),
        **_drawn(view.steps),
    }
    if original is None or view.crop is None or min(view.crop[2:]) <= 0:
        return numbers
    x, y, w, h = view.crop
    numbers["area"] = w * h / (original.width * original.height)
    numbers["aspect"] = w / h
    crop = _reduced(original, (x, y, x + w, y + h))
    if view.flip in ("horizontal", "diagonal"):
        crop = crop[:, ::-1]
    if view.flip in ("vertical", "diagonal"):
        crop = crop[::-1]
    return numbers | colour_shift(small, crop)


def colour_shift(view: np.ndarray, crop: np.ndarray) -> Numbers:
    """What became of the colours of `crop`; both `(h, w, 3)` uint8 RGB, pixel by pixel the same place.

    `swapped` is the cosine between red minus blue before and after: 1 for the same colours, -1 with red and blue
    exchanged; NaN where there is no such contrast. `grey` is NaN for a crop that had no colour to lose.
    """
    shift = view.mean(axis=(0, 1)) - crop.mean(axis=(0, 1))
    before, after = _hsv(crop), _hsv(view)
    warm = [pixels[..., 0].astype(float) - pixels[..., 2] for pixels in (crop, view)]
    strength = [float(np.sqrt((part**2).mean())) for part in warm]
    coloured = float(np.ptp(crop.astype(int), axis=2).mean()) >= COLOURED
    grey = float(np.ptp(view.astype(int), axis=2).max() <= GREY)
    return {
        "red": float(shift[0]),
        "green": float(shift[1]),
        "blue": float(shift[2]),
        "hue": NAN if grey else _hue_shift(before, after),
        "saturation": float((after[..., 1] - before[..., 1]).mean()) / 255,
        "value": float((after[..., 2] - before[..., 2]).mean()) / 255,
        "grey": grey if coloured else NAN,
        "swapped": float((warm[0] * warm[1]).mean()) / (strength[0] * strength[1]) if min(strength) > GREY else NAN,
    }


def _hue_shift(before: np.ndarray, after: np.ndarray) -> float:
    """The mean turn of the hue in degrees, weighted by colourfulness; NaN where nothing is coloured."""
    weight = np.minimum(before[..., 1] * before[..., 2], after[..., 1] * after[..., 2]) / 255**2
    if weight.mean() < 0.01:
        return NAN
    turn = (after[..., 0] - before[..., 0]) * (2 * math.pi / 255)
    return math.degrees(math.atan2((np.sin(turn) * weight).sum(), (np.cos(turn) * weight).sum()))


def _drawn(steps: tuple[Step, ...]) -> Numbers:
    """What the pipeline says of its own draws: NaN for what it has no step for."""
    numbers = {}
    for step in steps:
        applied = bool(step.params.get("applied", True))
        if "blur" in step.name.lower():
            numbers["blurred"] = float(applied)
            numbers["blur"] = _sigma(step.params) if applied else NAN
        elif "solari" in step.name.lower():
            numbers["solarized"] = float(applied)
        elif step.name == SHOWN:
            numbers["beyond"] = float(step.params.get("beyond", 0.0))
    return numbers


def _sigma(params: Mapping[str, Any]) -> float:
    value = params.get("sigma", NAN)
    return float(value[0] if isinstance(value, (list, tuple)) else value)


def _reduced(image: Image.Image, box: tuple[float, float, float, float] | None = None) -> np.ndarray:
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX, box=box))


def _hsv(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).convert("HSV")).astype(np.float64)


def _digest(picture: np.ndarray) -> bytes:
    return blake2b(np.ascontiguousarray(picture).tobytes() + repr(picture.shape).encode(), digest_size=16).digest()
