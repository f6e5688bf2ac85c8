"""`VisualizationHook`: looks inside at regular moments, on the same samples every time, and leaves no trace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from selfscope.data.dataset import Dataset, folder_dataset
from selfscope.errors import SelfscopeError, UsageError
from selfscope.records import Record, Sample
from selfscope.training.hooks.aside import untouched
from selfscope.training.hooks.hook import Hook
from selfscope.views.load import LoadedModel, load
from selfscope.views.sizes import input_size


class VisualizationHook(Hook):
    """Before the first step, then every `interval` epochs (iterations, without `by_epoch`): what `look` yields is kept.

    A subclass defines `look(runner, step)`; here it yields `samples` items of the training data as that epoch's
    pipeline draws them: views, crops, masks. Which items is drawn from `seed` once. `data` is a `Dataset` or a folder
    of images to look at in place of the training data. Records are named after `key`. `image_size` is the side in
    pixels that the model looks at, where neither a config nor the model says.

    Inside, the model is in evaluation mode and without gradients; afterwards model, gradients and random generators
    are as they were, so that training gives the same numbers with and without the hook. Only rank 0 looks. What
    cannot be shown is refused at the first look; later, say of features that have collapsed, it is a warning.
    """

    priority = "LOW"

    def __init__(
        self,
        interval: int = 1,
        by_epoch: bool = True,
        samples: int = 4,
        seed: int = 0,
        data: Dataset | str | Path | None = None,
        key: str = "train",
        image_size: int | None = None,
    ) -> None:
        name = type(self).__name__
        for word, value, least in (("interval", interval, 1), ("samples", samples, 0), ("seed", seed, 0)):
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise UsageError(f"{name}: {word} must be a whole number of at least {least}, got {value!r}")
        self.interval, self.by_epoch = interval, by_epoch
        self.samples, self.seed, self.data, self.key = samples, seed, data, key
        self.image_size = image_size

    def look(self, runner: Any, step: int) -> Iterable[Record]:
        """Records to keep, of the model as it is after `step` iterations."""
        return self.views(runner, step)

    def before_train(self, runner: Any) -> None:
        if runner.iter == 0:
            self._keep(runner, 0)

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        if not self.by_epoch and self.every_n_train_iters(runner, self.interval):
            self._keep(runner, runner.iter + 1)

    def after_train_epoch(self, runner: Any) -> None:
        if self.by_epoch and self.every_n_epochs(runner, self.interval):
            self._keep(runner, runner.iter)

    def views(self, runner: Any, step: int) -> Iterator[Sample]:
        """The fixed items, drawn as in the epoch that runs now; the first time with their originals."""
        dataset = self.chosen(runner, self.samples)
        for index in range(len(dataset)):
            sample = dataset.sample(index, epoch=runner.epoch)
            original = sample.original if runner.iter == 0 else None
            yield replace(sample, original=original, step=step, settings={**sample.settings, "collection": self.key})

    def chosen(self, runner: Any, count: int) -> Dataset:
        """`count` items of the data, the same ones every time: a seeded choice, the fewer the first of the more."""
        dataset = self._dataset(runner)
        order = np.random.default_rng([self.seed, 0]).permutation(len(dataset))
        return dataset.subset(order[:count])

    def loaded(self, runner: Any) -> LoadedModel:
        """The model that is being trained, for the verbs of `selfscope.views`."""
        from selfscope.config.reader import Config
        from selfscope.models.encoding import Encoder

        config = runner.cfg if isinstance(runner.cfg, Config) else None
        model = load(runner.model, image_size=self.image_size or (None if config is None else input_size(config)))
        if not isinstance(runner.model, Encoder):
            return model
        fresh = runner.iter == 0 and not (runner.cfg or {}).get("load_from")
        name = Path(str(config.file)).stem if config is not None and config.file else model.name
        return replace(model, name=name, config=config, trained=not fresh)

    def _dataset(self, runner: Any) -> Dataset:
        found = self.data if self.data is not None else getattr(runner.train_dataloader, "dataset", None)
        if isinstance(found, (str, Path)):
            self.data = found = folder_dataset(found, seed=self.seed)
        while found is not None and not isinstance(found, Dataset):
            found = getattr(found, "dataset", None)
        if found is None:
            raise UsageError(
                f"{type(self).__name__}: the training data is no data set of selfscope; say what to look at with "
                "data=…, a folder of images or a selfscope data set"
            )
        return found

    def _keep(self, runner: Any, step: int) -> None:
        if runner.rank != 0:
            return
        try:
            with untouched(runner.model):
                for record in self.look(runner, step):
                    runner.visualizer.write(record)
        except SelfscopeError as error:
            if step == 0:
                raise
            runner.logger.warning("%s at step %d: %s; training goes on", type(self).__name__, step, error)
