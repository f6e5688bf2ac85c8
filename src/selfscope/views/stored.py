"""Features from the disk with what belongs to them from their data set; torch is not needed for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from selfscope.errors import DataError
from selfscope.store.shards import StoredFeatures
from selfscope.structures import Features


def features_of(
    stored: StoredFeatures, entries: Sequence[Any], labels: np.ndarray | None, classes: tuple[str, ...] | None
) -> Features:
    """Stored features with what belongs to them from the data set they were taken of."""
    gone = dict(stored.skipped)
    skipped = tuple((entries[place].path, reason) for place, reason in gone.items())
    if not stored.arrays:
        first = f"; the first: {skipped[0][0]}: {skipped[0][1]}" if skipped else ""
        raise DataError(f"none of {len(entries)} images could be read{first}")
    settings = stored.facts.get("settings", {})
    kept = np.array([place for place in range(len(entries)) if place not in gone], np.int64)
    return Features(
        dict(stored.arrays),
        labels=None if labels is None else np.asarray(labels)[kept].astype(np.int64),
        paths=tuple(entries[place].path for place in kept.tolist()),
        class_names=classes,
        settings={**settings, "notes": tuple(dict.fromkeys((*settings.get("notes", ()), *stored.notes)))},
        skipped=skipped,
    )
