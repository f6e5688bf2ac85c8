"""`LoggerHook`: what a step gave goes to the Visualizer, and smoothed to the console."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from selfscope.errors import UsageError
from selfscope.store.writer import status_after
from selfscope.training.hooks.history import History, LogProcessor
from selfscope.training.hooks.hook import Hook
from selfscope.training.hooks.line import Moment, metrics_line, training_line
from selfscope.training.hooks.readings import Readings


class LoggerHook(Hook):
    """Every `interval` iterations: loss terms, learning rate, gradient norm, times, ETA and memory of that very step.

    `visualizer.add_scalars(…, step=iter + 1)` gets each step's own values, the console (through `runner.logger`) their
    means over the `log_processor`'s window, in MMEngine's form. Values on a CUDA device are not waited for: they are
    logged once they have arrived, under their own step. `ignore_last` leaves out the last iterations of an epoch that
    do not fill an interval. The run's name is said every `interval_exp_name` iterations. `log_metric_by_epoch` puts
    validation metrics at the epoch in place of the iteration. `out_dir` gets a copy of the run's files with
    `out_suffix` when it is over, for which the Visualizer is closed. The run folder stays
    whole: `keep_local=False`, which took these files out of it, is refused.

    In seconds: `time` (an iteration, and the hooks since the one before), `data_time` (waiting for data, part of it),
    `eta`. In MB: `memory`, the most that tensors took on a CUDA device, else the most that this process took.
    """

    priority = "BELOW_NORMAL"

    def __init__(
        self,
        interval: int = 10,
        ignore_last: bool = True,
        interval_exp_name: int = 1000,
        out_dir: str | os.PathLike[str] | None = None,
        out_suffix: Sequence[str] | str = (".json", ".log", ".py", "yaml"),
        keep_local: bool = True,
        file_client_args: Any = None,
        log_metric_by_epoch: bool = True,
        backend_args: Any = None,
    ) -> None:
        for name, value in (("interval", interval), ("interval_exp_name", interval_exp_name)):
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise UsageError(f"LoggerHook: {name} must be a whole number above 0, got {value!r}")
        if file_client_args is not None or backend_args is not None:
            raise UsageError(
                "LoggerHook copies to folders only: leave out file_client_args and backend_args, and give out_dir"
            )
        if not keep_local:
            raise UsageError(
                "LoggerHook: keep_local=False would take files out of the run folder: copy, then delete it"
            )
        self.interval = interval
        self.ignore_last = ignore_last
        self.interval_exp_name = interval_exp_name
        self.out_dir = None if out_dir is None else Path(out_dir)
        self.out_suffix = (out_suffix,) if isinstance(out_suffix, str) else tuple(out_suffix)
        self.log_metric_by_epoch = log_metric_by_epoch
        self.json_log_path: str | None = None
        """The file below the local backend's folder that gets every line of numbers too, as in MMEngine."""
        self._readings: Readings[tuple[Moment, float | None, bool]] = Readings()
        self._start(LogProcessor())

    def before_run(self, runner: Any) -> None:
        self._start(LogProcessor.from_config((runner.cfg or {}).get("log_processor")))
        if runner.work_dir is not None:
            self.json_log_path = f"{_folder(runner).name}.json"
        if self.out_dir is not None:
            runner.logger.info(
                "Text logs will be saved to %s after the training process.", self.out_dir / _name(runner)
            )

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Mapping[str, Any] | None = None
    ) -> None:
        length = len(runner.train_dataloader)
        moment = Moment(runner.iter + 1, runner.epoch + 1, batch_idx % length + 1, length)
        self._seconds += runner.timing["time"]
        self._steps += 1
        left = None if runner.max_iters is None else runner.max_iters - moment.step
        eta = None if left is None else self._seconds / self._steps * left
        numbers = {**runner.numbers, **runner.timing, **(outputs or {})}
        self._readings.put((moment, eta, self._due(moment)), numbers)
        last = moment.inner == moment.length or moment.step == runner.max_iters
        self._log_arrived(runner, wait=last)
        if runner.work_dir is not None and (last or self.every_n_train_iters(runner, self.interval_exp_name)):
            runner.logger.info("Exp name: %s", _name(runner))

    def after_train(self, runner: Any) -> None:
        self._log_arrived(runner, wait=True)

    def after_val_epoch(self, runner: Any, metrics: Mapping[str, float] | None = None) -> None:
        length = len(runner.val_dataloader)
        runner.logger.info(metrics_line("val", metrics or {}, runner.epoch, length, self._processor.num_digits))
        step = runner.epoch if self.log_metric_by_epoch else runner.iter
        if metrics:
            runner.visualizer.add_scalars(self._tags(metrics, "val"), step=step, file_path=self.json_log_path)

    def after_test_epoch(self, runner: Any, metrics: Mapping[str, float] | None = None) -> None:
        length = len(runner.test_dataloader)
        runner.logger.info(metrics_line("test", metrics or {}, runner.epoch, length, self._processor.num_digits))

    def after_run(self, runner: Any) -> None:
        self._log_arrived(runner, wait=True)
        if self.out_dir is None or runner.rank != 0:
            return
        runner.visualizer.close(status=status_after(sys.exc_info()[1]))
        folder, target = _folder(runner), self.out_dir / _name(runner)
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name.endswith(self.out_suffix):
                copy = target / path.relative_to(folder)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, copy)
                runner.logger.info("%s is in %s", path, copy)

    def _start(self, processor: LogProcessor) -> None:
        self._processor, self._history = processor, History(processor)
        self._seconds, self._steps = 0.0, 0

    def _due(self, moment: Moment) -> bool:
        if self.every_n_inner_iters(moment.inner - 1, self.interval):
            return True
        return moment.inner == moment.length and (not self.ignore_last or moment.length <= self.interval)

    def _log_arrived(self, runner: Any, *, wait: bool) -> None:
        for (moment, eta, due), numbers in self._readings.arrived(wait=wait):
            self._history.add(numbers)
            if due:
                self._log(runner, moment, eta, numbers)

    def _log(self, runner: Any, moment: Moment, eta: float | None, numbers: Mapping[str, float]) -> None:
        memory = _memory(runner.device)
        extra = self._history.statistics(moment.step, moment.inner)
        own = {
            **numbers,
            **extra,
            **({} if eta is None else {"eta": eta}),
            **memory,
            "epoch": moment.epoch,
            "iter": moment.step,
        }
        runner.visualizer.add_scalars(self._tags(own, "train"), step=moment.step, file_path=self.json_log_path)
        if runner.rank == 0:
            by_epoch = self._processor.by_epoch
            line = training_line(
                moment,
                {**self._history.smoothed(list(numbers)), **extra, **memory},
                max_epochs=runner.max_epochs,
                max_iters=runner.max_iters,
                by_epoch=_counts_epochs(runner) if by_epoch is None else by_epoch,
                eta=eta,
                digits=self._processor.num_digits,
            )
            runner.logger.info(line)

    def _tags(self, numbers: Mapping[str, float], mode: str) -> dict[str, float]:
        if not self._processor.log_with_hierarchy:
            return dict(numbers)
        return {f"{mode}/{name}": value for name, value in numbers.items()}


def _folder(runner: Any) -> Path:
    """The run's own: below the work directory, or that itself."""
    return Path(getattr(runner, "run_dir", None) or runner.work_dir).resolve()


def _name(runner: Any) -> str:
    """`<work directory>_<run>`, as MMEngine names experiments."""
    work, own = Path(runner.work_dir).resolve(), _folder(runner)
    return own.name if own == work else f"{work.name}_{own.name}"


def _counts_epochs(runner: Any) -> bool:
    return runner.max_epochs is not None and "max_iters" not in ((runner.cfg or {}).get("train_cfg") or {})


def _memory(device: Any) -> dict[str, float]:
    """Nothing where the system does not tell."""
    if getattr(device, "type", device) == "cuda":
        import torch

        return {"memory": torch.cuda.max_memory_allocated(device) / 2**20}
    try:
        import resource
    except ImportError:  # Windows
        return {}
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"memory": most / (2**20 if sys.platform == "darwin" else 2**10)}
