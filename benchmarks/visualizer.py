"""Drawing and storing: milliseconds a call, beside MMSelfSup's visualizer where it is installed.

    python benchmarks/visualizer.py --peer-python OTHER_ENVIRONMENT/bin/python

The other environment needs mmselfsup 1.0.0, mmengine 0.10.7, mmcv-lite 2.0.1, mmcls 1.0.0rc6, setuptools < 81. Both
sides run in turn, `--rounds` times; medians and their ratio are printed. See `visualizer_calls.py` for what is timed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

CALLS = Path(__file__).with_name("visualizer_calls.py")


def milliseconds(python: str, side: str) -> dict[str, float]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run([python, str(CALLS), side], capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise SystemExit(f"{python} {CALLS} {side}\nended with {done.returncode}:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    ours, theirs = [], []
    for _ in range(options.rounds):
        ours.append(milliseconds(sys.executable, "ours"))
        if options.peer_python:
            theirs.append(milliseconds(options.peer_python, "peer"))
    print(f"{'milliseconds a call':34s} {'selfscope':>10s} {'peer':>10s} {'times':>8s}")
    for name in ours[0]:
        own = statistics.median(round_[name] for round_ in ours)
        line = f"{name:34s} {own:10.4f}"
        if theirs:
            other = statistics.median(round_[name] for round_ in theirs)
            line += f" {other:10.4f} {other / own:8.1f}"
        print(line)


if __name__ == "__main__":
    main()
