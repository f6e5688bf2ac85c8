"""The methods of `selfscope tsne`, and which flags belong to which."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from selfscope.cli.tsne_map import COMMON, FLAGS, MapFlags
from selfscope.embedding.pca import principal_components
from selfscope.embedding.tsne import TSNE
from selfscope.errors import MissingExtraError, RecordError, UsageError
from selfscope.structures import Features


def test_every_flag_of_the_engine_can_be_given() -> None:
    options = MapFlags(perplexity=7, n_iter=90, init="random", metric="cosine", n_components=3).map_options(seed=4)
    assert TSNE(**options) == TSNE(perplexity=7, n_iter=90, init="random", metric="cosine", n_components=3, seed=4)
    assert set(TSNE.__dataclass_fields__) - set(options) == {"grid_step"}
    assert set(MapFlags.__dataclass_fields__) == {
        "method",
        *COMMON,
        *(name for names in FLAGS.values() for name in names),
    }


@pytest.mark.parametrize(
    ("flags", "seeds", "words"),
    [
        ({"method": "pca", "perplexity": 5.0}, 1, "--perplexity is for --method tsne, not pca"),
        ({"min_dist": 0.5}, 1, "--min-dist is for --method umap, not tsne"),
        ({"n_neighbors": 5}, 1, "--n-neighbors is for --method umap or pacmap, not tsne"),
        ({"method": "umap", "map_device": "cuda"}, 1, "--map-device is for --method tsne, not umap"),
        ({"method": "pca"}, 3, "--seeds is for --method tsne, not pca"),
    ],
)
def test_flags_of_another_method_are_refused(flags: dict[str, Any], seeds: int, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        MapFlags(**flags).map_options(0, seeds)


@pytest.mark.parametrize(("device", "words"), [("gpu", "expected cpu, cuda"), ("cuda:99", "torch finds")])
def test_a_device_is_looked_for_before_anything_else(device: str, words: str) -> None:
    with pytest.raises(RecordError, match=words):
        MapFlags(map_device=device).map_options(0)


@pytest.mark.parametrize("method", ["umap", "pacmap"])
def test_a_missing_extra_is_told_at_once(method: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=rf'pip install "selfscope\[{method}\]"'):
        MapFlags(method=method).map_options(0)


def test_the_principal_plane(tmp_path: Path) -> None:
    array = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    flags = MapFlags(method="pca")
    record = flags.make_map(
        Features({"f": array}), "f", flags.map_options(0), seeds=1, queries=None, kept=lambda: pytest.fail("not needed")
    )
    np.testing.assert_allclose(record.coords, principal_components(array, 2), rtol=1e-4, atol=1e-4)
    assert record.settings["method"] == "PCA"
