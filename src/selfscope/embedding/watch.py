"""Who looks on while a map is made, and may end it early."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from selfscope.embedding.check import check_whole
from selfscope.errors import RecordError

PROGRESS_EVERY = 50


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A map on its way."""

    iteration: int
    n_iter: int
    coords: np.ndarray
    """`(N, n_components)` float32 about the origin, in the order of the features; a copy."""
    divergence: float
    """Kullback-Leibler, in nats, on the map's own affinities; while they are exaggerated too."""


Progress = Callable[[int, int], None]
Watch = Callable[[Snapshot], "bool | None"]


@dataclass(frozen=True)
class Audience:
    """Tells `progress` where the descent is, and shows the map to `watch` every so many iterations."""

    progress: Progress | None = None
    watch: Watch | None = None
    every: int = PROGRESS_EVERY

    def __post_init__(self) -> None:
        if self.watch is not None and not callable(self.watch):
            raise RecordError(f"watch: expected a function of a Snapshot, got {self.watch!r}")
        check_whole("every", self.every, 1)

    def __call__(
        self, iteration: int, n_iter: int, coords: Callable[[], np.ndarray], divergence: Callable[[], float]
    ) -> bool:
        """Whether the descent is to end here."""
        last = iteration == n_iter
        if self.progress and (last or iteration % PROGRESS_EVERY == 0):
            self.progress(iteration, n_iter)
        if self.watch is None or not (last or iteration % self.every == 0):
            return False
        answer = self.watch(Snapshot(iteration, n_iter, coords(), divergence()))
        if answer is not None and not isinstance(answer, bool):
            raise RecordError(f"watch: expected True to stop or None to go on, got {answer!r}")
        return bool(answer)


NOBODY = Audience()
