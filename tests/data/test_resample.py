from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from selfscope.data.resample import INTERPOLATIONS, check_resampling, resize
from selfscope.errors import ConfigError, DataError

EXACT = {"nearest", "bilinear"}


def cases(ancestor: dict[str, np.ndarray], interpolation: str) -> list[tuple[np.ndarray, np.ndarray]]:
    named = [name.split("/") for name in ancestor if f"/{interpolation}/" in name]
    return [(ancestor[source], ancestor[f"{source}/{how}/{size}"]) for source, how, size in named]


@pytest.mark.parametrize("interpolation", INTERPOLATIONS["cv2"])
def test_agrees_with_opencv(ancestor: dict[str, np.ndarray], interpolation: str) -> None:
    pairs = cases(ancestor, interpolation)
    assert len(pairs) == 7
    for source, expected in pairs:
        got = resize(source, (expected.shape[1], expected.shape[0]), interpolation=interpolation)
        difference = np.abs(got.astype(int) - expected)
        assert difference.max() <= (0 if interpolation in EXACT else 1)
        if interpolation == "bicubic":
            assert (difference > 0).mean() < 0.002


def slow_bilinear(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """The definition, in exact arithmetic, pixel by pixel: half-pixel centres, borders repeated, no antialiasing."""
    result = np.empty((height, width, 3))
    for row in range(height):
        for column in range(width):
            y = (row + 0.5) * pixels.shape[0] / height - 0.5
            x = (column + 0.5) * pixels.shape[1] / width - 0.5
            y0, x0 = int(np.floor(y)), int(np.floor(x))
            total = np.zeros(3)
            for j, wy in ((y0, 1 - (y - y0)), (y0 + 1, y - y0)):
                for i, wx in ((x0, 1 - (x - x0)), (x0 + 1, x - x0)):
                    pixel = pixels[min(max(j, 0), pixels.shape[0] - 1), min(max(i, 0), pixels.shape[1] - 1)]
                    total += wy * wx * pixel
            result[row, column] = total
    return result


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((9, 7), (5, 4)),
        ((5, 4), (13, 9)),
        ((1, 1), (3, 2)),
        ((200, 3), (20, 30)),
        ((6, 6), (3, 3)),
        ((40, 70), (33, 71)),
    ],
)
def test_bilinear_is_its_definition_to_one_level(before: tuple[int, int], after: tuple[int, int]) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (*before, 3), dtype=np.uint8)
    got = resize(pixels, (after[1], after[0]))
    assert np.abs(got - slow_bilinear(pixels, after[1], after[0])).max() <= 1


@pytest.mark.parametrize("backend", ["cv2", "pillow"])
def test_constant_pictures_stay_constant(backend: str) -> None:
    for interpolation in INTERPOLATIONS[backend]:
        for value in (0, 1, 127, 255):
            pixels = np.full((17, 23, 3), value, np.uint8)
            for size in ((5, 40), (40, 5), (1, 1), (23, 16)):
                assert np.unique(resize(pixels, size, interpolation=interpolation, backend=backend)).tolist() == [value]


def test_the_same_size_is_the_same_picture() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 8, 3), dtype=np.uint8)
    for backend, names in INTERPOLATIONS.items():
        for name in names:
            np.testing.assert_array_equal(resize(pixels, (8, 9), interpolation=name, backend=backend), pixels)


def test_pillow_is_pillow() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (31, 47, 3), dtype=np.uint8)
    expected = np.asarray(Image.fromarray(pixels).resize((20, 30), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(resize(pixels, (20, 30), interpolation="bicubic", backend="pillow"), expected)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(224, 200), (40, 33), (300, 5), (1, 1)])
def test_torch_stands_in_for_pillow_to_two_levels(interpolation: str, size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (131, 247, 3), dtype=np.uint8)
    pixels.flags.writeable = False
    how = {"interpolation": interpolation, "backend": "pillow"}
    for view in (pixels, pixels[3:20, 5:30], pixels[:, ::-1], pixels[5:6, 7:8]):
        levels = np.abs(resize(view, size, **how, to_the_byte=False).astype(int) - resize(view, size, **how))
        assert levels.max() <= 2
        assert (levels > 0).mean() < 0.03


def test_views_of_arrays_resize_as_their_copies() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (31, 47, 3), dtype=np.uint8)
    for view in (pixels[3:20, 5:30], pixels[:, ::-1], pixels[::-1]):
        for backend in INTERPOLATIONS:
            np.testing.assert_array_equal(
                resize(view, (11, 12), backend=backend), resize(view.copy(), (11, 12), backend=backend)
            )


def test_panoramas() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 20000, 3), dtype=np.uint8)
    for name in INTERPOLATIONS["cv2"]:
        assert resize(pixels, (224, 224), interpolation=name).shape == (224, 224, 3)
    mean = resize(pixels, (1, 1), interpolation="area")[0, 0]
    np.testing.assert_allclose(mean, pixels.reshape(-1, 3).mean(0), atol=0.51)


def test_refusals_name_what_there_is() -> None:
    with pytest.raises(ConfigError, match=r"'cv2' or 'pillow'. Did you mean 'pillow'"):
        check_resampling("bilinear", "pilow")
    with pytest.raises(ConfigError, match=r"backend 'pillow' has nearest, bilinear.*Did you mean 'bicubic'"):
        check_resampling("bicubik", "pillow")
    with pytest.raises(DataError, match="4×3 pixels cannot become 0×5"):
        resize(np.zeros((3, 4, 3), np.uint8), (0, 5))
