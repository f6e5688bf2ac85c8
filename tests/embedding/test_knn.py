"""The vote of nearest neighbours, against a slow vote and against cases whose winner is worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from selfscope.embedding.knn import knn_accuracy
from selfscope.errors import RecordError


def slow(bank, bank_labels, queries, query_labels, k, temperature) -> float:
    """One query after another, in Python's own numbers."""
    right = 0
    for query, truth in zip(queries.tolist(), query_labels.tolist(), strict=True):
        cosines = []
        for row, label in zip(bank.tolist(), bank_labels.tolist(), strict=True):
            product = sum(a * b for a, b in zip(query, row, strict=True))
            cosines.append((product / math.hypot(*query) / math.hypot(*row), label))
        votes: dict[int, float] = {}
        for cosine, label in sorted(cosines, reverse=True)[:k]:
            votes[label] = votes.get(label, 0.0) + math.exp(cosine / temperature)
        right += max(votes, key=lambda label: votes[label]) == truth
    return right / len(queries)


@pytest.mark.parametrize(("k", "temperature"), [(1, 0.07), (5, 0.07), (20, 0.07), (20, 5.0)])
def test_votes_are_those_of_a_slow_count(k: int, temperature: float) -> None:
    rng = np.random.default_rng(k)
    labels = rng.integers(0, 4, 160) * 3
    features = rng.normal(size=(160, 6)) + 1.2 * np.eye(6)[labels // 3]
    parts = (features[:100], labels[:100], features[100:], labels[100:])
    found = knn_accuracy(*parts, k=k, temperature=temperature)
    assert found == slow(*parts, k, temperature)
    assert 0.3 < found < 0.95


def turned(degrees: float) -> list[float]:
    return [math.cos(math.radians(degrees)), math.sin(math.radians(degrees))]


def test_one_near_neighbour_outvotes_two_farther_ones_at_the_papers_temperature() -> None:
    """exp((cos 0° - cos 30°) / 0.07) = 6.8 > 2; at temperature 1 it is 1.1, and the two win."""
    bank, labels = np.array([turned(0), turned(30), turned(-30)]) * [[5.0], [0.1], [9.0]], np.array([1, 2, 2])
    query, truth = np.array([turned(0)]), np.array([1])
    assert knn_accuracy(bank, labels, query, truth) == 1.0
    assert knn_accuracy(bank, labels, query, truth, temperature=1.0) == 0.0


def test_by_default_twenty_neighbours_vote() -> None:
    """19 of the class in the middle of a crowd of 400 others that are a little farther away."""
    angles = [*np.linspace(0, 1, 19), *np.linspace(2, 3, 400)]
    bank, labels = np.array([turned(angle) for angle in angles]), np.array([0] * 19 + [1] * 400)
    query, truth = np.array([turned(0)]), np.array([0])
    assert knn_accuracy(bank, labels, query, truth) == 1.0
    assert knn_accuracy(bank, labels, query, truth, k=200) == 0.0


def test_a_bank_smaller_than_k_votes_whole_and_odd_lengths_are_refused() -> None:
    bank, labels = np.eye(3), np.array([0, 1, 2])
    assert knn_accuracy(bank, labels, bank, labels) == 1.0
    with pytest.raises(RecordError, match="knn: 2 and 3 labels for 3 and 3 features"):
        knn_accuracy(bank, labels[:2], bank, labels)
