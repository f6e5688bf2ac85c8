"""What models make of their views, against slow versions and the published definitions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from selfscope.data.dataset import folder_dataset
from selfscope.draw.mask import expand
from selfscope.draw.show import sample_photo
from selfscope.errors import ConfigError
from selfscope.models.hog import HOGGenerator
from selfscope.records import Sample, View
from selfscope.views.browse import browse
from selfscope.views.derived import (
    Gradients,
    LowFrequencies,
    Mixture,
    OrientedGradients,
    hog_cells,
    low_pass,
    with_derived,
)
from selfscope.views.opening import opened

SELFSUP = "configs/selfsup/"
PIXMIM = SELFSUP + "pixmim/pixmim_vit-base-p16_8xb512-amp-coslr-300e_in1k.py"
MASKFEAT = SELFSUP + "maskfeat/maskfeat_vit-base-p16_8xb256-amp-coslr-300e_in1k.py"
MIXMIM = SELFSUP + "mixmim/mixmim-base-p16_16xb128-coslr-300e_in1k.py"
SOBEL = SELFSUP + "deepcluster/deepcluster-sobel_resnet50_8xb64-steplr-200e_in1k.py"
SIMSIAM = SELFSUP + "simsiam/simsiam_resnet50_8xb32-coslr-100e_in1k.py"
Photos = Callable[..., Path]
RNG = np.random.default_rng(0)
MEAN, STD = np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375])


def where(root: Path) -> list[str]:
    entries = (f"data_root={root}", "ann_file=val.txt", 'data_prefix=""')
    return [f"train_dataloader.dataset.{entry}" for entry in entries]


@pytest.mark.parametrize(
    ("config", "names", "note"),
    [
        (PIXMIM, ["low-frequency target"], "up to 40 waves"),
        (MASKFEAT, ["HOG target"], "9 directions in cells of 8 px"),
        (MIXMIM, ["mixed"], "other sample of a pair"),
        (SOBEL, ["gradient across", "gradient down"], "two gradients alone"),
        (SIMSIAM, [], ""),
    ],
)
def test_configs_show_what_their_models_make(config: str, names: list[str], note: str, photos: Photos) -> None:
    for sample in browse(config, n=2, options=where(photos(classes=1, each=2))):
        assert list(sample.derived) == names
        assert all(picture.shape == sample.views[0].picture.shape for picture in sample.derived.values())
        assert all(picture.std() > 2 for picture in sample.derived.values())
        assert note in " ".join(sample.settings.get("notes", ()))


def slow_low_pass(picture: np.ndarray, radius: float) -> np.ndarray:
    """The generator of the paper's code: a circle about the middle of the shifted spectrum, point by point."""
    height, width = picture.shape[:2]
    circle = torch.ones(height, width)
    for i in range(height):
        for j in range(width):
            if (i - (height - 1) / 2) ** 2 + (j - (width - 1) / 2) ** 2 > radius**2:
                circle[i, j] = 0
    image = torch.from_numpy(picture.transpose(2, 0, 1) / 255)
    spectrum = torch.fft.fftshift(torch.fft.fft2(image), dim=(-2, -1)) * circle
    return 255 * torch.abs(torch.fft.ifft2(spectrum)).clamp(max=1).numpy().transpose(1, 2, 0)


@pytest.mark.parametrize(("size", "radius"), [((48, 48), 8), ((33, 50), 12), ((16, 16), 100), ((1, 7), 2)])
def test_low_frequencies_are_those_of_the_published_filter(size: tuple[int, int], radius: float) -> None:
    picture = sample_photo(*size)
    np.testing.assert_allclose(low_pass(picture, radius), slow_low_pass(picture, radius), atol=0.51)


def test_a_filter_that_holds_every_frequency_changes_nothing() -> None:
    photo = sample_photo(40, 56)
    np.testing.assert_array_equal(low_pass(photo, 1e3), photo)


def slow_hog(photo: np.ndarray, nbins: int, pool: int, window: int) -> np.ndarray:
    """Pixel by pixel, in float64."""
    padded = np.pad(photo.astype(float), ((1, 1), (1, 1), (0, 0)), mode="reflect")
    height, width = photo.shape[:2]
    bell = np.exp(-0.5 * ((np.arange(window or 1) - ((window or 1) - 1) / 2) / ((window or 1) // 2 or 1)) ** 2)
    cells = np.zeros((3, nbins, height // pool, width // pool))
    smooth = np.array([1, 2, 1])
    for y, x, colour in np.ndindex(height, width, 3):
        part = padded[y : y + 3, x : x + 3, colour]
        across, down = smooth @ (part[:, 0] - part[:, 2]), smooth @ (part[0] - part[2])
        turn = int(np.floor(np.arctan2(across, down) / np.pi * nbins)) % nbins
        weight = bell[y % window] * bell[x % window] if window else 1
        cells[colour, turn, y // pool, x // pool] += np.hypot(across, down) * weight
    return (cells / np.maximum(np.linalg.norm(cells, axis=1, keepdims=True), 1e-12)).mean(axis=0)


@pytest.mark.parametrize(("nbins", "pool", "window"), [(9, 8, 16), (18, 4, 0), (5, 16, 8)])
def test_hog_cells_are_histograms_of_gradients(nbins: int, pool: int, window: int) -> None:
    photo = np.array(Image.fromarray(RNG.integers(0, 256, (4, 6, 3), dtype=np.uint8)).resize((48, 32)))
    found = hog_cells(photo, nbins, pool, window)
    np.testing.assert_allclose(found, slow_hog(photo, nbins, pool, window), atol=1e-2)
    assert np.abs(found - slow_hog(photo, nbins, pool, window)).mean() < 1e-4


def test_hog_cells_are_those_of_the_models_target() -> None:
    photo = np.array(sample_photo(64, 48))
    photo[:20, :20], photo[30:, 30:] = 255, RNG.integers(0, 256, (34, 18, 3), dtype=np.uint8)
    target = HOGGenerator(gaussian_window=16).cells(torch.from_numpy(photo.transpose(2, 0, 1)[None]).float())
    np.testing.assert_array_equal(hog_cells(photo), target.mean(dim=1)[0].numpy())


def test_cells_without_gradients_have_no_direction() -> None:
    assert not hog_cells(np.full((32, 32, 3), 77, np.uint8)).any()


def test_views_that_are_no_whole_cells_say_so_and_have_no_target() -> None:
    pictures, note = OrientedGradients()(Sample("a", (View(sample_photo(100, 224)),)))
    assert not pictures
    assert note == "no HOG target: views of 224 x 100 px are not whole cells of 16 px"


@pytest.mark.parametrize(("pool", "window", "unit"), [(8, 12, 8), (12, 8, 8), (8, 0, 8)])
def test_views_must_be_whole_cells_and_whole_windows(pool: int, window: int, unit: int) -> None:
    side = 60 if pool == 8 else 36
    pictures, note = OrientedGradients(9, pool, window)(Sample("a", (View(sample_photo(side, side)),)))
    assert not pictures
    assert note == f"no HOG target: views of {side} x {side} px are not whole cells of {unit} px"


@pytest.mark.parametrize("given", [{"pool": 0}, {"nbins": 0}, {"pool": 8.5}, {"window": -16}, {"nbins": "9"}])
def test_impossible_cells_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="HOGGenerator: expected whole numbers"):
        OrientedGradients(**given)


@pytest.mark.parametrize("radius", [None, "40", -1])
def test_a_filter_without_a_radius_is_refused(radius: Any) -> None:
    with pytest.raises(ConfigError, match="LowFreqTargetGenerator: expected a radius"):
        LowFrequencies(radius)


def test_gradients_are_differences_of_the_mean_of_the_normalised_colours() -> None:
    photo = sample_photo(40, 30)
    grey = np.pad(((photo - MEAN) / STD).mean(axis=2), 1)
    across = sum(k * (grey[i : i + 40, :-2] - grey[i : i + 40, 2:]) for i, k in enumerate((1, 2, 1)))
    expected = np.rint(np.clip(127.5 + across * np.mean(STD) / 2, 0, 255))
    pictures, _ = Gradients(tuple(MEAN), tuple(STD))(Sample("a", (View(photo),)))
    assert list(pictures) == ["gradient across", "gradient down"]
    assert np.abs(pictures["gradient across"][..., 0] - expected).max() <= 1


def test_a_mixture_has_kept_cells_of_its_own_and_removed_ones_of_the_other(photos: Photos) -> None:
    first, second, third = browse(MIXMIM, options=where(photos(classes=1, each=3)))
    for one, other in ((first, second), (second, first)):
        assert one.mask is not None
        hidden = expand(one.mask, (224, 224)) != 0
        np.testing.assert_array_equal(one.derived["mixed"][hidden], other.views[0].picture[hidden])
        np.testing.assert_array_equal(one.derived["mixed"][~hidden], one.views[0].picture[~hidden])
    np.testing.assert_array_equal(first.mask, second.mask)  # one of the batch
    assert not np.array_equal(first.mask, third.mask)  # type: ignore[arg-type]
    assert "mixed" not in third.derived
    assert "not mixed: the last sample has no other to pair with" in third.settings["notes"]


@pytest.mark.slow
def test_workers_and_a_smaller_n_make_the_same_mixture(photos: Photos) -> None:
    options = where(photos(classes=1, each=3))
    (alone,) = browse(MIXMIM, n=1, options=options, seed=4)
    (there, *_) = browse(MIXMIM, n=2, options=options, seed=4, workers=1, mode="pipeline")
    np.testing.assert_array_equal(alone.derived["mixed"], there.derived["mixed"])


def test_a_partner_that_cannot_be_read_or_has_another_size_is_told(photos: Photos) -> None:
    root = photos(classes=1, each=2)
    dataset = folder_dataset(root)
    sample = replace(dataset.sample(0), mask=np.ones((2, 2), np.uint8))
    narrow = replace(sample, views=(View(sample.views[0].picture[:, :-1]),))
    assert Mixture(dataset)(narrow)[1] == "not mixed: the other sample of the pair has another size"
    next(root.glob("*/1.jpg")).write_bytes(b"no photo")
    assert Mixture(dataset)(sample) == ({}, "not mixed: the other sample of the pair cannot be read")


def test_notes_that_were_there_stay_and_nothing_is_made_without_a_config(photos: Photos) -> None:
    root = photos(classes=1, each=1)
    assert opened(root).derivations == ()
    sample = Sample("a", (View(sample_photo(16, 16)),), settings={"notes": ("the first of 3 frames",)})

    def made(given: Sample) -> tuple[dict[str, Any], str]:
        return {"halved": given.views[0].picture // 2}, "halved: darker"

    drawn = with_derived(sample, (made,))
    assert drawn.settings["notes"] == ("the first of 3 frames", "halved: darker")
    assert with_derived(sample, ()) is sample
