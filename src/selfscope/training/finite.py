"""Notices a loss that is not finite, without making a GPU wait at every step."""

from __future__ import annotations

import torch
from torch import Tensor

from selfscope.errors import TrainingError

CHECK_EVERY = 20
"""Steps between two looks on devices where looking waits; on the CPU every step is looked at."""


class FiniteLoss:
    """Remembers, on the loss's device, the first step whose loss was NaN or infinite."""

    def __init__(self, device: torch.device) -> None:
        self._first = torch.full((), -1, dtype=torch.int64, device=device)
        self._waits = device.type != "cpu"

    def see(self, loss: Tensor, step: int) -> None:
        """`step` counts from 1. Raises at once on the CPU, elsewhere at the latest after `CHECK_EVERY` steps."""
        if self._waits:
            bad = ~torch.isfinite(loss.detach()) & (self._first < 0)
            self._first = torch.where(bad, torch.full_like(self._first, step), self._first)
            if step % CHECK_EVERY == 0:
                self.check()
        elif not torch.isfinite(loss.detach()):
            raise _refusal(step)

    def check(self) -> None:
        """Looks now: before a checkpoint is written, and at the end."""
        if self._waits and (step := int(self._first)) >= 0:
            raise _refusal(step)


def _refusal(step: int) -> TrainingError:
    return TrainingError(
        f"the loss is not finite at step {step}; nothing was saved after it. Look at loss and grad_norm of the steps "
        f"before: a lower lr, a longer warm-up, clip_grad, or bfloat16 in place of float16 are the usual cures"
    )
