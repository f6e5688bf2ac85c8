"""Samples of self-supervised learning as pictures: masks of patches, patch boxes, ground truth beside prediction."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from selfscope.draw.compose import as_picture, side_by_side
from selfscope.draw.mask import overlay
from selfscope.draw.picture import to_numpy
from selfscope.errors import RecordError, RunError, UsageError
from selfscope.visualization.ranks import master_only
from selfscope.visualization.visualizer import Visualizer, one_picture


class SelfSupVisualizer(Visualizer):
    """Draws what a data sample holds: `mask.value` (h, w; 1 = removed) over the image, or `pseudo_label.patch_box`
    `(1, n, 4)` xyxy on `pseudo_label.unpatched_img` `(1, H, W, 3)`.

    `line_width` of boxes in points, `alpha` of boxes and masks in [0, 1].
    """

    def __init__(
        self,
        name: str = "visualizer",
        image: Any = None,
        vis_backends: Any = None,
        save_dir: str | os.PathLike[str] | None = None,
        line_width: float = 3,
        alpha: float = 0.8,
        *,
        trust: bool = False,
    ) -> None:
        super().__init__(name, image, vis_backends, save_dir, trust=trust)
        self.line_width, self.alpha = line_width, alpha
        self.dataset_meta = {}

    @master_only
    def add_datasample(  # type: ignore[override]
        self,
        name: str,
        image: Any,
        gt_sample: Any = None,
        pred_sample: Any = None,
        draw_gt: bool = True,
        draw_pred: bool = True,
        show: bool = False,
        wait_time: float = 0,
        out_file: str | os.PathLike[str] | None = None,
        step: int = 0,
    ) -> None:
        """Draws the sample, stores it as `name`, and on request shows it and writes it to `out_file`.

        `image` is RGB; `unpatched_img` is BGR, as MMSelfSup's pipelines leave it. Ground truth stands on the left,
        prediction on the right; either may be missing. With nothing to draw, the image itself is kept. Samples are
        selfscope's or MMEngine's, read by their attributes.
        """
        samples = [sample for sample, wanted in ((gt_sample, draw_gt), (pred_sample, draw_pred)) if wanted]
        drawn = [self._draw_sample(image, sample, name) for sample in samples if sample is not None]
        picture = side_by_side(drawn or [one_picture(image, name)])
        if show:
            self.show(picture, win_name=name, wait_time=wait_time, step=step)
        else:
            self.add_image(name, picture, step)
        if out_file is not None:
            _write_picture(picture, Path(out_file))

    def _draw_sample(self, image: Any, sample: Any, name: str) -> np.ndarray:
        label = getattr(sample, "pseudo_label", None)
        boxes, unpatched = getattr(label, "patch_box", None), getattr(label, "unpatched_img", None)
        if boxes is not None and unpatched is not None:
            base = as_picture(to_numpy(unpatched)[0], key=name)[..., ::-1]
            picture = self._draw_boxes(base, to_numpy(boxes)[0])
        else:
            picture = one_picture(image, name)
        mask = getattr(getattr(sample, "mask", None), "value", None)
        return picture if mask is None else self._draw_mask(picture, mask)

    def _draw_boxes(self, image: Any, boxes: Any, edge_colors: Any = "r") -> np.ndarray:
        """The image with boxes `(n, 4)` xyxy."""
        self.set_image(image)
        self.draw_bboxes(boxes, edge_colors=edge_colors, alpha=self.alpha, line_widths=self.line_width)
        return self.get_image()

    def _draw_mask(self, image: Any, mask: Any, colors: Any = "k") -> np.ndarray:
        """The image with a mask `(h, w)` of patches, or anything that holds one as its `value`."""
        values = to_numpy(getattr(mask, "value", mask))
        if values.ndim == 3 and len(values) == 1:
            values = values[0]
        if values.ndim != 2:
            raise RecordError(f"mask: expected (h, w) of patches, got {values.shape}")
        picture = overlay(as_picture(image), values, colors, self.alpha)
        self.set_image(picture)
        return picture


def _write_picture(picture: np.ndarray, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)
    except OSError as error:
        raise RunError(f"{path}: cannot be written: {error.strerror or error}") from error
    except ValueError as error:
        raise UsageError(f"{path}: no picture format has the suffix {path.suffix!r}: use .png or .jpg") from error
