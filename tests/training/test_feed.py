"""What is in each batch: the same for any number of workers and ranks, from any place in the training."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from selfscope.errors import ConfigError, DataError
from selfscope.training.feed import Feed, TrainBatch, build_feed
from tests.training.small import PIPELINE, small_config


def feed(root: Path, *, seed: int = 3, rank: int = 0, world_size: int = 1, **loader: Any) -> Feed:
    dataset = {"type": "CustomDataset", "data_root": str(root), "ann_file": "", "pipeline": PIPELINE}
    config = {"train_dataloader": {"batch_size": 4, "dataset": dataset, **loader}}
    return build_feed(config, seed=seed, rank=rank, world_size=world_size)


def take(source: Feed, n: int, epoch: int = 0, batch: int = 0) -> list[TrainBatch]:
    stream = source.stream(epoch, batch)
    taken = list(islice(stream, n))
    stream.close()
    return taken


def same(a: list[TrainBatch], b: list[TrainBatch]) -> bool:
    pairs = list(zip(a, b, strict=True))
    return all(x.epoch == y.epoch and x.paths == y.paths and torch.equal(x.views[0], y.views[0]) for x, y in pairs)


def test_an_epoch_holds_every_image_once(photos: Callable[..., Path]) -> None:
    source = feed(photos(classes=3, each=3))
    batches = take(source, 6)
    assert len(source) == 3
    assert [len(batch) for batch in batches] == [4, 4, 1] * 2
    assert [batch.epoch for batch in batches] == [0, 0, 0, 1, 1, 1]
    orders = [torch.cat([b.indices for b in batches[i : i + 3]]).tolist() for i in (0, 3)]
    assert [sorted(order) for order in orders] == [list(range(9))] * 2
    assert orders[0] != orders[1]


def test_a_stream_can_begin_anywhere(photos: Callable[..., Path]) -> None:
    source = feed(photos(classes=3, each=3))
    assert same(take(source, 4, epoch=1, batch=2), take(source, 9)[5:])


@pytest.mark.slow
def test_workers_change_nothing_and_read_over_the_end_of_an_epoch(photos: Callable[..., Path]) -> None:
    root = photos(classes=3, each=3)
    assert same(take(feed(root, num_workers=2), 7), take(feed(root), 7))


ABANDONED = """
import sys
from selfscope.training.feed import build_feed

if __name__ == "__main__":
    dataset = dict(type="CustomDataset", data_root=sys.argv[1], ann_file="", pipeline={pipeline!r})
    loader = dict(batch_size=4, num_workers=2, dataset=dataset)
    stream = build_feed(dict(train_dataloader=loader), seed=0).stream()
    print(len(next(stream)))
    {end}
"""


@pytest.mark.slow
@pytest.mark.parametrize(("end", "code"), [("pass", 0), ("sys.exit(3)", 3), ("raise RuntimeError", 1)])
def test_a_stream_that_nobody_closes_does_not_keep_the_interpreter(
    end: str, code: int, photos: Callable[..., Path], tmp_path: Path
) -> None:
    script = tmp_path / "abandons.py"
    script.write_text(ABANDONED.format(pipeline=PIPELINE, end=end))
    ended = subprocess.run(
        [sys.executable, str(script), str(photos())], capture_output=True, text=True, timeout=90, check=False
    )
    assert (ended.stdout, ended.returncode) == ("4\n", code)


@pytest.mark.parametrize("drop_last", [False, True])
def test_ranks_share_one_batch_of_the_whole(photos: Callable[..., Path], drop_last: bool) -> None:
    root = photos(classes=3, each=5)
    whole = feed(root, batch_size=6, drop_last=drop_last)
    shares = [feed(root, batch_size=3, rank=rank, world_size=2, drop_last=drop_last) for rank in (0, 1)]
    for together, *parts in zip(take(whole, 2), *(take(share, 2) for share in shares), strict=True):
        assert sorted(together.indices.tolist()) == sorted(torch.cat([part.indices for part in parts]).tolist())
        by_place = {int(i): view for part in parts for i, view in zip(part.indices, part.views[0], strict=True)}
        for place, view in zip(together.indices.tolist(), together.views[0], strict=True):
            assert torch.equal(view, by_place[place])
    assert len(shares[0]) == len(shares[1])


def test_where_ranks_do_not_divide_some_images_come_twice(photos: Callable[..., Path]) -> None:
    root = photos(classes=1, each=5)
    orders = [feed(root, rank=rank, world_size=2).order(0) for rank in (0, 1)]
    assert [len(order) for order in orders] == [3, 3]
    assert set(np.concatenate(orders)) == set(range(5))


def test_what_cannot_be_read_is_left_out_and_kept_in_mind(photos: Callable[..., Path]) -> None:
    root = photos(classes=1, each=4)
    bad = next(root.rglob("2.jpg"))
    bad.write_bytes(b"no picture")
    source = feed(root)
    assert [len(batch) for batch in take(source, 2)] == [3, 3]
    assert list(source.skipped) == [str(bad)]
    with pytest.raises(DataError, match="none of a batch of 1 pictures can be read"):
        take(feed(root, batch_size=1), 4)


def test_masks_of_the_pipeline_travel_as_one_tensor(photos: Callable[..., Path]) -> None:
    config = small_config(photos())
    dataset = config["train_dataloader"]["dataset"]
    dataset["pipeline"] = [
        *PIPELINE[:-1],
        {"type": "SimMIMMaskGenerator", "input_size": 16, "mask_patch_size": 4, "model_patch_size": 2},
        {"type": "PackSelfSupInputs", "algorithm_keys": ["mask"]},
    ]
    batch = take(build_feed(config, seed=0), 1)[0]
    assert batch.masks is not None
    assert batch.masks.shape == (4, 8, 8)
    assert batch.masks.sum((1, 2)).tolist() == [40] * 4  # ceil(0.6 * 16) squares of 2 x 2


@pytest.mark.parametrize(
    ("loader", "message"),
    [
        ({"batch_sise": 4}, "takes no 'batch_sise' here. Did you mean 'batch_size'"),
        ({"sampler": {"type": "DeepClusterSampler"}}, "the sampler 'DeepClusterSampler' is not known"),
        ({"batch_size": 0}, "batch_size of at least 1"),
        ({"batch_size": 64, "drop_last": True}, "do not fill one batch of 64"),
    ],
)
def test_refusals(photos: Callable[..., Path], loader: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        feed(photos(), **loader)
