from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from selfscope.data.dataset import Dataset, folder_dataset
from selfscope.data.loading import Batch, describe_skipped, epoch_order, load_batches, load_samples
from selfscope.errors import ConfigError, DataError
from selfscope.records import Sample

Save = Callable[..., Path]
CROP = {"type": "RandomResizedCrop", "size": 8}
REASON = "is not a picture (JPEG, PNG, WEBP, TIFF, GIF, BMP, PPM, JPEG2000)"
VIEWS = [{"type": "LoadImageFromFile"}, {"type": "MultiView", "num_views": 2, "transforms": [[CROP]]}]


@pytest.fixture
def folder(save: Save, tmp_path: Path) -> Path:
    for i in range(7):
        save(f"photos/{'ab'[i % 2]}/{i}.png", value=i * 30)
    return tmp_path / "photos"


def spoil(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_text("no picture")


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 100])
def test_batches_are_the_items_in_order(folder: Path, batch_size: int) -> None:
    ds = folder_dataset(folder, VIEWS, seed=2)
    batches = list(load_batches(ds, batch_size=batch_size))
    assert [len(batch) for batch in batches] == [min(batch_size, 7 - i) for i in range(0, 7, batch_size)]
    for v in range(2):
        whole = torch.cat([batch.views[v] for batch in batches])
        assert torch.equal(whole, torch.stack([ds[i].inputs[v] for i in range(7)]))
    assert torch.equal(torch.cat([batch.images for batch in batches]), torch.cat([b.views[0] for b in batches]))
    assert torch.cat([batch.labels for batch in batches if batch.labels is not None]).tolist() == [0] * 4 + [1] * 3
    assert torch.cat([batch.indices for batch in batches]).tolist() == list(range(7))
    assert [path for batch in batches for path in batch.paths] == [entry.path for entry in ds.entries]


def test_unlabelled(folder: Path) -> None:
    batch = next(load_batches(folder_dataset(folder / "a", VIEWS), batch_size=2))
    assert batch.labels is None


def same(first: list[Batch], second: list[Batch]) -> bool:
    return all(
        torch.equal(a.images, b.images) and a.paths == b.paths and a.skipped == b.skipped
        for a, b in zip(first, second, strict=True)
    )


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_nothing(folder: Path, workers: int) -> None:
    spoil(folder, "a/2.png")
    ds = folder_dataset(folder, VIEWS, seed=2)
    expected = list(load_batches(ds, batch_size=2))
    assert same(list(load_batches(ds, batch_size=2, workers=workers)), expected)
    assert expected[0].skipped == ((str(folder / "a" / "2.png"), REASON),)


@pytest.mark.slow
def test_refusals_in_workers_are_the_same_sentence(folder: Path) -> None:
    ds = folder_dataset([*folder.glob("a/*.png"), Path(__file__).parents[1] / "fixtures" / "data" / "photo.jpg"])
    with pytest.raises(ConfigError, match=r"^images of a batch differ in size"):
        list(load_batches(ds, batch_size=9, workers=1))


@pytest.mark.parametrize("workers", [0, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("load", [lambda ds, workers: load_batches(ds, batch_size=2, workers=workers), load_samples])
def test_a_wrong_pipeline_ends_the_job(folder: Path, load: Any, workers: int) -> None:
    spoil(folder, "a/2.png")
    pack = {"type": "PackSelfSupInputs", "algorithm_keys": ["mask"]}
    with pytest.raises(ConfigError, match=r"^nothing to pack under 'mask': no transform of this pipeline makes it\.$"):
        list(load(folder_dataset(folder, [*VIEWS, pack]), workers=workers))


class Dies:
    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        os._exit(3)


@pytest.mark.slow
def test_a_worker_that_dies_is_told(folder: Path) -> None:
    with pytest.raises(DataError, match="a process that loads pictures died"):
        list(load_batches(folder_dataset(folder, [*VIEWS, Dies()]), batch_size=9, workers=1))


@pytest.mark.slow
def test_stopping_early_ends_the_workers(folder: Path) -> None:
    import multiprocessing

    before = set(multiprocessing.active_children())
    batches = load_batches(folder_dataset(folder, VIEWS), batch_size=1, workers=2)
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    assert set(multiprocessing.active_children()) <= before


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_samples_come_in_order_with_skips_in_their_places(folder: Path, workers: int) -> None:
    spoil(folder, "a/2.png")
    ds = folder_dataset(folder, VIEWS, seed=2)
    loaded = list(load_samples(ds, workers=workers))
    assert loaded[1] == (str(folder / "a" / "2.png"), REASON)
    for i in (0, 2, 3, 4, 5, 6):
        sample, expected = loaded[i], ds.sample(i)
        assert isinstance(sample, Sample)
        assert (sample.key, sample.label_name) == (expected.key, expected.label_name)
        for view, other in zip(sample.views, expected.views, strict=True):
            np.testing.assert_array_equal(view.picture, other.picture)
            assert (view.crop, view.steps) == (other.crop, other.steps)


def kept(ds: Dataset, batch_size: int) -> tuple[list[list[str]], list[list[str]]]:
    batches = list(load_batches(ds, batch_size=batch_size))
    return [[Path(p).stem for p in b.paths] for b in batches], [[Path(p).stem for p, _ in b.skipped] for b in batches]


@pytest.mark.parametrize(
    ("spoilt", "batch_size", "paths", "skipped"),
    [
        (["a/2.png"], 3, [["0", "4"], ["6", "1", "3"], ["5"]], [["2"], [], []]),
        (["a/0.png", "a/2.png", "a/4.png"], 3, [["6", "1", "3"], ["5"]], [["0", "2", "4"], []]),
        (["b/5.png"], 3, [["0", "2", "4"], ["6", "1", "3"]], [[], ["5"]]),
        (["b/1.png", "b/3.png", "b/5.png"], 1, [["0"], ["2"], ["4"], ["6"]], [[], [], [], ["1", "3", "5"]]),
    ],
)
def test_what_cannot_be_read_is_skipped_and_told(
    folder: Path, spoilt: list[str], batch_size: int, paths: list[list[str]], skipped: list[list[str]]
) -> None:
    spoil(folder, *spoilt)
    assert kept(folder_dataset(folder, VIEWS), batch_size) == (paths, skipped)


def test_missing_files_are_skipped_too(folder: Path) -> None:
    ds = folder_dataset(folder, VIEWS)
    (folder / "a" / "4.png").unlink()
    batch = next(load_batches(ds, batch_size=9))
    assert batch.skipped == ((str(folder / "a" / "4.png"), "no such file"),)
    assert batch.indices.tolist() == [0, 1, 3, 4, 5, 6]


def test_nothing_to_read_is_an_error(folder: Path) -> None:
    spoil(folder, *(f"{'ab'[i % 2]}/{i}.png" for i in range(7)))
    with pytest.raises(DataError, match=r"none of 7 pictures can be read, beginning with .*0.png: is not a picture"):
        list(load_batches(folder_dataset(folder, VIEWS), batch_size=2))


def test_the_log_names_what_was_skipped(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    spoil(folder, "a/2.png", "b/3.png")
    with caplog.at_level(logging.INFO, "selfscope.data.loading"):
        list(load_batches(folder_dataset(folder, VIEWS), batch_size=2))
    assert caplog.messages == [describe_skipped([(str(folder / n), REASON) for n in ("a/2.png", "b/3.png")], 7)]
    assert describe_skipped([("x", "r")] * 12, 20, most=1) == "skipped 12 of 20 pictures: x: r; and 11 more"


def test_shuffling_is_seeded_and_complete(folder: Path) -> None:
    ds = folder_dataset(folder, VIEWS, seed=1)
    first = torch.cat([batch.indices for batch in load_batches(ds, batch_size=2, shuffle=True)])
    assert first.tolist() == epoch_order(ds).tolist()
    assert sorted(first.tolist()) == list(range(7))
    assert first.tolist() != epoch_order(ds.at_epoch(1)).tolist()
    assert [len(batch) for batch in load_batches(ds, batch_size=2, shuffle=True, drop_last=True)] == [2, 2, 2]


def test_sizes_that_differ_name_two_files(folder: Path, save: Save) -> None:
    save("photos/a/9.png", size=(30, 20))
    with pytest.raises(ConfigError, match=r"0\.png is 12×9, .*9\.png is 30×20: end the pipeline with Resize"):
        list(load_batches(folder_dataset(folder), batch_size=9))
    assert len(list(load_batches(folder_dataset(folder), batch_size=1))) == 8


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"batch_size": 0}, "batch_size=0: expected at least 1"), ({"batch_size": 1, "workers": -1}, "workers=-1")],
)
def test_arguments(folder: Path, arguments: dict[str, int], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_batches(folder_dataset(folder), **arguments)  # type: ignore[arg-type]


def test_an_empty_subset_has_no_batches(folder: Path) -> None:
    assert list(load_batches(folder_dataset(folder).subset(np.array([], int)), batch_size=2)) == []
