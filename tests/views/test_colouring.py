"""Columns made when asked for, exemplars, and their pictures."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import selfscope as ss
from selfscope.draw.scatter import embedding_scene
from selfscope.draw.scene import Words
from selfscope.errors import UsageError
from selfscope.records import Embedding
from selfscope.structures import Features
from selfscope.views.colouring import check_colour, exemplars, queries_for, thumbnails, with_clusters


def clouds(n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, n)
    return 20 * np.eye(3, 8)[labels] + rng.normal(size=(n, 8)), labels


def test_colours_that_a_map_will_not_have_are_refused_before_it_is_made() -> None:
    for name in ("label", "cluster", "density", "norm", "trust", "continuity", "recall"):
        check_colour(name, 1)
    check_colour("stability", 2)
    check_colour("score", 1, {"score": None})
    with pytest.raises(UsageError, match=r"Did you mean 'density'"):
        check_colour("densty", 1)
    with pytest.raises(UsageError, match="add --seeds 3"):
        check_colour("stability", 1)


@pytest.mark.slow
def test_a_map_coloured_by_its_trust_is_measured_everywhere() -> None:
    features = np.random.default_rng(0).normal(size=(2300, 4))
    sample, whole = (ss.tsne(features, n_iter=20, queries=queries_for(name)) for name in ("label", "trust"))
    assert np.isnan(sample.columns["trust"]).any()
    assert not np.isnan(whole.columns["trust"]).any()
    assert whole.quality["trustworthiness"] == pytest.approx(sample.quality["trustworthiness"], abs=0.02)


def test_clusters_become_a_column_with_what_made_them() -> None:
    features, labels = clouds()
    emb = with_clusters(ss.tsne(features, n_iter=60))
    found = emb.columns["cluster"]
    for cluster in range(3):
        assert len(set(labels[found == cluster])) == 1
    assert emb.settings["clusters"]["count"] == 3
    assert "3 clusters by HDBSCAN, 0% of the points in none" in words_of(emb)
    assert "notes" not in emb.settings  # nothing to warn of
    noise = with_clusters(ss.tsne(np.random.default_rng(0).normal(size=(200, 8)), n_iter=20))
    assert noise.settings["notes"] == (
        f"{noise.settings['clusters']['said']}: few of these features form dense groups",
    )


def words_of(emb: Embedding) -> str:
    scene = embedding_scene(emb, color_by="cluster", width=900)
    return " ".join(item.text for item in scene.items if isinstance(item, Words))


@pytest.mark.slow
def test_exemplars_stand_for_classes_clusters_or_the_map() -> None:
    features, labels = clouds()
    emb = with_clusters(ss.tsne(Features({"f": features}, labels=labels), n_iter=60))
    assert sorted(labels[exemplars(emb, 3, "label")]) == [0, 1, 2]
    assert set(exemplars(emb, 3, "cluster")) == set(emb.settings["clusters"]["exemplars"])
    assert len(exemplars(emb, 10, "cluster")) == 10
    assert len(exemplars(emb, 10, "norm")) == 10


def test_thumbnails_are_the_images_upright_and_small(
    photos: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    files = sorted(photos(classes=1, each=4).glob("*/*.jpg"))
    files[2].write_bytes(b"broken")
    emb = Embedding("m", np.zeros((4, 2), np.float32), paths=tuple(map(str, files)))
    with caplog.at_level(logging.WARNING):
        found = thumbnails(emb, np.array([0, 2, 3]), side=20)
    assert list(found) == [0, 3]
    assert files[2].name in caplog.text
    with Image.open(files[3]) as image:
        expected = np.asarray(image.convert("RGB").resize((20, 20), Image.Resampling.LANCZOS)).astype(int)
    assert found[3].shape[1] == 20
    if found[3].shape == expected.shape:
        np.testing.assert_allclose(found[3], expected, atol=2)


def test_features_without_paths_have_no_thumbnails() -> None:
    with pytest.raises(UsageError, match="without the paths of their images"):
        thumbnails(Embedding("m", np.zeros((1, 2), np.float32)), np.array([0]))


def test_reading_thumbnails_in_threads_leaves_warnings_as_they_were(tmp_path: Path) -> None:
    """Each read silences Pillow's warnings and undoes that: threads that did so in turn would leave them silent."""
    for i in range(40):
        Image.fromarray(np.full((50, 50, 3), i, np.uint8)).save(tmp_path / f"{i}.png")
    paths = tuple(str(tmp_path / f"{i}.png") for i in range(40))
    emb = Embedding("m", np.zeros((40, 2), np.float32), paths=paths)
    for _ in range(5):
        before = list(warnings.filters)
        found = thumbnails(emb, np.arange(40), side=10, threads=8)
        assert warnings.filters == before
    assert [int(found[i][0, 0, 0]) for i in range(40)] == list(range(40))
