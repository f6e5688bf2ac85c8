"""Hooks inside `selfscope train`: the same losses with and without them, and the first pictures after a resume."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from selfscope.config.reader import Config, find_config, load_config
from selfscope.store.reader import open_run
from tests.conftest import smooth_picture

pytest.importorskip("lightning_fabric", reason='pip install "selfscope[train]"')
LOOK = {"type": "SelfSupVisualizationHook", "samples": 2, "map_items": 12}


def make_config(folder: Path, epochs: int, hooks: list[dict]) -> Config:
    for index in range(16):
        path = folder / "train" / str(index % 2) / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(smooth_picture(index, 32, 32)).save(path)
    config = load_config(find_config("configs/selfsup/mae/mae_vit-tiny-p8_digits.py"))
    config["train_dataloader"]["dataset"]["data_root"] = str(folder)
    config["train_dataloader"]["batch_size"] = 8
    config["train_cfg"] = {"type": "EpochBasedTrainLoop", "max_epochs": epochs}
    config["param_scheduler"] = []
    config["default_hooks"]["logger"] = {"type": "LoggerHook", "interval": 1}
    config["default_hooks"]["checkpoint"] = {"type": "CheckpointHook", "interval": 1}
    config["custom_hooks"] = hooks
    return config


@pytest.mark.slow
def test_looking_changes_no_loss_and_a_resume_shows_the_same_first_pictures(tmp_path: Path) -> None:
    from selfscope.training.engine import TrainOptions, train

    data = tmp_path / "data"
    without = train(make_config(data, 3, []), tmp_path / "without")
    whole = train(make_config(data, 3, [LOOK]), tmp_path / "whole")
    train(make_config(data, 1, [LOOK]), tmp_path / "parts")
    resumed = train(make_config(data, 3, [LOOK]), tmp_path / "parts", TrainOptions(resume="auto"))
    losses = [open_run(result.run).scalars("loss") for result in (without, whole, resumed)]
    assert losses[0].step.tolist() == list(range(1, 7))
    for other in losses[1:]:
        assert np.array_equal(other.step, losses[0].step)
        assert np.array_equal(other.value, losses[0].value)
    sheets = [
        [entry.load().pixels for entry in open_run(result.run).pictures if entry.step == 6]
        for result in (whole, resumed)
    ]
    assert len(sheets[0]) == len(sheets[1]) == 1
    assert np.array_equal(sheets[0][0], sheets[1][0])
