"""`torchvision/X` in a config: torchvision's own transforms on Pillow images, drawn from the sample's generator.

Those that move pixels in the usual ways are done here by the same definitions, so that their crops and flips are on
record, and so are those made of other transforms; every other class of `torchvision.transforms` runs as it is.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from selfscope.data import crops
from selfscope.data.parameters import pair, probability
from selfscope.data.resample import check_resampling, resize
from selfscope.data.seeds import global_seeds
from selfscope.data.spatial import mirrored
from selfscope.data.trace import moved, pixels_of, trace_of
from selfscope.errors import ConfigError, nearest

Results = dict[str, Any]
STILL = (
    "ColorJitter",
    "GaussianBlur",
    "Grayscale",
    "RandomAdjustSharpness",
    "RandomAutocontrast",
    "RandomEqualize",
    "RandomGrayscale",
    "RandomInvert",
    "RandomPosterize",
    "RandomSolarize",
)
"""Classes of torchvision that leave every pixel where it is."""


def _filter(interpolation: Any) -> str:
    """The name of a filter from a name, Pillow's number or torchvision's InterpolationMode."""
    value = getattr(interpolation, "value", interpolation)
    name = crops.PILLOW_CODES[value] if isinstance(value, int) and 0 <= value < 6 else str(value)
    check_resampling(name, "pillow")
    return name


@dataclass(frozen=True)
class Resize:
    """The short side to `size` (not past `max_size` on the long one), or to `(h, w)`; antialiased."""

    size: Any
    interpolation: Any = "bilinear"
    max_size: int | None = None
    antialias: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "interpolation", _filter(self.interpolation))
        pair(self.size[0] if isinstance(self.size, Sequence) and len(self.size) == 1 else self.size, "size")

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        pixels = pixels_of(results)
        height, width = pixels.shape[:2]
        w, h = self._size(width, height)
        trace = trace_of(results).resized((width, height), (w, h)).step("Resize", w=w, h=h)
        return moved(results, resize(pixels, (w, h), interpolation=self.interpolation, backend="pillow"), trace)

    def _size(self, width: int, height: int) -> tuple[int, int]:
        if isinstance(self.size, Sequence) and len(self.size) == 2:
            return int(self.size[1]), int(self.size[0])
        short = int(self.size[0] if isinstance(self.size, Sequence) else self.size)
        long = int(short * max(width, height) / min(width, height))
        if self.max_size is not None and long > self.max_size:
            short, long = int(self.max_size * short / long), self.max_size
        return (short, long) if width <= height else (long, short)


@dataclass(frozen=True)
class CenterCrop:
    """The middle; what a smaller image lacks is black."""

    size: Any

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", pair(self.size, "size"))

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        pixels, (h, w) = pixels_of(results), self.size
        height, width = pixels.shape[:2]
        left, top = max(0, (w - width) // 2), max(0, (h - height) // 2)
        right, bottom = max(0, (w - width + 1) // 2), max(0, (h - height + 1) // 2)
        pixels = np.pad(pixels, ((top, bottom), (left, right), (0, 0)))
        x, y = round((pixels.shape[1] - w) / 2), round((pixels.shape[0] - h) / 2)
        trace = trace_of(results).cropped(x - left, y - top).step("CenterCrop", x=x - left, y=y - top, w=w, h=h)
        return moved(results, pixels[y : y + h, x : x + w], trace)


@dataclass(frozen=True)
class RandomHorizontalFlip:
    """Mirrored left to right with probability `p`."""

    p: float = 0.5
    direction = "horizontal"

    def __post_init__(self) -> None:
        probability(self.p, "p")

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        direction = self.direction if rng.random() < self.p else None
        trace = trace_of(results).step(type(self).__name__, direction=direction)
        return mirrored(results, direction, trace) if direction else {**results, "trace": trace}


@dataclass(frozen=True)
class RandomVerticalFlip(RandomHorizontalFlip):
    """Mirrored top to bottom with probability `p`."""

    direction = "vertical"


def RandomCrop(
    size: Any, padding: Any = None, pad_if_needed: bool = False, fill: Any = 0, padding_mode: str = "constant"
) -> crops.RandomCrop:
    """A part of `size = (h, w)` anywhere, after padding."""
    return crops.RandomCrop(
        size=size, padding=padding, pad_if_needed=pad_if_needed, pad_val=fill, padding_mode=padding_mode
    )


def RandomResizedCrop(
    size: Any,
    scale: Any = (0.08, 1.0),
    ratio: Any = (3 / 4, 4 / 3),
    interpolation: Any = "bilinear",
    antialias: bool = True,
) -> crops.RandomResizedCrop:
    """An Inception crop, resized with antialiasing."""
    name = _filter(interpolation)
    return crops.RandomResizedCrop(size=size, scale=scale, ratio=ratio, interpolation=name, backend="pillow")


def Compose(transforms: Any) -> Any:
    """All of `transforms`, one after the other."""
    from selfscope.data import branching

    return branching.Compose(transforms)


def RandomApply(transforms: Any, p: float = 0.5) -> Any:
    """All of `transforms` with probability `p`, else none."""
    from selfscope.data import branching

    return branching.RandomApply(transforms, prob=probability(p, "p"))


def RandomChoice(transforms: Any, p: Sequence[float] | None = None) -> Any:
    """One of `transforms`, with weights `p` of any sum, equal ones when None."""
    from selfscope.data import branching

    return branching.RandomChoice(transforms, prob=None if p is None else [weight / sum(p) for weight in p])


@dataclass(frozen=True)
class AsItIs:
    """Any other torchvision transform, called on a Pillow image; whatever it raises is the pipeline's fault."""

    transform: Any

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        pixels, name = pixels_of(results), type(self.transform).__name__
        try:
            with global_seeds(rng):
                after = self.transform(Image.fromarray(pixels))
        except Exception as error:
            raise ConfigError(f"torchvision/{name} cannot take a Pillow image {pixels.shape}: {error}") from error
        made = np.asarray(after).copy()
        if made.ndim == 2:
            made = np.repeat(made[..., None], 3, axis=2)
        if made.dtype != np.uint8 or made.ndim != 3 or made.shape[2] != 3:
            raise ConfigError(
                f"torchvision/{name} made an image {made.dtype} {made.shape}, expected (H, W, 3) uint8: leave it out, "
                "images become tensors when they are packed"
            )
        trace = trace_of(results).step(name)
        return moved(results, made, trace if name in STILL else trace.lost())


def maker(name: str) -> Callable[..., Any]:
    """What builds `torchvision/<name>`, with the arguments that torchvision's class of that name takes."""
    return _OURS[name] if name in _OURS else _maker_of_theirs(name)


def _maker_of_theirs(name: str) -> Callable[..., AsItIs]:
    import torchvision.transforms as theirs

    if name == "RandomOrder":
        raise ConfigError("torchvision/RandomOrder is not supported: use RandomChoice over the orders that you want")
    if name not in theirs.transforms.__all__ + ["AutoAugment", "AugMix", "RandAugment", "TrivialAugmentWide"]:
        raise ConfigError(f"torchvision.transforms has no class {name!r}.{nearest(name, theirs.transforms.__all__)}")

    kind = getattr(theirs, name)

    def make(*args: Any, **kwargs: Any) -> AsItIs:
        if isinstance(kwargs.get("interpolation"), str):
            kwargs["interpolation"] = theirs.InterpolationMode(kwargs["interpolation"])
        return AsItIs(kind(*args, **kwargs))

    make.__name__ = f"torchvision/{name}"
    make.__signature__ = inspect.signature(kind)  # type: ignore[attr-defined]
    return make


_OURS: dict[str, Callable[..., Any]] = {
    "Compose": Compose,
    "RandomApply": RandomApply,
    "RandomChoice": RandomChoice,
    "Resize": Resize,
    "CenterCrop": CenterCrop,
    "RandomCrop": RandomCrop,
    "RandomResizedCrop": RandomResizedCrop,
    "RandomHorizontalFlip": RandomHorizontalFlip,
    "RandomVerticalFlip": RandomVerticalFlip,
}
