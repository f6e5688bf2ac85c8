"""The training loop: epochs of iterations, hooks around them, checkpoints between them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from selfscope.training.checkpoints import (
    INTERRUPTED,
    checkpoint_of,
    remove_interrupted,
    remove_old,
    write_checkpoint,
)
from selfscope.training.feed import TrainBatch
from selfscope.training.finite import FiniteLoss
from selfscope.training.hooks.calls import Hooks
from selfscope.training.learning import Learning, draw_masks
from selfscope.training.noise import seed_step
from selfscope.training.settings import Keeping, Stepping
from selfscope.training.state import TrainState

FLUSH_SECONDS = 2.0
"""At most, before a checkpoint: a tracker that hangs does not hold the training up for longer."""


@dataclass
class Stop:
    """Set `asked` (a signal handler does) to end the training after the step at hand, with a checkpoint.

    Of several processes each has its own: one that is asked is enough, and all end after the same step.
    """

    asked: bool = False


@dataclass(eq=False)
class Loop:
    """Runs a training to its end, or to where it is stopped; `run` says which by returning True or False."""

    state: TrainState
    learning: Learning
    wrapped: Any
    """What Fabric made of `learning`."""
    optimizer: Any
    """What Fabric made of the optimizer."""
    hooks: Hooks
    stepping: Stepping
    keeping: Keeping
    stop: Stop = field(default_factory=Stop)
    progress: Callable[[TrainState, Tensor], None] = lambda state, loss: None
    """Called after every iteration with its loss, on the device."""
    _agreed: bool = field(default=False, init=False)
    """Several processes: whether all know by now that one of them was asked to stop."""
    _vote: Tensor | None = field(default=None, init=False)
    """The share of them that was asked, as of the last step, on the device."""
    _mark: float = field(default=0.0, init=False)
    _seen: int = field(default=0, init=False)

    def run(self) -> bool:
        state, hooks = self.state, self.hooks
        self.learning.train()
        finite = FiniteLoss(state.device)
        hooks.call("before_train", state)
        with closing(state.train_dataloader.stream(state.epoch, state.inner_iter)) as batches:
            while state.iter < state.max_iters:
                self._epoch(batches, finite)
                if self._stopping and state.iter < state.max_iters:
                    self._save(INTERRUPTED)
                    state.fabric.barrier()  # none ends before it is written: torchrun would end the one that writes
                    return False
        hooks.call("after_train", state)
        return True

    def _epoch(self, batches: Iterator[TrainBatch], finite: FiniteLoss) -> None:
        """The rest of an epoch, or of the training; less where it is stopped."""
        state, length, first = self.state, self.state.epoch_length, self.state.inner_iter
        end = min(length, state.max_iters - state.epoch * length)
        self.hooks.call("before_train_epoch", state)
        self._mark = began = time.perf_counter()
        total: Any = 0.0
        self._seen = 0
        for place in range(first, end):
            loss = self._iteration(place, end, batches)
            finite.see(loss, state.iter)
            total = total + loss
            self.progress(state, loss)
            self._save_iteration(finite)
            if self._stopping and place + 1 < end and self._steps(place, end):
                return
        finite.check()
        self._tell_epoch(float(total) / (end - first), end - first, time.perf_counter() - began)
        self.hooks.call("after_train_epoch", state)
        if end == length:
            state.schedulers.step(by_epoch=True)
            state.epoch += 1
        if self.keeping.by_epoch and self.keeping.due(state.epoch, state.iter >= state.max_iters):
            self._save(f"epoch_{state.epoch}.pth" if end == length else f"iter_{state.iter}.pth")

    @property
    def _stopping(self) -> bool:
        return self.stop.asked if self.state.world_size == 1 else self._agreed

    def _steps(self, place: int, end: int) -> bool:
        """Whether the optimizer steps after this iteration of the epoch."""
        return (place + 1) % self.stepping.accumulative_counts == 0 or place + 1 == end

    def _iteration(self, place: int, end: int, batches: Iterator[TrainBatch]) -> Tensor:
        """One batch through the model, and at the end of its group one step of the optimizer."""
        state, counts = self.state, self.stepping.accumulative_counts
        asked = time.perf_counter()
        batch = next(batches)
        waited = time.perf_counter() - asked
        self._seen += len(batch)
        self.hooks.call("before_train_iter", state, batch_idx=place, data_batch=batch)
        seed_step(state.seed, state.rank, state.iter)
        group = place // counts * counts  # where the group began whose gradients make one step
        share, steps = min(group + counts, end) - group, self._steps(place, end)
        views = [view.to(state.device, non_blocking=True) for view in batch.views]
        masks = draw_masks(self.learning, batch, state.seed)
        with state.fabric.no_backward_sync(self.wrapped, enabled=not steps):
            terms = self.wrapped(views, masks)
            state.fabric.backward(terms["loss"] / share if share > 1 else terms["loss"])
        state.numbers["lr"] = state.optimizer.param_groups[0]["lr"]
        if steps:
            self._step()
        state.last_outputs = self._shown(terms)
        state.model.trained = True  # type: ignore[assignment]
        now = time.perf_counter()
        state.timing = {"data_time": waited, "time": now - self._mark}
        self._mark = now
        self.hooks.call("after_train_iter", state, batch_idx=place, data_batch=batch, outputs=dict(state.last_outputs))
        state.schedulers.step(by_epoch=False)
        state.iter += 1
        return state.last_outputs["loss"]

    def _shown(self, terms: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Detached terms, each the mean over all processes, which thereby also agree on whether to stop."""
        detached = {name: term.detach() for name, term in terms.items()}
        if self.state.world_size == 1:
            return detached
        asked = torch.full_like(detached["loss"], float(self.stop.asked))
        together: Any = self.state.fabric.all_reduce(torch.stack([*detached.values(), asked]), reduce_op="mean")
        *means, vote = together.unbind()
        self._count(vote)
        return dict(zip(detached, means, strict=True))

    def _count(self, vote: Tensor) -> None:
        """Looks at the vote of this step, on a GPU at that of the step before, for which it need not wait."""
        seen = vote if vote.device.type == "cpu" else self._vote
        self._agreed = self._agreed or (seen is not None and bool(seen > 0))
        self._vote = vote

    def _step(self) -> None:
        """Clips where asked to, and moves the weights."""
        stepping, fabric = self.stepping, self.state.fabric
        if stepping.clip_norm is not None:
            norm = fabric.clip_gradients(
                self.wrapped,
                self.optimizer,
                max_norm=stepping.clip_norm,
                norm_type=stepping.norm_type,
                error_if_nonfinite=False,
            )
            self.state.numbers["grad_norm"] = norm
        elif stepping.clip_value is not None:
            fabric.clip_gradients(self.wrapped, self.optimizer, clip_val=stepping.clip_value)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def _save_iteration(self, finite: FiniteLoss) -> None:
        keeping, state = self.keeping, self.state
        if not keeping.by_epoch and keeping.due(state.iter, state.iter >= state.max_iters):
            finite.check()
            self._save(f"iter_{state.iter}.pth")

    def _save(self, name: str) -> None:
        """On the first rank; hooks may add to it."""
        state = self.state
        if state.rank:
            return
        state.visualizer.flush(FLUSH_SECONDS)  # what led here is on the disk before the checkpoint that goes on from it
        content = checkpoint_of(state, self.keeping)
        self.hooks.call("before_save_checkpoint", state, checkpoint=content)
        path = write_checkpoint(state.work_dir, name, content)
        remove_old(state.work_dir, self.keeping)
        state.logger.info("saved %s", path)
        if name != INTERRUPTED and remove_interrupted(state.work_dir, content["meta"]):
            state.logger.info("removed %s: this one is later", state.work_dir / INTERRUPTED)

    def _tell_epoch(self, loss: float, iterations: int, seconds: float) -> None:
        state = self.state
        state.logger.info(
            "epoch %d of %d: loss %.4f on average, %d iterations in %.1f s, %.3g images/s",
            state.epoch + 1,
            state.max_epochs,
            loss,
            iterations,
            seconds,
            self._seen * state.world_size / seconds,
        )
