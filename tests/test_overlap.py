"""Overlaps of crops against counting pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfscope.errors import RecordError
from selfscope.overlap import Overlap, overlap, pairwise

SIDE = 24
CROPS = st.tuples(*[st.integers(0, 12)] * 2, *[st.integers(0, 12)] * 2)


def covered(crop: tuple[int, int, int, int]) -> np.ndarray:
    x, y, w, h = crop
    plane = np.zeros((SIDE, SIDE), bool)
    plane[y : y + h, x : x + w] = True
    return plane


def share(part: np.ndarray, whole: np.ndarray) -> float:
    return part.sum() / whole.sum() if whole.any() else 0.0


@pytest.mark.slow
@given(st.lists(st.none() | CROPS, max_size=5))
def test_overlaps_agree_with_counting_pixels(crops: list[tuple[int, int, int, int] | None]) -> None:
    known = [i for i, crop in enumerate(crops, 1) if crop is not None]
    found = pairwise(crops)
    assert [(pair.view_a, pair.view_b) for pair in found] == [(i, j) for i in known for j in known if i < j]
    for pair in found:
        a, b = (covered(crops[i - 1]) for i in (pair.view_a, pair.view_b))  # type: ignore[arg-type]
        common, smaller = a & b, min(a, b, key=np.sum)
        expected = (share(common, a | b), share(common, smaller), share(common, a), share(common, b))
        assert pair[2:] == pytest.approx(expected)


def test_a_local_crop_inside_a_global_one() -> None:
    """The trap that containment is for: IoU says the views hardly overlap."""
    (pair,) = pairwise([(0, 0, 200, 200), (50, 50, 100, 100)])
    assert pair == Overlap(1, 2, iou=0.25, containment=1.0, a_in_b=0.25, b_in_a=1.0)


def test_arrays_of_crops_broadcast() -> None:
    crops = np.array([(0, 0, 10, 10), (5, 5, 10, 10), (20, 20, 4, 4)], float)
    every = overlap(crops[:, None], crops)
    np.testing.assert_allclose(every.iou, [[1, 25 / 175, 0], [25 / 175, 1, 0], [0, 0, 1]])
    np.testing.assert_array_equal(every.a_in_b, every.b_in_a.T)
    assert [tuple(np.round(pair[2:], 9)) for pair in pairwise(crops)] == [
        tuple(np.round([values[i, j] for values in every], 9)) for i, j in ((0, 1), (0, 2), (1, 2))
    ]


def test_rounding_never_makes_a_share_of_more_than_one() -> None:
    crop = (0.1, 0.2, 1e9 / 3, 0.7)
    assert max(pairwise([crop, crop])[0][2:]) <= 1


@pytest.mark.parametrize("crops", [(1, 2, 3), [(0, 0, -1, 4)], [(0, 0, float("nan"), 1)]])
def test_what_is_no_crop_is_refused(crops: object) -> None:
    with pytest.raises(RecordError, match="overlap: expected"):
        overlap(crops, (0, 0, 1, 1))  # type: ignore[arg-type]
