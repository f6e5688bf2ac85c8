from __future__ import annotations

import math
import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from selfscope.embedding.engine import field, layout
from selfscope.embedding.engine.layout import Layout
from selfscope.embedding.engine.search import search
from selfscope.embedding.quality import map_quality

SHORT = {"iterations": 120}
PAIRS_UP_TO = layout.PAIRS_UP_TO[2]


def mapped(features: np.ndarray, threads: int = 2, perplexity: float = 30.0, **settings: Any) -> np.ndarray:
    graph = search(features, min(math.ceil(3 * perplexity), len(features) - 1), "euclidean", 0, threads=threads)
    return Layout(perplexity=perplexity, threads=threads, **settings)(graph)


@lru_cache
def trust_as_given() -> float:
    """How far the map of `many(1500)` is to be believed."""
    return trust(many(1500), mapped(many(1500), iterations=250))


def trust(features: np.ndarray, coords: np.ndarray) -> float:
    quality = map_quality(features, coords)
    assert quality is not None
    return quality.trustworthiness


def many(n: int = PAIRS_UP_TO + 500, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 12
    return rng.normal(0, 3, (12, 50))[labels] + rng.normal(size=(n, 50)) @ rng.normal(0, 0.4, (50, 50))


@pytest.mark.parametrize("n", [500, pytest.param(PAIRS_UP_TO + 500, marks=pytest.mark.slow)])
def test_threads_do_not_change_a_bit(n: int) -> None:
    maps = {mapped(many(n), threads, iterations=60).tobytes() for threads in (1, 2, 3, 2)}
    assert len(maps) == 1


@pytest.mark.parametrize(
    "change", ["order", "float32", *(pytest.param(c, marks=pytest.mark.slow) for c in ("shift", "turn", "scale"))]
)
def test_changes_that_mean_nothing(change: str) -> None:
    features = many(1500)
    rng = np.random.default_rng(1)
    order = rng.permutation(len(features)) if change == "order" else np.arange(len(features))
    changed = {
        "shift": features + 1000,
        "turn": features @ np.linalg.qr(rng.normal(size=(50, 50)))[0],
        "scale": features * 1e-12,
        "order": features[order],
        "float32": features.astype(np.float32),
    }[change]
    one, other = trust_as_given(), trust(changed, mapped(changed, iterations=250))
    assert other == pytest.approx(one, abs=0.01)
    assert one > 0.9


@pytest.mark.slow
def test_grid_and_pairs_agree_in_quality(monkeypatch: pytest.MonkeyPatch) -> None:
    features = many()
    by_grid = mapped(features, iterations=250)
    monkeypatch.setitem(layout.PAIRS_UP_TO, 2, 10_000)
    assert trust(features, by_grid) == pytest.approx(trust(features, mapped(features, iterations=250)), abs=0.01)


@pytest.mark.slow
def test_space_through_a_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    features = many(1000)
    settings = {"iterations": 80, "components": 3}
    by_pairs = mapped(features, **settings)
    monkeypatch.setitem(layout.PAIRS_UP_TO, 3, 500)
    monkeypatch.setattr(field, "LARGEST", 48)  # so that a small map meets widened steps too
    by_grid = {mapped(features, threads, **settings).tobytes() for threads in (1, 2)}
    assert len(by_grid) == 1
    coords = np.frombuffer(by_grid.pop(), np.float32).reshape(1000, 3)
    assert trust(features, coords) == pytest.approx(trust(features, by_pairs), abs=0.01)


@pytest.mark.parametrize("components", [1, 2, 3])
@pytest.mark.parametrize("n", [4, 5, 90, PAIRS_UP_TO + 1])
def test_every_size_and_dimension(n: int, components: int) -> None:
    coords = mapped(many(n), perplexity=max(min(30, (n - 1) / 3), 1), components=components, **SHORT)
    assert coords.shape == (n, components)
    assert coords.dtype == np.float32
    assert np.isfinite(coords).all()
    np.testing.assert_allclose(coords.mean(axis=0, dtype=float), 0, atol=1e-3 * np.ptp(coords))


@pytest.mark.parametrize(
    "kind",
    ["constant", "duplicates", "two values", "one column", "zero columns", "heavy tails", "outlier", "hub", "huge"],
)
def test_awkward_features(kind: str) -> None:
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(400, 20))
    features = {
        "constant": np.full((400, 20), 3.5),
        "duplicates": np.repeat(normal[:8], 50, axis=0),
        "two values": np.repeat([[0.0], [1.0]], 200, axis=0),
        "one column": normal[:, :1],
        "zero columns": normal * (np.arange(20) < 2),
        "heavy tails": rng.standard_cauchy((400, 20)) ** 3,
        "outlier": np.where(np.arange(400)[:, None] == 3, 1e30, normal),
        "hub": np.where(np.arange(400)[:, None] == 3, 0, normal),
        "huge": normal * 1e150,
    }[kind]
    coords = mapped(features, iterations=200)
    assert np.isfinite(coords).all()
    assert np.abs(coords).max() < 1e4
    if kind == "duplicates":
        copies = coords.reshape(8, 50, 2)
        assert copies.std(axis=1).mean() < 0.5 * copies.mean(axis=1).std()


@pytest.mark.parametrize("perplexity", [5.0, *(pytest.param(p, marks=pytest.mark.slow) for p in (100.0, 500.0))])
def test_small_and_large_perplexities(perplexity: float) -> None:
    features = many(1600)
    assert trust(features, mapped(features, perplexity=perplexity, iterations=250)) > 0.88


def test_random_start_and_seed() -> None:
    features = many(300)
    one, other = (mapped(features, init="random", seed=seed, **SHORT) for seed in (0, 1))
    assert one.tobytes() != other.tobytes()


def test_two_maps_at_once_do_not_disturb_each_other() -> None:
    from concurrent.futures import ThreadPoolExecutor

    features = many(300)
    alone = mapped(features, **SHORT).tobytes()
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: mapped(features, **SHORT).tobytes(), range(2)))
    assert both == [alone, alone]


COUNT_COMPILED_FORMS = """
import pkgutil, importlib, numpy as np
import selfscope.embedding.engine as engine
from selfscope.embedding.engine import neighbours
from selfscope.embedding.tsne import TSNE
from numba.core.dispatcher import Dispatcher
neighbours.ALL_PAIRS = 2500
rng = np.random.default_rng(0)
for n in (40, 2100, 2600):
    for kind in (np.float32, np.float64):
        TSNE(perplexity=10, n_iter=60)(rng.normal(size=(n, 10)).astype(kind))
        TSNE(n_components=1, perplexity=10, n_iter=60, init="random")(rng.normal(size=(n, 10)).astype(kind))
for info in pkgutil.iter_modules(engine.__path__):
    module = importlib.import_module(f"{engine.__name__}.{info.name}")
    for name, value in vars(module).items():
        if isinstance(value, Dispatcher) and value.py_func.__module__ == module.__name__:
            print(name, len(value.signatures))
"""


@pytest.mark.slow
def test_nothing_is_compiled_twice(tmp_path: Path) -> None:
    """Several compiled forms of one function would double the wait of a first call."""
    out = _run(COUNT_COMPILED_FORMS)
    forms = dict(line.split() for line in out.splitlines())
    assert len(forms) > 15
    assert {name for name, count in forms.items() if int(count) > 1} == set()


@pytest.mark.slow
def test_a_read_only_installation_works(tmp_path: Path) -> None:
    """With no folder to write to, the functions are compiled anew."""
    code = """
import numba.core.caching as caching
class Nowhere:
    @classmethod
    def from_function(cls, function, file):
        return None
caching.CacheImpl._locator_classes = [Nowhere]
from selfscope.embedding.engine.compiled import compiled
def double(x):
    return x + x
print(compiled(double)(2))
"""
    assert _run(code).strip() == "4"


def _run(code: str) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
