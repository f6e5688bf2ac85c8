"""Every state-dict layout of MMSelfSup's supported algorithms is read whole: each key is used, or set aside by name."""

from __future__ import annotations

import re
from typing import Any

import pytest
import timm.layers
import torch

from selfscope.models import fit as fit_module
from selfscope.models.build import build_model
from selfscope.models.checkpoint import Checkpoint
from selfscope.models.fit import fit
from tests.models.golden import layouts

DTYPES = {"float32": torch.float32, "int64": torch.int64, "uint8": torch.uint8, "bool": torch.bool}
RESNET = {"type": "ResNet", "depth": 50, "out_indices": [4], "norm_cfg": {"type": "SyncBN"}}


def projector(*widths: int, layers: int = 2, **options: Any) -> dict[str, Any]:
    into, hidden, out = widths
    sizes = {"in_channels": into, "hid_channels": hidden, "out_channels": out, "num_layers": layers}
    return {"type": "NonLinearNeck", **sizes, **options}


def mae(arch: str, width: int, patch: int = 16) -> dict[str, Any]:
    neck = {"type": "MAEPretrainDecoder", "embed_dim": width, "patch_size": patch}
    head = {"type": "MAEPretrainHead", "norm_pix": True, "patch_size": patch}
    return {
        "type": "MAE",
        "backbone": {"type": "MAEViT", "arch": arch, "patch_size": patch},
        "neck": neck,
        "head": head,
    }


def simmim(arch: str, width: int, window: int, **options: Any) -> dict[str, Any]:
    stages = {"block_cfgs": {"window_size": window}}
    backbone = {"type": "SimMIMSwinTransformer", "arch": arch, "stage_cfgs": stages, **options}
    neck = {"type": "SimMIMNeck", "in_channels": 8 * width, "encoder_stride": 32}
    return {"type": "SimMIM", "backbone": backbone, "neck": neck, "head": {"type": "SimMIMHead", "patch_size": 4}}


def mocov3(arch: str, width: int) -> dict[str, Any]:
    backbone = {"type": "MoCoV3ViT", "arch": arch, "patch_size": 16}
    neck = projector(width, 4096, 256, layers=3, with_last_bn_affine=False, vit_backbone=True)
    return {"type": "MoCoV3", "backbone": backbone, "neck": neck, "head": {"type": "MoCoV3Head"}}


def method(kind: str, neck: Any = None, head: str | None = "Unknown", **backbone: Any) -> dict[str, Any]:
    return {"type": kind, "backbone": {**RESNET, **backbone}, "neck": neck, "head": head and {"type": head}}


MASKFEAT = {
    "type": "MaskFeat",
    "backbone": {"type": "MaskFeatViT", "arch": "b", "patch_size": 16},
    "neck": {"type": "LinearNeck", "in_channels": 768, "out_channels": 108, "with_avg_pool": False},
    "target_generator": {"type": "HOGGenerator"},
}
VIT = {"type": "VisionTransformer", "arch": "base", "patch_size": 16, "output_cls_token": False, "final_norm": False}
LINEAR_NECK = {"type": "LinearNeck", "in_channels": 2048, "out_channels": 128}
RESNET_CLASSIFIER = {
    "type": "ImageClassifier",
    "backbone": {**RESNET, "out_indices": (3,)},
    "neck": {"type": "GlobalAveragePooling"},
    "head": {"type": "LinearClsHead", "num_classes": 1000, "in_channels": 2048, "topk": (1, 5)},
}
QUEUE, MOMENTUM = {"encoder_k", "queue", "queue_ptr"}, {"head", "momentum_encoder"}
PLAIN = {"with_last_bn": False}
FREE = {"with_last_bn_affine": False}
# By the start of the layout's name: the config, the output that is judged, and what is set aside.
CASES: dict[str, tuple[dict[str, Any], str, set[str]]] = {
    "barlowtwins": (method("BarlowTwins", projector(2048, 8192, 8192, layers=3, **PLAIN)), "neck", {"head"}),
    "byol": (method("BYOL", projector(2048, 4096, 256, with_bias=True, **PLAIN)), "neck", {"head", "target_net"}),
    "deepcluster__deepcluster-sobel": (method("DeepCluster", type="ResNetSobel"), "backbone", {"head", "loss_weight"}),
    "deepcluster__deepcluster_": (method("DeepCluster", {"type": "AvgPool2dNeck"}), "neck", {"head", "loss_weight"}),
    "densecl": (method("DenseCL", {"type": "DenseCLNeck"}), "backbone", {"neck", "queue2", "queue2_ptr"} | QUEUE),
    "mae__mae_vit-base": (mae("b", 768), "all", set()),
    "mae__mae_vit-large": (mae("l", 1024), "all", set()),
    "mae__mae_vit-huge": (mae("h", 1280, 14), "all", set()),
    "maskfeat": (MASKFEAT, "all", {"target_generator"}),
    "mocov1": (method("MoCo", LINEAR_NECK), "neck", QUEUE),
    "mocov2": (method("MoCo", {**LINEAR_NECK, "type": "MoCoV2Neck", "hid_channels": 2048}), "neck", QUEUE),
    "mocov3__mocov3_resnet50": (method("MoCoV3", projector(2048, 4096, 256, **FREE)), "neck", MOMENTUM),
    "mocov3__mocov3_vit-small": (mocov3("mocov3-small", 384), "neck", MOMENTUM),
    "mocov3__mocov3_vit-base": (mocov3("base", 768), "neck", MOMENTUM),
    "mocov3__mocov3_vit-large": (mocov3("large", 1024), "neck", MOMENTUM),
    "npid": (method("NPID", LINEAR_NECK), "neck", {"memory_bank"}),
    "odc": (method("ODC", {"type": "ODCNeck"}), "backbone", {"neck", "head", "memory_bank", "loss_weight"}),
    "pixmim": ({**mae("b", 768), "type": "PixMIM"}, "all", {"target_generator"}),
    "relative_loc": (method("RelativeLoc", {"type": "RelativeLocNeck"}), "backbone", {"neck", "head"}),
    "rotation_pred": (method("RotationPred"), "backbone", {"head"}),
    "simclr": (method("SimCLR", projector(2048, 2048, 128)), "neck", set()),
    "simmim__simmim_swin-base": (simmim("B", 128, 6), "all", {"relative_position_index"}),
    "simmim__simmim_swin-large": (simmim("L", 192, 12, pad_small_map=True), "all", {"relative_position_index"}),
    "simsiam": (method("SimSiam", projector(2048, 2048, 2048, layers=3, **FREE)), "neck", {"head"}),
    "swav": (method("SwAV", {"type": "SwAVNeck"}), "backbone", {"neck", "head"}),
    "tsne__resnet50": (RESNET_CLASSIFIER, "pre_logits", {"head"}),
    "tsne__vit-base": ({"type": "ImageClassifier", "backbone": VIT, "neck": None}, "backbone", {"head"}),
}
NOT_BUILT = ("beit", "cae", "mixmim")


def case(layout: str) -> tuple[dict[str, Any], str, set[str]]:
    return CASES[max((start for start in CASES if layout.startswith(start)), key=len)]


def state(lines: list[str]) -> dict[str, torch.Tensor]:
    """Tensors without content in the shapes of a layout."""
    entries = [re.fullmatch(r"(\S+) \[(.*)\] (\w+)", line) for line in lines]
    made = {}
    for name, shape, dtype in (entry.groups() for entry in entries if entry):
        sides = [int(side) for side in shape.split(",")] if shape else []
        made[name] = torch.empty(sides, dtype=DTYPES[dtype], device="meta")
    assert len(made) == len(lines)
    return made


LAYOUTS = [
    name if name.startswith(("mae__mae_vit-base", "simsiam")) else pytest.param(name, marks=pytest.mark.slow)
    for name in layouts()
    if not name.startswith(NOT_BUILT)
]


@pytest.mark.skipif(not hasattr(timm.layers, "calculate_drop_path_rates"), reason="this timm needs real tensors")
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_key_is_used_or_set_aside_by_name(layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit_module, "_not_finite", lambda values: [])
    config, needed, aside = case(layout)
    with torch.device("meta"):
        model = build_model(
            config,
            image_size=192 if layout.startswith("simmim") else 224,
            scope="mmcls" if layout.startswith("tsne") else "mmselfsup",
        )
    given = state(layouts()[layout])
    report = fit(model, Checkpoint(given, source=layout), needed)
    counters = sum(name.endswith("num_batches_tracked") for name in given if name not in report.set_aside)
    assert len(report.loaded) + len(report.set_aside) + counters == len(given)
    assert set(report.loaded) == {name for name in model.state_dict() if not name.endswith("num_batches_tracked")}
    assert report.unfilled == ()
    assert set(report.set_aside_groups) == aside


def test_every_layout_has_a_case() -> None:
    assert all(case(name) for name in layouts() if not name.startswith(NOT_BUILT))
    assert {name.split("__")[0] for name in layouts() if name.startswith(NOT_BUILT)} == {
        "beit",
        "beitv2",
        "cae",
        "mixmim",
    }
