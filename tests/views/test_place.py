"""New points on a map that is there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import selfscope as ss
from selfscope.draw.map_inks import inks
from selfscope.errors import DataError, UsageError
from selfscope.records import Embedding
from selfscope.structures import Features
from selfscope.views.embed import pca


@pytest.fixture(scope="module")
def classes() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 260)
    return (8 * rng.normal(size=(4, 12))[labels] + rng.normal(size=(260, 12))).astype(np.float32), labels


@pytest.fixture(scope="module")
def before(classes: tuple[np.ndarray, np.ndarray]) -> Embedding:
    features, labels = classes
    return ss.tsne(Features({"feat": features[:200]}, labels=labels[:200]), n_iter=150)


def test_the_map_stays_and_new_points_join_their_class(
    classes: tuple[np.ndarray, np.ndarray], before: Embedding
) -> None:
    features, labels = classes
    record = ss.place(Features({"feat": features[200:]}, labels=labels[200:]), before)
    assert record.coords[:200].tobytes() == before.coords.tobytes()
    away = ((record.coords[200:, None] - before.coords[None]) ** 2).sum(axis=2)
    np.testing.assert_array_equal(labels[:200][away.argmin(axis=1)], labels[200:])
    assert record.labels is not None
    np.testing.assert_array_equal(record.labels[:200], -1)
    np.testing.assert_array_equal(record.labels[200:], labels[200:])
    np.testing.assert_array_equal(record.columns["placed"], np.repeat([0, 1], [200, 60]))
    assert np.isnan(record.columns["trust"][:200]).all()
    assert record.quality["trustworthiness"] == pytest.approx(record.columns["trust"][200:].mean())
    assert record.quality["trustworthiness"] > 0.9
    assert "60 points placed on a map of 200, which stays as it is" in record.settings["notes"][0]


def test_the_old_points_are_grey_and_named(classes: tuple[np.ndarray, np.ndarray], before: Embedding) -> None:
    features, labels = classes
    drawn = inks(ss.place(features[200:], before), "label")
    assert [entry.name for entry in drawn.entries] == ["placed", "on the map before"]
    assert drawn.pale is not None
    assert drawn.pale.sum() == 200
    some = np.where(np.arange(60) < 5, -1, labels[200:])
    drawn = inks(ss.place(Features({"feat": features[200:]}, labels=some), before), "label")
    assert [entry.name for entry in drawn.entries] == [
        *(f"class {i}" for i in range(4)),
        "no label",
        "on the map before",
    ]


def test_other_weights_are_doubted(classes: tuple[np.ndarray, np.ndarray], before: Embedding) -> None:
    features, _ = classes
    old = replace(before, settings={**before.settings, "checkpoint": "a.pth"})
    new = Features({"feat": features[200:]}, settings={"checkpoint": "b.pth"})
    assert "the map is of a.pth, the new points of b.pth" in ss.place(new, old).settings["doubts"][0]


def test_what_nothing_can_be_placed_on_is_refused(classes: tuple[np.ndarray, np.ndarray], before: Embedding) -> None:
    features, _ = classes
    with pytest.raises(UsageError, match="on maps by t-SNE, this one is by PCA"):
        ss.place(features, pca(features))
    with pytest.raises(DataError, match="stored without its features"):
        ss.place(features, replace(before, features={}))
    with pytest.raises(ss.SelfscopeError, match="new features have 5 dimensions, those of the map 12"):
        ss.place(features[:, :5], before)
