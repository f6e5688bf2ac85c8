"""Augmentation statistics against slow obvious versions, and their silence on pipelines that are fine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from selfscope.data.dataset import Dataset, folder_dataset
from selfscope.data.sources import files
from selfscope.draw.statistics import colours_unchanged
from selfscope.errors import UsageError
from selfscope.overlap import overlap
from selfscope.records import Sample, Step, View
from selfscope.statistics import QUANTITIES, distribution
from selfscope.views.measuring import colour_shift, measure
from selfscope.views.statistics import _span, augmentation_stats
from tests.conftest import smooth_picture

Photos = Callable[..., Path]
ROOT = Path(__file__).parents[2]
CONFIGS = {
    "simsiam": "selfsup/simsiam/simsiam_resnet50_8xb32-coslr-100e_in1k.py",
    "mae": "selfsup/mae/mae_vit-base-p16_8xb512-amp-coslr-300e_in1k.py",
    "simmim": "selfsup/simmim/simmim_swin-base_16xb128-amp-coslr-100e_in1k-192.py",
    "maskfeat": "selfsup/maskfeat/maskfeat_vit-base-p16_8xb256-amp-coslr-300e_in1k.py",
}


def data_options(root: Path) -> list[str]:
    return [f"train_dataloader.dataset.{k}" for k in (f"data_root={root}", "ann_file=val.txt", 'data_prefix=""')]


def published() -> list[Path]:
    """One config of every algorithm that is shipped for ImageNet."""
    folders = sorted(folder for folder in (ROOT / "configs" / "selfsup").iterdir() if folder.name != "_base_")
    return [found[0] for folder in folders if (found := sorted(folder.glob("*in1k*.py")))]


QUICK = ("mae", "simsiam", "relative_loc", "beitv2")  # one of each kind of pipeline
PUBLISHED = [path if path.parent.name in QUICK else pytest.param(path, marks=pytest.mark.slow) for path in published()]


@pytest.mark.parametrize("config", PUBLISHED, ids=lambda path: path.parent.name)
def test_published_pipelines_raise_no_suspicion(config: Path, photos: Photos) -> None:
    stats = augmentation_stats(config, n=12, options=data_options(photos(classes=2, each=3)))
    assert stats.warnings == ()
    assert (stats.n, stats.images) == (12, 6)


@pytest.mark.parametrize(
    "name", [n if n in ("mae", "simmim") else pytest.param(n, marks=pytest.mark.slow) for n in CONFIGS]
)
def test_the_same_seed_gives_the_same_numbers(name: str, photos: Photos) -> None:
    root, config = photos(), ROOT / "configs" / CONFIGS[name]
    first, again, other = (
        augmentation_stats(config, n=6, seed=seed, options=data_options(root)).summary() for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_numbers_are_those_of_the_samples(photos: Photos) -> None:
    """Area, flips and IoU of every draw, counted by hand from the samples themselves."""
    pipeline = [
        {"type": "MultiView", "num_views": 2, "transforms": [[
            {"type": "RandomResizedCrop", "size": 16, "scale": (0.2, 0.9)}, {"type": "RandomFlip", "prob": 0.5}]]},
    ]  # fmt: skip
    dataset = folder_dataset(photos(classes=2, each=3), pipeline, seed=5)
    stats = augmentation_stats(dataset, n=12)
    drawn = [dataset.sample(index, epoch) for epoch in (0, 1) for index in range(6)]
    areas = [s.views[0].crop[2] * s.views[0].crop[3] / (60 * 80) for s in drawn]
    assert stats.distributions["area"]["view 1"].mean == pytest.approx(np.mean(areas))
    assert stats.distributions["area"]["view 1"].quantiles[2] == pytest.approx(np.median(areas))
    flips = np.mean([s.views[1].flip == "horizontal" for s in drawn])
    assert stats.shares["flipped"]["view 2"] == pytest.approx(flips)
    pairs = [overlap(s.views[0].crop, s.views[1].crop) for s in drawn]
    assert stats.distributions["iou"][""].mean == pytest.approx(np.mean([pair.iou for pair in pairs]))
    assert stats.shares["hardly overlapping"][""] == np.mean([pair.containment < 0.1 for pair in pairs])
    assert colours_unchanged(stats)


def test_multi_crop_is_grouped_by_size(photos: Photos) -> None:
    crops = [[{"type": "RandomResizedCrop", "size": size}] for size in (32, 16)]
    pipeline = [{"type": "MultiView", "num_views": [2, 6], "transforms": crops}]
    stats = augmentation_stats(folder_dataset(photos(), pipeline), n=4)
    assert stats.groups == ("view 1", "view 2", "views 3-8")
    assert stats.distributions["area"]["views 3-8"].n == 24
    assert {g: d.n for g, d in stats.distributions["iou"].items()} == {"32/32 px": 4, "32/16 px": 48, "16/16 px": 60}


def test_the_map_of_masks_is_their_mean(photos: Photos) -> None:
    pipeline = [{"type": "Resize", "scale": (32, 32)}, {"type": "RandomPatchMask", "grid": (4, 4), "ratio": 0.5}]
    dataset = folder_dataset(photos(), pipeline)
    stats = augmentation_stats(dataset, n=24)
    masks = [dataset.sample(i, epoch).mask for epoch in (0, 1) for i in range(12)]
    np.testing.assert_array_equal(stats.mask_map, np.mean(masks, axis=0))
    assert stats.distributions["masked"][""].mean == 0.5


def test_draws_are_spread_and_repeated(photos: Photos) -> None:
    dataset = folder_dataset(photos(classes=1, each=3), [{"type": "RandomFlip", "prob": 0.5}])
    assert (augmentation_stats(dataset, n=1).n, augmentation_stats(dataset, n=1).images) == (1, 1)
    assert augmentation_stats(dataset, n=4).images == 2
    many = augmentation_stats(dataset, n=10)
    assert (many.n, many.images) == (10, 3)
    with pytest.raises(UsageError, match="at least 1 draw, got 0"):
        augmentation_stats(dataset, n=0)


def test_unreadable_images_are_left_out_and_named(photos: Photos) -> None:
    root = photos(classes=1, each=3)
    (root / "n00000000_kind 0" / "1.jpg").write_bytes(b"")
    skipped: list[tuple[str, str]] = []
    stats = augmentation_stats(folder_dataset(root), n=12, skipped=skipped)
    assert (stats.n, stats.images, stats.settings["skipped"]) == (8, 2, 1)
    assert [Path(path).name for path, _ in skipped] == ["1.jpg"]


def shifted(crop: np.ndarray, change: Any) -> dict[str, float]:
    return colour_shift(change(crop.astype(int)).clip(0, 255).astype(np.uint8), crop)


CROP = np.random.default_rng(3).integers(60, 180, (32, 32, 3)).astype(np.uint8) // np.array([1, 2, 3], np.uint8)


def test_colour_shifts_have_known_answers() -> None:
    same = shifted(CROP, lambda p: p)
    assert (same["red"], same["hue"], same["value"], same["swapped"]) == (0, 0, 0, pytest.approx(1))
    brighter = shifted(CROP, lambda p: p + [10, 0, 5])
    assert (brighter["red"], brighter["green"], brighter["blue"]) == pytest.approx((10, 0, 5))
    assert shifted(CROP, lambda p: p[..., ::-1])["swapped"] < -0.9
    grey = shifted(CROP, lambda p: p.mean(axis=2, keepdims=True).repeat(3, axis=2))
    assert grey["grey"] == 1
    assert np.isnan(grey["hue"])
    assert same["grey"] == 0


@pytest.mark.parametrize("degrees", [-60, -20, 30, 90])
def test_a_turn_of_the_hue_is_measured(degrees: int) -> None:
    hsv = np.array(Image.fromarray(CROP).convert("HSV"))
    hsv[..., 0] += np.uint8(round(degrees * 255 / 360) % 256)
    turned = np.asarray(Image.frombytes("HSV", (32, 32), hsv.tobytes()).convert("RGB"))
    assert colour_shift(turned, CROP)["hue"] == pytest.approx(degrees, abs=3)


def test_a_flipped_view_is_compared_with_its_flipped_crop() -> None:
    picture = smooth_picture(3)
    views = (View(picture[10:40, 20:60][:, ::-1], (20, 10, 40, 30), "horizontal"),)
    numbers = measure(Sample("a", views, original=picture)).views[0]
    assert numbers["swapped"] > 0.99
    assert abs(numbers["red"]) < 0.5
    assert (numbers["area"], numbers["aspect"]) == pytest.approx((1200 / 4800, 4 / 3))
    assert (numbers["flipped"], numbers["upside down"]) == (1, 0)


def test_what_is_not_known_is_not_guessed() -> None:
    numbers = measure(Sample("a", (View(smooth_picture(3), None),), original=smooth_picture(4))).views[0]
    assert np.isnan(numbers["flipped"])
    assert not {"area", "red", "hue"} & set(numbers)
    steps = (Step("RandomGaussianBlur", {"applied": False}), Step("RandomSolarize", {"applied": True}))
    said = measure(Sample("a", (View(smooth_picture(3), None, steps=steps),))).views[0]
    assert (said["blurred"], said["solarized"]) == (0, 1)
    assert np.isnan(said["blur"])


def test_distributions_against_numpy() -> None:
    values = np.append(np.random.default_rng(0).uniform(0, 1.3, 999), np.nan)
    found = distribution(values, QUANTITIES["area"])
    assert found is not None
    assert (found.n, found.counts.sum()) == (999, 999)
    assert found.edges[[0, -1]] == pytest.approx((0, np.nanmax(values)))
    assert found.quantiles == pytest.approx(np.nanquantile(values, (0.05, 0.25, 0.5, 0.75, 0.95)))
    assert distribution([np.nan], QUANTITIES["area"]) is None
    one = distribution([0.5], QUANTITIES["aspect"])
    assert one is not None
    assert np.diff(np.log(one.edges)) == pytest.approx(np.log(4) / 10)


def test_images_of_any_size_need_no_resizing(tmp_path: Path) -> None:
    """Views of as many sizes as there are images, one pixel among them."""
    for i, size in enumerate(((60, 80), (1, 1), (33, 20), (300, 2))):
        Image.fromarray(smooth_picture(i, *size)).save(tmp_path / f"{i}.png")
    stats = augmentation_stats(folder_dataset(tmp_path, [{"type": "RandomFlip", "prob": 0.5}]), n=16)
    assert stats.groups == ("view",)
    assert stats.distributions["area"]["view"].quantiles == (1, 1, 1, 1, 1)
    assert isinstance(stats.plot(), np.ndarray)


def test_a_listing_without_labels(tmp_path: Path) -> None:
    Image.fromarray(smooth_picture(1)).save(tmp_path / "a b.png")
    dataset = Dataset(files([tmp_path / "a b.png"]), folder_dataset(tmp_path).transforms)
    assert augmentation_stats(dataset, n=2).warnings == (
        "nothing changes between draws: each of 1 image gave the same views every time; is the random part of the "
        "pipeline left out, or seeded again for each image?",
    )


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("area", 0.456, "0.46"),
        ("hue", -0.02, "0.0°"),
        ("hue", 31.26, "31.3°"),
        ("red", -8.81, "-8.8"),
        ("blur", 1, "1.00 px"),
    ],
)
def test_numbers_are_told_with_the_digits_that_matter(name: str, value: float, told: str) -> None:
    assert QUANTITIES[name].told(value) == told


@pytest.mark.parametrize(
    ("names", "span"),
    [
        (["view 3", "view 4", "view 8"], "views 3-8"),
        (["0°", "90°", "180°"], "0° to 180°"),
        (["centre", "0 upper left", "1 above"], "3 views"),
    ],
)
def test_groups_of_views_have_names_that_can_be_read(names: list[str], span: str) -> None:
    assert _span(names) == span
