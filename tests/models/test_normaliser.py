"""Pictures become pixels with the config's own mean, deviation and channel order, and come back."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from selfscope.errors import ConfigError, ModelError
from selfscope.models.normaliser import Normaliser, build_normaliser

MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]


def every_level() -> torch.Tensor:
    """Images that hold each of the 256 levels in each channel, differently."""
    ramp = torch.arange(256, dtype=torch.uint8).reshape(16, 16)
    return torch.stack([ramp, ramp.flip(0), ramp.T])[None]


@pytest.mark.parametrize("flag", ["to_rgb", "bgr_to_rgb", "rgb_to_bgr"])
def test_openmmlabs_flags_mean_that_the_model_sees_rgb(flag: str) -> None:
    normaliser = build_normaliser({"type": "SelfSupDataPreprocessor", "mean": MEAN, "std": STD, flag: True})
    pixels = normaliser(every_level())
    assert normaliser.channel_order == "rgb"
    assert normaliser.note == ""
    assert pixels.dtype == torch.float32
    assert pixels[0, 1, 0, 3] == pytest.approx((float(every_level()[0, 1, 0, 3]) - MEAN[1]) / STD[1])


def test_without_a_flag_the_model_sees_bgr() -> None:
    normaliser = build_normaliser({"mean": MEAN, "std": STD})
    pixels = normaliser(every_level())
    assert normaliser.channel_order == "bgr"
    assert pixels[0, 0, 0, 3] == pytest.approx((float(every_level()[0, 2, 0, 3]) - MEAN[0]) / STD[0])


@pytest.mark.parametrize("config", [{"mean": MEAN, "std": STD}, {"mean": MEAN, "std": STD, "to_rgb": True}, {}, None])
def test_there_and_back_is_the_same_picture(config: Any) -> None:
    normaliser, images = build_normaliser(config), every_level()
    assert torch.equal(normaliser.to_picture(normaliser(images)), images.permute(0, 2, 3, 1))


def test_pictures_of_any_leading_shape_are_clipped() -> None:
    normaliser = build_normaliser({"mean": [0.0], "std": [1.0], "to_rgb": True})
    pixels = torch.tensor([-5.0, 10.4, 300.0])[:, None, None]
    assert normaliser.to_picture(pixels).tolist() == [[[0, 10, 255]]]
    assert normaliser.to_picture(pixels.expand(4, 2, 3, 1, 1)).shape == (4, 2, 1, 1, 3)


def test_without_mean_and_std_the_model_sees_levels_and_the_note_says_so() -> None:
    normaliser = build_normaliser(None)
    assert torch.equal(normaliser(every_level()), every_level().flip(1).float())
    assert normaliser.note.endswith("the model is given 0..255 in BGR order, as OpenMMLab does")
    assert "RGB" in build_normaliser({"to_rgb": True}).note


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"mean": MEAN}, "mean and std, or neither"),
        ({"mean": [1, 2], "std": STD}, "expected 1 or 3 numbers"),
        ({"mean": "grey", "std": STD}, "expected 1 or 3 numbers"),
        ({"mean": MEAN, "std": STD, "pad_size_divisor": 32}, "pad_size_divisor=32"),
    ],
)
def test_what_cannot_be_is_refused(config: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        build_normaliser(config)


def test_a_deviation_of_zero_and_odd_shapes_are_refused() -> None:
    with pytest.raises(ModelError, match="std: expected positive"):
        Normaliser(MEAN, [1.0, 0.0, 1.0])
    with pytest.raises(ModelError, match="channel_order"):
        Normaliser(MEAN, STD, "grb")
    with pytest.raises(ModelError, match=r"expected RGB images \(B, 3, H, W\), got \(1, 1, 4, 4\)"):
        Normaliser(MEAN, STD)(torch.zeros(1, 1, 4, 4, dtype=torch.uint8))


def test_it_travels_with_the_model_and_is_no_weight() -> None:
    normaliser = Normaliser(MEAN, STD)
    assert normaliser.state_dict() == {}
    assert normaliser.double().mean.dtype == torch.float64
