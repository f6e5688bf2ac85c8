"""Masked-image models agree with the ancestor: features, pictures, losses, histograms."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from selfscope.models.mae import MAE
from selfscope.models.maskfeat import MaskFeat
from selfscope.models.simmim import SimMIM
from tests.models.golden import fitted, numbers, photo


def mae() -> tuple[MAE, torch.Tensor, np.ndarray]:
    model, _ = fitted("masked", "mae", 64)
    assert isinstance(model, MAE)
    return model, model.normaliser(photo(64)), numbers()["mae/mask"]


def test_mae_features_and_picture() -> None:
    model, pixels, mask = mae()
    features = model.predict(pixels, mask)
    assert np.abs(features.numpy() - numbers()["mae/features"]).max() < 1e-5
    pred = model.prediction_picture(features, pixels, mask, "patch")
    assert np.abs(pred.numpy() - numbers()["mae/pred"]).max() < 1e-5
    mean, std = np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375])
    levels = np.clip(numbers()["mae/pred"] * std + mean, 0, 255)
    assert np.abs(model.to_picture(pred).numpy() - levels).max() <= 0.51


@pytest.mark.parametrize("norm_pix", [True, False])
def test_mae_loss(norm_pix: bool) -> None:
    model, pixels, mask = mae()
    model.norm_pix = norm_pix
    assert model.loss(pixels, mask).item() == pytest.approx(float(numbers()[f"mae/loss_{norm_pix}"]), rel=1e-5)


def test_simmim_features_picture_and_loss() -> None:
    model, _ = fitted("masked", "simmim", 128)
    assert isinstance(model, SimMIM)
    pixels, mask = model.normaliser(photo(128)), numbers()["simmim/mask"]
    features = model.predict(pixels, mask)
    assert np.abs(features[..., ::3, ::3].numpy() - numbers()["simmim/features"]).max() < 1e-5
    assert torch.equal(model.prediction_picture(features, pixels, mask)[0, 5, 7], features[0, :, 5, 7])
    assert model.loss(pixels, mask).item() == pytest.approx(float(numbers()["simmim/loss"]), rel=1e-5)


def test_maskfeat_features_histograms_drawings_and_loss() -> None:
    model, _ = fitted("masked", "maskfeat", 224)
    assert isinstance(model, MaskFeat)
    pixels, mask = model.normaliser(photo()), numbers()["maskfeat/mask"]
    features = model.predict(pixels, mask)
    assert np.abs(features[:, ::4].numpy() - numbers()["maskfeat/features"]).max() < 1e-5
    hog = model.target_generator.features(pixels, model.mask_grid)
    assert np.abs(hog[:, ::4].numpy() - numbers()["maskfeat/hog"]).max() < 1e-5
    assert model.loss(pixels, mask).item() == pytest.approx(float(numbers()["maskfeat/loss"]), rel=1e-5)
    drawn = model.prediction_picture(features, pixels, mask).numpy()[0]
    target = model.target(pixels).numpy()[0]
    # A stroke whose end lies on a pixel border may fall to either side with another rounding of the sums.
    assert (drawn[..., 0] != numbers()["maskfeat/drawn"]).mean() < 1e-3
    assert (target[..., 2] != numbers()["maskfeat/target"]).mean() < 1e-3


@pytest.mark.parametrize(("name", "side", "feat"), [("mae", 64, 24), ("simmim", 128, 64), ("maskfeat", 224, 24)])
def test_masked_models_give_features_of_whole_images(name: str, side: int, feat: int) -> None:
    """Without a mask the encoder sees every patch; the mask token has no part in it."""
    model, _ = fitted("masked", name, side)
    pixels = model.normaliser(photo(side))
    (before,) = model.extract(pixels).values()
    assert before.shape == (1, feat)
    if hasattr(model.backbone, "mask_token"):
        model.backbone.mask_token.data += 1
        torch.testing.assert_close(*model.extract(pixels).values(), before)


def test_the_order_of_kept_patches_changes_nothing() -> None:
    model, pixels, mask = mae()
    kept = torch.from_numpy(np.flatnonzero(mask[0] == 0))[None]
    shuffled = kept[:, torch.randperm(kept.shape[1], generator=torch.Generator().manual_seed(0))]
    with torch.no_grad():
        raster = model.neck(model._see(pixels, kept), kept)
        permuted = model.neck(model._see(pixels, shuffled), shuffled)
    torch.testing.assert_close(raster, permuted, atol=1e-5, rtol=1e-5)


def test_removed_patches_are_not_seen() -> None:
    model, pixels, mask = mae()
    removed = torch.from_numpy(mask).reshape(1, 8, 8).repeat_interleave(8, 1).repeat_interleave(8, 2)[:, None]
    torch.testing.assert_close(model.predict(pixels, mask), model.predict(pixels * (1 - removed), mask))
