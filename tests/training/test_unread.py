"""What a config says is followed, refused by name, or said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from selfscope.config.reader import load_config
from selfscope.config.values import Config
from selfscope.errors import ConfigError
from selfscope.training.settings import read_settings
from selfscope.training.unread import unread

CONFIGS = Path(__file__).parents[2] / "configs" / "selfsup"
SHIPPED = sorted(
    path for family in ("mae", "simmim", "maskfeat", "simsiam") for path in (CONFIGS / family).glob("*.py")
)
HEADS = {
    "MAEPretrainHead": {"type": "MAEReconstructionLoss"},
    "SimMIMHead": {"type": "SimMIMReconstructionLoss", "encoder_in_channels": 3},
    "MaskFeatPretrainHead": {"type": "mmselfsup.PixelReconstructionLoss", "criterion": "L1"},
    "LatentPredictHead": {"type": "CosineSimilarityLoss", "scale_factor": 2.0},
}


def of(**model: Any) -> Config:
    return Config({"model": {"type": "MAE", **model}})


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_nothing_of_mmselfsups_own_configs_is_left_unread(path: Path) -> None:
    assert unread(load_config(path)) == []
    assert all("auto_scale_lr" in line or "val" in line for line in read_settings(load_config(path)).said)


def test_the_families_are_all_there() -> None:
    assert len(SHIPPED) == 25


@pytest.mark.parametrize("head", HEADS)
def test_a_heads_own_loss_is_followed(head: str) -> None:
    assert unread(of(head={"type": head, "loss": HEADS[head]})) == []
    assert unread(of(head={"type": head, "loss": None})) == []
    with pytest.raises(ConfigError, match=rf"model.head.loss: {head} learns by \w+Loss here, got L1Loss"):
        unread(of(head={"type": head, "loss": {"type": "L1Loss"}}))
    with pytest.raises(ConfigError, match=r"model.head.loss: \w+ takes .* here, got weight=2"):
        unread(of(head={"type": head, "loss": {**HEADS[head], "weight": 2}}))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"backbone": {"init_cfg": {"type": "Pretrained", "checkpoint": "a.pth"}}}, r"backbone.init_cfg .* load_from"),
        ({"init_cfg": [{"type": "Pretrained", "checkpoint": "a.pth"}]}, r"model.init_cfg would begin with weights"),
        (
            {"init_cfg": {"type": "mmengine.Pretrained", "checkpoint": "a.pth"}},
            r"model.init_cfg would begin with weights",
        ),
        (
            {"neck": {"type": "NonLinearNeck", "norm_cfg": "LN"}},
            r"neck.norm_cfg: expected type BN, BN1d, SyncBN, got 'LN'",
        ),
        ({"pretrained": "a.pth"}, r"model.pretrained would begin with weights"),
        ({"backbone": {"norm_eval": True}}, r"model.backbone.norm_eval=True would hold batch norms still"),
        ({"neck": {"type": "NonLinearNeck", "norm_cfg": {"type": "LN"}}}, r"expected type BN, BN1d, SyncBN, got 'LN'"),
        (
            {"head": {"type": "SimMIMHead", "loss": {**HEADS["SimMIMHead"], "encoder_in_channels": 1}}},
            r"loss.encoder_in_channels: expected 3, got 1",
        ),
    ],
)
def test_what_would_change_what_is_learned_is_refused(model: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        unread(of(**model))


def test_a_refusal_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("model = dict(\n    type='MAE',\n    backbone=dict(\n        norm_eval=True))\n")
    with pytest.raises(ConfigError, match=r"mine.py:4: model.backbone.norm_eval"):
        unread(load_config(path))


def test_what_changes_only_the_start_is_said() -> None:
    normal = {"type": "Normal", "layer": "Linear", "std": 0.01}
    assert unread(of(init_cfg=normal, neck={"init_cfg": [normal]})) == [
        "model.init_cfg, model.neck.init_cfg: not read, weights begin as the method's own code has them"
    ]
    (said,) = unread(of(backbone={"with_cp": True}))
    assert said.startswith("with_cp=True: nothing is computed twice")
    collate = {"train_dataloader": {"collate_fn": {"type": "mine"}}, "log_level": "DEBUG"}
    assert [line.partition(":")[0] for line in unread(Config(collate))] == [
        "train_dataloader.collate_fn='mine'",
        "log_level='DEBUG'",
    ]


@pytest.mark.parametrize("config", [{"model": "MAE"}, {"train_dataloader": "mine"}, {"train_dataloader": {}}, {}])
def test_what_is_no_dict_is_left_to_whoever_needs_one(config: dict[str, Any]) -> None:
    assert unread(Config(config)) == []


def test_a_collate_function_may_be_a_name() -> None:
    assert unread(Config({"train_dataloader": {"collate_fn": "pseudo_collate"}})) == []
    (said,) = unread(Config({"train_dataloader": {"collate_fn": "mine"}}))
    assert said.startswith("train_dataloader.collate_fn='mine': not read")


@pytest.mark.parametrize(
    ("given", "meant"),
    [("train_cg.max_epochs", "train_cfg"), ("custom_hook", "custom_hooks"), ("vis_backend", "vis_backends")],
)
def test_a_misspelt_name_of_the_top_level_is_refused(given: str, meant: str) -> None:
    config = load_config(SHIPPED[0], [f"{given}=3"])
    with pytest.raises(ConfigError, match=rf"nothing here is called '{given.split('.')[0]}'. Did you mean '{meant}'"):
        unread(config)


def test_names_of_a_configs_own_are_no_misspellings() -> None:
    own = {"train_pipeline": [], "data_root": "a", "val_dataloader": {}, "test_cfg": {}, "optimizer": {}, "my_lr": 1}
    assert unread(Config({"model": {"type": "MAE"}, **own})) == []
