"""Hugging Face `Trainer`: a callback that writes its logs as our records, and calls our hooks.

Trainer(…, callbacks=[SelfscopeCallback("runs/mine", hooks=[SelfSupVisualizationHook(data="photos")])])
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from selfscope.errors import MissingExtraError, UsageError
from selfscope.store.lines import plain
from selfscope.training.integrations.driver import Driver, Loader, LoopState
from selfscope.visualization.selfsup import SelfSupVisualizer
from selfscope.visualization.visualizer import Visualizer

try:
    from transformers.trainer_callback import TrainerCallback
except ImportError as error:
    raise MissingExtraError("transformers", "transformers", "the Hugging Face integration") from error

log = logging.getLogger(__name__)


class SelfscopeCallback(TrainerCallback):
    """What the Trainer logs (`logging_steps`), and its arguments and the model's config, in a run in `save_dir`.

    `hooks` are called at each step of the optimizer and each epoch. The Trainer hands callbacks no losses, so that
    `outputs` is empty: its own logs hold them. `look_at` picks what hooks see as the model: `lambda model: model.vit`.
    The run stays open after `train`, for `evaluate` and `predict`; `close` ends it, and so does the end of the program.
    """

    def __init__(
        self,
        save_dir: str | Path | None = None,
        *,
        hooks: Iterable[Any] = (),
        visualizer: Visualizer | None = None,
        look_at: Callable[[Any], Any] | None = None,
    ) -> None:
        if (save_dir is None) == (visualizer is None):
            raise UsageError("SelfscopeCallback: give a folder for the run (save_dir), or a visualizer, and not both")
        self._folder, self._visualizer, self._look_at = save_dir, visualizer, look_at
        self._driver = Driver(hooks)
        self._unlogged: set[str] = set()

    @property
    def visualizer(self) -> Visualizer:
        """Made when it is first asked for."""
        if self._visualizer is None:
            self._visualizer = SelfSupVisualizer(vis_backends=[{"type": "LocalVisBackend"}], save_dir=str(self._folder))
        return self._visualizer

    def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        model, loader = given["model"], given.get("train_dataloader")
        config: dict[str, Any] = getattr(getattr(model, "config", None), "to_dict", dict)()
        if state.is_world_process_zero:
            self.visualizer.add_config({"training_arguments": args.to_sanitized_dict(), "model": plain(config)})
        batches: Any = loader if hasattr(loader, "__len__") else range(state.max_steps)
        length = -(-len(batches) // args.gradient_accumulation_steps)
        self._driver.begin(
            LoopState(
                model=model if self._look_at is None else self._look_at(model),
                visualizer=self.visualizer,
                train_dataloader=Loader(max(1, length), getattr(loader, "dataset", None)),
                max_iters=state.max_steps,
                max_epochs=state.num_train_epochs,
                optimizer=given.get("optimizer"),
                device=args.device,
                world_size=args.world_size,
                rank=args.process_index,
                seed=args.seed,
                iter=state.global_step,
                epoch=int(state.epoch or 0),
            )
        )

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        self._driver.begin_epoch()

    def on_step_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        self._driver.begin_iter()

    def on_step_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        self._driver.state.iter = state.global_step - 1
        self._driver.end_iter({})

    def on_epoch_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        self._driver.end_epoch()

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **given: Any) -> None:
        if not state.is_world_process_zero or not logs:
            return
        numbers = {name: value for name, value in logs.items() if isinstance(value, (int, float))}
        self._tell_unlogged(set(logs) - set(numbers))
        self.visualizer.add_scalars(numbers, step=state.global_step)

    def on_train_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        self._driver.end()
        self.visualizer.flush()

    def close(self, *, status: str = "finished") -> None:
        """Ends the run."""
        if self._visualizer is not None:
            self._visualizer.close(status=status)

    def _tell_unlogged(self, names: set[str]) -> None:
        new = names - self._unlogged
        if new:
            log.warning("not logged, since they are no numbers: %s", ", ".join(sorted(new)))
            self._unlogged |= new
