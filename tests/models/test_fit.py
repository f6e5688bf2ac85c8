"""Weights fit or are refused with counts and names; nothing stays at its random start without a word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from timm.models.swin_transformer import SwinTransformer as TimmSwin
from timm.models.vision_transformer import VisionTransformer as TimmViT

from selfscope.errors import CheckpointError
from selfscope.models.build import build_model
from selfscope.models.checkpoint import Checkpoint
from selfscope.models.dialects import merge_order
from selfscope.models.encoding import Encoder
from selfscope.models.fit import fit
from tests.models.generated import images
from tests.models.golden import checkpoint, described, fitted

TINY = {"embed_dims": 24, "num_layers": 2, "num_heads": 3, "feedforward_channels": 96}
VIT = {"type": "VisionTransformer", "arch": TINY, "img_size": 32, "patch_size": 8}


def classifier(**options: Any) -> Encoder:
    return build_model({"type": "ImageClassifier", "backbone": {**VIT, **options}}, seed=0)


def changed(model: Encoder, before: dict[str, torch.Tensor]) -> set[str]:
    return {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}


def snapshot(model: Encoder) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def test_report_of_a_whole_fit() -> None:
    model, report = fitted("masked", "mae", 64)
    assert model.trained
    assert len(report.loaded) == len(model.state_dict())
    assert report.unfilled == report.set_aside == report.missing_for("all") == ()
    assert str(report) == "MAE: 50 of 50 weights loaded from mae.pth (the whole model)"


def test_missing_and_misshapen_weights_are_refused_and_nothing_is_changed() -> None:
    model = build_model(described()["masked"]["mae"]["config"], image_size=64, seed=0)
    given = checkpoint("masked", "mae")
    del given.state["backbone.layers.0.ln1.weight"], given.state["backbone.cls_token"]
    given.state["backbone.layers.1.attn.proj.bias"] = torch.zeros(7)
    before = snapshot(model)
    with pytest.raises(CheckpointError) as refused:
        fit(model, given, "backbone")
    sentence = str(refused.value)
    assert sentence.startswith("mae.pth does not fit MAE's backbone: 2 of 30 weights missing")
    assert "backbone.cls_token, backbone.blocks.0.norm1.weight" in sentence
    assert "1 of another shape (backbone.blocks.1.attn.proj.bias is 7, the model has 24)" in sentence
    assert changed(model, before) == set()
    assert not model.trained


def test_what_the_output_does_not_use_may_be_missing_and_is_said() -> None:
    model = build_model(described()["masked"]["mae"]["config"], image_size=64, seed=0)
    given = checkpoint("masked", "mae")
    state = {name: value for name, value in given.state.items() if name.startswith("backbone.")}
    before = snapshot(model)
    report = fit(model, Checkpoint({**state, "momentum.w": torch.zeros(2)}, source="b.pth"), "backbone")
    assert changed(model, before) == set(report.loaded)
    assert set(report.unfilled) == {name for name in before if name.startswith("neck.")}
    assert report.missing_for("backbone") == ()
    assert report.missing_for("reconstruct") == report.missing_for("all") == report.unfilled
    lines = str(report).split("\n")
    assert lines[0] == "MAE: 30 of 30 weights loaded from b.pth (backbone)"
    assert lines[1] == "set aside 1: momentum (1)"
    assert lines[2].startswith(f"not filled and not used here, {len(report.unfilled)}: neck.mask_token")
    with pytest.raises(CheckpointError, match="20 of 50 weights missing"):
        fit(model, Checkpoint(state), "all")


def test_a_mask_token_is_not_needed_for_features() -> None:
    model = build_model(described()["masked"]["simmim"]["config"], image_size=128, seed=0)
    given = checkpoint("masked", "simmim")
    del given.state["backbone.mask_token"]
    assert fit(model, given, "backbone").missing == ("backbone.mask_token",)
    with pytest.raises(CheckpointError, match=r"1 of 122 weights missing \(backbone\.mask_token\)"):
        fit(model, given, "all")


def test_weights_of_another_network_say_what_the_file_holds() -> None:
    model = classifier()
    with pytest.raises(CheckpointError) as refused:
        fit(model, Checkpoint({"backbone.conv1.weight": torch.zeros(3), "fc.bias": torch.zeros(1)}, source="r.pth"))
    assert "30 of 30 weights missing" in str(refused.value)
    assert "the file holds backbone.conv1 (1), fc (1)" in str(refused.value)


def test_nan_is_said() -> None:
    model = classifier()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    state["backbone.norm.bias"][3] = torch.nan
    assert fit(model, Checkpoint(state)).notes == ("1 weights hold NaN or infinity: backbone.norm.bias",)


def test_half_precision_is_read_and_integers_are_not_taken_for_weights() -> None:
    model = classifier()
    state = {name: value.half() for name, value in model.state_dict().items()}
    before = snapshot(model)
    fit(model, Checkpoint(state))
    for name, value in model.state_dict().items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, before[name], atol=1e-3, rtol=1e-3)
    with pytest.raises(CheckpointError, match="of another shape"):
        fit(model, Checkpoint({name: value.long() for name, value in state.items()}))


@pytest.mark.parametrize(
    "prefix",
    ["backbone.", "", "module.", "module.backbone.", "model.", "encoder.", "module.encoder_q.", "module.base_encoder."],
)
def test_prefixes_of_wrappers_and_methods(prefix: str) -> None:
    torch.manual_seed(0)
    source = TimmViT(32, 8, embed_dim=24, depth=2, num_heads=3, num_classes=5).eval()
    momentum = {f"{prefix}momentum.{name}": torch.zeros_like(value) for name, value in source.state_dict().items()}
    state = {f"{prefix}{name}": value for name, value in source.state_dict().items()}
    model = classifier(out_indices=[0, 1])
    report = fit(model, Checkpoint({**momentum, **state}, source="x"))
    assert report.unfilled == ()
    assert len(report.set_aside) == len(momentum) + 2
    pixels = torch.from_numpy(images(2, 32, 32))
    with torch.no_grad():
        torch.testing.assert_close(model.extract(pixels)["feat_1"], source.forward_features(pixels)[:, 0])


def test_timms_and_microsofts_swin() -> None:
    """timm downsamples at the start of a stage, Microsoft's code at the end of the one before; same order inside."""
    torch.manual_seed(0)
    source = TimmSwin(64, 4, embed_dim=8, depths=(2, 2), num_heads=(1, 2), window_size=4, num_classes=5).eval()
    arch = {"embed_dims": 8, "depths": [2, 2], "num_heads": [1, 2]}
    config = {"type": "SwinTransformer", "arch": arch, "window_size": 4, "out_indices": -1, "drop_path_rate": 0.0}
    pixels = torch.from_numpy(images(2, 64, 64))
    state = source.state_dict()
    ending = {name.replace("layers.1.downsample", "layers.0.downsample"): value for name, value in state.items()}
    for given in (state, ending):
        model = build_model({"type": "ImageClassifier", "backbone": config}, image_size=64, seed=1)
        report = fit(model, Checkpoint({name: v for name, v in given.items() if "attn_mask" not in name}))
        assert report.unfilled == ()
        with torch.no_grad():
            wanted = source.forward_head(source.forward_features(pixels), pre_logits=True)
        torch.testing.assert_close(model.extract(pixels)["feat_1"], wanted, atol=1e-5, rtol=1e-5)


def test_the_order_of_merged_patches() -> None:
    """OpenMMLab's unfold puts channels first, then rows, then columns; timm columns, rows, channels."""
    names = [f"{channel}{row}{column}" for channel in "abc" for row in "01" for column in "01"]
    index = merge_order(torch.arange(12.0)[None])[0].long().tolist()
    wanted = [f"{channel}{row}{column}" for column in "01" for row in "01" for channel in "abc"]
    assert [names[i] for i in index] == wanted


def test_the_papers_own_mae_names() -> None:
    """facebookresearch/mae holds encoder and decoder side by side, without owners, in timm's words."""
    model = build_model(described()["masked"]["mae"]["config"], image_size=64, seed=0)
    given = {name.partition(".")[2]: torch.randn_like(value) for name, value in model.state_dict().items()}
    report = fit(model, Checkpoint(given, source="mae_visualize.pth"), "all")
    assert report.unfilled == report.set_aside == ()
    assert torch.equal(model.neck.mask_token, given["mask_token"])
    assert torch.equal(model.backbone.blocks[1].mlp.fc2.bias, given["blocks.1.mlp.fc2.bias"])


def test_the_papers_own_simmim_names() -> None:
    model = build_model(described()["masked"]["simmim"]["config"], image_size=128, seed=0)
    own = model.state_dict()
    given = {}
    for name, value in own.items():
        short = name.removeprefix("backbone.").replace("norms.3.", "norm.")
        if ".downsample." in short:
            stage = int(short.split(".")[1])
            short = short.replace(f"layers.{stage}.", f"layers.{stage - 1}.")
        given[short.removeprefix("neck.") if name.startswith("neck.") else f"encoder.{short}"] = torch.randn_like(value)
    report = fit(model, Checkpoint(given), "all")
    assert report.unfilled == report.set_aside == ()
    assert torch.equal(model.backbone.norms["3"].weight, given["encoder.norm.weight"])


@pytest.mark.parametrize("side", [48, 80])
def test_positions_of_another_grid_are_interpolated_and_said(side: int) -> None:
    small = classifier()
    state = snapshot(small)
    large = build_model({"type": "ImageClassifier", "backbone": VIT}, image_size=side, seed=1)
    report = fit(large, Checkpoint(state))
    cells = side // 8
    assert report.notes == (f"backbone.pos_embed was interpolated from 4×4 to {cells}×{cells} patches",)
    planes = state["backbone.pos_embed"][:, 1:].unflatten(1, (4, 4)).permute(0, 3, 1, 2)
    wanted = torch.nn.functional.interpolate(planes, size=(cells, cells), mode="bicubic", align_corners=False)
    found = large.backbone.pos_embed[:, 1:].detach().unflatten(1, (cells, cells)).permute(0, 3, 1, 2)
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(large.backbone.pos_embed[:, 0].detach(), state["backbone.pos_embed"][:, 0])


def test_a_blank_start_is_filled_or_shows() -> None:
    config = {**VIT, "type": "MAEViT"}
    model = build_model({"type": "Custom", "backbone": config}, blank=True)
    assert all(value.isnan().all() for name, value in model.named_parameters() if name.endswith("qkv.weight"))
    state = {
        f"backbone.{name}": value
        for name, value in build_model({"type": "Custom", "backbone": config}, seed=3).backbone.state_dict().items()
    }
    fit(model, Checkpoint(state))
    assert all(value.isfinite().all() for value in model.state_dict().values())


def test_a_real_file(tmp_path: Path) -> None:
    from selfscope.models.checkpoint import read_checkpoint

    given = checkpoint("encoders", "swin_window_6")
    torch.save({"state_dict": given.state, "meta": {}, "optimizer": {"state": {}}}, tmp_path / "swin.pth")
    model = build_model(described()["encoders"]["swin_window_6"]["config"], image_size=192, seed=0)
    report = fit(model, read_checkpoint(tmp_path / "swin.pth"))
    assert report.set_aside_groups == {"head": 2, "optimizer": 1}


def test_weights_beyond_those_asked_for_are_not_counted_among_them() -> None:
    model = build_model(described()["masked"]["mae"]["config"], image_size=64, seed=0)
    report = fit(model, checkpoint("masked", "mae"), "backbone")
    assert len(report.loaded) == 50
    assert str(report) == "MAE: 30 of 30 weights loaded from mae.pth (backbone)"
