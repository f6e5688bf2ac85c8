"""Batches of a data set, from this process or from workers; a picture that cannot be read is skipped and told."""

from __future__ import annotations

import logging
import os
import pickle
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils.data import DataLoader

from selfscope import records
from selfscope.data.dataset import Dataset
from selfscope.data.workers import START_METHOD, begin_server, end_with_parent
from selfscope.errors import ConfigError, DataError, SelfscopeError, UsageError

log = logging.getLogger(__name__)
TOGETHER = 8
"""So many samples come from a worker at once: each message costs this process as much as a small picture."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Items of a data set, in its order."""

    images: torch.Tensor
    """`(B, C, H, W)` uint8 RGB: the first view of each item."""
    labels: torch.Tensor | None
    """`(B,)` int64, -1 for an item without one; None when the data set has none."""
    paths: tuple[str, ...]
    indices: torch.Tensor
    """`(B,)` int64 places in the data set."""
    views: tuple[torch.Tensor, ...] = ()
    """Every view, the first included, each `(B, C, H, W)`."""
    data_samples: tuple[Any, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    """`(path, reason)` of what could not be read since the batch before."""

    def __len__(self) -> int:
        return len(self.paths)


def load_batches(
    dataset: Dataset,
    *,
    batch_size: int,
    workers: int = 0,
    shuffle: bool = False,
    drop_last: bool = False,
) -> Iterator[Batch]:
    """Batches in the order of the data set, or in an order that its seed and epoch shuffle.

    A batch with pictures that cannot be read is smaller by these; a batch of nothing else is not yielded, its pictures
    are told with the next or the last. When not one can be read that is a DataError. At the end one line of the log
    names them. Never more workers than processors. Images of one batch must be of one size.
    """
    _check_workers(workers)
    if batch_size < 1:
        raise ConfigError(f"batch_size={batch_size}: expected at least 1")
    order = epoch_order(dataset) if shuffle else np.arange(len(dataset))
    end = len(order) // batch_size * batch_size if drop_last else len(order)
    chunks = [order[start : start + batch_size].tolist() for start in range(0, end, batch_size)]
    loaded = _through_workers(_Work(read_batch, dataset, chunks), workers)
    return _told(_with_skips_attached(loaded), len(dataset))


def load_pieces(dataset: Dataset, pieces: Sequence[Sequence[int]], *, workers: int = 0) -> Iterator[Loaded]:
    """Each piece, places in the data set, as a batch, in order; or what was wrong when none of it can be read."""
    _check_workers(workers)
    return _through_workers(_Work(read_batch, dataset, pieces), workers)


def epoch_order(dataset: Dataset) -> np.ndarray:
    """A permutation of the data set's places, drawn from its seed and epoch."""
    return np.random.default_rng([dataset.seed, dataset.epoch]).permutation(len(dataset))


def describe_skipped(skipped: Sequence[tuple[str, str]], total: int, most: int = 10) -> str:
    """One line: how many of `total` pictures were skipped, which and why."""
    named = "; ".join(f"{path}: {reason}" for path, reason in skipped[:most])
    more = f"; and {len(skipped) - most} more" if len(skipped) > most else ""
    return f"skipped {len(skipped)} of {total} pictures: {named}{more}"


class Skip(NamedTuple):
    """A picture that cannot be read."""

    path: str
    reason: str


Loaded = Batch | list[Skip]
"""A batch, or what was wrong with every picture of it."""


def load_samples(
    dataset: Dataset,
    *,
    workers: int = 0,
    draws: Sequence[tuple[int, int]] | None = None,
    then: Callable[[records.Sample], Any] | None = None,
) -> Iterator[Any]:
    """Every item as a record, in order, or the `draws` `(epoch, index)`; for one that cannot be read a `Skip`.

    `then` is applied to each record by the process that made it, and what it returns takes the record's place. Workers
    hand over several at a time: an exception that is not ours is raised before the few that were made just ahead of it.
    """
    _check_workers(workers)
    read = read_sample if draws is None else _read_draw
    pieces = range(len(dataset)) if draws is None else draws
    work = _Work(read if then is None else partial(_read_then, read, then), dataset, pieces)
    return _through_workers(work, workers, together=TOGETHER)


@dataclass(frozen=True)
class _Work(torch.utils.data.Dataset[Any]):
    """Pieces of work as the items of a data set, so that workers do whole pieces; a refusal is an item too."""

    read: Callable[[Dataset, Any], Any]
    dataset: Dataset
    pieces: Sequence[Any]

    def __len__(self) -> int:
        return len(self.pieces)

    def __getitem__(self, index: int) -> Any:
        try:
            return self.read(self.dataset, self.pieces[index])
        except SelfscopeError as error:
            return error


def read_sample(dataset: Dataset, index: int, epoch: int | None = None) -> records.Sample | Skip:
    try:
        return dataset.sample(index, epoch)
    except DataError as error:
        return _skip(dataset.entries[index].path, error)


def _read_draw(dataset: Dataset, draw: tuple[int, int]) -> records.Sample | Skip:
    epoch, index = draw
    return read_sample(dataset, index, epoch)


def _read_then(
    read: Callable[[Dataset, Any], records.Sample | Skip],
    then: Callable[[records.Sample], Any],
    dataset: Dataset,
    piece: Any,
) -> Any:
    made = read(dataset, piece)
    return made if isinstance(made, Skip) else then(made)


def _skip(path: str, error: DataError) -> Skip:
    return Skip(path, str(error).removeprefix(f"{path}: "))


def read_batch(dataset: Dataset, indices: Sequence[int]) -> Loaded:
    """The items at `indices` as a batch, or what was wrong with each when not one can be read."""
    items, kept, skipped = [], [], []
    for index in indices:
        path = dataset.entries[index].path
        try:
            items.append(dataset[index])
        except DataError as error:
            skipped.append(_skip(path, error))
        else:
            kept.append(index)
    if not items:
        return skipped
    entries = [dataset.entries[index] for index in kept]
    paths = tuple(entry.path for entry in entries)
    views = _stacked([item.inputs for item in items], paths)
    labels = [-1 if entry.label is None else entry.label for entry in entries]
    return Batch(
        images=views[0],
        labels=None if dataset.labels is None else torch.tensor(labels, dtype=torch.int64),
        paths=paths,
        indices=torch.tensor(kept, dtype=torch.int64),
        views=views,
        data_samples=tuple(item.data_samples for item in items),
        skipped=tuple(skipped),
    )


def _stacked(inputs: Sequence[Sequence[torch.Tensor]], paths: Sequence[str]) -> tuple[torch.Tensor, ...]:
    """Every view of all items as one tensor; sizes that differ are a ConfigError that names two files."""
    sizes = [[tuple(view.shape) for view in item] for item in inputs]
    odd = next((i for i, size in enumerate(sizes) if size != sizes[0]), None)
    if odd is not None:
        raise ConfigError(
            f"images of a batch differ in size: {paths[0]} is {_size(sizes[0])}, {paths[odd]} is {_size(sizes[odd])}: "
            "end the pipeline with Resize or CenterCrop, or use batches of 1"
        )
    return tuple(torch.stack(list(view)) for view in zip(*inputs, strict=True))


def _size(shapes: Sequence[tuple[int, ...]]) -> str:
    return " and ".join(f"{shape[-1]}×{shape[-2]}" for shape in shapes[:3])


def _through_workers(work: _Work, workers: int, together: int = 1) -> Iterator[Any]:
    """The results in order; `together` come from a worker at once where there are enough for all of them."""
    workers = min(workers, _processors(), len(work))
    results: Iterator[Any] = map(work.__getitem__, range(len(work)))
    if workers:
        begin_server()
        options: dict[str, Any] = {"num_workers": workers, "worker_init_fn": end_with_parent}
        options["multiprocessing_context"] = START_METHOD
        size = max(1, min(together, len(work) // (2 * workers)))
        results = chain.from_iterable(_begun(DataLoader(work, batch_size=size, collate_fn=_as_it_is, **options)))
    try:
        for result in results:
            if isinstance(result, SelfscopeError):
                raise result
            yield result
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise DataError(
            "a process that loads pictures died, for want of memory or because it could not import what it was given "
            "(then its own words stand above): try fewer workers, or 0"
        ) from error
    finally:
        del results  # ends the workers, also when the caller stops early


def _begun(loader: DataLoader[Any]) -> Iterator[Any]:
    """The loader's results, once its processes have been handed what they need."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Got pickle error")  # said below, in other words
            return iter(loader)
    except (pickle.PicklingError, AttributeError, TypeError) as error:  # what pickle raises, by Python's version
        raise UsageError(
            f"workers={loader.num_workers}: the data set or its transform cannot be handed to another process "
            f"({error}): name every function in a module, none as a lambda or inside a function, or use workers=0"
        ) from error


def _as_it_is(items: list[Any]) -> list[Any]:
    return items


def _check_workers(workers: int) -> None:
    if workers < 0:
        raise ConfigError(f"workers={workers}: expected at least 0")


def _processors() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _with_skips_attached(loaded: Iterator[Loaded]) -> Iterator[Batch]:
    """Batches alone; skips that came without a batch go with the next one, or with the last."""
    waiting: Batch | None = None
    loose: list[tuple[str, str]] = []
    for item in loaded:
        if isinstance(item, Batch):
            if waiting is not None:
                yield waiting
            waiting = replace(item, skipped=(*loose, *item.skipped))
            loose = []
        else:
            loose.extend(item)
    if waiting is None:
        if loose:
            path, reason = loose[0]
            raise DataError(f"none of {len(loose)} pictures can be read, beginning with {path}: {reason}")
        return
    yield replace(waiting, skipped=(*waiting.skipped, *loose))


def _told(batches: Iterator[Batch], total: int) -> Iterator[Batch]:
    skipped: list[tuple[str, str]] = []
    for batch in batches:
        skipped.extend(batch.skipped)
        yield batch
    if skipped:
        log.info("%s", describe_skipped(skipped, total))
