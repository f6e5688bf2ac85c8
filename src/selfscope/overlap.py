"""How much two views share: overlap of crop boxes `(x, y, w, h)`, all in the pixels of one original.

IoU alone misleads where sizes differ: a local crop wholly inside a global one has a small IoU and a containment of 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from selfscope.errors import RecordError

Crop = Sequence[float]
"""`x, y, w, h`, with neither side negative."""


class Shares(NamedTuple):
    """What crops `a` and `b` have in common; arrays of the crops' leading shape."""

    iou: np.ndarray
    """Common area over the area of both together."""
    containment: np.ndarray
    """Common area over the smaller crop's area: 1 when it lies inside the other."""
    a_in_b: np.ndarray
    """Common area over the area of `a`."""
    b_in_a: np.ndarray


class Overlap(NamedTuple):
    """The overlap of one pair of views, which are counted from 1."""

    view_a: int
    view_b: int
    iou: float
    containment: float
    """Share of the smaller crop that lies in the other."""
    a_in_b: float
    b_in_a: float


def overlap(a: np.ndarray | Sequence[Crop], b: np.ndarray | Sequence[Crop]) -> Shares:
    """Overlap of crops `(..., 4)` with crops `(..., 4)`, broadcast: `overlap(c[:, None], c)` is every pair of `c`.

    A crop without area, all of it padding, shares nothing: 0 everywhere.
    """
    first, second = _boxes(a), _boxes(b)
    low = np.maximum(first[..., :2], second[..., :2])
    high = np.minimum(first[..., :2] + first[..., 2:], second[..., :2] + second[..., 2:])
    common = np.prod(np.maximum(high - low, 0), axis=-1)
    area_a, area_b = np.prod(first[..., 2:], axis=-1), np.prod(second[..., 2:], axis=-1)
    return Shares(
        iou=_share(common, area_a + area_b - common),
        containment=_share(common, np.minimum(area_a, area_b)),
        a_in_b=_share(common, area_a),
        b_in_a=_share(common, area_b),
    )


def pairwise(crops: Sequence[Crop | None]) -> list[Overlap]:
    """Every pair of the views of one sample; a view whose place is not known (None) takes part in no pair."""
    pairs = list(combinations([i for i, crop in enumerate(crops) if crop is not None], 2))
    if not pairs:
        return []
    shares = overlap([crops[i] for i, _ in pairs], [crops[j] for _, j in pairs])  # type: ignore[misc]
    return [Overlap(i + 1, j + 1, *values) for (i, j), values in zip(pairs, np.stack(shares, -1).tolist(), strict=True)]


def _boxes(crops: np.ndarray | Sequence[Crop]) -> np.ndarray:
    boxes = np.asarray(crops, np.float64)
    if boxes.ndim < 1 or boxes.shape[-1] != 4:
        raise RecordError(f"overlap: expected crops (..., 4) as x, y, w, h, got {boxes.shape}")
    if not (np.isfinite(boxes).all() and (boxes[..., 2:] >= 0).all()):
        raise RecordError("overlap: expected finite crops (x, y, w, h) of no negative width or height")
    return boxes


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """`part / whole`, 0 where there is nothing to share; rounding never takes it past 1."""
    return np.minimum(np.divide(part, whole, out=np.zeros(np.broadcast(part, whole).shape), where=whole > 0), 1.0)
