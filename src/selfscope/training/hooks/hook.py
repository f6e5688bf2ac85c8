"""`Hook`: what a class that watches or steers a training loop is derived from; MMEngine's points and signatures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from selfscope.training.hooks.points import GENERIC, POINTS, check_points


class Hook:
    """A subclass defines the points it cares about; hooks written for MMEngine work after changing the import line.

    `runner` holds `iter` and `epoch` (finished ones: during the first iteration both are 0), `max_iters`, `max_epochs`,
    `model`, `optimizer`, `visualizer`, `train_dataloader`, `work_dir`, `cfg`, `rank`, `device`, `seed` and `logger`.
    A public method that looks like a point and is none is refused when the class is made.
    """

    priority: str | int = "NORMAL"
    """Who is called first: `HIGHEST` (0) to `LOWEST` (100); equals in the order in which they were registered."""

    stages: ClassVar[tuple[str, ...]] = tuple(POINTS)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        check_points(vars(cls), cls.__name__, known=vars(Hook))

    def before_run(self, runner: Any) -> None:
        """Once, before anything else; the model and its weights are in place."""

    def after_run(self, runner: Any) -> None:
        """Once, at the very end, also when the run was interrupted."""

    def before_train(self, runner: Any) -> None:
        """Before the first epoch of this process, be it resumed or not."""

    def after_train(self, runner: Any) -> None:
        """After the last epoch."""

    def before_val(self, runner: Any) -> None: ...

    def after_val(self, runner: Any) -> None: ...

    def before_test(self, runner: Any) -> None: ...

    def after_test(self, runner: Any) -> None: ...

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """May add entries to the checkpoint: plain values and tensors, so that it loads without trust."""

    def after_load_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """The checkpoint that the run resumes from."""

    def before_train_epoch(self, runner: Any) -> None:
        self._before_epoch(runner, mode="train")

    def before_val_epoch(self, runner: Any) -> None:
        self._before_epoch(runner, mode="val")

    def before_test_epoch(self, runner: Any) -> None:
        self._before_epoch(runner, mode="test")

    def after_train_epoch(self, runner: Any) -> None:
        self._after_epoch(runner, mode="train")

    def after_val_epoch(self, runner: Any, metrics: Mapping[str, float] | None = None) -> None:
        self._after_epoch(runner, mode="val")

    def after_test_epoch(self, runner: Any, metrics: Mapping[str, float] | None = None) -> None:
        self._after_epoch(runner, mode="test")

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        self._before_iter(runner, batch_idx=batch_idx, data_batch=data_batch, mode="train")

    def before_val_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        self._before_iter(runner, batch_idx=batch_idx, data_batch=data_batch, mode="val")

    def before_test_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        self._before_iter(runner, batch_idx=batch_idx, data_batch=data_batch, mode="test")

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Mapping[str, Any] | None = None
    ) -> None:
        """`outputs` holds the loss terms, detached and still on their device: reading one waits for the device."""
        self._after_iter(runner, batch_idx=batch_idx, data_batch=data_batch, outputs=outputs, mode="train")

    def after_val_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Sequence[Any] | None = None
    ) -> None:
        self._after_iter(runner, batch_idx=batch_idx, data_batch=data_batch, outputs=outputs, mode="val")

    def after_test_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Sequence[Any] | None = None
    ) -> None:
        self._after_iter(runner, batch_idx=batch_idx, data_batch=data_batch, outputs=outputs, mode="test")

    def _before_epoch(self, runner: Any, mode: str = "train") -> None:
        """All of `train`, `val` and `test` unless the point itself is defined."""

    def _after_epoch(self, runner: Any, mode: str = "train") -> None: ...

    def _before_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, mode: str = "train") -> None: ...

    def _after_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None, mode: str = "train"
    ) -> None: ...

    def every_n_epochs(self, runner: Any, n: int, start: int = 0) -> bool:
        """Whether the epoch that runs now is the n-th, 2n-th, … counted after `start`; never for n < 1."""
        return n > 0 and runner.epoch + 1 >= start and (runner.epoch + 1 - start) % n == 0

    def every_n_inner_iters(self, batch_idx: int, n: int) -> bool:
        """The same within one epoch."""
        return n > 0 and (batch_idx + 1) % n == 0

    def every_n_train_iters(self, runner: Any, n: int, start: int = 0) -> bool:
        """The same over the whole run."""
        return n > 0 and runner.iter + 1 >= start and (runner.iter + 1 - start) % n == 0

    def end_of_epoch(self, dataloader: Any, batch_idx: int) -> bool:
        """Whether this batch is the loader's last."""
        return batch_idx + 1 == len(dataloader)

    def is_last_train_epoch(self, runner: Any) -> bool:
        return runner.epoch + 1 == runner.max_epochs

    def is_last_train_iter(self, runner: Any) -> bool:
        return runner.iter + 1 == runner.max_iters

    def get_triggered_stages(self) -> list[str]:
        """The points at which this hook does something, in the order of a run."""
        own = {name for name in POINTS if _overridden(self, name)}
        own.update(point for method, points in GENERIC.items() if _overridden(self, method) for point in points)
        return [name for name in POINTS if name in own]


def _overridden(hook: Hook, name: str) -> bool:
    return getattr(type(hook), name) is not getattr(Hook, name)
