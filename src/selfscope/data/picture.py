"""Pictures from files: whatever a file holds, `(H, W, 3)` uint8 RGB comes out, upright, or one sentence why not.

What a file may hold, and what becomes of it:

* 8 bits a channel: the decoded values. JPEG gives the same values as OpenCV's default decoder.
* Grey, 1-bit and palette files: three equal channels, or the palette's colours.
* Transparency (RGBA, LA, a palette with transparent entries): dropped, as OpenCV and torchvision do, so that a model
  sees here what it saw in training. Colours under transparent pixels show.
* 16 bits a channel: the high byte (value // 256), as OpenCV has it. A 12-bit scan therefore looks dark; it is not
  stretched, since a stretch would change from file to file.
* 32-bit integers and floats: the smallest of the customary ranges that holds every value, `0..1` (floats only),
  `0..255`, `0..65535`, is mapped to 0..255; outside all of them the file's own minimum and maximum are. Not-a-number
  is black.
* CMYK, YCbCr, HSV: converted by Pillow's formulas. Colour profiles are not applied.
* Several frames (GIF, TIFF, APNG, WebP): the first.
* EXIF orientation is applied.
"""

from __future__ import annotations

import os
import struct
import warnings
from typing import IO, Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from selfscope.errors import DataError

EXIF_ORIENTATION = 0x0112
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp", ".gif")
"""What a listing of a folder takes for a picture, in lower case."""
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "PPM", "JPEG2000")
"""What is opened, by content, not by name; Pillow's other formats include some that start programs (EPS)."""


def read_picture(path: str | os.PathLike[str], *, upright: bool = True, notes: list[str] | None = None) -> np.ndarray:
    """`(H, W, 3)` uint8 RGB by the rules above; anything unreadable is a DataError that begins with the path.

    Up to twice Pillow's `MAX_IMAGE_PIXELS` (179 million pixels) are read; more is refused, to protect memory.
    `upright=False` leaves EXIF orientation unapplied. `notes` is told what of the file the picture does not show.
    """
    try:
        with open(path, "rb") as file:
            return decode_picture(file, upright=upright, notes=notes)
    except Exception as error:  # Pillow's decoders raise nearly anything on corrupt bytes
        raise DataError(f"{os.fspath(path)}: {reason(path, error)}") from error


def decode_picture(file: IO[bytes], *, upright: bool = True, notes: list[str] | None = None) -> np.ndarray:
    """As `read_picture`, of an open file; raises whatever Pillow does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns about metadata and large files; what matters raises
        with Image.open(file, formats=FORMATS) as image:
            image.load()
            pixels = rgb_of(image)
            orientation = _orientation(image) if upright else 1
            if notes is not None and getattr(image, "is_animated", False):
                notes.append(_frames(image))
    if orientation != 1:
        pixels = np.ascontiguousarray(_TURNED[orientation](pixels))
    return pixels


def _frames(image: Image.Image) -> str:
    """Counting reads the file to its end, which may be broken where the first frame is not."""
    try:
        return f"the first of {getattr(image, 'n_frames', 1)} frames"
    except (SyntaxError, ValueError, TypeError, OSError, struct.error, EOFError):
        return "the first of several frames"


def rgb_of(image: Image.Image) -> np.ndarray:
    """`(H, W, 3)` uint8 of an image in any of Pillow's modes."""
    if image.mode == "RGB":
        return np.array(image)  # not asarray, which gives what a transform of the user's cannot write to
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")):
        return _three_channels((np.asarray(image) // 256).astype(np.uint8))
    if image.mode in ("I", "F"):
        return _three_channels(byte_range(np.asarray(image)))
    if image.mode in ("P", "PA", "La", "RGBa") and (image.mode != "P" or "transparency" in image.info):
        image = image.convert("RGBA")  # straight to RGB would be refused or warned about
    return np.array(image.convert("RGB"))


def byte_range(values: np.ndarray) -> np.ndarray:
    """0..255 of integers or floats, by the smallest customary range that holds every finite value."""
    finite = np.isfinite(values)
    inside = values[finite] if not finite.all() else values
    low, high = (float(inside.min()), float(inside.max())) if inside.size else (0.0, 0.0)
    ranges = (1.0, 255.0, 65535.0) if values.dtype.kind == "f" else (255.0, 65535.0)
    top = next((top for top in ranges if low >= 0 and high <= top), None)
    if top is not None:
        low, high = 0.0, top
    scaled = (np.where(finite, values, low).astype(np.float64) - low) * (255.0 / max(high - low, 1e-300))
    return np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)


def _three_channels(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey[..., None], 3, axis=2)  # (H, W) -> (H, W, 3)


def _orientation(image: Image.Image) -> int:
    """EXIF orientation 1..8; EXIF that cannot be parsed counts as none, as in every viewer."""
    try:
        value = image.getexif().get(EXIF_ORIENTATION, 1)
    except (SyntaxError, ValueError, KeyError, TypeError, OSError, struct.error):
        return 1
    return value if value in _TURNED else 1


_TURNED: dict[int, Any] = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
    8: lambda p: np.rot90(p, 1),
}


def reason(path: str | os.PathLike[str], error: Exception) -> str:
    """Why a picture cannot be read, in words, from what Pillow or the system raised."""
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, (IsADirectoryError, PermissionError)) and os.path.isdir(path):
        return "is a folder, not a picture"
    if isinstance(error, PermissionError):
        return "no permission to read it"
    if isinstance(error, Image.DecompressionBombError):
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        return f"has more than {limit:,} pixels; raise PIL.Image.MAX_IMAGE_PIXELS if you trust it"
    if isinstance(error, UnidentifiedImageError):
        empty = os.path.getsize(path) == 0
        return "is empty (0 bytes)" if empty else f"is not a picture ({', '.join(FORMATS)})"
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read ({error.strerror})"
    if isinstance(error, MemoryError):
        return "needs more memory than there is"
    detail = " ".join(str(error).split()) or type(error).__name__
    return f"is truncated or corrupt ({detail:.120})"
