"""PyTorch Lightning: a `Logger` that writes our records, and a `Callback` that calls our hooks.

    trainer = Trainer(logger=SelfscopeLogger("runs/mine"), callbacks=[SelfscopeCallback(SelfSupVisualizationHook(…))])

Works with both packages, `lightning` and `pytorch_lightning`: the one that is imported already, else the first found.
stable-pretraining's trainer is Lightning's.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from selfscope.errors import MissingExtraError, UsageError
from selfscope.store.lines import plain
from selfscope.training.integrations.driver import Driver, Loader, LoopState
from selfscope.visualization.selfsup import SelfSupVisualizer
from selfscope.visualization.visualizer import Visualizer

log = logging.getLogger(__name__)


def _home() -> str:
    names = ("lightning.pytorch", "pytorch_lightning")
    imported = [name for name in names if name in sys.modules]
    found = imported or [name for name in names if importlib.util.find_spec(name.partition(".")[0])]
    if not found:
        raise MissingExtraError("lightning", "lightning", "the Lightning integration")
    return found[0]


_HOME = _home()
_callbacks: Any = importlib.import_module(f"{_HOME}.callbacks")
_loggers: Any = importlib.import_module(f"{_HOME}.loggers.logger")
_rank: Any = importlib.import_module(f"{_HOME}.utilities.rank_zero")


class SelfscopeLogger(_loggers.Logger):
    """Metrics and hyperparameters of a Trainer, in a run folder and whatever other backends are named.

    `experiment` is the Visualizer, for pictures, maps and everything else: `logger.experiment.add_embedding(…)`. The
    run stays open after `fit`, so that `test` logs to it too; `close` ends it, and so does the end of the program.
    """

    def __init__(
        self,
        save_dir: str | Path | None = None,
        *,
        vis_backends: Sequence[Any] = ({"type": "LocalVisBackend"},),
        visualizer: Visualizer | None = None,
        name: str = "selfscope",
    ) -> None:
        super().__init__()
        if (save_dir is None) == (visualizer is None):
            raise UsageError("SelfscopeLogger: give a folder for the run (save_dir), or a visualizer, and not both")
        self._folder, self._backends, self._visualizer = save_dir, list(vis_backends), visualizer
        self._name = name
        self._parameters: dict[str, Any] = {}

    @property
    def name(self) -> str:
        return self._name

    @property
    def version(self) -> str:
        """The folder's name; empty where the Visualizer was handed in."""
        return "" if self._folder is None else Path(self._folder).name

    @property
    def save_dir(self) -> str | None:
        return None if self._folder is None else str(self._folder)

    @property
    def log_dir(self) -> str | None:
        """The run's own folder."""
        return self.save_dir

    @property
    @_loggers.rank_zero_experiment
    def experiment(self) -> Visualizer:
        """The Visualizer, made when it is first asked for."""
        if self._visualizer is None:
            self._visualizer = SelfSupVisualizer(vis_backends=self._backends, save_dir=str(self._folder))
        return self._visualizer

    @_rank.rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """`step` as the Trainer counts: steps of the optimizer."""
        self.experiment.add_scalars(dict(metrics), step=step or 0)

    @_rank.rank_zero_only
    def log_hyperparams(self, params: Mapping[str, Any] | Namespace | None = None, *args: Any, **kwargs: Any) -> None:
        """Kept under `hyperparameters` in the run's config, all calls together; what is no plain value as its text."""
        self._parameters |= vars(params) if isinstance(params, Namespace) else {**(params or {}), **kwargs}
        self.experiment.add_config({"hyperparameters": plain(self._parameters)})

    @_rank.rank_zero_only
    def log_graph(self, model: Any, input_array: Any = None) -> None:
        self.experiment.add_graph(model, input_array)

    @_rank.rank_zero_only
    def log_image(self, key: str, images: Sequence[Any], step: int = 0, caption: Sequence[str] | None = None) -> None:
        """Pictures, RGB, `(H, W, 3)` or `(3, H, W)`, floats in [0, 1] or integers to 255; `<key>/<i>` if several."""
        for i, image in enumerate(images):
            name = key if len(images) == 1 else f"{key}/{i}"
            self.experiment.add_image(name, image, step, caption=caption[i] if caption else "")

    @_rank.rank_zero_only
    def save(self) -> None:
        self.experiment.flush()

    @_rank.rank_zero_only
    def finalize(self, status: str) -> None:
        """Called by the Trainer at the end of `fit`, `test` and the like: everything is on disk then."""
        if self._visualizer is None:
            return
        if status in ("failed", "interrupted"):
            self.close(status=status)
        else:
            self._visualizer.flush()

    def close(self, *, status: str = "finished") -> None:
        """Ends the run."""
        if self._visualizer is not None:
            self._visualizer.close(status=status)


class SelfscopeCallback(_callbacks.Callback):
    """Calls selfscope's hooks (and any of your own) from a Trainer's training loop.

    Records go to the Trainer's SelfscopeLogger, or to `visualizer`. An iteration is a step of the optimizer. What
    `training_step` returns as `loss`, and other numbers beside it, are the hooks' `outputs`. `look_at` picks what the
    hooks see as the model out of the LightningModule, `lambda module: module.backbone`; hooks that show data need
    `data=…` unless the Trainer's data set is one of selfscope's.
    """

    def __init__(
        self,
        *hooks: Any,
        visualizer: Visualizer | None = None,
        look_at: Callable[[Any], Any] | None = None,
    ) -> None:
        super().__init__()
        self._driver, self._visualizer, self._look_at = Driver(hooks), visualizer, look_at
        self._began: tuple[int, Any] | None = None

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        steps = trainer.estimated_stepping_batches
        epochs = trainer.max_epochs
        batches = trainer.num_training_batches
        length = -(-int(batches) // trainer.accumulate_grad_batches) if batches != float("inf") else sys.maxsize
        loader = trainer.train_dataloader
        state = LoopState(
            model=pl_module if self._look_at is None else self._look_at(pl_module),
            visualizer=self._visualizer or _visualizer_of(trainer),
            train_dataloader=Loader(length, getattr(loader, "dataset", None)),
            max_iters=int(steps) if steps not in (float("inf"), -1) else None,
            max_epochs=epochs if epochs not in (None, -1) else None,
            optimizer=trainer.optimizers[0] if trainer.optimizers else None,
            device=pl_module.device,
            world_size=trainer.world_size,
            rank=trainer.global_rank,
            iter=trainer.global_step,
            epoch=trainer.current_epoch,
        )
        self._driver.begin(state)

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        self._driver.begin_epoch()
        self._began = None

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if self._began is None:
            self._began = (trainer.global_step, batch)
            self._driver.begin_iter(batch)

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if self._began is None or trainer.global_step == self._began[0]:
            return  # gradients are still being accumulated
        self._began = None
        self._driver.state.iter = trainer.global_step - 1
        self._driver.end_iter(_terms(outputs, trainer.accumulate_grad_batches), batch)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        self._driver.end_epoch()

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        self._driver.end()

    def on_save_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        if self._driver.begun:
            self._driver.hooks.call("before_save_checkpoint", self._driver.state, checkpoint=checkpoint)

    def on_load_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        self._driver.hooks.call("after_load_checkpoint", None, checkpoint=checkpoint)


def _visualizer_of(trainer: Any) -> Visualizer:
    for logger in trainer.loggers:
        if isinstance(logger, SelfscopeLogger):
            return logger.experiment
    raise UsageError("SelfscopeCallback: give the Trainer logger=SelfscopeLogger(…), or the callback visualizer=…")


def _terms(outputs: Any, accumulated: int) -> dict[str, Any]:
    """Single numbers of what a training step returned; Lightning has divided the loss by the batches of a step."""
    given = outputs if isinstance(outputs, Mapping) else {} if outputs is None else {"loss": outputs}
    terms = {
        name: value.detach() if isinstance(value, torch.Tensor) else value
        for name, value in given.items()
        if (isinstance(value, torch.Tensor) and value.numel() == 1) or type(value) in (int, float)
    }
    return {**terms, "loss": terms["loss"] * accumulated} if "loss" in terms and accumulated > 1 else terms
