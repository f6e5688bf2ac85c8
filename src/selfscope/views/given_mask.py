"""Masks that users bring: read from a file, fitted to the model's own grid."""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from selfscope.errors import DataError


def read_mask(path: str | Path) -> np.ndarray:
    """The array of a .npy file, of a .npz file (`mask`, or its only array), or of a text file of numbers."""
    path = Path(path)
    try:
        if path.suffix == ".npy":
            return np.load(path)
        if path.suffix == ".npz":
            with path.open("rb") as file, np.load(file) as archive:
                name = "mask" if "mask" in archive else archive.files[0] if len(archive.files) == 1 else None
                if name is None:
                    raise DataError(f"{path}: expected an array named 'mask', got {', '.join(archive.files)}")
                return archive[name]
        return np.loadtxt(path)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such mask file") from error
    except (ValueError, EOFError, OSError, BadZipFile) as error:
        raise DataError(f"{path}: cannot be read as a mask (.npy, .npz or text of 0 and 1): {error}") from error


def fit_mask(mask: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """`(h, w)` uint8 on the model's grid, 1 = removed, from that grid flat or 2-D, or from one that divides it."""
    array = np.asarray(mask)
    while array.ndim > 2 and array.shape[0] == 1:
        array = array[0]
    if array.ndim == 2 and 1 in array.shape and array.shape != grid:
        array = array.reshape(-1)
    if array.ndim == 1:
        array = _unflatten(array, grid)
    h, w = grid
    if array.ndim != 2 or 0 in array.shape or h % array.shape[0] or w % array.shape[1]:
        raise DataError(f"mask: expected {grid}, flat or 2-D, or a grid that divides it, got {np.shape(mask)}")
    if not np.isin(array, (0, 1)).all():
        raise DataError("mask: expected 0 (kept) and 1 (removed) only")
    coarse = array.astype(np.uint8)
    return coarse.repeat(h // coarse.shape[0], axis=0).repeat(w // coarse.shape[1], axis=1)


def _unflatten(flat: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """The 2-D form of a flat mask with the grid's own aspect."""
    h, w = grid
    rows = round((len(flat) * h / w) ** 0.5)
    if rows < 1 or len(flat) % rows or rows * w != (len(flat) // rows) * h:
        raise DataError(f"mask: expected {h * w} values for the grid {grid}, got {len(flat)}")
    return flat.reshape(rows, -1)
