"""Which items of a data set go into a map, chosen by label alone: no image is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from selfscope.errors import UsageError


@dataclass(frozen=True)
class Subset:
    """`class_idx` keeps these labels; without it `max_num_class` keeps labels below it (None: all).

    `max_num_samples` keeps a seeded random choice of at most so many items of each class (of all items, where there
    are no labels). The order of the data set is kept.
    """

    max_num_class: int | None = None
    class_idx: Sequence[int] = ()
    max_num_samples: int | None = None
    seed: int = 0

    def __call__(self, labels: np.ndarray | None, n: int) -> np.ndarray:
        """Indices `(M,)`, ascending, of the items kept of `n`; `labels` is `(n,)` or None."""
        groups = np.zeros(n, np.int64) if labels is None else np.asarray(labels)
        keep = np.ones(n, bool)
        if labels is not None and len(self.class_idx):
            absent = sorted(set(self.class_idx) - set(groups.tolist()))
            if absent:
                raise UsageError(f"class_idx: no item has label {absent}; labels are {_span(groups)}")
            keep = np.isin(groups, list(self.class_idx))
        elif labels is not None and self.max_num_class is not None:
            keep = groups < self.max_num_class
        elif len(self.class_idx):
            raise UsageError("class_idx: this data has no labels to choose classes by")
        if not keep.any():
            raise UsageError(
                f"no item is left: max_num_class={self.max_num_class} keeps labels below it; labels are {_span(groups)}"
            )
        return self._thin(np.flatnonzero(keep), groups)

    def _thin(self, kept: np.ndarray, groups: np.ndarray) -> np.ndarray:
        if self.max_num_samples is None:
            return kept
        if self.max_num_samples < 1:
            raise UsageError(f"max_num_samples: expected at least 1, got {self.max_num_samples}")
        shuffled = np.random.default_rng(self.seed).permutation(kept)
        order = shuffled[np.argsort(groups[shuffled], kind="stable")]
        _, starts, counts = np.unique(groups[order], return_index=True, return_counts=True)
        rank = np.arange(len(order)) - np.repeat(starts, counts)
        return np.sort(order[rank < self.max_num_samples])


def _span(groups: np.ndarray) -> str:
    return f"{groups.min()}..{groups.max()}"
