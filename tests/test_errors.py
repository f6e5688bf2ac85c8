"""What the sentences of refusals are made with."""

from __future__ import annotations

import pytest

from selfscope.errors import distance


@pytest.mark.parametrize(
    ("one", "other", "steps"),
    [
        ("", "", 0),
        ("", "abc", 3),
        ("abc", "abc", 0),
        ("kitten", "sitting", 3),
        ("flaw", "lawn", 2),
        ("größe", "grosse", 3),
    ],
)
def test_distance_counts_single_letters(one: str, other: str, steps: int) -> None:
    assert distance(one, other) == distance(other, one) == steps
