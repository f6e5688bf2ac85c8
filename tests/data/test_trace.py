from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfscope.data.crops import CenterCrop, RandomCrop, RandomResizedCrop
from selfscope.data.spatial import RandomFlip, RandomRotation, Resize, ResizeEdge
from selfscope.data.trace import Trace, moved, pixels_of, trace_of
from selfscope.errors import ConfigError

from .sources_of_pictures import gradient

WIDTH, HEIGHT = 250, 200
MOVES: dict[str, Callable[[], Any]] = {
    "crop": lambda: RandomResizedCrop(size=(90, 120), scale=(0.3, 1.0), interpolation="bilinear", backend="pillow"),
    "small crop": lambda: RandomCrop(size=(60, 70)),
    "centre": lambda: CenterCrop((80, 50)),
    "resize": lambda: Resize(scale=(110, 140), backend="pillow"),
    "edge": lambda: ResizeEdge(130, edge="long", backend="pillow"),
    "left-right": lambda: RandomFlip(prob=1.0),
    "up-down": lambda: RandomFlip(prob=1.0, direction="vertical"),
    "both": lambda: RandomFlip(prob=1.0, direction="diagonal"),
}


def places(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where in the original each pixel of a traced gradient comes from: columns and rows of pixel centres."""
    return pixels[..., 0] / 255 * (WIDTH - 1) + 0.5, pixels[..., 1] / 255 * (HEIGHT - 1) + 0.5


def apply(names: list[str], seed: int) -> tuple[np.ndarray, Trace]:
    rng = np.random.default_rng(seed)
    results: dict[str, Any] = {"img": gradient(WIDTH, HEIGHT)}
    for name in names:
        results = MOVES[name]()(results, rng)
    return results["img"], results["trace"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(sorted(MOVES)), min_size=1, max_size=5), st.integers(0, 99))
def test_every_pixel_comes_from_where_the_trace_says(names: list[str], seed: int) -> None:
    pixels, trace = apply(names, seed)
    height, width = pixels.shape[:2]
    x, y = places(pixels)
    a, b, c, d, e, f = trace.map
    columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    inner = (slice(3, -3), slice(3, -3))  # resampling bends the gradient at borders
    assert np.abs(a * columns + b * rows + c - x)[inner].max() < 2.5
    assert np.abs(d * columns + e * rows + f - y)[inner].max() < 2.5


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(sorted(MOVES)), min_size=1, max_size=5), st.integers(0, 99))
def test_the_crop_box_and_the_flip_are_what_the_gradient_shows(names: list[str], seed: int) -> None:
    pixels, trace = apply(names, seed)
    height, width = pixels.shape[:2]
    x, y = places(pixels)
    left, top, w, h = trace.crop(width, height) or (0, 0, WIDTH, HEIGHT)
    assert abs(x.min() - left) < 3
    assert abs(x.max() - (left + w)) < 3
    assert abs(y.min() - top) < 3
    assert abs(y.max() - (top + h)) < 3
    mirrored = (bool(x[0, 0] > x[0, -1]), bool(y[0, 0] > y[-1, 0]))
    named = {(False, False): None, (True, False): "horizontal", (False, True): "vertical", (True, True): "diagonal"}
    assert trace.flip == named[mirrored]


@pytest.mark.parametrize("expand", [False, True])
@pytest.mark.parametrize("center", [None, (20, 150)])
def test_rotations_are_traced(expand: bool, center: tuple[int, int] | None, rng: np.random.Generator) -> None:
    if expand and center:
        return
    rotate = RandomRotation((17, 17), interpolation="bilinear", expand=expand, center=center)
    results = rotate({"img": np.maximum(gradient(WIDTH, HEIGHT), 1)}, rng)
    pixels, trace = results["img"], results["trace"]
    x, y = places(pixels)
    a, b, c, d, e, f = trace.map
    columns, rows = np.meshgrid(np.arange(pixels.shape[1]) + 0.5, np.arange(pixels.shape[0]) + 0.5)
    source_x, source_y = a * columns + b * rows + c, d * columns + e * rows + f
    inside = (source_x > 3) & (source_x < WIDTH - 3) & (source_y > 3) & (source_y < HEIGHT - 3)
    assert inside.mean() > 0.4
    assert np.abs(source_x - x)[inside].max() < 2
    assert np.abs(source_y - y)[inside].max() < 2
    assert (pixels[~inside & ((source_x < -3) | (source_x > WIDTH + 3))] == 0).all()


def test_the_whole_picture_is_a_crop_and_an_unknown_place_is_none() -> None:
    assert Trace(30, 20).crop(30, 20) == (0, 0, 30, 20)
    assert Trace(30, 20).resized((30, 20), (15, 7)).crop(15, 7) == (0, 0, 30, 20)
    assert Trace(30, 20).lost().crop(3, 3) is None


def test_crop_boxes_stay_on_the_picture() -> None:
    padded = Trace(30, 20).cropped(-5, -4)
    assert padded.crop(20, 20) == (0, 0, 15, 16)
    assert Trace(30, 20).cropped(-9, 0).crop(5, 5) == (0, 0, 0, 5)


def test_two_flips_are_none() -> None:
    trace = Trace(30, 20).cropped(3, 4)
    for _ in range(2):
        trace = trace.mirrored(10, 8, horizontal=True, vertical=False)
    assert trace == Trace(30, 20).cropped(3, 4)


def test_results_are_not_modified() -> None:
    results = {"img": gradient(4, 3), "kept": 1}
    after = moved(results, results["img"][:2], trace_of(results).cropped(0, 0).step("x", y=1))
    assert set(results) == {"img", "kept"}
    assert after["img_shape"] == (2, 4)
    assert after["kept"] == 1
    assert after["trace"].steps[0].params == {"y": 1}


@pytest.mark.parametrize(
    ("results", "words"), [({}, "begin it with LoadImageFromFile"), ({"img": []}, "several views")]
)
def test_images_that_are_not_there(results: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        pixels_of(results)
