"""One map a checkpoint, made together, so that what moves between them moved in the features (Rauber et al. 2016)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from selfscope.embedding.check import feature_array
from selfscope.embedding.graph import Neighbours
from selfscope.embedding.graph import neighbours as find_neighbours
from selfscope.embedding.tsne import TSNE
from selfscope.embedding.watch import Audience, Progress
from selfscope.errors import RecordError

FEWEST = 4
TIE = 0.01


@dataclass(frozen=True, eq=False)
class JointMaps:
    """T maps of the same N items in one coordinate system, and how far the method moves what did not change."""

    coords: np.ndarray
    """`(T, N, n_components)` float32."""
    twin: np.ndarray
    """`(N, n_components)`: the last features once more, under another seed, as a further link of the chain."""
    graphs: tuple[Neighbours, ...] = ()
    """Of the T features, with as many neighbours a point as the maps needed and the divergence needs."""

    @property
    def floor(self) -> float:
        """Median distance between the last map and its twin: drift that means nothing."""
        return float(np.median(np.linalg.norm(self.coords[-1] - self.twin, axis=1)))

    @property
    def drift(self) -> np.ndarray:
        """`(T, N)` float32: distance from the map before, in floors; NaN in the first map, which has none."""
        moved = np.full(self.coords.shape[:2], np.nan, np.float32)
        moved[1:] = np.linalg.norm(np.diff(self.coords, axis=0), axis=2) / max(self.floor, 1e-12)
        return moved


@dataclass(frozen=True)
class JointTSNE:
    """Features of T checkpoints, `(N, D_t)` each, in; `JointMaps` out: `JointTSNE(TSNE(perplexity=30))([a, b, c])`.

    `tie` is the weight of the temporal penalty, tie / 2N Σ |y_t - y_t+1|² beside the T divergences: 0 lets every map go
    its own way, large values make them all the same and cost divergence. A map costs what one by itself does, and the
    twin is one more.
    """

    engine: TSNE = field(default_factory=TSNE)
    tie: float = TIE

    def __post_init__(self) -> None:
        if self.engine.device != "cpu":
            raise RecordError(f"joint map: made on the processor only, got device={self.engine.device!r}")
        if not 0 <= self.tie <= 0.5:
            raise RecordError(f"tie: expected 0 to 0.5, beyond which the descent overshoots, got {self.tie}")

    def __call__(self, features: Sequence[Any], progress: Progress | None = None) -> JointMaps:
        arrays = [feature_array(array, self.engine.metric) for array in features]
        counts = [len(array) for array in arrays]
        if len(arrays) < 2 or len(set(counts)) > 1 or counts[0] < FEWEST:
            raise RecordError(
                f"joint map: expected features of the same {FEWEST} or more items for two or more checkpoints, "
                f"got {counts} items"
            )
        from selfscope.embedding.engine.chain import chained  # compiles, or loads what was compiled

        graphs = self._graphs(arrays)
        coords = chained(self._layout(counts[0]), self._links(graphs, arrays[-1]), self.tie, Audience(progress))
        return JointMaps(coords[:-1], coords[-1], graphs)

    def _graphs(self, arrays: Sequence[np.ndarray]) -> tuple[Neighbours, ...]:
        from selfscope.embedding.divergence import NEIGHBOURS

        k, engine = max(self.engine.neighbours_needed(len(arrays[0])), NEIGHBOURS), self.engine
        return tuple(find_neighbours(array, k, engine.metric, engine.seed) for array in arrays)

    def _links(self, graphs: Sequence[Neighbours], last: np.ndarray) -> list[Neighbours]:
        """What the maps are made from: the graphs, and that of the twin."""
        k, engine = self.engine.neighbours_needed(len(last)), self.engine
        twin = find_neighbours(last, k, engine.metric, engine.seed + 1)
        links = [*(graph.nearest(k) for graph in graphs), replace(twin, leading=graphs[-1].leading)]
        return links if engine.init == "pca" else [replace(link, leading=None) for link in links]

    def _layout(self, n: int) -> Any:
        from selfscope.embedding.engine.layout import Layout

        engine = self.engine
        return Layout(
            components=engine.n_components,
            perplexity=engine.effective_perplexity(n),
            exaggeration=engine.early_exaggeration,
            learning_rate=None if engine.learning_rate == "auto" else float(engine.learning_rate),
            iterations=engine.n_iter,
            init=engine.init,
            seed=engine.seed,
            step=engine.grid_step,
        )
