"""How strongly a point holds its neighbours: by a Gaussian as wide as the perplexity asks (van der Maaten 2008)."""

from __future__ import annotations

import math

import numpy as np

from selfscope.embedding.engine.compiled import compiled
from selfscope.embedding.engine.workers import Workers

TOLERANCE = 1e-5
"""How far the entropy may stay from log perplexity: one part in 10⁵ of the perplexity."""


def conditional_probabilities(
    squares: np.ndarray, perplexity: float, workers: Workers, *, guess: float = 1.0
) -> np.ndarray:
    """p(j | i) `(N, k)` float32 from squared distances (N, k), nearest first; rows sum to 1.

    p(j | i) is proportional to exp(-βᵢ dᵢⱼ²), with βᵢ such that the entropy of row i is log perplexity. Where no β
    does it (many equal distances) the nearest share alike. Only differences and ratios of squares count, so that any
    scale of the features serves. `guess` is a first β, in units of the mean excess over the nearest square.
    """
    probabilities = np.empty_like(squares)
    target = math.log(perplexity)
    workers.each(lambda first, last: calibrate(squares, target, guess, probabilities, first, last), len(squares), 512)
    return probabilities


@compiled
def calibrate(squares, target, first_guess, probabilities, first, last):
    """Newton's method on log β, held inside a bracket that every step makes narrower."""
    k = squares.shape[1]
    for i in range(first, last):
        nearest, mean = squares[i, 0], 0.0
        for j in range(k):
            mean += squares[i, j] - nearest
        unit = k / mean if mean > 0 else 0.0
        beta, low, high = first_guess, 0.0, 1e30
        for _ in range(100):
            total, first_moment, second_moment = 0.0, 0.0, 0.0
            for j in range(k):
                square = (squares[i, j] - nearest) * unit
                weight = math.exp(-beta * square)
                probabilities[i, j] = weight
                total += weight
                first_moment += weight * square
                second_moment += weight * square * square
            average = first_moment / total
            variance = second_moment / total - average * average
            excess = math.log(total) + beta * average - target
            if abs(excess) < TOLERANCE:
                break
            if excess > 0:
                low = beta
            else:
                high = beta
            slope = beta * beta * variance  # of the entropy, against -log β
            guess = beta * math.exp(min(max(excess / slope, -3.0), 3.0)) if slope > 1e-12 else 0.0
            if low < guess < high:
                beta = guess
            else:
                beta = beta * 4 if high == 1e30 else (low + high) / 2
            if beta > 1e25 or high - low < 1e-9 * low:
                break
        for j in range(k):
            probabilities[i, j] /= total
