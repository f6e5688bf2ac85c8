"""What the masked-image models share: masks, pictures under each rule, training, seeds."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch

from selfscope.errors import ConfigError, ModelError
from selfscope.models.build import build_model
from selfscope.models.mae import MAE
from selfscope.models.patches import patch_stats, visible_stats
from tests.models.golden import described, fitted, numbers, photo

SIDES = {"mae": 64, "simmim": 128, "maskfeat": 224}
GRIDS = {"mae": (8, 8), "simmim": (32, 32), "maskfeat": (14, 14)}


def config(name: str) -> dict[str, Any]:
    return copy.deepcopy(described()["masked"][name]["config"])


def tiny_mae(side: int = 16, patch: int = 4, norm_pix: bool = True, **backbone: Any) -> MAE:
    arch = {"embed_dims": 32, "num_layers": 2, "num_heads": 2, "feedforward_channels": 64}
    model = build_model(
        {
            "type": "MAE",
            "data_preprocessor": {"mean": [127.5], "std": [127.5], "to_rgb": True},
            "backbone": {"type": "MAEViT", "arch": arch, "img_size": side, "patch_size": patch, **backbone},
            "neck": {
                "type": "MAEPretrainDecoder",
                "patch_size": patch,
                "embed_dim": 32,
                "decoder_embed_dim": 32,
                "decoder_depth": 1,
                "decoder_num_heads": 2,
            },
            "head": {"type": "MAEPretrainHead", "norm_pix": norm_pix, "patch_size": patch},
        },
        seed=0,
    )
    assert isinstance(model, MAE)
    return model


@pytest.mark.parametrize("name", GRIDS)
def test_grids_and_random_masks(name: str) -> None:
    model, _ = fitted("masked", name, SIDES[name])
    assert model.mask_grid == GRIDS[name]
    masks = model.random_mask(4, np.random.default_rng(3))
    again = model.random_mask(4, np.random.default_rng(3))
    assert masks.shape == (4, *GRIDS[name])
    assert masks.dtype == np.uint8
    assert np.array_equal(masks, again)
    assert not np.array_equal(masks[0], masks[1])
    assert not np.array_equal(masks, model.random_mask(4, np.random.default_rng(4)))


@pytest.mark.parametrize(("ratio", "removed"), [(None, 48), (0.5, 32), (0.0, 0), (1.0, 64), (0.99, 64)])
def test_mae_removes_exactly_its_share(ratio: float | None, removed: int) -> None:
    masks = fitted("masked", "mae", 64)[0].random_mask(3, np.random.default_rng(0), ratio)
    assert masks.sum((1, 2)).tolist() == [removed] * 3


def test_mae_removes_every_patch_equally_often() -> None:
    share = fitted("masked", "mae", 64)[0].random_mask(4000, np.random.default_rng(0)).mean(0)
    assert np.abs(share - 0.75).max() < 0.035  # 5 standard deviations


def test_simmim_removes_blocks_of_32_pixels() -> None:
    masks = fitted("masked", "simmim", 128)[0].random_mask(5, np.random.default_rng(0))
    coarse = masks[:, ::8, ::8]
    assert coarse.sum((1, 2)).tolist() == [10] * 5  # 60 % of 16, rounded up
    assert np.array_equal(coarse.repeat(8, 1).repeat(8, 2), masks)


def test_maskfeat_removes_two_fifths_in_blocks() -> None:
    masks = fitted("masked", "maskfeat", 224)[0].random_mask(5, np.random.default_rng(0))
    assert masks.sum((1, 2)).tolist() == [78] * 5
    edges = np.abs(np.diff(masks.astype(int), axis=2)).sum() / masks.size
    scattered = np.random.default_rng(0).permuted(masks.reshape(5, -1), axis=1).reshape(masks.shape)
    assert edges < 0.6 * np.abs(np.diff(scattered.astype(int), axis=2)).sum() / masks.size


@pytest.mark.parametrize("name", GRIDS)
def test_a_mask_that_does_not_fit_the_grid_is_refused_with_sizes(name: str) -> None:
    model, _ = fitted("masked", name, SIDES[name])
    pixels = model.normaliser(photo(SIDES[name]))
    h, w = GRIDS[name]
    with pytest.raises(ModelError, match=rf"mask: expected \({h}, {w}\) .* got \(5, 5\)"):
        model.predict(pixels, np.zeros((5, 5)))


def test_one_mask_serves_a_batch_and_batches_agree_with_single_images() -> None:
    for name, side in SIDES.items():
        model, _ = fitted("masked", name, side)
        pixels = model.normaliser(torch.cat([photo(side), photo(side).flip(3)]))
        masks = model.random_mask(2, np.random.default_rng(0))
        together = model.predict(pixels, masks)
        for i in range(2):
            alone = model.predict(pixels[i : i + 1], masks[i])
            torch.testing.assert_close(alone[0], together[i], atol=2e-5, rtol=1e-4)
        assert model.predict(pixels, masks[0]).shape == together.shape


def test_unequal_masks_in_one_batch_of_mae_are_refused() -> None:
    model, _ = fitted("masked", "mae", 64)
    masks = np.zeros((2, 8, 8))
    masks[0, :4], masks[1, :2] = 1, 1
    with pytest.raises(ModelError, match="keep equally many patches, got 32 to 48"):
        model.predict(model.normaliser(torch.cat([photo(64)] * 2)), masks)


@pytest.mark.parametrize("share", [0, 1])
def test_nothing_and_everything_removed(share: int) -> None:
    for name, side in SIDES.items():
        model, _ = fitted("masked", name, side)
        pixels = model.normaliser(photo(side))
        mask = np.full(GRIDS[name], share)
        assert model.predict(pixels, mask).isfinite().all()
        assert model.loss(pixels, mask).isfinite()


def test_images_of_another_size_are_refused_with_both_sizes() -> None:
    for name, side in SIDES.items():
        model, _ = fitted("masked", name, side)
        with pytest.raises(ModelError, match=f"built for {side}×{side} pixels, got 32×32"):
            model.predict(torch.zeros(1, 3, 32, 32), np.zeros(GRIDS[name]))


def test_a_perfect_prediction_gives_the_image_back_under_the_patch_rule() -> None:
    model, _ = fitted("masked", "mae", 64)
    pixels = model.normaliser(photo(64))
    pred = model.prediction_picture(model.target_patches(pixels), pixels, numbers()["mae/mask"], "patch")
    assert (model.to_picture(pred).int() - photo(64).permute(0, 2, 3, 1).int()).abs().max() == 0


def test_the_visible_rule_uses_no_removed_pixel() -> None:
    model, _ = fitted("masked", "mae", 64)
    pixels, mask = model.normaliser(photo(64)), numbers()["mae/mask"]
    removed = torch.from_numpy(mask).reshape(1, 8, 8).repeat_interleave(8, 1).repeat_interleave(8, 2)[:, None]
    features = model.predict(pixels, mask)
    pred = model.prediction_picture(features, pixels, mask, "visible")
    blind = model.prediction_picture(features, torch.where(removed == 1, 9.0, pixels), mask, "visible")
    torch.testing.assert_close(pred, blind)
    mean, std = visible_stats(model.patchify(pixels), torch.from_numpy(mask), (8, 8))
    torch.testing.assert_close(model.patchify(pred.permute(0, 3, 1, 2)), features * std + mean)


def test_the_bare_rule_shows_the_heads_units() -> None:
    model, _ = fitted("masked", "mae", 64)
    pixels = model.normaliser(photo(64))
    units = torch.zeros(1, 64, 192)
    units[:, :, 0], units[:, :, 1] = 3.0, -3.0
    picture = model.to_picture(model.prediction_picture(units, pixels, None, "none"))
    assert picture[0, 0, 0].tolist() == [255, 0, 128]
    assert picture[0, 1, 1].tolist() == [128, 128, 128]


def test_a_head_that_predicts_pixels_needs_no_rule() -> None:
    model = tiny_mae(norm_pix=False)
    pixels, mask = torch.randn(1, 3, 16, 16), np.zeros((4, 4))
    features = model.patchify(pixels)
    for rule in ("patch", "visible", "none"):
        pred = model.prediction_picture(features, pixels, mask, rule)
        assert torch.equal(pred.permute(0, 3, 1, 2), pixels)
    assert torch.equal(model.target_patches(pixels), features)


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(ModelError, match="pixel_stats: expected patch, visible or none, got 'true'"):
        tiny_mae().prediction_picture(torch.zeros(1, 16, 48), torch.zeros(1, 3, 16, 16), None, "true")


def test_targets_in_units_have_mean_zero_and_deviation_one() -> None:
    patches = tiny_mae().target_patches(torch.randn(2, 3, 16, 16) * 4 + 2)
    mean, std = patch_stats(patches)
    torch.testing.assert_close(mean, torch.zeros_like(mean), atol=1e-5, rtol=0)
    torch.testing.assert_close(std, torch.ones_like(std), atol=1e-4, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("norm_pix", [True, False])
def test_a_tiny_mae_learns(norm_pix: bool) -> None:
    """Stripes of two phases: what is seen tells which of the two, and so all the rest."""
    model = tiny_mae(norm_pix=norm_pix).train()
    random = np.random.default_rng(0)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=3e-3)
    losses = []
    for _ in range(90):
        phase = torch.from_numpy(random.integers(0, 2, (16, 1, 1, 1)) * 0.8)
        pixels = (torch.arange(16.0) * 0.8 + phase).sin().float().expand(16, 3, 16, 16)
        loss = model.loss(pixels, model.random_mask(16, random, 0.5))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-10:]) < 0.35 * np.mean(losses[:10])
    assert model.backbone.pos_embed.grad is None


@pytest.mark.parametrize("name", GRIDS)
def test_every_trained_weight_gets_a_gradient(name: str) -> None:
    model = build_model(config(name), image_size=SIDES[name], seed=0).train()
    pixels = model.normaliser(photo(SIDES[name]))
    model.loss(pixels, model.random_mask(1, np.random.default_rng(0))).backward()
    for key, parameter in model.named_parameters():
        assert (parameter.grad is not None) == parameter.requires_grad, key
    assert model.training


@pytest.mark.parametrize("name", GRIDS)
def test_an_untrained_twin_is_the_same_for_the_same_seed(name: str) -> None:
    state = torch.random.get_rng_state()
    first, again, other = (build_model(config(name), image_size=SIDES[name], seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not first.trained
    assert not first.training
    weights, twin, third = first.state_dict(), again.state_dict(), other.state_dict()
    assert all(torch.equal(weights[key], twin[key]) for key in weights)
    assert any(not torch.equal(weights[key], third[key]) for key in weights)
    assert all(value.isfinite().all() for value in weights.values())


@pytest.mark.parametrize("size", [(32, 64), (64, 32)])
def test_oblong_images(size: tuple[int, int]) -> None:
    model = build_model(config("mae"), image_size=size, seed=0)
    assert isinstance(model, MAE)
    assert model.mask_grid == (size[0] // 8, size[1] // 8)
    assert model.image_size == size
    pixels = torch.randn(2, 3, *size)
    mask = model.random_mask(2, np.random.default_rng(0))
    pred = model.prediction_picture(model.target_patches(pixels), pixels, mask)
    torch.testing.assert_close(pred.permute(0, 3, 1, 2), pixels, atol=1e-5, rtol=1e-5)
    assert model.loss(pixels, mask).isfinite()


def test_pixmim_looks_like_mae_and_is_not_trained_here() -> None:
    model = build_model({**config("mae"), "type": "PixMIM", "target_generator": {"type": "LowFreqTargetGenerator"}})
    assert model.method == "PixMIM"
    pixels, mask = torch.randn(1, 3, 64, 64), np.eye(8)
    assert model.predict(pixels, mask).shape == (1, 64, 192)
    with pytest.raises(ModelError, match="low-pass targets"):
        model.loss(pixels, mask)


def test_masked_models_have_no_vector_neck() -> None:
    for name, side in SIDES.items():
        model, _ = fitted("masked", name, side)
        with pytest.raises(ModelError, match="choose the stage backbone"):
            model.extract(model.normaliser(photo(side)), "neck")


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        ("mae", {"head": {"type": "MAEPretrainHead", "patch_size": 16}}, "must have the backbone's patch_size, 8"),
        ("mae", {"neck": None}, "MAE needs a neck"),
        ("mae", {"backbone": {"type": "VisionTransformer", "arch": "deit-t"}}, "expected a backbone MAEViT"),
        (
            "simmim",
            {"backbone": {"type": "SwinTransformer", "window_size": 2}},
            "expected a backbone SimMIMSwinTransformer",
        ),
        ("simmim", {"head": {"type": "SimMIMHead", "patch_size": 8}}, "head.patch_size=8 is not the backbone's"),
        ("maskfeat", {"target_generator": None}, "a target_generator"),
        (
            "maskfeat",
            {"target_generator": {"type": "HOGGenerator", "nbins": 8}},
            "gives 108 values a patch, HOG has 96",
        ),
        ("mae", {"backbone": {"type": "MAEViT", "arch": "deit-t", "mask_ratio": 75}}, "a share from 0 to 1, got 75"),
    ],
)
def test_configs_that_do_not_go_together(name: str, change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        build_model({**config(name), **change}, image_size=SIDES[name])


def test_sizes_that_do_not_fit() -> None:
    with pytest.raises(ConfigError, match="60×60 is not a whole number of 8-pixel patches"):
        build_model(config("mae"), image_size=60)
    with pytest.raises(ConfigError, match="144×144 pixels are not a multiple of encoder_stride 32"):
        build_model(config("simmim"), image_size=144)
