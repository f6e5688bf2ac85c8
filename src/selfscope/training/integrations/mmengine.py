"""MMEngine, where it still is in use: a VisBackend that writes our run folder, and a hook that calls our hooks.

In its config, with `custom_imports = dict(imports=["selfscope.training.integrations.mmengine"])`:

    vis_backends = [dict(type="SelfscopeVisBackend")]
    custom_hooks = [dict(type="SelfscopeHook", hooks=[dict(type="SelfSupVisualizationHook", data="photos")])]
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from selfscope.config.registry import HOOKS
from selfscope.errors import MissingExtraError, UsageError
from selfscope.training.integrations.driver import Driver, Loader, LoopState
from selfscope.visualization.selfsup import SelfSupVisualizer
from selfscope.visualization.visualizer import Visualizer

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # MMEngine imports pkg_resources, which says it is deprecated
        from mmengine.hooks import Hook as MMEngineHook
        from mmengine.registry import HOOKS as MMENGINE_HOOKS
        from mmengine.registry import VISBACKENDS as MMENGINE_VISBACKENDS
        from mmengine.visualization import BaseVisBackend as MMEngineVisBackend
except ImportError as error:
    raise MissingExtraError("mmengine", "mmengine", "the MMEngine integration") from error


@MMENGINE_VISBACKENDS.register_module()
class SelfscopeVisBackend(MMEngineVisBackend):
    """A run of ours in `<save_dir>/selfscope`, beside what MMEngine's own backends write.

    `vis_backends` are selfscope's. `experiment` is our Visualizer, for all that MMEngine has no method for.
    """

    _env_initialized: bool

    def __init__(
        self, save_dir: str | None = None, vis_backends: Sequence[Any] = ({"type": "LocalVisBackend"},)
    ) -> None:
        if save_dir is None:
            raise UsageError("SelfscopeVisBackend: give the Visualizer a save_dir")
        super().__init__(save_dir)
        self._backends = list(vis_backends)

    def _init_env(self) -> None:
        """Called by MMEngine once, when its Visualizer is made."""
        folder = Path(self._save_dir) / "selfscope"
        self._visualizer = SelfSupVisualizer(vis_backends=self._backends, save_dir=str(folder))

    @property
    def experiment(self) -> Visualizer:
        """Our Visualizer, made now if nothing was written yet."""
        if not self._env_initialized:
            self._env_initialized = True
            self._init_env()
        return self._visualizer

    def add_config(self, config: Any, **kwargs: Any) -> None:
        self.experiment.add_config(config)

    def add_graph(self, model: Any, data_batch: Any = None, **kwargs: Any) -> None:
        self.experiment.add_graph(model, data_batch)

    def add_image(self, name: str, image: Any, step: int = 0, **kwargs: Any) -> None:
        self.experiment.add_image(name, image, int(step))

    def add_scalar(self, name: str, value: Any, step: int = 0, **kwargs: Any) -> None:
        self.experiment.add_scalar(name, value, int(step))

    def add_scalars(
        self, scalar_dict: Mapping[str, Any], step: int = 0, file_path: str | None = None, **kwargs: Any
    ) -> None:
        """MMEngine puts `step` among the numbers; here it is the step alone."""
        numbers = {name: value for name, value in scalar_dict.items() if name != "step"}
        self.experiment.add_scalars(numbers, int(step), file_path)

    def close(self) -> None:
        if self._env_initialized:
            self._visualizer.close()


@MMENGINE_HOOKS.register_module()
class SelfscopeHook(MMEngineHook):
    """Calls selfscope's hooks, objects or `dict(type=…)`, from MMEngine's Runner, with a SelfscopeVisBackend.

    `look_at` names the part of the model that hooks see: `"backbone"`.
    """

    priority = "LOW"

    def __init__(self, hooks: Iterable[Any], look_at: str | None = None) -> None:
        built = [HOOKS.build(hook) if isinstance(hook, Mapping) else hook for hook in hooks]
        self._driver, self._look_at = Driver(built), look_at

    def before_train(self, runner: Any) -> None:
        whole = getattr(runner.model, "module", runner.model)
        loader = runner.train_dataloader
        state = LoopState(
            model=whole if self._look_at is None else whole.get_submodule(self._look_at),
            visualizer=_visualizer_of(runner),
            train_dataloader=Loader(len(loader), getattr(loader, "dataset", None)),
            max_iters=runner.max_iters,
            max_epochs=runner.max_epochs,
            optimizer=getattr(runner.optim_wrapper, "optimizer", None),
            device=next(whole.parameters()).device,
            rank=runner.rank,
            world_size=runner.world_size,
            seed=runner.seed or 0,
            iter=runner.iter,
            epoch=runner.epoch,
        )
        self._driver.begin(state)

    def before_train_epoch(self, runner: Any) -> None:
        self._driver.begin_epoch()

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        self._driver.begin_iter(data_batch)

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        self._driver.end_iter({name: value.detach() for name, value in (outputs or {}).items()}, data_batch)

    def after_train_epoch(self, runner: Any) -> None:
        self._driver.end_epoch()

    def after_train(self, runner: Any) -> None:
        self._driver.end()


def _visualizer_of(runner: Any) -> Visualizer:
    for backend in runner.visualizer._vis_backends.values():
        if isinstance(backend, SelfscopeVisBackend):
            return backend.experiment
    raise UsageError('SelfscopeHook: add dict(type="SelfscopeVisBackend") to vis_backends')
