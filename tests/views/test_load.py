from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from selfscope.config.reader import load_config
from selfscope.errors import SelfscopeError
from selfscope.views.browse import browse
from selfscope.views.extract import extract
from selfscope.views.load import load

CONFIG = "configs/tsne/resnet50_imagenet.py"


def small() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5))


@pytest.mark.slow
def test_looking_at_a_module_leaves_it_as_it_was(photos) -> None:
    module = small().train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    root = photos()
    first, second = (np.asarray(extract(module, root)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert module.training
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_a_model_built_here_can_be_handed_in(tmp_path: Path) -> None:
    module = load(CONFIG, options=["model.backbone.depth=18"]).module
    assert load(module).module is module


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (lambda: load(load(small()), checkpoint="x.pth"), "checkpoint cannot go with a loaded model"),
        (lambda: load(small(), "x.pth"), "checkpoint cannot go with a module"),
        (lambda: load(load_config(CONFIG), options=["a=1"]), "options cannot go with a config"),
        (lambda: load("timm:resnet18", options=["a=1"]), "options cannot go with a timm id"),
        (lambda: load("timm:no_such_model"), "no model 'no_such_model'"),
        (lambda: extract(small(), "/nowhere"), "no such folder or image"),
        (lambda: extract(small(), "/nowhere", stage="head"), "expected one of backbone, neck, pre_logits"),
        (lambda: next(browse(CONFIG, n=0)), "at least 1"),
        (lambda: next(browse(CONFIG)), "train_dataloader"),
    ],
)
def test_what_does_not_go_together_is_refused(given, words: str) -> None:
    with pytest.raises(SelfscopeError, match=words):
        given()


@pytest.mark.slow
def test_notes_of_the_model_travel_with_its_features(photos) -> None:
    config = load_config(CONFIG, ["model.backbone.depth=18"])
    del config["model"]["data_preprocessor"]
    features = extract(load(config), photos(classes=1, each=1))
    assert any("BGR" in note for note in features.settings["notes"])
