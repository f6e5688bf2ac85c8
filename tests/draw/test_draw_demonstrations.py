"""`python -m selfscope.draw.<module>` writes a picture and prints where."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

MODULES = ("mask", "text", "compose", "shapes", "featmap", "hog", "sample", "scatter", "chart", "statistics")
MODULES += ("forensics", "steps", "comparison", "matrix")


@pytest.mark.slow
@pytest.mark.parametrize("module", MODULES)
@pytest.mark.filterwarnings("ignore:.*found in sys.modules.*:RuntimeWarning")
def test_it_shows_itself(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a name with spaces.png"
    monkeypatch.setattr(sys, "argv", [module, str(path)])
    runpy.run_module(f"selfscope.draw.{module}", run_name="__main__")
    assert capsys.readouterr().out == f"{path}\n"
    picture = np.asarray(Image.open(path))
    assert picture.ndim == 3
    assert picture.std() > 5
