"""New images on a map that was made before: the map stays as it is, and says how far to trust where they lie."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from selfscope.embedding.placed import PlacedQuality, placed_quality
from selfscope.embedding.tsne import TSNE
from selfscope.errors import DataError, UsageError
from selfscope.records import Embedding
from selfscope.structures import Features
from selfscope.views.embed import chosen_stage
from selfscope.views.trust import doubts

PERPLEXITY = 5.0
PLACED = "placed"
BEFORE = "on the map before"
MEASURED = {"trustworthiness": "trustworthiness", "knn_recall": "recall"}


def place(
    features: Features | Any,
    onto: Embedding,
    stage: str | None = None,
    *,
    perplexity: float = PERPLEXITY,
    step: int = 0,
) -> Embedding:
    """`onto` with further points: where `TSNE.transform` puts these features, made by the same model.

    The record lists the points of `onto` first, with label -1 and drawn in grey, then the new ones with their labels,
    or as one class `placed`. `quality` and the columns `trust`, `continuity`, `recall` are those of the new points,
    whose neighbours are mapped points only; `placed` is 1 for them and 0 for the others.
    """
    known = features_of(onto)
    given, stage, array = chosen_stage(features, stage)
    metric = str(onto.settings.get("metric", "euclidean"))
    engine = TSNE(n_components=onto.coords.shape[1], metric=metric, seed=int(onto.settings.get("seed", 0)))
    coords = engine.transform(array, known, onto.coords, perplexity=perplexity)
    found = placed_quality(array, known, onto.coords, coords, metric=metric, seed=engine.seed)
    labels, names = _labels(given, len(array))
    old, new = len(onto.coords), len(array)
    return Embedding(
        key=stage,
        coords=np.concatenate([onto.coords, coords]),
        labels=np.concatenate([np.full(old, -1), labels]),
        class_names=names,
        paths=None if onto.paths is None or given.paths is None else (*onto.paths, *given.paths),
        columns={PLACED: np.repeat([0.0, 1.0], [old, new]).astype(np.float32), **_columns(found.columns, old)},
        quality=_numbers(found, new),
        settings={**given.settings, **_settings(onto, given, found, new, perplexity), "stage": stage},
        step=step,
    )


def maps_of(path: str | Path) -> Mapping[str, Embedding]:
    """The maps of a run, which has one at least."""
    from selfscope.store.reader import is_run, open_run

    maps = open_run(path).embeddings if is_run(Path(path)) else {}
    if not maps:
        raise DataError(f"{path}: holds no map; give the folder that `selfscope tsne` named as its run")
    return maps


def map_of(path: str | Path, stage: str) -> Embedding:
    """The map that a run holds: the one of this stage where it has several."""
    maps = maps_of(path)
    name = next(iter(maps)) if len(maps) == 1 else stage
    if name not in maps:
        raise UsageError(f"{path}: holds maps of {', '.join(maps)}, none of {stage}")
    return maps[str(name)]


def features_of(onto: Embedding) -> np.ndarray:
    """What the map was made from; refuses maps that new points cannot be placed on."""
    method = str(onto.settings.get("method", "t-SNE"))
    if method != "t-SNE":
        raise UsageError(f"{onto.key}: points are placed on maps by t-SNE, this one is by {method}")
    if not onto.features:
        raise DataError(f"{onto.key}: the map was stored without its features, by which new points find their places")
    return next(iter(onto.features.values()))


def _labels(given: Features, count: int) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """Classes of the new points, of which those without one are a class of their own."""
    if given.labels is None:
        return np.zeros(count, np.int64), (PLACED,)
    labels = np.asarray(given.labels, np.int64)
    names = given.class_names or tuple(f"class {i}" for i in range(int(labels.max(initial=-1)) + 1))
    if (labels >= 0).all():
        return labels, names
    return np.where(labels < 0, len(names), labels), (*names, "no label")


def _columns(columns: Mapping[str, np.ndarray], before: int) -> dict[str, np.ndarray]:
    return {name: np.concatenate([np.full(before, np.nan, np.float32), values]) for name, values in columns.items()}


def _numbers(found: PlacedQuality, count: int) -> dict[str, float]:
    measures = ("trustworthiness", "continuity", "knn_recall")
    return {**{name: getattr(found, name) for name in measures}, "k": found.k, "queries": count}


def _settings(onto: Embedding, given: Features, found: PlacedQuality, new: int, perplexity: float) -> dict[str, Any]:
    old, s = len(onto.coords), onto.settings
    its = [f"{name} {onto.quality[key]:.2f}" for key, name in MEASURED.items() if key in onto.quality]
    note = f"{new:,} points placed on a map of {old:,}, which stays as it is" + (f" ({', '.join(its)})" if its else "")
    weights = [settings.get("checkpoint") for settings in (s, given.settings)]
    differ = None not in weights and weights[0] != weights[1]
    said = (
        [f"the map is of {weights[0]}, the new points of {weights[1]}: other weights, other places"] if differ else []
    )
    kept = {name: s[name] for name in ("metric", "seed", "d") if name in s}
    return {
        **kept,
        "method": "t-SNE, new points placed",
        "perplexity": perplexity,
        "n": old + new,
        "background": BEFORE,
        "notes": (*given.settings.get("notes", ()), note),
        "doubts": (*said, *doubts(_numbers(found, new), max(old, 50))),
    }
