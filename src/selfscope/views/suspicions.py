"""When a pipeline looks broken: one sentence a suspicion, with the numbers that raised it and where to look.

Each is silent on the published pipelines; the thresholds leave room for what those do on purpose, such as local crops
that miss each other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from selfscope.views.measuring import TARGET, Drawn

ENOUGH = 4
"""Fewer cases than this prove nothing."""
APART = 0.1
"""Two crops hardly overlap when less than this share of the smaller one lies in the other."""
MOSTLY = 0.5
SOME = 0.1
FLAT = 2
"""Channels that span no more than so many levels make a picture of one colour."""
RATIO_SLACK = 0.03


@dataclass(frozen=True)
class Evidence:
    """All draws, and what was expected of them."""

    draws: Sequence[Drawn]
    by_image: Mapping[int, Sequence[Drawn]] = field(default_factory=dict)
    """Draws of each image that was drawn more than once."""
    random: bool = True
    """Whether the pipeline ought to draw anew each time, as in training."""
    mask_ratio: float | None = None
    """The share of patches that the config says are removed."""
    unrepeatable: int = 0
    """Samples that came out differently under the same seed."""


def suspicions(evidence: Evidence) -> tuple[str, ...]:
    """A sentence for each thing that looks wrong."""
    return tuple(sentence for suspect in SUSPECTS for sentence in [suspect(evidence)] if sentence)


def nothing_changes(evidence: Evidence) -> str | None:
    drawn = [draws for draws in evidence.by_image.values() if len(draws) > 1]
    if not evidence.random or not drawn or any(len({d.everything for d in draws}) > 1 for draws in drawn):
        return None
    return (
        f"nothing changes between draws: each of {_counted(len(drawn), 'image')} gave the same views every time; "
        "is the random part of the pipeline left out, or seeded again for each image?"
    )


def views_identical(evidence: Evidence) -> str | None:
    several = [prints for draw in evidence.draws if len(prints := _own_views(draw)) > 1]
    alike = [prints for prints in several if len(set(prints)) < len(prints)]
    if len(alike) <= MOSTLY * len(several):
        return None
    return (
        f"views are identical to each other in {len(alike)} of {len(several)} draws: "
        "is one transform's result used for several views?"
    )


def masks_equal(evidence: Evidence) -> str | None:
    masks = _masks(evidence)
    if not evidence.random or len(masks) < ENOUGH or len({(m.shape, m.tobytes()) for m in masks}) > 1:
        return None
    return f"all {len(masks)} masks are equal: is the mask drawn once and used for every image?"


def mask_ratio_off(evidence: Evidence) -> str | None:
    masks = _masks(evidence)
    if not masks:
        return None
    share = float(np.mean([np.mean(mask != 0) for mask in masks]))
    if share in (0.0, 1.0):
        return f"masks remove {'nothing' if share == 0 else 'everything'}: a mask is 1 where a patch is removed"
    step = 1 / min(mask.size for mask in masks)
    if evidence.mask_ratio is None or abs(share - evidence.mask_ratio) <= RATIO_SLACK + step:
        return None
    swapped = abs(1 - share - evidence.mask_ratio) <= RATIO_SLACK + step
    hint = "; 0 and 1 look exchanged: a mask is 1 where a patch is removed" if swapped else ""
    return f"masks remove {share:.0%} of the patches on average, though {evidence.mask_ratio:.0%} are configured{hint}"


def crops_apart(evidence: Evidence) -> str | None:
    """Only pairs with a largest view count: local crops of a multi-crop pipeline miss each other on purpose."""
    found = [
        pair.containment
        for draw in evidence.draws
        for pair in draw.pairs
        if max(draw.sizes) in (draw.sizes[pair.view_a - 1], draw.sizes[pair.view_b - 1])
    ]
    apart = sum(share < APART for share in found)
    if len(found) < ENOUGH or apart <= MOSTLY * len(found):
        return None
    return (
        f"crops are nearly disjoint: {apart / len(found):.0%} of the pairs of views share less than {APART:.0%} of the "
        "smaller one, so most positive pairs show different things; is the crop's scale meant to be so small?"
    )


def values_beyond(evidence: Evidence) -> str | None:
    beyond = [view["beyond"] for draw in evidence.draws for view in draw.views if "beyond" in view]
    if not beyond or np.mean(beyond) <= 0.01:
        return None
    return (
        f"values are out of range: {np.mean(beyond):.0%} of them lie beyond black and white after normalisation is "
        "undone, or are not finite; are pixels of 0..255 normalised with a mean and std for 0..1, or twice?"
    )


def channels_swapped(evidence: Evidence) -> str | None:
    known = [value for draw in evidence.draws for view in draw.views if _known(value := view.get("swapped", math.nan))]
    if len(known) < ENOUGH or np.median(known) > -MOSTLY:
        return None
    return (
        "red and blue look exchanged between the image and its views: is the image read by OpenCV (BGR), or converted "
        "once too often?"
    )


def pictures_flat(evidence: Evidence) -> str | None:
    views = [view for draw in evidence.draws for view in draw.views]
    flat = sum(view["contrast"] <= FLAT for view in views)
    if flat <= SOME * len(views):
        return None
    return f"{flat} of {len(views)} views are of one flat colour: are values cut off, or crops taken outside the image?"


def not_repeatable(evidence: Evidence) -> str | None:
    if not evidence.unrepeatable:
        return None
    return (
        "the same seed gave different views: the pipeline draws from a generator of its own, which is not seeded for "
        "each sample, so what is shown cannot be replayed"
    )


SUSPECTS: tuple[Callable[[Evidence], str | None], ...] = (
    nothing_changes,
    views_identical,
    masks_equal,
    mask_ratio_off,
    crops_apart,
    values_beyond,
    channels_swapped,
    pictures_flat,
    not_repeatable,
)


def _own_views(draw: Drawn) -> list[bytes]:
    names = draw.names or ("",) * len(draw.prints)
    return [found for found, name in zip(draw.prints, names, strict=True) if name != TARGET]


def _masks(evidence: Evidence) -> list[np.ndarray]:
    return [draw.mask for draw in evidence.draws if draw.mask is not None]


def _known(value: float) -> bool:
    return not math.isnan(value)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
