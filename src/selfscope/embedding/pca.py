"""Principal components by the eigenvectors of the covariance: exact, deterministic, signs fixed."""

from __future__ import annotations

import numpy as np


def principal_components(features: np.ndarray, components: int) -> np.ndarray:
    """Scores `(N, components)` float64 of `(N, D)`; each axis points where its largest loading is positive.

    Axes that the data does not have (D or N too small, constant features) are zero.
    """
    centred = features - features.mean(axis=0, dtype=np.float64)
    tall = len(centred) >= centred.shape[1]
    gram = centred.T @ centred if tall else centred @ centred.T  # (D, D) or (N, N)
    values, vectors = np.linalg.eigh(gram)
    order = np.argsort(values)[::-1][:components]
    values, vectors = values[order], vectors[:, order]
    axes = vectors if tall else centred.T @ vectors / np.sqrt(np.maximum(values, 1e-30))  # (D, k)
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    present = values > 1e-12 * max(values.max(initial=0.0), 1e-300)
    scores = np.zeros((len(features), components))
    scores[:, : len(order)] = np.where(present, centred @ axes, 0.0)
    return scores
