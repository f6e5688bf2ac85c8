"""What a map's numbers cost beside the map itself, in processor seconds: trust, reference, divergence, density, norm.

    python benchmarks/trust.py FEATURES.npy [--rounds 5]

Prints the best of alternating rounds; both sides run in this process, compiled code warm.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from selfscope.embedding import TSNE, neighbours
from selfscope.views.trust import trust


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    features = np.load(asked.features, mmap_mode="r")
    graph = neighbours(features, 90)
    coords = TSNE()(features, neighbours=graph)
    sides: dict[str, Callable[[], object]] = {
        "map": lambda: TSNE()(features),
        "numbers": lambda: trust(features, [coords], metric="euclidean", neighbours=graph),
    }
    best = {name: (float("inf"), float("inf")) for name in sides}
    for _ in range(asked.rounds + 1):  # the first round loads what was compiled
        for name, run in sides.items():
            processor, wall = time.process_time(), time.perf_counter()
            run()
            spent = time.process_time() - processor, time.perf_counter() - wall
            best[name] = min(best[name][0], spent[0]), min(best[name][1], spent[1])
    print(f"{len(features):,} x {features.shape[1]:,} {features.dtype}")
    for name, (processor, wall) in best.items():
        print(f"{name:8} {processor:8.3f} s processor {wall:8.3f} s wall")
    processor, wall = (best["numbers"][i] / best["map"][i] for i in (0, 1))
    print(f"numbers / map: {processor:.1%} processor, {wall:.1%} wall")


if __name__ == "__main__":
    main()
