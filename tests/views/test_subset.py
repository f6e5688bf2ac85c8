from __future__ import annotations

import numpy as np
import pytest

from selfscope.errors import UsageError
from selfscope.views.subset import Subset

LABELS = np.array([3, 0, 1, 2, 0, 1, 2, 3, 0, 0])


def test_labels_below_the_number() -> None:
    np.testing.assert_array_equal(Subset(max_num_class=2)(LABELS, 10), [1, 2, 4, 5, 8, 9])


def test_named_classes_come_before_the_number() -> None:
    np.testing.assert_array_equal(Subset(max_num_class=2, class_idx=(3,))(LABELS, 10), [0, 7])


def test_samples_of_each_class_are_seeded_and_in_order() -> None:
    chosen = Subset(max_num_samples=2)(LABELS, 10)
    assert np.bincount(LABELS[chosen]).tolist() == [2, 2, 2, 2]
    assert (np.diff(chosen) > 0).all()
    np.testing.assert_array_equal(chosen, Subset(max_num_samples=2)(LABELS, 10))
    others = {tuple(Subset(max_num_samples=2, seed=s)(LABELS, 10)) for s in range(8)}
    assert len(others) > 1


def test_without_labels_all_is_one_class() -> None:
    np.testing.assert_array_equal(Subset(max_num_class=2)(None, 4), range(4))
    assert len(Subset(max_num_samples=3)(None, 9)) == 3


@pytest.mark.parametrize(
    ("subset", "labels", "words"),
    [
        (Subset(max_num_class=0), LABELS, "labels are 0..3"),
        (Subset(class_idx=(7, 9)), LABELS, r"no item has label \[7, 9\]"),
        (Subset(class_idx=(1,)), None, "no labels"),
        (Subset(max_num_samples=0), LABELS, "at least 1"),
    ],
)
def test_an_empty_choice_is_refused(subset: Subset, labels: np.ndarray | None, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        subset(labels, 10)
