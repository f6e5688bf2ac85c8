"""What a browse picture and a reconstruction picture look like: panels with headings, and the words to read them by."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

import numpy as np

from selfscope.draw.compose import page, panel, side_by_side
from selfscope.draw.forensics import forensic_picture
from selfscope.draw.steps import pipeline_picture
from selfscope.draw.text import size_for
from selfscope.draw.views import edged, enlarged, enlargement, transformed_picture
from selfscope.errors import RecordError, UsageError, nearest
from selfscope.records import Reconstruction, Sample, View
from selfscope.sampled import size_words

_PANELS = {"pasted": "reconstruction + visible"}
_METRICS = {
    "skill": "masked-patch skill {:.3f}",
    "psnr": "PSNR {:.1f} dB",
    "ssim": "SSIM {:.3f}",
    "l1": "L1 {:.4f}",
    "mse": "MSE {:.4f}",
}
_BASELINES = {"psnr_patch_mean": "patch mean (leaks) {:.1f} dB", "psnr_visible_fill": "interpolated {:.1f} dB"}


def sample_picture(sample: Sample, *, mode: str | None = None, title: bool = True) -> np.ndarray:
    """A sample on white paper, in one of four modes; without `mode` in the one that it was browsed in.

    * `transformed`: what the model gets to see, views side by side, masks and patch boxes drawn.
    * `original`: the upright picture before any transform.
    * `concat`: the original with the crop of every view in that view's colour, what these share, and the views with all
      that was drawn for them.
    * `pipeline`: the picture after every step, with what the step drew.

    Without `title` there are neither title and footnote nor margins: for sheets, whose captions say what it is.
    """
    mode = mode or str(sample.settings.get("mode") or MODES[0])
    if mode not in MODES:
        raise UsageError(f"mode {mode!r}: expected {', '.join(MODES)}.{nearest(mode, MODES)}")
    body = _BODIES[mode](sample)
    return on_paper(sample, body) if title else body


def on_paper(sample: Sample, body: np.ndarray) -> np.ndarray:
    """A picture that was drawn without a title, with title, footnote and margins."""
    size = size_for(min(512, max(view.picture.shape[0] for view in sample.views)))
    return page(body, title=_title(sample), footer=_replay(sample.settings), size=size, min_width=200)


def _original(sample: Sample) -> np.ndarray:
    if sample.original is None:
        raise RecordError(f"{sample.key}: the sample holds no original picture to show: browse with it kept")
    height, width = sample.original.shape[:2]
    shown = edged(enlarged(sample.original, enlargement([sample.original])))
    # By the longer side: so upright and lying photos of one camera have words of one size.
    return panel(shown, f"original · {size_words(width, height)}", size_for(max(shown.shape)))


_BODIES: dict[str, Callable[[Sample], np.ndarray]] = {
    "transformed": transformed_picture,
    "original": _original,
    "concat": forensic_picture,
    "pipeline": pipeline_picture,
}
MODES = tuple(_BODIES)


def reconstruction_picture(rec: Reconstruction, *, title: str | None = None) -> np.ndarray:
    """The four panels with their names, every note on an amber strip, then the numbers and how to get them again."""
    if not rec.pictures:
        raise RecordError(f"{rec.key}: the reconstruction holds no pictures to show")
    factor = enlargement(list(rec.pictures.values()))
    cells = [(enlarged(picture, factor), _PANELS.get(name, name)) for name, picture in rec.pictures.items()]
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
    """How to get the sample again, where a mask of the model's comes from, and what the pictures do not show."""
    parts = [f"{name} {settings[name]}" for name in ("seed", "epoch") if settings.get(name) is not None]
    lines = ([*parts, *_mask_told(settings)], list(settings.get("notes", ())))
    return [" · ".join(line) for line in lines if line]


def reading_notes(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Where a mask of the model's comes from, and what the pictures do not show: what a sheet says of its samples."""
    return (*_mask_told(settings), *settings.get("notes", ()))


def _mask_told(settings: Mapping[str, Any]) -> list[str]:
    return [f"mask {settings['mask']}"] if isinstance(settings.get("mask"), str) else []


if __name__ == "__main__":
    from selfscope.draw.show import demonstrate, sample_photo

    photo = sample_photo(224, 224)
    removed = (np.random.default_rng(0).permutation(196).reshape(14, 14) < 118).astype(np.uint8)
    demonstrate(sample_picture(Sample("hills/0", (View(photo),), mask=removed, label_name="hills")))
