from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from selfscope.store.reader import open_run

EXAMPLES = Path(__file__).parents[2] / "examples"


def run_example(name: str, folder: Path) -> str:
    command = [sys.executable, str(EXAMPLES / name), str(folder)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.slow
def test_the_plain_loop_learns_and_leaves_its_run(tmp_path):
    assert "finished: loss" in run_example("plain_loop.py", tmp_path)
    run = open_run(tmp_path)
    loss = run.scalars("loss")
    np.testing.assert_array_equal(loss.step, np.arange(200))
    assert loss.value[-10:].mean() < 0.6 * loss.value[:10].mean()
    assert [entry.step for entry in run.pictures] == [0, 50, 100, 150]
    assert [entry.step for entry in run.histograms] == [0, 50, 100, 150]
    assert run.config == {"lr": 1e-2, "steps": 200, "batch_size": 256}


def test_custom_backends_get_what_they_ask_for(tmp_path):
    output = run_example("custom_backend.py", tmp_path)
    assert "mean colours: {('orange', 0): [255.0, 128.0, 0.0]}" in output
    lines = (tmp_path / "vis_data/scalars.csv").read_text().splitlines()
    assert lines[2:4] == ["1,loss,0.5", "1,lr,0.1"]
    assert len(lines) == 20


@pytest.mark.slow
def test_a_custom_visualizer_draws_its_samples(tmp_path):
    paths = run_example("custom_visualizer.py", tmp_path).split()
    assert [Path(path).name for path in paths] == ["jigsaw_0.png", "jigsaw_1.png"]
    assert open_run(tmp_path).pictures[0].load().pixels.shape == (426, 640, 3)
