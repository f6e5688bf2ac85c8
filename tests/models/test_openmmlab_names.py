"""What is saved here carries the very names and shapes of MMSelfSup's checkpoints, and reads back bit by bit."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch

from selfscope.config.reader import load_config
from selfscope.models.build import build_model
from selfscope.models.checkpoint import Checkpoint
from selfscope.models.dialects import merge_order
from selfscope.models.fit import fit
from selfscope.models.openmmlab_names import openmmlab_names, openmmlab_state, split_order
from tests.models.golden import layouts
from tests.models.test_simsiam import CONFIG as SIMSIAM

CONSTANTS = re.compile(r"relative_position_index |^target_generator\.")
"""What the ancestor saves and is computed here."""
CASES = (
    "mae/mae_vit-base-p16_8xb512-amp-coslr-1600e_in1k",
    "maskfeat/maskfeat_vit-base-p16_8xb256-amp-coslr-300e_in1k",
    "simmim/simmim_swin-base_16xb128-amp-coslr-100e_in1k-192",
    "simsiam/simsiam_resnet50_8xb32-coslr-100e_in1k",
)
SMALL = {
    "MAE": "mae/mae_vit-tiny-p4_cifar10",
    "SimMIM": "simmim/simmim_swin-tiny-w4_cifar10",
    "MaskFeat": "maskfeat/maskfeat_vit-tiny-p4_cifar10",
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_names_and_shapes_are_the_ancestors(case: str) -> None:
    model = build_model(load_config(f"configs/selfsup/{case}.py")["model"], scope="mmselfsup", blank=True)
    ours = {f"{name} {list(value.shape)}" for name, value in openmmlab_state(model).items()}
    named = (line.rpartition(" ")[0] for line in layouts()[case.replace("/", "__")])
    assert ours == {line for line in named if not CONSTANTS.search(line)}


def small(kind: str) -> Any:
    return load_config(f"configs/selfsup/{SMALL[kind]}.py")["model"] if kind in SMALL else SIMSIAM


@pytest.mark.parametrize("kind", [*SMALL, "SimSiam"])
def test_read_back_bit_by_bit(kind: str) -> None:
    config = small(kind)
    model, other = (build_model(config, scope="mmselfsup", seed=seed) for seed in (0, 1))
    state = openmmlab_state(model)
    assert set(state) == set(openmmlab_names(model).values())
    report = fit(other, Checkpoint(state), needed="all")
    assert not report.unfilled
    assert not report.set_aside
    for a, b in zip(model.state_dict().values(), other.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_merged_patches_are_laid_out_and_back() -> None:
    tensor = torch.arange(24.0).reshape(2, 12)
    assert torch.equal(merge_order(split_order(tensor)), tensor)
    assert not torch.equal(split_order(tensor), tensor)


def test_what_is_saved_stays_as_it_was() -> None:
    model = build_model(small("MAE"), seed=0)
    state = openmmlab_state(model)
    before = state["backbone.cls_token"].clone()
    with torch.no_grad():
        model.backbone.cls_token.add_(1.0)  # type: ignore[union-attr,operator]
    assert torch.equal(state["backbone.cls_token"], before)
