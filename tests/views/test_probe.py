"""Probes of features whose worth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from selfscope.embedding.knn import knn_accuracy
from selfscope.errors import DataError, UsageError
from selfscope.records import Table
from selfscope.structures import Features
from selfscope.views.probe import probe


def features(n: int, seed: int, *, apart: float = 8.0, prefix: str = "train") -> Features:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    array = rng.normal(size=(n, 5)) + apart * np.eye(3, 5)[labels]
    return Features({"feat_0": array}, labels=labels, paths=tuple(f"{prefix}/{i}.jpg" for i in range(n)))


def noise(like: Features, seed: int) -> Features:
    array = np.random.default_rng(seed).normal(size=(len(like), 5))
    return Features({"feat_0": array}, labels=like.labels, paths=like.paths)


def test_a_good_space_beside_noise() -> None:
    train, val = features(200, 0), features(150, 1, prefix="val")
    found = probe(train, val, beside={"noise": (noise(train, 2), noise(val, 3))}, k=(5, 20))
    assert found.columns["name"] == ["model", "noise"]
    assert found.columns["knn_20"][0] > 0.98
    assert found.columns["linear"][0] > 0.98
    assert 0.2 < found.columns["knn_20"][1] < 0.47
    assert 0.2 < found.columns["linear"][1] < 0.47
    assert found.columns["knn_5"][0] == knn_accuracy(
        train.arrays["feat_0"], train.labels, val.arrays["feat_0"], val.labels, k=5
    )
    assert found.settings["split"] == "training and validation data as given"


def test_without_a_validation_part_a_fifth_is_held_out_and_said() -> None:
    found = probe(features(200, 0))
    assert (found.settings["train"], found.settings["val"]) == (160, 40)
    assert "20% of one data set held out" in found.text()
    assert found.columns == probe(features(200, 0)).columns


def test_items_without_a_label_are_left_out() -> None:
    train, val = features(100, 0), features(60, 1, prefix="val")
    labels = np.array(val.labels)
    labels[:20] = -1
    found = probe(train, Features(val.arrays, labels=labels, paths=val.paths))
    assert found.settings["val"] == 40


def test_the_text_says_what_was_measured() -> None:
    text = probe(features(100, 0), features(60, 1, prefix="val"), linear=False, name="MAE").text()
    assert "linear" not in text
    assert "k-NN, k = 10" in text
    assert "100.0 %" in text
    assert "under-rate masked-image models" in text
    (table,) = probe(features(100, 0), k=(3,)).records()
    assert isinstance(table, Table)
    assert list(table.columns)[:3] == ["name", "dimensions", "knn_3"]


@pytest.mark.parametrize(
    ("train", "val", "sentence"),
    [
        (features(50, 0), features(50, 1), "50 images are in both parts, such as train/0.jpg"),
        (Features({"f": np.eye(4)}), None, "training features have no labels"),
        (Features({"f": np.eye(4)}, labels=np.arange(4)), None, "4 images of 4 classes are too few"),
    ],
)
def test_what_cannot_be_probed(train: Features, val: Features | None, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        probe(train, val)


def test_representations_list_the_same_images() -> None:
    train, val = features(100, 0), features(60, 1, prefix="val")
    other = features(60, 1, prefix="else")
    with pytest.raises(DataError, match="raw lists other images"):
        probe(train, val, beside={"raw": (train, other)})
    with pytest.raises(DataError, match="raw has \\[100, None\\] images"):
        probe(train, val, beside={"raw": (train, None)})
    with pytest.raises(UsageError, match="at least 1"):
        probe(train, val, k=(0,))


def test_classes_are_matched_by_name() -> None:
    """A validation folder that lacks a class numbers those after it otherwise."""
    train, val = features(200, 0), features(150, 1, prefix="val")
    rows = np.flatnonzero(val.labels != 0)
    fewer = Features(
        {"feat_0": val.arrays["feat_0"][rows]},
        labels=val.labels[rows] - 1,
        paths=tuple(val.paths[i] for i in rows),
        class_names=("b", "c"),
    )
    named = replace(train, class_names=("a", "b", "c"))
    assert probe(named, fewer).columns["knn_10"][0] > 0.98
    with pytest.raises(DataError, match="1 of 2 classes to be judged are not among those learnt from, such as 'd'"):
        probe(named, replace(fewer, class_names=("b", "d")))


def test_what_limits_a_probe_is_said() -> None:
    text = probe(features(16, 0), features(25, 1, prefix="val"), k=(20,), linear=False).text()
    assert "one standard error is at most 10.0 points" in text
    assert "k = 20 is more than there are training images: all 16 of them vote" in text
