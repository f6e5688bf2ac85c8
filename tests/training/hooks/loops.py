"""A training loop small enough to read: what hooks are called with, and nothing else."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from selfscope.training.hooks.calls import Hooks


class Scalars:
    """A visualizer that remembers."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, dict[str, float]]] = []
        self.files: set[str | None] = set()
        self.records: list[Any] = []
        self.closed: list[str] = []

    def add_scalars(self, scalars: dict[str, float], step: int, file_path: str | None = None) -> None:
        self.lines.append((step, dict(scalars)))
        self.files.add(file_path)

    def write(self, record: Any) -> None:
        self.records.append(record)

    def close(self, status: str) -> None:
        self.closed.append(status)


def make_runner(length: int = 4, epochs: int | None = 2, **values: Any) -> SimpleNamespace:
    state = {
        "iter": 0,
        "epoch": 0,
        "max_iters": length * (epochs or 1),
        "max_epochs": epochs,
        "train_dataloader": range(length),
        "val_dataloader": range(3),
        "visualizer": Scalars(),
        "work_dir": Path("runs/20260101_000000"),
        "cfg": {},
        "rank": 0,
        "device": "cpu",
        "seed": 0,
        "logger": logging.getLogger("selfscope.test"),
        "timing": {"time": 0.5, "data_time": 0.125},
        "numbers": {"lr": 0.01},
    }
    return SimpleNamespace(**{**state, **values})


def run(hooks: Hooks, runner: Any, losses: Any) -> None:
    """One call of `losses(step)` an iteration, between the points of the loop."""
    hooks.call("before_run", runner)
    hooks.call("before_train", runner)
    while runner.iter < runner.max_iters:
        hooks.call("before_train_epoch", runner)
        for batch_idx in range(len(runner.train_dataloader)):
            hooks.call("before_train_iter", runner, batch_idx=batch_idx, data_batch=None)
            outputs = losses(runner.iter + 1)
            hooks.call("after_train_iter", runner, batch_idx=batch_idx, data_batch=None, outputs=outputs)
            runner.iter += 1
        hooks.call("after_train_epoch", runner)
        runner.epoch += 1
    hooks.call("after_train", runner)
    hooks.call("after_run", runner)
