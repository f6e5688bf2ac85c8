from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

from selfscope.data import colour, compiled, resample
from selfscope.data.compiled import MACHINES, PAYS_AFTER, SUPPORTS, Account, Loops
from selfscope.data.dataset import folder_dataset

pytestmark = pytest.mark.skipif(
    compiled.platform.machine().lower() not in MACHINES, reason="compiled loops are used on x86 processors only"
)
SIZES = [(21, 34), (1, 1), (1, 9), (9, 1), (70, 3), (97, 64)]
TWO_VIEWS = [
    {"type": "LoadImageFromFile"},
    {
        "type": "MultiView",
        "num_views": [1, 1],
        "transforms": [
            [
                {"type": "RandomFlip", "prob": 0.5},
                {"type": "RandomResizedCrop", "size": 48, "interpolation": how, "backend": backend},
                {"type": "ColorJitter", "brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.1},
                {"type": "RandomGaussianBlur", "sigma_min": 0.1, "sigma_max": 2.0, "prob": 0.9},
            ]
            for how, backend in (("bicubic", "pillow"), ("bilinear", "cv2"))
        ],
    },
    {"type": "PackSelfSupInputs", "meta_keys": ["img_path"]},
]


@pytest.fixture(scope="module")
def loops() -> Loops:
    loaded = Account().load()
    assert loaded is not None
    return loaded


def noise(size: tuple[int, int]) -> np.ndarray:
    return np.random.default_rng(size).integers(0, 256, (*size, 3), np.uint8)


@pytest.mark.parametrize("interpolation", SUPPORTS)
@pytest.mark.parametrize("old", SIZES)
@pytest.mark.parametrize("new", [(16, 16), (1, 1), (90, 5), (34, 21), (21, 90)])
def test_resize_is_pillows(loops: Loops, interpolation: str, old: tuple[int, int], new: tuple[int, int]) -> None:
    pixels = noise(old)
    theirs = Image.fromarray(pixels).resize(new, resample.PILLOW_FILTERS[interpolation])
    np.testing.assert_array_equal(loops.resized(pixels, new, interpolation), np.asarray(theirs))


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos", "area"])
@pytest.mark.parametrize("old", SIZES)
@pytest.mark.parametrize("new", [(16, 16), (1, 1), (90, 5), (35, 48)])
def test_opencvs_resize_is_the_same_with_loops_and_without(
    loops: Loops, monkeypatch: pytest.MonkeyPatch, interpolation: str, old: tuple[int, int], new: tuple[int, int]
) -> None:
    made = []
    for found in (None, loops):
        monkeypatch.setattr(resample, "loops", lambda pixels, found=found: found)
        made.append(resample.resize(noise(old), new, interpolation=interpolation, backend="cv2"))
    np.testing.assert_array_equal(made[0], made[1])


@pytest.mark.parametrize("sigma", [0.0, 0.1, 0.31, 0.5, 0.9, 1.0, 1.4142, 1.7, 2.0, 5.3, 40.0])
@pytest.mark.parametrize("size", SIZES)
def test_blur_is_pillows(loops: Loops, sigma: float, size: tuple[int, int]) -> None:
    theirs = Image.fromarray(noise(size)).filter(ImageFilter.GaussianBlur(sigma))
    np.testing.assert_array_equal(loops.blurred(noise(size), sigma), np.asarray(theirs))


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
@pytest.mark.parametrize("factor", [0.0, 0.2, 0.6, 0.999, 1.0, 1.0001, 1.37, 1.8, 9.0])
@pytest.mark.parametrize("size", [(21, 34), (1, 1)])
def test_factors_are_pillows(loops: Loops, name: str, factor: float, size: tuple[int, int]) -> None:
    steps = [(name, factor)]
    np.testing.assert_array_equal(loops.jittered(noise(size), steps), colour.jittered_by_pillow(noise(size), steps))


@pytest.mark.parametrize("turns", [-0.5, -0.1, -0.004, 0.0, 0.01, 0.2, 0.5])
def test_hue_of_every_fifth_colour_is_pillows(loops: Loops, turns: float) -> None:
    levels = np.arange(0, 256, 5, np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(len(levels), -1, 3)
    steps = [("hue", turns)]
    np.testing.assert_array_equal(loops.jittered(cube, steps), colour.jittered_by_pillow(cube, steps))


def test_steps_follow_each_other_and_leave_the_given_picture(loops: Loops) -> None:
    steps, pixels = [("contrast", 1.3), ("hue", -0.08), ("brightness", 0.7), ("saturation", 1.6)], noise((40, 30))
    before = pixels.copy()
    np.testing.assert_array_equal(loops.jittered(pixels, steps), colour.jittered_by_pillow(pixels, steps))
    np.testing.assert_array_equal(pixels, before)


@pytest.mark.parametrize("cut", [np.s_[:, ::-1], np.s_[::-1], np.s_[::-1, ::-1], np.s_[3:50, 5:40], np.s_[::2, 1::3]])
def test_flipped_and_cut_pictures_are_read_right(loops: Loops, cut: Any) -> None:
    part = noise((60, 44))[cut]
    whole = part.copy()
    whole.flags.writeable = False
    np.testing.assert_array_equal(loops.resized(part, (20, 20), "bicubic"), loops.resized(whole, (20, 20), "bicubic"))
    np.testing.assert_array_equal(loops.blurred(part, 1.2), loops.blurred(whole, 1.2))
    steps = [("hue", 0.1)]
    np.testing.assert_array_equal(loops.jittered(part, steps), loops.jittered(whole, steps))


def test_a_data_set_is_the_same_before_and_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    account = Account()
    monkeypatch.setattr(compiled, "ACCOUNT", account)
    for number in range(4):
        Image.fromarray(noise((80 + number, 100))).save(tmp_path / f"{number}.png")
    dataset = folder_dataset(tmp_path, TWO_VIEWS, seed=3)
    before = [dataset.sample(i) for i in range(4)]
    assert account.load() is not None
    for old, new in zip(before, (dataset.sample(i) for i in range(4)), strict=True):
        for one, other in zip(old.views, new.views, strict=True):
            np.testing.assert_array_equal(one.picture, other.picture)
            assert one.steps == other.steps


def test_loops_come_when_they_pay(loops: Loops, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "Loops", lambda: loops)
    account = Account()
    assert account.loops(PAYS_AFTER - 1) is None
    assert account.loops(1) is loops
    assert account.loops(1) is loops


def test_other_processors_keep_to_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled.platform, "machine", lambda: "arm64")
    assert Account().loops(PAYS_AFTER) is None


def test_a_pillow_of_other_arithmetic_is_left_to_itself(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    theirs = colour.jittered_by_pillow
    monkeypatch.setattr(colour, "jittered_by_pillow", lambda pixels, steps: theirs(pixels, steps) ^ 1)
    with caplog.at_level(logging.INFO, "selfscope.data.compiled"):
        assert Account().loops(PAYS_AFTER) is None
    assert "brightness" in caplog.text
    assert Image.__version__ in caplog.text
