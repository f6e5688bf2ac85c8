"""Other people's data sets and transforms, as a user would hand them in."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset, IterableDataset, TensorDataset
from torchvision import transforms as T
from torchvision.datasets import ImageFolder

from selfscope.data.arrow import is_saved_dataset
from selfscope.data.foreign import only_normalisation
from selfscope.errors import DataError, SelfscopeError, UsageError
from selfscope.views.browse import browse
from selfscope.views.statistics import augmentation_stats
from tests.conftest import smooth_picture

Photos = Callable[..., Path]
NORMALISE = T.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
CROP = T.RandomResizedCrop(32, scale=(0.2, 0.8))


class TwoCrops:
    """As in MoCo's own code."""

    def __init__(self, *more: Any) -> None:
        self.base = T.Compose([CROP, T.RandomHorizontalFlip(), T.ToTensor(), *more, NORMALISE])

    def __call__(self, image: Any) -> list[torch.Tensor]:
        return [self.base(image), self.base(image)]


class Pictures(Dataset):
    """Images that only the data set knows, with its own transform as torchvision's have."""

    def __init__(self, transform: Any = None, n: int = 6) -> None:
        self.transform, self.n = transform, n
        self.targets = [i % 3 for i in range(n)]
        self.classes = ["cat", "dog", "bird"]

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> Any:
        image = Image.fromarray(smooth_picture(index))
        return image if self.transform is None else self.transform(image), self.targets[index]


def test_several_views_with_their_crops_from_a_folder(photos: Photos) -> None:
    (sample,) = browse(photos(classes=1, each=1), TwoCrops())
    assert [view.name for view in sample.views] == ["view 1", "view 2"]
    assert sample.settings["notes"][0].startswith("normalisation undone (mean 0.485")
    for view in sample.views:
        x, y, w, h = view.crop
        cut = Image.fromarray(sample.original).resize((32, 32), Image.Resampling.BILINEAR, box=(x, y, x + w, y + h))
        expected = np.asarray(cut)[:, ::-1] if view.flip else np.asarray(cut)
        np.testing.assert_allclose(view.picture.astype(int), expected, atol=6)


def test_a_data_set_with_its_own_transform_tells_the_same() -> None:
    inside = list(browse(Pictures(TwoCrops())))
    outside = list(browse(Pictures(), TwoCrops()))
    assert [s.key for s in inside] == ["0", "1", "2", "3", "4", "5"]
    assert [(s.label, s.label_name, s.path) for s in inside][1] == (1, "dog", None)
    np.testing.assert_array_equal(inside[3].original, smooth_picture(3))
    np.testing.assert_array_equal(outside[3].original, smooth_picture(3))
    assert all(view.crop is not None for sample in inside + outside for view in sample.views)


@pytest.mark.parametrize("source", [Pictures(TwoCrops()), Pictures(TwoCrops(T.RandomErasing(p=0.5)))])
def test_a_seed_replays_and_leaves_the_generators_alone(source: Any) -> None:
    torch.manual_seed(7)
    random.seed(7)
    before = torch.get_rng_state(), random.getstate()
    first, again, other = ([s.views[1].picture for s in browse(source, seed=seed)] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert any((a != b).any() for a, b in zip(first, other, strict=True))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]


def test_image_folders_keep_paths_labels_and_names(photos: Photos) -> None:
    root = photos(classes=2, each=2)
    samples = list(browse(ImageFolder(str(root), transform=T.CenterCrop(20))))
    assert [s.key for s in samples] == [s.key for s in browse(root)]
    assert [s.path for s in samples] == [s.path for s in browse(root)]
    assert [s.label for s in samples] == [0, 0, 1, 1]
    assert samples[0].views[0].crop == (30, 20, 20, 20)


def test_bgr_pictures_are_told(photos: Photos) -> None:
    """What OpenCV's reader gives, where RGB is expected."""

    def bgr(path: str) -> Image.Image:
        return Image.fromarray(np.asarray(Image.open(path).convert("RGB"))[..., ::-1].copy())

    sound, swapped = (
        augmentation_stats(ImageFolder(str(photos()), transform=CROP, **kw), n=12).warnings
        for kw in ({}, {"loader": bgr})
    )
    assert sound == ()
    assert len(swapped) == 1
    assert "red and blue look exchanged" in swapped[0]


def test_bytes_normalised_as_fractions_are_told() -> None:
    def wrong(image: Image.Image) -> torch.Tensor:
        return NORMALISE(T.functional.pil_to_tensor(CROP(image)).float())

    twice = T.Compose([CROP, T.ToTensor(), NORMALISE, T.Lambda(lambda x: x * 3)])
    for transform in (T.Compose([CROP, T.PILToTensor(), T.Lambda(lambda x: x.float()), NORMALISE]), wrong, twice):
        warnings = augmentation_stats(Pictures(), transform, n=12).warnings
        assert sum("values are out of range" in warning for warning in warnings) == 1
    assert augmentation_stats(Pictures(), TwoCrops(), n=12).warnings == ()


def test_masks_of_a_transform_are_masks() -> None:
    def masked(image: Image.Image) -> Any:
        mask = torch.zeros(16, dtype=torch.bool)
        mask[torch.randperm(16)[:12]] = True
        return T.functional.to_tensor(CROP(image)), mask

    sample = next(iter(browse(Pictures(), masked)))
    assert sample.mask.shape == (4, 4)
    assert sample.mask.sum() == 12
    stats = augmentation_stats(Pictures(), masked, n=12)
    assert stats.warnings == ()
    assert stats.distributions["masked"][""].mean == 0.75


def test_moves_that_nobody_tells_of_have_no_crop() -> None:
    (sample, *_) = browse(Pictures(), lambda image: image.rotate(10))
    assert sample.views[0].crop is None
    (first, *_) = browse(Pictures(), T.Compose([CROP, T.RandomRotation(20)]))
    assert first.views[0].crop is None
    assert [step.name for step in first.views[0].steps] == ["RandomResizedCrop", "RandomRotation"]


def test_lists_tensors_and_dicts_are_data_sets() -> None:
    pictures = [smooth_picture(i) for i in range(3)]
    assert len(list(browse(pictures))) == 3
    tensors = TensorDataset(torch.rand(4, 3, 8, 8), torch.arange(4))
    assert [s.label for s in browse(tensors)] == [0, 1, 2, 3]
    rows = [{"image": Image.fromarray(p), "label": i, "caption": "x"} for i, p in enumerate(pictures)]
    assert [s.label for s in browse(rows, CROP)] == [0, 1, 2]


class Endless(IterableDataset):
    def __iter__(self) -> Any:
        yield from [1]


@pytest.mark.parametrize(
    ("source", "transform", "words"),
    [
        (Endless(), None, r"Endless: expected a data set .*itertools.islice"),
        ([], None, "list is empty"),
        (7, None, "int: expected a data set"),
        (Pictures(), 3, "transform: expected something to call with an image, got int"),
        (Pictures(), lambda image: 1 / 0, "raised ZeroDivisionError: division by zero, given Image "),
        (Pictures(), NORMALISE, "the transform Normalize raised TypeError: "),
        (Pictures(), lambda image: "photo", "expected an image .* got str"),
        ([{"caption": "x"}], None, "expected an image .* got caption: str"),
        ([torch.rand(12, 9, 9)], None, r"12 channels: choose"),
    ],
)
def test_what_cannot_be_browsed_is_said_in_one_sentence(source: Any, transform: Any, words: str) -> None:
    with pytest.raises(SelfscopeError, match=words) as error:
        list(browse(source, transform))
    assert "\n" not in str(error.value)


def test_an_item_that_fails_is_skipped_like_a_broken_file() -> None:
    class Broken(Pictures):
        def __getitem__(self, index: int) -> Any:
            if index == 1:
                raise OSError("disk on fire")
            return super().__getitem__(index)

    skipped: list[tuple[str, str]] = []
    assert len(list(browse(Broken(), skipped=skipped))) == 5
    assert "disk on fire" in skipped[0][1]


def test_twelve_channels_of_a_data_set_by_bands() -> None:
    items = [torch.rand(12, 9, 9) for _ in range(2)]
    samples = list(browse(items, bands="3,2,1", band_range=(0, 1)))
    expected = np.rint(items[1].numpy()[[2, 1, 0]].transpose(1, 2, 0) * 255)
    np.testing.assert_array_equal(samples[1].views[0].picture, expected)


def test_the_normalisation_is_found_wherever_it_is() -> None:
    def closed_over(image: Any) -> Any:
        return NORMALISE(image)

    nested = {"a": [T.Compose([T.ToTensor(), NORMALISE])]}
    holder = TwoCrops()
    for value in (NORMALISE, nested, holder, Pictures(holder)):
        found = only_normalisation(value)
        assert found is not None
        assert found.std == (0.229, 0.224, 0.225)
    two = [NORMALISE, T.Normalize([0.5], [0.5])]
    assert only_normalisation(two) is None
    assert only_normalisation(3) is None
    assert closed_over


def saved(root: Path, n: int = 4, *, with_bytes: bool = True) -> Path:
    """What `datasets.Dataset.save_to_disk` leaves: an Arrow stream, the state and the description."""
    root.mkdir(parents=True)
    images = []
    for i in range(n):
        buffer = BytesIO()
        Image.fromarray(smooth_picture(i)).save(buffer, "PNG")
        path = root.parent / f"{root.name} {i}.png"
        path.write_bytes(buffer.getvalue())
        images.append({"bytes": buffer.getvalue() if with_bytes else None, "path": None if with_bytes else str(path)})
    table = pa.table({"image": images, "label": [i % 2 for i in range(n)]})
    with pa.OSFile(str(root / "data-00000-of-00001.arrow"), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as out:
        out.write_table(table, max_chunksize=3)
    features = {"image": {"_type": "Image"}, "label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
    (root / "dataset_info.json").write_text(json.dumps({"features": features}))
    (root / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}))
    return root


@pytest.mark.parametrize("with_bytes", [True, False])
def test_saved_hugging_face_data_sets(with_bytes: bool, tmp_path: Path) -> None:
    root = saved(tmp_path / "set", with_bytes=with_bytes)
    assert is_saved_dataset(root)
    samples = list(browse(root, TwoCrops()))
    assert [s.label_name for s in samples] == ["cat", "dog", "cat", "dog"]
    np.testing.assert_array_equal(samples[3].original, smooth_picture(3))
    assert all(view.crop is not None for view in samples[0].views)
    assert len({s.key for s in samples}) == 4


def test_splits_of_a_saved_data_set(tmp_path: Path) -> None:
    saved(tmp_path / "set" / "train", 4)
    saved(tmp_path / "set" / "test", 2)
    (tmp_path / "set" / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    assert len(list(browse(tmp_path / "set"))) == 4
    assert len(list(browse(tmp_path / "set", phase="test"))) == 2
    with pytest.raises(DataError, match="no split 'val', it has train, test"):
        next(iter(browse(tmp_path / "set", phase="val")))
    saved(tmp_path / "set" / "validation", 3)
    (tmp_path / "set" / "dataset_dict.json").write_text('{"splits": ["train", "test", "validation"]}')
    assert len(list(browse(tmp_path / "set", phase="val"))) == 3


def test_saved_data_sets_that_cannot_be_read(tmp_path: Path) -> None:
    root = saved(tmp_path / "a")
    (root / "data-00000-of-00001.arrow").write_bytes(b"no arrow")
    with pytest.raises(DataError, match="Arrow files cannot be read"):
        next(iter(browse(root)))
    root = saved(tmp_path / "b")
    (root / "dataset_info.json").write_text('{"features": {"text": {"_type": "Value"}}}')
    with pytest.raises(DataError, match="no column of images, it has text"):
        next(iter(browse(root)))
    (root / "dataset_info.json").write_text("not JSON")
    with pytest.raises(DataError, match=r"dataset_info.json: cannot be read as JSON"):
        next(iter(browse(root)))


def test_arguments_that_do_not_go_together(photos: Photos, tmp_path: Path) -> None:
    (tmp_path / "c.py").write_text("")
    for source, given, words in (
        (tmp_path / "c.py", {"transform": CROP}, "a config names its own transforms"),
        (photos(), {"skip": ["Resize"]}, "belong to a config"),
        (Pictures(), {"phase": "val"}, "phase belongs to a config"),
    ):
        with pytest.raises(UsageError, match=words):
            next(iter(browse(source, **given)))


def test_every_step_has_its_picture_when_that_is_asked_for() -> None:
    turned = T.Compose([CROP, T.RandomHorizontalFlip(1.0), T.ToTensor(), NORMALISE])
    (sample, *_) = browse(Pictures(), turned, mode="pipeline")
    cropped, flipped, tensor, normalised, _ = [step.picture for step in sample.views[0].steps]
    np.testing.assert_array_equal(flipped, cropped[:, ::-1])
    for same in (tensor, normalised, sample.views[0].picture):
        np.testing.assert_array_equal(same, flipped)
    (unknown, *_) = browse(Pictures(), lambda image: image.rotate(10), mode="pipeline")
    np.testing.assert_array_equal(unknown.views[0].steps[0].picture, unknown.views[0].picture)
    assert unknown.plot().ndim == sample.plot().ndim == 3


@pytest.mark.slow
def test_workers_make_the_same_views(photos: Photos) -> None:
    root = photos(classes=1, each=3)
    alone, shared = ([s.views[1].picture for s in browse(root, TwoCrops(), workers=w)] for w in (0, 1))
    np.testing.assert_array_equal(alone, shared)
