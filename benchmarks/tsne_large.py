"""Large maps: seconds, peak memory, and growth with N; ours alone, no engine beside it is asked for a million.

python benchmarks/tsne_large.py --n 50000 100000 200000              50 dimensions; each size a process of its own
python benchmarks/tsne_large.py --n 1000000 --limit-gib 8            refuses to take more memory than that

The exponent between two sizes is log(time ratio) / log(N ratio): 1 is linear. Features are those of `tsne.py`,
float16 on disk and memory-mapped, as a cache holds them. Recall is measured on 500 sampled points.
"""

from __future__ import annotations

import argparse
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np


def one(path: Path, limit: float | None, iterations: int) -> None:
    """Runs in a process of its own; prints wall and CPU seconds, peak GiB and recall."""
    if limit:
        resource.setrlimit(resource.RLIMIT_DATA, (int(limit * 2**30),) * 2)
    from selfscope.embedding.tsne import TSNE

    features = np.load(path, mmap_mode="r")
    TSNE(n_iter=20)(features[:2500])
    start, worked = time.perf_counter(), time.process_time()
    coords = TSNE(n_iter=iterations)(features)
    wall, cpu = time.perf_counter() - start, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(wall, cpu, peak, recall(features, coords))


def recall(features: np.ndarray, coords: np.ndarray, queries: int = 500) -> float:
    """Share of the 10 nearest in feature space among the 10 nearest on the map, against all points."""
    asked = np.random.default_rng(0).choice(len(features), queries, replace=False)
    found = []
    for points in (features, coords):
        rows = points[asked].astype(np.float32)
        distances = np.empty((queries, len(points)), np.float32)
        for first in range(0, len(points), 50_000):
            block = points[first : first + 50_000].astype(np.float32)
            distances[:, first : first + 50_000] = np.einsum("nd,nd->n", block, block) - 2 * rows @ block.T
        distances[np.arange(queries), asked] = np.inf
        found.append(np.stack([np.argpartition(row, 10)[:10] for row in distances]))  # row by row: places are int64
    return float((found[0][:, :, None] == found[1][:, None, :]).any(axis=2).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", nargs="*", type=int, default=[50_000, 100_000, 200_000])
    parser.add_argument("--dimensions", type=int, default=50)
    parser.add_argument("--iterations", type=int, default=400)
    parser.add_argument("--limit-gib", type=float)
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(options.one, options.limit_gib, options.iterations)
        return
    from tsne import synthetic

    before: tuple[int, float, float] | None = None
    for n in options.n:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "features.npy"
            kept = np.lib.format.open_memmap(path, "w+", np.float16, (n, options.dimensions))
            for first in range(0, n, 50_000):  # the same classes in every part
                rows = min(50_000, n - first)
                kept[first : first + rows] = synthetic(rows, options.dimensions, seed=0, draw=first)
            kept.flush()
            limit = ["--limit-gib", str(options.limit_gib)] if options.limit_gib else []
            command = [sys.executable, __file__, "--one", str(path), "--iterations", str(options.iterations), *limit]
            done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
            if done.returncode:
                raise SystemExit(f"{n}: {done.stderr[-2000:]}")
        wall, cpu, peak, kept_neighbours = map(float, done.stdout.split()[-4:])
        growth = ""
        if before:
            wider = math.log(n / before[0])
            growth = (
                f"   grows as N^{math.log(wall / before[1]) / wider:.2f} (CPU {math.log(cpu / before[2]) / wider:.2f})"
            )
        shown = f"{wall:8.1f} s   CPU {cpu:8.1f} s   {peak:5.2f} GiB   recall@10 {kept_neighbours:.3f}"
        print(f"{n:9,d} × {options.dimensions}  {shown}{growth}", flush=True)
        before = (n, wall, cpu)


if __name__ == "__main__":
    main()
