"""Neighbour graphs kept beside the features that they are of: found once, read for the next map."""

from __future__ import annotations

import json
import logging
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from selfscope.embedding.graph import METHOD, Neighbours
from selfscope.embedding.tsne import TSNE
from selfscope.store.cache import digest_of
from selfscope.store.whole import whole

log = logging.getLogger(__name__)


def kept_neighbours(folder: Path, stage: str, features: np.ndarray, engine: TSNE) -> Neighbours | None:
    """The graph that a map of these features and its numbers need, from `folder`, or found and kept there.

    None for up to three points. A graph is taken only for the very k, metric, seed and method that it was found with:
    a map is the same with and without it.
    """
    n = len(features)
    if n <= 3:
        return None
    from selfscope.embedding.divergence import NEIGHBOURS  # compiles, or loads what was compiled

    k = max(engine.neighbours_needed(n), min(NEIGHBOURS, n - 1))
    about: dict[str, Any] = {
        "method": METHOD,
        "stage": stage,
        "k": k,
        "metric": engine.metric,
        "seed": engine.seed,
        "shape": list(features.shape),
        "dtype": str(features.dtype),
    }
    path = folder / f"graph-{digest_of(about)[:16]}.npz"
    found = _read(path, about) if path.exists() else None
    if found is None:
        from selfscope.embedding.graph import neighbours

        found = neighbours(features, k, engine.metric, engine.seed)
        _write(path, found, about)
    return found


def _read(path: Path, about: dict[str, Any]) -> Neighbours | None:
    try:
        with path.open("rb") as file, np.load(file) as parts:
            told = json.loads(str(parts["about"]))
            leading = parts["leading"] if "leading" in parts.files else None
            graph = Neighbours(
                parts["indices"], parts["distances"], told["exact"], told["metric"], told["words"], leading
            )
        if told["key"] != about:
            raise ValueError("it is a graph of other features")
        return graph.checked(about["shape"][0], about["metric"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        log.warning("%s: the neighbour graph is damaged (%s); it is found again", path, error)
        return None


def _write(path: Path, graph: Neighbours, about: dict[str, Any]) -> None:
    told = {"key": about, "exact": graph.exact, "metric": graph.metric, "words": graph.method}
    parts: dict[str, Any] = {
        "indices": graph.indices,
        "distances": graph.distances,
        "about": np.array(json.dumps(told)),
    }
    if graph.leading is not None:
        parts["leading"] = graph.leading
    with whole(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **parts)
