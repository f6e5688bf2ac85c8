from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from selfscope.embedding.engine.workers import Workers


@pytest.fixture
def workers() -> Iterator[Workers]:
    with Workers(2) as pool:
        yield pool


@pytest.fixture
def features() -> np.ndarray:
    """(600, 40): ten clusters of uneven width, every tenth point twice."""
    rng = np.random.default_rng(5)
    labels = np.arange(600) % 10
    points = rng.normal(0, 4, (10, 40))[labels] + rng.normal(size=(600, 40)) * (0.3 + labels[:, None] / 5)
    points[::10] = points[5::10]
    return points
