"""Why the cache does not answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from selfscope.store.cache import cache_folder, features_folder
from selfscope.store.shards import FeatureFolder, Shard
from selfscope.views.anew import why_anew

KNOWN: dict[str, Any] = {
    "code": {"timm": "1.0.30", "selfscope": "aa"},
    "model": "m",
    "weights": "w",
    "data": "d",
    "items": 5,
    "device": "cpu",
}


def keep(identity: dict[str, Any]) -> None:
    folder = FeatureFolder(features_folder(identity), identity)
    folder.begin({})
    folder.write(0, Shard({"feat": np.ones((5, 2), np.float32)}))
    folder.finish(1, {})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"code": {"timm": "1.0.31", "selfscope": "aa"}}, "another version of timm (1.0.30)"),
        ({"code": {"timm": "1.0.30", "selfscope": "bb"}}, "another version of selfscope"),
        ({"weights": "v"}, "other weights"),
        ({"data": "e", "items": 6}, "other images"),
        ({"weights": "v", "pool": "mean"}, "other weights and another pool"),
        ({"weights": "v", "data": "e", "device": "cuda"}, "other weights, other images and another device"),
    ],
)
def test_what_differs_is_said(changes: dict[str, Any], words: str) -> None:
    keep({**KNOWN, "weights": "far", "data": "away", "device": "mps", "dtype": "float16"})
    keep(KNOWN)
    assert why_anew({**KNOWN, **changes}) == f"features: computed anew; the nearest in the cache have {words}"


def test_nothing_alike_is_nothing_said() -> None:
    assert why_anew(KNOWN) is None
    keep({**KNOWN, "weights": "v", "model": "n", "data": "e"})
    damaged = cache_folder() / "features" / "damaged"
    damaged.mkdir()
    (damaged / "features.json").write_text("{")
    assert why_anew(KNOWN) is None
