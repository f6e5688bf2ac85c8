"""SimSiam's predictor keeps its learning rate while everything else follows the schedule (Chen & He 2021)."""

from __future__ import annotations

from typing import Any

from selfscope.training.hooks.hook import Hook


class SimSiamHook(Hook):
    """Sets `lr` in the optimizer's groups marked `fix_lr`, before each epoch; without `adjust_by_epoch` each step."""

    def __init__(self, fix_pred_lr: bool, lr: float, adjust_by_epoch: bool = True) -> None:
        self.fix_pred_lr, self.lr, self.adjust_by_epoch = fix_pred_lr, lr, adjust_by_epoch

    def before_train_epoch(self, runner: Any) -> None:
        self._fix(runner)

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        if not self.adjust_by_epoch:
            self._fix(runner)

    def _fix(self, runner: Any) -> None:
        for group in runner.optimizer.param_groups if self.fix_pred_lr else ():
            if group.get("fix_lr"):
                group["lr"] = self.lr
