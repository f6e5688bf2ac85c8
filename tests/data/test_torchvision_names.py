from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
import torch
import torchvision.transforms as theirs
from PIL import Image

from selfscope.data import torchvision_names
from selfscope.data.pipeline import build_transforms, run
from selfscope.data.trace import Trace
from selfscope.errors import ConfigError

NOISE = np.random.default_rng(12).integers(0, 256, (50, 70, 3), dtype=np.uint8)


def apply(seed: int = 0, pixels: np.ndarray = NOISE, **entry: Any) -> dict[str, Any]:
    results = {"img": pixels, "trace": Trace(pixels.shape[1], pixels.shape[0])}
    return run(build_transforms([entry]), results, np.random.default_rng(seed))[0]


@pytest.mark.parametrize("name", torchvision_names._OURS)
def test_our_own_take_the_arguments_of_torchvisions(name: str) -> None:
    theirs_take = inspect.signature(getattr(theirs, name)).parameters
    ours_take = inspect.signature(torchvision_names.maker(name)).parameters
    assert {k: p.default for k, p in ours_take.items() if k not in ("interpolation", "antialias")} == {
        k: p.default for k, p in theirs_take.items() if k not in ("interpolation", "antialias")
    }


@pytest.mark.parametrize("pixels", [NOISE, NOISE.transpose(1, 0, 2), NOISE[:1, :1]])
@pytest.mark.parametrize(
    "arguments",
    [
        {"size": 33},
        {"size": [33]},
        {"size": (20, 30)},
        {"size": 33, "max_size": 40},
        {"size": 9, "interpolation": "bicubic"},
    ],
)
def test_resize_is_torchvisions(pixels: np.ndarray, arguments: dict[str, Any]) -> None:
    results = apply(type="mmcls.torchvision/Resize", pixels=pixels, **arguments)
    named = {k: theirs.InterpolationMode(v) if k == "interpolation" else v for k, v in arguments.items()}
    expected = np.asarray(theirs.Resize(**named)(Image.fromarray(pixels)))
    np.testing.assert_array_equal(results["img"], expected)
    assert results["trace"].crop(*expected.shape[1::-1]) == (0, 0, *pixels.shape[1::-1])


@pytest.mark.parametrize("size", [20, (51, 30), (90, 91), (60, 60)])
def test_centre_crop_is_torchvisions(size: Any) -> None:
    expected = np.asarray(theirs.CenterCrop(size)(Image.fromarray(NOISE)))
    np.testing.assert_array_equal(apply(type="torchvision/CenterCrop", size=size)["img"], expected)


def test_pixmims_crop_and_flip_are_on_record() -> None:
    results = apply(type="torchvision/RandomCrop", size=40, padding=4, padding_mode="reflect")
    step = results["trace"].steps[0]
    padded = np.pad(NOISE, ((4, 4), (4, 4), (0, 0)), mode="reflect")
    x, y = step.params["x"] + 4, step.params["y"] + 4
    np.testing.assert_array_equal(results["img"], padded[y : y + 40, x : x + 40])
    flipped = apply(type="torchvision/RandomHorizontalFlip", p=1.0)
    np.testing.assert_array_equal(flipped["img"], NOISE[:, ::-1])
    assert flipped["trace"].flip == "horizontal"
    upside = apply(type="torchvision/RandomVerticalFlip", p=1.0)
    np.testing.assert_array_equal(upside["img"], NOISE[::-1])


def test_random_resized_crop_is_antialiased() -> None:
    results = apply(type="torchvision/RandomResizedCrop", size=16, interpolation="bicubic", scale=(0.3, 0.9))
    x, y, w, h = (results["trace"].steps[0].params[name] for name in "xywh")
    cut = theirs.functional.resized_crop(Image.fromarray(NOISE), y, x, h, w, [16, 16], theirs.InterpolationMode.BICUBIC)
    np.testing.assert_allclose(results["img"].astype(int), np.asarray(cut), atol=2)


def test_others_run_as_they_are_and_replay() -> None:
    first, again, other = (
        apply(seed, type="torchvision/ColorJitter", brightness=0.5, hue=0.3)["img"] for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    state = torch.get_rng_state()
    turned = apply(type="torchvision/RandomAffine", degrees=30, interpolation="bilinear")
    assert torch.equal(torch.get_rng_state(), state)
    assert turned["img"].shape == NOISE.shape
    assert not turned["trace"].known
    grey = apply(type="torchvision/Grayscale")
    assert grey["img"].shape == NOISE.shape
    assert grey["trace"].known


def test_arguments_are_torchvisions() -> None:
    with pytest.raises(ConfigError, match="torchvision/GaussianBlur takes no argument 'sigmas'"):
        apply(type="torchvision/GaussianBlur", kernel_size=3, sigmas=1)
    with pytest.raises(ConfigError, match="torchvision/GaussianBlur cannot be built: Kernel size"):
        apply(type="torchvision/GaussianBlur", kernel_size=4)
    with pytest.raises(ConfigError, match=r"torchvision/RandomErazing.*Did you mean 'RandomErasing'"):
        apply(type="torchvision/RandomErazing")
    with pytest.raises(ConfigError, match="torchvision/Resize: size='big'"):
        apply(type="torchvision.transforms.Resize", size="big")


def test_containers_are_ours_so_that_crops_stay_on_record() -> None:
    inner = [{"type": "torchvision/CenterCrop", "size": 20}, {"type": "torchvision/RandomVerticalFlip", "p": 1.0}]
    expected = NOISE[15:35, 25:45][::-1]
    for entry in (
        {"type": "torchvision/Compose", "transforms": inner},
        {"type": "torchvision/RandomApply", "transforms": inner, "p": 1.0},
        {"type": "torchvision/RandomChoice", "transforms": [{"type": "torchvision/Compose", "transforms": inner}]},
    ):
        results = apply(**entry)
        np.testing.assert_array_equal(results["img"], expected)
        assert results["trace"].crop(20, 20) == (25, 15, 20, 20)
    flips = [{"type": "torchvision/RandomHorizontalFlip", "p": 1.0}, inner[1]]
    second = apply(type="torchvision/RandomChoice", transforms=flips, p=[0, 3])
    np.testing.assert_array_equal(second["img"], NOISE[::-1])
    np.testing.assert_array_equal(apply(type="torchvision/RandomApply", transforms=inner, p=0.0)["img"], NOISE)
    with pytest.raises(ConfigError, match="torchvision/RandomOrder is not supported"):
        apply(type="torchvision/RandomOrder", transforms=inner)


def test_what_does_not_take_or_make_pictures_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"torchvision/ToTensor made an image float32 .*leave it out"):
        apply(type="torchvision/ToTensor")
    with pytest.raises(ConfigError, match=r"torchvision/Normalize cannot take a Pillow image \(50, 70, 3\)"):
        apply(type="torchvision/Normalize", mean=[0.5], std=[0.5])


def test_objects_of_torchvision_are_transforms_too() -> None:
    results = {"img": NOISE, "trace": Trace(70, 50)}
    built = build_transforms([theirs.RandomHorizontalFlip(p=1.0)])
    np.testing.assert_array_equal(run(built, results, np.random.default_rng(0))[0]["img"], NOISE[:, ::-1])
