"""One t-SNE engine on one features file, timed from features to map; run by `tsne.py`, in the engine's own environment.

python tsne_engines.py ENGINE F.npy OUT.npy [ITERATIONS]    prints wall and CPU seconds of the call, after a warm-up
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np

Engine = Callable[[np.ndarray], np.ndarray]


def selfscope(iterations: int | None) -> Engine:
    from selfscope.embedding.tsne import TSNE

    return TSNE(**({} if iterations is None else {"n_iter": iterations}))


def opentsne(iterations: int | None) -> Engine:
    """FIt-SNE's grid, both cores, 250 iterations at exaggeration 12 and 500 more unless told otherwise."""
    from openTSNE import TSNE

    more = {} if iterations is None else {"n_iter": max(iterations - 250, 1)}
    return lambda x: np.asarray(TSNE(negative_gradient_method="fft", n_jobs=-1, random_state=0, **more).fit(x))


def manifolds(iterations: int | None) -> Engine:
    """Its quickest way, after the customary PCA to 50 for synthetic and to 200 for real features (see `tsne.py`)."""
    from manifolds_rs import TSNE

    more = {} if iterations is None else {"n_epochs": iterations}
    return lambda x: np.asarray(TSNE(approx="fft", seed=0, verbose=0, **more).fit_transform(x))


def after_pca(engine: Engine, axes: int) -> Engine:
    def run(x: np.ndarray) -> np.ndarray:
        centred = x - x.mean(axis=0)
        rows = centred[np.random.default_rng(0).permutation(len(x))[:10_000]]
        vectors = np.linalg.eigh(rows.T @ rows)[1][:, ::-1][:, :axes]
        return engine(np.ascontiguousarray(centred @ vectors))

    return run


def named(name: str, iterations: int | None) -> Engine:
    """`selfscope`, `openTSNE`, `manifolds-rs`, or one of them after PCA: `manifolds-rs/50`."""
    base, _, axes = name.partition("/")
    engine = {"selfscope": selfscope, "openTSNE": opentsne, "manifolds-rs": manifolds}[base](iterations)
    return after_pca(engine, int(axes)) if axes else engine


def main() -> None:
    name, source, target = sys.argv[1:4]
    engine = named(name, int(sys.argv[4]) if len(sys.argv) > 4 else None)
    features = np.ascontiguousarray(np.load(source), np.float32)
    engine(features[:2500])
    start, worked = time.perf_counter(), time.process_time()
    coords = engine(features)
    elapsed, worked = time.perf_counter() - start, time.process_time() - worked
    np.save(target, np.asarray(coords, np.float32))
    print(elapsed, worked)


if __name__ == "__main__":
    main()
