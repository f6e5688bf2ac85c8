"""Where `selfscope tsne` has its features from: a config with a checkpoint, or a file."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tyro.conf import Positional

from selfscope.cli.console import fetching, progress_bar, say
from selfscope.cli.files import default_work_dir, new_run_folder, save_features
from selfscope.errors import DataError, UsageError

if TYPE_CHECKING:
    from selfscope.config.reader import Config
    from selfscope.structures import Features

log = logging.getLogger("selfscope.tsne")


@dataclass(frozen=True)
class Source:
    """Features that are ready to be read or extracted: what could be refused has been."""

    config: Config | None
    parent: Path
    """Where runs go."""
    read: Callable[[], Features]
    from_file: bool = False

    def new_run(self) -> Path:
        return new_run_folder(self.parent, "tsne_")

    def features(self, folder: Path) -> Features:
        """Reads or extracts them, and keeps them below the run's folder before a map is begun."""
        features = self.read()
        if not self.from_file:
            save_features(features, folder)
        for path, reason in features.skipped:
            log.warning("left out %s: %s", path, reason)
        for note in features.settings.get("notes", ()):
            say(note)
            log.info("%s", note)
        shapes = ", ".join(f"{name} {array.shape}" for name, array in features.arrays.items())
        log.info("features: %s in %s", shapes, folder / "features")
        return features


@dataclass(frozen=True)
class SourceFlags:
    """The flags that say which features to map."""

    config: Positional[str | None] = None
    """Config with a model and an extract_dataloader; not needed with --features."""
    checkpoint: str | None = None
    """Weights: a path or a link. Without it the model is untrained, and the picture says so."""
    work_dir: str | None = None
    """Parent of the new folder tsne_<timestamp>; work_dirs/… by default."""
    vis_stage: Literal["backbone", "neck", "pre_logits"] = "backbone"
    """Which output of the model."""
    max_num_class: int | None = 20
    """Keep labels below this number."""
    max_num_samples: int | None = None
    """Keep at most so many images of each class, chosen by the seed."""
    class_idx: tuple[int, ...] = ()
    """Keep just these labels."""
    features: str | None = None
    """Map this (N, D) .npy file instead; labels.npy beside it, or one folder up, is used."""
    seed: int = 0
    deterministic: bool = False
    """Let torch use deterministic algorithms only."""
    device: str | None = None
    """cpu, cuda:0, mps; the best present by default."""
    batch_size: int | None = None
    """Images a step; the config's by default."""
    workers: int | None = None
    """Processes that read images; the config's, at most one a core, by default."""
    cfg_options: tuple[str, ...] = ()
    """Overrides of the config: a.b=c "k=[1,2]"."""
    trust_config: bool = False
    """Let the config import the code that it names."""

    def source(self) -> Source:
        """Everything that can be refused is refused here, before a folder is made."""
        config = self._config()
        if config is not None and not self.features:
            return Source(config, self._parent(config), self._prepared(config))
        features = self._read()
        return Source(config, self._parent(config), lambda: features, from_file=True)

    def _config(self) -> Config | None:
        from selfscope.config.reader import load_config

        if self.features:
            return load_config(self.config, self.cfg_options, trust=self.trust_config) if self.config else None
        if self.config is None:
            raise UsageError("tsne: give a config (configs/tsne/…), or --features F.npy")
        return load_config(self.config, self.cfg_options, trust=self.trust_config)

    def _parent(self, config: Config | None) -> Path:
        named = self.work_dir or (None if config is None else config.get("work_dir"))
        return Path(named) if named else default_work_dir(self.config or "tsne/features.py")

    def _prepared(self, config: Config) -> Callable[[], Features]:
        """Builds model and data set; calling the result extracts."""
        from selfscope.views.extract import extract, extraction_dataset
        from selfscope.views.load import load
        from selfscope.views.subset import Subset

        if self.deterministic:
            import torch

            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what CUDA's deterministic products need
            torch.use_deterministic_algorithms(True)
        loader = dict(config.get("extract_dataloader") or {})
        dataset = extraction_dataset(config, trust=self.trust_config)
        subset = Subset(self.max_num_class, self.class_idx, self.max_num_samples, self.seed)
        chosen = dataset.subset(subset(dataset.labels, len(dataset)))
        with fetching(self.checkpoint) as progress:
            model = load(
                config,
                self.checkpoint,
                device=self.device,
                needed=self.vis_stage,
                seed=self.seed,
                trust=self.trust_config,
                progress=progress,
            )

        def run() -> Features:
            for line in [*model.messages(), _dataset_line(dataset, len(chosen), self)]:
                say(line)
                log.info("%s", line)
            with progress_bar(f"extracting {self.vis_stage} features") as progress:
                return extract(
                    model,
                    chosen,
                    stage=self.vis_stage,
                    batch_size=self.batch_size or int(loader.get("batch_size", 32)),
                    workers=self.workers if self.workers is not None else _workers(loader),
                    progress=progress,
                )

        return run

    def _read(self) -> Features:
        import numpy as np

        from selfscope.structures import Features

        path = Path(str(self.features))
        beside = next(
            (f / "labels.npy" for f in (path.parent, path.parent.parent) if (f / "labels.npy").exists()), None
        )
        try:
            array = np.load(path)
            labels = None if beside is None or beside == path else np.load(beside)
        except FileNotFoundError as error:
            raise DataError(f"{path}: no such file; --features takes an (N, D) .npy file") from error
        except (ValueError, EOFError, IsADirectoryError) as error:
            raise DataError(f"{path}: not a .npy file of numbers") from error
        if not isinstance(array, np.ndarray) or array.ndim != 2:
            raise DataError(f"{path}: expected one (N, D) array in a .npy file; take it out of the archive first")
        return Features({path.stem: array}, labels=labels, settings={"model": path.name})


def _workers(loader: dict[str, Any]) -> int:
    return min(int(loader.get("num_workers", 0)), os.cpu_count() or 1)


def _dataset_line(dataset: Any, chosen: int, command: SourceFlags) -> str:
    classes = f" of {len(dataset.classes)} classes" if dataset.classes else ""
    limited = bool(dataset.classes) and not command.class_idx and (command.max_num_class or 0) < len(dataset.classes)
    cut = f": labels below {command.max_num_class} (--max-num-class)" if limited and command.max_num_class else ""
    return f"data: {chosen} of {len(dataset)} images{classes}{cut}"
