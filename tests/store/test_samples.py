"""The tables that are made of the lines of browsed samples."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from selfscope.store.lines import json_line
from selfscope.store.samples import compile_samples
from selfscope.store.tables import read_parquet


def line(number: int, side: int) -> bytes:
    view = {"name": "", "crop": [0.0, 0.0, 10.0, 10.0], "flip": None, "steps": []}
    fixed = {"key": "a", "step": 0, "path": None, "label": None, "label_name": None, "original_size": [20, 10]}
    mask = (np.arange(side * side) % 4 == 0).reshape(side, side).astype(int)
    return json_line(
        {"id": f"{number}", **fixed, "mask": mask, "views": [view, {**view, "crop": [5.0, 0.0, 10.0, 10.0]}]}
    )


def test_every_whole_line_becomes_rows_however_many_there_are(tmp_path: Path) -> None:
    lines = [line(i, 2) for i in range(700)]
    (tmp_path / "samples.jsonl").write_bytes(b"\n".join([*lines, lines[0][:40]]))
    compile_samples(tmp_path)
    table, pairs = (read_parquet(tmp_path / f"{name}.parquet") for name in ("samples", "overlaps"))
    assert table["id"] == [f"{i}" for i in range(700) for _ in range(2)]
    assert table["view"].tolist() == [1, 2] * 700
    assert table["mask_fraction"] == [0.25, None] * 700
    np.testing.assert_allclose(table["crop_area"], 0.5)
    assert pairs["id"] == [f"{i}" for i in range(700)]
    np.testing.assert_allclose(pairs["iou"], 1 / 3)


def peak(folder: Path, lines: int) -> int:
    """Bytes in use at most while the tables of so many lines are made."""
    (folder / "samples.jsonl").write_bytes(b"".join(line(i, 48) + b"\n" for i in range(lines)))
    tracemalloc.start()
    compile_samples(folder)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


@pytest.mark.slow
def test_memory_does_not_grow_with_masks(tmp_path: Path) -> None:
    peak(tmp_path, 10)  # imports what it needs
    a_line = (peak(tmp_path, 1200) - peak(tmp_path, 600)) / 600
    assert a_line < 48 * 48 * 8 / 2  # a list of its mask takes more than twice as much
