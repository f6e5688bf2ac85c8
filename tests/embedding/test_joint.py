"""Joint maps: without a tie each is its own, with one the same features stay in place."""

from __future__ import annotations

import numpy as np
import pytest

from selfscope.embedding.engine.chain import pull
from selfscope.embedding.joint import JointTSNE
from selfscope.embedding.tsne import TSNE
from selfscope.errors import RecordError


def growing(n: int = 120, shares: tuple[float, ...] = (0.2, 0.6, 1.0)) -> list[np.ndarray]:
    """Groups that part more and more."""
    rng = np.random.default_rng(0)
    labels, noise = rng.integers(0, 3, n), rng.normal(size=(n, 8))
    return [noise + share * 8 * np.eye(3, 8)[labels] for share in shares]


class Placed:
    def __init__(self, coords: np.ndarray) -> None:
        self.coords = coords.astype(np.float32)


def test_the_pull_is_the_gradient_of_the_penalty() -> None:
    rng = np.random.default_rng(0)
    maps, tie = rng.normal(size=(4, 5, 2)), 0.3

    def penalty(every: np.ndarray) -> float:
        return tie / 2 * float((np.diff(every, axis=0) ** 2).sum())

    for t in range(4):
        slope = np.zeros((5, 2))
        for i, axis in np.ndindex(5, 2):
            ahead, behind = maps.copy(), maps.copy()
            ahead[t, i, axis] += 1e-5
            behind[t, i, axis] -= 1e-5
            slope[i, axis] = (penalty(ahead) - penalty(behind)) / 2e-5
        found = pull([Placed(coords) for coords in maps], t, tie)  # type: ignore[list-item]
        assert np.allclose(found, slope, atol=1e-5)


def test_no_tie_is_no_pull() -> None:
    assert pull([Placed(np.ones((3, 2))), Placed(np.zeros((3, 2)))], 0, 0.0) is None  # type: ignore[list-item]


@pytest.mark.slow
def test_a_stronger_tie_moves_points_less() -> None:
    engine = TSNE(n_iter=200, perplexity=15)
    found = [JointTSNE(engine, tie)(growing()) for tie in (0.0, 0.003, 0.03, 0.3)]
    moved = [np.linalg.norm(np.diff(maps.coords, axis=0), axis=2).mean() for maps in found]
    floors = [maps.floor for maps in found]
    assert moved == sorted(moved, reverse=True)
    assert floors == sorted(floors, reverse=True)


@pytest.mark.slow
def test_features_that_do_not_change_stay_within_the_floor_and_others_move() -> None:
    first, *_, last = growing(300)
    joint = JointTSNE(TSNE(n_iter=200, perplexity=15), 0.03)
    still, moving = joint([last, last, last]), joint([first, last])
    assert np.median(still.drift[1:]) < 2.5
    assert np.isnan(still.drift[0]).all()
    shift = np.median(moving.drift[1]) * moving.floor
    assert shift > 3 * np.median(still.drift[1:]) * still.floor


@pytest.mark.slow
def test_the_same_bytes_twice() -> None:
    joint = JointTSNE(TSNE(n_iter=60, perplexity=10))
    first, second = joint(growing()), joint(growing())
    assert first.coords.tobytes() == second.coords.tobytes()
    assert first.coords.shape == (3, 120, 2)
    assert np.allclose(np.concatenate([first.coords, first.twin[None]]).mean(axis=(0, 1)), 0, atol=1e-3)


@pytest.mark.parametrize(
    ("features", "tie", "sentence"),
    [
        ([np.eye(9)], 0.1, "two or more checkpoints, got \\[9\\]"),
        ([np.eye(9), np.eye(8)], 0.1, "got \\[9, 8\\]"),
        ([np.eye(3), np.eye(3)], 0.1, "same 4 or more items"),
        ([np.eye(9), np.eye(9)], 0.6, "expected 0 to 0.5"),
    ],
)
def test_what_makes_no_joint_map(features: list[np.ndarray], tie: float, sentence: str) -> None:
    with pytest.raises(RecordError, match=sentence):
        JointTSNE(tie=tie)(features)
