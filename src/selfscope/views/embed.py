"""From features to a map: a record that carries coords, settings, and how far to trust it."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from selfscope.embedding.check import checked_features
from selfscope.embedding.pca import principal_components
from selfscope.embedding.quality import MapQuality, map_quality
from selfscope.embedding.tsne import TSNE
from selfscope.errors import UsageError
from selfscope.records import Embedding
from selfscope.structures import Features
from selfscope.views.progress import Progress

log = logging.getLogger(__name__)


def tsne(
    features: Features | Any,
    stage: str | None = None,
    *,
    progress: Progress | None = None,
    step: int = 0,
    **options: Any,
) -> Embedding:
    """A t-SNE map of `Features`, or of an `(N, D)` array; `options` are those of `selfscope.embedding.tsne.TSNE`.

    `stage` chooses among several feature arrays (default: the first). Coords are repeatable byte by byte for the same
    features, options, versions and machine. `quality` holds trustworthiness, continuity and kNN recall at 10.
    """
    engine = _engine(options)
    given, stage, array = _chosen(features, stage)
    coords = engine(array, progress)
    n = len(array)
    settings: dict[str, Any] = {
        "method": "t-SNE" if n > 3 else "PCA (too few points for t-SNE)",
        "metric": engine.metric,
        "perplexity": engine.effective_perplexity(n),
        "perplexity_asked": engine.perplexity,
        "early_exaggeration": engine.early_exaggeration,
        "learning_rate": engine.effective_learning_rate(n),
        "n_iter": engine.n_iter,
        "init": engine.init,
        "seed": engine.seed,
    }
    if settings["perplexity"] < engine.perplexity:
        log.warning(
            "perplexity lowered from %g to %.3g: there are %d points", engine.perplexity, settings["perplexity"], n
        )
    return _embedding(given, stage, array, coords, settings, step)


def pca(
    features: Features | Any,
    stage: str | None = None,
    *,
    n_components: int = 2,
    metric: str = "euclidean",
    step: int = 0,
) -> Embedding:
    """The first principal components as a map, for the same inputs and with the same numbers as `tsne`."""
    given, stage, array = _chosen(features, stage)
    coords = principal_components(checked_features(array, metric), n_components).astype(np.float32)
    return _embedding(given, stage, array, coords, {"method": "PCA", "metric": metric}, step)


def _engine(options: dict[str, Any]) -> TSNE:
    try:
        return TSNE(**options)
    except TypeError as error:
        accepted = ", ".join(TSNE.__dataclass_fields__)
        raise UsageError(f"tsne: {error}; options are {accepted}") from error


def _chosen(features: Features | Any, stage: str | None) -> tuple[Features, str, np.ndarray]:
    given = features if isinstance(features, Features) else Features({stage or "features": np.asarray(features)})
    name = stage or next(iter(given.arrays))
    if name not in given.arrays:
        raise UsageError(f"tsne: no stage {name!r} among {', '.join(given.arrays)}")
    return given, name, given.arrays[name]


def _embedding(
    given: Features, stage: str, array: np.ndarray, coords: np.ndarray, settings: dict[str, Any], step: int
) -> Embedding:
    quality = map_quality(array, coords, metric=settings["metric"])
    n, d = array.shape
    return Embedding(
        key=stage,
        coords=coords,
        labels=given.labels,
        class_names=given.class_names,
        paths=given.paths,
        columns=_columns(quality, n),
        quality=_numbers(quality),
        settings={**given.settings, **settings, "stage": stage, "n": n, "d": d},
        features={stage: array},
        step=step,
    )


def _numbers(quality: MapQuality | None) -> dict[str, float]:
    if quality is None:
        return {}
    names = ("trustworthiness", "continuity", "knn_recall")
    numbers = {name: float(getattr(quality, name)) for name in names}
    return {**numbers, "k": quality.k, "queries": len(quality.queries)}


def _columns(quality: MapQuality | None, n: int) -> dict[str, np.ndarray]:
    """Per-point numbers as `(N,)` float32, NaN for points that were not asked."""
    columns = {}
    for name, values in (quality.per_query if quality else {}).items():
        column = np.full(n, np.nan, np.float32)
        column[quality.queries] = values  # type: ignore[union-attr]
        columns[name] = column
    return columns
