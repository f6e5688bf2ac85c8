"""`train` called from Python: hooks and a Visualizer as objects, and the seed in `run.json`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import selfscope
from selfscope.errors import UsageError
from selfscope.training.engine import TrainOptions, train
from selfscope.training.loop import Stop
from selfscope.visualization.visualizer import Visualizer
from tests.training.small import losses, small_config

HERE = TrainOptions(device="cpu")


class Counts(selfscope.Hook):
    """Writes down who is called when."""

    def __init__(self, name: str, calls: list[tuple[str, int]], priority: str = "NORMAL") -> None:
        self.name, self.calls, self.priority = name, calls, priority

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        self.calls.append((self.name, runner.iter))


class Plain:
    """No subclass of anything: its method is enough."""

    def __init__(self) -> None:
        self.epochs: list[int] = []

    def after_train_epoch(self, runner: Any) -> None:
        self.epochs.append(runner.epoch)


class Misspelt:
    def after_train_batch(self, runner: Any) -> None: ...


@pytest.fixture
def root(photos: Callable[..., Path]) -> Path:
    return photos(classes=2, each=2)


def info(run: Path) -> dict[str, Any]:
    return json.loads((run / "run.json").read_text(encoding="utf-8"))


def test_hooks_are_called_beside_the_configs_by_priority(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def log(hook: Any, runner: Any, batch_idx: int, data_batch: Any, outputs: Any) -> None:
        calls.append(("config", runner.iter))

    calls: list[tuple[str, int]] = []
    plain = Plain()
    monkeypatch.setattr(selfscope.LoggerHook, "after_train_iter", log)
    train(
        small_config(root, max_epochs=2),
        tmp_path,
        HERE,
        hooks=[Counts("late", calls, "LOW"), Counts("early", calls, "HIGH"), plain],
    )
    assert calls == [(name, step) for step in (0, 1) for name in ("early", "config", "late")]
    assert plain.epochs == [0, 1]


@pytest.mark.parametrize(
    ("hook", "message"),
    [
        (Misspelt(), r"Misspelt.after_train_batch is no point .* Did you mean 'after_train_iter'"),
        (object(), "object has none of the methods that a hook may have"),
        (Plain, r"Plain is a class: add Plain\(…\)"),
    ],
)
def test_what_is_no_hook_is_refused_before_anything_is_made(
    root: Path, tmp_path: Path, hook: Any, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        train(small_config(root), tmp_path / "work", HERE, hooks=[hook])
    assert not (tmp_path / "work").exists()


def test_a_visualizer_of_ones_own_stores_the_run_and_stays_open(root: Path, tmp_path: Path) -> None:
    own = tmp_path / "my run"
    with Visualizer(vis_backends=[{"type": "LocalVisBackend"}], save_dir=own) as visualizer:
        result = train(small_config(root, max_epochs=2), tmp_path / "work", HERE, visualizer=visualizer)
        visualizer.add_scalar("afterwards", 1.0, 7)
    usual = train(small_config(root, max_epochs=2), tmp_path / "usual", HERE)
    assert result.run == own
    assert losses(own) == losses(usual.run)
    assert selfscope.open_run(own).scalars("afterwards").value.tolist() == [1.0]
    assert [path.name for path in (tmp_path / "work").iterdir() if path.is_dir()] == []
    assert (info(own)["status"], info(own)["seed"]) == ("finished", 7)


@pytest.mark.slow
def test_stopped_and_resumed_with_a_visualizer_of_ones_own(root: Path, tmp_path: Path) -> None:
    stop = Stop()

    def progress(state: Any, loss: Any) -> None:
        stop.asked = state.iter == 2

    whole = train(small_config(root, max_epochs=4), tmp_path / "whole", HERE)
    for options, name in ((HERE, "first"), (TrainOptions(device="cpu", resume="auto"), "second")):
        with Visualizer(vis_backends=[{"type": "LocalVisBackend"}], save_dir=tmp_path / name) as visualizer:
            config = small_config(root, max_epochs=4)
            train(config, tmp_path / "work", options, visualizer=visualizer, stop=stop, progress=progress)
    assert {**losses(tmp_path / "first"), **losses(tmp_path / "second")} == losses(whole.run)
    assert max(losses(tmp_path / "first")) == 2


def test_a_visualizer_that_keeps_nothing_here(root: Path, tmp_path: Path) -> None:
    with Visualizer() as visualizer:
        result = train(small_config(root, max_epochs=1), tmp_path / "work", HERE, visualizer=visualizer)
    assert result.run == tmp_path / "work"
    assert [path.name for path in (tmp_path / "work").iterdir() if path.is_dir()] == []


@pytest.mark.parametrize(
    ("asked", "kept"),
    [(None, 7), pytest.param(5, 5, marks=pytest.mark.slow), pytest.param(0, 0, marks=pytest.mark.slow)],
)
def test_the_seed_stands_in_the_run(root: Path, tmp_path: Path, asked: int | None, kept: int) -> None:
    options = TrainOptions(device="cpu", seed=asked)
    result = train(small_config(root, max_epochs=1), tmp_path, options)
    assert info(result.run)["seed"] == kept
    again = train(small_config(root, max_epochs=2), tmp_path, TrainOptions(device="cpu", resume="auto", seed=asked))
    assert again.run == result.run
    assert info(result.run)["seed"] == kept


def test_a_hook_that_stands_alone_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"hooks: expected a list .*, got Counts: \[hook\]"):
        train(small_config(root), tmp_path / "work", HERE, hooks=Counts("alone", []))  # type: ignore[arg-type]
