"""Numbers of one feature space: cases whose answer is known on paper."""

from __future__ import annotations

import numpy as np
import pytest

from selfscope.embedding.spectrum import PAIRS, alpha_req, feature_std, rankme, uniformity
from selfscope.errors import RecordError


def with_singular_values(values: np.ndarray, n: int = 400, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    left = rng.normal(size=(n, len(values)))
    left, _ = np.linalg.qr(left - left.mean(0))  # centred columns: the covariance has these eigenvalues too
    right, _ = np.linalg.qr(rng.normal(size=(len(values), len(values))))
    return left * values @ right.T


@pytest.mark.parametrize("rank", [1, 5, 40])
def test_rankme_of_equal_singular_values_is_their_number(rank: int) -> None:
    values = np.concatenate([np.ones(rank), np.zeros(64 - rank)])
    assert rankme(with_singular_values(values)) == pytest.approx(rank, rel=1e-3)


@pytest.mark.parametrize(("values", "expected"), [((2, 1, 1), 2**1.5), ((3, 1), 4 / 3**0.75), ((7,), 1.0)])
def test_rankme_weighs_singular_values_not_their_squares(values: tuple[int, ...], expected: float) -> None:
    """exp H of the shares: 1/2, 1/4, 1/4 have an entropy of log 2 · 3/2, and 3/4, 1/4 one of log 4 - log 3 · 3/4."""
    padded = np.concatenate([values, np.zeros(16 - len(values))])
    assert rankme(with_singular_values(padded)) == pytest.approx(expected, rel=1e-3)


def test_rankme_is_uncentred() -> None:
    assert rankme(with_singular_values(np.ones(8)) + 1000) < 1.2


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_alpha_of_a_power_law_is_its_exponent(alpha: float) -> None:
    values = np.arange(1, 121.0) ** (-alpha / 2)
    assert alpha_req(with_singular_values(values) + 3) == pytest.approx(alpha, abs=1e-6)


def test_alpha_needs_a_spectrum() -> None:
    assert np.isnan(alpha_req(with_singular_values(np.ones(5))))
    with pytest.raises(RecordError, match="range"):
        alpha_req(np.eye(9), (5, 5))


def test_uniformity_of_two_opposite_points_and_of_one_place() -> None:
    assert uniformity([[1.0, 0], [-1, 0]]) == pytest.approx(-8)
    assert uniformity(np.ones((5, 3))) == pytest.approx(0)
    with pytest.raises(RecordError, match="at least 2"):
        uniformity(np.ones((1, 3)))


@pytest.mark.slow
def test_sampled_pairs_give_nearly_the_same() -> None:
    x = np.random.default_rng(0).normal(size=(2500, 8))
    assert PAIRS < 2500 * 2499 // 2
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    first, second = np.triu_indices(len(x), 1)
    exact = np.log(np.exp(-4 + 4 * (unit @ unit.T)[first, second]).mean())
    assert uniformity(x) == pytest.approx(exact, abs=0.01)


def test_feature_std_of_a_collapsed_and_an_isotropic_space() -> None:
    assert feature_std(np.ones((50, 7))) == pytest.approx(0)
    assert feature_std(np.random.default_rng(0).normal(size=(5000, 32))) == pytest.approx(1, abs=0.01)
