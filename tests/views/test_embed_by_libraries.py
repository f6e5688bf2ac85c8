"""Maps by other libraries become the same records as our own."""

from __future__ import annotations

import numpy as np
import pytest

from selfscope.errors import UsageError
from selfscope.views import embed


class Halved:
    """A stand-in for a library: the first two columns, halved."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
        from selfscope.embedding import libraries

        engine = getattr(libraries, method)
        monkeypatch.setattr(libraries, "_require", lambda *names: None)
        monkeypatch.setattr(libraries, "library_version", lambda engine: f"{engine.library} 1.0")
        monkeypatch.setattr(engine, "__call__", lambda self, features: features[:, :2].astype(np.float32) / 2)


@pytest.mark.parametrize("method", ["UMAP", "PaCMAP"])
def test_a_record_says_what_made_the_map(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    Halved(monkeypatch, method)
    features = np.random.default_rng(0).normal(size=(80, 2))
    record = getattr(embed, method.lower())(features, n_neighbors=7, seed=3, metric="euclidean", step=4)
    assert record.quality["trustworthiness"] == pytest.approx(1)
    assert record.quality["knn_recall"] == pytest.approx(1)
    wanted = {"method": method, "n_neighbors": 7, "seed": 3, "metric": "euclidean", "n": 80, "d": 2}
    assert {name: record.settings[name] for name in wanted} == wanted
    assert record.settings["library"].endswith("1.0")
    assert record.step == 4
    few = getattr(embed, method.lower())(features[:9])
    assert few.settings["method"] == f"PCA (too little to learn for {method})"


@pytest.mark.parametrize("method", ["UMAP", "PaCMAP"])
def test_unknown_options_are_refused(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    Halved(monkeypatch, method)
    with pytest.raises(UsageError, match=r"perplexity.*options are .*n_neighbors.*seed"):
        getattr(embed, method.lower())(np.ones((9, 2)), perplexity=3)
