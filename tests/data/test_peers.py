"""Transforms and data sets of packages that the development environment does not have; each test says how to get it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from selfscope.views.browse import browse
from selfscope.views.statistics import augmentation_stats
from tests.conftest import smooth_picture

Photos = Callable[..., Path]
pytestmark = pytest.mark.filterwarnings("ignore")  # these packages warn of what is theirs


def needed(name: str) -> Any:
    return pytest.importorskip(name, reason=f"needs: pip install {name}", exc_type=ImportError)


def cut(original: np.ndarray, view: Any) -> np.ndarray:
    """The crop of the original that a view says it shows, at the view's size."""
    x, y, w, h = view.crop
    size = (view.picture.shape[1], view.picture.shape[0])
    pixels = np.asarray(Image.fromarray(original).resize(size, Image.Resampling.BILINEAR, box=(x, y, x + w, y + h)))
    return pixels[:, ::-1] if view.flip == "horizontal" else pixels


def test_albumentations_tells_its_crops_and_replays(photos: Photos) -> None:
    A = needed("albumentations")
    transform = A.Compose(
        [A.RandomResizedCrop(size=(32, 32), scale=(0.3, 0.9)), A.HorizontalFlip(p=0.5), A.GaussianBlur(p=0.3)]
    )
    root = photos()
    first, again = (list(browse(root, transform, seed=3)) for _ in range(2))
    flips = set()
    for sample, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(sample.views[0].picture, same.views[0].picture)
        view = sample.views[0]
        flips.add(view.flip)
        assert np.abs(view.picture.astype(int) - cut(sample.original, view)).mean() < 12
    assert flips == {None, "horizontal"}
    stats = augmentation_stats(root, transform, n=40)
    assert stats.warnings == ()
    assert 0.1 < stats.shares["blurred"]["view"] < 0.6


def test_albumentations_with_normalisation_and_unknown_moves(photos: Photos) -> None:
    A = needed("albumentations")
    (sample, *_) = browse(photos(), A.Compose([A.CenterCrop(30, 40), A.Normalize()]))
    assert sample.views[0].crop == (20, 15, 40, 30)
    np.testing.assert_allclose(sample.views[0].picture.astype(int), sample.original[15:45, 20:60], atol=1)
    (turned, *_) = browse(photos(name="more"), A.Compose([A.Rotate((20, 20), p=1.0)]))
    assert turned.views[0].crop is None


def test_albumentations_inside_a_function_is_followed_and_replays(photos: Photos) -> None:
    A = needed("albumentations")
    album = A.Compose(
        [
            A.RandomResizedCrop(size=(32, 32), scale=(0.3, 0.9)),
            A.HorizontalFlip(p=0.5),
            A.Normalize((0.5,) * 3, (0.2,) * 3),
        ]
    )

    def two(image: Image.Image) -> list[Any]:
        return [album(image=np.asarray(image))["image"] for _ in range(2)]

    class Pairs:
        def __len__(self) -> int:
            return len(paths)

        def __getitem__(self, index: int) -> Any:
            return two(Image.open(paths[index]))

    root = photos()
    paths = sorted(root.glob("*/*.jpg"))
    for source in ((root, two), (Pairs(),)):
        first, again = (list(browse(*source, seed=3)) for _ in range(2))
        assert len({view.crop for sample in first for view in sample.views}) == 2 * len(paths)
        for sample, same in zip(first, again, strict=True):
            for view, twin in zip(sample.views, same.views, strict=True):
                np.testing.assert_array_equal(view.picture, twin.picture)
                assert np.abs(view.picture.astype(int) - cut(sample.original, view)).mean() < 12
    assert augmentation_stats(root, two, n=12).warnings == ()
    assert not np.array_equal(*two(Image.open(paths[0])))  # outside, it is the user's own again


@pytest.mark.parametrize(
    "name", ["SimCLRTransform", "MoCoV2Transform", "DINOTransform", "SwaVTransform", "MAETransform"]
)
def test_lightlys_transforms(name: str, photos: Photos) -> None:
    needed("lightly")
    from lightly import transforms

    root, transform = photos(classes=2, each=3), getattr(transforms, name)()
    first, again = (next(iter(browse(root, transform))) for _ in range(2))
    for view, same in zip(first.views, again.views, strict=True):
        np.testing.assert_array_equal(view.picture, same.picture)
    # One that looks unlike its crop, after a step that is not torchvision's, loses it: rather none than a wrong one.
    assert sum(view.crop is None for view in first.views) <= len(first.views) // 8
    assert len(first.views) == {"DINOTransform": 8, "SwaVTransform": 8, "MAETransform": 1}.get(name, 2)
    assert augmentation_stats(root, transform, n=12).warnings == ()


def test_hugging_face_data_sets_in_memory_and_on_disk(tmp_path: Path) -> None:
    datasets = needed("datasets")
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])})
    images = [Image.fromarray(smooth_picture(i)) for i in range(4)]
    made = datasets.Dataset.from_dict({"image": images, "label": [0, 1, 0, 1]}, features=features)
    made.save_to_disk(tmp_path / "one")
    datasets.DatasetDict(train=made, test=made.select([3, 1])).save_to_disk(tmp_path / "splits")
    for source in (made, tmp_path / "one", tmp_path / "splits"):
        samples = list(browse(source))
        assert [s.label_name for s in samples] == ["cat", "dog", "cat", "dog"]
        np.testing.assert_array_equal(samples[2].views[0].picture, smooth_picture(2))
    selected = list(browse(tmp_path / "splits", phase="test"))
    np.testing.assert_array_equal(selected[0].views[0].picture, smooth_picture(3))
