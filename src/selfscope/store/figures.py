"""Figures of matplotlib and Plotly become files once, on the thread that made them: later changes do not reach them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from types import MappingProxyType
from typing import Any

import numpy as np
from PIL import Image

from selfscope.errors import RecordError
from selfscope.records import Figure


@dataclass(frozen=True)
class DrawnFigure:
    """A figure as bytes by suffix: `.png` and `.svg` from matplotlib; `.html`, with kaleido `.png` too, from Plotly."""

    files: Mapping[str, bytes]

    def picture(self) -> np.ndarray | None:
        """`(H, W, 3)` uint8 RGB on white, or None for a figure that has no `.png`."""
        if ".png" not in self.files:
            return None
        image = Image.open(BytesIO(self.files[".png"])).convert("RGBA")
        ground = Image.new("RGBA", image.size, "white")
        return np.asarray(Image.alpha_composite(ground, image).convert("RGB"))


def draw_figure(record: Figure) -> DrawnFigure:
    """Draws what has `savefig` (matplotlib) or `to_html` (Plotly); neither is imported here."""
    figure = record.figure
    if isinstance(figure, DrawnFigure):
        return figure
    if hasattr(figure, "savefig"):
        return DrawnFigure(MappingProxyType({".png": _save(figure, "png"), ".svg": _save(figure, "svg")}))
    if hasattr(figure, "to_html"):
        return _draw_plotly(figure)
    given = type(figure).__name__
    raise RecordError(f"{record.key}: expected a matplotlib or Plotly figure, got {given}; pictures go to add_image")


def _save(figure: Any, kind: str) -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer, format=kind, metadata={"Date": None} if kind == "svg" else None)
    return buffer.getvalue()


def _draw_plotly(figure: Any) -> DrawnFigure:
    files = {".html": figure.to_html(include_plotlyjs=True).encode()}
    with suppress(ImportError, ValueError, RuntimeError):  # Plotly draws pictures only with its optional kaleido
        files[".png"] = figure.to_image(format="png")
    return DrawnFigure(MappingProxyType(files))
