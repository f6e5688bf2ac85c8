from __future__ import annotations

import numpy as np
import pytest

from selfscope.data.pretext import RandomPatchWithLabels, RotationWithLabels
from selfscope.data.trace import Trace
from selfscope.errors import DataError

NOISE = np.random.default_rng(8).integers(0, 256, (255, 255, 3), dtype=np.uint8)


def test_rotations_are_the_ancestors(ancestor: dict[str, np.ndarray], rng: np.random.Generator) -> None:
    square = ancestor["decoded"][:72, :72]
    results = RotationWithLabels()({"img": square}, rng)
    for view, expected in zip(results["img"][1:], ("90", "180", "270"), strict=True):
        np.testing.assert_array_equal(view, ancestor[f"rotate/{expected}"])
    assert results["view_names"] == ["0°", "90°", "180°", "270°"]
    assert results["rot_label"].tolist() == [0, 1, 2, 3]


def test_rotated_views_know_their_place(rng: np.random.Generator) -> None:
    pixels = NOISE[:40, :60]
    results = RotationWithLabels()({"img": pixels, "trace": Trace(100, 90).cropped(7, 5)}, rng)
    for view, trace in zip(results["img"], results["trace"], strict=True):
        height, width = view.shape[:2]
        assert trace.crop(width, height) == (7, 5, 60, 40)
        a, b, c, d, e, f = trace.map
        x, y = a * 0.5 + b * 0.5 + c - 7, d * 0.5 + e * 0.5 + f - 5
        np.testing.assert_array_equal(view[0, 0], pixels[int(y), int(x)])


def test_patches_are_what_their_boxes_cut(rng: np.random.Generator) -> None:
    results = RandomPatchWithLabels()({"img": NOISE, "trace": Trace(255, 255)}, rng)
    assert results["patch_box"].shape == (1, 9, 4)
    np.testing.assert_array_equal(results["unpatched_img"][0], NOISE)
    for view, box, trace in zip(results["img"], results["patch_box"][0], results["trace"], strict=True):
        x0, y0, x1, y1 = box
        np.testing.assert_array_equal(view, NOISE[y0:y1, x0:x1])
        assert view.shape == (64, 64, 3)
        assert trace.crop(64, 64) == (x0, y0, 64, 64)


def test_patches_stay_in_their_cells_and_reach_all_of_them(rng: np.random.Generator) -> None:
    boxes = np.stack([RandomPatchWithLabels()({"img": NOISE}, rng)["patch_box"][0] for _ in range(300)])
    cells = [(1, 1), (0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1), (2, 2)]  # row, column: centre first
    for i, (row, column) in enumerate(cells):
        assert boxes[:, i, 0].min() == column * 85
        assert boxes[:, i, 2].max() == (column + 1) * 85
        assert boxes[:, i, 1].min() == row * 85
        assert boxes[:, i, 3].max() == (row + 1) * 85


def test_names_and_labels(rng: np.random.Generator) -> None:
    results = RandomPatchWithLabels()({"img": NOISE[:100, :200]}, rng)
    assert results["view_names"][:3] == ["centre", "0 upper left", "1 above"]
    assert [int(name.split()[0]) for name in results["view_names"][1:]] == results["patch_label"][0].tolist()
    assert results["patch_label"].tolist() == [list(range(8))]
    assert results["img"][0].shape == (33 - 21, 66 - 21, 3)


def test_too_small_a_picture_is_refused(rng: np.random.Generator) -> None:
    with pytest.raises(DataError, match="at least 66×66 pixels, got 300×65"):
        RandomPatchWithLabels()({"img": NOISE[:65].repeat(2, axis=1)[:, :300]}, rng)
