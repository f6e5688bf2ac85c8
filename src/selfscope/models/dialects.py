"""How OpenMMLab, timm and the papers' own code name the same weights: one table per kind of network.

The models here carry timm's names. Every rule leaves names that are timm's already as they are, so one table reads
all dialects of a network.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

Rules = tuple[tuple[str, str], ...]

RULES: dict[str, Rules] = {
    # OpenMMLab                                timm
    "vit": (
        (r"^patch_embed\.projection\.", r"patch_embed.proj."),
        (r"^layers\.(\d+)\.ln([12])\.", r"blocks.\1.norm\2."),
        (r"^layers\.(\d+)\.ffn\.layers\.0\.0\.", r"blocks.\1.mlp.fc1."),
        (r"^layers\.(\d+)\.ffn\.layers\.1\.", r"blocks.\1.mlp.fc2."),
        (r"^layers\.(\d+)\.attn\.gamma1\.weight", r"blocks.\1.ls1.gamma"),
        (r"^layers\.(\d+)\.ffn\.gamma2\.weight", r"blocks.\1.ls2.gamma"),
        (r"^layers\.(\d+)\.", r"blocks.\1."),
        (r"^ln1\.", r"norm."),
        (r"^ln2\.", r"fc_norm."),
        (r"^pre_norm\.(ln\.)?", r"norm_pre."),
    ),
    "mae_decoder": (
        (r"^decoder_blocks\.(\d+)\.ln([12])\.", r"decoder_blocks.\1.norm\2."),
        (r"^decoder_blocks\.(\d+)\.ffn\.layers\.0\.0\.", r"decoder_blocks.\1.mlp.fc1."),
        (r"^decoder_blocks\.(\d+)\.ffn\.layers\.1\.", r"decoder_blocks.\1.mlp.fc2."),
        (r"^ln1\.", r"decoder_norm."),
    ),
    "swin": (
        (r"^patch_embed\.projection\.", r"patch_embed.proj."),
        (r"^stages\.(\d+)\.blocks\.(\d+)\.attn\.w_msa\.", r"layers.\1.blocks.\2.attn."),
        (r"^stages\.(\d+)\.blocks\.(\d+)\.ffn\.layers\.0\.0\.", r"layers.\1.blocks.\2.mlp.fc1."),
        (r"^stages\.(\d+)\.blocks\.(\d+)\.ffn\.layers\.1\.", r"layers.\1.blocks.\2.mlp.fc2."),
        (r"^stages\.(\d+)\.blocks\.", r"layers.\1.blocks."),
        (r"^norm(\d)\.", r"norms.\1."),
        (r"^norm\.", r"norms.LAST."),  # of the last stage
    ),
    "resnet": (),  # torchvision, timm and OpenMMLab agree
    "plain": (),
}
ENDING_DOWNSAMPLE = re.compile(r"^(stages|layers)\.(\d+)\.downsample\.(.+)$")

WRAPPERS = ("", "module.", "model.", "module.model.", "_orig_mod.", "model._orig_mod.")
"""What training wrappers put before every name."""
OWNERS: dict[str, tuple[str, ...]] = {
    "backbone": ("backbone.", "", "encoder.", "encoder_q.", "base_encoder.", "online_net.0.", "visual."),
    "neck": ("neck.", ""),
    "head": ("head.", ""),
}
"""What a whole model puts before the names of its parts; an empty one: the file holds just that part."""


@dataclass(frozen=True)
class Found:
    """A tensor under the name that it has in the model, with the name that it had in the file."""

    name: str
    tensor: Tensor


def read_part(state: Mapping[str, Tensor], part: str, dialect: str, expected: Iterable[str]) -> dict[str, Found]:
    """The entries of a checkpoint that belong to a part of the model, by the names `expected` there.

    The prefix that fits most of the expected names is taken, the plainest of equals: a momentum copy of a backbone
    is never taken for the backbone when both are there.
    """
    wanted, best = set(expected), dict[str, Found]()
    stages = [int(found[1]) for name in wanted if (found := re.match(r"layers\.(\d+)\.", name))]
    for wrapper in WRAPPERS:
        for owner in OWNERS.get(part, (f"{part}.",)):
            inside = {name[len(wrapper + owner) :]: name for name in state if name.startswith(wrapper + owner)}
            if len(inside) <= len(best):
                continue
            translated = {
                new.replace("LAST", str(max(stages, default=0))): Found(inside[old], value)
                for old, new, value in _translate(state, inside, dialect)
            }
            fitting = {new: found for new, found in translated.items() if new in wanted}
            best = fitting if len(fitting) > len(best) else best
    return best


def _translate(state: Mapping[str, Tensor], inside: Mapping[str, str], dialect: str) -> list[tuple[str, str, Tensor]]:
    """Triples of name without prefix, name in the model, and the tensor as the model lays it out."""
    ends_stage = dialect == "swin" and any(re.match(r"^(stages|layers)\.0\.downsample\.", name) for name in inside)
    triples = []
    for short, full in inside.items():
        moved = ENDING_DOWNSAMPLE.match(short) if ends_stage else None
        if moved:
            new = f"layers.{int(moved[2]) + 1}.downsample.{moved[3]}"
            tensor = merge_order(state[full]) if moved[1] == "stages" else state[full]
        else:
            new, tensor = rename(short, RULES[dialect]), state[full]
        triples.append((short, new, tensor))
    return triples


def rename(name: str, rules: Rules) -> str:
    """The name after the first rule that applies."""
    for pattern, replacement in rules:
        changed, count = re.subn(pattern, replacement, name)
        if count:
            return changed
    return name


def merge_order(tensor: Tensor) -> Tensor:
    """Swin's merged 2 × 2 patches along the last axis: OpenMMLab's (channel, row, column) to (column, row, channel)."""
    blocks = tensor.unflatten(-1, (-1, 2, 2))  # (..., C, 2, 2)
    return blocks.transpose(-1, -3).flatten(-3)
