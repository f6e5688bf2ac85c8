"""t-SNE (van der Maaten & Hinton 2008) with scikit-learn's Barnes-Hut engine, seeded and repeatable."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from selfscope.embedding.check import checked_features
from selfscope.embedding.pca import principal_components
from selfscope.errors import RecordError

Progress = Callable[[int, int], None]
EXPLORATION = 250
"""Iterations at early exaggeration; scikit-learn fixes this number, and needs as many again at least in all."""


@dataclass(frozen=True)
class TSNE:
    """Features `(N, D)` in, coords `(N, n_components)` float32 out: `TSNE(perplexity=30, seed=0)(features)`.

    `learning_rate` is scikit-learn's, a quarter of the literature's: "auto" is max(N / early_exaggeration / 4, 50)
    (Belkina et al. 2019). `init` is "pca" (scaled to a spread of 1e-4, Kobak & Berens 2019) or "random".
    With N < 3 · perplexity + 1 the perplexity is lowered to (N - 1) / 3, which `effective_perplexity` tells; up to
    three points are placed by PCA.
    """

    n_components: int = 2
    perplexity: float = 30.0
    early_exaggeration: float = 12.0
    learning_rate: float | str = "auto"
    n_iter: int = 1000
    n_iter_without_progress: int = 300
    init: str = "pca"
    metric: str = "euclidean"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n_components not in (1, 2, 3):
            raise RecordError(f"n_components: expected 1, 2 or 3, got {self.n_components}")
        if self.init not in ("pca", "random"):
            raise RecordError(f"init: expected 'pca' or 'random', got {self.init!r}")
        if self.n_iter < EXPLORATION:
            raise RecordError(f"n_iter: expected at least {EXPLORATION}, got {self.n_iter}")
        for name in ("perplexity", "early_exaggeration", "n_iter_without_progress"):
            if not getattr(self, name) > 0:
                raise RecordError(f"{name}: expected a number above 0, got {getattr(self, name)}")
        auto = isinstance(self.learning_rate, str)
        if self.learning_rate != "auto" and (auto or not float(self.learning_rate) > 0):
            raise RecordError(f"learning_rate: expected 'auto' or a number above 0, got {self.learning_rate!r}")

    def effective_perplexity(self, n: int) -> float:
        """What N points can bear of the perplexity that was asked for."""
        return min(self.perplexity, max((n - 1) / 3, 1.0))

    def effective_learning_rate(self, n: int) -> float:
        if self.learning_rate == "auto":
            return max(n / self.early_exaggeration / 4, 50.0)
        return float(self.learning_rate)

    def __call__(self, features: Any, progress: Progress | None = None) -> np.ndarray:
        """`progress(iteration, n_iter)` is called every 50 iterations."""
        array = checked_features(features, self.metric)
        if len(array) <= 3:
            return principal_components(array, self.n_components).astype(np.float32)
        return self._optimise(array, progress)

    def _optimise(self, array: np.ndarray, progress: Progress | None) -> np.ndarray:
        from sklearn.manifold import TSNE as Engine
        from threadpoolctl import threadpool_limits

        engine = Engine(
            n_components=self.n_components,
            perplexity=self.effective_perplexity(len(array)),
            early_exaggeration=self.early_exaggeration,
            learning_rate=self.effective_learning_rate(len(array)),
            max_iter=self.n_iter,
            n_iter_without_progress=self.n_iter_without_progress,
            init=self._start(array),
            random_state=self.seed,
            verbose=2 if progress else 0,
        )
        listener = _Listener(progress, self.n_iter)
        # The engine adds one partial sum a thread in the order they finish: only up to two give the same bits each run.
        with threadpool_limits(2, user_api="openmp"), contextlib.redirect_stdout(listener if progress else None):
            return engine.fit_transform(array.astype(np.float32))

    def _start(self, array: np.ndarray) -> np.ndarray:
        noise = np.random.default_rng(self.seed).standard_normal((len(array), self.n_components))
        if self.init == "random":
            return (1e-4 * noise).astype(np.float32)
        scores = principal_components(array, self.n_components)
        spread = scores[:, 0].std()
        start = 1e-4 * scores / spread if spread > 0 else np.zeros_like(scores)
        # A hundredth of the spread in noise parts duplicates, which would otherwise never move away from each other.
        return (start + 1e-6 * noise).astype(np.float32)


class _Listener(io.StringIO):
    """Takes the engine's printed lines and turns `Iteration 50: …` into a call of `progress`."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        super().__init__()
        self._progress, self._total = progress, total

    def write(self, text: str) -> int:
        found = re.search(r"Iteration (\d+)", text)
        if found and self._progress:
            self._progress(int(found[1]), self._total)
        return len(text)
