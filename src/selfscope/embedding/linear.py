"""The linear probe: how well one linear layer reads the classes off frozen features."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from selfscope.embedding.check import checked_features
from selfscope.errors import RecordError

STRENGTHS = tuple(float(c) for c in 10.0 ** np.arange(-4, 3))
MOST_STEPS = 500


@dataclass(frozen=True)
class LinearProbe:
    """Accuracy on the queries, and what was chosen without looking at them."""

    accuracy: float
    """Share of queries right."""
    strength: float
    """scikit-learn's C, the inverse of the L2 penalty: the best on the part of the bank that was held out."""
    held_out: int
    """Items of the bank that chose it; 0: the bank was too small, and C is 1."""
    converged: bool


def linear_probe(
    bank: Any,
    bank_labels: Any,
    queries: Any,
    query_labels: Any,
    *,
    strengths: tuple[float, ...] = STRENGTHS,
    seed: int = 0,
) -> LinearProbe:
    """Multinomial logistic regression on features `(N, D)` standardised by the bank, judged on queries `(M, D)`.

    A fifth of the bank (stratified, seeded) chooses the penalty; the whole bank is then fitted with it. Queries whose
    class the bank does not have count as wrong.
    """
    known, asked = checked_features(bank, "euclidean"), checked_features(queries, "euclidean")
    labels, truth = np.asarray(bank_labels), np.asarray(query_labels)
    if len(labels) != len(known) or len(truth) != len(asked):
        raise RecordError(f"probe: {len(labels)} and {len(truth)} labels for {len(known)} and {len(asked)} features")
    if len(np.unique(labels)) < 2:
        raise RecordError("probe: expected at least 2 classes in the training features, got 1")
    known, asked = _standardised(known, asked)
    strength, held_out = _chosen(known, labels, strengths, seed)
    model, converged = _fit(known, labels, strength)
    return LinearProbe(float((model.predict(asked) == truth).mean()), strength, held_out, converged)


def _chosen(known: np.ndarray, labels: np.ndarray, strengths: tuple[float, ...], seed: int) -> tuple[float, int]:
    from sklearn.model_selection import train_test_split

    _, counts = np.unique(labels, return_counts=True)
    if counts.min() < 2 or len(labels) < 5 * len(counts):
        return 1.0, 0
    parts = train_test_split(np.arange(len(labels)), test_size=0.2, stratify=labels, random_state=seed)
    fitted, judged = (np.sort(part) for part in parts)
    right = [
        (_fit(known[fitted], labels[fitted], c)[0].predict(known[judged]) == labels[judged]).mean() for c in strengths
    ]
    return strengths[int(np.argmax(right))], len(judged)  # of equals the strongest penalty


def _fit(known: np.ndarray, labels: np.ndarray, strength: float) -> tuple[Any, bool]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=strength, max_iter=MOST_STEPS, tol=1e-4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # said by `converged`
        model.fit(known, labels)
    return model, bool(model.n_iter_.max() < MOST_STEPS)


def _standardised(known: np.ndarray, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    centre, spread = known.mean(axis=0), known.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    return ((known - centre) / spread).astype(np.float32), ((asked - centre) / spread).astype(np.float32)
