"""Comparisons of feature spaces whose relation is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from selfscope.errors import DataError, UsageError
from selfscope.records import Picture, Table
from selfscope.structures import Features
from selfscope.views.compare import compare


def space(n: int = 60, d: int = 8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def features(array: np.ndarray, order: np.ndarray | None = None, name: str = "a.pth") -> Features:
    order = np.arange(len(array)) if order is None else order
    paths = tuple(f"photos/{i:03d}.jpg" for i in order)
    return Features({"feat_0": array[order]}, paths=paths, settings={"checkpoint": name})


def test_a_turned_copy_is_the_same_and_noise_is_not() -> None:
    x = space()
    turn, _ = np.linalg.qr(space(8, 8, 1))
    found = compare(x, x @ turn, space(seed=5), names=["x", "turned", "noise"])
    assert found.cka[0, 1] == pytest.approx(1, abs=1e-5)
    assert found.shared[0, 1] == 1
    assert abs(found.cka[0, 2]) < 0.1
    assert found.shared[0, 2] == pytest.approx(found.settings["chance"], abs=0.05)
    assert np.array_equal(found.cka, found.cka.T)


def test_images_are_matched_by_path() -> None:
    x, order = space(), np.random.default_rng(3).permutation(60)
    found = compare(features(x), features(x, order, "b.pth"))
    assert found.names == ("a", "b")
    assert (found.overlap == 1).all()


def test_the_image_that_moved_is_named_first() -> None:
    x = space(200, 3)
    y = x.copy()
    y[17] = -20 * x[17]
    found = compare(x, y, k=5)
    assert found.moved[0] == 17
    assert found.overlap[17] == found.overlap.min()


def test_images_that_changed_equally_are_not_all_of_one_folder() -> None:
    found = compare(space(200, 3), space(200, 3, seed=1), k=2)
    tied = np.flatnonzero(found.overlap == 0)
    assert len(tied) > 100
    assert np.corrcoef(found.moved[: len(tied)], np.arange(len(tied)))[0, 1] < 0.3
    assert (np.sort(found.moved) == np.arange(200)).all()
    assert (found.overlap[found.moved] == np.sort(found.overlap)).all()


def test_other_images_are_refused_with_counts() -> None:
    x = space()
    few = features(x, np.arange(50), "b.pth")
    with pytest.raises(DataError, match=r"10 images of a are not in b, such as photos/050.jpg, and 0 the other way"):
        compare(features(x), few)
    with pytest.raises(DataError, match="60 images, features \\(2\\) 50"):
        compare(x, x[:50])
    with pytest.raises(UsageError, match="at least two"):
        compare(x)
    with pytest.raises(UsageError, match="no stage 'neck' among feat_0"):
        compare(features(x), features(x), stage="neck")
    with pytest.raises(UsageError, match="2 different names"):
        compare(x, x, names=["a", "a"])


def test_twins_of_one_name_are_told_apart() -> None:
    x = space()
    assert compare(features(x), features(x)).names == ("a (1)", "a (2)")


def test_records_hold_the_numbers() -> None:
    found = compare(space(), space(seed=1), names=["a", "b"])
    tables = {record.key: record for record in found.records() if isinstance(record, Table)}
    assert tables["compare/spaces"].columns["dimensions"] == [8, 8]
    assert tables["compare/pairs"].columns["cka"] == [found.cka[0, 1]]
    assert len(tables["compare/items"].columns["item"]) == 60
    assert [r.key for r in found.records() if isinstance(r, Picture)] == ["compare/likeness"]
    assert "unrelated spaces share" in found.text()


def test_what_moved_is_shown_with_its_neighbours(tmp_path: Path) -> None:
    x, paths = space(30, 3), []
    for i in range(30):
        paths.append(str(tmp_path / f"{i} ü.png"))
        Image.new("RGB", (40, 30), (8 * i, 0, 255 - 8 * i)).save(paths[-1])
    y = x.copy()
    y[4] = -9 * x[4]
    found = compare(Features({"f": x}, paths=tuple(paths)), Features({"f": y}, paths=tuple(paths)), k=5)
    asked: list[str] = []

    def read(path: str) -> np.ndarray:
        asked.append(path)
        return np.asarray(Image.open(path))

    sheet = found.plot_moved(read)
    assert sheet.shape[1] > 600
    nearest = [paths[i] for near in found.nearest for i in near[4, :5]]
    assert asked[:11] == [*nearest, paths[4]]
    with pytest.raises(UsageError, match="know their images' paths"):
        compare(x, y).plot_moved()
