"""Numbers a point: overlap of seeds, density, clusters."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits, make_blobs
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

from selfscope.embedding import neighbours
from selfscope.embedding.clusters import clusters, exemplars, shared_axes
from selfscope.embedding.density import density
from selfscope.embedding.stability import map_neighbours, seed_overlap, shared_neighbours
from selfscope.errors import RecordError

RNG = np.random.default_rng(0)


def test_neighbours_on_the_map_are_those_of_all_distances() -> None:
    coords = RNG.normal(size=(80, 2))
    squares = ((coords[:, None] - coords[None]) ** 2).sum(2) + np.diag(np.full(80, np.inf))
    np.testing.assert_array_equal(map_neighbours(coords, 7), np.argsort(squares, axis=1)[:, :7])


def test_a_point_is_not_its_own_neighbour_among_duplicates() -> None:
    found = map_neighbours(np.zeros((30, 2)), 4)
    assert found.shape == (30, 4)
    assert not (found == np.arange(30)[:, None]).any()


def test_turning_and_scaling_a_map_changes_nothing() -> None:
    coords = RNG.normal(size=(60, 2))
    turned = 3 * coords[:, ::-1] * (1, -1) + 5
    np.testing.assert_array_equal(seed_overlap([coords, turned, coords]), np.ones(60))


def test_overlap_is_the_mean_over_pairs_of_maps() -> None:
    maps = [RNG.normal(size=(50, 2)) for _ in range(3)]
    found = [map_neighbours(coords, 10) for coords in maps]
    expected = [
        np.mean([len(set(found[a][i]) & set(found[b][i])) / 10 for a, b in ((0, 1), (0, 2), (1, 2))]) for i in range(50)
    ]
    np.testing.assert_allclose(seed_overlap(maps), expected)


def test_unrelated_maps_overlap_by_chance() -> None:
    maps = [RNG.normal(size=(2000, 2)) for _ in range(2)]
    assert seed_overlap(maps).mean() == pytest.approx(10 / 1999, abs=0.003)


def test_one_map_has_no_overlap() -> None:
    with pytest.raises(RecordError, match="at least two maps"):
        seed_overlap([np.zeros((5, 2))])
    assert np.isnan(seed_overlap([np.zeros((2, 2))] * 2)).all()


def test_shared_neighbours_are_counted() -> None:
    np.testing.assert_allclose(shared_neighbours(np.array([[1, 2, 3]]), np.array([[3, 4, 1]])), [2 / 3])


def test_density_counts_doublings() -> None:
    line = np.concatenate([np.arange(100.0), 1000 + 0.25 * np.arange(40.0)])[:, None]
    values = density(neighbours(line, 10, exact=True))
    assert values[50] == pytest.approx(0)
    assert values[120] == pytest.approx(2)
    assert values[0] < 0


@pytest.mark.parametrize("copies", [11, 60])
def test_density_of_duplicates_is_finite(copies: int) -> None:
    points = np.concatenate([np.zeros((copies, 3)), RNG.normal(size=(60 - copies, 3))])
    values = density(neighbours(points, 10, exact=True))
    assert np.isfinite(values).all()
    assert values[0] == values.max()


def test_clusters_are_found_in_feature_space_and_numbered_by_size() -> None:
    points, truth = make_blobs([400, 200, 100], n_features=30, cluster_std=0.8, random_state=0)
    found = clusters(points)
    assert adjusted_rand_score(truth[found.labels >= 0], found.labels[found.labels >= 0]) == 1
    assert np.bincount(found.labels[found.labels >= 0]).argsort()[::-1].tolist() == [0, 1, 2]
    assert found.noise < 0.2
    assert (found.labels[found.exemplars] == [0, 1, 2]).all()
    np.testing.assert_array_equal(found.labels, clusters(points).labels)


@pytest.mark.slow
def test_many_points_go_with_the_nearest_that_was_clustered(monkeypatch: pytest.MonkeyPatch) -> None:
    points, truth = make_blobs([400, 300], n_features=5, random_state=1)
    monkeypatch.setattr("selfscope.embedding.clusters.AT_MOST", 300)
    found = clusters(points)
    assert found.settings["clustered"] == 300
    assert found.noise < 0.05
    assert adjusted_rand_score(truth[found.labels >= 0], found.labels[found.labels >= 0]) == 1


def test_classes_of_digits_are_found_without_labels() -> None:
    digits = load_digits()
    found = clusters(digits.data)
    assert adjusted_mutual_info_score(digits.target, found.labels) > 0.85
    assert found.noise < 0.1


def test_groups_of_duplicates_are_clusters_and_noise_is_not() -> None:
    found = clusters(np.repeat(RNG.normal(size=(8, 20)), 30, axis=0))
    np.testing.assert_array_equal(np.bincount(found.labels), np.full(8, 30))
    assert clusters(RNG.normal(size=(400, 50))).noise > 0.9


@pytest.mark.parametrize("few", [0, 500])
def test_points_that_share_no_neighbours_lie_at_right_angles(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("selfscope.embedding.clusters.FEW", few)
    axes = shared_axes(neighbours(np.concatenate([RNG.normal(size=(60, 5)) + 50 * i for i in range(3)]), 15))
    cosines = axes @ axes.T
    group = np.repeat(np.arange(3), 60)
    np.testing.assert_allclose(cosines[group[:, None] != group], 0, atol=1e-6)
    assert cosines[group[:, None] == group].min() > 0.5


@pytest.mark.parametrize("points", [np.zeros((1, 3)), np.ones((200, 3)), RNG.normal(size=(6, 2))])
def test_what_has_no_clusters_is_noise(points: np.ndarray) -> None:
    found = clusters(points)
    assert (found.labels == -1).all()
    assert found.noise == 1
    assert len(found.exemplars) == 0


def test_an_exemplar_is_in_the_middle() -> None:
    points = np.array([[0.0], [1.0], [2.0], [10.0], [12.0], [11.0]])
    np.testing.assert_array_equal(exemplars(points, np.array([0, 0, 0, 1, 1, 1])), [1, 5])
