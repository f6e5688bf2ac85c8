from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from selfscope.config.reader import load_config
from selfscope.config.registry import DATASETS
from selfscope.data.dataset import Dataset, build_dataset, folder_dataset
from selfscope.data.picture import read_picture
from selfscope.errors import ConfigError, DataError, UsageError

from .sources_of_pictures import PHOTO, gradient

Save = Callable[..., Path]
LOAD = {"type": "LoadImageFromFile"}
PACK = {"type": "PackSelfSupInputs", "meta_keys": ["img_path"]}
CROP = {"type": "RandomResizedCrop", "size": 32, "backend": "pillow"}
TWO_VIEWS = [
    LOAD,
    {"type": "MultiView", "num_views": 2, "transforms": [[CROP, {"type": "RandomFlip", "prob": 0.5}]]},
    PACK,
]


@pytest.fixture
def root(save: Save, tmp_path: Path) -> Path:
    for i, name in enumerate(("cat/1.jpg", "cat/2.jpg", "dog/1.jpg", "dog/ü 图.png")):
        save(f"data/{name}", value=50 * i, size=(40 + i, 50))
    return tmp_path / "data"


def dataset(root: Path, pipeline: list[Any], **options: Any) -> Dataset:
    return build_dataset({"type": "ImageNet", "data_root": str(root), "pipeline": pipeline}, **options)


def test_items_and_their_samples_are_the_same(root: Path) -> None:
    ds = dataset(root, TWO_VIEWS)
    assert (len(ds), ds.classes) == (4, ("cat", "dog"))
    assert [ds.key(i) for i in range(4)] == ["cat/1", "cat/2", "dog/1", "dog/ü 图"]
    for i in range(4):
        packed, sample = ds[i], ds.sample(i)
        assert packed["data_samples"].img_path == sample.path == ds.entries[i].path
        assert packed.data_samples.gt_label.label.item() == sample.label == i // 2
        assert sample.label_name == ("cat", "dog")[i // 2]
        assert [view.name for view in sample.views] == ["view 1", "view 2"]
        for tensor, view in zip(packed.inputs, sample.views, strict=True):
            np.testing.assert_array_equal(tensor.numpy().transpose(1, 2, 0), view.picture)
            assert [step.name for step in view.steps] == ["RandomResizedCrop", "RandomFlip"]
            assert view.crop is not None
    assert sample.original is not None
    np.testing.assert_array_equal(sample.original, read_picture(sample.path or ""))


def crops(ds: Dataset, index: int, epoch: int = 0) -> list[Any]:
    return [view.crop for view in ds.sample(index, epoch).views]


def test_what_is_drawn_depends_on_seed_epoch_item_and_view_alone(root: Path) -> None:
    ds = dataset(root, TWO_VIEWS, seed=3)
    expected = crops(ds, 2)
    assert crops(dataset(root, TWO_VIEWS, seed=3), 2) == expected
    assert crops(ds.subset([3, 2]), 1) == expected
    assert crops(pickle.loads(pickle.dumps(ds)), 2) == expected
    others = [crops(ds, 1), crops(ds, 2, epoch=1), crops(dataset(root, TWO_VIEWS, seed=4), 2)]
    assert len({str(c) for c in [expected, *others]}) == 4
    assert expected[0] != expected[1]
    assert crops(ds.at_epoch(1), 2, epoch=1) == crops(ds, 2, epoch=1)
    np.testing.assert_array_equal(ds.at_epoch(1)[2].inputs[0], ds.at_epoch(1)[2].inputs[0])


def test_subsets_keep_keys_and_labels(root: Path) -> None:
    ds = dataset(root, TWO_VIEWS)
    assert ds.labels is not None
    dogs = ds.subset(ds.labels == 1)
    assert [dogs.key(i) for i in range(2)] == ["dog/1", "dog/ü 图"]
    last = dogs.subset([-1])
    assert (last.key(0), last.sample(0).index, last.labels) == ("dog/ü 图", 3, np.array([1]))
    assert [entry.label for entry in ds[1:3].entries] == [0, 1]
    assert len(ds.subset([])) == 0
    with pytest.raises(DataError, match="place 4 of a data set of 4"):
        ds.subset([0, 4])
    with pytest.raises(IndexError):
        dogs[2]


def test_the_crop_on_record_is_where_the_view_comes_from(tmp_path: Path) -> None:
    from PIL import Image

    Image.fromarray(gradient(200, 150)).save(tmp_path / "g.png")
    ds = folder_dataset(tmp_path / "g.png", [{**CROP, "scale": (0.2, 0.4)}], seed=5)
    for epoch in range(10):
        view = ds.sample(0, epoch).views[0]
        assert view.crop is not None
        x, y, w, h = view.crop
        columns, rows = view.picture[..., 0] / 255 * 199 + 0.5, view.picture[..., 1] / 255 * 149 + 0.5
        assert abs(columns.min() - x) < 3
        assert abs(columns.max() - (x + w)) < 3
        assert abs(rows.min() - y) < 3
        assert abs(rows.max() - (y + h)) < 3


def test_masks_boxes_and_targets(save: Save, tmp_path: Path) -> None:
    path = save("a.png", size=(300, 280))
    masked = folder_dataset(path, [LOAD, CROP, {"type": "SimMIMMaskGenerator"}, {**PACK, "algorithm_keys": ["mask"]}])
    sample = masked.sample(0)
    assert sample.mask is not None
    np.testing.assert_array_equal(sample.mask, masked[0].data_samples.mask.value)
    patches = folder_dataset(path, [LOAD, {"type": "RandomPatchWithLabels"}]).sample(0)
    assert patches.boxes is not None
    assert patches.boxed is not None
    for box, view in zip(patches.boxes, patches.views, strict=True):
        np.testing.assert_array_equal(patches.boxed[box[1] : box[3], box[0] : box[2]], view.picture)
    beit = {"type": "RandomResizedCropAndInterpolationWithTwoPic", "size": 32, "second_size": 16}
    assert [view.name for view in folder_dataset(path, [LOAD, beit]).sample(0).views] == ["view", "target"]
    turned = folder_dataset(path, [LOAD, {"type": "RotationWithLabels"}]).sample(0)
    assert [view.name for view in turned.views] == ["0°", "90°", "180°", "270°"]


def test_plain_folders_and_files_load_by_themselves(root: Path) -> None:
    assert folder_dataset(root)[0].inputs[0].shape == (3, 50, 40)
    assert folder_dataset(root / "cat").sample(0).label is None
    assert folder_dataset([root / "cat" / "1.jpg", root / "dog" / "1.jpg"]).key(1) == "dog/1"
    assert folder_dataset(PHOTO).sample(0).views[0].crop == (0, 0, 96, 72)
    assert folder_dataset(PHOTO, [{"type": "Resize", "scale": 8}]).types == ("LoadImageFromFile", "Resize")


def test_skips(root: Path) -> None:
    ds = dataset(root, [LOAD, CROP, {"type": "RandomFlip", "prob": 0.5}, PACK], skip=["RandomResizedCrop"])
    assert [step.name for step in ds.sample(0).views[0].steps] == ["RandomFlip"]
    assert ds.types == ("LoadImageFromFile", "RandomFlip", "PackSelfSupInputs")
    with pytest.raises(UsageError, match=r"'Normalize' is not in the pipeline"):
        dataset(root, TWO_VIEWS, skip=["Normalize"])


class Pairs:
    """A data set as a user may register one."""

    metainfo = {"classes": ["x", "y"]}  # noqa: RUF012

    def __init__(self, path: str) -> None:
        self.path = path

    def __len__(self) -> int:
        return 2

    def get_data_info(self, i: int) -> dict[str, Any]:
        return {"img_path": self.path, "gt_label": i} if i else {"img_path": self.path}


@pytest.fixture
def registered() -> Iterator[None]:
    DATASETS.register(Pairs)
    yield
    del DATASETS._registered["Pairs"]


@pytest.mark.usefixtures("registered")
def test_registered_data_sets() -> None:
    ds = build_dataset({"type": "Pairs", "path": str(PHOTO), "pipeline": [LOAD, PACK]})
    assert [entry.label for entry in ds.entries] == [None, 1]
    assert ds.sample(1).label_name == "y"
    assert ds[0].inputs[0].shape == (3, 72, 96)


def test_mistakes_in_configs_name_file_and_line(tmp_path: Path, root: Path) -> None:
    text = f"dataset = dict(\n    type='ImagNet',\n    data_root={str(root)!r},\n    pipeline=3)\n"
    (tmp_path / "c.py").write_text(text)
    with pytest.raises(ConfigError, match=r"c\.py:4: pipeline: expected a list"):
        build_dataset(load_config(tmp_path / "c.py")["dataset"])
    (tmp_path / "c.py").write_text(text.replace("pipeline=3", "pipeline=[]"))
    with pytest.raises(ConfigError, match=r"c\.py:2: unknown dataset 'ImagNet'. Did you mean 'ImageNet'"):
        build_dataset(load_config(tmp_path / "c.py")["dataset"])


@pytest.mark.parametrize("seed", [-1, 1.5, "0"])
def test_seeds(root: Path, seed: Any) -> None:
    with pytest.raises(ConfigError, match="whole number"):
        dataset(root, TWO_VIEWS, seed=seed)


def test_refusals_at_an_item_begin_with_its_path(root: Path) -> None:
    with pytest.raises(DataError, match=r"cat/1\.jpg: RandomPatchWithLabels needs an image of at least"):
        dataset(root, [LOAD, {"type": "RandomPatchWithLabels"}])[0]


@pytest.mark.parametrize(
    ("pipeline", "words"),
    [
        ([CROP], "the pipeline changes an image before"),
        ([], "the pipeline loads no image"),
        ([LOAD, CROP, {**PACK, "algorithm_keys": ["mask"]}], "nothing to pack under 'mask'"),
        ([LOAD, {"type": "torchvision/ToTensor"}, PACK], "torchvision/ToTensor made an image float32"),
        (
            [LOAD, {"type": "BEiTMaskGenerator", "input_size": 2, "num_masking_patches": 4}],
            "no rectangle fits",
        ),
    ],
)
def test_faults_of_the_pipeline_are_not_blamed_on_an_image(root: Path, pipeline: list[Any], words: str) -> None:
    with pytest.raises(ConfigError, match=f"^.{{0,200}}{words}") as caught:
        dataset(root, pipeline).sample(0)
    assert ".jpg" not in str(caught.value)
