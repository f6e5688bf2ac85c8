"""Gradient descent from a start to a map: momentum, a gain for every coordinate (Jacobs 1988), and no leaps."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np

from selfscope.embedding.engine.attraction import begin_attraction, divergence
from selfscope.embedding.engine.compiled import compiled
from selfscope.embedding.engine.field import Field
from selfscope.embedding.engine.pairs import Pairs
from selfscope.embedding.engine.schedule import Pace, Schedule
from selfscope.embedding.engine.symmetry import Affinities
from selfscope.embedding.engine.workers import Workers

log = logging.getLogger(__name__)

LONGEST_STEP = 2.0
"""How far a point may move in one iteration. Without it hubs overshoot, fly off and stretch the grid."""
CHECK_EVERY = 50
PROGRESS = 1e-4
"""A divergence lower by less than this share of itself is no progress."""


class Descent:
    """The state of N points on their way: coords, velocities and gains `(N, 2 or 3)` float32.

    `repulsion` is a `Field` or `Pairs`. A map in one dimension is one in the plane whose second column stays zero.
    """

    def __init__(self, affinities: Affinities, start: np.ndarray, repulsion: Field | Pairs, workers: Workers) -> None:
        n, components = start.shape
        self.affinities = affinities
        self.coords = np.zeros((n, max(components, 2)), np.float32)
        self.coords[:, :components] = start
        self.normaliser = 1.0
        self._components = components
        self._repel, self._workers = repulsion, workers
        self._velocity, self._gains = np.zeros_like(self.coords), np.ones_like(self.coords)
        self._attraction, self._repulsion = np.empty_like(self.coords), np.empty_like(self.coords)

    def run(self, schedule: Schedule, patience: int, tell: Callable[[int], bool] | None = None) -> np.ndarray:
        """Coords `(N, components)`; after `patience` iterations without progress only the cooling is still done.

        `tell(iteration)` is called after each; when it answers True the descent ends there.
        """
        best, best_at, position = np.inf, 0, 0
        may_settle = schedule.cooling_from - schedule.settling_from > patience
        while position < schedule.iterations:
            self.step(schedule[position])
            position += 1
            if tell and tell(position):
                break
            settling = schedule.settling_from <= position < schedule.cooling_from
            if not (may_settle and settling) or position % CHECK_EVERY:
                continue
            now = self.divergence()
            if now < best - PROGRESS * abs(best) or best == np.inf:
                best, best_at = now, position
            elif position - best_at >= patience:
                log.info("settled after %d of %d iterations: KL stays at %.4f", position, schedule.iterations, best)
                position = schedule.cooling_from
        return self.result()

    def step(self, pace: Pace, tie: np.ndarray | None = None) -> None:
        """One iteration. Attraction is computed by the other threads while this one repels.

        `tie` is a further gradient `(N, 2 or 3)`, of whatever else the coords are held to.
        """
        pending = begin_attraction(self.affinities, self.coords, self._attraction, self._workers)
        try:
            self.normaliser = self._repel(self.coords, self._repulsion)
        finally:
            pending.finish()
        if self._components == 1:
            self._repulsion[:, 1] = 0  # the grid leaves traces of rounding across the line
        state = (self.coords, self._velocity, self._gains, self._attraction, self._repulsion)
        if tie is not None:
            self._attraction += tie / np.float32(4 * pace.exaggeration)
        settings = (4 * pace.exaggeration, 4 / self.normaliser, pace.learning_rate, pace.momentum, LONGEST_STEP)
        self._workers.each(lambda first, last: move(*state, *settings, first, last), len(self.coords), 32768)

    def divergence(self) -> float:
        """KL as of the last step's normaliser."""
        return divergence(self.affinities, self.coords, self.normaliser, self._workers)

    def result(self) -> np.ndarray:
        """Coords `(N, components)` about the origin."""
        coords = self.coords[:, : self._components]
        return np.ascontiguousarray(coords - coords.mean(axis=0, dtype=np.float64), dtype=np.float32)


@compiled
def move(coords, velocity, gains, attraction, repulsion, pull, push, learning_rate, momentum, longest, first, last):
    """coords += velocity, after velocity = momentum · velocity - learning_rate · gains · gradient, cut to `longest`."""
    pull, push = np.float32(pull), np.float32(push)
    rate, momentum, longest = np.float32(learning_rate), np.float32(momentum), np.float32(longest)
    axes = coords.shape[1]
    for i in range(first, last):
        square = np.float32(0)
        for axis in range(axes):
            slope = pull * attraction[i, axis] - push * repulsion[i, axis]
            against = slope * velocity[i, axis] < 0
            gain = gains[i, axis] + np.float32(0.2) if against else gains[i, axis] * np.float32(0.8)
            gain = max(gain, np.float32(0.01))
            speed = momentum * velocity[i, axis] - rate * gain * slope
            gains[i, axis], velocity[i, axis] = gain, speed
            square += speed * speed
        shrink = longest / np.sqrt(square) if square > longest * longest else np.float32(1)
        for axis in range(axes):
            velocity[i, axis] *= shrink
            coords[i, axis] += velocity[i, axis]
