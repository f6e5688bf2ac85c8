"""Hooks in a loop of one's own: what they are given, and that the loop is none the wiser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from selfscope.errors import UsageError
from selfscope.store.reader import open_run
from selfscope.training.hooks.hook import Hook
from selfscope.training.hooks.logger import LoggerHook
from selfscope.training.integrations.plain import Watch
from selfscope.visualization.visualizer import Visualizer

BATCHES = [torch.full((2, 3), float(i)) for i in range(3)]


class Points(Hook):
    def __init__(self) -> None:
        self.seen: list[Any] = []

    def before_train(self, runner: Any) -> None:
        self.seen.append(("before_train", runner.iter, runner.epoch))

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        self.seen.append(("before", runner.iter, batch_idx, float(data_batch.mean())))

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        assert not outputs["loss"].requires_grad
        assert runner.timing["time"] >= runner.timing["data_time"] >= 0
        self.seen.append(("after", runner.iter, batch_idx, runner.numbers["lr"]))

    def after_train_epoch(self, runner: Any) -> None:
        self.seen.append(("epoch", runner.iter, runner.epoch))

    def after_run(self, runner: Any) -> None:
        self.seen.append(("run", runner.iter, runner.epoch))


def train(watch: Watch, model: torch.nn.Module, optimizer: torch.optim.Optimizer, epochs: int = 2) -> list[float]:
    losses = []
    for _ in range(epochs):
        for batch in watch(BATCHES):
            loss = model(batch).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            watch.step(loss=loss)
            losses.append(loss.item())
    return losses


def parts() -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 1)
    return model, torch.optim.SGD(model.parameters(), lr=0.1)


def test_points_come_in_the_order_of_a_run_of_ours(tmp_path: Path) -> None:
    model, optimizer = parts()
    points = Points()
    with Watch(model, tmp_path, optimizer=optimizer, epochs=2, hooks=[points]) as watch:
        train(watch, model, optimizer)
    steps = [[("before", e * 3 + i, i, float(i)), ("after", e * 3 + i, i, 0.1)] for e in range(2) for i in range(3)]
    flat = [one for step in steps for one in step]
    assert points.seen == [
        ("before_train", 0, 0),
        *flat[:6],
        ("epoch", 3, 0),
        *flat[6:],
        ("epoch", 6, 1),
        ("run", 6, 2),
    ]


def test_every_loss_is_in_the_run(tmp_path: Path) -> None:
    model, optimizer = parts()
    with Watch(model, tmp_path, optimizer=optimizer, epochs=2) as watch:
        losses = train(watch, model, optimizer)
    run = open_run(tmp_path)
    assert run.status == "finished"
    assert run.scalars("loss").step.tolist() == [1, 2, 3, 4, 5, 6]
    assert run.scalars("loss").value.tolist() == losses
    assert run.scalars("eta").value[-1] == 0
    assert run.scalars("lr").value.tolist() == [0.1] * 6


def test_a_visualizer_of_ones_own_stays_open_and_a_failure_is_told(tmp_path: Path) -> None:
    model, optimizer = parts()
    with Visualizer(vis_backends=[{"type": "LocalVisBackend"}], save_dir=str(tmp_path)) as visualizer:
        with Watch(model, visualizer=visualizer, optimizer=optimizer, hooks=[LoggerHook(interval=1)]) as watch:
            train(watch, model, optimizer, epochs=1)
        assert not visualizer.closed
    assert open_run(tmp_path).scalars("loss").step.tolist() == [1, 2, 3]

    def fail() -> None:
        with Watch(model, tmp_path / "failed") as watch:
            for _ in watch(BATCHES):
                watch.step(loss=1.0)
                raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        fail()
    run = open_run(tmp_path / "failed")
    assert run.status == "failed"
    assert run.scalars("loss").value.tolist() == [1.0]


def test_what_cannot_be_meant_is_refused(tmp_path: Path) -> None:
    model, _ = parts()
    with pytest.raises(UsageError, match="a folder for the run"):
        Watch(model)
    with Watch(model, tmp_path) as watch:
        with pytest.raises(UsageError, match="once a batch"):
            watch.step(loss=1.0)
        with pytest.raises(UsageError, match="must have a length"):
            next(watch(iter(BATCHES)))
