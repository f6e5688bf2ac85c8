from __future__ import annotations

import numpy as np
import pytest

from selfscope.embedding.engine.affinities import conditional_probabilities
from selfscope.embedding.engine.symmetry import Affinities, joint_probabilities, transposed
from selfscope.embedding.engine.workers import Workers


def squares_of(kind: str, k: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    drawn = {
        "normal": rng.normal(size=(50, k)) ** 2 + 3,
        "heavy tails": np.abs(rng.standard_cauchy((50, k))) ** 3,
        "tiny": 1e-30 * rng.random((50, k)),
        "huge": 1e30 * rng.random((50, k)),
        "close": 1e3 + rng.random((50, k)),
    }[kind]
    return np.sort(drawn, axis=1).astype(np.float32)


@pytest.mark.parametrize("perplexity", [1.0, 5.0, 29.0])
@pytest.mark.parametrize("kind", ["normal", "heavy tails", "tiny", "huge", "close"])
def test_rows_have_the_perplexity(workers: Workers, kind: str, perplexity: float) -> None:
    rows = conditional_probabilities(squares_of(kind, 90), perplexity, workers).astype(float)
    np.testing.assert_allclose(rows.sum(axis=1), 1, rtol=1e-5)
    entropy = -(rows * np.log(np.maximum(rows, 1e-300))).sum(axis=1)
    np.testing.assert_allclose(np.exp(entropy), perplexity, rtol=2e-3)
    assert (np.diff(rows, axis=1) <= 0).all()


def test_duplicates_share_alike(workers: Workers) -> None:
    squares = np.repeat(np.array([[0, 4]], np.float32), [40, 50], axis=1)
    rows = conditional_probabilities(squares, 30.0, workers)
    np.testing.assert_allclose(rows[0, :40], 1 / 40, rtol=1e-4)
    assert conditional_probabilities(np.zeros((1, 8), np.float32), 2.0, workers).tolist() == [[0.125] * 8]


def dense(rows: Affinities) -> np.ndarray:
    matrix = np.zeros((len(rows), len(rows)))
    for i in range(len(rows)):
        part = slice(rows.starts[i], rows.starts[i + 1])
        assert (np.diff(rows.columns[part].astype(int)) > 0).all()
        matrix[i, rows.columns[part]] = rows.values[part]
    return matrix


@pytest.mark.parametrize(("n", "k"), [(2, 1), (9, 8), (300, 12)])
def test_joint_probabilities_agree_with_a_dense_matrix(workers: Workers, n: int, k: int) -> None:
    rng = np.random.default_rng(n)
    hub_first = [np.concatenate([[0] * (i > 0), rng.permutation(np.setdiff1d(np.arange(1, n), i))]) for i in range(n)]
    others = np.stack([row[:k] for row in hub_first]).astype(np.uint32)
    conditional = rng.random((n, k)).astype(np.float32)
    conditional /= conditional.sum(axis=1, keepdims=True)
    matrix = np.zeros((n, n))
    np.put_along_axis(matrix, others.astype(int), conditional, axis=1)
    joint = joint_probabilities(others, conditional, workers)
    np.testing.assert_allclose(dense(joint), (matrix + matrix.T) / (2 * n), rtol=1e-5, atol=1e-9)
    assert joint.values.sum() == pytest.approx(1, rel=1e-5)


def test_transposition() -> None:
    rows = Affinities(np.array([0, 2, 2, 3]), np.array([2, 0, 1], np.uint32), np.array([1, 2, 3], np.float32))
    assert dense(transposed(rows)).tolist() == [[2, 0, 0], [0, 0, 3], [1, 0, 0]]
