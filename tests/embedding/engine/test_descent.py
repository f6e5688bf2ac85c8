from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from selfscope.embedding.engine.attraction import begin_attraction, divergence
from selfscope.embedding.engine.descent import LONGEST_STEP, Descent
from selfscope.embedding.engine.field import Field
from selfscope.embedding.engine.pairs import Pairs
from selfscope.embedding.engine.schedule import Schedule
from selfscope.embedding.engine.symmetry import Affinities, joint_probabilities
from selfscope.embedding.engine.workers import Workers


def neighbourhood(n: int, k: int, workers: Workers) -> tuple[Affinities, np.ndarray]:
    """Affinities among n points on a ring, and the same as a dense matrix."""
    offsets = np.concatenate([np.arange(1, k // 2 + 1), -np.arange(1, k // 2 + 1)])
    indices = ((np.arange(n)[:, None] + offsets) % n).astype(np.uint32)
    conditional = np.random.default_rng(0).random(indices.shape).astype(np.float32)
    conditional /= conditional.sum(axis=1, keepdims=True)
    joint = joint_probabilities(indices, conditional, workers)
    matrix = np.zeros((n, n))
    for i in range(n):
        part = slice(joint.starts[i], joint.starts[i + 1])
        matrix[i, joint.columns[part]] = joint.values[part]
    return joint, matrix


def cost(coords: np.ndarray, p: np.ndarray) -> float:
    """The definition: KL of Student-t similarities from p."""
    q = 1 / (1 + ((coords[:, None] - coords[None]) ** 2).sum(axis=2))
    np.fill_diagonal(q, 0)
    q /= q.sum()
    held = p > 0
    return float((p[held] * np.log(p[held] / q[held])).sum())


@pytest.mark.parametrize("dimensions", [2, 3])
def test_forces_are_the_gradient_of_the_divergence(workers: Workers, dimensions: int) -> None:
    affinities, p = neighbourhood(120, 10, workers)
    coords = np.random.default_rng(1).normal(0, 3, (120, dimensions)).astype(np.float32)
    attraction, repulsion = np.empty_like(coords), np.empty_like(coords)
    begin_attraction(affinities, coords, attraction, workers).finish()
    z = Pairs(workers)(coords, repulsion)
    assert divergence(affinities, coords, z, workers) == pytest.approx(cost(coords.astype(float), p), rel=1e-5)
    gradient = 4 * (attraction - repulsion / z)
    for i, axis in [(0, 0), (17, 1), (63, dimensions - 1)]:
        shifted = np.zeros((120, dimensions))
        shifted[i, axis] = 1e-4
        finite = (cost(coords + shifted, p) - cost(coords - shifted, p)) / 2e-4
        assert gradient[i, axis] == pytest.approx(finite, rel=1e-3, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("repulsion", ["pairs", "field"])
def test_divergence_falls(workers: Workers, repulsion: str) -> None:
    affinities, _ = neighbourhood(500, 12, workers)
    start = np.random.default_rng(0).normal(0, 1e-4, (500, 2))
    descent = Descent(affinities, start, Pairs(workers) if repulsion == "pairs" else Field(0.5, workers), workers)
    schedule, seen = Schedule(500, 400), []
    for iteration in range(400):
        descent.step(schedule[iteration])
        if iteration % 50 == 49:
            seen.append(descent.divergence())
    settled = seen[3:]
    assert seen[0] > seen[3]
    assert all(later < earlier + 1e-3 for earlier, later in pairwise(settled))


def test_no_point_leaps(workers: Workers) -> None:
    affinities, _ = neighbourhood(200, 6, workers)
    descent = Descent(affinities, np.random.default_rng(0).normal(0, 30, (200, 2)), Pairs(workers), workers)
    schedule = Schedule(200, 100, learning_rate=1e6)
    for iteration in range(20):
        before = descent.coords.copy()
        descent.step(schedule[iteration])
        assert np.linalg.norm(descent.coords - before, axis=1).max() <= LONGEST_STEP * 1.001


@pytest.mark.slow
def test_it_stops_when_nothing_is_gained(workers: Workers) -> None:
    affinities, _ = neighbourhood(60, 6, workers)
    start = np.random.default_rng(0).normal(0, 1e-4, (60, 2))
    seen: list[int] = []
    Descent(affinities, start, Pairs(workers), workers).run(Schedule(60, 20_000), 150, seen.append)
    assert seen[-1] == 20_000
    assert 300 < len(seen) < 10_000
    seen.clear()
    Descent(affinities, start, Pairs(workers), workers).run(Schedule(60, 130), 150, seen.append)
    assert seen == list(range(1, 131))


def test_a_line_stays_a_line(workers: Workers) -> None:
    affinities, _ = neighbourhood(300, 8, workers)
    start = np.random.default_rng(0).normal(0, 1e-4, (300, 1))
    descent = Descent(affinities, start, Field(0.7, workers), workers)
    assert descent.run(Schedule(300, 100), 300).shape == (300, 1)
    assert (descent.coords[:, 1] == 0).all()
    assert np.ptp(descent.coords[:, 0]) > 1


@pytest.mark.parametrize("iterations", [1, 7, 60, 400, 1000])
def test_schedule_falls_from_exaggeration_to_one(iterations: int) -> None:
    schedule = Schedule(1200, iterations)
    paces = [schedule[i] for i in range(iterations)]
    exaggerations = [pace.exaggeration for pace in paces]
    assert exaggerations == sorted(exaggerations, reverse=True)
    assert exaggerations[-1] == 1
    assert all(pace.learning_rate == pytest.approx(1200 / pace.exaggeration) for pace in paces)
    assert Schedule(1200, 400)[0].exaggeration == 12
    assert Schedule(1200, 400, learning_rate=7.0)[399].learning_rate == 7


@pytest.mark.parametrize(("n", "left"), [(4, 0.07), (10_000, 0.07), (80_000, 0.035), (640_000, 0.0175)])
def test_many_points_settle_with_more_momentum_and_all_cool_with_the_same(n: int, left: float) -> None:
    schedule = Schedule(n, 400)
    assert [round(1 - schedule[i].momentum, 6) for i in (149, 150, 349, 350)] == pytest.approx([0.2, left, left, 0.2])
