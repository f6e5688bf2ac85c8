"""Our transformer parts beside timm's: the same names and shapes of weights, and the same numbers from them."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import timm.models.swin_transformer as timm_swin
import timm.models.vision_transformer as timm_vit
import torch
from torch import Tensor, nn

from selfscope.errors import ConfigError
from selfscope.models.transformer import Attention, Block, DropPath, rising
from selfscope.models.vit import VisionTransformer
from selfscope.models.windows import PatchMerging, WindowBlock, joined, offset_index, parted, rolled_apart

ARCH = {"embed_dims": 24, "num_layers": 3, "num_heads": 4, "feedforward_channels": 50}


def shaken(module: nn.Module) -> nn.Module:
    """With weights that are all different from what any start would give."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / 4)
    return module.eval()


def numbers(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def filled(module: nn.Module, theirs: nn.Module) -> nn.Module:
    module.load_state_dict(shaken(theirs).state_dict())
    return module.eval()


@pytest.mark.parametrize(("qkv_bias", "layer_scale"), [(True, 0.0), (False, 0.1)])
def test_a_block_is_timms(qkv_bias: bool, layer_scale: float) -> None:
    norm = partial(nn.LayerNorm, eps=1e-6)
    options: dict[str, Any] = {"qkv_bias": qkv_bias, "init_values": layer_scale or None, "norm_layer": norm}
    theirs = timm_vit.Block(24, 4, mlp_ratio=2, **options)
    ours = filled(Block(24, 4, 48, norm=norm, qkv_bias=qkv_bias, layer_scale=layer_scale), theirs)
    x = numbers(2, 7, 24)
    torch.testing.assert_close(ours(x), theirs(x))


@pytest.mark.parametrize("options", [{}, {"pre_norm": True}, {"qkv_bias": False}, {"with_cls_token": False}])
def test_a_vit_is_timms(options: dict[str, Any]) -> None:
    named = {"with_cls_token": "class_token", **{name: name for name in ("pre_norm", "qkv_bias")}}
    ours = VisionTransformer(ARCH, (32, 48), 8, **{"output_cls_token": "with_cls_token" not in options, **options})
    theirs = timm_vit.VisionTransformer(
        img_size=(32, 48),  # type: ignore[arg-type]
        patch_size=8,
        num_classes=0,
        global_pool="token" if options.get("with_cls_token", True) else "avg",
        embed_dim=24,
        depth=3,
        num_heads=4,
        mlp_ratio=50.5 / 24,
        fc_norm=False,
        norm_layer=partial(nn.LayerNorm, eps=1e-6),
        **{named[name]: value for name, value in options.items()},
    )
    pixels = numbers(2, 3, 32, 48)
    torch.testing.assert_close(filled(ours, theirs)(pixels)[0].pooled, theirs(pixels))


@pytest.mark.parametrize("shift", [0, 2])
def test_a_window_block_is_timms_where_windows_fill_the_map(shift: int) -> None:
    theirs = timm_swin.SwinTransformerBlock(12, (8, 12), 3, window_size=4, shift_size=shift)
    ours = filled(WindowBlock(12, (8, 12), 3, window=4, shift=shift, hidden=48), theirs)
    x = numbers(2, 8, 12, 12)
    torch.testing.assert_close(ours(x), theirs(x))


@pytest.mark.parametrize("resolution", [(6, 10), (5, 7)])
def test_merging_is_timms(resolution: tuple[int, int]) -> None:
    theirs = timm_swin.PatchMerging(6, 10)
    x = numbers(2, *resolution, 6)
    torch.testing.assert_close(filled(PatchMerging(6, 10), theirs)(x), theirs(x))


def test_attention_follows_its_formula() -> None:
    attention = shaken(Attention(12, 3))
    assert isinstance(attention, Attention)
    x = numbers(1, 5, 12)
    q, k, v = attention.qkv(x)[0].split(12, dim=-1)  # (5, 12) each
    heads = []
    for head in range(3):
        part = slice(4 * head, 4 * head + 4)
        scores = q[:, part] @ k[:, part].T / 4**0.5
        heads.append(scores.softmax(-1) @ v[:, part])
    torch.testing.assert_close(attention(x)[0], attention.proj(torch.cat(heads, -1)))


def test_heads_share_the_width_evenly() -> None:
    with pytest.raises(ConfigError, match="5 attention heads cannot share 12 channels evenly: change num_heads"):
        Attention(12, 5)


def test_windows_come_apart_and_together() -> None:
    x = numbers(3, 8, 12, 5)
    windows = parted(x, 4)
    assert windows.shape == (3 * 6, 16, 5)
    assert torch.equal(windows[7], x[1, :4, 4:8].reshape(16, 5))  # the second window of the second image
    assert torch.equal(joined(windows, (2, 3), 4), x)


def test_tokens_from_opposite_edges_do_not_see_each_other() -> None:
    """Slowly: a token of a rolled map came from `(row + shift, column + shift)`, over an edge or not."""
    window, shift, resolution = 4, 1, (6, 8)  # the map is padded to 8 × 8
    mask = rolled_apart(resolution, window, shift)
    assert mask.shape == (4, 16, 16)
    for index in range(4):
        top, left = 4 * (index // 2), 4 * (index % 2)
        places = [(top + i // 4, left + i % 4) for i in range(16)]
        over = [(row + shift >= 8, column + shift >= 8) for row, column in places]
        wanted = [[0.0 if a == b else -100.0 for b in over] for a in over]
        assert mask[index].tolist() == wanted


def test_pairs_of_one_offset_share_their_bias() -> None:
    index, places = offset_index(3), [(i // 3, i % 3) for i in range(9)]
    assert index.min() == 0
    assert index.max() == 5 * 5 - 1
    for a, (row, column) in enumerate(places):
        for b, (other_row, other_column) in enumerate(places):
            assert index[a, b] == (row - other_row + 2) * 5 + column - other_column + 2


def test_paths_are_dropped_for_whole_samples_and_the_mean_stays() -> None:
    drop = DropPath(0.25)
    x = torch.ones(4000, 2, 3)
    assert torch.equal(drop.eval()(x), x)
    torch.manual_seed(0)
    dropped = drop.train()(x)
    assert set(dropped.unique().tolist()) == {0.0, torch.tensor(1 / 0.75).item()}
    assert all(len(sample.unique()) == 1 for sample in dropped[:50])
    assert dropped.mean().item() == pytest.approx(1, abs=0.03)
    assert torch.equal(DropPath(1.0).train()(x), torch.zeros_like(x))


def test_drop_rates_rise_over_all_stages() -> None:
    assert rising(0.3, [2, 2]) == [[0.0, pytest.approx(0.1)], [pytest.approx(0.2), pytest.approx(0.3)]]
    assert rising(0.3, [1]) == [[0.0]]
