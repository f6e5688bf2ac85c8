"""The whole way from a graph of neighbours to a map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from selfscope.embedding.engine.affinities import conditional_probabilities
from selfscope.embedding.engine.curve import along_curve
from selfscope.embedding.engine.descent import Descent
from selfscope.embedding.engine.field import Field
from selfscope.embedding.engine.pairs import Pairs
from selfscope.embedding.engine.schedule import Schedule
from selfscope.embedding.engine.symmetry import Affinities, joint_probabilities
from selfscope.embedding.engine.workers import Workers, one_blas_thread
from selfscope.embedding.graph import Neighbours
from selfscope.embedding.watch import NOBODY, Audience

PAIRS_UP_TO = {1: 2000, 2: 2000, 3: 20_000}
"""By components: with fewer points all pairs are quicker than a grid."""
STEP = 0.7
FARTHEST = 1e12
"""In medians of the farthest neighbour's distance: what float32 can square."""
SPREAD = 1e-4
"""Standard deviation of a start along its widest axis (Kobak & Berens 2019)."""


@dataclass(frozen=True)
class Layout:
    """t-SNE of N >= 4 points: coords `(N, components)` float32.

    Repulsion is through a grid from 2,000 points on, in three dimensions from 20,000, and exact for fewer. The same
    input gives the same bytes, whatever the number of threads.
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
    device: str | None = None
    """A torch device; None: compiled code on the processor."""

    def __call__(self, graph: Neighbours, audience: Audience = NOBODY) -> np.ndarray:
        """Coords `(N, components)` float32; the graph holds leading coordinates unless the start is random."""
        with one_blas_thread(), Workers(self.threads) as workers:
            order = np.arange(len(graph)) if graph.leading is None else along_curve(graph.leading)
            affinities = self.affinities(graph, order, workers)
            start = self.start(None if graph.leading is None else graph.leading[order], len(graph))
            descent = self.descent(affinities, start, workers)
            schedule = Schedule(len(graph), self.iterations, self.exaggeration, self.learning_rate)

            def placed() -> np.ndarray:
                coords = np.empty((len(graph), self.components), np.float32)
                coords[order] = descent.result()
                return coords

            def tell(iteration: int) -> bool:
                return audience(iteration, self.iterations, placed, descent.divergence)

            descent.run(schedule, self.patience, tell)
            return placed()

    def affinities(self, graph: Neighbours, order: np.ndarray, workers: Workers) -> Affinities:
        """Of points renumbered by `order`: near points get near numbers, so that what is read next is in the cache."""
        number = np.empty(len(order), np.uint32)
        number[order] = np.arange(len(order), dtype=np.uint32)
        indices, squares = np.empty(graph.indices.shape, np.uint32), np.empty(graph.indices.shape, np.float32)

        def renumber(first: int, last: int) -> None:
            rows = order[first:last]
            indices[first:last] = number[graph.indices[rows]]
            squares[first:last] = np.square(np.minimum(graph.distances[rows] / unit, FARTHEST))

        unit = np.median(graph.distances[:, -1]) or graph.distances.max() or 1
        workers.each(renumber, len(order), 1024)
        return joint_probabilities(indices, conditional_probabilities(squares, self.perplexity, workers), workers)

    def start(self, leading: np.ndarray | None, n: int) -> np.ndarray:
        """`(N, components)`: principal coordinates and a hundredth of noise, to part duplicates; or noise alone."""
        noise = np.random.default_rng(self.seed).standard_normal((n, self.components))
        if self.init == "random" or leading is None:
            return SPREAD * noise
        start = np.zeros((n, self.components))
        axes = leading[:, : self.components]
        start[:, : axes.shape[1]] = axes - axes.mean(axis=0, dtype=np.float64)
        spread = start[:, 0].std()
        return SPREAD * (start / spread if spread > 0 else start) + SPREAD / 100 * noise

    def descent(self, affinities: Affinities, start: np.ndarray, workers: Workers) -> Descent:
        if self.device is None:
            return Descent(affinities, start, self.repulsion(len(start), workers), workers)
        from selfscope.embedding.engine.on_device import DeviceDescent  # torch

        exact = len(start) < PAIRS_UP_TO[self.components]
        return DeviceDescent(affinities, start, self.device, exact=exact, grid_step=self.step)

    def repulsion(self, n: int, workers: Workers) -> Field | Pairs:
        return Pairs(workers) if n < PAIRS_UP_TO[self.components] else Field(self.step, workers)
