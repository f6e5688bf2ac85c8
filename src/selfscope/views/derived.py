"""What a model makes of its views before it learns: its targets, and what it is fed in their place.

The pipeline alone does not show these, though they are what the algorithm is about: PixMIM predicts the low frequencies
of its view, MaskFeat its gradients' directions; MixMIM fills removed cells from another image; DeepCluster may see the
gradients alone. All are drawn from the first view's pixels, or from every view's where the backbone makes them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import cv2
import numpy as np
import torch

from selfscope.config.reader import Config
from selfscope.data.dataset import Dataset
from selfscope.draw.hog import hog_picture
from selfscope.draw.mask import expand
from selfscope.errors import ConfigError, DataError
from selfscope.records import Sample

if TYPE_CHECKING:
    from selfscope.models.hog import HOGGenerator


class Derivation(Protocol):
    """One kind of such pictures."""

    def __call__(self, sample: Sample) -> tuple[Mapping[str, np.ndarray], str]:
        """Pictures by name, and one line that says how to read them."""
        ...


@dataclass(frozen=True)
class LowFrequencies:
    """PixMIM's target (arXiv:2303.02416): the view without what is finer than `radius` waves an image."""

    radius: float

    def __post_init__(self) -> None:
        if not isinstance(self.radius, (int, float)) or not self.radius >= 0:
            raise ConfigError(f"LowFreqTargetGenerator: expected a radius of at least 0, got {self.radius!r}")

    def __call__(self, sample: Sample) -> tuple[Mapping[str, np.ndarray], str]:
        target = low_pass(sample.views[0].picture, self.radius)
        return {"low-frequency target": target}, f"low-frequency target: up to {self.radius:g} waves across the view"


def low_pass(picture: np.ndarray, radius: float) -> np.ndarray:
    """`(H, W, 3)` uint8 without frequencies beyond `radius`.

    The ideal circle stands at the middle of the shifted spectrum, half a step beside its zero, and the modulus is
    taken of what comes back: so does the published code.
    """
    from scipy import fft  # here, since nothing else of browsing needs it

    down, across = (np.arange(n) - (n - 1) / 2 for n in picture.shape[:2])
    kept = fft.ifftshift(np.hypot(down[:, None], across) <= radius)
    waves = fft.fft2(picture.transpose(2, 0, 1).astype(np.float32), overwrite_x=True)
    waves *= kept
    colours = np.abs(fft.ifft2(waves, overwrite_x=True))
    return np.ascontiguousarray(np.rint(np.minimum(colours, 255)).astype(np.uint8).transpose(1, 2, 0))


@dataclass(frozen=True)
class OrientedGradients:
    """MaskFeat's target (arXiv:2112.09133), as strokes: see `selfscope.draw.hog`."""

    nbins: int = 9
    pool: int = 8
    window: int = 16

    def __post_init__(self) -> None:
        given = (self.nbins, self.pool, self.window)
        if not all(isinstance(value, int) for value in given) or min(given[:2]) < 1 or self.window < 0:
            raise ConfigError(
                "HOGGenerator: expected whole numbers, nbins and pool of at least 1, gaussian_window of at least 0, "
                f"got {', '.join(map(repr, given))}"
            )

    def __call__(self, sample: Sample) -> tuple[Mapping[str, np.ndarray], str]:
        picture = sample.views[0].picture
        units = [unit for unit in (self.pool, self.window) if unit and any(side % unit for side in picture.shape[:2])]
        if units:
            unit = max(units)
            size = f"{picture.shape[1]} x {picture.shape[0]} px"
            return {}, f"no HOG target: views of {size} are not whole cells of {unit} px"
        strokes = hog_picture(hog_cells(picture, self.nbins, self.pool, self.window), self.pool)
        drawn = np.repeat(strokes.astype(np.uint8)[..., None], 3, axis=2)
        return {
            "HOG target": drawn
        }, f"HOG target: {self.nbins} directions in cells of {self.pool} px, mean of the colours"


def hog_cells(picture: np.ndarray, nbins: int = 9, pool: int = 8, window: int = 16) -> np.ndarray:
    """The model's histograms, averaged over the colours: `(nbins, H / pool, W / pool)`.

    Each is scaled to length 1 in its colour first, so normalised pixels give the same, but for their rounding: where a
    cell is flat, that alone fills the model's target. Here such cells stay empty. Differences of bytes are exact
    whatever takes them, and OpenCV takes them fastest.
    """
    how: dict[str, Any] = {"ddepth": cv2.CV_32F, "ksize": 3, "scale": -1, "borderType": cv2.BORDER_REFLECT_101}
    across, down = (pixels_of(cv2.Sobel(picture, dx=dx, dy=1 - dx, **how)) for dx in (1, 0))
    return _generator(nbins, pool, window).histograms(across, down).mean(dim=1)[0].numpy()


@lru_cache(maxsize=8)
def _generator(nbins: int, pool: int, window: int) -> HOGGenerator:
    from selfscope.models.hog import HOGGenerator  # here, since only MaskFeat needs it

    return HOGGenerator(nbins, pool, window)


def pixels_of(picture: np.ndarray) -> torch.Tensor:
    """A picture, or numbers in its place, as one image `(1, 3, H, W)` float32."""
    return torch.from_numpy(np.asarray(picture, np.float32).transpose(2, 0, 1)[None])


@dataclass(frozen=True)
class Gradients:
    """What a Sobel layer hands to the backbone in place of colours (DeepCluster, arXiv:1807.05520)."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    """Of the model's normalisation: what lies beyond the border has the mean colour."""

    def __call__(self, sample: Sample) -> tuple[Mapping[str, np.ndarray], str]:
        from selfscope.models.resnet import Sobel  # here, since timm takes a while

        made, sobel = dict[str, np.ndarray](), Sobel()
        for view in sample.views:
            named = f"{view.name}, " if len(sample.views) > 1 else ""
            pixels = (view.picture - np.array(self.mean)) / np.array(self.std)
            for direction, values in zip(("across", "down"), sobel(pixels_of(pixels))[0].numpy(), strict=True):
                grey = np.rint(np.clip(127.5 + values * np.mean(self.std) / 2, 0, 255)).astype(np.uint8)
                made[f"{named}gradient {direction}"] = np.repeat(grey[..., None], 3, axis=2)
        return made, "the backbone sees the two gradients alone: mid grey is none"


@dataclass(frozen=True)
class Mixture:
    """MixMIM's input (arXiv:2205.13137): removed cells are filled with those of another image of the batch.

    Samples are mixed in pairs, 0 with 1, 2 with 3, …, as in batches of two; both of a pair have one mask.
    """

    dataset: Dataset

    def __call__(self, sample: Sample) -> tuple[Mapping[str, np.ndarray], str]:
        own = sample.views[0].picture
        other, reason = self._partner(sample)
        if other is None or sample.mask is None or other.shape != own.shape:
            return {}, f"not mixed: {reason or 'the other sample of the pair has another size'}"
        mixed = np.where(expand(sample.mask, own.shape[:2])[..., None] != 0, other, own)
        return {"mixed": mixed}, "mixed: removed cells come from the other sample of a pair, as in a batch of two"

    def _partner(self, sample: Sample) -> tuple[np.ndarray | None, str]:
        place = sample.index ^ 1
        if place >= len(self.dataset):
            return None, "the last sample has no other to pair with"
        try:
            return self.dataset.sample(place, sample.settings.get("epoch")).views[0].picture, ""
        except DataError:
            return None, "the other sample of the pair cannot be read"


def derivations(config: Config | None, dataset: Dataset) -> tuple[Derivation, ...]:
    """What the config's model makes of its views; nothing for models that are not known here."""
    model: Mapping[str, Any] = {} if config is None else config.get("model") or {}
    parts = [model, model.get("backbone"), model.get("target_generator")]
    named = {_kind(part): part for part in parts if isinstance(part, Mapping)}
    norm = model.get("data_preprocessor") or ({} if config is None else config.get("data_preprocessor")) or {}
    makers: dict[str, Callable[[Mapping[str, Any]], Derivation]] = {
        "LowFreqTargetGenerator": lambda part: LowFrequencies(part.get("radius")),  # type: ignore[arg-type]  # None is refused
        "HOGGenerator": lambda part: OrientedGradients(
            part.get("nbins", 9), part.get("pool", 8), part.get("gaussian_window", 16)
        ),
        "ResNetSobel": lambda part: Gradients(tuple(norm.get("mean", (0.0,))), tuple(norm.get("std", (1.0,)))),
        "MixMIM": lambda part: Mixture(replace(dataset, places=None, pictured=False)),
    }
    return tuple(make(named[kind]) for kind, make in makers.items() if kind in named)


def with_derived(sample: Sample, makers: tuple[Derivation, ...]) -> Sample:
    """The sample with these pictures, and what must be known to read them among its notes."""
    if not makers:
        return sample
    made = [make(sample) for make in makers]
    derived = {name: picture for pictures, _ in made for name, picture in pictures.items()}
    notes = (*sample.settings.get("notes", ()), *(note for _, note in made))
    return replace(sample, derived=derived, settings={**sample.settings, "notes": notes})


def _kind(part: Mapping[str, Any]) -> str:
    return str(part.get("type", "")).rsplit(".", 1)[-1]
