"""Items for which nothing is drawn are read once; all others anew in every epoch."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from selfscope.data.dataset import folder_dataset
from selfscope.errors import DataError

LOAD, PACK = {"type": "LoadImageFromFile"}, {"type": "PackSelfSupInputs"}
RESIZE = {"type": "Resize", "scale": (16, 16)}
CROP = {"type": "RandomResizedCrop", "size": 16}
MASK = {"type": "RandomPatchMask", "grid": (4, 4)}
VIEWS = {"type": "MultiView", "num_views": 2, "transforms": [[CROP]]}


@pytest.fixture
def root(photos: Callable[..., Path]) -> Path:
    return photos(classes=2, each=2)


@pytest.mark.parametrize("steps", [[RESIZE], [CROP], [VIEWS], [RESIZE, {"type": "RandomFlip", "prob": 0.5}]])
def test_items_are_what_they_are_without(root: Path, steps: list[dict]) -> None:
    plain = folder_dataset(root, [LOAD, *steps, PACK], seed=3)
    kept = plain.remembering()
    for epoch in (0, 1, 2, 0):
        for place in (2, 0, 2, 3):
            ours, theirs = kept.at_epoch(epoch)[place], plain.at_epoch(epoch)[place]
            assert torch.equal(ours.inputs[0], theirs.inputs[0])
            assert ours.data_samples.gt_label.label == theirs.data_samples.gt_label.label


def test_what_is_not_drawn_is_not_read_again(root: Path) -> None:
    dataset = folder_dataset(root, [LOAD, RESIZE, PACK]).remembering()
    first = dataset[1].inputs[0]
    Path(dataset.entries[1].path).unlink()
    assert torch.equal(dataset.at_epoch(5)[1].inputs[0], first)
    assert torch.equal(dataset.at_epoch(5).subset([1])[0].inputs[0], first)


@pytest.mark.parametrize("drawing", [CROP, MASK, VIEWS, {"type": "RandomFlip", "prob": 0.5}])
def test_what_is_drawn_is_read_again(root: Path, drawing: dict) -> None:
    dataset = folder_dataset(root, [LOAD, RESIZE, drawing, PACK]).remembering()
    dataset[1]
    Path(dataset.entries[1].path).unlink()
    with pytest.raises(DataError, match="no such file"):
        dataset.at_epoch(1)[1]


def test_memory_is_bounded(root: Path) -> None:
    size = 3 * 16 * 16 + 2048
    dataset = folder_dataset(root, [LOAD, RESIZE, PACK]).remembering(2 * size + 1)
    for place in range(4):
        dataset[place]
    assert dataset.kept is not None
    assert sorted(dataset.kept.items) == [0, 1]
    assert dataset.kept.used == 2 * size


def test_another_pipeline_of_the_same_data_has_its_own_items(root: Path) -> None:
    dataset = folder_dataset(root, [LOAD, RESIZE, PACK]).remembering()
    other = folder_dataset(root, [LOAD, {"type": "Resize", "scale": (8, 8)}, PACK])
    assert dataset[0].inputs[0].shape == (3, 16, 16)
    assert replace(dataset, transforms=other.transforms)[0].inputs[0].shape == (3, 8, 8)
    assert dataset[0].inputs[0].shape == (3, 16, 16)
    fewer = dataset.subset([3])
    assert torch.equal(replace(dataset, listing=replace(dataset.listing))[0].inputs[0], dataset[0].inputs[0])
    assert torch.equal(fewer[0].inputs[0], dataset[3].inputs[0])


def test_other_processes_begin_without_items(root: Path) -> None:
    dataset = folder_dataset(root, [LOAD, RESIZE, PACK]).remembering()
    dataset[2]
    copy = pickle.loads(pickle.dumps(dataset))
    assert copy.kept.items == {}
    copy.at_epoch(3)[2]
    assert list(copy.kept.items) == [2]
