"""UMAP and PaCMAP through their libraries, which are extras."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from selfscope.embedding.libraries import FEWEST, UMAP, PaCMAP, library_version
from selfscope.embedding.pca import principal_components
from selfscope.errors import MissingExtraError, RecordError

ENGINES = {"umap": UMAP, "pacmap": PaCMAP}


def needs(extra: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(importlib.util.find_spec(extra) is None, reason=f'pip install "selfscope[{extra}]"')


EACH = [pytest.param(engine, marks=[needs(extra), pytest.mark.slow], id=extra) for extra, engine in ENGINES.items()]


def groups(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng, labels = np.random.default_rng(0), np.arange(n) % 4
    return rng.normal(0, 6, (4, 12))[labels] + rng.normal(size=(n, 12)), labels


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("engine", EACH)
def test_groups_stay_together_and_a_seed_repeats_them(engine: type, metric: str) -> None:
    features, labels = groups(160)
    coords = engine(metric=metric)(features)
    assert coords.shape == (160, 2)
    assert coords.dtype == np.float32
    distances = np.linalg.norm(coords[:, None] - coords[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (labels[distances.argmin(axis=1)] == labels).all()
    assert coords.tobytes() == engine(metric=metric)(features).tobytes()


@pytest.mark.parametrize("engine", EACH)
def test_awkward_features(engine: type) -> None:
    features, _ = groups(60)
    for n in (FEWEST, FEWEST + 1, 25):
        assert np.isfinite(engine()(features[:n])).all()
    few = engine()(features[: FEWEST - 1])
    np.testing.assert_allclose(few, principal_components(features[: FEWEST - 1], 2), rtol=1e-5)
    assert (engine()(np.ones((40, 3))) == 0).all()
    assert np.isfinite(engine()(np.repeat(features[:10], 6, axis=0))).all()
    assert engine(n_components=3)(features).shape == (60, 3)
    assert library_version(engine()).startswith(engine.library)
    with pytest.raises(RecordError, match="2, got 1"):
        engine(n_neighbors=1)
    with pytest.raises(RecordError, match="1, 2 or 3"):
        engine(n_components=4)


@pytest.mark.parametrize("extra", ENGINES)
def test_without_the_extra_the_command_is_told(extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=rf'pip install "selfscope\[{extra}\]"'):
        ENGINES[extra]()
