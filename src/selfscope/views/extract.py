"""Features of a data set, in its order, for any stages of a model: in memory, or streamed to a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from selfscope.config.reader import Config
from selfscope.config.top_level import lacking
from selfscope.data.dataset import Dataset, build_dataset, folder_dataset
from selfscope.data.end_transform import ToModel
from selfscope.data.ends import LoadImageFromFile
from selfscope.errors import UsageError
from selfscope.models.encoder import ASSUMED
from selfscope.store.shards import FeatureFolder, MemoryShards, StoredFeatures
from selfscope.structures import Features
from selfscope.views.forward import Extraction, Forward
from selfscope.views.load import LoadedModel, load, require
from selfscope.views.options import made_of
from selfscope.views.progress import Progress, silent
from selfscope.views.ranks import Ranks, joined
from selfscope.views.shared_work import computed
from selfscope.views.stored import features_of
from selfscope.views.subset import Subset


def extract(
    model: LoadedModel | Any,
    data: Dataset | str | Path | Sequence[str | Path],
    *,
    subset: Subset | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Features:
    """Features of every image of `data`: a folder (of class folders or flat), a list of files, or a `Dataset`.

    `options` are the fields of `selfscope.views.forward.Extraction`: `stage` (one or several), `out_indices`, `pool`,
    `transform`, `batch_size`, `workers`, `dtype`, `full_precision`, `folder`, `distributed`. A folder of images goes
    through the model's own evaluation pipeline, or through `transform`. Images that cannot be read are left out and
    named in `skipped`; where not one can be read that is a DataError. Features do not depend on `batch_size` or
    `workers` beyond float32's rounding; `settings` says how they were made. With `folder` they are mapped from disk,
    and a call that was killed is carried on by the same call.
    """
    how: Extraction = made_of(Extraction, options, "extract")
    loaded = load(model)
    for stage in how.stages:
        require(loaded, stage)
    dataset = _dataset(loaded, data, how)
    if subset is not None:
        dataset = dataset.subset(subset(dataset.labels, len(dataset)))
    ranks = joined() if how.distributed else Ranks()
    if how.folder is None:
        stored = _stored(loaded, dataset, how, MemoryShards(), progress or silent, ranks)
    else:
        stored = _in_folder(loaded, dataset, how, progress or silent, ranks)
    return features_of(stored, dataset.entries, dataset.labels, dataset.classes)


def extraction_dataset(config: Config, *, trust: bool = False) -> Dataset:
    """The data set that a t-SNE config names under `extract_dataloader`."""
    dataset = config.get("extract_dataloader", {}).get("dataset")
    if dataset is None:
        raise lacking(config, "extract_dataloader", "dict(dataset=…)", "; take a config of configs/tsne")
    return build_dataset(dataset, trust=trust)


def evaluation_pipeline(model: LoadedModel) -> list[dict[str, Any]]:
    """The config's extraction pipeline, or the one that travels with timm's weights, or: short edge to 8/7 of the
    model's side (bicubic), centre crop.
    """
    extraction = (model.values.get("extract_dataloader") or {}).get("dataset", {})
    named = getattr(model.module, "pipeline", None) or extraction.get("pipeline")
    if named:
        return list(named)
    size = model.image_size
    return [
        {"type": "LoadImageFromFile"},
        {"type": "ResizeEdge", "scale": round(size * 8 / 7), "backend": "pillow", "interpolation": "bicubic"},
        {"type": "CenterCrop", "crop_size": size},
        {"type": "PackSelfSupInputs"},
    ]


def _dataset(model: LoadedModel, data: Any, how: Extraction) -> Dataset:
    if how.transform is None:
        return data if isinstance(data, Dataset) else folder_dataset(data, evaluation_pipeline(model))
    if isinstance(data, Dataset):
        raise UsageError("transform: a Dataset has a pipeline of its own; give the folder or the files instead")
    return folder_dataset(data, [LoadImageFromFile(), ToModel(how.transform)])


def _in_folder(
    model: LoadedModel, dataset: Dataset, how: Extraction, progress: Progress, ranks: Ranks
) -> StoredFeatures:
    folder = how.folder
    if not isinstance(folder, FeatureFolder):
        from selfscope.views.identity import loaded_identity

        folder = FeatureFolder(str(folder), loaded_identity(model, dataset, how))
    finished = folder.read()
    return finished or _stored(model, dataset, how, folder, progress, ranks)


def _stored(
    model: LoadedModel,
    dataset: Dataset,
    how: Extraction,
    shards: FeatureFolder | MemoryShards,
    progress: Progress,
    ranks: Ranks,
) -> StoredFeatures:
    forward = Forward(model, how)
    with forward.ready():
        count, plan = computed(dataset, forward, shards, progress, ranks)
    ranks.wait()
    made = {"device": str(model.device), **plan}
    if how.transform is None:
        made["image_size"] = model.image_size
    notes = [note for note in model.notes if how.transform is None or note != ASSUMED]  # nothing is normalised then
    settings = {**model.describe(), **how.described(), **made, "notes": notes}
    if ranks.rank == 0:
        stored = shards.finish(count, {"settings": settings, "messages": model.messages()})
        ranks.wait()
        return stored
    ranks.wait()
    return shards.awaited()
