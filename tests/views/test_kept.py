"""Features of a `.npy` file with the labels beside it; what cannot be used is named by its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from selfscope.errors import DataError
from selfscope.views.kept import kept_features


@pytest.fixture
def features(tmp_path: Path) -> Path:
    path = tmp_path / "run" / "features" / "feat_3.npy"
    path.parent.mkdir(parents=True)
    np.save(path, np.arange(12, dtype=np.float32).reshape(4, 3))
    return path


def test_labels_beside_or_one_folder_up(features: Path) -> None:
    assert kept_features(features).labels is None
    np.save(features.parent.parent / "labels.npy", np.array([3, 2, 1, 0]))
    found = kept_features(features)
    assert (list(found.arrays), found.labels.tolist()) == (["feat_3"], [3, 2, 1, 0])  # type: ignore[union-attr]
    np.save(features.parent / "labels.npy", np.array([0, 0, 1, 1], np.uint8))
    assert kept_features(features).labels.tolist() == [0, 0, 1, 1]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.arange(5), r"labels\.npy: expected one whole number for each of 4 features, got int64 \(5,\)"),
        (np.zeros((4, 1), int), r"labels\.npy: expected one whole number for each of 4 features, got int64 \(4, 1\)"),
        (np.array(list("abcd")), r"labels\.npy: expected one whole number for each of 4 features, got <U1"),
        (None, r"labels\.npy: the labels beside the features cannot be read"),
    ],
)
def test_labels_of_other_features_are_named(features: Path, labels: np.ndarray | None, words: str) -> None:
    path = features.parent / "labels.npy"
    path.write_bytes(b"not an array") if labels is None else np.save(path, labels)
    with pytest.raises(DataError, match=words):
        kept_features(features)
