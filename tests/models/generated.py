"""Weights and images made from a seed by numpy's frozen generator, so that golden numbers need no stored weights."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np

Shapes = Mapping[str, tuple[int, ...]]


def weights(shapes: Shapes) -> dict[str, np.ndarray]:
    """Float32 weights by OpenMMLab's names, none of them at a neutral value, so that a swapped one shows."""
    return {name: _weight(name, shape) for name, shape in shapes.items() if _is_weight(name)}


def images(batch: int, height: int, width: int, seed: int = 1) -> np.ndarray:
    """Normalised pixels `(B, 3, H, W)` float32."""
    return np.random.RandomState(seed).standard_normal((batch, 3, height, width)).astype(np.float32)


def _is_weight(name: str) -> bool:
    fixed = ("num_batches_tracked", "relative_position_index")
    return not name.endswith(fixed) and "sobel" not in name and "target_generator" not in name


def _weight(name: str, shape: tuple[int, ...]) -> np.ndarray:
    random = np.random.RandomState(zlib.crc32(name.encode()))
    if name.endswith("running_var"):
        values = 1 + 0.2 * random.random_sample(shape)
    elif len(shape) <= 1:
        centre = 0.0 if name.endswith(("bias", "running_mean")) else 0.5 if "bn" in name else 1.0
        values = centre + 0.1 * random.standard_normal(shape)
    elif name.endswith(("embed", "token", "bias_table")):
        values = 0.3 * random.standard_normal(shape)
    else:
        values = random.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
    return np.asarray(values, np.float32)
