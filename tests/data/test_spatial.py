from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from selfscope.data.spatial import RandomFlip, RandomRotation, Resize, ResizeEdge
from selfscope.errors import ConfigError

NOISE = np.random.default_rng(6).integers(0, 256, (31, 47, 3), dtype=np.uint8)


def test_resizes_are_the_ancestors(ancestor: dict[str, np.ndarray], rng: np.random.Generator) -> None:
    results = {"img": ancestor["decoded"]}
    kept = Resize(scale=(60, 31), keep_ratio=True)(results, rng)
    np.testing.assert_array_equal(kept["img"], ancestor["keep_ratio"])
    np.testing.assert_array_equal(Resize(scale_factor=0.37)(results, rng)["img"], ancestor["scale_factor"])


@pytest.mark.parametrize(
    ("edge", "expected"), [("short", (100, 66)), ("long", (66, 43)), ("width", (66, 43)), ("height", (100, 66))]
)
def test_edges_wide(edge: str, expected: tuple[int, int], rng: np.random.Generator) -> None:
    results = ResizeEdge(66, edge=edge)({"img": NOISE}, rng)
    assert results["img"].shape[1::-1] == expected
    turned = ResizeEdge(66, edge={"width": "height", "height": "width"}.get(edge, edge))
    assert turned({"img": NOISE.transpose(1, 0, 2)}, rng)["img"].shape[:2] == expected


@pytest.mark.parametrize("shape", [(1, 1), (3, 20000), (20000, 3)])
def test_extreme_shapes_keep_a_pixel(shape: tuple[int, int], rng: np.random.Generator) -> None:
    pixels = np.zeros((*shape, 3), np.uint8)
    assert min(ResizeEdge(64, edge="long")({"img": pixels}, rng)["img"].shape) >= 1
    assert min(Resize(scale=(64, 64), keep_ratio=True)({"img": pixels}, rng)["img"].shape) >= 1


@pytest.mark.parametrize(
    ("direction", "expected"),
    [("horizontal", NOISE[:, ::-1]), ("vertical", NOISE[::-1]), ("diagonal", NOISE[::-1, ::-1])],
)
def test_flips(direction: str, expected: np.ndarray, rng: np.random.Generator) -> None:
    results = RandomFlip(prob=1.0, direction=direction)({"img": NOISE}, rng)
    np.testing.assert_array_equal(results["img"], expected)
    assert (results["flip"], results["flip_direction"], results["trace"].flip) == (True, direction, direction)


@pytest.mark.parametrize(
    ("prob", "direction", "shares"),
    [
        (0.5, "horizontal", {"horizontal": 0.5, None: 0.5}),
        (0.6, ["horizontal", "vertical"], {"horizontal": 0.3, "vertical": 0.3, None: 0.4}),
        ([0.1, 0.7], ["vertical", "diagonal"], {"vertical": 0.1, "diagonal": 0.7, None: 0.2}),
    ],
)
def test_flips_come_as_often_as_they_should(
    prob: Any, direction: Any, shares: dict[str | None, float], rng: np.random.Generator
) -> None:
    flip = RandomFlip(prob=prob, direction=direction)
    drawn = [flip({"img": NOISE}, rng)["flip_direction"] for _ in range(2000)]
    assert set(drawn) == set(shares)
    for name, share in shares.items():
        assert drawn.count(name) / 2000 == pytest.approx(share, abs=0.05)


def test_rotation_is_clockwise_and_the_ancestors(ancestor: dict[str, np.ndarray], rng: np.random.Generator) -> None:
    turned = RandomRotation((2, 2))({"img": ancestor["decoded"]}, rng)["img"]
    assert (turned != ancestor["rotation/2"]).any(axis=2).mean() < 0.005  # ties between neighbours
    square = NOISE[:, :31]
    np.testing.assert_array_equal(RandomRotation((90, 90))({"img": square}, rng)["img"], np.rot90(square, -1))


def test_angles_fill_the_range(rng: np.random.Generator) -> None:
    angles = [RandomRotation(2)({"img": NOISE}, rng)["trace"].steps[0].params["degrees"] for _ in range(300)]
    assert -2 <= min(angles) < -1.9
    assert 1.9 < max(angles) <= 2


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Resize(), "'scale' or 'scale_factor'"),
        (lambda: Resize(scale_factor=-1.0), "scale_factor"),
        (lambda: ResizeEdge(10, edge="shorter"), "'short', 'long'"),
        (lambda: RandomFlip(prob=1.5), "between 0 and 1"),
        (lambda: RandomFlip(prob=0.5, direction="up"), "'vertical'"),
        (lambda: RandomFlip(prob=[0.9, 0.9], direction=["vertical", "horizontal"]), "at most 1"),
        (lambda: RandomRotation((3, 1)), "min, max"),
        (lambda: RandomRotation(3, expand=True, center=(1, 1)), "does not go with center"),
    ],
)
def test_what_cannot_be_is_refused_when_built(make: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make()
