"""timm models and plain modules through the same interface, with their own preprocessing."""

from __future__ import annotations

from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn
from torchvision import transforms

from selfscope.errors import ModelError
from selfscope.models.encoder import build_timm, wrap_module

PIXELS = (2, 3, 64, 64)


def test_a_timm_vit_gives_what_its_classifier_would_see() -> None:
    torch.manual_seed(0)
    model = build_timm("timm:vit_tiny_patch16_224", pretrained=False, image_size=64)
    pixels = torch.randn(PIXELS)
    features = model.extract(pixels)
    assert set(features) == {"feat_11"}
    model.module.eval()
    with torch.no_grad():
        torch.testing.assert_close(features["feat_11"], model.module.forward_features(pixels)[:, 0])
    assert not model.trained
    assert model.image_size == 64
    assert model.method == "timm:vit_tiny_patch16_224"


def test_the_preprocessing_travels_with_timms_weights() -> None:
    model = build_timm("vit_tiny_patch16_224.augreg_in21k", pretrained=False)
    assert model.normaliser.mean.flatten().tolist() == [127.5] * 3
    assert model.pipeline is not None
    assert [step["type"] for step in model.pipeline] == [
        "LoadImageFromFile",
        "ResizeEdge",
        "CenterCrop",
        "PackSelfSupInputs",
    ]
    assert model.pipeline[1]["scale"] == int(224 / 0.9)
    assert model.pipeline[1]["interpolation"] == "bicubic"
    resnet = build_timm("timm:resnet10t.c3_in1k", pretrained=False)
    assert resnet.normaliser.mean.flatten().tolist() == pytest.approx([123.675, 116.28, 103.53])
    assert resnet.extract(torch.randn(PIXELS)).keys() == {"feat_4"}


def test_a_name_that_timm_does_not_have() -> None:
    with pytest.raises(ModelError, match=r"no model 'vit_tinny_patch16_224'\. Did you mean 'vit_tiny_patch16_"):
        build_timm("timm:vit_tinny_patch16_224", pretrained=False)


def test_a_timm_module_brings_its_numbers_and_its_pooled_features() -> None:
    module = timm.create_model("vit_tiny_patch16_224.augreg_in21k", pretrained=False, img_size=64, num_classes=7)
    model = wrap_module(module)
    assert model.normaliser.mean.flatten().tolist() == [127.5] * 3
    assert model.notes == ()
    assert model.extract(torch.randn(PIXELS))["feat_11"].shape == (2, 192)


class Gives(nn.Module):
    """Answers with something made from the pixels."""

    def __init__(self, make: Any) -> None:
        super().__init__()
        self.make = make
        self.drop = nn.Dropout(0.5)

    def forward(self, pixels: Tensor) -> Any:
        return self.make(self.drop(pixels))


@pytest.mark.parametrize(
    ("make", "wanted", "notes"),
    [
        (lambda x: x.flatten(1), {"feat_0": (2, 12288)}, 0),
        (lambda x: x, {"feat_0": (2, 3)}, 0),
        (lambda x: x.flatten(2), {"feat_0": (2, 4096)}, 1),
        (lambda x: [x, x.flatten(1)], {"feat_0": (2, 3), "feat_1": (2, 12288)}, 0),
        (lambda x: {"deep": x, "note": "text"}, {"feat_deep": (2, 3)}, 0),
    ],
)
def test_what_modules_return(make: Any, wanted: dict[str, tuple[int, ...]], notes: int) -> None:
    model = wrap_module(Gives(make).train(), mean=[0.0], std=[1.0])
    pixels = torch.randn(PIXELS)
    features = model.extract(pixels)
    assert {name: tuple(value.shape) for name, value in features.items()} == wanted
    assert len(features.notes) == notes
    assert model.module.training
    torch.testing.assert_close(model.extract(pixels)[next(iter(wanted))], features[next(iter(wanted))])


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda x: "text", "expected a module that returns tensors, got str"),
        (lambda x: {}, "expected a module that returns tensors, got dict"),
        (lambda x: x.sum(), r"expected \(2, D\).* got \(\)"),
        (lambda x: x[:1], r"expected \(2, D\).* got \(1, 3, 64, 64\)"),
    ],
)
def test_what_no_feature_can_be_made_of(make: Any, sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence):
        wrap_module(Gives(make)).extract(torch.randn(PIXELS))


def test_mean_and_std_are_asked_for_where_they_are_stated() -> None:
    module = Gives(lambda x: x)
    stated = transforms.Compose([transforms.ToTensor(), transforms.Normalize([0.5, 0.4, 0.3], [0.2, 0.2, 0.2])])
    assert wrap_module(module, transform=stated).normaliser.mean.flatten().tolist() == pytest.approx([127.5, 102, 76.5])
    assert wrap_module(module, mean=[1.0], std=[2.0]).normaliser.std.flatten().tolist() == [2.0] * 3
    assumed = wrap_module(module)
    assert "mean and std of ImageNet were assumed" in assumed.notes[0]
    with pytest.raises(ModelError, match="give mean and std together"):
        wrap_module(module, mean=[1.0])


def test_a_module_has_neither_neck_nor_head() -> None:
    model = wrap_module(Gives(lambda x: x.flatten(1)), name="mine")
    features = model.extract(torch.randn(PIXELS), "neck")
    assert set(features) == {"feat_neck"}
    assert "mine has no neck here" in features.notes[0]
    with pytest.raises(ModelError, match="mine: a module without a config has no pre_logits"):
        model.extract(torch.randn(PIXELS), "pre_logits")
