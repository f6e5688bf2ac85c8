"""Shards of features from a data set: what is missing, read and computed side by side, stored in order.

On the CPU each thread reads a batch and takes it through the model with one thread of torch's: no thread waits for
another between layers, reading needs no process of its own, and small batches stay in the caches. On a GPU processes
read ahead, and the features of a batch are fetched when the next one is on its way.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from selfscope.data.dataset import Dataset
from selfscope.data.loading import Batch, Loaded, load_pieces, read_batch
from selfscope.data.threads import in_threads
from selfscope.store.shards import FeatureFolder, MemoryShards, Shard
from selfscope.views.device import automatic_batch
from selfscope.views.forward import Forward
from selfscope.views.progress import Progress
from selfscope.views.ranks import Ranks

SHARD = 256
"""Images a shard, about: what an interruption can cost."""
READERS = 8
"""Most processes that read for a GPU unless more are asked for."""
Piece = tuple[Sequence[int], Loaded]
Results = Generator[Shard, None, None]


@dataclass(frozen=True)
class Plan:
    """How the work is divided; the same plan gives the same bytes."""

    batch_size: int
    shard: int
    """Images a shard, a multiple of the batch size."""
    quick: dict[str, Any]

    def count(self, n: int) -> int:
        return -(-n // self.shard)

    def batches(self, number: int, n: int) -> list[range]:
        """Places in the data set of each batch of a shard."""
        stop = min((number + 1) * self.shard, n)
        starts = range(number * self.shard, stop, self.batch_size)
        return [range(start, min(start + self.batch_size, stop)) for start in starts]


def computed(
    dataset: Dataset, forward: Forward, shards: FeatureFolder | MemoryShards, progress: Progress, ranks: Ranks
) -> tuple[int, dict[str, Any]]:
    """Makes this rank's share of what is missing; how many shards there are in all, and facts on how they were made."""
    n = len(dataset)
    plan = _plan(dataset, forward, shards, ranks)
    mine = [number for number in shards.missing(plan.count(n)) if number % ranks.world == ranks.rank]
    batches = {number: plan.batches(number, n) for number in mine}
    left = sum(len(batch) for each in batches.values() for batch in each)
    done = total = n if ranks.world == 1 else left
    done -= left
    progress(done, total)
    results = _results([batch for number in mine for batch in batches[number]], dataset, forward, plan)
    with closing(results):  # ends its threads when an error or Ctrl-C stops this
        for number in mine:
            parts = []
            for batch in batches[number]:
                parts.append(next(results))
                done += len(batch)
                progress(done, total)
            shards.write(number, _joined(parts))
    made = {"batch_size": plan.batch_size, "precision": "mixed float16" if forward.mixed else "float32"}
    return plan.count(n), {**made, **{f"quick_{name}": value for name, value in plan.quick.items()}}


def _plan(dataset: Dataset, forward: Forward, shards: FeatureFolder | MemoryShards, ranks: Ranks) -> Plan:
    """That by which the work was begun, or a new one of rank 0; the model is made ready by it."""
    asked, sample = forward.how.batch_size, _sample(dataset)
    known = shards.begun() if ranks.rank == 0 else None
    if known and asked not in (None, known["batch_size"]):
        known = None
    if ranks.rank == 0 and known is None:
        if sample is not None:
            forward.quicken(sample)
        size = asked or automatic_batch(forward.model.device, lambda count: _run(forward, sample, count))
        shards.begin(vars(Plan(size, -(-SHARD // size) * size, forward.quick)))
    plan = Plan(**ranks.agree(shards.begun() if ranks.rank == 0 else None))
    if sample is not None and (ranks.rank or known):
        forward.quicken(sample, plan.quick)
    return plan


def _sample(dataset: Dataset, size: int = 2) -> torch.Tensor | None:
    """The first images that can be read."""
    for start in range(0, len(dataset), size):
        loaded = read_batch(dataset, range(start, min(start + size, len(dataset))))
        if isinstance(loaded, Batch):
            return loaded.images
    return None


def _run(forward: Forward, sample: torch.Tensor | None, count: int) -> None:
    if sample is not None:
        forward.launch(sample[:1].repeat(count, 1, 1, 1))


def _results(batches: Sequence[Sequence[int]], dataset: Dataset, forward: Forward, plan: Plan) -> Results:
    """Features of each batch, in order."""
    workers = forward.how.workers
    if forward.model.device.type != "cpu":
        readers = min(READERS, os.cpu_count() or 1) if workers is None else workers
        return _ahead(zip(batches, load_pieces(dataset, batches, workers=readers), strict=True), forward)
    if not workers:
        return _over_threads(partial(_read_features, forward, dataset), batches, dataset, plan)
    pieces = zip(batches, load_pieces(dataset, batches, workers=workers), strict=True)
    return _over_threads(partial(_features, forward), pieces, dataset, plan)


def _over_threads(call: Callable[[Any], Shard], items: Any, dataset: Dataset, plan: Plan) -> Results:
    """One thread of torch's in each of ours; where there are fewer batches than threads, torch has them all.

    Which of the two is decided by the whole data set, so that work that is carried on is carried on the same way.
    """
    threads = torch.get_num_threads()
    if threads == 1 or len(dataset) < threads * plan.batch_size:
        yield from map(call, items)
        return
    try:
        yield from in_threads(call, items, threads, partial(torch.set_num_threads, 1))
    finally:
        torch.set_num_threads(threads)  # what threads to come will take as theirs


def _ahead(pieces: Iterable[Piece], forward: Forward) -> Results:
    before: Callable[[], Shard] | None = None
    for batch, loaded in pieces:
        outputs = forward.launch(loaded.images) if isinstance(loaded, Batch) else None
        if before is not None:
            yield before()
        before = partial(_collected, forward, (batch, loaded), outputs)
    if before is not None:
        yield before()


def _read_features(forward: Forward, dataset: Dataset, batch: Sequence[int]) -> Shard:
    return _features(forward, (batch, read_batch(dataset, batch)))


def _features(forward: Forward, piece: Piece) -> Shard:
    loaded = piece[1]
    return _collected(forward, piece, forward.launch(loaded.images) if isinstance(loaded, Batch) else None)


def _collected(forward: Forward, piece: Piece, outputs: Any) -> Shard:
    batch, loaded = piece
    if not isinstance(loaded, Batch):
        return Shard({}, [(place, skip[1]) for place, skip in zip(batch, loaded, strict=True)])
    kept = set(loaded.indices.tolist())
    gone = [place for place in batch if place not in kept]
    skipped = [(place, skip[1]) for place, skip in zip(gone, loaded.skipped, strict=True)]
    return Shard(forward.collect(outputs), skipped, outputs.notes)


def _joined(parts: Sequence[Shard]) -> Shard:
    full = [part for part in parts if part.arrays]
    arrays = {name: np.concatenate([part.arrays[name] for part in full]) for name in (full[0].arrays if full else ())}
    skipped = [item for part in parts for item in part.skipped]
    return Shard(arrays, skipped, tuple(dict.fromkeys(note for part in parts for note in part.notes)))
