"""An order that gives near numbers to points near each other, so that what a loop reads next is in the cache."""

from __future__ import annotations

import numpy as np


def along_curve(coords: np.ndarray) -> np.ndarray:
    """The permutation `(N,)` that sorts points along Morton's Z-curve (1966) of their ranks on the first two axes.

    Ranks, so that a few far points do not squeeze all others into one cell.
    """
    codes = np.zeros(len(coords), np.uint64)
    for axis in range(min(2, coords.shape[1])):
        ranks = np.empty(len(coords), np.uint64)
        ranks[np.argsort(coords[:, axis], kind="stable")] = np.arange(len(coords), dtype=np.uint64)
        codes |= _spread_bits(ranks) << np.uint64(axis)
    return np.argsort(codes, kind="stable")


def _spread_bits(values: np.ndarray) -> np.ndarray:
    """Puts a zero between any two of the lower 32 bits: abcd becomes 0a0b0c0d."""
    masks = (0x0000FFFF0000FFFF, 0x00FF00FF00FF00FF, 0x0F0F0F0F0F0F0F0F, 0x3333333333333333, 0x5555555555555555)
    for shift, mask in zip((16, 8, 4, 2, 1), masks, strict=True):
        values = (values | (values << np.uint64(shift))) & np.uint64(mask)
    return values
