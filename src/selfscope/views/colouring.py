"""What a map is coloured by: its columns, those that are made when asked for, and pictures of its exemplars."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from selfscope.draw.map_inks import CLUSTER
from selfscope.draw.thumbnails import fitted, spread_out
from selfscope.errors import DataError, UsageError, nearest
from selfscope.records import Embedding
from selfscope.views.progress import Progress

log = logging.getLogger(__name__)

ASKED_AT_EVERY_POINT = ("trust", "continuity", "recall")
ALWAYS = ("label", "norm", "density", *ASKED_AT_EVERY_POINT)
SEEDS = "stability"
MOSTLY_NONE = 0.5
"""Share of points in no cluster beyond which the picture warns."""


def check_colour(name: str, seeds: int, given: Mapping[str, Any] | None = None) -> None:
    """Refuses a column that the map will not have, before it is made."""
    known = [*ALWAYS, SEEDS, CLUSTER, *(given or {})]
    if name not in known:
        raise UsageError(f"color-by: expected one of {', '.join(known)}, got {name!r}.{nearest(name, known)}")
    if name == SEEDS and seeds < 2:
        raise UsageError("color-by stability compares maps of several seeds: add --seeds 3")


def queries_for(name: str) -> int | None:
    """At how many points a map's trust is measured: at all where it is coloured by it, else a sample."""
    return 10**9 if name in ASKED_AT_EVERY_POINT else None


def with_clusters(embedding: Embedding) -> Embedding:
    """The map with the column `cluster` of its features, and what made it in its settings."""
    from selfscope.embedding.clusters import clusters

    ((_, features),) = embedding.features.items()
    settings = embedding.settings
    found = clusters(features, metric=settings.get("metric", "euclidean"), seed=int(settings.get("seed", 0)))
    count = len(found.exemplars)
    said = f"{count} cluster{'s' if count != 1 else ''} by HDBSCAN, {found.noise:.0%} of the points in none"
    made = {**found.settings, "count": count, "noise": found.noise, "exemplars": found.exemplars.tolist()}
    log.info("%s: %s", embedding.key, said)
    told = {"notes": (*settings.get("notes", ()), f"{said}: few of these features form dense groups")}
    return replace(
        embedding,
        columns={**embedding.columns, CLUSTER: found.labels},
        settings={**settings, "clusters": {**made, "said": said}, **(told if found.noise > MOSTLY_NONE else {})},
    )


def exemplars(embedding: Embedding, count: int, color_by: str) -> np.ndarray:
    """`count` points that stand for the map, by number: of every cluster or class first, then of its parts."""
    if color_by == CLUSTER:
        chosen = np.array(embedding.settings["clusters"]["exemplars"][:count], np.int64)
        if len(chosen) == count or not len(chosen):
            return chosen if len(chosen) else spread_out(embedding.coords, None, count)
        return np.union1d(chosen, spread_out(embedding.coords, None, count - len(chosen)))
    groups = embedding.labels if color_by == "label" else None
    return spread_out(embedding.coords, groups, count)


def thumbnails(
    embedding: Embedding, chosen: np.ndarray, *, side: int = 160, threads: int = 4, progress: Progress | None = None
) -> dict[int, np.ndarray]:
    """Pictures `(H, W, 3)` of at most `side` pixels of the chosen points' images, read anew by their paths.

    An image that cannot be read any more is logged, and has none.
    """
    from selfscope.data.picture import read_picture
    from selfscope.data.threads import in_threads

    if embedding.paths is None:
        raise UsageError("thumbnails: these features come without the paths of their images")
    paths = embedding.paths

    def read(index: int) -> np.ndarray | None:
        try:
            return fitted(read_picture(paths[index]), side)
        except DataError as error:
            log.warning("no thumbnail: %s", error)
            return None

    found = {}
    numbers = chosen.tolist()
    pictures = in_threads(read, numbers, threads)
    for done, (index, picture) in enumerate(zip(numbers, pictures, strict=True), 1):
        if picture is not None:
            found[index] = picture
        if progress is not None:
            progress(done, len(chosen))
    return found
