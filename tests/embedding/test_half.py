"""float16 widened by hand against numpy's cast."""

from __future__ import annotations

import numpy as np
import pytest

from selfscope.embedding.half import float32_copy

EVERY = np.arange(1 << 16, dtype=np.uint16).view(np.float16)


@pytest.mark.parametrize(
    "rows",
    [
        EVERY,
        EVERY.reshape(256, 256).T[::3],
        EVERY.astype(">f2"),
        EVERY[:7].astype(np.float64),
        np.arange(6, dtype=np.float32).reshape(2, 3),
    ],
    ids=["every pattern", "strided", "other byte order", "float64", "float32"],
)
def test_the_values_are_numpys_and_the_array_is_new(rows: np.ndarray) -> None:
    found = float32_copy(rows)
    np.testing.assert_array_equal(found, rows.astype(np.float32))
    assert found.dtype == np.float32
    assert not np.shares_memory(found, rows)
