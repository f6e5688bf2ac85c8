"""Calls hooks from a loop that is not ours, and keeps the state that they ask about."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from selfscope.errors import UsageError
from selfscope.training.hooks.calls import Hooks
from selfscope.visualization.ranks import rank
from selfscope.visualization.visualizer import Visualizer


@dataclass(frozen=True, eq=False)
class Loader:
    """What hooks ask of a loop's own loader: its length, and its data set if it has one."""

    length: int
    dataset: Any = None

    def __len__(self) -> int:
        return self.length


@dataclass(eq=False)
class LoopState:
    """The `runner` that hooks are given in a foreign loop; as in ours, `iter` and `epoch` count finished ones."""

    model: Any
    visualizer: Visualizer
    train_dataloader: Loader
    max_iters: int | None
    """None: the loop does not say."""
    max_epochs: int | None = None
    optimizer: Any = None
    cfg: Mapping[str, Any] | None = None
    work_dir: Path | None = None
    """The run's folder, where it is known."""
    seed: int = 0
    device: Any = "cpu"
    world_size: int = 1
    iter: int = 0
    epoch: int = 0
    rank: int = field(default_factory=rank)
    timing: dict[str, float] = field(default_factory=dict)
    numbers: dict[str, Any] = field(default_factory=dict)
    logger: logging.Logger = field(default_factory=lambda: logging.getLogger("selfscope.training"))


class Driver:
    """`begin`, then for each epoch `begin_epoch`, for each step `begin_iter` and `end_iter`, `end_epoch`, then `end`.

    An iteration is a step of the optimizer, however many batches it took.
    """

    def __init__(self, hooks: Iterable[Any]) -> None:
        self.hooks = Hooks(hooks)
        self._state: LoopState | None = None
        self._mark = self._free = self._waited = 0.0
        self._place = 0

    @property
    def begun(self) -> bool:
        return self._state is not None

    @property
    def state(self) -> LoopState:
        if self._state is None:
            raise UsageError("the training has not begun: call begin first")
        return self._state

    def begin(self, state: LoopState) -> None:
        self._state = state
        self.hooks.call("before_run", state)
        self.hooks.call("before_train", state)

    def begin_epoch(self) -> None:
        self.hooks.call("before_train_epoch", self.state)
        self._mark = self._free = time.perf_counter()
        self._place = 0

    def begin_iter(self, batch: Any = None) -> None:
        self._waited = time.perf_counter() - self._free
        self.hooks.call("before_train_iter", self.state, batch_idx=self._place, data_batch=batch)

    def end_iter(self, outputs: Mapping[str, Any], batch: Any = None) -> None:
        """`outputs`: loss terms, detached, on their device."""
        state, now = self.state, time.perf_counter()
        state.timing, self._mark = {"data_time": self._waited, "time": now - self._mark}, now
        if state.optimizer is not None:
            state.numbers["lr"] = state.optimizer.param_groups[0]["lr"]
        self.hooks.call("after_train_iter", state, batch_idx=self._place, data_batch=batch, outputs=outputs)
        state.iter, self._place = state.iter + 1, self._place + 1
        self._free = time.perf_counter()

    def end_epoch(self) -> None:
        self.hooks.call("after_train_epoch", self.state)
        self.state.epoch += 1

    def end(self) -> None:
        self.hooks.call("after_train", self.state)
        self.hooks.call("after_run", self.state)
