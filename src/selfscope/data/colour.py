"""Transforms that change colours and sharpness but move nothing, on RGB bytes; the formulas are Pillow's.

Definitions and argument names are those of MMCV, MMSelfSup and MMPretrain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

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
    give `(min, max)`. Hue turns the bytes of Pillow's HSV cyclically, as torchvision does on Pillow images.
    """

    brightness: Any = 0.0
    contrast: Any = 0.0
    saturation: Any = 0.0
    hue: Any = 0.0
    backend: str = "pillow"

    def __post_init__(self) -> None:
        one_of(self.backend, "ColorJitter backend", ("pillow",))
        for name in JITTERS:
            object.__setattr__(self, name, _factors(getattr(self, name), name))

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        order = [JITTERS[i] for i in rng.permutation(4)]
        ranges = {name: getattr(self, name) for name in JITTERS}
        drawn = {name: float(rng.uniform(*r)) for name, r in ranges.items() if r is not None}
        order = [name for name in order if name in drawn]
        image = Image.fromarray(pixels_of(results))
        for name in order:
            image = _JITTER[name](image, drawn[name])
        return _recoloured(results, np.asarray(image), "ColorJitter", **drawn, order=tuple(order))


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


def turn_hue(image: Image.Image, turns: float) -> Image.Image:
    """The colours of an RGB image, turned by a share of the colour circle in -0.5..0.5."""
    hsv = np.array(image.convert("HSV"))
    hsv[..., 0] += np.uint8(int(turns * 255) % 256)  # bytes wrap around as the circle does
    return Image.frombytes("HSV", image.size, hsv.tobytes()).convert("RGB")


_JITTER: dict[str, Any] = {
    "brightness": lambda image, factor: ImageEnhance.Brightness(image).enhance(factor),
    "contrast": lambda image, factor: ImageEnhance.Contrast(image).enhance(factor),
    "saturation": lambda image, factor: ImageEnhance.Color(image).enhance(factor),
    "hue": turn_hue,
}


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

    Pillow's blur: three box filters, which differ from the exact Gaussian by a few grey levels. (SimCLR, 2020)
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
        blurred = Image.fromarray(pixels_of(results)).filter(ImageFilter.GaussianBlur(radius=sigma))
        return _recoloured(results, np.asarray(blurred), "RandomGaussianBlur", applied=True, sigma=sigma)


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
            pixels = np.where(pixels < self.threshold, pixels, 255 - pixels)
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
