"""What becomes a picture, and what is refused with which words."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from selfscope.draw.picture import as_picture, fit, resize
from selfscope.errors import RecordError

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 256, (7, 13, 3), dtype=np.uint8)


class Tensor:
    """What is used of a tensor: detach, cpu, numpy, dtype, float."""

    def __init__(self, array: np.ndarray, dtype: str = "torch.float32") -> None:
        self.array, self.dtype = array, dtype

    def detach(self) -> Tensor:
        return self

    def cpu(self) -> Tensor:
        return self

    def float(self) -> Tensor:
        return Tensor(self.array)

    def numpy(self) -> np.ndarray:
        assert self.dtype != "torch.bfloat16", "numpy has no bfloat16"
        return self.array


def test_a_picture_is_returned_as_it_is() -> None:
    assert as_picture(PICTURE) is PICTURE


@pytest.mark.parametrize(
    "value",
    [
        PICTURE.transpose(2, 0, 1),
        PICTURE / 255,
        (PICTURE / 255).astype(np.float32).transpose(2, 0, 1),
        PICTURE.astype(np.int64),
        PICTURE.astype(np.uint16) * 257,
        Image.fromarray(PICTURE),
        Tensor(PICTURE.transpose(2, 0, 1) / 255),
        Tensor(PICTURE.transpose(2, 0, 1) / np.float32(255), "torch.bfloat16"),
        np.concatenate([PICTURE, np.full((7, 13, 1), 255, np.uint8)], axis=2),
        PICTURE.tolist(),
    ],
    ids=["chw", "float", "chw float", "int64", "uint16", "pillow", "tensor", "bfloat16", "opaque rgba", "list"],
)
def test_every_spelling_of_a_picture_is_that_picture(value: object) -> None:
    result = as_picture(value)
    np.testing.assert_array_equal(result, PICTURE)
    assert result.dtype == np.uint8
    assert result.flags.c_contiguous


@pytest.mark.parametrize("shape", [(5, 6), (5, 6, 1), (1, 5, 6)])
def test_grey_has_three_equal_channels(shape: tuple[int, ...]) -> None:
    grey = RNG.integers(0, 256, shape, dtype=np.uint8)
    expected = np.repeat(grey.reshape(5, 6, 1), 3, axis=2)
    np.testing.assert_array_equal(as_picture(grey), expected)


def test_where_both_ends_could_be_channels_the_last_is() -> None:
    assert as_picture(np.zeros((3, 9, 3), np.uint8)).shape == (3, 9, 3)
    assert as_picture(np.zeros((3, 9, 5), np.uint8)).shape == (9, 5, 3)


def test_a_transparent_pixel_is_white_and_half_of_black_is_grey() -> None:
    rgba = np.array([[[10, 20, 30, 0], [0, 0, 0, 128]]], np.uint8)
    np.testing.assert_array_equal(as_picture(rgba), [[[255, 255, 255], [127, 127, 127]]])


def test_pillow_modes() -> None:
    image = Image.fromarray(PICTURE)
    np.testing.assert_array_equal(as_picture(image.convert("CMYK")), np.asarray(image.convert("CMYK").convert("RGB")))
    np.testing.assert_array_equal(as_picture(image.convert("P")), np.asarray(image.convert("P").convert("RGB")))
    np.testing.assert_array_equal(as_picture(image.convert("1"))[..., 0], np.asarray(image.convert("1")) * 255)
    assert as_picture(image.convert("LA")).shape == PICTURE.shape


def test_booleans_are_black_and_white() -> None:
    np.testing.assert_array_equal(as_picture(np.array([[True, False]]))[..., 0], [[255, 0]])


def test_a_given_range_is_mapped_and_clipped() -> None:
    values = np.array([[-2.0, -1.0, 0.0, 1.0, 3.0]])
    np.testing.assert_array_equal(as_picture(values, vmin=-1, vmax=1)[0, :, 0], [0, 0, 128, 255, 255])
    np.testing.assert_array_equal(as_picture(np.array([[0, 500, 1000]]), vmin=0, vmax=1000)[0, :, 0], [0, 128, 255])


def test_rounding_errors_around_the_unit_range_are_clipped() -> None:
    np.testing.assert_array_equal(as_picture(np.array([[-1e-6, 1 + 1e-6]]))[0, :, 0], [0, 255])


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.full((4, 4), 1.5), "floats in \\[0, 1\\], got 1.5 to 1.5: give vmin and vmax"),
        (np.array([[-0.5, 0.5]]), "got -0.5 to 0.5"),
        (np.array([[0, 300]]), "integers in 0..255, got 0 to 300"),
        (np.array([[0.5, np.nan]]), "1 of 2 values are NaN"),
        (np.array([[0.5, np.inf]]), "NaN or infinite"),
        (np.zeros((2, 3, 8, 8), np.uint8), "one picture of the batch"),
        (np.zeros((8, 8, 2), np.uint8), "1, 3 or 4 channels, got uint8 \\(8, 8, 2\\)"),
        (np.zeros((0, 4, 3), np.uint8), "at least one pixel"),
        (np.array([["a"]]), "expected numbers"),
        (np.zeros((4, 4), complex), "expected numbers"),
        (None, "expected numbers"),
    ],
)
def test_everything_else_is_refused_in_one_sentence(value: object, words: str) -> None:
    with pytest.raises(RecordError, match=f"recon/12: .*{words}"):
        as_picture(value, key="recon/12")


@pytest.mark.parametrize("limits", [{"vmin": 0}, {"vmax": 1}, {"vmin": 1, "vmax": 1}, {"vmin": 2, "vmax": 1}])
def test_half_a_range_is_refused(limits: dict[str, float]) -> None:
    with pytest.raises(RecordError, match="both vmin and vmax"):
        as_picture(np.zeros((2, 2)), **limits)


def test_enlarging_by_nearest_repeats_pixels() -> None:
    np.testing.assert_array_equal(resize(PICTURE, (21, 39), "nearest"), PICTURE.repeat(3, axis=0).repeat(3, axis=1))


def test_resize_refuses_what_has_no_pixels() -> None:
    with pytest.raises(RecordError, match="at least 1 × 1"):
        resize(PICTURE, (0, 5))
    with pytest.raises(RecordError, match="'nearest' or 'lanczos'"):
        resize(PICTURE, (5, 5), "cubic")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shape", "box", "expected"),
    [
        ((100, 200), (50, 50), (25, 50)),
        ((1, 1000), (50, 50), (1, 50)),
        ((10, 10), (35, 40), (30, 30)),
        ((30, 40), (50, 50), (30, 40)),
    ],
)
def test_fit_keeps_proportions(shape: tuple[int, int], box: tuple[int, int], expected: tuple[int, int]) -> None:
    assert fit(np.zeros((*shape, 3), np.uint8), box).shape[:2] == expected


def test_fit_without_enlarging() -> None:
    assert fit(PICTURE, (100, 100), enlarge=False).shape == PICTURE.shape
