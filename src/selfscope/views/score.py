"""How good a reconstruction is where the model could not see: masked pixels and masked patches only.

scipy's parts are imported where they are used: its interpolation alone takes longer than a photo's scores.
"""

from __future__ import annotations

import numpy as np


def pixel_scores(original: np.ndarray, reconstruction: np.ndarray, hidden: np.ndarray) -> dict[str, float]:
    """`psnr` in dB, `l1` and `ssim` over the hidden pixels of two `(H, W, 3)` uint8 pictures, in sRGB of range 1.

    `hidden` is `(H, W)`, true where the model could not see. SSIM's map (Wang et al. 2004: Gaussian window of
    sigma 1.5, data range 1) is averaged over the hidden pixels and channels. Nothing hidden: no scores.
    """
    hidden = hidden.astype(bool)
    if not hidden.any():
        return {}
    a, b = original / 255.0, reconstruction / 255.0
    error = (a - b)[hidden]
    mse = float((error**2).mean())
    psnr = float("inf") if mse == 0 else -10 * float(np.log10(mse))
    return {"psnr": psnr, "l1": float(np.abs(error).mean()), "ssim": float(ssim_map(a, b)[hidden].mean())}


def ssim_map(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Structural similarity of every pixel, `(H, W, C)` in and out, values of range 1."""
    from scipy.ndimage import gaussian_filter

    def blur(values: np.ndarray) -> np.ndarray:
        return gaussian_filter(values, sigma=(1.5, 1.5, 0), truncate=3.5)

    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2
    covariance = blur(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    likeness = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    return likeness / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))


def patch_skill(prediction: np.ndarray, target: np.ndarray, mask: np.ndarray) -> float:
    """1 - MSE / MSE(patch mean) over masked patches: 1 is perfect, 0 no better than each patch's true mean.

    `prediction` and `target` are `(L, P)` patches in the space the model was trained in; `mask` is `(L,)`, 1 = removed.
    """
    removed = mask.astype(bool)
    if not removed.any():
        return float("nan")
    truth = target[removed]
    spread = ((truth - truth.mean(axis=1, keepdims=True)) ** 2).mean()
    return float(1 - ((prediction[removed] - truth) ** 2).mean() / spread) if spread else float("nan")


def patch_mean_fill(original: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The baseline that leaks most: every hidden patch in its own true mean colour. `mask` is `(h, w)` and divides."""
    h, w = mask.shape
    height, width, _ = original.shape
    patches = original.reshape(h, height // h, w, width // w, 3).astype(float)
    means = np.broadcast_to(patches.mean(axis=(1, 3), keepdims=True), patches.shape)
    filled = np.where(mask.astype(bool)[:, None, :, None, None], means, patches)
    return np.rint(filled).astype(np.uint8).reshape(original.shape)


def visible_fill(original: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """The baseline that leaks nothing: hidden pixels linearly interpolated from the visible ones that border them."""
    from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator
    from scipy.ndimage import binary_dilation

    hidden = hidden.astype(bool)
    border = ~hidden & binary_dilation(hidden)
    if not border.any():
        return original.copy()
    points, values, wanted = np.argwhere(border), original[border].astype(float), np.argwhere(hidden)
    filled = np.full((len(wanted), 3), np.nan)
    if len(np.unique(points[:, 0])) > 1 and len(np.unique(points[:, 1])) > 1:
        filled = LinearNDInterpolator(points, values)(wanted)
    outside = np.isnan(filled).any(axis=1)
    if outside.any():
        filled[outside] = NearestNDInterpolator(points, values)(wanted[outside])
    result = original.copy()
    result[hidden] = np.rint(np.clip(filled, 0, 255)).astype(np.uint8)
    return result
