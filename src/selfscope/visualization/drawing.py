"""The drawing verbs on one picture, each call on top of the last; what is drawn, and how, is `selfscope.draw.shapes`.

Coordinates are x, y in pixels, widths and font sizes too. Tensors and arrays are taken alike. Colours are names,
integers 0..255 or fractions in RGB order; colours, styles and widths are one for all items, or a list of one for each.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from selfscope.draw import shapes
from selfscope.draw.compose import as_picture
from selfscope.draw.featmap import draw_featmap
from selfscope.draw.picture import to_numpy
from selfscope.errors import UsageError
from selfscope.visualization.ranks import master_only

D = TypeVar("D", bound="Drawing")


class Drawing:
    """A picture and what was drawn on it; every `draw_…` returns the object itself, so that calls chain."""

    def __init__(self, image: Any = None) -> None:
        self._image: np.ndarray | None = None
        if image is not None:
            self.set_image(image)

    @property
    def width(self) -> int:
        return self._drawn_on().shape[1]

    @property
    def height(self) -> int:
        return self._drawn_on().shape[0]

    @master_only
    def set_image(self, image: Any) -> None:
        """The picture to draw on, copied: `(H, W[, C])` or `(C, H, W)`, RGB, integers 0..255 or floats [0, 1]."""
        self._image = as_picture(image, key="set_image").copy()

    @master_only
    def get_image(self) -> np.ndarray:
        """The picture as drawn so far, `(H, W, 3)` uint8 RGB: a copy, which is yours."""
        return self._drawn_on().copy()

    @master_only
    def draw_bboxes(
        self: D,
        bboxes: Any,
        edge_colors: Any = "g",
        line_styles: Any = "-",
        line_widths: Any = 2,
        face_colors: Any = "none",
        alpha: Any = 0.8,
    ) -> D:
        """Boxes `(4,)` or `(n, 4)` of x1, y1, x2, y2 with x1 <= x2 and y1 <= y2; edges run inside."""
        self._warn_outside("bbox", bboxes)
        return self._draw(
            shapes.draw_bboxes,
            bboxes,
            edge_colors=edge_colors,
            line_styles=line_styles,
            line_widths=line_widths,
            face_colors=face_colors,
            alpha=alpha,
        )

    @master_only
    def draw_polygons(
        self: D,
        polygons: Any,
        edge_colors: Any = "g",
        line_styles: Any = "-",
        line_widths: Any = 2,
        face_colors: Any = "none",
        alpha: Any = 0.8,
    ) -> D:
        """One polygon `(m, 2)`, or a list of them; the last corner is joined to the first."""
        for polygon in polygons if isinstance(polygons, (list, tuple)) else [polygons]:
            self._warn_outside("polygon", polygon)
        return self._draw(
            shapes.draw_polygons,
            polygons,
            edge_colors=edge_colors,
            line_styles=line_styles,
            line_widths=line_widths,
            face_colors=face_colors,
            alpha=alpha,
        )

    @master_only
    def draw_circles(
        self: D,
        center: Any,
        radius: Any,
        edge_colors: Any = "g",
        line_styles: Any = "-",
        line_widths: Any = 2,
        face_colors: Any = "none",
        alpha: Any = 0.8,
    ) -> D:
        """Circles around `(2,)` or `(n, 2)` centres; `radius` is one, or `(n,)`."""
        centres, radii = to_numpy(center), to_numpy(radius)
        if centres.ndim == 2 and radii.ndim == 1:
            radii = radii[:, None]
        self._warn_outside("circle", np.concatenate([centres - radii, centres + radii], axis=-1))
        return self._draw(
            shapes.draw_circles,
            center,
            to_numpy(radius).ravel() if centres.ndim == 2 else to_numpy(radius).reshape(-1)[0],
            edge_colors=edge_colors,
            line_styles=line_styles,
            line_widths=line_widths,
            face_colors=face_colors,
            alpha=alpha,
        )

    @master_only
    def draw_lines(
        self: D, x_datas: Any, y_datas: Any, colors: Any = "g", line_styles: Any = "-", line_widths: Any = 2
    ) -> D:
        """Lines from x[0], y[0] to x[1], y[1], for `(2,)` or `(n, 2)` arrays of each."""
        if np.shape(to_numpy(x_datas)) == np.shape(to_numpy(y_datas)):
            self._warn_outside("line", np.stack([to_numpy(x_datas), to_numpy(y_datas)], axis=-1))
        styles = {"colors": colors, "line_styles": line_styles, "line_widths": line_widths}
        return self._draw(shapes.draw_lines, x_datas, y_datas, **styles)

    @master_only
    def draw_points(self: D, positions: Any, colors: Any = "g", marker: str | None = None, sizes: Any = None) -> D:
        """Markers (`o . s ^ v D d x +`) at `(2,)` or `(n, 2)` positions; `sizes` are areas in square pixels."""
        self._warn_outside("point", positions)
        return self._draw(shapes.draw_points, positions, colors=colors, marker=marker, sizes=sizes)

    @master_only
    def draw_texts(
        self: D,
        texts: Any,
        positions: Any,
        font_sizes: Any = None,
        colors: Any = "g",
        vertical_alignments: Any = "top",
        horizontal_alignments: Any = "left",
        font_families: Any = "sans-serif",
        bboxes: Any = None,
        font_properties: Any = None,
    ) -> D:
        """Texts at `(2,)` or `(n, 2)` positions; `bboxes`: dicts of `facecolor edgecolor alpha pad linewidth`.

        The font is the package's own, and the system's for scripts that it lacks, whatever family or properties say.
        """
        self._warn_outside("text", positions)
        return self._draw(
            shapes.draw_texts,
            texts,
            positions,
            font_sizes=font_sizes,
            colors=colors,
            vertical_alignments=vertical_alignments,
            horizontal_alignments=horizontal_alignments,
            bboxes=bboxes,
        )

    @master_only
    def draw_binary_masks(self: D, binary_masks: Any, colors: Any = "g", alphas: Any = 0.8) -> D:
        """Colour over the true pixels of masks `(H, W)` or `(n, H, W)`, bool or 0 and 1, of the picture's size."""
        return self._draw(shapes.draw_binary_masks, binary_masks, colors=colors, alphas=alphas)

    @staticmethod
    @master_only
    def draw_featmap(
        featmap: Any,
        overlaid_image: Any = None,
        channel_reduction: str | None = "squeeze_mean",
        topk: int = 20,
        arrangement: tuple[int, int] = (4, 5),
        resize_shape: tuple[int, int] | None = None,
        alpha: float = 0.5,
    ) -> np.ndarray:
        """A feature map `(C, h, w)` as a heat map: see `selfscope.draw.featmap.draw_featmap`."""
        return draw_featmap(featmap, overlaid_image, channel_reduction, topk, arrangement, resize_shape, alpha)

    def _drawn_on(self) -> np.ndarray:
        if self._image is None:
            raise UsageError("there is no picture to draw on yet: call set_image first")
        return self._image

    def _draw(self: D, verb: Callable[..., np.ndarray], *items: Any, **styles: Any) -> D:
        self._image = verb(self._drawn_on(), *items, **styles)
        return self

    def _warn_outside(self, what: str, coordinates: Any) -> None:
        """Often a mistake (boxes as x, y, w, h; axes swapped), never an error."""
        points = to_numpy(coordinates)
        if points.size == 0 or points.shape[-1] % 2:
            return
        points = points.reshape(-1, 2)
        if (points < 0).any() or (points[:, 0] > self.width).any() or (points[:, 1] > self.height).any():
            warnings.warn(f"the {what} is out of bounds: what lies outside of the picture is not drawn", stacklevel=4)
