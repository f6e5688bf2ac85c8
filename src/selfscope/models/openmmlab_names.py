"""The names that OpenMMLab gives a model's weights, so that what is trained here loads there, and configs that name
parameters (`paramwise_cfg`) mean what they meant there.

These are the rules of `dialects` read backwards: what is written by `openmmlab_state`, `fit` reads back bit by bit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from torch import Tensor, nn

from selfscope.models.dialects import Rules, rename

VIT_BLOCK: Rules = (
    (r"^(\w+)\.(\d+)\.norm([12])\.", r"\1.\2.ln\3."),
    (r"^(\w+)\.(\d+)\.mlp\.fc1\.", r"\1.\2.ffn.layers.0.0."),
    (r"^(\w+)\.(\d+)\.mlp\.fc2\.", r"\1.\2.ffn.layers.1."),
)
BACK: dict[str, tuple[Rules, ...]] = {
    "vit": (
        (
            (r"^patch_embed\.proj\.", r"patch_embed.projection."),
            (r"^blocks\.(\d+)\.ls1\.gamma", r"layers.\1.attn.gamma1.weight"),
            (r"^blocks\.(\d+)\.ls2\.gamma", r"layers.\1.ffn.gamma2.weight"),
            (r"^blocks\.", r"layers."),
            (r"^norm\.", r"ln1."),
            (r"^fc_norm\.", r"ln2."),
            (r"^norm_pre\.", r"pre_norm."),
        ),
        VIT_BLOCK,
    ),
    "mae_decoder": (((r"^decoder_norm\.", r"ln1."),), VIT_BLOCK),
    "swin": (
        (
            (r"^patch_embed\.proj\.", r"patch_embed.projection."),
            (r"^layers\.(\d+)\.blocks\.(\d+)\.attn\.", r"stages.\1.blocks.\2.attn.w_msa."),
            (r"^layers\.(\d+)\.blocks\.(\d+)\.mlp\.fc1\.", r"stages.\1.blocks.\2.ffn.layers.0.0."),
            (r"^layers\.(\d+)\.blocks\.(\d+)\.mlp\.fc2\.", r"stages.\1.blocks.\2.ffn.layers.1."),
            (r"^layers\.(\d+)\.blocks\.", r"stages.\1.blocks."),
            (r"^norms\.(\d+)\.", r"norm\1."),
        ),
    ),
}
"""By dialect, rounds of rules; in a round the first rule that applies is taken."""
BEGINNING_DOWNSAMPLE = re.compile(r"^layers\.(\d+)\.downsample\.(.+)$")


def openmmlab_names(model: nn.Module) -> dict[str, str]:
    """OpenMMLab's name of each entry of the model's state, which is also that of the parameter in a config."""
    return {name: _name(name, dialect) for name, dialect in _entries(model)}


def openmmlab_state(model: nn.Module) -> dict[str, Tensor]:
    """The model's weights under OpenMMLab's names and in its layouts, on the CPU, sharing no memory with the model."""
    state, saved = model.state_dict(), {}
    for name, dialect in _entries(model):
        moved = dialect == "swin" and BEGINNING_DOWNSAMPLE.match(name.partition(".")[2])
        tensor = split_order(state[name]) if moved else state[name]
        saved[_name(name, dialect)] = tensor.detach().to("cpu", copy=True)
    return saved


def split_order(tensor: Tensor) -> Tensor:
    """Swin's merged 2 × 2 patches along the last axis: (column, row, channel) to OpenMMLab's (channel, row, column)."""
    blocks = tensor.unflatten(-1, (2, 2, -1))  # (..., 2, 2, C)
    return blocks.transpose(-1, -3).flatten(-3)


def _entries(model: nn.Module) -> Iterator[tuple[str, str]]:
    """Every name of the state, with the dialect of the part that it is in."""
    for name in model.state_dict():
        part = getattr(model, name.partition(".")[0], None)
        yield name, getattr(part, "dialect", "plain")


def _name(name: str, dialect: str) -> str:
    part, dot, rest = name.partition(".")
    moved = BEGINNING_DOWNSAMPLE.match(rest) if dialect == "swin" else None
    if moved:
        return f"{part}.stages.{int(moved[1]) - 1}.downsample.{moved[2]}"
    for rules in BACK.get(dialect, ()):
        rest = rename(rest, rules)
    return f"{part}{dot}{rest}"
