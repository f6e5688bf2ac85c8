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
    module = loaded.module
    _check(loaded, pixel_stats, target)
    given = _input(loaded, image, use_vis_pipeline, seed)
    images = torch.from_numpy(np.ascontiguousarray(given.picture.transpose(2, 0, 1)))[None]  # (1, 3, H, W)
    pixels = module.normaliser(images.to(loaded.device))
    removed = _mask(module, mask, given.mask, mask_ratio, seed)
    with torch.inference_mode():
        masks = torch.from_numpy(removed)[None].to(loaded.device)  # (1, h, w)
        features = module.predict(pixels, masks)
        pred = module.prediction_picture(features, pixels, masks, pixel_stats)[0].float().cpu().numpy()  # (H, W, 3)
    shown = _shown(module, pixels, given.picture, pred, removed, target)
    settings = {
        **loaded.describe(),
        "path": given.path,
        "seed": seed,
        "mask_ratio": float(removed.mean()),
        "pixel_stats": pixel_stats if module.norm_pix else None,
    }
    return Reconstruction(
        key=key or (Path(given.path).stem if given.path else "image"),
        pictures=shown,
        method=module.method,
        notes=_notes(loaded, pixel_stats),
        metrics=_metrics(module, given.picture, shown, features, pixels, removed, pixel_stats, baselines),
        arrays={
            "input": pixels[0].float().cpu().numpy(),
            "mask": removed,
            "features": features[0].float().cpu().numpy(),
            "pred": pred,
        },
        settings=settings,
        step=step,
    )


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
        return _Input(_resized(image, size), None, None)
    packed = folder_dataset([image], steps, seed=seed)[0]
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


def _shown(
    module: Any, pixels: torch.Tensor, picture: np.ndarray, pred: np.ndarray, mask: np.ndarray, target: bool
) -> dict[str, np.ndarray]:
    """The four panels. Removed pixels of a photo take the data set's mean colour, which is 0 to the model."""
    hidden = expand(mask, picture.shape[:2]).astype(bool)[..., None]  # (H, W, 1)
    if _draws_hog(module):
        drawing = np.rint(np.clip(module.target(pixels)[0].cpu().numpy(), 0, 255)).astype(np.uint8)
        seen, blank = (drawing, np.zeros_like(drawing)) if target else (picture, _mean_colour(module, pixels))
        filled = np.rint(np.clip(pred, 0, 255)).astype(np.uint8)
        beneath = drawing
    else:
        seen, blank, beneath = picture, _mean_colour(module, pixels), picture
        filled = module.to_picture(torch.from_numpy(pred)[None])[0].cpu().numpy()
    return {
        "original": seen,
        "masked": np.where(hidden, blank, seen),
        "reconstruction": filled,
        "pasted": np.where(hidden, filled, beneath),
    }


def _mean_colour(module: Any, pixels: torch.Tensor) -> np.ndarray:
    return module.normaliser.to_picture(torch.zeros_like(pixels[:1]))[0].cpu().numpy()


def _notes(loaded: LoadedModel, pixel_stats: str) -> tuple[str, ...]:
    module = loaded.module
    notes = [NOTES["untrained"]] if loaded.trained is False else []
    if _draws_hog(module):
        notes.append(NOTES["hog"])
    elif module.norm_pix:
        notes.append(NOTES[pixel_stats])
    return tuple(notes)


def _metrics(
    module: Any,
    picture: np.ndarray,
    shown: Mapping[str, np.ndarray],
    features: torch.Tensor,
    pixels: torch.Tensor,
    mask: np.ndarray,
    pixel_stats: str,
    baselines: bool,
) -> dict[str, float]:
    """`skill` of a norm_pix head in its own space; where the picture is in pixels, its scores and baselines' PSNR."""
    if _draws_hog(module):
        return {}
    metrics: dict[str, float] = {}
    if module.norm_pix:
        patches = module.patchify(pixels)[0].float()  # (L, P)
        normal = (patches - patches.mean(1, keepdim=True)) / (patches.var(1, keepdim=True) + 1e-6).sqrt()
        flat = mask.reshape(-1)
        metrics["skill"] = patch_skill(features[0].float().cpu().numpy(), normal.cpu().numpy(), flat)
        if pixel_stats == "none":
            return metrics
    hidden = expand(mask, picture.shape[:2])
    metrics |= pixel_scores(picture, shown["reconstruction"], hidden)
    if baselines and hidden.any():
        fills = {"patch_mean": patch_mean_fill(picture, mask), "visible_fill": visible_fill(picture, hidden)}
        metrics |= {f"psnr_{n}": pixel_scores(picture, filled, hidden)["psnr"] for n, filled in fills.items()}
    return metrics
