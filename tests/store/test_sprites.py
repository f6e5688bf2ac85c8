"""Thumbnails on sheets: each comes back as it was, but for the compression."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from selfscope.errors import RecordError, RunError
from selfscope.records import Embedding
from selfscope.store.reader import open_run
from selfscope.store.sprites import SIDE
from selfscope.store.tables import read_parquet
from selfscope.store.writer import Writer


def plain(level: int, height: int = 96, width: int = 96) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def stored(folder: Path, n: int, pictures: dict[int, np.ndarray]) -> Embedding:
    with Writer(folder) as writer:
        writer.write(Embedding("m", np.zeros((n, 2), np.float32), columns={"norm": np.ones(n)}, thumbnails=pictures))
    return open_run(folder).embeddings["m"]


def test_thumbnails_come_back_by_their_item(tmp_path: Path) -> None:
    pictures = {i: plain(2 * (i % 120), 96, 48) for i in range(0, 900, 2)}  # 450: two sheets
    back = stored(tmp_path, 900, pictures)
    assert sorted(p.name for p in (tmp_path / "embeddings/m").glob("*.webp")) == ["thumbs-0.webp", "thumbs-1.webp"]
    assert set(back.thumbnails) == set(pictures)
    for item in (0, 2, 38, 40, 798, 800, 898):
        tile = back.thumbnails[item]
        assert tile.shape == (SIDE, SIDE, 3)
        np.testing.assert_allclose(tile[30:60, 40:56].astype(int), 2 * (item % 120), atol=6)
        np.testing.assert_allclose(tile[30:60, :10].astype(int), 255, atol=6)
    table = read_parquet(tmp_path / "embeddings/m/embedding.parquet")
    assert table["thumb"][:5].tolist() == [0, -1, 1, -1, 2]
    assert list(back.columns) == ["norm"]
    with pytest.raises(KeyError):
        back.thumbnails[1]


def test_large_pictures_shrink_and_keep_their_proportions(tmp_path: Path) -> None:
    tile = stored(tmp_path, 1, {0: plain(0, 400, 200)}).thumbnails[0]
    dark = (tile < 60).all(axis=2)
    assert dark.sum(axis=1).max() == pytest.approx(48, abs=2)
    assert dark.sum(axis=0).max() == pytest.approx(96, abs=1)


def test_a_map_without_thumbnails_has_neither_sheet_nor_column(tmp_path: Path) -> None:
    assert stored(tmp_path, 3, {}).thumbnails == {}
    assert not list(tmp_path.rglob("*.webp"))
    assert "thumb" not in read_parquet(tmp_path / "embeddings/m/embedding.parquet")


def test_the_same_pictures_give_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        stored(tmp_path / name, 5, {3: plain(50), 1: plain(90)})
    first, second = ((tmp_path / name / "embeddings/m/thumbs-0.webp").read_bytes() for name in "ab")
    assert first == second


def test_a_missing_sheet_is_one_sentence(tmp_path: Path) -> None:
    back = stored(tmp_path, 2, {0: plain(5)})
    (tmp_path / "embeddings/m/thumbs-0.webp").unlink()
    with pytest.raises(RunError, match=r"thumbs-0\.webp: cannot be read"):
        back.thumbnails[0]


def test_a_thumbnail_of_nothing_is_refused() -> None:
    with pytest.raises(RecordError, match="a thumbnail of item 2 among 2"):
        Embedding("m", np.zeros((2, 2), np.float32), thumbnails={2: plain(1)})
