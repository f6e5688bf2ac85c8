"""Pictures and tables as the HTML that a notebook shows."""

from __future__ import annotations

import html
from base64 import b64encode
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np


def figure_html(picture: np.ndarray, title: str) -> str:
    """A picture that travels inside as data, with its title for who cannot see it."""
    from PIL import Image

    buffer = BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    data, text = b64encode(buffer.getvalue()).decode(), html.escape(title, quote=True)
    return f'<img alt="{text}" title="{text}" style="max-width:100%" src="data:image/png;base64,{data}">'


def mapping_html(values: Mapping[str, Any]) -> str:
    """A table of two columns."""
    shown = {key: f"{value:.4g}" if isinstance(value, float) else str(value) for key, value in values.items()}
    rows = "".join(f"<tr><td>{html.escape(k)}</td><td>{html.escape(v)}</td></tr>" for k, v in shown.items())
    return f"<table>{rows}</table>"
