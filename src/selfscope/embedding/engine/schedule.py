"""How hard, how fast and how steadily the descent moves at each iteration."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """What one iteration uses."""

    exaggeration: float
    learning_rate: float
    momentum: float


@dataclass(frozen=True)
class Schedule:
    """Three stages in `iterations`: gathering at full exaggeration, loosening as it falls to 1, and settling.

    Out of 400 iterations the stages take 50, 100 and 250. A falling exaggeration lets clusters part while they can
    still pass through one another. `learning_rate` None follows N / exaggeration (Belkina et al. 2019).
    """

    n: int
    iterations: int
    exaggeration: float = 12.0
    learning_rate: float | None = None

    @property
    def gathering(self) -> int:
        return min(50, self.iterations // 8)

    @property
    def loosening(self) -> int:
        return min(100, self.iterations // 4)

    @property
    def settling_from(self) -> int:
        return self.gathering + self.loosening

    def __getitem__(self, iteration: int) -> Pace:
        if iteration < self.gathering:
            return self._pace(self.exaggeration, 0.5)
        if iteration < self.settling_from:
            left = (self.settling_from - iteration) / (self.loosening + 1)
            return self._pace(1 + (self.exaggeration - 1) * left, 0.8)
        return self._pace(1.0, 0.9)

    def _pace(self, exaggeration: float, momentum: float) -> Pace:
        rate = max(self.n, 50) / exaggeration if self.learning_rate is None else self.learning_rate
        return Pace(exaggeration, rate, momentum)
