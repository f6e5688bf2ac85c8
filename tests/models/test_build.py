"""Models from the dicts of configs: spellings, sizes, numbering, user's own parts, and refusals that name the word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from selfscope.config.reader import load_config
from selfscope.config.registry import MODELS
from selfscope.errors import ConfigError, ModelError
from selfscope.models.arch import SWIN_ARCHS, SWIN_KEYS, VIT_ARCHS, VIT_KEYS, arch_settings
from selfscope.models.build import build_model
from selfscope.models.checkpoint import Checkpoint
from selfscope.models.classifier import ImageClassifier
from selfscope.models.fit import fit

VIT = {"embed_dims": 24, "num_layers": 4, "num_heads": 3, "feedforward_channels": 50}
SWIN = {"embed_dims": 8, "depths": [2, 2, 2, 2], "num_heads": [1, 2, 4, 8]}


def classifier(kind: str, **options: Any) -> dict[str, Any]:
    return {"type": "ImageClassifier", "backbone": {"type": kind, **options}}


def vit(**options: Any) -> dict[str, Any]:
    return classifier("VisionTransformer", **{"arch": VIT, "img_size": 32, "patch_size": 8, **options})


@pytest.fixture
def registered() -> Iterator[None]:
    before = dict(MODELS._registered)
    yield
    MODELS._registered.clear()
    MODELS._registered.update(before)


@pytest.mark.parametrize(
    ("names", "sizes"),
    [
        (("b", "base", "B", "Base", "deit-b"), (768, 12, 12, 3072)),
        (("l", "large"), (1024, 24, 16, 4096)),
        (("h", "huge"), (1280, 32, 16, 5120)),
        (("s", "small"), (768, 8, 8, 2304)),
        (("deit-small",), (384, 12, 6, 1536)),
        (("mocov3-small",), (384, 12, 12, 1536)),
    ],
)
def test_vit_archs(names: tuple[str, ...], sizes: tuple[int, ...]) -> None:
    for name in names:
        assert tuple(arch_settings(name, VIT_KEYS, VIT_ARCHS).values()) == sizes


def test_swin_archs() -> None:
    assert arch_settings("B", SWIN_KEYS, SWIN_ARCHS)["embed_dims"] == 128
    assert arch_settings("large", SWIN_KEYS, SWIN_ARCHS)["num_heads"] == (6, 12, 24, 48)


@pytest.mark.parametrize(
    ("given", "wanted"), [(-1, (3,)), (0, (0,)), ([0, -1], (0, 3)), ((3, 1), (1, 3)), ([-2], (2,)), ([-1, 3], (3,))]
)
def test_out_indices(given: Any, wanted: tuple[int, ...]) -> None:
    for config in (vit(out_indices=given), classifier("SwinTransformer", arch=SWIN, out_indices=given)):
        assert build_model(config).out_indices == wanted
    assert build_model(classifier("ResNet", depth=18, base_channels=4, out_indices=given)).out_indices == wanted


@pytest.mark.parametrize("given", [4, -5, [0, 9], [], None, 1.0, True, "3"])
def test_out_indices_that_are_none(given: Any) -> None:
    with pytest.raises(ConfigError, match="out_indices: expected"):
        build_model(vit(out_indices=given))


@pytest.mark.parametrize(
    ("change", "scope", "wanted"),
    [
        ({"out_indices": [4]}, None, (4,)),
        ({"out_indices": [4]}, "mmselfsup", (4,)),
        ({"out_indices": (0, 1, 2, 3, 4)}, "mmselfsup", (0, 1, 2, 3, 4)),
        ({"out_indices": [3]}, "mmselfsup", (3,)),
        ({"out_indices": (3,)}, "mmpretrain", (3,)),
        ({"out_indices": (3,), "_scope_": "mmcls"}, "mmselfsup", (3,)),
        ({"out_indices": [4], "type": "mmselfsup.ResNet"}, "mmcls", (4,)),
        ({}, "mmselfsup", (4,)),
        ({}, "mmpretrain", (3,)),
    ],
)
def test_a_resnets_stages_count_from_the_stem_in_mmselfsup(change: Any, scope: str | None, wanted: Any) -> None:
    config = classifier("ResNet", depth=18, base_channels=4)
    config["backbone"] |= change
    model = build_model(config, scope=scope)
    assert model.out_indices == wanted
    features = model.extract(torch.randn(1, 3, 32, 32))
    last = 4 if model.backbone.stem_counts else 3
    widths = {last - 4: 64, last - 3: 4, last - 2: 8, last - 1: 16, last: 32}
    assert {name: value.shape[1] for name, value in features.items()} == {f"feat_{i}": widths[i] for i in wanted}


def test_the_crops_size_overrides_the_configs() -> None:
    model = build_model(vit(img_size=64), image_size=32)
    assert model.image_size == 32
    assert build_model(vit(img_size=64), image_size=(32, 48)).image_size == (32, 48)
    assert build_model(vit(img_size=64)).image_size == 64
    assert build_model(classifier("ResNet", depth=18, base_channels=4), image_size=32).image_size is None
    with pytest.raises(ModelError, match="built for 32×32 pixels, got 64×64"):
        model.extract(torch.zeros(1, 3, 64, 64))


def test_swin_refuses_maps_smaller_than_its_window() -> None:
    config = classifier("SwinTransformer", arch=SWIN)
    with pytest.raises(ConfigError, match="stage 3 has 6×6 tokens, fewer than its window of 7: use larger images"):
        build_model(config, image_size=192)
    config["backbone"]["pad_small_map"] = True
    assert build_model(config, image_size=192).extract(torch.randn(1, 3, 192, 192))["feat_3"].shape == (1, 64)


@pytest.mark.parametrize(
    "stages", [{"block_cfgs": {"window_size": 2}}, {"window_size": 2}, [{"block_cfgs": {"window_size": 2}}] * 4]
)
def test_stage_cfgs(stages: Any) -> None:
    model = build_model(classifier("SwinTransformer", arch=SWIN, stage_cfgs=stages), image_size=64)
    assert {block.window_size for layer in model.backbone.layers for block in layer.blocks} == {(2, 2)}


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({}, "cls_token"),
        ({"output_cls_token": False}, "featmap"),
        ({"output_cls_token": False, "avg_token": True}, "avg_featmap"),
        ({"out_type": "avg_featmap"}, "avg_featmap"),
        ({"out_type": "raw"}, "raw"),
        ({"with_cls_token": False, "out_type": "featmap"}, "featmap"),
    ],
)
def test_what_stands_for_an_image(options: dict[str, Any], kind: str) -> None:
    model, pixels = build_model(vit(**options), seed=0), torch.randn(2, 3, 32, 32)
    tokens: list[Tensor] = []
    model.backbone.norm.register_forward_hook(lambda module, given, output: tokens.append(output))
    features = model.extract(pixels)["feat_3"]
    (last,) = tokens
    patches = last[:, model.backbone.num_prefix_tokens :]
    wanted = {
        "cls_token": last[:, 0],
        "featmap": patches.mean(1),
        "avg_featmap": model.backbone.fc_norm(patches.mean(1)),
        "raw": last.mean(1),
    }[kind]
    torch.testing.assert_close(features, wanted)


def test_unknown_algorithms_on_known_backbones_give_an_encoder_that_says_so() -> None:
    config = {"type": "MyOwnSSL", "queue_len": 8, "backbone": {"type": "ResNet", "depth": 18, "base_channels": 4}}
    model = build_model({**config, "neck": {"type": "MyNeck"}, "head": {"type": "MyHead"}})
    assert model.method == "MyOwnSSL"
    assert "MyOwnSSL is not known here: only its backbone was built" in model.notes
    assert model.extract(torch.randn(2, 3, 32, 32))["feat_3"].shape == (2, 32)
    with pytest.raises(ModelError, match="the neck MyNeck is not built here"):
        model.extract(torch.randn(2, 3, 32, 32), "neck")
    with pytest.raises(ModelError, match="the neck MyNeck is not built here"):
        model.extract(torch.randn(2, 3, 32, 32), "pre_logits")


def test_known_methods_give_their_projector() -> None:
    neck = {"type": "NonLinearNeck", "in_channels": 32, "hid_channels": 16, "out_channels": 8, "num_layers": 3}
    backbone = {"type": "ResNet", "depth": 18, "base_channels": 4, "out_indices": [4]}
    head = {"type": "LatentPredictHead"}
    model = build_model({"type": "SimSiam", "backbone": backbone, "neck": neck, "head": head}, seed=0)
    assert not any("SimSiam" in note for note in model.notes)
    pixels = torch.randn(3, 3, 32, 32)
    vector = model.extract(pixels)["feat_4"]
    for i in range(3):
        layer, norm = getattr(model.neck, f"fc{i}"), getattr(model.neck, f"bn{i}")
        vector = norm(layer(vector.relu() if i else vector))
    torch.testing.assert_close(model.extract(pixels, "neck")["feat_neck"], vector.detach())
    with pytest.raises(ModelError, match="SimSiam has LatentPredictHead"):
        model.extract(pixels, "pre_logits")


def test_notes_on_weights_that_a_config_names() -> None:
    config = vit(init_cfg={"type": "Pretrained", "checkpoint": "https://example.org/w.pth", "prefix": "backbone."})
    assert any("'https://example.org/w.pth', which were not loaded" in note for note in build_model(config).notes)


def test_data_preprocessor_and_scope_from_beside_the_model() -> None:
    beside = {"mean": [1.0, 2.0, 3.0], "std": [4.0, 5.0, 6.0], "to_rgb": True}
    assert build_model(vit(), data_preprocessor=beside).normaliser.mean.flatten().tolist() == [1.0, 2.0, 3.0]
    own = {**vit(), "data_preprocessor": {"mean": [9.0], "std": [1.0]}}
    assert build_model(own, data_preprocessor=beside).normaliser.mean.flatten().tolist() == [9.0] * 3
    assert "data_preprocessor" not in vit()
    assert any("0..255 in BGR" in note for note in build_model(vit()).notes)


def test_a_users_own_backbone_and_model_are_built(registered: None) -> None:
    @MODELS.register_module()
    class Pooler(nn.Module):
        out_indices = (0, 2)

        def __init__(self, width: int = 4) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, width, 3)

        def forward(self, x: Tensor) -> tuple[Any, ...]:
            y = self.conv(x)
            return y, [y, y.amax((2, 3))]

    @MODELS.register_module()
    class MyClassifier(ImageClassifier):
        pass

    model = build_model({"type": "MyClassifier", "backbone": {"type": "Pooler", "width": 6}}, image_size=32, seed=0)
    assert model.method == "MyClassifier"
    pixels = torch.randn(2, 3, 8, 8)
    features = model.extract(pixels)
    torch.testing.assert_close(features["feat_0"], model.backbone.conv(pixels).mean((2, 3)).detach())
    torch.testing.assert_close(features["feat_2"], model.backbone.conv(pixels).amax((2, 3)).detach())
    weight = torch.randn(6, 3, 3, 3)
    fit(model, Checkpoint({"backbone.conv.weight": weight, "backbone.conv.bias": torch.zeros(6)}))
    assert torch.equal(model.backbone.conv.weight, weight)


def test_a_bare_backbone_is_no_model() -> None:
    with pytest.raises(ModelError, match="VisionTransformer is no encoder: name a backbone in"):
        build_model(vit()["backbone"])


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"type": "MAEE"}, "unknown model 'MAEE', and no backbone to look into. Did you mean 'MAE'?"),
        ({"backbone": {}}, r"expected model=dict\(type=…\)"),
        (classifier("BEiTViT"), "the backbone 'BEiTViT' is not built here; these are: ResNet"),
        (vit(patch_sise=16), "VisionTransformer takes no argument 'patch_sise'. Did you mean 'patch_size'?"),
        (classifier("MAEViT", mask_ration=0.5), "MAEViT takes no argument 'mask_ration'. Did you mean 'mask_ratio'?"),
        (classifier("MAEViT", depth=3), "MAEViT takes no argument 'depth'"),
        ({**vit(), "neckk": None}, "ImageClassifier takes no argument 'neckk'. Did you mean 'neck'?"),
        (vit(arch="bas"), "arch: expected one of .* got 'bas'. Did you mean 'b"),
        (vit(arch={"embed_dims": 8}), "arch: expected the keys embed_dims, num_layers"),
        (vit(patch_size=(8, 4)), "patch_size: expected the side of a square patch"),
        (vit(norm_cfg={"type": "BN"}), "expected type 'LN' in a transformer, got 'BN'"),
        (vit(out_type="token"), "out_type: expected one of raw"),
        (vit(with_cls_token=False, out_type="cls_token"), "needs with_cls_token=True"),
        (classifier("ResNet", depth=51), "expected a depth of 18, 34, 50, 101, 152, got 51"),
        (classifier("ResNet", depth=50, deep_stem=True), "ResNet: deep_stem=True is not supported"),
        (classifier("ResNet", depth=50, style="caffe"), "style 'pytorch'"),
        (classifier("ResNet", depth=50, norm_cfg={"type": "GN"}), "expected type 'BN' or 'SyncBN'"),
        (classifier("SwinTransformer", use_abs_pos_embed=True), "use_abs_pos_embed=True is not supported"),
        (classifier("SwinTransformer", stage_cfgs={"depth": 3}), "stage_cfgs: .* got depth"),
        ({"type": "ImageClassifier", "backbone": "ResNet"}, r"expected backbone=dict\(type=…\), got 'ResNet'"),
    ],
)
def test_what_cannot_be_built_is_refused_with_the_nearest_word(config: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence.replace("?", r"\?").replace(". Did", r"\. Did")):
        build_model(config)


def test_refusals_name_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "c.py"
    lines = ["model = dict(", "    type='ImageClassifier',", "    backbone=dict(", "        type='ResNet', dept=50))"]
    path.write_text("\n".join(lines))
    with pytest.raises(ConfigError, match=r"c\.py:3: ResNet takes no argument 'dept'\. Did you mean 'depth'\?"):
        build_model(load_config(path)["model"])
    path.write_text("\n".join(lines).replace("dept=50", "depth=7"))
    with pytest.raises(ConfigError, match=r"c\.py:3: ResNet: expected a depth"):
        build_model(load_config(path)["model"], image_size=64)


def test_the_config_is_not_changed() -> None:
    config = vit(img_size=64)
    config["backbone"]["out_indices"] = indices = [0, -1]
    build_model(config, image_size=32, scope="mmcls", data_preprocessor={"to_rgb": True})
    assert config == {**vit(img_size=64), "backbone": {**vit(img_size=64)["backbone"], "out_indices": [0, -1]}}
    assert indices == [0, -1]


def test_frozen_stages() -> None:
    frozen = {name for name, p in build_model(vit(frozen_stages=2)).named_parameters() if not p.requires_grad}
    assert "backbone.blocks.1.mlp.fc1.weight" in frozen
    assert "backbone.pos_embed" in frozen
    assert not any(name.startswith("backbone.blocks.2") for name in frozen)
    resnet = build_model(classifier("ResNet", depth=18, base_channels=4, frozen_stages=1))
    assert {name.split(".")[1] for name, p in resnet.named_parameters() if not p.requires_grad} == {
        "conv1",
        "bn1",
        "layer1",
    }
