"""How hard, how fast and how steadily the descent moves at each iteration."""

from __future__ import annotations

from dataclasses import dataclass

SETTLING, MANY = 0.93, 10_000
"""Momentum of settling, up to so many points. More need longer to spread, over an area that grows with N."""


@dataclass(frozen=True)
class Pace:
    """What one iteration uses."""

    exaggeration: float
    learning_rate: float
    momentum: float


@dataclass(frozen=True)
class Schedule:
    """Four stages in `iterations`: gathering, loosening as the exaggeration falls to 1, settling, and cooling.

    Of 400 iterations they take 50, 100, 200 and 50. While the exaggeration falls, clusters part that can still pass
    through one another. Settling at high momentum saves as many iterations again, at the price of jitter; cooling at a
    lower one takes the jitter out, which lowers the divergence and mends the nearest neighbours. Settling's momentum
    grows with N, instead of the iterations: at 200,000 points 400 of them come as far as 1,200 at a fixed one.
    `learning_rate` None follows N / exaggeration (Belkina et al. 2019).
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

    @property
    def cooling_from(self) -> int:
        return self.iterations - min(50, self.iterations // 8)

    @property
    def settling_momentum(self) -> float:
        """1 - momentum falls with the cube root of N."""
        return 1 - (1 - SETTLING) * min(1.0, MANY / self.n) ** (1 / 3)

    def __getitem__(self, iteration: int) -> Pace:
        if iteration < self.gathering:
            return self._pace(self.exaggeration, 0.5)
        if iteration < self.settling_from:
            left = (self.settling_from - iteration) / (self.loosening + 1)
            return self._pace(1 + (self.exaggeration - 1) * left, 0.8)
        return self._pace(1.0, self.settling_momentum if iteration < self.cooling_from else 0.8)

    def _pace(self, exaggeration: float, momentum: float) -> Pace:
        rate = max(self.n, 50) / exaggeration if self.learning_rate is None else self.learning_rate
        return Pace(exaggeration, rate, momentum)
