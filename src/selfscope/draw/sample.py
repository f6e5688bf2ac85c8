"""What a browse picture and a reconstruction picture look like: panels with headings, and the words to read them by."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np

from selfscope.draw import mask as masks
from selfscope.draw.canvas import Canvas
from selfscope.draw.colour import Colour, palette, readable_on
from selfscope.draw.compose import Cell, grid, page, panel, side_by_side
from selfscope.draw.glyphs import text_width
from selfscope.draw.picture import fit, resize
from selfscope.draw.text import draw_label, size_for
from selfscope.errors import RecordError
from selfscope.records import Reconstruction, Sample, View

_LEGIBLE = 160
"""Smaller pictures are enlarged by a whole factor up to about this many pixels, so that words fit beside them."""
_PANELS = {"pasted": "reconstruction + visible"}
_METRICS = {
    "skill": "masked-patch skill {:.3f}",
    "psnr": "PSNR {:.1f} dB",
    "ssim": "SSIM {:.3f}",
    "l1": "L1 {:.4f}",
    "mse": "MSE {:.4f}",
}
_BASELINES = {"psnr_patch_mean": "patch mean (leaks) {:.1f} dB", "psnr_visible_fill": "interpolated {:.1f} dB"}


def sample_picture(sample: Sample, *, with_original: bool = False, title: bool = True) -> np.ndarray:
    """What the model gets to see of one sample, side by side on white paper.

    A mask lies on a second copy of the first view; patch boxes are numbered on the picture they were cut from; crops
    keep their relative sizes. Tiny views are enlarged by whole factors. `with_original` puts the upright original in
    front, with the crop box of every view in that view's colour. Without `title` there are neither title and footnote
    nor margins: for sheets, whose captions say what it is.
    """
    if with_original and sample.original is None:
        raise RecordError(f"{sample.key}: the sample holds no original picture to show: browse with it kept")
    factor = _enlargement([view.picture for view in sample.views])
    if with_original:
        blocks = _with_crop_boxes(sample, factor)
    elif sample.boxes is not None and sample.boxed is not None:
        blocks = _with_patches(sample)
    else:
        cells = [(_enlarged(view.picture, factor), _heading(sample, i)) for i, view in enumerate(sample.views)]
        if sample.mask is not None:
            cells.insert(1, _masked(cells[0][0], sample.mask))
        blocks = _arrange(cells)
    size = size_for(max(block.shape[0] for block in blocks))
    body = side_by_side(blocks, gap=size, align="start")
    if not title:
        return body
    return page(body, title=_title(sample), footer=_replay(sample.settings), size=size, min_width=200)


def reconstruction_picture(rec: Reconstruction, *, title: str | None = None) -> np.ndarray:
    """The four panels with their names, every note on an amber strip, then the numbers and how to get them again."""
    if not rec.pictures:
        raise RecordError(f"{rec.key}: the reconstruction holds no pictures to show")
    factor = _enlargement(list(rec.pictures.values()))
    cells = [(_enlarged(picture, factor), _PANELS.get(name, name)) for name, picture in rec.pictures.items()]
    size = size_for(max(picture.shape[0] for picture, _ in cells))
    body = side_by_side([panel(*cell, size) for cell in cells], gap=size, align="start")
    path = rec.settings.get("path") or rec.key
    heading = f"{rec.method} · {PurePath(str(path)).name}" if title is None else title
    return page(
        body,
        title=heading,
        notes=_notes(rec),
        footer=[line for line in (metrics_line(rec.metrics), _how(rec.settings)) if line],
        size=size,
        min_width=320,
    )


def metrics_line(metrics: Mapping[str, float]) -> str:
    """`masked-patch skill 0.412 · PSNR 21.3 dB · …`: every finite number there is, the model's own, then baselines."""
    finite = {name: value for name, value in metrics.items() if math.isfinite(value)}
    words = [text.format(finite.pop(name)) for name, text in _METRICS.items() if name in finite]
    baselines = [text.format(finite.pop(name)) for name, text in _BASELINES.items() if name in finite]
    words += [f"{name.replace('_', ' ')} {value:.4g}" for name, value in finite.items()]
    return " · ".join(words + ([f"baselines: {' · '.join(baselines)}"] if baselines else []))


def _notes(rec: Reconstruction) -> list[str]:
    notes = list(rec.notes)
    if rec.settings.get("trained") is False and not any("untrained" in note for note in notes):
        notes.insert(0, "untrained: random weights")
    return notes


def _how(settings: Mapping[str, Any]) -> str:
    parts = []
    if settings.get("mask_ratio") is not None:
        parts.append(f"{100 * settings['mask_ratio']:.3g} % masked")
    if settings.get("pixel_stats") is not None:
        parts.append(f"pixel statistics: {settings['pixel_stats']}")
    if settings.get("seed") is not None:
        parts.append(f"seed {settings['seed']}")
    if settings.get("checkpoint"):
        parts.append(PurePath(str(settings["checkpoint"])).name)
    return " · ".join(parts)


def _title(sample: Sample) -> str:
    return f"{sample.key} · {sample.label_name}" if sample.label_name else sample.key


def _replay(settings: Mapping[str, Any]) -> list[str]:
    """How to get the sample again, and where its mask comes from when the pipeline did not make it."""
    parts = [f"{name} {settings[name]}" for name in ("seed", "epoch") if settings.get(name) is not None]
    if isinstance(settings.get("mask"), str):
        parts.append(f"mask {settings['mask']}")
    return [" · ".join(parts)] if parts else []


def _heading(sample: Sample, i: int) -> str:
    default = "view" if len(sample.views) == 1 else f"view {i + 1}"
    return sample.views[i].name or default


def _masked(view: np.ndarray, mask: np.ndarray) -> Cell:
    return masks.overlay(view, mask), f"masked · {100 * np.mean(mask != 0):.0f} %"


def _arrange(cells: Sequence[Cell]) -> list[np.ndarray]:
    """One block a picture, but crops much smaller than the largest share blocks, below each other and in columns."""
    tallest = max(picture.shape[0] for picture, _ in cells)
    size = size_for(tallest)
    blocks = [panel(*cell, size) for cell in cells if cell[0].shape[0] > 0.6 * tallest]
    small = [panel(*cell, size) for cell in cells if cell[0].shape[0] <= 0.6 * tallest]
    if small:
        rows = max(1, round((blocks[0].shape[0] + size) / max(p.shape[0] + size for p in small)))
        blocks.append(grid(small, columns=-(-len(small) // rows), gap=size))
    return blocks


def _with_patches(sample: Sample) -> list[np.ndarray]:
    """The picture with its numbered boxes, then the patches in as many rows as columns."""
    assert sample.boxes is not None
    assert sample.boxed is not None
    factor = _enlargement([sample.boxed])
    boxed = _enlarged(sample.boxed, factor)
    drawn = numbered_boxes(boxed, sample.boxes * factor, palette(len(sample.boxes)))
    size = size_for(drawn.shape[0])
    columns = int(np.ceil(np.sqrt(len(sample.views))))
    gap = size // 2
    side = max(24, (drawn.shape[0] + gap) // -(-len(sample.views) // columns) - gap)
    patches = [_numbered(fit(view.picture, (side, side)), i, size) for i, view in enumerate(sample.views)]
    return [panel(drawn, "patches on the image", size), panel(grid(patches, columns=columns, gap=gap), "patches", size)]


def _numbered(patch: np.ndarray, i: int, size: int) -> np.ndarray:
    colour = palette(i + 1)[i]
    canvas = Canvas(patch)
    canvas.frame((0, 0, canvas.width, canvas.height), colour, 2)
    draw_label(canvas, str(i + 1), (0, 0), size, readable_on(colour), colour)
    return canvas.pixels


def _with_crop_boxes(sample: Sample, factor: int) -> list[np.ndarray]:
    """The original with a box for each crop, then the views, each framed in its box's colour."""
    assert sample.original is not None
    colours = palette(len(sample.views))
    views = [_enlarged(view.picture, factor) for view in sample.views]
    tallest = max(view.shape[0] for view in views)
    height, width = sample.original.shape[:2]
    scale = tallest / height
    original = resize(sample.original, (tallest, max(1, round(width * scale))))
    full = (0.0, 0.0, float(width), float(height))
    crops = np.array([view.crop or full for view in sample.views]) * scale
    boxes = np.concatenate([crops[:, :2], crops[:, :2] + crops[:, 2:]], axis=1)
    drawn = numbered_boxes(original, boxes, colours)
    cells = []
    for i, (picture, view) in enumerate(zip(views, sample.views, strict=True)):
        canvas = Canvas(picture)
        canvas.frame((0, 0, picture.shape[1], picture.shape[0]), colours[i], max(2, picture.shape[0] // 64))
        share = "" if view.crop is None else f" · {100 * view.crop[2] * view.crop[3] / (height * width):.0f} %"
        named = f"{i + 1} · {view.name}" if view.name else f"view {i + 1}"
        words = (f"{named}{share}{_flipped(view)}", f"{i + 1}{share}{_flipped(view)}", f"{i + 1}{share}")
        cells.append((canvas.pixels, _first_that_fits(words, picture.shape[1], size_for(tallest))))
    if sample.mask is not None:
        cells.insert(1, _masked(views[0], sample.mask))
    return _arrange([(drawn, "original"), *cells])


def numbered_boxes(picture: np.ndarray, boxes: np.ndarray, colours: Sequence[Colour]) -> np.ndarray:
    """Boxes `(n, 4)` xyxy, counted from 1 at their upper left corners."""
    canvas = Canvas(picture)
    width, size = max(2, picture.shape[0] // 110), size_for(picture.shape[0])
    for box, colour in zip(boxes, colours, strict=True):
        x0, y0, x1, y1 = np.round(box).tolist()
        canvas.frame((x0 - 1, y0 - 1, x1 + 1, y1 + 1), (255, 255, 255), 1, alpha=0.6)
        canvas.frame((x0 + width, y0 + width, x1 - width, y1 - width), (255, 255, 255), 1, alpha=0.6)
        canvas.frame((x0, y0, x1, y1), colour, width)
    for i, (box, colour) in enumerate(zip(boxes, colours, strict=True), 1):
        draw_label(canvas, str(i), box[:2], size, readable_on(colour), colour)
    return canvas.pixels


def _flipped(view: View) -> str:
    return "" if view.flip is None else " · flipped" if view.flip == "horizontal" else f" · flipped {view.flip}"


def _first_that_fits(words: Sequence[str], width: int, size: int) -> str:
    return next((word for word in words if text_width(word, size) <= width), words[-1])


def _enlargement(pictures: Sequence[np.ndarray]) -> int:
    shortest, longest = max(min(p.shape[:2]) for p in pictures), max(max(p.shape[:2]) for p in pictures)
    return max(1, min(round(_LEGIBLE / shortest), 3 * _LEGIBLE // longest))


def _enlarged(picture: np.ndarray, factor: int) -> np.ndarray:
    return resize(picture, (picture.shape[0] * factor, picture.shape[1] * factor), "nearest")


if __name__ == "__main__":
    from selfscope.draw.show import demonstrate, sample_photo

    photo = sample_photo(224, 224)
    removed = (np.random.default_rng(0).permutation(196).reshape(14, 14) < 118).astype(np.uint8)
    demonstrate(sample_picture(Sample("hills/0", (View(photo),), mask=removed, label_name="hills")))
