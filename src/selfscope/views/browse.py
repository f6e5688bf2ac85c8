"""A data set as the model sees it: typed samples, with everything that was sampled to make them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from selfscope.config.reader import Config
from selfscope.data.dataset import Dataset
from selfscope.errors import DataError, UsageError
from selfscope.records import Sample
from selfscope.views.opening import opened
from selfscope.views.progress import Progress, silent


def browse(
    source: str | Path | Config | Dataset,
    n: int | None = None,
    *,
    phase: str = "train",
    seed: int = 0,
    skip: Sequence[str] = (),
    options: Mapping[str, Any] | Sequence[str] | None = None,
    trust: bool = False,
    skipped: list[tuple[str, str]] | None = None,
    progress: Progress | None = None,
) -> Iterator[Sample]:
    """The first `n` samples (default: all) of a config's data set, of a folder of images, or of a `Dataset`.

    Each sample depends on `seed` and its index alone. A model that draws its mask itself (MAE) gets one of its own
    kind drawn here, at its own ratio. An image that cannot be read is left out; give `skipped` to learn path and
    reason. `skip` names transforms to leave out.
    """
    if n is not None and n < 1:
        raise UsageError(f"n: expected at least 1, got {n}")
    given = opened(source, phase=phase, seed=seed, skip=skip, options=options, trust=trust)
    dataset = given.dataset
    total = len(dataset) if n is None else min(n, len(dataset))
    report = progress or silent
    report(0, total)
    for index in range(total):
        try:
            sample = given.sample(index)
        except DataError as error:
            if skipped is None:
                raise
            skipped.append((str(dataset.entries[index].path), str(error)))
        else:
            yield sample
        report(index + 1, total)
    if skipped and len(skipped) == total:
        raise DataError(f"none of {total} images could be read; the first: {skipped[0][1]}")
