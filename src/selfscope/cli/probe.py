"""`selfscope probe`: how well frozen features tell classes apart, beside raw pixels and the untrained model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tyro.conf import Positional

from selfscope.cli.console import fetching, progress_bar, say, say_skipped
from selfscope.cli.files import default_work_dir, new_run_folder, open_visualizer

if TYPE_CHECKING:
    from selfscope.config.reader import Config
    from selfscope.data.dataset import Dataset
    from selfscope.store.shards import FeatureFolder
    from selfscope.structures import Features
    from selfscope.views.load import LoadedModel
    from selfscope.views.progress import Progress

    Parts = tuple[Dataset, Dataset | None]
    Sides = tuple[Features, Features | None]


@dataclass(frozen=True)
class Probe:
    """Probes a checkpoint's features by k-NN and a linear layer, from a training part to a validation part.

    With one data set only, a fifth of it is held out. Keeps the table in a run.
    """

    config: Positional[str]
    """Config with a model."""
    checkpoint: str | None = None
    """Weights: a path or a link. Without it only the untrained model is probed."""
    train_data: str | None = None
    """Folder of class folders; the config's train_dataloader by default, seen through the evaluation pipeline."""
    val_data: str | None = None
    """Folder of class folders; by default the config's val, test or extract_dataloader, or a fifth of --train-data."""
    vis_stage: Literal["backbone", "neck", "pre_logits"] = "backbone"
    """Which output of the model."""
    k: tuple[int, ...] = (10, 20)
    """Neighbours that vote."""
    no_linear: bool = False
    """Leave the linear probe out."""
    no_references: bool = False
    """Leave raw pixels and the untrained model out."""
    max_num_samples: int | None = None
    """Keep at most so many images of each class and part, chosen by the seed."""
    batch_size: int = 64
    workers: int = 0
    """Processes that read images."""
    seed: int = 0
    device: str | None = None
    """cpu, cuda:0, mps; the best present by default."""
    work_dir: str | None = None
    """Parent of the new folder probe_<timestamp>; work_dirs/… by default."""
    no_cache: bool = False
    """Neither take features from the cache nor leave them there."""
    cfg_options: tuple[str, ...] = ()
    """Overrides of the config: a.b=c "k=[1,2]"."""
    trust_config: bool = False
    """Let the config import the code that it names."""

    def __call__(self) -> None:
        from selfscope.config.reader import load_config
        from selfscope.views.probe import check_k, probe

        check_k(self.k)
        config = load_config(self.config, self.cfg_options, trust=self.trust_config)
        models = self._models(config)
        parts = self._parts(config, next(iter(models.values())))
        folder = new_run_folder(Path(self.work_dir) if self.work_dir else default_work_dir(self.config), "probe_")
        for line in next(iter(models.values())).messages():  # the untrained twin differs in its weights alone
            say(line)
        sides = {name: self._features(parts, model, name) for name, model in models.items()}
        if not self.no_references:
            sides["raw pixels"] = self._raw(parts)
        (name, (first, second)), *others = sides.items()
        with open_visualizer(config, folder, self.trust_config, seed=self.seed) as visualizer:
            visualizer.add_config(config)
            found = probe(
                first, second, beside=dict(others), name=name, k=self.k, linear=not self.no_linear, seed=self.seed
            )
            for record in found.records():
                visualizer.write(record)
        say_skipped([*first.skipped, *(second.skipped if second is not None else ())])
        say(found.text())
        say(f"run: {folder}")

    def _models(self, config: Config) -> dict[str, LoadedModel]:
        from selfscope.views.load import load

        def loaded(checkpoint: str | None) -> LoadedModel:
            with fetching(checkpoint) as progress:
                return load(
                    config,
                    checkpoint,
                    device=self.device,
                    needed=self.vis_stage,
                    seed=self.seed,
                    trust=self.trust_config,
                    progress=progress,
                )

        models = {} if self.checkpoint is None else {Path(self.checkpoint).stem: loaded(self.checkpoint)}
        if self.checkpoint is None or not self.no_references:
            models["untrained"] = loaded(None)
        return models

    def _parts(self, config: Config, model: LoadedModel) -> Parts:
        from selfscope.views.probe_parts import probe_parts, refuse_parts
        from selfscope.views.subset import Subset

        parts = probe_parts(model, config, self.train_data, self.val_data, trust=self.trust_config)
        subset = Subset(max_num_samples=self.max_num_samples, seed=self.seed)
        train, val = (part if part is None else part.subset(subset(part.labels, len(part))) for part in parts)
        assert train is not None
        refuse_parts(train, val)
        return train, val

    def _features(self, parts: Parts, model: LoadedModel, name: str) -> Sides:
        from selfscope.views.extract import extract

        options: dict[str, Any] = {"stage": self.vis_stage, "batch_size": self.batch_size, "workers": self.workers}

        def features(data: Dataset, progress: Progress) -> Features:
            return extract(model, data, progress=progress, folder=self._kept(model, data, options), **options)

        return self._both(parts, name, features)

    def _kept(self, model: LoadedModel, data: Dataset, options: dict[str, Any]) -> FeatureFolder | None:
        """Where the cache has these features, or will; None where a config's own code may compute anything."""
        if self.no_cache or self.trust_config:
            return None
        from selfscope.store.cache import features_folder
        from selfscope.store.shards import FeatureFolder
        from selfscope.views.forward import Extraction
        from selfscope.views.identity import loaded_identity

        identity = loaded_identity(model, data, Extraction(**options))
        return FeatureFolder(features_folder(identity), identity)

    def _raw(self, parts: Parts) -> Sides:
        from selfscope.views.references import raw_pixels

        return self._both(
            parts, "raw pixels", lambda data, progress: raw_pixels(data, workers=self.workers, progress=progress)
        )

    @staticmethod
    def _both(parts: Parts, name: str, features: Any) -> Sides:
        sides = []
        for part, data in zip(("training", "validation"), parts, strict=True):
            if data is not None:
                with progress_bar(f"{name}: {part} images") as progress:
                    sides.append(features(data, progress))
        return sides[0], sides[1] if len(sides) > 1 else None
