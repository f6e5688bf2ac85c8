"""Configs of any kind become source that reads back equal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from selfscope.config.reader import load_config
from selfscope.store.configs import config_record
from selfscope.store.reader import open_run
from selfscope.visualization.visualizer import Visualizer


@pytest.mark.parametrize(
    "given",
    [
        {"optim.lr": 0.1, "optim": {"lr": 0.2}, "größe": 1},
        {"a b": [1, 2], "class": None, "_base_": "x", "__len__": 3, "": 4},
        {1: "one", "two": (2,)},
    ],
)
def test_keys_that_are_no_names_are_kept(given: dict[Any, Any], tmp_path: Path) -> None:
    with Visualizer(vis_backends=[{"type": "LocalVisBackend"}], save_dir=tmp_path) as visualizer:
        visualizer.add_config(given)
    read = load_config(tmp_path / "vis_data" / "config.py")
    assert read.config.to_dict() == given
    assert open_run(tmp_path).config.to_dict() == {"config": given}


def test_names_stay_at_the_top() -> None:
    record = config_record({"model": {"a.b": 1}, "lr": 0.1})
    assert record.source == 'model = {"a.b": 1}\nlr = 0.1\n'
    assert record.values == {"model": {"a.b": 1}, "lr": 0.1}
