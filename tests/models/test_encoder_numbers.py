"""Backbones, necks and heads agree with the ancestor's at every size, stage and option that its configs use."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from tests.models.generated import images
from tests.models.golden import described, fitted, numbers

CASES = sorted({tuple(key.split("/")[:3]) for key in numbers() if key.count("/") == 3})


@pytest.mark.parametrize(("name", "size", "stage"), CASES)
def test_features_agree(name: str, size: str, stage: str) -> None:
    given = json.loads(size)
    height, width = given if isinstance(given, list) else (given, given)
    model, _ = fitted("encoders", name, (height, width), stage)
    features = model.extract(torch.from_numpy(images(2, height, width)), stage)
    prefix = f"{name}/{size}/{stage}/"
    wanted = {key.removeprefix(prefix): value for key, value in numbers().items() if key.startswith(prefix)}
    assert set(features) == set(wanted)
    for key, value in wanted.items():
        assert np.abs(features[key].numpy() - value).max() < 1e-5, key


@pytest.mark.parametrize("name", ["vit_token", "swin_window_6", "resnet18"])
def test_a_batch_of_one_and_a_split_batch_give_the_same(name: str) -> None:
    size = described()["encoders"][name]["sizes"][0]
    model, _ = fitted("encoders", name, size, "backbone")
    pixels = torch.from_numpy(images(3, size, size))
    together = model.extract(pixels)
    for i in range(3):
        alone = model.extract(pixels[i : i + 1])
        for key, value in alone.items():
            assert value.shape[0] == 1
            torch.testing.assert_close(value[0], together[key][i], atol=1e-5, rtol=1e-5)


def test_extraction_is_the_same_in_training_mode_and_leaves_it_on() -> None:
    model, _ = fitted("encoders", "resnet18", 64, "backbone")
    pixels = torch.from_numpy(images(2, 64, 64))
    evaluated = model.extract(pixels)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.train()
    model.backbone.layer4.eval()
    features = model.extract(pixels)
    assert model.training
    assert model.backbone.layer1.training
    assert not model.backbone.layer4.training
    torch.testing.assert_close(features["feat_3"], evaluated["feat_3"])
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_a_vit_without_neck_answers_neck_with_its_pooled_output_and_says_so() -> None:
    model, _ = fitted("encoders", "vit_map", 64, "backbone")
    pixels = torch.from_numpy(images(2, 64, 64))
    neck, backbone = model.extract(pixels, "neck"), model.extract(pixels)
    torch.testing.assert_close(neck["feat_neck_2"], backbone["feat_2"])
    assert "no neck" in neck.notes[0]
    assert backbone.notes == ()


def test_interpolated_positions_are_said() -> None:
    assert fitted("encoders", "vit_token", 64, "backbone")[1].notes == ()
    (note,) = fitted("encoders", "vit_token", (64, 96), "backbone")[1].notes
    assert note == "backbone.pos_embed was interpolated from 4×4 to 4×6 patches"
