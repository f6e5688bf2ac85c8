"""The map: selfscope beside openTSNE and manifolds-rs, alternately, from features to coords, with KL and recall.

python benchmarks/tsne.py --peer-python PEERS/bin/python                        synthetic features, 10,000 × 768
python benchmarks/tsne.py --peer-python PEERS/bin/python --n 10000 50000 --features F.npy … --rounds 3 --curve

PEERS is an environment with `pip install openTSNE manifolds-rs`. Each run is a process of its own; its warm-up, and
with it all compilation, is not counted, and the first-ever compilation is reported apart. Ratios are of neighbours in
time; KL and recall are measured on exact affinities of the given features, the same for every engine. `--curve` adds
other numbers of iterations of every engine, in turn: seconds against KL and recall. Run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from tsne_yardstick import Yardstick

HERE = Path(__file__).parent
CURVE = {"selfscope": (150, 250, 400, 1000), "openTSNE": (400, 750, 1500), "manifolds-rs": (300, 750, 1500)}
"""Iterations, in all stages together; in the middle each engine's own choice."""
TARGETS = {"openTSNE": 15.0, "manifolds-rs": 3.0}


def synthetic(n: int, dimensions: int = 768, classes: int = 100, seed: int = 0, draw: int = 0) -> np.ndarray:
    """`(n, dimensions)` float32: classes with few degrees of freedom, bent by a random layer, under noise.

    `seed` makes the classes, `draw` further points of them.
    """
    rng = np.random.default_rng(seed)
    centres, first = rng.normal(size=(classes, 20)), rng.normal(size=(20, 256)) / 4
    offset, last = rng.normal(size=256) / 2, rng.normal(size=(256, dimensions)) / 16
    rng = np.random.default_rng([seed, draw])
    latent = centres[rng.integers(0, classes, n)] + rng.normal(size=(n, 20)) * np.arange(1, 21) ** -0.5
    features = np.maximum(latent @ first + offset, 0) @ last
    return (features + 0.35 * features.std() * rng.normal(size=features.shape)).astype(np.float32)


def run(python: str, engine: str, features: Path, coords: Path, *iterations: int) -> tuple[float, float]:
    """Wall and CPU seconds of the engine's call."""
    command = [python, str(HERE / "tsne_engines.py"), engine, str(features), str(coords), *map(str, iterations)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr[-2000:]}")
    wall, worked = map(float, done.stdout.split()[-2:])
    return wall, worked


def first_compilation(features: Path) -> tuple[float, float]:
    """Seconds of a whole process that maps 2,500 points, with an empty compile cache and with a full one."""
    code = (
        "import sys, numpy; from selfscope.embedding.tsne import TSNE; TSNE(n_iter=50)(numpy.load(sys.argv[1])[:2500])"
    )
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
        times = []
        for _ in range(2):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code, str(features)], env=environment, check=True)
            times.append(time.perf_counter() - start)
    return times[0], times[1]


def compare(features: Path, engines: dict[str, str], options: argparse.Namespace, folder: Path) -> None:
    """`engines`: which Python runs which."""
    yardstick = Yardstick.of(np.load(features).astype(np.float32))
    print(f"\n{features.name}: {np.load(features, mmap_mode='r').shape}", flush=True)
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    worked = dict.fromkeys(engines, 0.0)
    for _ in range(options.rounds):
        for name, python in engines.items():
            wall, cpu = run(python, name, features, folder / f"{name.replace('/', '-')}.npy")
            seconds[name].append(wall)
            worked[name] += cpu / options.rounds
    measured = {name: yardstick(np.load(folder / f"{name.replace('/', '-')}.npy")) for name in engines}
    for name, times in seconds.items():
        ratio = statistics.median(b / a for a, b in zip(seconds["selfscope"], times, strict=True))
        spread = f"{statistics.median(times):7.2f} s ({min(times):.2f}..{max(times):.2f})"
        cost = f"{spread:26s} × {ratio:5.1f}   CPU {worked[name]:6.2f} s"
        divergence, recall = measured[name]
        target = TARGETS.get(name.partition("/")[0])
        better = divergence > measured["selfscope"][0] and recall <= measured["selfscope"][1] + 5e-4
        verdict = "" if target is None else f"   {'holds' if better and ratio >= target else 'MISSES'} × {target:g}"
        print(f"{name:18s} {cost}   KL {divergence:.3f}   recall@10 {recall:.3f}{verdict}", flush=True)
    if options.curve:
        curve(features, engines, yardstick, options.rounds, folder)


def curve(features: Path, engines: dict[str, str], yardstick: Yardstick, rounds: int, folder: Path) -> None:
    """Seconds against KL and recall; the engines in turn, and so again in every round."""
    runs = [
        (name, iterations)
        for place in range(max(map(len, CURVE.values())))
        for name in engines
        for iterations in CURVE[name.partition("/")[0]][place : place + 1]
    ]
    seconds: dict[tuple[str, int], list[float]] = {each: [] for each in runs}
    for _ in range(rounds):
        for name, iterations in runs:
            out = folder / f"{name.replace('/', '-')}_{iterations}.npy"
            seconds[name, iterations].append(run(engines[name], name, features, out, iterations)[0])
    print("  iterations    seconds   KL      recall@10")
    for name, iterations in sorted(runs):
        divergence, recall = yardstick(np.load(folder / f"{name.replace('/', '-')}_{iterations}.npy"))
        took = statistics.median(seconds[name, iterations])
        print(f"  {name:18s} {iterations:5d} {took:8.2f}   {divergence:.3f}   {recall:.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", help="interpreter of an environment with openTSNE and manifolds-rs")
    parser.add_argument("--peers", nargs="*", default=["openTSNE", "manifolds-rs/50", "manifolds-rs/200"])
    parser.add_argument("--features", nargs="*", type=Path, default=[], help="(N, D) .npy files")
    parser.add_argument("--n", nargs="*", type=int, help="sizes of synthetic sets; 10000 where no files are given")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--curve", action="store_true", help="other numbers of iterations too")
    options = parser.parse_args()
    peers = options.peers if options.peer_python else []
    engines = {"selfscope": sys.executable, **dict.fromkeys(peers, options.peer_python)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = list(options.features)
        for n in options.n if options.n is not None else [10_000] * (not files):
            files.append(folder / f"synthetic_{n}.npy")
            np.save(files[-1], synthetic(n))
        cold, warm = first_compilation(files[0])
        print(f"a whole process on 2,500 points: {cold:.1f} s with nothing compiled, {warm:.1f} s from then on")
        for features in files:
            compare(features, engines, options, folder)


if __name__ == "__main__":
    main()
