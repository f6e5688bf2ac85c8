"""Several maps of the same points, each tied to those before and after it (Dynamic t-SNE, Rauber et al. 2016)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from selfscope.embedding.engine.curve import along_curve
from selfscope.embedding.engine.descent import Descent
from selfscope.embedding.engine.layout import SPREAD, Layout
from selfscope.embedding.engine.schedule import Schedule
from selfscope.embedding.engine.workers import Workers, one_blas_thread
from selfscope.embedding.graph import Neighbours
from selfscope.embedding.watch import NOBODY, Audience


def chained(layout: Layout, graphs: Sequence[Neighbours], tie: float, audience: Audience = NOBODY) -> np.ndarray:
    """Coords `(T, N, components)` float32 that descend Σ KL_t + tie / 2N Σ_t Σ_i |y_i,t - y_i,t+1|².

    All start from the last graph's leading coordinates, each with noise of its own. They share one origin: only all
    of them together are centred.
    """
    n = len(graphs[0])
    with one_blas_thread(), Workers(layout.threads) as workers:
        leading = graphs[-1].leading
        order = np.arange(n) if leading is None else along_curve(leading)
        start = layout.start(None if leading is None else leading[order], n)
        repulsion = layout.repulsion(n, workers)
        descents = [
            Descent(layout.affinities(graph, order, workers), start + _noise(layout, t, n), repulsion, workers)
            for t, graph in enumerate(graphs)
        ]
        schedule = Schedule(n, layout.iterations, layout.exaggeration, layout.learning_rate)

        def placed() -> np.ndarray:
            coords = np.empty((len(graphs), n, layout.components), np.float32)
            for t, descent in enumerate(descents):
                coords[t, order] = descent.coords[:, : layout.components]
            return coords - coords.mean(axis=(0, 1), dtype=np.float64).astype(np.float32)

        for iteration in range(schedule.iterations):
            ties = [pull(descents, t, tie / n) for t in range(len(descents))]  # before any moves: they sum to zero
            for descent, further in zip(descents, ties, strict=True):
                descent.step(schedule[iteration], further)
            if audience(iteration + 1, schedule.iterations, placed, lambda: sum(d.divergence() for d in descents)):
                break
        return placed()


def pull(descents: Sequence[Descent], t: int, tie: float) -> np.ndarray | None:
    """The gradient `(N, 2 or 3)` of tie / 2 |y_t - y_t±1|², summed over both neighbours that map `t` has."""
    beside = [descents[other].coords for other in (t - 1, t + 1) if 0 <= other < len(descents)]
    if not beside or not tie:
        return None
    here = descents[t].coords
    return np.float32(tie) * np.sum([here - there for there in beside], axis=0)


def _noise(layout: Layout, t: int, n: int) -> np.ndarray:
    return SPREAD / 100 * np.random.default_rng([layout.seed, t]).standard_normal((n, layout.components))
