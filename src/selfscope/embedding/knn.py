"""k-nearest-neighbour accuracy in feature space (Wu et al. 2018), with DINO's weighting. Never on the map."""

from __future__ import annotations

from typing import Any

import numpy as np

from selfscope.embedding.check import checked_features
from selfscope.errors import RecordError


def knn_accuracy(
    bank: Any, bank_labels: Any, queries: Any, query_labels: Any, *, k: int = 20, temperature: float = 0.07
) -> float:
    """Share of queries `(M, D)` whose class wins the vote of their k nearest in the bank `(N, D)`.

    Features are L2-normalised; a neighbour's vote weighs exp(cos / temperature). Bank and queries must be disjoint
    sets of images, which only the caller can know. k is lowered to the size of the bank.
    """
    known, asked = checked_features(bank, "cosine"), checked_features(queries, "cosine")
    labels, truth = np.asarray(bank_labels), np.asarray(query_labels)
    if len(labels) != len(known) or len(truth) != len(asked):
        raise RecordError(f"knn: {len(labels)} and {len(truth)} labels for {len(known)} and {len(asked)} features")
    classes, indices = np.unique(labels, return_inverse=True)
    k, right = min(k, len(known)), 0
    for start in range(0, len(asked), 512):
        cosine = asked[start : start + 512] @ known.T  # (Q, N)
        nearest = np.argpartition(-cosine, k - 1, axis=1)[:, :k]
        weights = np.exp(np.take_along_axis(cosine, nearest, axis=1) / temperature)
        votes = np.zeros((len(nearest), len(classes)))
        np.add.at(votes, (np.arange(len(nearest))[:, None], indices[nearest]), weights)
        right += int((classes[votes.argmax(axis=1)] == truth[start : start + 512]).sum())
    return right / len(asked)
