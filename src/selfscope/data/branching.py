"""Transforms made of transforms: several views, with some probability, one of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from selfscope.data.parameters import probability
from selfscope.data.pipeline import build_transforms, run
from selfscope.data.trace import pixels_of, trace_of
from selfscope.errors import ConfigError

Results = dict[str, Any]


@dataclass(frozen=True)
class MultiView:
    """Views `1..n` of one image: pipeline k of `transforms` makes `num_views[k]` of them.

    Every view draws from a generator of its own, so one view's transforms never change what another view draws.
    """

    transforms: Any
    num_views: Any

    def __post_init__(self) -> None:
        counts = [self.num_views] if isinstance(self.num_views, int) else list(self.num_views)
        pipelines = [_built([p] if isinstance(p, Mapping) or callable(p) else p) for p in self.transforms]
        if len(counts) != len(pipelines) or not all(isinstance(n, int) and n >= 1 for n in counts):
            raise ConfigError(
                f"MultiView: num_views={self.num_views!r} for {len(pipelines)} pipelines: expected one number each"
            )
        object.__setattr__(self, "num_views", tuple(counts))
        object.__setattr__(self, "transforms", tuple(pipelines))

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        pixels_of(results)
        pipelines = [p for p, count in zip(self.transforms, self.num_views, strict=True) for _ in range(count)]
        views = [
            run(pipeline, dict(results), own)[0]
            for pipeline, own in zip(pipelines, rng.spawn(len(pipelines)), strict=True)
        ]
        names = [f"view {i}" for i in range(1, len(views) + 1)]
        images, traces = [view["img"] for view in views], [trace_of(view) for view in views]
        return {**results, "img": images, "trace": traces, "view_names": names}


@dataclass(frozen=True)
class DINOMultiCrop:
    """DINO's views: two of 224 pixels, treated unequally, and `local_crops_number` of 96. (Caron et al. 2021)

    As in the paper's code, the first is always blurred, the second one time in ten, small ones every other time; one
    in five of the second is solarized. (OpenMMLab's projects blur every view.)
    """

    global_crops_scale: Any = (0.4, 1.0)
    local_crops_scale: Any = (0.05, 0.4)
    local_crops_number: int = 8

    def __post_init__(self) -> None:
        if not isinstance(self.local_crops_number, int) or self.local_crops_number < 0:
            raise ConfigError(f"DINOMultiCrop: local_crops_number={self.local_crops_number!r}: expected a whole number")
        large, small = (224, self.global_crops_scale), (96, self.local_crops_scale)
        solarized = [{"type": "RandomSolarize", "prob": 0.2}]
        first, second = _dino_view(*large, blurred=1.0), [*_dino_view(*large, blurred=0.1), *solarized]
        counts = [1, 1, self.local_crops_number][: 3 if self.local_crops_number else 2]
        pipelines = [first, second, _dino_view(*small, blurred=0.5)][: len(counts)]
        object.__setattr__(self, "_views", MultiView(pipelines, counts))

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        return self._views(results, rng)  # type: ignore[attr-defined]


def _dino_view(size: int, scale: Any, *, blurred: float) -> list[dict[str, Any]]:
    jitter = {"type": "ColorJitter", "brightness": 0.4, "contrast": 0.4, "saturation": 0.2, "hue": 0.1}
    return [
        {"type": "RandomResizedCrop", "size": size, "scale": scale, "interpolation": "bicubic", "backend": "pillow"},
        {"type": "RandomFlip", "prob": 0.5},
        {"type": "RandomApply", "transforms": [jitter], "prob": 0.8},
        {"type": "RandomGrayscale", "prob": 0.2, "keep_channels": True, "channel_weights": (0.114, 0.587, 0.2989)},
        {"type": "RandomGaussianBlur", "sigma_min": 0.1, "sigma_max": 2.0, "prob": blurred},
    ]


@dataclass(frozen=True)
class Compose:
    """All of `transforms`, one after the other."""

    transforms: Any

    def __post_init__(self) -> None:
        object.__setattr__(self, "transforms", _built(self.transforms))

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        return run(self.transforms, dict(results), rng)[0]


@dataclass(frozen=True)
class RandomApply:
    """All of `transforms` with probability `prob`, else none."""

    transforms: Any
    prob: float = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "transforms", _built(self.transforms))
        probability(self.prob)

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        applied = bool(rng.random() < self.prob)
        marked = {**results, "trace": trace_of(results).step("RandomApply", applied=applied)}
        return run(self.transforms, marked, rng)[0] if applied else marked


@dataclass(frozen=True)
class RandomChoice:
    """One of several pipelines, with the probabilities `prob`, equal ones when None."""

    transforms: Any
    prob: Sequence[float] | None = None

    def __post_init__(self) -> None:
        pipelines = tuple(_built([p] if isinstance(p, Mapping) or callable(p) else p) for p in self.transforms)
        object.__setattr__(self, "transforms", pipelines)
        if self.prob is not None and (len(self.prob) != len(pipelines) or abs(sum(self.prob) - 1) > 1e-6):
            raise ConfigError(
                f"RandomChoice: prob={self.prob!r}: expected {len(pipelines)} probabilities that sum to 1"
            )

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        chosen = int(rng.choice(len(self.transforms), p=self.prob))
        marked = {**results, "trace": trace_of(results).step("RandomChoice", chosen=chosen)}
        return run(self.transforms[chosen], marked, rng)[0]


def _built(pipeline: Any) -> tuple[Any, ...]:
    return build_transforms([pipeline] if isinstance(pipeline, Mapping) or callable(pipeline) else list(pipeline))
