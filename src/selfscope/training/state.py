"""What a training run is at: the `runner` that hooks are given."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from selfscope.training.feed import Feed
from selfscope.training.schedules import Schedules

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from selfscope.visualization.visualizer import Visualizer


@dataclass(eq=False)
class TrainState:
    """Counts and parts of a run, under the names that MMEngine's hooks know them by.

    `iter` and `epoch` count finished ones: both are 0 during the first iteration, and move on after its hooks.
    """

    cfg: Mapping[str, Any]
    model: nn.Module
    """The model itself, without what wraps it for several devices."""
    optimizer: Optimizer
    schedulers: Schedules
    train_dataloader: Feed
    visualizer: Visualizer
    work_dir: Path
    max_iters: int
    max_epochs: int
    seed: int
    fabric: Fabric
    run_dir: Path | None = None
    """The run's own folder below `work_dir`, where the visualizer stores."""
    iter: int = 0
    epoch: int = 0
    timing: dict[str, float] = field(default_factory=dict)
    """Seconds of the iteration: `data_time` waiting for its batch, `time` since the end of the one before, hooks
    between the two included."""
    numbers: dict[str, Any] = field(default_factory=dict)
    """`lr`, and `grad_norm` (a tensor) where gradients are clipped."""
    last_outputs: Mapping[str, Tensor] = field(default_factory=dict)
    logger: logging.Logger = field(default_factory=lambda: logging.getLogger("selfscope.training"))

    @property
    def device(self) -> torch.device:
        return self.fabric.device

    @property
    def rank(self) -> int:
        return self.fabric.global_rank

    @property
    def world_size(self) -> int:
        return self.fabric.world_size

    @property
    def epoch_length(self) -> int:
        """Iterations of one pass over the data."""
        return len(self.train_dataloader)

    @property
    def inner_iter(self) -> int:
        """Finished iterations of the epoch at hand."""
        return self.iter - self.epoch * self.epoch_length
