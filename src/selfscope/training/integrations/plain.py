"""`Watch`: hooks in a loop that you write yourself, in three lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from selfscope.errors import UsageError
from selfscope.store.writer import status_after
from selfscope.training.hooks.logger import LoggerHook
from selfscope.training.integrations.driver import Driver, Loader, LoopState
from selfscope.visualization.selfsup import SelfSupVisualizer
from selfscope.visualization.visualizer import Visualizer

T = TypeVar("T")


class Watch:
    """Logs and looks while your own loop trains:

        with ss.Watch(model, "runs/mine", optimizer=optimizer, epochs=10) as watch:
            for epoch in range(10):
                for batch in watch(loader):
                    ...
                    watch.step(loss=loss)

    `hooks` are any of selfscope's or your own, by default a LoggerHook at every step. `visualizer` is where records
    go in place of a new run in `save_dir`; it is left open then. `watch(loader)` is one epoch.
    """

    def __init__(
        self,
        model: Any,
        save_dir: str | Path | None = None,
        *,
        optimizer: Any = None,
        epochs: int | None = None,
        hooks: Iterable[Any] | None = None,
        visualizer: Visualizer | None = None,
        cfg: Mapping[str, Any] | None = None,
    ) -> None:
        if (save_dir is None) == (visualizer is None):
            raise UsageError("Watch: give a folder for the run (save_dir), or a visualizer, and not both")
        self._model, self._optimizer, self._epochs, self._cfg = model, optimizer, epochs, cfg
        self._own, self._folder = visualizer is None, None if save_dir is None else Path(save_dir)
        self.visualizer = visualizer or SelfSupVisualizer(
            vis_backends=[{"type": "LocalVisBackend"}], save_dir=str(save_dir)
        )
        self._driver = Driver([LoggerHook(interval=1)] if hooks is None else hooks)
        self._begun = self._stepping = False

    def __call__(self, loader: Iterable[T]) -> Iterator[T]:
        """The loader's batches; one epoch begins before the first and ends after the last."""
        if not self._begun:
            self._begin(loader)
        self._driver.begin_epoch()
        for batch in loader:
            self._driver.begin_iter(batch)
            self._stepping = True
            yield batch
        self._stepping = False
        self._driver.end_epoch()

    def step(self, outputs: Mapping[str, Any] | None = None, **terms: Any) -> None:
        """Ends an iteration; the loss and whatever else it gave, as numbers or tensors of one element."""
        if not self._stepping:
            raise UsageError("Watch: step() belongs inside `for batch in watch(loader)`, once a batch")
        given = {**(outputs or {}), **terms}
        self._driver.end_iter({name: getattr(value, "detach", lambda v=value: v)() for name, value in given.items()})
        self._stepping = False

    def close(self, *, status: str = "finished") -> None:
        """Ends the run; `with` does it for you."""
        if self._begun:
            self._driver.end()
            self._begun = False
        if self._own:
            self.visualizer.close(status=status)

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(status=status_after(error))

    def _begin(self, loader: Any) -> None:
        if not hasattr(loader, "__len__"):
            raise UsageError("Watch: the loader must have a length: give a DataLoader, or a list of batches")
        parameter = next(self._model.parameters(), None)
        state = LoopState(
            model=self._model,
            visualizer=self.visualizer,
            train_dataloader=Loader(len(loader), getattr(loader, "dataset", None)),
            max_iters=None if self._epochs is None else self._epochs * len(loader),
            max_epochs=self._epochs,
            optimizer=self._optimizer,
            cfg=self._cfg,
            work_dir=self._folder,
            device="cpu" if parameter is None else parameter.device,
        )
        self._begun = True
        self._driver.begin(state)
