"""What a masked-image model makes of an image: four panels, the numbers, and every word needed to read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from selfscope.data.dataset import folder_dataset
from selfscope.draw.mask import expand
from selfscope.errors import ConfigError, ModelError, UsageError
from selfscope.records import Reconstruction, check_picture
from selfscope.views.given_mask import fit_mask
from selfscope.views.load import LoadedModel, load, require
from selfscope.views.score import patch_mean_fill, patch_skill, pixel_scores, visible_fill

PIXEL_STATS = ("patch", "visible", "none")
NOTES = {
    "untrained": "untrained: the weights are at their random start",
    "patch": "uses the original's patch statistics: each patch's true mean and spread are given, not predicted",
    "visible": "patch statistics guessed from the visible patches, not learned",
    "none": "in the head's own units: every patch is normalised, mid grey is its mean",
    "hog": "oriented gradients (HOG), as the model predicts them; not pixels",
}


@dataclass(frozen=True, eq=False)
class _Input:
    picture: np.ndarray
    """`(H, W, 3)` uint8 RGB, as the model will see it."""
    mask: np.ndarray | None
    """The pipeline's own mask, if it draws one."""
    path: str | None


def reconstruct(
    model: LoadedModel | Any,
    image: str | Path | np.ndarray,
    *,
    seed: int = 0,
    mask: np.ndarray | None = None,
    mask_ratio: float | None = None,
    pixel_stats: str = "none",
    use_vis_pipeline: bool = False,
    target: bool = False,
    baselines: bool = True,
    key: str | None = None,
    step: int = 0,
) -> Reconstruction:
    """Masks one image (a path, or a `(H, W, 3)` uint8 RGB picture), and shows what the model fills in.

    The mask is `mask` (on the model's grid or one that divides it, 1 = removed), or the config's `vis_pipeline`'s, or
    the model's own kind at `mask_ratio`, drawn from `seed`. `pixel_stats` says where a head that was trained on
    normalised patches (`norm_pix`) takes each patch's mean and spread from: `patch` the original's, which leaks them
    and is said on the picture; `visible` an interpolation of the visible patches'; `none` shows the head's own units.
    `target` draws what the model was trained to predict (MaskFeat's HOG) in place of the photo.
    """
    loaded = load(model)
    _check(loaded, pixel_stats, target)
    given = _input(loaded, image, use_vis_pipeline, seed)
    removed = _mask(loaded.module, mask, given.mask, mask_ratio, seed)
    shot = _taken(loaded, given.picture, removed, pixel_stats)
    pictures = _shown(shot, target)
    settings = {"path": given.path, "seed": seed, "mask_ratio": float(removed.mean())}
    rule = {"pixel_stats": pixel_stats if loaded.module.norm_pix else None}
    return Reconstruction(
        key=key or (Path(given.path).stem if given.path else "image"),
        pictures=pictures,
        method=loaded.module.method,
        notes=_notes(loaded, pixel_stats),
        metrics=_metrics(shot, pictures, baselines),
        arrays=shot.arrays(),
        settings={**loaded.describe(), **settings, **rule},
        step=step,
    )


@dataclass(frozen=True, eq=False)
class _Shot:
    """One image through the model."""

    module: Any
    picture: np.ndarray
    """`(H, W, 3)` uint8 RGB, as the model saw it."""
    pixels: torch.Tensor
    """`(1, 3, H, W)`."""
    mask: np.ndarray
    """`(h, w)`, 1 = removed."""
    features: torch.Tensor
    """As the model returns them, a batch of one."""
    pred: np.ndarray
    """`(H, W, 3)` float."""
    pixel_stats: str

    @property
    def hidden(self) -> np.ndarray:
        """`(H, W)` bool, true where the model could not see."""
        return expand(self.mask, self.picture.shape[:2]).astype(bool)

    def arrays(self) -> dict[str, np.ndarray]:
        values, pixels = (tensor[0].float().cpu().numpy() for tensor in (self.features, self.pixels))
        return {"input": pixels, "mask": self.mask, "features": values, "pred": self.pred}


def _taken(loaded: LoadedModel, picture: np.ndarray, removed: np.ndarray, pixel_stats: str) -> _Shot:
    module = loaded.module
    images = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None]  # (1, 3, H, W)
    with torch.inference_mode():
        pixels = module.normaliser(images.to(loaded.device))
        masks = torch.from_numpy(removed)[None].to(loaded.device)  # (1, h, w)
        features = module.predict(pixels, masks)
        pred = module.prediction_picture(features, pixels, masks, pixel_stats)[0].float().cpu().numpy()
    return _Shot(module, picture, pixels, removed, features, pred, pixel_stats)


def _check(loaded: LoadedModel, pixel_stats: str, target: bool) -> None:
    module = loaded.module
    if not hasattr(module, "prediction_picture"):
        raise ModelError(f"{loaded.name} does not reconstruct images; MAE, SimMIM and MaskFeat do")
    if pixel_stats not in PIXEL_STATS:
        raise UsageError(f"pixel_stats: expected one of {', '.join(PIXEL_STATS)}, got {pixel_stats!r}")
    if pixel_stats != "none" and not module.norm_pix:
        raise UsageError(
            f"pixel_stats={pixel_stats!r} (--norm-pix) is for heads trained on normalised patches; "
            f"{loaded.name} predicts {'HOG' if _draws_hog(module) else 'pixels'} as they are: leave it out"
        )
    if target and not _draws_hog(module):
        raise UsageError(
            f"target (--target-generator) is for models that predict something else than pixels, such as "
            f"MaskFeat; {loaded.name} is {module.method}: leave it out"
        )
    require(loaded, "all")


def _draws_hog(module: Any) -> bool:
    return hasattr(module, "target")


def _input(loaded: LoadedModel, image: str | Path | np.ndarray, use_vis_pipeline: bool, seed: int) -> _Input:
    size = loaded.image_size
    steps: list[Any] = [
        {"type": "LoadImageFromFile"},
        {"type": "Resize", "scale": (size, size), "backend": "pillow"},
        {"type": "PackSelfSupInputs", "meta_keys": ["img_path"]},
    ]
    if use_vis_pipeline:
        named = loaded.values.get("vis_pipeline")
        if not named:
            where = None if loaded.config is None else str(loaded.config.file)
            raise ConfigError("has no `vis_pipeline`; leave --use-vis-pipeline out to draw a mask here", file=where)
        steps = list(named)
    if isinstance(image, np.ndarray):
        if use_vis_pipeline:
            raise UsageError("use_vis_pipeline prepares an image file; give its path, not a picture")
        return _Input(_resized(image, size), None, None)
    if not isinstance(image, (str, Path)):
        raise UsageError(f"image: expected a path or a (H, W, 3) uint8 RGB array, got {type(image).__name__}")
    packed = folder_dataset(image, steps, seed=seed)[0]
    drawn = packed.data_samples.get("mask")
    mask = None if drawn is None else np.asarray(drawn.value)
    return _Input(packed.inputs[0].numpy().transpose(1, 2, 0), mask, str(image))


def _resized(picture: np.ndarray, size: int) -> np.ndarray:
    from PIL import Image

    check_picture(picture, "image")
    if picture.shape[:2] == (size, size):
        return picture
    return np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.BILINEAR))


def _mask(
    module: Any, given: np.ndarray | None, drawn: np.ndarray | None, ratio: float | None, seed: int
) -> np.ndarray:
    if given is not None and ratio is not None:
        raise UsageError("give a mask or a mask_ratio, not both")
    if ratio is not None and not 0 <= ratio < 1:
        raise UsageError(f"mask_ratio: expected 0 up to below 1, got {ratio}")
    if given is not None:
        return fit_mask(given, module.mask_grid)
    if drawn is not None and ratio is None:
        return fit_mask(drawn, module.mask_grid)
    options = {} if ratio is None else {"ratio": ratio}
    return module.random_mask(1, np.random.default_rng(seed), **options)[0]


def _shown(shot: _Shot, target: bool) -> dict[str, np.ndarray]:
    """The four panels. Removed pixels of a photo take the data set's mean colour, which is 0 to the model."""
    module, hidden = shot.module, shot.hidden[..., None]  # (H, W, 1)
    if _draws_hog(module):
        beneath = _levels(module.target(shot.pixels)[0].cpu().numpy())
        filled = _levels(shot.pred)
    else:
        beneath, filled = shot.picture, module.to_picture(torch.from_numpy(shot.pred)[None])[0].cpu().numpy()
    seen = beneath if target else shot.picture
    blank = np.zeros_like(beneath) if target else _mean_colour(module, shot.pixels)
    return {
        "original": seen,
        "masked": np.where(hidden, blank, seen),
        "reconstruction": filled,
        "pasted": np.where(hidden, filled, beneath),
    }


def _levels(drawing: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(drawing, 0, 255)).astype(np.uint8)


def _mean_colour(module: Any, pixels: torch.Tensor) -> np.ndarray:
    return module.normaliser.to_picture(torch.zeros_like(pixels[:1]))[0].cpu().numpy()


def _notes(loaded: LoadedModel, pixel_stats: str) -> tuple[str, ...]:
    module = loaded.module
    notes = [NOTES["untrained"]] if loaded.trained is False else []
    if _draws_hog(module):
        notes.append(NOTES["hog"])
    elif module.norm_pix:
        notes.append(NOTES[pixel_stats])
    return (*notes, *loaded.notes)


def _metrics(shot: _Shot, pictures: Mapping[str, np.ndarray], baselines: bool) -> dict[str, float]:
    """`skill` of a norm_pix head in its own space; where the picture is in pixels, its scores and a baseline's PSNR.

    The baseline leaks as much as the picture does: each patch's true mean under the rule `patch`, else what can be
    interpolated from the visible pixels.
    """
    module = shot.module
    if _draws_hog(module):
        return {}
    metrics: dict[str, float] = {}
    if module.norm_pix:
        target, prediction = module.target_patches(shot.pixels)[0], shot.features[0]  # (L, P)
        flat = shot.mask.reshape(-1)
        metrics["skill"] = patch_skill(prediction.float().cpu().numpy(), target.float().cpu().numpy(), flat)
        if shot.pixel_stats == "none":
            return metrics
    metrics |= pixel_scores(shot.picture, pictures["reconstruction"], shot.hidden)
    leaks = module.norm_pix and shot.pixel_stats == "patch"
    if baselines and shot.hidden.any() and (leaks or not shot.hidden.all()):
        fill = patch_mean_fill(shot.picture, shot.mask) if leaks else visible_fill(shot.picture, shot.hidden)
        name = "psnr_patch_mean" if leaks else "psnr_visible_fill"
        metrics[name] = pixel_scores(shot.picture, fill, shot.hidden)["psnr"]
    return metrics
