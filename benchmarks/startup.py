"""Start-up: `import selfscope` and `selfscope --help`, beside importing MMEngine where it is installed.

python benchmarks/startup.py --peer-python OTHER_ENVIRONMENT/bin/python
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from pathlib import Path

from side_by_side import compare

TIMED = "import time; t = time.perf_counter(); import {name}; print(time.perf_counter() - t)"


def import_seconds(python: str, name: str, rounds: int) -> float:
    """Median seconds of the import statement alone, in new processes."""
    command = [python, "-c", TIMED.format(name=name)]
    runs = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(rounds + 1)]
    return statistics.median(float(run.split()[-1]) for run in runs[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer-python", help="interpreter of an environment with mmengine 0.10.7")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    print(f"import selfscope    {import_seconds(sys.executable, 'selfscope', options.rounds):.4f} s")
    if options.peer_python:
        for name in ("mmengine.visualization", "mmselfsup"):
            print(f"import {name:24s} {import_seconds(options.peer_python, name, options.rounds):.4f} s")
    command = str(Path(sys.executable).with_name("selfscope"))
    compare("selfscope --help", [command, "--help"], None, options.rounds)


if __name__ == "__main__":
    main()
