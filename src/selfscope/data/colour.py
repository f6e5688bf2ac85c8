"""Transforms that change colours and sharpness but move nothing, on RGB bytes.

Definitions and argument names are those of MMCV, MMSelfSup and MMPretrain. Brightness is Pillow's to the byte, contrast
and saturation to a level. Hue is turned and pictures are blurred by OpenCV, which is nearer to the exact values than
Pillow and several times as fast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from selfscope.data.parameters import interval, one_of, probability
from selfscope.data.trace import pixels_of, trace_of
from selfscope.errors import ConfigError

Results = dict[str, Any]
JITTERS = ("brightness", "contrast", "saturation", "hue")


def _recoloured(results: Mapping[str, Any], pixels: np.ndarray, name: str, **params: Any) -> Results:
    return {**results, "img": pixels, "trace": trace_of(results).step(name, **params)}


@dataclass(frozen=True)
class ColorJitter:
    """Brightness, contrast, saturation and hue by factors drawn uniformly, in an order drawn at random.

    A number `v` means `1 - v .. 1 + v` (not below 0), for hue `-v .. v` in turns of the colour circle, at most 0.5; or
    give `(min, max)`. Hue turns in 256 steps. `backend`, a choice of library in MMSelfSup, changes nothing here.
    """

    brightness: Any = 0.0
    contrast: Any = 0.0
    saturation: Any = 0.0
    hue: Any = 0.0
    backend: str = "pillow"

    def __post_init__(self) -> None:
        one_of(self.backend, "ColorJitter backend", ("pillow", "cv2"))
        for name in JITTERS:
            object.__setattr__(self, name, _factors(getattr(self, name), name))

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        order = [JITTERS[i] for i in rng.permutation(4)]
        ranges = {name: getattr(self, name) for name in JITTERS}
        drawn = {name: float(rng.uniform(*r)) for name, r in ranges.items() if r is not None}
        order = [name for name in order if name in drawn]
        pixels = pixels_of(results)
        for name in order:
            pixels = _JITTER[name](pixels, drawn[name])
        return _recoloured(results, pixels, "ColorJitter", **drawn, order=tuple(order))


def _factors(value: Any, name: str) -> tuple[float, float] | None:
    """The range of a factor, or None when it would change nothing."""
    centre, low, high = (0.0, -0.5, 0.5) if name == "hue" else (1.0, 0.0, float("inf"))
    if isinstance(value, Sequence) and not isinstance(value, str):
        both = interval(value, name, low=low, high=high)
    elif isinstance(value, (int, float)) and 0 <= value <= high:
        both = (centre - value if name == "hue" else max(0.0, centre - value), centre + value)
    else:
        raise ConfigError(
            f"{name}={value!r}: expected a number of at least 0{' up to 0.5' * (name == 'hue')}, or (min, max)"
        )
    return None if both == (centre, centre) else both


def brighten(pixels: np.ndarray, factor: float) -> np.ndarray:
    """Mixed with black, or away from it."""
    return cv2.LUT(pixels, _mixed_with(0, factor))


def stretch_contrast(pixels: np.ndarray, factor: float) -> np.ndarray:
    """Mixed with the picture's mean grey, or away from it."""
    return cv2.LUT(pixels, _mixed_with(round(cv2.mean(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))[0]), factor))


def saturate(pixels: np.ndarray, factor: float) -> np.ndarray:
    """Mixed with the grey picture, or away from it."""
    grey = cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return cv2.addWeighted(pixels, factor, grey, 1 - factor, 0)


def turn_hue(pixels: np.ndarray, turns: float) -> np.ndarray:
    """The colours of RGB bytes, turned by a share of the colour circle in -0.5..0.5."""
    hsv = cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV_FULL)
    hsv[..., 0] += np.uint8(round(turns * 256) % 256)  # bytes wrap around as the circle does
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB_FULL)


def _mixed_with(level: int, factor: float) -> np.ndarray:
    """What becomes of each of the 256 levels; in single precision and cut to bytes, not rounded, as in Pillow."""
    return np.clip(level + np.float32(factor) * (np.arange(256, dtype=np.float32) - level), 0, 255).astype(np.uint8)


_JITTER = {"brightness": brighten, "contrast": stretch_contrast, "saturation": saturate, "hue": turn_hue}


@dataclass(frozen=True)
class RandomGrayscale:
    """Grey with probability `prob`; channel weights are in OpenMMLab's order, blue first, and are normalised.

    The image always keeps three channels: a pipeline that drops them at random could not make batches. The weighted
    sum is cut, not rounded, to a byte, as in MMCV. `color_format="rgb"` means that the weights are given red first.
    """

    prob: float = 0.1
    keep_channels: bool = True
    channel_weights: Sequence[float] = (1.0, 1.0, 1.0)
    color_format: str = "bgr"

    def __post_init__(self) -> None:
        probability(self.prob)
        one_of(self.color_format, "color_format", ("bgr", "rgb"))
        weights = [float(weight) for weight in self.channel_weights]
        if len(weights) != 3 or min(weights) < 0 or sum(weights) <= 0:
            raise ConfigError(f"channel_weights={self.channel_weights!r}: expected three weights with a positive sum")
        if self.color_format == "rgb":
            weights.reverse()
        object.__setattr__(self, "channel_weights", tuple(weights))

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        pixels, applied = pixels_of(results), bool(rng.random() < self.prob)
        if applied:
            blue, green, red = np.array(self.channel_weights) / sum(self.channel_weights)
            grey = (pixels[..., 2] * blue + pixels[..., 1] * green) + pixels[..., 0] * red
            pixels = np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)
        return _recoloured(results, pixels, "RandomGrayscale", applied=applied)


@dataclass(frozen=True)
class RandomGaussianBlur:
    """Blurred with probability `prob` by a Gaussian of a standard deviation, in pixels, drawn from the range.

    OpenCV's: cut off at three deviations, mirrored at the border. (SimCLR, 2020)
    """

    sigma_min: float
    sigma_max: float
    prob: float = 0.5

    def __post_init__(self) -> None:
        probability(self.prob)
        interval((self.sigma_min, self.sigma_max), "(sigma_min, sigma_max)", low=0)

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        if rng.random() >= self.prob:
            return _recoloured(results, pixels_of(results), "RandomGaussianBlur", applied=False)
        sigma = float(rng.uniform(self.sigma_min, self.sigma_max))
        blurred = cv2.GaussianBlur(pixels_of(results), (0, 0), sigma) if sigma else pixels_of(results)
        return _recoloured(results, blurred, "RandomGaussianBlur", applied=True, sigma=sigma)


@dataclass(frozen=True)
class RandomSolarize:
    """Values from `threshold` up are inverted (`255 - value`) with probability `prob`. (BYOL, 2020)"""

    threshold: int = 128
    prob: float = 0.5

    def __post_init__(self) -> None:
        probability(self.prob)

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        pixels, applied = pixels_of(results), bool(rng.random() < self.prob)
        if applied:
            levels = np.arange(256)
            pixels = cv2.LUT(pixels, np.where(levels < self.threshold, levels, 255 - levels).astype(np.uint8))
        return _recoloured(results, pixels, "RandomSolarize", applied=applied)


def GaussianBlur(
    radius: float | None = None,
    prob: float = 0.5,
    magnitude_range: Sequence[float] | None = None,
    magnitude_std: Any = 0.0,
) -> RandomGaussianBlur:
    """MMPretrain's spelling: one `radius`, or drawn from `magnitude_range` with `magnitude_std="inf"`."""
    if (radius is None) == (magnitude_range is None) or (magnitude_range is not None and magnitude_std != "inf"):
        raise ConfigError("GaussianBlur: expected radius, or magnitude_range=(min, max) with magnitude_std='inf'")
    low, high = (radius, radius) if magnitude_range is None else interval(magnitude_range, "magnitude_range", low=0)
    return RandomGaussianBlur(float(low or 0), float(high or 0), prob)


def Solarize(thr: int = 128, prob: float = 0.5) -> RandomSolarize:
    """MMPretrain's spelling of RandomSolarize."""
    return RandomSolarize(thr, prob)
