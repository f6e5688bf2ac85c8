"""How crowded feature space is around each point; a t-SNE map evens this out (Narayan et al. 2021)."""

from __future__ import annotations

import numpy as np

from selfscope.embedding.graph import Neighbours

NEIGHBOURS = 10


def density(graph: Neighbours) -> np.ndarray:
    """log₂ of how many times nearer than usual each point's 10 nearest lie in feature space, `(N,)` float32.

    0: their mean distance is the median over all points; 1: half of it. Points with 10 exact duplicates take the value
    of the densest others; where all distances are 0, or there is one point, all are 0.
    """
    radius = graph.distances[:, :NEIGHBOURS].mean(axis=1) if graph.k else np.zeros(len(graph))
    positive = radius[radius > 0]
    if not len(positive):
        return np.zeros(len(graph), np.float32)
    return np.log2(np.median(positive) / np.maximum(radius, positive.min())).astype(np.float32)
