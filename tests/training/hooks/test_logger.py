"""What is logged, when, and how the line reads: golden lines are MMEngine 0.10.7's own for the same numbers."""

from __future__ import annotations

import json
import logging
from collections import deque
from pathlib import Path
from typing import Any

import pytest
import torch

from selfscope.errors import ConfigError, UsageError
from selfscope.store.reader import open_run
from selfscope.training.hooks.calls import Hooks
from selfscope.training.hooks.history import History, LogProcessor
from selfscope.training.hooks.line import Moment, metrics_line, training_line
from selfscope.training.hooks.logger import LoggerHook
from selfscope.training.hooks.readings import Readings
from selfscope.visualization.visualizer import Visualizer
from tests.training.hooks.loops import Scalars, make_runner, run

ROWS = [
    {
        "lr": 1e-3 * (i + 1),
        "data_time": 0.001 * i,
        "loss": 1 / (i + 1),
        "loss_cls": 2 / (i + 2),
        "grad_norm": float(i),
        "time": 0.1 + 0.01 * i,
    }
    for i in range(14)
]
REST = (
    "time: 0.1850  data_time: 0.0085  loss: 0.1168  loss_cls: 0.2070  grad_norm: 8.5000  "
    "loss_all: 0.2323  loss_top: 0.0833"
)
CUSTOM = [
    {"data_src": "loss", "log_name": "loss_all", "method_name": "mean", "window_size": "global"},
    {"data_src": "loss", "log_name": "loss_top", "method_name": "max", "window_size": 3},
]


def losses(step: int) -> dict[str, torch.Tensor]:
    return {"loss": torch.tensor(1 / step), "loss_cls": torch.tensor([0.25])}


@pytest.mark.parametrize(
    ("by_epoch", "max_epochs", "max_iters", "eta", "begin"),
    [
        (True, 300, 3000, 4800.7, "Epoch(train)   [2][ 4/10]  lr: 1.4000e-02  eta: 1:20:00  "),
        (True, 5, 50, 90000.2, "Epoch(train) [2][ 4/10]  lr: 1.4000e-02  eta: 1 day, 1:00:00  "),
        (False, 5, 20000, 59.9, "Iter(train) [   14/20000]  lr: 1.4000e-02  eta: 0:00:59  "),
    ],
)
def test_the_line_is_mmengines(by_epoch: bool, max_epochs: int, max_iters: int, eta: float, begin: str) -> None:
    history = History(LogProcessor.from_config({"custom_cfg": CUSTOM}))
    for row in ROWS:
        history.add(row)
    numbers = {**history.smoothed(list(ROWS[0])), **history.statistics(14, 4)}
    line = training_line(
        Moment(14, 2, 4, 10), numbers, max_epochs=max_epochs, max_iters=max_iters, by_epoch=by_epoch, eta=eta
    )
    assert line == begin + REST


def test_metrics_have_a_line_too() -> None:
    assert metrics_line("val", {"acc": 0.91234}, 3, 10) == "Epoch(val) [3][10/10]  acc: 0.9123"


@pytest.mark.parametrize(
    ("options", "length", "steps"),
    [
        ({"interval": 1}, 4, [1, 2, 3, 4, 5, 6, 7, 8]),
        ({"interval": 3}, 4, [3, 7]),
        ({"interval": 3, "ignore_last": False}, 4, [3, 4, 7, 8]),
        ({"interval": 10}, 4, [4, 8]),
        ({"interval": 4}, 4, [4, 8]),
    ],
)
def test_which_iterations_are_logged(options: dict[str, Any], length: int, steps: list[int]) -> None:
    runner = make_runner(length)
    run(Hooks([LoggerHook(**options)]), runner, losses)
    assert [step for step, _ in runner.visualizer.lines] == steps
    assert runner.visualizer.files == {"20260101_000000.json"}


def test_each_step_keeps_its_own_values() -> None:
    runner = make_runner()
    run(Hooks([LoggerHook(interval=2)]), runner, losses)
    step, line = runner.visualizer.lines[2]
    memory = line.pop("memory")
    assert step == 6
    assert line == {
        "lr": 0.01,
        "time": 0.5,
        "data_time": 0.125,
        "loss": float(torch.tensor(1 / 6)),
        "loss_cls": 0.25,
        "eta": 0.5 * 2,
        "epoch": 2,
        "iter": 6,
    }
    assert 20 < memory < 1e6


def test_the_console_line_is_smoothed(caplog: pytest.LogCaptureFixture) -> None:
    runner = make_runner(length=4, epochs=1)
    with caplog.at_level(logging.INFO, "selfscope.test"):
        run(Hooks([LoggerHook(interval=4)]), runner, lambda step: {"loss": float(step)})
    line, name = caplog.messages
    assert line.startswith("Epoch(train) [1][4/4]  lr: 1.0000e-02  eta: 0:00:00  time: 0.5000  data_time: 0.1250  ")
    assert line.endswith("  loss: 2.5000")
    assert name == "Exp name: 20260101_000000"


def test_iteration_loops_count_iterations(caplog: pytest.LogCaptureFixture) -> None:
    runner = make_runner(length=4, epochs=None)
    with caplog.at_level(logging.INFO, "selfscope.test"):
        run(Hooks([LoggerHook(interval=4)]), runner, losses)
    assert caplog.messages[0].startswith("Iter(train) [4/4]  lr")


def test_the_processor_of_the_config_is_used(caplog: pytest.LogCaptureFixture) -> None:
    processor = {"type": "LogProcessor", "window_size": 2, "num_digits": 2, "custom_cfg": CUSTOM}
    runner = make_runner(length=4, epochs=1, cfg={"log_processor": {**processor, "log_with_hierarchy": True}})
    with caplog.at_level(logging.INFO, "selfscope.test"):
        run(Hooks([LoggerHook(interval=4)]), runner, lambda step: {"loss": float(step)})
    assert caplog.messages[0].endswith("loss: 3.50  loss_all: 2.50  loss_top: 4.00")
    (_, line) = runner.visualizer.lines[0]
    assert line["train/loss"] == 4.0
    assert line["train/loss_all"] == 2.5


@pytest.mark.parametrize("by_epoch", [True, False])
def test_validation_metrics_are_logged_by_epoch_or_iteration(by_epoch: bool) -> None:
    runner = make_runner(iter=8, epoch=2)
    LoggerHook(log_metric_by_epoch=by_epoch).after_val_epoch(runner, {"accuracy": 0.5})
    assert runner.visualizer.lines == [(2 if by_epoch else 8, {"accuracy": 0.5})]


class Travelling:
    """A transfer that takes as long as the test says."""

    here_now = False

    def __init__(self, tensors: list[torch.Tensor]) -> None:
        self._values = [float(tensor) for tensor in tensors]

    def here(self) -> bool:
        return self.here_now

    def values(self) -> list[float]:
        return self._values


class Far(torch.Tensor):
    """A tensor that claims to lie on a GPU."""

    is_cuda = True


def far(value: float) -> torch.Tensor:
    return torch.tensor(value).as_subclass(Far)


def test_values_still_on_the_device_are_not_waited_for_and_keep_their_step(monkeypatch: pytest.MonkeyPatch) -> None:
    hook, runner = LoggerHook(interval=1, ignore_last=True), make_runner(length=3, epochs=1)
    hook._readings = Readings(Travelling)
    seen: deque[int] = deque()

    def gpu_losses(step: int) -> dict[str, Any]:
        seen.append(len(runner.visualizer.lines))
        monkeypatch.setattr(Travelling, "here_now", step == 2)
        return {"loss": far(10.0 * step), "scale": 0.5}

    run(Hooks([hook]), runner, gpu_losses)
    assert list(seen) == [0, 0, 2]
    assert [(step, line["loss"], line["scale"]) for step, line in runner.visualizer.lines] == [
        (1, 10.0, 0.5),
        (2, 20.0, 0.5),
        (3, 30.0, 0.5),
    ]
    assert list(runner.visualizer.lines[0][1])[3:5] == ["loss", "scale"]


@pytest.mark.parametrize("value", [torch.zeros(2), "low", [1, 2], None])
def test_what_is_no_number_is_refused_by_name(value: Any) -> None:
    runner = make_runner()
    with pytest.raises(UsageError, match="loss_map: expected one number to log, got a"):
        run(Hooks([LoggerHook()]), runner, lambda step: {"loss_map": value})


@pytest.mark.parametrize(
    "options",
    [{"interval": 0}, {"interval": 1.5}, {"interval_exp_name": True}, {"keep_local": False}, {"backend_args": {}}],
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"LoggerHook.*{next(iter(options))}"):
        LoggerHook(**options)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"windowsize": 3}, "no argument 'windowsize'. Did you mean 'window_size'"),
        ({"window_size": 0}, "window_size must be a whole number above 0"),
        ({"custom_cfg": [{"window_size": 3}]}, "needs data_src"),
        ({"custom_cfg": [{"data_src": "loss", "method": "mean"}]}, "takes no 'method'. Did you mean 'method_name'"),
        ({"custom_cfg": [{"data_src": "loss", "method_name": "median"}]}, "method_name must be one of mean, max"),
        ({"custom_cfg": [{"data_src": "loss", "window_size": "run"}]}, "'epoch' or 'global'"),
        ({"custom_cfg": [{"data_src": "loss"}, {"data_src": "loss"}]}, "names 'loss' twice"),
    ],
)
def test_a_log_processor_that_cannot_be_meant_is_refused(config: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        LogProcessor.from_config(config)


def test_the_empty_entry_of_mmselfsups_default_runtime_means_nothing() -> None:
    given = {"window_size": 10, "custom_cfg": [{"data_src": "", "method": "mean", "window_size": "global"}]}
    assert LogProcessor.from_config(given) == LogProcessor()


def test_a_run_reads_back_and_is_copied_to_out_dir(tmp_path: Path) -> None:
    folder, target = tmp_path / "run 1", tmp_path / "kept"
    with Visualizer(vis_backends=[{"type": "LocalVisBackend"}], save_dir=str(folder)) as visualizer:
        runner = make_runner(visualizer=visualizer, work_dir=str(folder))
        run(Hooks([LoggerHook(interval=1, out_dir=target)]), runner, losses)
        assert visualizer.closed
    loss = open_run(folder).scalars("loss")
    assert loss.step.tolist() == list(range(1, 9))
    assert loss.value.tolist() == [float(torch.tensor(1 / step)) for step in range(1, 9)]
    own = (folder / "vis_data" / "run 1.json").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["step"] for line in own] == list(range(1, 9))
    assert open_run(target / "run 1").status == "finished"
    assert open_run(target / "run 1").scalars("loss").value.tolist() == loss.value.tolist()


def test_only_rank_zero_speaks(caplog: pytest.LogCaptureFixture) -> None:
    runner = make_runner(rank=1)
    with caplog.at_level(logging.INFO, "selfscope.test"):
        run(Hooks([LoggerHook(interval=1)]), runner, losses)
    assert not [line for line in caplog.messages if line.startswith("Epoch")]


def test_the_stand_in_has_what_a_visualizer_has() -> None:
    for name in ("add_scalars", "write", "close"):
        assert callable(getattr(Visualizer, name))
        assert callable(getattr(Scalars, name))
