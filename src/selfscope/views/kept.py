"""Features that were extracted before: from a run, or from a `.npy` file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from selfscope.errors import DataError
from selfscope.records import Embedding
from selfscope.store.reader import is_run, open_run
from selfscope.structures import Features


def kept_features(path: str | Path) -> Features:
    """Of a `.npy` file `(N, D)`, with the `labels.npy` beside it or one folder up; or of a run, whose maps are stages.

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
    if not isinstance(array, np.ndarray):
        raise DataError(f"{path}: expected one (N, D) array in a .npy file; take it out of the archive first")
    if array.ndim != 2:
        raise DataError(f"{path}: expected an (N, D) array, one row an item, got {array.dtype} {array.shape}")
    return Features({path.stem: array}, labels=_labels_beside(path, len(array)), settings={"model": path.name})


def kept_spaces(path: str | Path) -> list[Features]:
    """As `kept_features`; of a run that mapped several checkpoints together, each one's, in the order of training."""
    return run_spaces(Path(path)) if Path(path).is_dir() else [kept_features(path)]


def run_features(folder: Path) -> Features:
    """Of a run with one model's features."""
    found = run_spaces(folder)
    if len(found) > 1:
        raise DataError(
            f"{folder}: holds the features of {len(found)} checkpoints; "
            f"give one's .npy file below {folder / 'checkpoints'}"
        )
    return found[0]


def run_spaces(folder: Path) -> list[Features]:
    """One `Features` a checkpoint of the maps in a run that kept their features."""
    if not is_run(folder):
        within = folder.iterdir() if folder.is_dir() else ()
        inside = sorted(path for path in within if path.is_dir() and is_run(path))
        better = (
            f"give a run in it, such as {inside[-1]}" if inside else "give the folder that a command named as its run"
        )
        raise DataError(f"{folder}: not a run (no run.json or vis_data); {better}")
    found = [embedding for embedding in open_run(folder).embeddings.values() if embedding.features]
    if not found:
        raise DataError(f"{folder}: holds no features; `selfscope tsne` leaves them in its run")
    by_checkpoint: dict[str, list[Embedding]] = {}
    for embedding in sorted(found, key=lambda one: one.step):
        by_checkpoint.setdefault(str(embedding.settings.get("checkpoint")), []).append(embedding)
    return [_joined(maps) for maps in by_checkpoint.values()]


def _joined(found: Sequence[Embedding]) -> Features:
    """All stages of the maps that list the same images as the first."""
    first = found[0]
    alike = [one for one in found if one.paths == first.paths and len(one.coords) == len(first.coords)]
    return Features(
        {stage: array for one in alike for stage, array in one.features.items()},
        labels=first.labels,
        paths=first.paths,
        class_names=first.class_names,
        settings=dict(first.settings),
    )


def _labels_beside(path: Path, n: int) -> np.ndarray | None:
    """`labels.npy` in the same folder, or in the one above, which is where `selfscope tsne` leaves it."""
    for folder in (path.parent, path.parent.parent):
        beside = folder / "labels.npy"
        if beside.exists() and beside != path:
            return _labels_of(beside, n)
    return None


def _labels_of(path: Path, n: int) -> np.ndarray:
    try:
        labels = np.load(path)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path}: the labels beside the features cannot be read: {error}") from error
    if labels.shape != (n,) or labels.dtype.kind not in "iu":
        raise DataError(
            f"{path}: expected one whole number for each of {n} features, got {labels.dtype} {labels.shape}: "
            "move it away if it is not of these features"
        )
    return labels
