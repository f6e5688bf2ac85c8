"""A course over checkpoints: records in order, drift and kept neighbours beside them, pictures of one scale."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from selfscope.draw.colour import colormap
from selfscope.draw.course import BETWEEN, FRAME, PAUSE, _columns, _shared
from selfscope.draw.map_inks import number_range
from selfscope.embedding import neighbours
from selfscope.embedding.graph import Neighbours
from selfscope.embedding.likeness import jaccard, nearest_items
from selfscope.errors import DataError, UsageError
from selfscope.structures import Features
from selfscope.views.course import Course, checkpoint_names, checkpoint_steps, in_order, joint_tsne


def features(share: float, epoch: int, n: int = 60) -> Features:
    rng = np.random.default_rng(0)
    labels, noise = rng.integers(0, 3, n), rng.normal(size=(n, 6))
    return Features(
        {"feat_0": noise + share * 6 * np.eye(3, 6)[labels]},
        labels=labels,
        class_names=("a", "b", "ü"),
        paths=tuple(f"{i}.jpg" for i in range(n)),
        settings={"model": "MAE", "checkpoint": f"work/epoch_{epoch}.pth"},
    )


@pytest.fixture(scope="module")
def course() -> Course:
    given = [features(0.1, 1), features(0.6, 5), features(1.0, 20)]
    return joint_tsne(given, n_iter=60, perplexity=10)


@pytest.mark.slow
def test_a_record_a_checkpoint(course: Course) -> None:
    assert [emb.step for emb in course.maps] == [1, 5, 20]
    assert course.names == ("epoch_1", "epoch_5", "epoch_20")
    assert {emb.key for emb in course.maps} == {"feat_0"}
    assert [emb.settings["checkpoint"] for emb in course.maps] == [f"work/epoch_{e}.pth" for e in (1, 5, 20)]
    moved = np.linalg.norm(course.maps[2].coords - course.maps[1].coords, axis=1) / course.floor
    assert np.allclose(course.maps[2].columns["drift"], moved, rtol=1e-4)
    kept = jaccard(*(nearest_items(emb.features["feat_0"], 10) for emb in course.maps[:2]))
    assert np.allclose(course.maps[1].columns["kept"], kept)
    assert "kl_divergence" in course.maps[1].quality


@pytest.mark.slow
def test_pictures_say_what_drift_is(course: Course) -> None:
    assert "median drift" in course.words()[1]
    assert "up to about 2 floors mean nothing" in course.caption()[1]
    assert course.plot().shape[1] == pytest.approx(1600, abs=4)
    frames = list(course.frames(width=400, color_by="drift"))
    assert len(frames) == 3 + 2 * (BETWEEN - 1)
    assert [frame.milliseconds for frame in frames[:2]] == [PAUSE, FRAME]
    assert len({frame.picture.shape for frame in frames}) == 1
    assert not np.array_equal(frames[0].picture, frames[-1].picture)


def test_neighbours_are_sought_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sought = []

    def search(array: np.ndarray, *rest: object) -> Neighbours:
        sought.append(len(array))
        return neighbours(array, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("selfscope.embedding.joint.find_neighbours", search)
    monkeypatch.setattr("selfscope.views.embed.find_neighbours", search)
    given = joint_tsne([features(0.1, 1), features(0.6, 5)], n_iter=20, perplexity=5)
    assert len(sought) == 3  # two checkpoints, and the twin of the last
    assert "pca_kl_divergence" in given.maps[0].quality


@pytest.mark.slow
def test_pictures_say_how_far_to_trust_each_map(course: Course) -> None:
    values = [emb.quality["trustworthiness"] for emb in course.maps]
    assert f"trustworthiness {min(values):.2f} to {max(values):.2f} · 10-NN recall" in course.caption()[2]
    assert course.notes() == [
        f"{name}: {doubt}"
        for name, emb in zip(course.names, course.maps, strict=True)
        for doubt in emb.settings["doubts"]
    ]
    doubted = [replace(emb, settings={**emb.settings, "doubts": ("a", "b"), "trained": False}) for emb in course.maps]
    notes = replace(course, maps=tuple(doubted)).notes()
    assert notes[0] == "epoch_1: untrained: random weights"
    assert notes[-1] == "and 6 more doubts, which are kept with their maps"


@pytest.mark.slow
def test_one_number_has_one_colour_in_all_maps(course: Course) -> None:
    whole = np.concatenate([emb.columns["trust"] for emb in course.maps])
    drawn, _ = _shared(course.maps, "trust")
    assert len({(ink.bar.low, ink.bar.high) for ink in drawn if ink.bar}) == 1
    together = colormap(whole.astype(np.float64), *number_range(whole)[:2])
    np.testing.assert_array_equal(np.concatenate([ink.colours for ink in drawn]), together)
    first, second = (ink.bar for ink in _shared(course.maps, "kept")[0][:2])
    assert first is None  # there is no map before it
    assert second is not None


@pytest.mark.parametrize(
    ("count", "columns"), [(2, 2), (3, 3), (4, 2), (5, 3), (6, 3), (7, 4), (9, 3), (10, 4), (40, 4)]
)
def test_panels_leave_few_places_empty(count: int, columns: int) -> None:
    assert _columns(count) == columns


def test_names_and_steps() -> None:
    assert in_order(["e_10.pth", "e_2.pth", "e_1.pth"]) == ["e_1.pth", "e_2.pth", "e_10.pth"]
    assert in_order(["m²_2.pth", "m²_10.pth"]) == ["m²_2.pth", "m²_10.pth"]
    assert checkpoint_steps(["epoch_2", "epoch_10"]) == [2, 10]
    assert checkpoint_steps(["epoch_10", "epoch_2"]) == [1, 2]
    assert checkpoint_steps(["first", "epoch_2"]) == [1, 2]
    assert checkpoint_names([features(1, 3), features(1, 3)]) == ("checkpoint 1", "checkpoint 2")


def test_what_makes_no_course() -> None:
    with pytest.raises(UsageError, match="two dimensions"):
        joint_tsne([features(1, 1), features(1, 2)], n_components=3)
    with pytest.raises(UsageError, match="at least two"):
        joint_tsne([features(1, 1)])
    with pytest.raises(DataError, match="0 images of epoch_2 are not in epoch_1"):
        joint_tsne([features(1, 2, n=50), features(1, 1)])
