from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import functional as theirs

from selfscope.data.colour import (
    ColorJitter,
    GaussianBlur,
    RandomGaussianBlur,
    RandomGrayscale,
    RandomSolarize,
    Solarize,
    brighten,
    saturate,
    stretch_contrast,
    turn_hue,
)
from selfscope.errors import ConfigError

NOISE = np.random.default_rng(7).integers(0, 256, (21, 34, 3), dtype=np.uint8)
FUNCTIONS = {
    "brightness": theirs.adjust_brightness,
    "contrast": theirs.adjust_contrast,
    "saturation": theirs.adjust_saturation,
    "hue": theirs.adjust_hue,
}

OURS = {"brightness": brighten, "contrast": stretch_contrast, "saturation": saturate, "hue": turn_hue}


def apart(one: Any, other: Any) -> np.ndarray:
    return np.abs(np.asarray(one).astype(float) - np.asarray(other))


def exactly(pixels: np.ndarray, function: Any, factor: float) -> np.ndarray:
    """What torchvision makes in double precision, in levels, not rounded."""
    return 255 * function(torch.from_numpy(pixels.transpose(2, 0, 1) / 255), factor).numpy().transpose(1, 2, 0)


@pytest.mark.parametrize(("name", "levels"), [("brightness", 0), ("contrast", 1), ("saturation", 1)])
@pytest.mark.parametrize("factor", [0.6, 1.4])
def test_single_jitters_are_the_ancestors(
    ancestor: dict[str, np.ndarray], rng: np.random.Generator, name: str, levels: int, factor: float
) -> None:
    results = ColorJitter(**{name: (factor, factor)})({"img": ancestor["decoded"]}, rng)
    assert apart(results["img"], ancestor[f"{name}/{factor}"]).max() <= levels


def test_hue_is_nearer_to_its_definition_than_torchvisions_on_bytes(ancestor: dict[str, np.ndarray]) -> None:
    """Over a whole turn: eight bits of hue make errors of either sign."""
    for pixels in (NOISE, ancestor["decoded"]):
        image, errors = Image.fromarray(pixels), []
        for turns in np.linspace(-0.5, 0.5, 41):
            exact = exactly(pixels, theirs.adjust_hue, turns)
            ours, others = turn_hue(pixels, turns), theirs.adjust_hue(image, turns)
            errors.append([apart(ours, exact).mean(), apart(others, exact).mean()])
            assert apart(ours, exact).max() <= 12
        assert np.mean(errors, axis=0)[0] < np.mean(errors, axis=0)[1]


def test_what_was_drawn_replays_with_torchvision(ancestor: dict[str, np.ndarray], rng: np.random.Generator) -> None:
    jitter = ColorJitter(brightness=0.8, contrast=0.8, saturation=0.8, hue=0.2)
    orders, pixels = set(), ancestor["decoded"]
    for _ in range(20):
        results = jitter({"img": pixels}, rng)
        params = results["trace"].steps[0].params
        image, replayed = Image.fromarray(pixels), pixels
        for name in params["order"]:
            image, replayed = FUNCTIONS[name](image, params[name]), OURS[name](replayed, params[name])
        np.testing.assert_array_equal(results["img"], replayed)
        assert apart(results["img"], image).mean() < 1.5
        assert 0.2 <= params["brightness"] <= 1.8
        assert -0.2 <= params["hue"] <= 0.2
        orders.add(params["order"])
    assert len(orders) > 10


def test_a_jitter_of_nothing_draws_nothing(rng: np.random.Generator) -> None:
    results = ColorJitter(brightness=0.4, hue=0.0)({"img": NOISE}, rng)
    assert set(results["trace"].steps[0].params) == {"brightness", "order"}


@pytest.mark.parametrize(
    ("weights", "name"), [((1.0, 1.0, 1.0), "grey/equal"), ((0.114, 0.587, 0.2989), "grey/weights")]
)
def test_grey_is_the_ancestors(
    ancestor: dict[str, np.ndarray], rng: np.random.Generator, weights: tuple[float, ...], name: str
) -> None:
    results = RandomGrayscale(prob=1.0, channel_weights=weights)({"img": ancestor["decoded"]}, rng)
    np.testing.assert_array_equal(results["img"], ancestor[name])
    reverse = RandomGrayscale(prob=1.0, channel_weights=weights[::-1], color_format="rgb")
    np.testing.assert_array_equal(reverse({"img": ancestor["decoded"]}, rng)["img"], ancestor[name])


def test_weights_are_blue_first(rng: np.random.Generator) -> None:
    red = np.full((2, 2, 3), (200, 0, 0), np.uint8)
    grey = RandomGrayscale(prob=1.0, channel_weights=(0.0, 0.0, 1.0))
    assert grey({"img": red}, rng)["img"].tolist() == [[[200] * 3] * 2] * 2


def test_solarize_is_the_ancestors(ancestor: dict[str, np.ndarray], rng: np.random.Generator) -> None:
    results = RandomSolarize(prob=1.0)({"img": ancestor["decoded"]}, rng)
    np.testing.assert_array_equal(results["img"], ancestor["solarize"])
    assert results["img"].dtype == np.uint8


def test_blur_is_the_exact_gaussian_to_a_level(rng: np.random.Generator) -> None:
    smooth = np.asarray(Image.fromarray(NOISE).resize((60, 50), Image.Resampling.BICUBIC))
    results = RandomGaussianBlur(1.5, 1.5, prob=1.0)({"img": smooth}, rng)
    exact = exactly(smooth, lambda pixels, _: theirs.gaussian_blur(pixels, [13, 13], [1.5, 1.5]), 0)
    assert apart(results["img"], exact).max() < 1.25
    assert results["trace"].steps[0].params == {"applied": True, "sigma": 1.5}


@pytest.mark.parametrize(
    "transform",
    [RandomGrayscale(prob=0.0), RandomGaussianBlur(0.1, 2.0, prob=0.0), RandomSolarize(prob=0.0)],
)
def test_never_is_never(transform: Any, rng: np.random.Generator) -> None:
    for _ in range(50):
        results = transform({"img": NOISE}, rng)
        assert results["img"] is NOISE
        assert results["trace"].steps[0].params == {"applied": False}


@pytest.mark.parametrize(
    "make", [RandomGrayscale, lambda p: RandomGaussianBlur(0.1, 2.0, p), lambda p: RandomSolarize(prob=p)]
)
def test_probabilities_hold(make: Any, rng: np.random.Generator) -> None:
    transform = make(0.3)
    applied = [transform({"img": NOISE}, rng)["trace"].steps[0].params["applied"] for _ in range(1500)]
    assert np.mean(applied) == pytest.approx(0.3, abs=0.05)


def test_mmpretrains_spellings() -> None:
    assert GaussianBlur(magnitude_range=(0.1, 2.0), magnitude_std="inf", prob=0.2) == RandomGaussianBlur(0.1, 2.0, 0.2)
    assert GaussianBlur(radius=2, prob=1.0) == RandomGaussianBlur(2.0, 2.0, 1.0)
    assert Solarize(thr=100, prob=0.2) == RandomSolarize(100, 0.2)
    with pytest.raises(ConfigError, match="magnitude_std='inf'"):
        GaussianBlur(magnitude_range=(0.1, 2.0))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ColorJitter(brightness=-1), "at least 0"),
        (lambda: ColorJitter(hue=0.6), "up to 0.5"),
        (lambda: ColorJitter(hue=(-0.6, 0)), "within -0.5..0.5"),
        (lambda: ColorJitter(contrast="much"), "a number"),
        (lambda: ColorJitter(backend="skimage"), "'pillow'"),
        (lambda: RandomGrayscale(prob=2), "between 0 and 1"),
        (lambda: RandomGrayscale(channel_weights=(1, 2)), "three weights"),
        (lambda: RandomGaussianBlur(2.0, 1.0), "min, max"),
    ],
)
def test_what_cannot_be_is_refused_when_built(make: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make()
