"""Small data and models that many tests share; nothing here needs a network, a display or another folder."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

# Two test processes on two cores: threads of their own would only get in each other's way.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell without job control starts what it puts in the background with Ctrl-C ignored, and children inherit that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def smooth_picture(seed: int, height: int = 60, width: int = 80) -> np.ndarray:
    """A picture `(H, W, 3)` uint8 with large shapes, as photos have, rather than noise."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test begins with an empty cache, and leaves the user's alone."""
    monkeypatch.setenv("SELFSCOPE_CACHE", str(tmp_path_factory.mktemp("cache", numbered=True)))


@pytest.fixture
def photos(tmp_path: Path) -> Callable[..., Path]:
    """Makes an ImageNet-style folder: `photos(classes=3, each=4)` has `<class>/<i>.jpg`, and `val.txt` lists it."""

    def make(classes: int = 3, each: int = 4, name: str = "photos") -> Path:
        root = tmp_path / name
        lines = []
        for label in range(classes):
            for index in range(each):
                path = root / f"n0000000{label}_kind {label}" / f"{index}.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(smooth_picture(100 * label + index)).save(path)
                lines.append(f"{path.relative_to(root)} {label}")
        (root / "val.txt").write_text("\n".join(lines), encoding="utf-8")
        return root

    return make
