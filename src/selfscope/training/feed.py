"""Batches for training: one endless stream over all epochs, the same for any number of workers, shared out to ranks.

Workers live as long as the stream and read ahead over the end of an epoch. Which images are in a batch depends on
(seed, epoch) alone, so that a stream begun in the middle gives what an undisturbed one gives there.
"""

from __future__ import annotations

import atexit
import contextlib
import os
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakSet

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from selfscope.data.dataset import Dataset, build_dataset
from selfscope.data.loading import Batch, epoch_order, read_batch
from selfscope.data.workers import START_METHOD, begin_server, leave_signals_to_parent
from selfscope.errors import ConfigError, DataError, SelfscopeError, nearest

SAMPLERS = {"DefaultSampler": True, "InfiniteSampler": True}
READ = ("batch_size", "num_workers", "dataset", "sampler", "drop_last", "prefetch_factor", "pin_memory")
IMPLIED = ("persistent_workers", "collate_fn", "worker_init_fn", "_scope_")
"""What a config says and is so here in any case."""

OPEN: WeakSet[Generator[Any, None, None]] = WeakSet()
"""Streams that may have workers."""


@atexit.register
def close_streams() -> None:
    """Before multiprocessing's own end, which waits for workers that its one SIGTERM does not end: they leave the first
    of these to whoever trains.
    """
    for stream in list(OPEN):
        with contextlib.suppress(ValueError):  # at work in a thread, which goes with the interpreter
            stream.close()


@dataclass(frozen=True, eq=False)
class TrainBatch:
    """Images of one iteration on one rank."""

    views: tuple[Tensor, ...]
    """Each `(B, C, H, W)` uint8 RGB."""
    indices: Tensor
    """`(B,)` int64 places in the data set."""
    epoch: int
    paths: tuple[str, ...] = ()
    labels: Tensor | None = None
    masks: Tensor | None = None
    """`(B, h, w)` where the pipeline draws masks; 1 = removed."""
    skipped: tuple[tuple[str, str], ...] = ()
    """`(path, reason)` of images that could not be read: the batch is smaller by these."""

    def __len__(self) -> int:
        return len(self.indices)

    def pin_memory(self) -> TrainBatch:
        """For DataLoader: views in memory that a GPU reads directly."""
        pinned = tuple(view.pin_memory() for view in self.views)
        return TrainBatch(pinned, self.indices, self.epoch, self.paths, self.labels, self.masks, self.skipped)


@dataclass(frozen=True, eq=False)
class Feed:
    """The training data of one rank; `len` is its batches an epoch. Every rank has equally many."""

    dataset: Dataset
    batch_size: int
    workers: int = 0
    rank: int = 0
    world_size: int = 1
    shuffle: bool = True
    drop_last: bool = False
    pinned: bool = False
    prefetch: int = 2
    skipped: dict[str, str] = field(default_factory=dict)
    """Reasons, by path, of what could not be read so far."""

    def __post_init__(self) -> None:
        if self.batch_size < 1 or self.workers < 0:
            raise ConfigError(
                f"train_dataloader: expected batch_size of at least 1 and num_workers of at least 0, "
                f"got {self.batch_size} and {self.workers}"
            )
        if len(self) < 1:
            raise ConfigError(
                f"train_dataloader: {len(self.dataset)} images on {self.world_size} processes do not fill one batch "
                f"of {self.batch_size}, and drop_last drops it: lower batch_size"
            )

    def __len__(self) -> int:
        return self.share // self.batch_size if self.drop_last else -(-self.share // self.batch_size)

    @property
    def share(self) -> int:
        """Images of an epoch on this rank: the last ranks see some images twice where they do not divide."""
        return -(-len(self.dataset) // self.world_size)

    @property
    def smallest(self) -> int:
        """Images in the last batch of an epoch."""
        return self.batch_size if self.drop_last else self.share - (len(self) - 1) * self.batch_size

    def order(self, epoch: int) -> np.ndarray:
        """`(share,)` places of this rank's images in an epoch; batches of all ranks together follow one order."""
        dataset = self.dataset.at_epoch(epoch)
        every = epoch_order(dataset) if self.shuffle else np.arange(len(dataset))
        return np.resize(every, self.share * self.world_size)[self.rank :: self.world_size]

    def stream(self, epoch: int = 0, batch: int = 0) -> Generator[TrainBatch, None, None]:
        """Batches without end, from batch number `batch` of an epoch on.

        Its workers end when it is closed, or no longer held, or the interpreter ends.
        """
        stream = self._stream(epoch, batch)
        OPEN.add(stream)
        return stream

    def _stream(self, epoch: int, batch: int) -> Generator[TrainBatch, None, None]:
        options: dict[str, Any] = {"pin_memory": self.pinned}
        if self.workers:
            begin_server("selfscope.training.feed")
            options |= {"num_workers": self.workers, "multiprocessing_context": START_METHOD}
            options |= {"prefetch_factor": self.prefetch, "worker_init_fn": leave_signals_to_parent}
        sampler = _Plan(self, epoch, batch)
        loaded = iter(DataLoader(_Reader(self.dataset), batch_size=None, sampler=sampler, collate_fn=_same, **options))
        try:
            for item in loaded:
                if isinstance(item, SelfscopeError):
                    raise item
                self.skipped.update(item.skipped)
                yield item
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            raise DataError("a process that loads pictures died, perhaps for want of memory: use fewer") from error
        finally:
            del loaded  # ends the workers


@dataclass(frozen=True)
class _Plan:
    """Endless pairs of an epoch and the places of one batch."""

    feed: Feed
    epoch: int
    batch: int

    def __iter__(self) -> Iterator[tuple[int, list[int]]]:
        epoch, first, size = self.epoch, self.batch, self.feed.batch_size
        while True:
            order = self.feed.order(epoch)
            for number in range(first, len(self.feed)):
                yield epoch, order[number * size : (number + 1) * size].tolist()
            epoch, first = epoch + 1, 0


@dataclass(frozen=True)
class _Reader(torch.utils.data.Dataset[Any]):
    """Reads whole batches, so that a worker hands over few large tensors; a refusal is an item too."""

    dataset: Dataset

    def __getitem__(self, piece: tuple[int, list[int]]) -> TrainBatch | SelfscopeError:
        epoch, places = piece
        try:
            read = read_batch(self.dataset.at_epoch(epoch), places)
            if not isinstance(read, Batch):
                path, reason = read[0]
                raise DataError(f"none of a batch of {len(read)} pictures can be read, beginning with {path}: {reason}")
            return TrainBatch(
                read.views, read.indices, epoch, read.paths, read.labels, _masks(read.data_samples), read.skipped
            )
        except SelfscopeError as error:
            return error


def build_feed(
    config: Mapping[str, Any],
    *,
    seed: int,
    rank: int = 0,
    world_size: int = 1,
    pinned: bool = False,
    trust: bool = False,
) -> Feed:
    """Of a config's `train_dataloader`; `batch_size` and `num_workers` are those of one process, as there."""
    loader = config.get("train_dataloader")
    file, line = getattr(loader, "origin", (getattr(config, "file", None), None))
    if not isinstance(loader, Mapping) or "dataset" not in loader:
        raise ConfigError("training needs train_dataloader=dict(batch_size=…, dataset=dict(…))", file=file, line=line)
    unknown = [name for name in loader if name not in (*READ, *IMPLIED)]
    if unknown:
        hint = nearest(unknown[0], READ) or f" It takes {', '.join(READ)}."
        raise ConfigError(f"train_dataloader takes no {unknown[0]!r} here.{hint}", file=file, line=line)
    sampler = dict(loader.get("sampler") or {"type": "DefaultSampler"})
    kind = str(sampler.get("type", "")).rpartition(".")[2]
    if kind not in SAMPLERS:
        hint = nearest(kind, SAMPLERS) or f" Known are {', '.join(SAMPLERS)}."
        raise ConfigError(f"train_dataloader: the sampler {kind!r} is not known here.{hint}", file=file, line=line)
    return Feed(
        build_dataset(loader["dataset"], seed=seed, trust=trust),
        int(loader.get("batch_size", 1)),
        workers=min(int(loader.get("num_workers", 0)), os.cpu_count() or 1),
        rank=rank,
        world_size=world_size,
        shuffle=bool(sampler.get("shuffle", SAMPLERS[kind])),
        drop_last=bool(loader.get("drop_last", False)),
        pinned=pinned and bool(loader.get("pin_memory", True)),
        prefetch=int(loader.get("prefetch_factor") or 2),
    )


def _masks(samples: Sequence[Any]) -> Tensor | None:
    drawn = [getattr(sample, "mask", None) for sample in samples]
    if not drawn or drawn[0] is None:
        return None
    return torch.stack([torch.as_tensor(getattr(mask, "value", mask)) for mask in drawn])


def _same(item: Any) -> Any:
    return item
