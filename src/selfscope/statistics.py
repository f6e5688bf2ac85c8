"""What many draws of an augmentation pipeline look like together: distributions, shares, a map of the masks, warnings.

The record is small whatever the number of draws: distributions are kept as quantiles and counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from selfscope.errors import RecordError
from selfscope.markup import mapping_html
from selfscope.records import Record, freeze

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def bins_for(n: int) -> int:
    """Bins of a histogram of `n` numbers: half again as many as Rice's rule, 10 to 40."""
    return min(40, max(10, round(3 * n ** (1 / 3))))


@dataclass(frozen=True)
class Quantity:
    """Something that is measured on every view, every pair of views or every mask."""

    title: str
    unit: str
    low: float
    high: float
    """The range that its histograms span, wider where values lie beyond."""
    logarithmic: bool = False
    digits: int = 2
    mark: str = ""
    """What stands behind its numbers."""

    def told(self, value: float) -> str:
        """The number as a reader needs it: `0.42`, `-31°`, `0.87 px`."""
        return f"{round(value, self.digits) + 0.0:.{self.digits}f}{self.mark}"


QUANTITIES: dict[str, Quantity] = {
    "area": Quantity("crop area", "share of the image", 0, 1),
    "aspect": Quantity("aspect ratio", "width / height, in the image", 1 / 2, 2, logarithmic=True),
    "iou": Quantity("overlap (IoU)", "common area / area of both", 0, 1),
    "containment": Quantity("containment", "share of the smaller crop in the other", 0, 1),
    "red": Quantity("red", "mean shift, grey levels", -64, 64, digits=1),
    "green": Quantity("green", "mean shift, grey levels", -64, 64, digits=1),
    "blue": Quantity("blue", "mean shift, grey levels", -64, 64, digits=1),
    "hue": Quantity("hue", "shift, degrees of the colour circle", -90, 90, digits=1, mark="°"),
    "saturation": Quantity("saturation", "mean shift of HSV's S", -0.5, 0.5),
    "value": Quantity("brightness", "mean shift of HSV's V", -0.5, 0.5),
    "blur": Quantity("blur, where applied", "standard deviation, pixels", 0, 2, mark=" px"),
    "masked": Quantity("masked", "share of the patches removed", 0, 1),
}
"""In the order in which they are shown. Shifts are against the same crop before colours were changed."""


@dataclass(frozen=True, eq=False)
class Distribution:
    """Numbers of one kind, summed up."""

    n: int
    mean: float
    std: float
    quantiles: tuple[float, ...]
    """At 5, 25, 50, 75 and 95 %."""
    counts: np.ndarray
    """`(b,)` int64."""
    edges: np.ndarray
    """`(b + 1,)` float64, rising; of even steps of the logarithm where the quantity is logarithmic."""

    @property
    def median(self) -> float:
        return self.quantiles[2]


def distribution(values: Any, quantity: Quantity) -> Distribution | None:
    """The finite ones of the values, summed up; None when there is none."""
    numbers = np.asarray(values, np.float64)
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return None
    low, high = min(quantity.low, numbers.min()), max(quantity.high, numbers.max())
    spaced = np.geomspace if quantity.logarithmic else np.linspace
    edges = spaced(low, high, bins_for(len(numbers)) + 1)
    return Distribution(
        n=len(numbers),
        mean=float(numbers.mean()),
        std=float(numbers.std()),
        quantiles=tuple(np.quantile(numbers, QUANTILES).tolist()),
        counts=np.histogram(numbers, edges)[0],
        edges=edges,
    )


@dataclass(frozen=True, eq=False, repr=False)
class AugmentationStats(Record):
    """What `n` draws of a pipeline do to its images, by group of views, with a warning where it looks broken."""

    kind: ClassVar[str] = "statistics"
    key: str
    n: int
    """Draws; each makes every view of one image."""
    images: int
    """Different images among them."""
    groups: tuple[str, ...]
    """`view 1`, `view 2`, `views 3-8`, …"""
    distributions: Mapping[str, Mapping[str, Distribution]] = field(default_factory=dict)
    """By quantity, then by group of views or of pairs (`224/96 px`)."""
    shares: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Of views that are `flipped`, `blurred`, `solarized`, `grey`, and of pairs that are `hardly overlapping`."""
    mask_map: np.ndarray | None = None
    """`(h, w)` float: how often each patch is removed."""
    warnings: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    """`seed`, `phase`, `source`, `skipped`, …"""
    step: int = 0

    def __post_init__(self) -> None:
        unknown = [name for name in self.distributions if name not in QUANTITIES]
        if unknown:
            raise RecordError(f"{self.key}: unknown quantity {unknown[0]!r}, expected one of {', '.join(QUANTITIES)}")
        if self.mask_map is not None and self.mask_map.ndim != 2:
            raise RecordError(f"{self.key}: expected a map of the masks (h, w), got {self.mask_map.shape}")
        freeze(self, distributions=dict(self.distributions), shares=dict(self.shares), settings=dict(self.settings))

    def plot(self, **options: Any) -> np.ndarray:
        """All distributions as one figure; options are those of `selfscope.draw.statistics`."""
        from selfscope.draw.statistics import statistics_picture

        return statistics_picture(self, **options)

    def summary(self) -> dict[str, str]:
        """`quantity, group` to `median (5 % to 95 %)`, and shares in per cent: what a terminal shows."""
        lines = {
            _named(QUANTITIES[name].title, group): "{2} ({0} to {4})".format(
                *map(QUANTITIES[name].told, found.quantiles)
            )
            for name, groups in self.distributions.items()
            for group, found in groups.items()
        }
        shares = {
            _named(name, group): f"{100 * share:.0f} %"
            for name, groups in self.shares.items()
            for group, share in groups.items()
        }
        return lines | shares

    def _shown(self) -> list[tuple[str, np.ndarray]]:
        return [(self.key, self.plot())]

    def _summary_html(self) -> str:
        return mapping_html(self.summary())


def _named(title: str, group: str) -> str:
    return f"{title}, {group}" if group else title
