"""Reading colours, telling them apart, and showing numbers by them."""

from __future__ import annotations

import numpy as np
import pytest

from selfscope.draw.colour import (
    GREY,
    colormap,
    colormap_table,
    from_oklab,
    markers,
    palette,
    parse,
    parse_each,
    readable_on,
    to_oklab,
    value_range,
)
from selfscope.errors import UsageError

# Machado, Oliveira & Fernandes 2009, full deficiency, on linear RGB: red-, green- and blue-blind eyes.
BLIND = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def seen(colours: np.ndarray, matrix: list[list[float]]) -> np.ndarray:
    unit = colours / 255
    linear = np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ np.array(matrix).T, 0, 1)
    return 255 * np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def smallest_step(colours: np.ndarray) -> float:
    lab = to_oklab(colours)
    distance = np.linalg.norm(lab[:, None] - lab[None], axis=-1) + 9 * np.eye(len(lab))
    return float(distance.min())


@pytest.mark.parametrize(
    ("colour", "expected"),
    [
        ("r", (255, 0, 0)),
        ("g", (0, 128, 0)),
        ("k", (0, 0, 0)),
        ("tab:blue", (31, 119, 180)),
        ("C1", (255, 127, 14)),
        ("RebeccaPurple", (102, 51, 153)),
        ("teal", (0, 128, 128)),
        ("#fff", (255, 255, 255)),
        ("#0a0B0c", (10, 11, 12)),
        ("0.5", (128, 128, 128)),
        ((1, 1, 1), (1, 1, 1)),
        ((1.0, 1.0, 1.0), (255, 255, 255)),
        ((0.0, 0.5, 1.0), (0, 128, 255)),
        ((0, 0, 1.0), (0, 0, 255)),
        ((255.0, 0.0, 3.0), (255, 0, 3)),
        (np.array([4, 5, 6]), (4, 5, 6)),
        (np.array([0.0, 0.2, 1.0], np.float32), (0, 51, 255)),
        ([7, 8, 9], (7, 8, 9)),
    ],
)
def test_colours_are_read(colour: object, expected: tuple[int, int, int]) -> None:
    assert parse(colour) == expected


@pytest.mark.parametrize(
    ("colour", "words"),
    [
        ("gren", "Did you mean 'green'"),
        ("#12345", "got '#12345'"),
        ("#ff000080", "alpha"),
        ((1, 2), "three numbers"),
        ((1, 2, 300), "within 0..255"),
        ((-1.0, 0.0, 0.0), "within 0..255"),
        (None, "three numbers"),
        (5, "three numbers"),
    ],
)
def test_what_is_no_colour_is_refused(colour: object, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parse(colour)


def test_one_colour_is_for_all_and_a_list_is_one_each() -> None:
    assert parse_each("r", 2) == [(255, 0, 0)] * 2
    assert parse_each((1, 2, 3), 2) == [(1, 2, 3)] * 2
    assert parse_each(["r", "none", (1, 2, 3)], 3) == [(255, 0, 0), None, (1, 2, 3)]
    assert parse_each("none", 2) == [None, None]
    assert parse_each(np.eye(3), 3) == [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    with pytest.raises(UsageError, match="3 of them, got 2"):
        parse_each(["r", "g"], 3)


def test_oklab_of_known_colours() -> None:
    """Ottosson's reference values: white is (1, 0, 0), and XYZ (1, 0, 0)-like primaries round trip."""
    np.testing.assert_allclose(to_oklab(np.array((255, 255, 255))), (1, 0, 0), atol=1e-6)
    np.testing.assert_allclose(to_oklab(np.array((255, 0, 0))), (0.627955, 0.224863, 0.125846), atol=1e-5)
    every = np.random.default_rng(0).integers(0, 256, (500, 3))
    np.testing.assert_array_equal(from_oklab(to_oklab(every)), every)


def test_a_longer_palette_begins_with_the_shorter_one() -> None:
    for n in (0, 1, 8, 9, 20, 21, 55):
        assert palette(100)[:n] == palette(n)


@pytest.mark.parametrize(("n", "least"), [(8, 0.1), (20, 0.075), (100, 0.04)])
def test_classes_are_told_apart(n: int, least: float) -> None:
    colours = np.array(palette(n))
    assert len(set(palette(n))) == n
    assert smallest_step(colours) > least
    lightness = to_oklab(colours)[:, 0]
    assert lightness.max() < 0.83, "too pale for white paper"
    assert lightness.min() > 0.35


@pytest.mark.parametrize("kind", BLIND)
def test_colour_blind_eyes_tell_the_first_eight_apart(kind: str) -> None:
    assert smallest_step(seen(np.array(palette(8), float), BLIND[kind])) > 0.09


def test_beyond_twenty_classes_no_two_share_colour_and_shape_and_like_colours_differ_in_shape() -> None:
    assert {shape for _, shape in markers(20)} == {"disc"}
    style = markers(100)
    assert len(set(style)) == 100
    assert len({shape for _, shape in style}) == 8
    lab = to_oklab(np.array([colour for colour, _ in style]))
    distance = np.linalg.norm(lab[:, None] - lab[None], axis=-1) + 9 * np.eye(100)
    closest = distance.argmin(axis=1)
    assert all(style[i][1] != style[j][1] for i, j in enumerate(closest))


def test_the_colour_map_rises_evenly() -> None:
    lab = to_oklab(colormap_table())
    assert (np.diff(lab[::4, 0]) > 0).all()
    steps = np.linalg.norm(np.diff(lab[::8], axis=0), axis=1)
    assert steps.max() / steps.min() < 1.25


def test_numbers_become_colours() -> None:
    table = colormap_table()
    values = np.array([[0.0, 5.0], [10.0, np.nan]])
    picture = colormap(values)
    np.testing.assert_array_equal(picture[0, 0], table[0])
    np.testing.assert_array_equal(picture[0, 1], table[128])
    np.testing.assert_array_equal(picture[1, 0], table[255])
    np.testing.assert_array_equal(picture[1, 1], GREY)
    np.testing.assert_array_equal(colormap(np.array([-5.0, 20.0]), 0, 10), table[[0, 255]])
    np.testing.assert_array_equal(colormap(np.array([np.inf, -np.inf, 1.0, 2.0])), table[[255, 0, 0, 255]])


@pytest.mark.parametrize("values", [np.full(3, 7.0), np.zeros((2, 2)), np.array([1])])
def test_one_value_takes_the_middle_colour(values: np.ndarray) -> None:
    assert (colormap(values) == colormap_table()[128]).all()


def test_ranges_ignore_what_is_not_finite() -> None:
    assert value_range(np.array([np.nan, 3.0, np.inf, -1.0])) == (-1, 3)
    assert value_range(np.array([np.nan])) == (0, 1)
    assert value_range(np.array([2.0, 3.0]), vmax=10) == (2, 10)


def test_text_is_dark_on_light_and_light_on_dark() -> None:
    assert readable_on((255, 255, 255)) == (30, 33, 38)
    assert readable_on((0, 0, 120)) == (255, 255, 255)
