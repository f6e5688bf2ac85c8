"""Runs two commands in turn, as whole processes, and prints both and their ratio, pair by pair.

Run the benchmarks on a quiet machine. Ratios are the result; seconds belong to one machine.
"""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path


def seconds(command: Sequence[str], cwd: Path | None = None) -> float:
    """Wall seconds of one run; a command that fails is shown and ends the benchmark."""
    start = time.perf_counter()
    done = subprocess.run(list(command), cwd=cwd, capture_output=True, text=True, check=False)
    elapsed = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(
            f"{' '.join(command)}\nended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    return elapsed


def compare(name: str, ours: Sequence[str], theirs: Sequence[str] | None, rounds: int, cwd: Path | None = None) -> None:
    """One warm-up of each, then `rounds` pairs; prints medians, ranges, and the median of the paired ratios."""
    for command in (ours, theirs):
        if command:
            seconds(command, cwd)
    pairs = [(seconds(ours, cwd), seconds(theirs, cwd) if theirs else None) for _ in range(rounds)]
    own = [a for a, _ in pairs]
    line = f"{name:28s} selfscope {_spread(own)}"
    if theirs:
        other = [b for _, b in pairs if b is not None]
        ratios = [a / b for a, b in pairs if b is not None]
        line += f"   peer {_spread(other)}   ratio {statistics.median(ratios):.3f}"
    print(line, flush=True)


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):7.3f} s ({min(values):.3f}..{max(values):.3f})"
