"""What a config asks to be extracted: found in the cache without torch, or extracted into it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfscope.cli.console import fetching, progress_bar, say, say_error
from selfscope.config.top_level import check_names, lacking
from selfscope.errors import RunError

if TYPE_CHECKING:
    import numpy as np

    from selfscope.cli.tsne_source import SourceFlags
    from selfscope.config.reader import Config
    from selfscope.data.listing import Listing
    from selfscope.store.shards import FeatureFolder, StoredFeatures
    from selfscope.structures import Features
    from selfscope.views.ranks import Ranks

log = logging.getLogger("selfscope.tsne")


@dataclass(frozen=True, eq=False)
class Request:
    """The images of a config's data set that flags choose, and a folder for their features."""

    config: Config
    flags: SourceFlags
    listing: Listing | None
    """None for a data set class of the user's own, which may be anything."""
    places: np.ndarray | None
    folder: FeatureFolder | None
    """In the cache; None for what is not cached."""

    def reader(self, ranks: Ranks) -> Callable[[Path | None], Features]:
        """Gives the features; a model is built before this returns, unless the cache has them."""
        stored = self._found()
        if stored is not None:
            return lambda _: self._with_listing(stored)
        return self._prepared(ranks)

    def _found(self) -> StoredFeatures | None:
        if self.folder is None:
            return None
        try:
            return self.folder.read()
        except RunError as error:
            from selfscope.store.cache import remove

            say_error(f"{error}: it is not used, and made again")
            remove(self.folder.folder)
        return None

    def _with_listing(self, stored: StoredFeatures) -> Features:
        from selfscope.data.listing import Chosen
        from selfscope.views.stored import features_of

        assert self.listing is not None
        assert self.places is not None
        assert self.folder is not None
        told = [*stored.facts.get("messages", ()), f"features: from the cache, {self.folder.folder}"]
        _tell([*told, _data_line(self.listing, len(self.places), self.flags)])
        labels = None if self.listing.labels is None else self.listing.labels[self.places]
        return features_of(stored, Chosen(self.listing, self.places), labels, self.listing.classes)

    def _prepared(self, ranks: Ranks) -> Callable[[Path | None], Features]:
        from selfscope.store.shards import FeatureFolder
        from selfscope.views.anew import why_anew
        from selfscope.views.extract import extract, extraction_dataset
        from selfscope.views.forward import Extraction
        from selfscope.views.progress import silent
        from selfscope.views.ranks import leave

        dataset = extraction_dataset(self.config, trust=self.flags.trust_config)
        chosen = dataset.subset(_subset(self.flags)(dataset.labels, len(dataset)))
        model = self._model()
        how = _asked(self.flags)
        Extraction(**how)  # refuses

        def read(run: Path | None) -> Features:
            lines = [*model.messages(), _data_line(dataset.listing, len(chosen), self.flags)]
            if ranks.rank == 0:
                _tell(lines)
            folder = self.folder or FeatureFolder(Path(str(run)) / "features", {"run": str(run)})
            if ranks.rank == 0 and folder.begun():
                _tell(["carrying on from where an earlier extraction of these features stopped"])
            elif ranks.rank == 0 and self.folder is not None:
                _tell([why for why in [why_anew(folder.identity)] if why])
            title = f"extracting {self.flags.vis_stage} features"
            with progress_bar(title, carried=True) if ranks.rank == 0 else nullcontext(silent) as progress:
                features = extract(
                    model,
                    chosen,
                    folder=folder,
                    distributed=ranks.world > 1,
                    progress=progress,
                    **how,
                )
            leave()
            if self.folder is not None and ranks.rank == 0:
                _tell([_kept_line(self.folder.folder)])
            return features

        return read

    def _model(self) -> Any:
        from selfscope.views.load import load

        flags = self.flags
        if flags.deterministic:
            import torch

            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what CUDA's deterministic products need
            torch.use_deterministic_algorithms(True)
        with fetching(flags.weights) as progress:
            return load(
                self.config,
                flags.weights,
                device=flags.device,
                needed=flags.vis_stage,
                seed=flags.seed,
                trust=flags.trust_config,
                progress=progress,
            )


def requested(config: Config, flags: SourceFlags) -> Request:
    """Lists the data, chooses of it, and names the place in the cache that features of just this have."""
    from selfscope.data.listed import listed

    check_names(config)  # here, for what is in the cache is loaded by nothing else
    dataset = (config.get("extract_dataloader") or {}).get("dataset")
    if dataset is None:
        raise lacking(config, "extract_dataloader", "dict(dataset=…)", "; take a config of configs/tsne")
    listing = None if flags.trust_config else listed(dataset)
    places = None if listing is None else _subset(flags)(listing.labels, len(listing))
    weights = _weights(flags.weights)
    known = flags.weights is None or weights is not None
    if flags.no_cache or listing is None or places is None or not known:
        return Request(config, flags, listing, places, None)
    from selfscope.store.cache import features_folder
    from selfscope.store.shards import FeatureFolder
    from selfscope.views.identity import config_identity

    asked = {
        **{name: value for name, value in _asked(flags).items() if name not in ("batch_size", "workers")},
        "device": (flags.device or "best").partition(":")[0],
        "seed": None if weights is not None else flags.seed,
        "deterministic": flags.deterministic or None,
    }
    identity = config_identity(config, weights, listing, places, asked)
    return Request(config, flags, listing, places, FeatureFolder(features_folder(identity), identity))


def _asked(flags: SourceFlags) -> dict[str, Any]:
    return {
        "stage": flags.vis_stage,
        "pool": flags.pool,
        "batch_size": flags.batch_size,
        "workers": flags.workers,
        "dtype": "float16" if flags.float16 else "float32",
        "full_precision": flags.full_precision,
    }


def _subset(flags: SourceFlags) -> Any:
    from selfscope.views.subset import Subset

    return Subset(flags.max_num_class, flags.class_idx, flags.max_num_samples, flags.seed)


def _weights(checkpoint: str | None) -> Path | None:
    """The file of a checkpoint, if it is here: a link's, once it was fetched."""
    if checkpoint is None:
        return None
    from selfscope.models.download import cached_file, is_link

    path = cached_file(checkpoint) if is_link(checkpoint) else Path(checkpoint).expanduser()
    return path if path.is_file() else None


def _tell(lines: list[str]) -> None:
    for line in lines:
        say(line)
        log.info("%s", line)


def _kept_line(folder: Path) -> str:
    from selfscope.store.cache import kept_features, size_in_words

    kept = list(kept_features())
    own = sum(entry.size for entry in kept if entry.folder == folder)
    whole = sum(entry.size for entry in kept)
    return f"features: {size_in_words(own)} in the cache, {folder} (it holds {size_in_words(whole)}; selfscope cache)"


def _data_line(listing: Listing, chosen: int, flags: SourceFlags) -> str:
    classes = f" of {len(listing.classes)} classes" if listing.classes else ""
    limited = bool(listing.classes) and not flags.class_idx and (flags.max_num_class or 0) < len(listing.classes or ())
    cut = f": labels below {flags.max_num_class} (--max-num-class)" if limited and flags.max_num_class else ""
    return f"data: {chosen} of {len(listing)} images{classes}{cut}"
