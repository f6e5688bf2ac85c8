"""The grid's force and normaliser against all pairs in float64."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from selfscope.embedding.engine import field
from selfscope.embedding.engine.field import Field, grid_step, padded
from selfscope.embedding.engine.pairs import Pairs
from selfscope.embedding.engine.window import slopes, splines
from selfscope.embedding.engine.workers import Workers


def exact(coords: np.ndarray) -> tuple[np.ndarray, float]:
    points = coords.astype(float)
    apart = points[:, None] - points[None]  # (N, N, 2)
    q = 1 / (1 + (apart**2).sum(axis=2))
    return (q[:, :, None] ** 2 * apart).sum(axis=1), q.sum() - len(points)


def map_of(n: int, span: float, seed: int = 0, dimensions: int = 2, narrowest: float = 0.002) -> np.ndarray:
    """Clumps as a finished map has them, some of them nearly points."""
    rng = np.random.default_rng(seed)
    centres, widths = rng.uniform(-0.5, 0.5, (30, dimensions)), rng.uniform(narrowest, 0.05, 30)
    which = rng.integers(0, 30, n)
    return (span * (centres[which] + widths[which, None] * rng.normal(size=(n, dimensions)))).astype(np.float32)


@lru_cache
def measured(n: int, span: float, **shape: float) -> tuple[np.ndarray, np.ndarray, float]:
    """A map with its exact force and normaliser."""
    coords = map_of(n, span, **shape)
    return coords, *exact(coords)


def error(found: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.sqrt(((found - wanted) ** 2).sum() / (wanted**2).sum()))


@pytest.mark.parametrize(
    ("step", "force", "normaliser"),
    [(1.0, 0.22, 5e-3), (0.7, 0.1, 5e-3), (0.5, 0.035, 5e-4), (0.35, 0.01, 2e-4), (0.25, 0.003, 1e-4)],
)
def test_error_at_each_step(workers: Workers, step: float, force: float, normaliser: float) -> None:
    coords, wanted, total = measured(4000, 120.0)
    repulsion = np.empty_like(coords)
    z = Field(step, workers)(coords, repulsion)
    assert error(repulsion, wanted) < force
    assert z == pytest.approx(total, rel=normaliser)


@pytest.mark.parametrize(("step", "force", "normaliser"), [(1.0, 0.12, 2e-3), (0.7, 0.045, 2e-4), (0.5, 0.015, 1e-4)])
def test_error_at_each_step_in_space(workers: Workers, step: float, force: float, normaliser: float) -> None:
    coords, wanted, total = measured(1500, 40.0, dimensions=3, narrowest=0.03)
    repulsion = np.empty_like(coords)
    z = Field(step, workers)(coords, repulsion)
    assert error(repulsion, wanted) < force
    assert z == pytest.approx(total, rel=normaliser)


@pytest.mark.parametrize("span", [1e-4, 1.0, 4.0, 600.0])
def test_small_and_wide_maps_in_space(workers: Workers, span: float) -> None:
    coords = map_of(700, span, dimensions=3)
    repulsion = np.empty_like(coords)
    z = Field(0.7, workers)(coords, repulsion)
    wanted, total = exact(coords)
    if span < 100:
        assert error(repulsion, wanted) < 0.06
        assert z == pytest.approx(total, rel=5e-3)
    else:  # the steps are wider than the kernel: what is left is the right direction and a bounded sum
        assert np.isfinite(repulsion).all()
        assert z < 700**2


@pytest.mark.parametrize(("span", "force"), [(1e-4, 0.05), (0.01, 0.05), (1.0, 0.01), (8.0, 0.01), (25.0, 0.12)])
def test_small_maps_are_accurate(workers: Workers, span: float, force: float) -> None:
    """From the start of the descent on, when all points lie in one square of the grid."""
    coords = map_of(1000, span)
    repulsion = np.empty_like(coords)
    z = Field(0.7, workers)(coords, repulsion)
    wanted, total = exact(coords)
    assert error(repulsion, wanted) < force
    assert z == pytest.approx(total, rel=5e-3)


@pytest.mark.slow
def test_a_line_and_a_single_place(workers: Workers) -> None:
    line = map_of(3000, 400.0)
    line[:, 1] = 0
    repulsion = np.empty_like(line)
    Field(0.25, workers)(line, repulsion)
    assert error(repulsion, exact(line)[0]) < 0.01
    assert np.abs(repulsion[:, 1]).max() < 1e-3 * np.abs(repulsion[:, 0]).max()
    together = np.ones((50, 2), np.float32)
    assert Field(0.7, workers)(together, np.empty_like(together)) == pytest.approx(50 * 49, rel=1e-3)


def test_a_lone_charge_does_not_push_itself(workers: Workers) -> None:
    """Two points out of reach of each other: what is left is the grid's own doing."""
    coords = np.array([[0.31, 0.77], [70.0, 64.2]], np.float32)
    repulsion = np.empty_like(coords)
    for step, most in ((1.0, 6e-3), (0.7, 4e-3), (0.5, 2e-3)):  # ten times as much when it is left in
        Field(step, workers)(coords, repulsion)
        np.testing.assert_allclose(repulsion, exact(coords)[0], atol=most)


def test_forces_balance(workers: Workers) -> None:
    coords = map_of(5000, 150.0)
    repulsion = np.empty_like(coords)
    Field(0.7, workers)(coords, repulsion)
    assert np.abs(repulsion.sum(axis=0, dtype=float)).max() < 1e-3 * np.abs(repulsion).sum(dtype=float)


def test_shares_are_a_matter_of_rounding_only(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    coords = map_of(9000, 150.0)
    one, other = np.empty_like(coords), np.empty_like(coords)
    first = Field(0.7, workers)(coords, one)
    monkeypatch.setattr(field, "SHARES", 1)
    assert Field(0.7, workers)(coords, other) == pytest.approx(first, rel=1e-5)
    assert error(one, other) < 1e-4


@pytest.mark.parametrize("dimensions", [2, 3])
def test_pairs_are_exact(workers: Workers, dimensions: int) -> None:
    coords = np.random.default_rng(0).normal(0, 5, (777, dimensions)).astype(np.float32)
    repulsion = np.empty_like(coords)
    z = Pairs(workers)(coords, repulsion)
    wanted, total = exact(coords)
    assert error(repulsion, wanted) < 1e-5
    assert z == pytest.approx(total, rel=1e-6)


def test_splines_add_up_and_slopes_are_their_derivatives() -> None:
    t, h = np.float32(0.3), np.float32(1e-2)
    assert sum(splines(t)) == pytest.approx(1)
    assert sum(slopes(t)) == pytest.approx(0, abs=1e-6)
    finite = (np.array(splines(t + h)) - np.array(splines(t - h))) / (2 * h)
    np.testing.assert_allclose(slopes(t), finite, atol=1e-3)


def test_grids_are_large_enough_and_few() -> None:
    in_space = [padded(nodes, 3) for nodes in range(5, 129)]
    assert all(2 * nodes <= size <= 2.5 * max(nodes, 24) for nodes, size in zip(range(5, 129), in_space, strict=True))
    assert all(size % 2 == 0 for size in in_space)
    assert max(span / grid_step(span, 0.7, 3) for span in (1.0, 60.0, 600.0, 1e4)) <= field.LARGEST
    sizes = [padded(nodes) for nodes in range(5, 3000)]
    assert all(2 * nodes <= size <= 2.5 * max(nodes, 48) for nodes, size in zip(range(5, 3000), sizes, strict=True))
    assert all(size % 2 == 0 for size in sizes)
    assert len(set(sizes)) < 40
    steps = [grid_step(span, 0.7) for span in np.geomspace(1e-6, 1e3, 500)]
    assert min(steps) == field.FINEST
    assert max(steps) == 0.7
    assert steps == sorted(steps)
