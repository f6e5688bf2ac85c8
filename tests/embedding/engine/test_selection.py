from __future__ import annotations

import numpy as np
import pytest

from selfscope.embedding.engine.selection import Shortlist


@pytest.mark.parametrize("k", [1, 5, 60, 300])
@pytest.mark.parametrize("kind", ["random", "falling", "rising", "few values", "equal"])
def test_shortlist_holds_the_smallest(k: int, kind: str) -> None:
    rng = np.random.default_rng(k)
    distances = rng.normal(size=(4, 1000)).astype(np.float32)
    if kind == "few values":
        distances = np.round(distances)
    elif kind == "equal":
        distances[:] = 2
    elif kind != "random":
        distances = np.sort(distances, axis=1)[:, :: 1 if kind == "rising" else -1]
    shortlist = Shortlist(6, k)
    names, rows = np.arange(1000, dtype=np.uint32), np.array([4, 0, 1, 3], np.uint32)
    for start in (0, 333, 334, 700):
        stop = {0: 333, 333: 334, 334: 700, 700: 1000}[start]
        shortlist.offer(np.ascontiguousarray(distances[:, start:stop]), rows, names[start:stop])
    best = shortlist.best(6)
    for line, row in enumerate(rows):
        assert len(set(best[row])) == k
        np.testing.assert_array_equal(np.sort(distances[line, best[row]]), np.sort(distances[line])[:k])


def test_too_few_offers_repeat_the_first() -> None:
    shortlist = Shortlist(1, 4)
    zero = np.zeros(1, np.uint32)
    shortlist.offer(np.array([[3.0, 1.0]], np.float32), zero, np.array([7, 9], np.uint32))
    assert shortlist.best(1).tolist() == [[7, 9, 7, 7]]
