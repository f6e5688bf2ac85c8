"""`ss.tsne`: what it takes, who may look on, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from selfscope.embedding import TSNE
from selfscope.embedding.watch import Snapshot
from selfscope.errors import RecordError, UsageError
from selfscope.views.embed import tsne

FEATURES = np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32)


def test_the_map_is_shown_while_it_is_made_and_may_be_stopped() -> None:
    seen: list[Snapshot] = []

    def watch(snapshot: Snapshot) -> bool:
        seen.append(snapshot)
        return snapshot.iteration >= 60

    record = tsne(FEATURES, seeds=2, watch=watch, every=20)
    assert [snapshot.iteration for snapshot in seen] == [20, 40, 60]  # of the first of the two
    np.testing.assert_array_equal(record.coords, seen[-1].coords)


@pytest.mark.parametrize(
    "given", [FEATURES.tolist(), torch.tensor(FEATURES), torch.tensor(FEATURES, requires_grad=True)], ids=type
)
def test_lists_and_tensors_are_features(given: Any) -> None:
    kept = FEATURES.astype(np.float64 if isinstance(given, list) else np.float32)
    assert tsne(given, n_iter=50).coords.tobytes() == TSNE(n_iter=50)(kept).tobytes()


REFUSALS = [
    (FEATURES, {"perplexty": 3}, r"tsne: has no option 'perplexty'. Did you mean 'perplexity'\? The options are n_com"),
    (FEATURES, {"every": 0}, "every: expected at least 1, got 0"),
    (FEATURES, {"seed": -1}, "seed: expected at least 0, got -1"),
    ([[1, 2], [3]], {}, r"features: expected numbers \(N, D\), rows of one length"),
    (FEATURES[:, 0], {}, r"features: expected numbers \(N, D\) .* got float32 \(60,\)"),
    ("F.npy", {}, "features: .* got a path"),
    (None, {}, "features: .* got object"),
]


@pytest.mark.parametrize(("given", "options", "sentence"), REFUSALS, ids=[words[:30] for *_, words in REFUSALS])
def test_bad_input_is_one_sentence(given: Any, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises((RecordError, UsageError), match=sentence):
        tsne(given, **options)
