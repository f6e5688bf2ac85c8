"""What an augmentation pipeline does, over many draws: distributions, shares, the masks' map, and what looks broken."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np

from selfscope import overlap
from selfscope.data.loading import Skip, load_samples
from selfscope.errors import DataError, UsageError
from selfscope.records import Sample
from selfscope.statistics import QUANTITIES, AugmentationStats, Distribution, distribution
from selfscope.views.measuring import Drawn, measure
from selfscope.views.model_mask import ModelMask, completed
from selfscope.views.opening import Opened, opened
from selfscope.views.progress import Progress, silent
from selfscope.views.suspicions import APART, Evidence, suspicions

DRAWN = ("blurred", "solarized")
"""Known by the steps on record alone, which other people's transforms leave only where they are applied."""
SHARES = ("flipped", "upside down", "grey", *DRAWN)
VIEW_QUANTITIES = [name for name in QUANTITIES if name not in ("iou", "containment", "masked")]
REPEATED = 3
"""So many samples are drawn twice under one seed, to see whether they come out the same."""


def augmentation_stats(
    source: Any,
    transform: Any = None,
    *,
    n: int = 200,
    seed: int = 0,
    phase: str = "train",
    key: str | None = None,
    workers: int = 0,
    skipped: list[tuple[str, str]] | None = None,
    progress: Progress | None = None,
    **choices: Any,
) -> AugmentationStats:
    """Distributions over `n` draws of a pipeline, and a warning in words where it looks broken.

    `source`, `transform` and `choices` are those of `browse`. Draws are spread over the data set: `n / 2` images at
    even distances, each drawn twice, more often where there are fewer; the same seed gives the same numbers, with
    any number of `workers` (processes).
    An image that cannot be read is left out; give `skipped` to learn path and reason.
    """
    given = opened(source, transform, phase=phase, seed=seed, **choices)
    return stats_of(given, n, phase=phase, key=key, workers=workers, skipped=skipped, progress=progress)


def stats_of(
    given: Opened,
    n: int,
    *,
    phase: str = "train",
    key: str | None = None,
    workers: int = 0,
    skipped: list[tuple[str, str]] | None = None,
    progress: Progress | None = None,
) -> AugmentationStats:
    """As `augmentation_stats`, of a data set that is open."""
    if n < 1:
        raise UsageError(f"stats: expected at least 1 draw, got {n}")
    draws: list[tuple[int, Drawn]] = []
    report, places = progress or silent, _places(len(given.dataset), n)
    unreadable: dict[int, tuple[str, str]] = {}
    report(0, len(places))
    made = load_samples(given.dataset, workers=workers, draws=places, then=_Measure(given.model_mask, given.seed))
    for done, ((_, index), drawn) in enumerate(zip(places, made, strict=True), 1):
        report(done, len(places))
        if not isinstance(drawn, Skip):
            draws.append((index, drawn))
        elif skipped is None:
            raise DataError(": ".join(drawn))
        else:
            unreadable[index] = drawn
    if skipped is not None:
        skipped.extend(unreadable.values())
    if not draws:
        first = ": ".join(next(iter(unreadable.values())))
        raise DataError(f"none of {len(unreadable)} images could be read; the first: {first}")
    evidence = replace(
        _evidence(draws, given), random=phase == "train", unrepeatable=_unrepeatable(given, [i for i, _ in draws])
    )
    settings = {"seed": given.seed, "phase": phase, "skipped": len(unreadable), "pipeline": given.dataset.types}
    return summarised(evidence, key=key or phase, settings=settings)


@dataclass(frozen=True)
class _Measure:
    """What is done to a draw by whichever process made it."""

    mask: ModelMask | None
    seed: int

    def __call__(self, sample: Sample) -> Drawn:
        return measure(completed(sample, self.mask, self.seed))


def summarised(
    evidence: Evidence, *, key: str = "train", settings: Mapping[str, Any] | None = None
) -> AugmentationStats:
    """The record of what was measured, with its warnings."""
    draws = evidence.draws
    groups = _groups(draws)
    views = {name: [draw.views[i] for draw in draws for i in at if i < len(draw.views)] for name, at in groups.items()}
    found = {name: {group: _values(numbers, name) for group, numbers in views.items()} for name in VIEW_QUANTITIES}
    pairs = _pairs(draws)
    found["iou"] = {group: [pair.iou for pair in each] for group, each in pairs.items()}
    found["containment"] = {group: [pair.containment for pair in each] for group, each in pairs.items()}
    masks = [draw.mask for draw in draws if draw.mask is not None]
    found["masked"] = {"": [float(np.mean(mask != 0)) for mask in masks]}
    shares = {name: _means(_shares_of(views, name)) for name in SHARES}
    shares["hardly overlapping"] = _means({g: [float(p.containment < APART) for p in e] for g, e in pairs.items()})
    alike = len({mask.shape for mask in masks}) == 1
    return AugmentationStats(
        key=key,
        n=len(draws),
        images=len(evidence.by_image) or len(draws),
        groups=tuple(groups),
        distributions={name: summed for name in QUANTITIES if (summed := _summed(name, found[name]))},
        shares={name: share for name, share in shares.items() if share},
        mask_map=np.mean([mask != 0 for mask in masks], axis=0) if alike else None,
        warnings=suspicions(evidence),
        settings={**(settings or {}), "mask ratio": evidence.mask_ratio},
    )


def _places(images: int, n: int) -> list[tuple[int, int]]:
    """`(epoch, index)` of `n` draws: images at even distances, every one of them again in the next epoch."""
    distinct = min(images, max(1, n // 2))
    chosen = np.linspace(0, images - 1, distinct).round().astype(int).tolist()
    return [(epoch, index) for epoch in range(math.ceil(n / distinct)) for index in chosen][:n]


def _evidence(draws: Sequence[tuple[int, Drawn]], given: Opened) -> Evidence:
    by_image: dict[int, list[Drawn]] = defaultdict(list)
    for index, drawn in draws:
        by_image[index].append(drawn)
    return Evidence([drawn for _, drawn in draws], by_image, mask_ratio=_configured_ratio(given))


def _unrepeatable(given: Opened, indices: Sequence[int]) -> int:
    """How many of the first few samples come out differently when they are drawn again under the same seed."""
    few = list(dict.fromkeys(indices))[:REPEATED]
    return sum(measure(given.sample(i, 0)).everything != measure(given.sample(i, 0)).everything for i in few)


def _configured_ratio(given: Opened) -> float | None:
    """The share of patches that the pipeline's mask generator, or the model, says it removes."""
    for transform in given.dataset.transforms:
        ratio = getattr(transform, "mask_ratio", None)
        patches, grid = getattr(transform, "num_masking_patches", None), getattr(transform, "input_size", None)
        if isinstance(ratio, float):
            return ratio
        if isinstance(patches, int) and isinstance(grid, tuple):
            return patches / (grid[0] * grid[1])
    return given.mask_ratio


def _groups(draws: Sequence[Drawn]) -> dict[str, range]:
    """Views by name: neighbours of one size together when there are more than two of them."""
    longest = max(draws, key=lambda draw: len(draw.sizes))
    names = [name or f"view {i}" for i, name in enumerate(longest.names, 1)]
    if len(names) == 1:
        return {names[0].removesuffix(" 1"): range(1)}
    seen = [{draw.sizes[i] for draw in draws if i < len(draw.sizes)} for i in range(len(names))]
    kinds = [next(iter(own)) if len(own) == 1 else None for own in seen]
    groups: dict[str, range] = {}
    for _, run in groupby(range(len(names)), key=lambda i: kinds[i]):
        members = list(run)
        if len(members) > 2:
            groups[_span([names[i] for i in members])] = range(members[0], members[-1] + 1)
        else:
            groups |= {names[i]: range(i, i + 1) for i in members}
    return groups


def _span(names: Sequence[str]) -> str:
    """`views 3-8` of `view 3` to `view 8`, `0° to 270°` of other names with numbers, else `9 views`."""
    (word, _, number), (also, _, until) = names[0].rpartition(" "), names[-1].rpartition(" ")
    if word and word == also and until.isdigit():
        return f"{word}s {number}-{until}"
    counted = names[0][:1].isdigit() and names[-1][:1].isdigit()
    return f"{names[0]} to {names[-1]}" if counted else f"{len(names)} views"


def _pairs(draws: Sequence[Drawn]) -> dict[str, list[overlap.Overlap]]:
    """Pairs of views by the sizes of the two; patches of one picture are no pairs."""
    found: dict[tuple[int, int], list[overlap.Overlap]] = defaultdict(list)
    for draw in draws:
        for pair in draw.pairs:
            one, other = (draw.sizes[i - 1][1] for i in (pair.view_a, pair.view_b))
            found[max(one, other), min(one, other)].append(pair)
    several = len(found) > 1
    return {f"{a}/{b} px" if several else "": found[a, b] for a, b in sorted(found, reverse=True)}


def _shares_of(views: Mapping[str, Sequence[Mapping[str, float]]], name: str) -> dict[str, list[float]]:
    """By group; a view whose history is known and tells of no blur is a sharp one, in a pipeline that blurs others."""
    found = {group: _values(numbers, name) for group, numbers in views.items()}
    if name not in DRAWN or not any(name in numbers for each in views.values() for numbers in each):
        return found
    return {
        group: [
            0.0 if math.isnan(value) and "area" in numbers else value
            for value, numbers in zip(values, each, strict=True)
        ]
        for (group, values), each in zip(found.items(), views.values(), strict=True)
    }


def _values(numbers: Sequence[Mapping[str, float]], name: str) -> list[float]:
    return [each.get(name, math.nan) for each in numbers]


def _summed(name: str, groups: Mapping[str, Sequence[float]]) -> dict[str, Distribution]:
    summed = {group: distribution(values, QUANTITIES[name]) for group, values in groups.items()}
    return {group: found for group, found in summed.items() if found is not None}


def _means(groups: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """The mean of the known values of each group; groups without any are left out."""
    known = {group: [value for value in values if not math.isnan(value)] for group, values in groups.items()}
    return {group: float(np.mean(values)) for group, values in known.items() if values}
