from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from selfscope.config.registry import DATASETS
from selfscope.data.sources import CustomDataset, DeepClusterImageNet, ImageList, ImageNet, files, folder
from selfscope.errors import ConfigError, DataError

Save = Callable[..., Path]


@pytest.fixture
def root(save: Save, tmp_path: Path) -> Path:
    for split in ("train", "val"):
        for name in ("n02206856_bee/0.jpg", "n02691156_airplane/0.jpg", "n02691156_airplane/1 b.jpg"):
            save(f"data/{split}/{name}")
    meta = tmp_path / "data" / "meta"
    meta.mkdir()
    lines = ["n02691156_airplane/1 b.jpg 1", "n02206856_bee/0.jpg 0", "n02206856_bee/gone.jpg 0"]
    (meta / "val.txt").write_text("\n".join(lines))
    return tmp_path / "data"


@pytest.mark.parametrize(
    "arguments",
    [
        {"data_prefix": "val", "ann_file": "meta/val.txt"},
        {"data_prefix": {"img_path": "val/"}, "ann_file": "meta/val.txt"},
        {"split": "val"},
        {"split": "val", "data_prefix": "val"},
    ],
)
def test_annotated(root: Path, arguments: dict[str, Any]) -> None:
    listing = ImageNet(data_root=str(root), **arguments)
    assert [(Path(e.path).relative_to(root).as_posix(), e.label) for e in listing] == [
        ("val/n02691156_airplane/1 b.jpg", 1),
        ("val/n02206856_bee/0.jpg", 0),
        ("val/n02206856_bee/gone.jpg", 0),  # skipped when it is loaded
    ]
    assert listing.classes == ("bee", "airplane")


def test_annotation_paths_may_be_absolute(root: Path) -> None:
    listing = CustomDataset(data_prefix=str(root / "val"), ann_file=str(root / "meta" / "val.txt"))
    assert len(listing) == 3


def test_class_folders(root: Path) -> None:
    listing = CustomDataset(data_root=str(root), data_prefix="train")
    assert [entry.label for entry in listing] == [0, 1, 1]
    assert listing.classes == ("bee", "airplane")
    named = CustomDataset(data_root=str(root), data_prefix="train", classes=["Biene", "Flugzeug"])
    assert named.classes == ("Biene", "Flugzeug")
    swapped = CustomDataset(data_root=str(root), data_prefix="train", classes=["n02691156_airplane", "n02206856_bee"])
    assert swapped.classes == ("n02206856_bee", "n02691156_airplane")  # the first folder is not called airplane
    without = CustomDataset(data_root=str(root), data_prefix="train", with_label=False)
    assert (without.labels, without.classes, len(without)) == (None, None, 3)


def test_flat_and_mixed_folders(save: Save, tmp_path: Path) -> None:
    save("flat/b.jpg")
    save("flat/a.png")
    assert list(folder(tmp_path / "flat").names) == ["a.png", "b.jpg"]
    assert CustomDataset(data_root=str(tmp_path / "flat")).labels is None
    save("flat/edited/c.jpg")
    mixed = folder(tmp_path / "flat")
    assert (list(mixed.names), mixed.labels) == (["a.png", "b.jpg", "edited/c.jpg"], None)
    assert list(CustomDataset(data_root=str(tmp_path / "flat")).names) == ["edited/c.jpg"]  # as MMClassification has it


def test_lists_of_files_share_a_root(save: Save, tmp_path: Path) -> None:
    paths = [save("x/cat/1.jpg"), save("x/dog/1.jpg")]
    listing = files(paths)
    assert listing.root == str(tmp_path / "x")
    assert list(listing.names) == ["cat/1.jpg", "dog/1.jpg"]
    assert list(files([paths[0]]).names) == ["1.jpg"]


def test_unlabelled_lists(root: Path) -> None:
    (root / "list.txt").write_text("n02206856_bee/0.jpg\nn02691156_airplane/1 b.jpg\n")
    listing = ImageList(ann_file="list.txt", data_root=str(root), data_prefix="val")
    assert (listing.labels, listing.classes, len(listing)) == (None, None, 2)


@pytest.mark.parametrize(("indices", "names"), [(1, ["1 b"]), (-1, ["gone"]), ([2, 0], ["gone", "1 b"])])
def test_indices(root: Path, indices: Any, names: list[str]) -> None:
    listing = ImageNet(data_root=str(root), split="val", indices=indices)
    assert [Path(name).stem for name in listing.names] == names
    assert listing.labels is not None
    assert len(listing.labels) == len(names)


def test_deepcluster_items_hold_a_cluster(root: Path) -> None:
    assert DeepClusterImageNet(data_root=str(root), split="val").extra == (("clustering_label", -1),)


@pytest.mark.parametrize(
    "kind", ["mmcls.ImageNet", "CustomDataset", "mmpretrain.ImageNet", "mmselfsup.DeepClusterImageNet"]
)
def test_names_in_configs(root: Path, kind: str) -> None:
    built = DATASETS.build({"type": kind, "data_root": str(root), "data_prefix": "train", "lazy_init": True})
    assert len(built) == 3
    with pytest.raises(ConfigError, match=r"takes no argument 'data_rot'.*Did you mean 'data_root'"):
        DATASETS.build({"type": kind, "data_rot": str(root)})


def _refused(words: str, **arguments: Any) -> None:
    with pytest.raises((DataError, ConfigError), match=words) as caught:
        CustomDataset(**arguments)
    assert "\n" not in str(caught.value)


def test_what_is_wrong_is_said_in_a_sentence(root: Path, tmp_path: Path) -> None:
    at = {"data_root": str(root)}
    _refused("needs data_root, data_prefix or ann_file")
    _refused("nowhere: no such folder", data_root="nowhere")
    _refused("no such annotation file", **at, ann_file="meta/none.txt")
    _refused("vall: no such folder, though .*val.txt lists images", **at, ann_file="meta/val.txt", data_prefix="vall")
    _refused("none of its 3 images exists, beginning with .*1 b.jpg", **at, ann_file="meta/val.txt")
    _refused("unknown entry 'img'", **at, data_prefix={"img": "val"})
    _refused("2 class folders, but 3 class names", **at, data_prefix="train", classes=["a", "b", "c"])
    _refused("label 1 has no name, there are 1", **at, data_prefix="val", ann_file="meta/val.txt", classes=["a"])
    _refused("no such file of class names", **at, data_prefix="train", classes="names.txt")
    (root / "meta" / "bad.txt").write_text("n02206856_bee/0.jpg -2\n")
    _refused("must not be negative, got -2", **at, data_prefix="val", ann_file="meta/bad.txt")
    (tmp_path / "empty").mkdir()
    _refused("empty: no picture .* in it, nor a folder for each class", data_root=str(tmp_path / "empty"))
    (tmp_path / "empty" / "a").mkdir()
    _refused("no picture .* in any of its 1 folders", data_root=str(tmp_path / "empty"))
    with pytest.raises(DataError, match="no picture"):
        folder(tmp_path / "empty")
    with pytest.raises(DataError, match="empty list"):
        files([])
    with pytest.raises(DataError, match="none of its 1 images exists"):
        files([tmp_path / "gone.jpg"])
