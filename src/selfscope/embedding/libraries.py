"""Maps by methods of other libraries, which are extras: UMAP (McInnes et al. 2018) and PaCMAP (Wang et al. 2021)."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import logging
import math
import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from selfscope.embedding.check import all_alike, check_whole, feature_array, refuse_unusable
from selfscope.embedding.pca import principal_components
from selfscope.errors import MissingExtraError, RecordError

FEWEST = 16
"""Points from which on the libraries are asked."""


@dataclass(frozen=True)
class UMAP:
    """Features `(N, D)` in, coords `(N, n_components)` float32 out, by umap-learn; a seed costs it its threads.

    `n_epochs` None is the library's choice, 500 up to 10,000 points and 200 beyond. `n_neighbors` is lowered to N - 1.
    """

    library: ClassVar[str] = "umap-learn"
    n_components: int = 2
    n_neighbors: int = 15
    min_dist: float = 0.1
    n_epochs: int | None = None
    metric: str = "euclidean"
    seed: int = 0

    def __post_init__(self) -> None:
        _require("umap", self.library, "umap", "UMAP")
        _check_counts(self.n_components, self.n_neighbors, self.seed)
        if not 0 <= self.min_dist <= 1:
            raise RecordError(f"min_dist: expected 0..1, got {self.min_dist}")
        if self.n_epochs is not None:
            check_whole("n_epochs", self.n_epochs, 1)

    def __call__(self, features: Any) -> np.ndarray:
        array = single_features(features, self.metric)
        if nothing_to_learn(array):
            return principal_components(array, self.n_components).astype(np.float32)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own dependencies, which a reader of maps can do nothing about
            reducer = importlib.import_module("umap").UMAP(
                n_components=self.n_components,
                n_neighbors=min(self.n_neighbors, len(array) - 1),
                min_dist=self.min_dist,
                n_epochs=self.n_epochs,
                metric=self.metric,
                random_state=self.seed,
                n_jobs=1,
            )
            return _finite(reducer.fit_transform(array), "UMAP")


@dataclass(frozen=True)
class PaCMAP:
    """Features `(N, D)` in, coords `(N, n_components)` float32 out, by pacmap.

    Under cosine it is given rows of length 1. `n_iter` is the last of its three stages; two of 100 go before it.
    `n_neighbors` is lowered to what N points have.
    """

    library: ClassVar[str] = "pacmap"
    n_components: int = 2
    n_neighbors: int = 10
    n_iter: int = 250
    metric: str = "euclidean"
    seed: int = 0

    def __post_init__(self) -> None:
        _require("pacmap", self.library, "pacmap", "PaCMAP")
        _check_counts(self.n_components, self.n_neighbors, self.seed)
        check_whole("n_iter", self.n_iter, 1)

    def __call__(self, features: Any) -> np.ndarray:
        array = single_features(features, self.metric)
        if nothing_to_learn(array):
            return principal_components(array, self.n_components).astype(np.float32)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pacmap = importlib.import_module("pacmap")
            logging.getLogger("pacmap.pacmap").setLevel(logging.ERROR)  # it warns that a seed was given
            reducer = pacmap.PaCMAP(
                n_components=self.n_components,
                n_neighbors=min(self.n_neighbors, math.isqrt(len(array))),
                num_iters=(100, 100, self.n_iter),
                random_state=self.seed,
            )
            return _finite(reducer.fit_transform(array), "PaCMAP")


def single_features(features: Any, metric: str) -> np.ndarray:
    """`(N, D)` float32 as both libraries want it, rows of length 1 under cosine."""
    from selfscope.embedding.engine.units import read_rows  # compiles, or loads what was compiled

    array = feature_array(features, metric)
    rows = read_rows(array, slice(None), metric).astype(np.float32, copy=False)
    if not np.isfinite(rows).all():
        refuse_unusable(array, metric)
    return rows


def nothing_to_learn(array: np.ndarray) -> bool:
    """Fewer than 16 points, or all the same: these are placed by their principal components."""
    return len(array) < FEWEST or all_alike(array)


def library_version(engine: UMAP | PaCMAP) -> str:
    """`umap-learn 0.5.12`: part of what made a map."""
    return f"{engine.library} {importlib.metadata.version(engine.library)}"


def _require(module: str, package: str, extra: str, purpose: str) -> None:
    if importlib.util.find_spec(module) is None:
        raise MissingExtraError(package, extra, purpose)


def _check_counts(components: int, neighbours: int, seed: int) -> None:
    for name, value, least in (("n_components", components, 1), ("n_neighbors", neighbours, 2), ("seed", seed, 0)):
        check_whole(name, value, least)
    if components > 3:
        raise RecordError(f"n_components: expected 1, 2 or 3, got {components}")


def _finite(coords: np.ndarray, method: str) -> np.ndarray:
    lost = np.flatnonzero(~np.isfinite(coords).all(axis=1))
    if len(lost):
        raise RecordError(f"{method}: placed {len(lost)} of {len(coords)} points nowhere, the first is row {lost[0]}")
    return np.ascontiguousarray(coords, np.float32)
