"""The linear probe on data whose best linear answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from selfscope.embedding.linear import linear_probe
from selfscope.errors import RecordError


def blobs(n: int, seed: int, apart: float = 6.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    return rng.normal(size=(n, 4)) + apart * np.eye(3, 4)[labels], labels


def test_separable_classes_are_read_perfectly_and_repeatably() -> None:
    (bank, known), (queries, truth) = blobs(300, 0, 30), blobs(90, 1, 30)
    probe = linear_probe(bank, known, queries, truth)
    assert probe.accuracy == 1.0
    assert probe.held_out == 60
    assert probe.converged
    assert linear_probe(bank, known, queries, truth) == probe


def test_a_ring_around_a_point_is_not_linear() -> None:
    rng = np.random.default_rng(0)
    angle, labels = rng.uniform(0, 2 * np.pi, 400), rng.integers(0, 2, 400)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1) * labels[:, None] * 5 + 0.1 * rng.normal(size=(400, 2))
    assert linear_probe(ring[:300], labels[:300], ring[300:], labels[300:]).accuracy < 0.75


def test_scale_and_shift_of_features_change_nothing() -> None:
    (bank, known), (queries, truth) = blobs(200, 0, 2), blobs(100, 1, 2)
    plain = linear_probe(bank, known, queries, truth)
    moved = linear_probe(1000 * bank + 7, known, 1000 * queries + 7, truth)
    assert moved.accuracy == plain.accuracy


def test_noise_among_many_dimensions_calls_for_a_stronger_penalty() -> None:
    (bank, known), (queries, truth) = blobs(120, 0, 2), blobs(300, 1, 2)
    noise = np.random.default_rng(3)
    wide, asked = (np.hstack([x, noise.normal(size=(len(x), 200))]) for x in (bank, queries))
    chosen = linear_probe(wide, known, asked, truth)
    loose = linear_probe(wide, known, asked, truth, strengths=(100.0,))
    assert chosen.strength < 1
    assert chosen.accuracy > loose.accuracy


def test_a_class_that_the_bank_lacks_counts_as_wrong() -> None:
    bank, known = blobs(60, 0, 30)
    assert linear_probe(bank, known, bank[:10], np.full(10, 7)).accuracy == 0


def test_too_small_a_bank_chooses_nothing_and_one_class_is_refused() -> None:
    assert linear_probe(np.eye(3), [0, 1, 2], np.eye(3), [0, 1, 2]).held_out == 0
    with pytest.raises(RecordError, match="at least 2 classes"):
        linear_probe(np.eye(3), [1, 1, 1], np.eye(3), [1, 1, 1])
    with pytest.raises(RecordError, match="2 and 3 labels for 3 and 3"):
        linear_probe(np.eye(3), [0, 1], np.eye(3), [0, 1, 2])
