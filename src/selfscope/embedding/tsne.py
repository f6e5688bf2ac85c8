"""t-SNE (van der Maaten & Hinton 2008) of features, seeded and repeatable, by the engine in `embedding.engine`."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from selfscope.embedding.check import check_positive, check_whole, checked_features, feature_array
from selfscope.embedding.graph import Neighbours
from selfscope.embedding.graph import neighbours as find_neighbours
from selfscope.embedding.pca import principal_components
from selfscope.embedding.watch import Audience, Progress, Watch
from selfscope.errors import RecordError

NEIGHBOURS = 3
"""Neighbours a point, in perplexities."""


@dataclass(frozen=True)
class TSNE:
    """Features `(N, D)` in, coords `(N, n_components)` float32 out: `TSNE(perplexity=30, seed=0)(features)`.

    `learning_rate` "auto" is N / exaggeration and so rises as the exaggeration falls to 1; a number holds throughout.
    Either multiplies the whole gradient, its factor 4 included: four times the step of Belkina et al. (2019).
    `init` is "pca" (scaled to a spread of 1e-4, Kobak & Berens 2019) or "random".
    The descent takes `n_iter` iterations, or fewer when
    `n_iter_without_progress` of them have not lowered the divergence by 1e-4 of itself. With N < 3 · perplexity + 1
    the perplexity is lowered to (N - 1) / 3, which `effective_perplexity` tells; up to three points are placed by PCA.
    """

    n_components: int = 2
    perplexity: float = 30.0
    early_exaggeration: float = 12.0
    learning_rate: float | str = "auto"
    n_iter: int = 400
    n_iter_without_progress: int = 300
    init: str = "pca"
    metric: str = "euclidean"
    seed: int = 0
    grid_step: float = 0.7
    """Of the grid that repulsion goes through where there are many points; error of the force 6 to 10 % at 0.7, which
    a map does not notice, below 1 % at 0.35, 0.2 % at 0.25."""
    device: str = "cpu"
    """`cpu`: compiled code. `cuda`, `cuda:1`, `mps`: the same descent by torch, the neighbours still on the processor;
    `torch:cpu` for comparison. Torch's maps differ from the others in detail, not in quality."""

    def __post_init__(self) -> None:
        for name, least in (("n_components", 1), ("n_iter", 1), ("n_iter_without_progress", 1), ("seed", 0)):
            check_whole(name, getattr(self, name), least)
        if self.n_components > 3:
            raise RecordError(f"n_components: expected 1, 2 or 3, got {self.n_components}")
        if self.init not in ("pca", "random"):
            raise RecordError(f"init: expected 'pca' or 'random', got {self.init!r}")
        for name in ("perplexity", "early_exaggeration", "grid_step"):
            check_positive(name, getattr(self, name))
        if self.device != "cpu":
            from selfscope.embedding.engine.on_device import checked_device

            checked_device(self.device)
        if self.learning_rate != "auto":
            check_positive("learning_rate", self.learning_rate, "'auto' or a number")

    def effective_perplexity(self, n: int) -> float:
        """What N points can bear of the perplexity that was asked for."""
        return max(min(self.perplexity, (n - 1) / 3), 1.0)

    def effective_learning_rate(self, n: int) -> float:
        """That of the first iterations, at full exaggeration."""
        if self.learning_rate == "auto":
            return max(n, 50) / self.early_exaggeration
        return float(self.learning_rate)

    def neighbours_needed(self, n: int) -> int:
        """Neighbours a point that a map of n points takes, three perplexities (van der Maaten 2014).

        Beyond these a Gaussian has next to nothing left.
        """
        return min(math.ceil(NEIGHBOURS * self.effective_perplexity(n)), n - 1)

    def __call__(
        self,
        features: Any,
        progress: Progress | None = None,
        *,
        neighbours: Neighbours | None = None,
        watch: Watch | None = None,
        every: int = 50,
    ) -> np.ndarray:
        """`progress(iteration, n_iter)` is called every 50 iterations and after the last.

        `watch` is called with a `Snapshot` every so many iterations and after the last: an unfinished map. If it
        answers True, the map stays as it is.

        `neighbours` are those of the features, from a cache or another library, `neighbours_needed` or more a point;
        then the features themselves are not read, unless a start is to be made of them.
        """
        audience = Audience(progress, watch, every)
        array = feature_array(features, self.metric)
        if len(array) <= 3:
            return principal_components(checked_features(array, self.metric), self.n_components).astype(np.float32)
        from selfscope.embedding.engine.layout import Layout  # compiles, or loads what was compiled
        from selfscope.embedding.engine.on_device import checked_device

        layout = Layout(
            components=self.n_components,
            perplexity=self.effective_perplexity(len(array)),
            exaggeration=self.early_exaggeration,
            learning_rate=None if self.learning_rate == "auto" else float(self.learning_rate),
            iterations=self.n_iter,
            patience=self.n_iter_without_progress,
            init=self.init,
            seed=self.seed,
            step=self.grid_step,
            device=None if self.device == "cpu" else checked_device(self.device),
        )
        return layout(self._graph(array, neighbours), audience)

    def transform(self, new: Any, features: Any, coords: np.ndarray, *, perplexity: float = 5.0) -> np.ndarray:
        """Coords `(M, n_components)` float32 of new features `(M, D)` on a map that stays as it is.

        `features` `(N, D)` and `coords` `(N, n_components)` are those of the map. A new point descends its own
        divergence from its 3 · `perplexity` nearest mapped points, starting at their median; the others that come with
        it have no influence, so one by one or all together gives the same bytes. With a small perplexity a point finds
        its place among its nearest, rather than between groups. A map of three points or fewer takes no more.
        """
        asked, known = feature_array(new, self.metric), feature_array(features, self.metric)
        placed = np.asarray(coords, np.float32)
        if asked.shape[1] != known.shape[1]:
            raise RecordError(
                f"transform: new features have {asked.shape[1]} dimensions, those of the map {known.shape[1]}"
            )
        if placed.shape != (len(known), self.n_components) or not np.isfinite(placed).all():
            raise RecordError(
                f"transform: expected finite coords ({len(known)}, {self.n_components}) of the map, got {placed.shape}"
            )
        check_positive("perplexity", perplexity)
        if len(known) <= 3:
            raise RecordError(f"transform: a map of {len(known)} points has no neighbourhoods to place others in")
        from selfscope.embedding.engine.placing import place  # compiles, or loads what was compiled

        return place(asked, known, placed, perplexity=perplexity, metric=self.metric, seed=self.seed)

    def _graph(self, array: np.ndarray, given: Neighbours | None) -> Neighbours:
        k = self.neighbours_needed(len(array))
        if given is None:
            return find_neighbours(array, k, self.metric, self.seed)
        graph = given.checked(len(array), self.metric).nearest(k)
        if graph.leading is None and self.init == "pca":
            leading = principal_components(checked_features(array, self.metric), 3)
            return replace(graph, leading=leading.astype(np.float32))
        return graph
