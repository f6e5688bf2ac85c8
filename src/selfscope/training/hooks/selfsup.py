"""`SelfSupVisualizationHook`: reconstructions beside the first ones, and a small map with how far to trust it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from selfscope.data.dataset import Dataset
from selfscope.data.pipeline import build_transforms, type_names
from selfscope.draw.comparison import Painted, comparison_picture
from selfscope.draw.compose import Cell
from selfscope.draw.mask import overlay
from selfscope.draw.picture import resize
from selfscope.embedding.knn import knn_accuracy
from selfscope.errors import UsageError
from selfscope.records import Picture, Reconstruction, Record, Scalars
from selfscope.structures import Features
from selfscope.training.hooks.visualization import VisualizationHook
from selfscope.views.embed import tsne
from selfscope.views.extract import evaluation_pipeline, extract
from selfscope.views.load import LoadedModel
from selfscope.views.reconstruct import reconstruct

FEWEST_FOR_A_MAP = 10
NEIGHBOURS = 20
TRUST = ("trustworthiness", "knn_recall")


@dataclass(frozen=True, eq=False)
class _First:
    """The first look, kept to be shown beside every later one."""

    step: int
    epoch: int
    pictures: tuple[np.ndarray, ...]
    numbers: tuple[Mapping[str, float], ...]


class SelfSupVisualizationHook(VisualizationHook):
    """What a VisualizationHook shows, and two looks into the model. Each of the three is left out by its own switch.

    `views`: the fixed samples as the epoch's pipeline draws them. `reconstructions`, of masked-image models: a sheet of
    the same images under the same masks, as first painted and as now, and the mean of their numbers as scalars;
    `pixel_stats` is that of `selfscope.reconstruct`. `map_items`: so many items as a t-SNE map of their `stage`
    features, made afresh each time, so that movement between two maps means nothing; its trust stands on it, and
    beside it as scalars, with two watchdogs against collapse: `feature_std`, the spread of the normalised features over
    1/√D (SimSiam: near 1 is healthy, near 0 collapsed), and for labelled data `knn_accuracy` in feature space (k = 20,
    one half of the items asks the other). 0 items: no map.
    """

    def __init__(
        self,
        interval: int = 1,
        by_epoch: bool = True,
        samples: int = 4,
        seed: int = 0,
        data: Dataset | str | Path | None = None,
        key: str = "train",
        image_size: int | None = None,
        *,
        views: bool = True,
        reconstructions: bool = True,
        map_items: int = 500,
        stage: str = "backbone",
        pixel_stats: str = "none",
    ) -> None:
        super().__init__(interval, by_epoch, samples, seed, data, key, image_size)
        if not isinstance(map_items, int) or map_items < 0 or 0 < map_items < FEWEST_FOR_A_MAP:
            raise UsageError(f"map_items must be 0 (no map) or at least {FEWEST_FOR_A_MAP}, got {map_items!r}")
        self.show_views, self.show_reconstructions = views, reconstructions
        self.map_items, self.stage, self.pixel_stats = map_items, stage, pixel_stats
        self._first: _First | None = None

    def look(self, runner: Any, step: int) -> Iterator[Record]:
        model = self.loaded(runner)
        if self.samples and self.show_views:
            yield from self.views(runner, step)
        if self.samples and self.show_reconstructions and hasattr(model.module, "prediction_picture"):
            yield from self._reconstructions(runner, model, step)
        if self.map_items:
            yield from self._map(runner, model, step)

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """A resumed run goes on comparing with the very first pictures."""
        if self._first is not None:
            first = {"step": self._first.step, "epoch": self._first.epoch, "numbers": list(self._first.numbers)}
            pictures = [torch.from_numpy(picture.copy()) for picture in self._first.pictures]
            checkpoint.setdefault("hooks", {})[self._name] = {**first, "pictures": pictures}

    def after_load_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        kept = (checkpoint.get("hooks") or {}).get(self._name)
        if kept is not None:
            pictures = tuple(picture.cpu().numpy() for picture in kept["pictures"])
            self._first = _First(int(kept["step"]), int(kept["epoch"]), pictures, tuple(kept["numbers"]))

    @property
    def _name(self) -> str:
        return f"{type(self).__name__}/{self.key}"

    def _reconstructions(self, runner: Any, model: LoadedModel, step: int) -> Iterator[Record]:
        chosen = self.chosen(runner, self.samples)
        shots = [self._painted(model, chosen, index, step) for index in range(len(chosen))]
        records = [record for _, record in shots]
        now = _First(
            step, runner.epoch, tuple(r.pictures["pasted"] for r in records), tuple(dict(r.metrics) for r in records)
        )
        if self._first is None or len(self._first.pictures) != len(records):
            self._first = now
        yield Picture(
            f"{self.key}/reconstructions",
            _sheet(shots, self._first, now),
            step,
            caption="the same images and masks each time",
        )
        means = _means([record.metrics for record in records])
        if means:
            yield Scalars({f"{self.key}/{name}": value for name, value in means.items()}, step)

    def _painted(self, model: LoadedModel, chosen: Dataset, index: int, step: int) -> tuple[np.ndarray, Reconstruction]:
        """One fixed item, the crop and the mask of epoch 0, whatever the epoch: as a photo, and as painted.

        A model that predicts no pixels is shown beside what it should have predicted.
        """
        sample, target = chosen.sample(index, epoch=0), hasattr(model.module, "target")
        record = reconstruct(
            model,
            sample.views[0].picture,
            seed=self.seed + index,
            mask=sample.mask,
            pixel_stats=self.pixel_stats if model.module.norm_pix else "none",
            target=target,
            baselines=False,
            key=sample.key,
            step=step,
        )
        return sample.views[0].picture, replace(record, settings={**record.settings, "target": target})

    def _map(self, runner: Any, model: LoadedModel, step: int) -> Iterator[Record]:
        chosen = self.chosen(runner, self.map_items)
        if len(chosen) < FEWEST_FOR_A_MAP:
            raise UsageError(f"{type(self).__name__}: {len(chosen)} items are too few for a map: give map_items=0")
        pipeline = evaluation_pipeline(model)
        items = replace(chosen, transforms=build_transforms(pipeline), types=tuple(type_names(pipeline)))
        features = extract(model, items, stage=self.stage)
        yield Scalars({f"{self.key}/{name}": value for name, value in _health(features).items()}, step)
        embedding = tsne(features, seed=self.seed, step=step)
        named = f"{embedding.settings.get('model')} · step {step:,}"  # the picture's title says which model it shows
        settings = {**embedding.settings, "model": named, "step": step, "epoch": runner.epoch}
        yield replace(embedding, key=f"{self.key}/map", settings=settings, features={})
        trust = {f"{self.key}/map_{name}": embedding.quality[name] for name in TRUST if name in embedding.quality}
        yield Scalars(trust, step)


def _sheet(shots: Sequence[tuple[np.ndarray, Reconstruction]], first: _First, now: _First) -> np.ndarray:
    records = [record for _, record in shots]
    given = [_given(photo, record, headed=i == 0) for i, (photo, record) in enumerate(shots)]
    moments = [first] if first is now else [first, now]
    painted = [Painted(f"step {moment.step:,}", moment.pictures, moment.numbers) for moment in moments]
    notes = [note for note in records[0].notes if first is now or not note.startswith("untrained")]
    return comparison_picture(
        given,
        painted,
        title=f"{records[0].method} · step {now.step:,} · epoch {now.epoch + (now.step > 0)}",
        notes=notes,
        footer=["what is painted, pasted between the visible patches; the same images and masks each time"],
    )


def _given(photo: np.ndarray, record: Reconstruction, *, headed: bool) -> list[Cell]:
    """The photo, what the model saw of it, and what a model that predicts no pixels should have predicted."""
    original = record.pictures["original"]
    cells = [(original, "original"), (record.pictures["masked"], f"{100 * record.settings['mask_ratio']:.0f} % masked")]
    if record.settings["target"]:
        seen = resize(photo, original.shape[:2])
        cells = [(seen, "original"), (overlay(seen, record.arrays["mask"]), cells[1][1]), (original, "its target")]
    return [(picture, words if headed else "") for picture, words in cells]


def _means(metrics: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([one[name] for one in metrics])) for name in metrics[0]}


def _health(features: Features) -> dict[str, float]:
    """Whether the features are alive: their spread, and whose neighbours they have."""
    array, labels = next(iter(features.arrays.values())), features.labels
    lengths = np.linalg.norm(array, axis=1, keepdims=True)
    unit = array / np.maximum(lengths, 1e-12)
    health = {"feature_std": float(unit.std(axis=0).mean() * np.sqrt(unit.shape[1]))}
    if labels is not None and (labels >= 0).all() and (lengths > 0).all():
        bank, queries = slice(0, None, 2), slice(1, None, 2)
        health["knn_accuracy"] = knn_accuracy(array[bank], labels[bank], array[queries], labels[queries], k=NEIGHBOURS)
    return health
