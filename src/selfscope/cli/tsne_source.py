"""Where `selfscope tsne` has its features from: a config with a checkpoint, the cache, or a file."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tyro.conf import Positional

from selfscope.cli.console import say
from selfscope.cli.files import default_work_dir, save_features
from selfscope.cli.requeue import run_folder
from selfscope.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from selfscope.config.reader import Config
    from selfscope.embedding.graph import Neighbours
    from selfscope.structures import Features

log = logging.getLogger("selfscope.tsne")


@dataclass(frozen=True)
class Source:
    """Features that are ready to be read or extracted: what could be refused has been."""

    config: Config | None
    parent: Path
    """Where runs go."""
    arguments: dict[str, Any]
    read: Callable[[Path | None], Features]
    """Given the run's folder; None in a process that only helps another."""
    kept: Path | None = None
    """Where the cache has, or will have, these features."""
    from_file: bool = False
    rank: int = 0

    def helps(self) -> bool:
        """Whether this process of several only extracts for the first, which by the end of this call it has done."""
        if self.rank:
            self.read(None)
        return bool(self.rank)

    def new_run(self) -> Path:
        return run_folder(self.parent, "tsne_", self.arguments)

    def features(self, folder: Path) -> Features:
        """Reads or extracts them, and keeps them below the run's folder before a map is begun."""
        features = self.read(folder)
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

    def neighbours(self, stage: str, array: np.ndarray, options: dict[str, Any]) -> Neighbours | None:
        """The neighbour graph of these features from the cache, or for it; None where there is no cache."""
        from selfscope.embedding.tsne import TSNE
        from selfscope.store.features import mapped_file
        from selfscope.views.graphs import kept_neighbours

        if self.kept is None or mapped_file(array) is None:
            return None
        return kept_neighbours(self.kept, stage, array, TSNE(**options))


@dataclass(frozen=True)
class SourceFlags:
    """The flags that say which features to map."""

    config: Positional[str | None] = None
    """Config with a model and an extract_dataloader; not needed with --features."""
    checkpoint: tuple[str, ...] = ()
    """Weights: a path or a link. Without it the model is untrained, and the picture says so. Several, or a pattern such
    as 'epoch_*.pth', are mapped together."""
    work_dir: str | None = None
    """Parent of the new folder tsne_<timestamp>; work_dirs/… by default."""
    vis_stage: Literal["backbone", "neck", "pre_logits"] = "backbone"
    """Which output of the model."""
    pool: Literal["cls", "mean", "cls+mean"] | None = None
    """What of the backbone's output stands for an image; as the config has it by default."""
    max_num_class: int | None = 20
    """Keep labels below this number."""
    max_num_samples: int | None = None
    """Keep at most so many images of each class, chosen by the seed."""
    class_idx: tuple[int, ...] = ()
    """Keep just these labels."""
    features: str | None = None
    """Map this (N, D) .npy file instead, with the labels.npy beside it or one folder up; or a run's features."""
    seed: int = 0
    deterministic: bool = False
    """Let torch use deterministic algorithms only."""
    device: str | None = None
    """cpu, cuda:0, mps; the best present by default."""
    full_precision: bool = False
    """float32 on CUDA too, where mixed precision is the default."""
    batch_size: int | None = None
    """Images a step; by default 8 a thread on the CPU, as many as memory holds on a GPU."""
    workers: int | None = None
    """Processes that read images; by default none on the CPU, where the threads that compute read too."""
    float16: bool = False
    """Keep features in half the space."""
    no_cache: bool = False
    """Neither take features from the cache nor leave them there; `selfscope cache` shows and clears it."""
    cfg_options: tuple[str, ...] = ()
    """Overrides of the config: a.b=c "k=[1,2]"."""
    trust_config: bool = False
    """Let the config import the code that it names. What that computes is not cached."""

    @property
    def weights(self) -> str | None:
        """The one checkpoint, if there is one."""
        return self.checkpoint[0] if self.checkpoint else None

    def source(self) -> Source:
        """Everything that can be refused is refused here, before a folder is made."""
        from selfscope.views.ranks import started

        ranks, config, arguments = started(), self._config(), asdict(self)
        parent = self._parent(config)
        if config is None or self.features:
            features, kept = self._read()
            return Source(config, parent, arguments, lambda _: features, kept, from_file=True, rank=ranks.rank)
        from selfscope.cli.tsne_request import requested

        request = requested(config, self)
        if request.folder is None and ranks.world > 1:
            raise UsageError(
                "processes of torchrun share features by the cache: leave --no-cache and --trust-config out"
            )
        kept = None if request.folder is None else request.folder.folder
        return Source(config, parent, arguments, request.reader(ranks), kept, rank=ranks.rank)

    def _config(self) -> Config | None:
        from selfscope.config.reader import load_config

        if self.config is None and not self.features:
            raise UsageError("tsne: give a config (configs/tsne/…), or --features F.npy")
        return load_config(self.config, self.cfg_options, trust=self.trust_config) if self.config else None

    def _parent(self, config: Config | None) -> Path:
        named = self.work_dir or (None if config is None else config.get("work_dir"))
        return Path(named) if named else default_work_dir(self.config or "tsne/features.py")

    def _read(self) -> tuple[Features, Path | None]:
        """Features of a file, mapped into memory, and where their neighbours are kept."""
        from selfscope.store.cache import digest_of_file, features_folder
        from selfscope.views.kept import kept_features

        path = Path(str(self.features))
        features = kept_features(path)
        cached = not self.no_cache and path.is_file()
        return features, features_folder({"file": digest_of_file(path)}) if cached else None
