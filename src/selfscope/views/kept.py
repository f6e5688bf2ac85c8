"""Features that were extracted before: from a run, or from a `.npy` file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from selfscope.errors import DataError
from selfscope.store.reader import is_run, open_run
from selfscope.structures import Features


def kept_features(path: str | Path) -> Features:
    """Of a `.npy` file `(N, D)`, with the `labels.npy` beside it or one folder up; or of a run's maps, all of them.

    Arrays are mapped from disk, not read.
    """
    path = Path(path)
    if path.is_dir():
        return run_features(path)
    try:
        array = np.load(path, mmap_mode="r")
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file or run; give an (N, D) .npy file or the folder of a run") from error
    except (ValueError, EOFError) as error:
        raise DataError(f"{path}: not a .npy file of numbers") from error
    if not isinstance(array, np.ndarray) or array.ndim != 2:
        raise DataError(f"{path}: expected one (N, D) array in a .npy file; take it out of the archive first")
    return Features({path.stem: array}, labels=_labels_beside(path), settings={"model": path.name})


def run_features(folder: str | Path) -> Features:
    """Of the maps in a run that kept their features, those that list the same images as the first."""
    if not is_run(Path(folder)):
        raise DataError(
            f"{folder}: not a run (no run.json or vis_data); give the folder that a command named as its run"
        )
    found = [embedding for embedding in open_run(folder).embeddings.values() if embedding.features]
    if not found:
        raise DataError(f"{folder}: holds no features; `selfscope tsne` leaves them in its run")
    first = found[0]
    alike = [one for one in found if one.paths == first.paths and len(one.coords) == len(first.coords)]
    return Features(
        {stage: array for one in alike for stage, array in one.features.items()},
        labels=first.labels,
        paths=first.paths,
        class_names=first.class_names,
        settings=dict(first.settings),
    )


def _labels_beside(path: Path) -> np.ndarray | None:
    """`labels.npy` in the same folder, or in the one above, which is where `selfscope tsne` leaves it."""
    for folder in (path.parent, path.parent.parent):
        beside = folder / "labels.npy"
        if beside.exists() and beside != path:
            return np.load(beside)
    return None
