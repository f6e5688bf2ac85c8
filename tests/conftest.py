"""Small data and models that many tests share; nothing here needs a network, a display or another folder."""

from __future__ import annotations

import gc
import itertools
import signal
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

# A shell without job control starts what it puts in the background with Ctrl-C ignored, and children inherit that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """What is imported and collected stays to the end: looking for garbage among it costs a second in each process."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def smooth_picture(seed: int, height: int = 60, width: int = 80) -> np.ndarray:
    """A picture `(H, W, 3)` uint8 with large shapes, as photos have, rather than noise."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


@pytest.fixture(scope="session")
def caches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Paths for caches, none of which is there yet; a folder made anew by pytest would cost every test a listing."""
    return map(tmp_path_factory.mktemp("caches").joinpath, map(str, itertools.count()))


@pytest.fixture(autouse=True)
def own_cache(caches: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test begins with an empty cache, and leaves the user's alone."""
    monkeypatch.setenv("SELFSCOPE_CACHE", str(next(caches)))


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
