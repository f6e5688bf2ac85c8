"""The run folder: a million lines of scalars written through a Visualizer and its Writer alone, and read back filtered.

    python benchmarks/run_folder.py [LINES]

MMEngine's local backend writes 29 to 42 thousand lines a CPU second on a comparable core, and has no reader.
"""

from __future__ import annotations

import sys
import tempfile
import time

from selfscope import Visualizer, open_run
from selfscope.records import Scalars
from selfscope.store.writer import Writer


def main(lines: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cpu, wall = time.process_time(), time.perf_counter()
        with Writer(f"{folder}/writer") as writer:
            for step in range(lines):
                writer.write(Scalars({"loss": 0.5 * step, "lr": 0.1}, step))
        report(f"Writer, {lines:,} lines", cpu, wall)
        cpu, wall = time.process_time(), time.perf_counter()
        with Visualizer(vis_backends=[{"type": "LocalVisBackend"}], save_dir=f"{folder}/visualizer") as visualizer:
            for step in range(lines):
                visualizer.add_scalars({"loss": 0.5 * step, "lr": 0.1}, step)
        report(f"Visualizer, {lines:,} lines", cpu, wall)
        run = open_run(f"{folder}/visualizer")
        for title, tag in (("one tag", "loss"), ("all tags", None)):
            cpu, wall = time.process_time(), time.perf_counter()
            run.scalars(tag)
            report(f"read {title}", cpu, wall)


def report(title: str, cpu: float, wall: float) -> None:
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(f"{title:32s} {cpu:6.2f} s CPU {wall:6.2f} s wall")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
