"""The whole way from features to a map."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from selfscope.embedding.engine.affinities import conditional_probabilities
from selfscope.embedding.engine.curve import along_curve
from selfscope.embedding.engine.descent import Descent
from selfscope.embedding.engine.field import Field
from selfscope.embedding.engine.neighbours import nearest_neighbours
from selfscope.embedding.engine.pairs import Pairs
from selfscope.embedding.engine.reduction import Points, reduce
from selfscope.embedding.engine.schedule import Schedule
from selfscope.embedding.engine.symmetry import joint_probabilities
from selfscope.embedding.engine.workers import Workers

NEIGHBOURS = 3
"""Neighbours a point, in perplexities (van der Maaten 2014); beyond, a Gaussian has next to nothing left."""
CANDIDATES = 1.5
"""Candidates a neighbour."""
PAIRS_UP_TO = 2000
"""With fewer points all pairs are quicker than a grid."""
STEP = 0.7
SPREAD = 1e-4
"""Standard deviation of a start along its widest axis (Kobak & Berens 2019)."""


@dataclass(frozen=True)
class Layout:
    """t-SNE of features `(N, D)`, N >= 4: coords `(N, components)` float32.

    Two dimensions (and one) repel through a grid from 2,000 points on; three dimensions always by all pairs, whose
    time grows with N². The same input gives the same bytes, whatever the number of threads.
    """

    components: int = 2
    perplexity: float = 30.0
    exaggeration: float = 12.0
    learning_rate: float | None = None
    iterations: int = 400
    patience: int = 300
    init: str = "pca"
    seed: int = 0
    step: float = STEP
    threads: int | None = None

    def __call__(self, features: np.ndarray, progress: Callable[[int, int], None] | None = None) -> np.ndarray:
        with threadpool_limits(1, user_api="blas"), Workers(self.threads) as workers:
            n = len(features)
            k = min(math.ceil(NEIGHBOURS * self.perplexity), n - 1)
            candidates = math.ceil(CANDIDATES * k)
            points = reduce(features, k, candidates, self.seed, workers)
            order = along_curve(points.leading)
            points = points[order]
            start = self.start(points)
            indices, squares = nearest_neighbours(points, k, candidates, self.seed, workers)
            del points
            conditional = conditional_probabilities(squares, self.perplexity, workers)
            affinities = joint_probabilities(indices, conditional, workers)
            del indices, squares, conditional
            descent = Descent(affinities, start, self.repulsion(n, workers), workers)
            schedule = Schedule(n, self.iterations, self.exaggeration, self.learning_rate)
            coords = np.empty((n, self.components), np.float32)
            coords[order] = descent.run(schedule, self.patience, progress)
            return coords

    def start(self, points: Points) -> np.ndarray:
        """`(N, components)`: principal coordinates and a hundredth of noise, to part duplicates; or noise alone."""
        noise = np.random.default_rng(self.seed).standard_normal((len(points), self.components))
        if self.init == "random":
            return SPREAD * noise
        start = np.zeros((len(points), self.components))
        axes = points.leading[:, : self.components]
        start[:, : axes.shape[1]] = axes - axes.mean(axis=0, dtype=np.float64)
        spread = start[:, 0].std()
        return SPREAD * (start / spread if spread > 0 else start) + SPREAD / 100 * noise

    def repulsion(self, n: int, workers: Workers) -> Field | Pairs:
        return Pairs(workers) if self.components == 3 or n < PAIRS_UP_TO else Field(self.step, workers)
