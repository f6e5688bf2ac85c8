"""Markers, against painting them one after another."""

from __future__ import annotations

import numpy as np
import pytest

from selfscope.draw import splat as splatting
from selfscope.draw.canvas import Canvas
from selfscope.draw.splat import Look, splat
from selfscope.draw.stamps import KINDS


def cover_of(shape: int, point: np.ndarray, diameter: float, halo: float, size: tuple[int, int]) -> np.ndarray:
    """Cover of one marker alone, read off black on white."""
    canvas = Canvas.blank(*size)
    splat(canvas, point[None], np.zeros((1, 3), np.uint8), np.array([shape]), look=Look(diameter, halo=halo))
    return 1 - canvas.pixels[..., 0] / 255


def test_markers_cover_each_other_as_if_painted_in_order() -> None:
    rng = np.random.default_rng(0)
    points, colours = rng.uniform(-2, 26, (40, 2)), rng.integers(0, 256, (40, 3), dtype=np.uint8)
    shapes, ground = rng.integers(0, len(KINDS), 40), rng.integers(0, 256, (24, 24, 3), dtype=np.uint8)
    canvas = Canvas(ground)
    splat(canvas, points, colours, shapes, look=Look(7, 0.6), seed=None)
    painted = ground.astype(float)
    for point, colour, shape in zip(points, colours, shapes, strict=True):
        weight = 0.6 * cover_of(int(shape), point, 7, 0, (24, 24))[..., None]
        painted += (colour - painted) * weight
    assert np.abs(canvas.pixels - painted).max() <= 2


def test_a_seed_is_an_order_and_one_seed_one_picture() -> None:
    rng = np.random.default_rng(0)
    points, colours = rng.uniform(0, 20, (200, 2)), rng.integers(0, 256, (200, 3), dtype=np.uint8)

    def drawn(seed: int | None) -> np.ndarray:
        canvas = Canvas.blank(20, 20)
        splat(canvas, points, colours, look=Look(6), seed=seed)
        return canvas.pixels

    np.testing.assert_array_equal(drawn(3), drawn(3))
    assert (drawn(3) != drawn(4)).any()
    order = np.argsort(np.random.default_rng(3).permutation(200))
    canvas = Canvas.blank(20, 20)
    splat(canvas, points[order], colours[order], look=Look(6), seed=None)
    np.testing.assert_array_equal(drawn(3), canvas.pixels)


@pytest.mark.parametrize("shape", range(len(KINDS)))
@pytest.mark.parametrize("diameter", [2.2, 5, 14])
def test_every_shape_has_about_the_area_of_its_disc(shape: int, diameter: float) -> None:
    cover = cover_of(shape, np.array((20.3, 19.6)), diameter, 0, (40, 40))
    assert cover.sum() == pytest.approx(np.pi * diameter**2 / 4, rel=0.15)


def test_a_point_moves_by_quarter_pixels() -> None:
    where = [10.0, 10.25, 10.5, 10.75]
    centres = []
    for x in where:
        cover = cover_of(0, np.array((x, 10.0)), 5, 0, (20, 20))
        centres.append(float((cover.sum(axis=0) * (np.arange(20) + 0.5)).sum() / cover.sum()))
    np.testing.assert_allclose(np.diff(centres), 0.25, atol=0.03)
    np.testing.assert_allclose(centres, where, atol=0.15)


def test_a_halo_is_white_and_hides_what_is_below() -> None:
    canvas = Canvas(np.zeros((30, 30, 3), np.uint8))
    splat(canvas, np.array([(15.0, 15.0)]), np.array([(255, 0, 0)], np.uint8), look=Look(10, halo=3))
    assert canvas.pixels[15, 15].tolist() == [255, 0, 0]
    assert canvas.pixels[15, 22].min() > 240
    assert canvas.pixels[15, 25].max() == 0


@pytest.mark.parametrize("points", [np.zeros((0, 2)), np.full((3, 2), np.nan), np.array([[1e12, 5.0], [-50, 5]])])
def test_nothing_to_draw_is_no_change(points: np.ndarray) -> None:
    canvas = Canvas.blank(10, 10)
    splat(canvas, points, np.zeros((len(points), 3), np.uint8))
    assert (canvas.pixels == 255).all()


def test_many_markers_are_drawn_in_layers_as_if_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    points, colours = rng.uniform(0, 30, (300, 2)), rng.integers(0, 256, (300, 3), dtype=np.uint8)
    pictures = []
    for at_once in (100_000, 37):
        monkeypatch.setattr(splatting, "_AT_ONCE", at_once)
        canvas = Canvas.blank(30, 30)
        splat(canvas, points, colours, look=Look(6, 0.7), seed=1)
        pictures.append(canvas.pixels.astype(int))
    assert np.abs(pictures[0] - pictures[1]).max() <= 2


@pytest.mark.parametrize(
    ("kind", "direction"), [("triangle", (0, 1)), ("down", (0, -1)), ("left", (1, 0)), ("right", (-1, 0))]
)
def test_triangles_point_where_they_are_named_for(kind: str, direction: tuple[int, int]) -> None:
    """Their mass lies away from their tip: the far half of the box they fill is the fuller one."""
    cover = cover_of(KINDS.index(kind), np.array((20.1, 20.1)), 14, 0, (40, 40))
    rows, columns = np.nonzero(cover > 0.5)
    middle = np.array([(columns.min() + columns.max()) / 2, (rows.min() + rows.max()) / 2])
    shift = np.array([columns.mean(), rows.mean()]) - middle
    assert shift @ direction > 0.5
    assert abs(shift @ direction[::-1]) < 0.3
