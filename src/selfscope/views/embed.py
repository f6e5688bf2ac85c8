"""From features to a map: a record that carries coords, settings, and how far to trust it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from selfscope.embedding.check import checked_features, feature_array
from selfscope.embedding.graph import Neighbours
from selfscope.embedding.graph import neighbours as find_neighbours
from selfscope.embedding.pca import principal_components
from selfscope.embedding.tsne import TSNE
from selfscope.embedding.watch import Audience
from selfscope.errors import UsageError
from selfscope.records import Embedding
from selfscope.structures import Features
from selfscope.views.options import made_of
from selfscope.views.progress import Progress
from selfscope.views.trust import trust

log = logging.getLogger(__name__)

LOOKING = ("watch", "every")
"""Options of a call of the engine rather than of the engine."""


def tsne(
    features: Features | Any,
    stage: str | None = None,
    *,
    seeds: int = 1,
    neighbours: Neighbours | None = None,
    queries: int | None = None,
    progress: Progress | None = None,
    step: int = 0,
    **options: Any,
) -> Embedding:
    """A t-SNE map of `Features`, or of an `(N, D)` array; `options` are those of `selfscope.embedding.tsne.TSNE`,
    and `watch` and `every` of its call, to which the map is shown while it is made.

    `stage` chooses among several feature arrays (default: the first). Coords are repeatable byte by byte for the same
    features, options, versions and machine. `quality` holds trustworthiness, continuity, kNN recall at 10 and the
    divergence, and the same for the plane of two principal components; they are measured at `queries` sampled points.
    With `seeds` > 1 so many maps are made, with seeds counted up from `seed`; the first is the map, and `quality` and
    the column `stability` tell how much of it the others repeat. `neighbours` is a graph of the features, from
    `selfscope.embedding.neighbours` or a cache, with at least `neighbours_needed` and 90 a point.
    """
    looking = {name: options.pop(name) for name in LOOKING if name in options}
    engine = engine_of(options)
    Audience(progress, **looking)  # refuses
    if seeds < 1:
        raise UsageError(f"tsne: expected at least one seed, got {seeds}")
    given, stage, array = chosen_stage(features, stage)
    n = len(array)
    if neighbours is None and n > 3:
        neighbours = graph_for(array, engine.metric, engine.neighbours_needed(n), engine.seed)
    maps = [engine(array, progress, neighbours=neighbours, **looking)]
    maps += [replace(engine, seed=engine.seed + i)(array, progress, neighbours=neighbours) for i in range(1, seeds)]
    if engine.effective_perplexity(n) < engine.perplexity:
        lowered = engine.effective_perplexity(n)
        log.warning("perplexity lowered from %g to %.3g, as N = %d asks", engine.perplexity, lowered, n)
    return judged_map(given, stage, maps, _settings(engine, n), neighbours=neighbours, queries=queries, step=step)


def _settings(engine: TSNE, n: int) -> dict[str, Any]:
    """What made a map of n points: what was asked for, and what they could bear of it."""
    return {
        "method": "t-SNE" if n > 3 else "PCA (too few points for t-SNE)",
        "metric": engine.metric,
        "perplexity": engine.effective_perplexity(n),
        "perplexity_asked": engine.perplexity,
        "early_exaggeration": engine.early_exaggeration,
        "learning_rate": engine.effective_learning_rate(n),
        "n_iter": engine.n_iter,
        "init": engine.init,
        "seed": engine.seed,
        "grid_step": engine.grid_step,
        "device": engine.device,
    }


def pca(
    features: Features | Any,
    stage: str | None = None,
    *,
    n_components: int = 2,
    metric: str = "euclidean",
    neighbours: Neighbours | None = None,
    queries: int | None = None,
    step: int = 0,
) -> Embedding:
    """The first principal components as a map, for the same inputs and with the same numbers as `tsne`."""
    given, stage, array = chosen_stage(features, stage)
    coords = principal_components(checked_features(array, metric), n_components).astype(np.float32)
    if neighbours is None and len(array) > 3:
        neighbours = graph_for(array, metric, 1, 0)
    settings = {"method": "PCA", "metric": metric}
    return judged_map(given, stage, [coords], settings, neighbours=neighbours, queries=queries, step=step)


def umap(features: Features | Any, stage: str | None = None, **options: Any) -> Embedding:
    """A map by umap-learn (an extra), for the same inputs and with the same numbers as `tsne`.

    `options` are those of `selfscope.embedding.libraries.UMAP`, and `neighbours`, `queries`, `step` as for `tsne`; the
    graph is for the numbers only, the library finds its own.
    """
    return _by_library("UMAP", features, stage, options)


def pacmap(features: Features | Any, stage: str | None = None, **options: Any) -> Embedding:
    """A map by pacmap (an extra); otherwise as `umap`, with the options of `selfscope.embedding.libraries.PaCMAP`."""
    return _by_library("PaCMAP", features, stage, options)


def _by_library(method: str, features: Features | Any, stage: str | None, options: dict[str, Any]) -> Embedding:
    from selfscope.embedding import libraries

    rest: dict[str, Any] = {"neighbours": None, "queries": None, "step": 0}
    rest = {name: options.pop(name, default) for name, default in rest.items()}
    engine = made_of(getattr(libraries, method), options, method.lower(), tuple(rest))
    given, stage, array = chosen_stage(features, stage)
    coords = engine(array)
    placed = libraries.nothing_to_learn(libraries.single_features(array, engine.metric))
    settings = {**asdict(engine), "library": libraries.library_version(engine)}
    settings = {"method": f"PCA (too little to learn for {method})" if placed else method, **settings}
    if rest["neighbours"] is None and len(array) > 3:
        rest["neighbours"] = graph_for(array, engine.metric, 1, engine.seed)
    return judged_map(given, stage, [coords], settings, **rest)


def graph_for(array: np.ndarray, metric: str, needed: int, seed: int) -> Neighbours:
    """What the map needs, and what the divergence needs whatever the map's perplexity."""
    from selfscope.embedding.divergence import NEIGHBOURS  # compiles, or loads what was compiled

    return find_neighbours(array, max(needed, min(NEIGHBOURS, len(array) - 1)), metric, seed)


def engine_of(options: dict[str, Any]) -> TSNE:
    """`TSNE` of these options; an unknown one is refused with those that there are."""
    engine: TSNE = made_of(TSNE, options, "tsne", LOOKING)
    return engine


def chosen_stage(features: Features | Any, stage: str | None) -> tuple[Features, str, np.ndarray]:
    """Features, the name of the stage (default: the first), and its array."""
    given: Features = features
    if not isinstance(features, Features):
        given = Features({stage or "features": feature_array(features, "euclidean")})
    name = stage or next(iter(given.arrays))
    if name not in given.arrays:
        raise UsageError(f"tsne: no stage {name!r} among {', '.join(given.arrays)}")
    return given, name, given.arrays[name]


def judged_map(
    given: Features,
    stage: str,
    maps: Sequence[np.ndarray],
    settings: dict[str, Any],
    *,
    neighbours: Neighbours | None,
    queries: int | None,
    step: int,
) -> Embedding:
    """The record of the first of `maps`, with its numbers, columns and doubts; others are it under further seeds."""
    array = given.arrays[stage]
    metric, method = settings["metric"], settings["method"]
    judged = trust(array, maps, metric=metric, neighbours=neighbours, queries=queries, method=method)
    n, d = array.shape
    return Embedding(
        key=stage,
        coords=maps[0],
        labels=given.labels,
        class_names=given.class_names,
        paths=given.paths,
        columns=judged.columns,
        quality=judged.quality,
        settings={**given.settings, **settings, "stage": stage, "n": n, "d": d, "doubts": judged.doubts},
        features={stage: array},
        step=step,
    )
